"""Captures of whole published networks, built here without downloads: `python -m tests.captured_models`."""
