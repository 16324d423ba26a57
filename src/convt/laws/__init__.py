"""Laws, and what they find: `Finding` is a judgement as data."""

from convt.results.finding import CAUSES, KINDS, PASS, Finding

__all__ = ["CAUSES", "KINDS", "PASS", "Finding"]
