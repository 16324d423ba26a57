"""Tells: the run file, its summary, and the page. Knows nothing of frameworks and imports no other room."""
