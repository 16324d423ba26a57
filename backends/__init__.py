"""Who computes: a folder a framework, with its adapter and what is known of it."""
