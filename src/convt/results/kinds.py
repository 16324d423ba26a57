"""How two answers differ, and what became of a verdict: the kinds and classes of differences with their words."""

from __future__ import annotations

KINDS = {
    "outcome": "another outcome: a value, a refusal, an exception, the end of the process, or no end",
    "value": "the numbers differ, on fractions by more than the a-priori bound",
    "shape": "another shape of the result",
    "dtype": "another dtype of the result",
    "abstract-shape": "evaluation of the shape alone gives another shape",
    "message": "both refuse, and say why in other words",
    "bits": "other bits of the same numbers, or other numbers within the a-priori bound",
    "unsteady": "the same probe gives other answers from one time to the next",
    "refusal": "an invalid call is refused in unclear words, or refused by one and taken by the other",
    "accepted": "an invalid call is answered, or answered with something else than what it means",
    "claim": "the call computes what the adapter calls unsupported",
    "footprint": "what is not finite reaches other outputs of several items, in another dtype or by another call form",
    "slow": "the call takes longer, beside another one, than there is a reason for",
    "memory": "the system gave the call no memory",
    "unsupported": "the framework's call cannot say these settings",
    "not-run": "not executed",
    "suite": "the suite itself is wrong",
}
"""How an answer differs from the right one, or from another version's, in the order in which that is told."""

CLASSES = (
    "regressed", "newly-failing", "fails-differently", "accept-refuse", "result-type", "drifted", "unsteady",
    "now-unsupported", "gone", "new-warning", "slower", "fixed", "new", "bits", "unchanged",
)  # fmt: skip
"""What became of a verdict, in the order in which it is told, what matters most first."""

MEANINGS = {
    "regressed": "passed before, and fails after",
    "newly-failing": "fails after, and had no answer before",
    "fails-differently": "failed before, and fails in another way after",
    "accept-refuse": "a value where it was refused, or refused where there was a value",
    "result-type": f"{KINDS['shape']}, or {KINDS['dtype']}",
    "drifted": "fails as before with other numbers, or passes with much more of the error bound used",
    "unsteady": "differs, and one side or both answer otherwise when they are asked again",
    "now-unsupported": "had an answer before, and cannot be asked after",
    "gone": "was asked before, and has no answer after",
    "new-warning": "a warning that was not given before",
    "slower": "the framework's calls take longer, timed in turns on both sides",
    "fixed": "failed before, and passes after",
    "new": "was not asked before, and does not fail",
    "bits": "other bits of the answers, of which the law says the same",
    "unchanged": "the same",
}
"""By class."""
