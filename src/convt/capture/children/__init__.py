"""Scripts for the user's Python: each runs alone, with a framework and the standard library, and writes JSON."""
