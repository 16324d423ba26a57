"""What the suite costs, as ratios from one run: `python -m tests.benchmarks`. Nothing here is a test, and nothing is timed in one."""
