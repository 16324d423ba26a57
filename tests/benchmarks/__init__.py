"""What the suite costs, as ratios from one run: `python -m tests.benchmarks`. No test times anything."""
