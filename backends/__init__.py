"""Who computes: one flat adapter a framework, the process that hosts it, and the pool that feeds them."""
