"""Do they agree: the laws, the two tests that run them, and the suite's own tests."""
