"""Laws, and what they find: `Finding` is a judgement as data."""

from convt.results.finding import CAUSES, FINDING_KINDS, PASS, Finding

__all__ = ["CAUSES", "FINDING_KINDS", "PASS", "Finding"]
