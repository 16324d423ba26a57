"""What is true: cases, arithmetic, oracles and bounds. Imports numpy at most on the path that workers use."""
