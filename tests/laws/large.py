"""The law of size: a result of more numbers than 32 bits can count is right everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.host.memory import weight
from convt.laws.block_sums import judged_block_sums
from convt.laws.law import Finding, Law, without_value
from convt.results.finding import unanswered

from .rejects import BLAMES_THE_SYSTEM

REFUSES_THE_SIZE = re.compile(
    r"too (large|big|many|long)|exceed|larger than|greater than|must be (less|smaller|at most|below)|at most|up to"
    r"|32[- ]?bit|int32|INT_MAX|2\^31|2\*\*31|2147483647|2,147,483,647|overflow|maxim(um|al)|size limit",
    re.IGNORECASE,
)
"""What a refusal says that is about the size."""
WANTS_MEMORY = re.compile(
    r"bad_alloc|MemoryError|[Oo]ut of memory|OOM when|RESOURCE_EXHAUSTED|[Nn]ot enough memory|memory allocation failed"
    r"|([Ff]ailed|[Uu]nable|[Cc]an't|[Cc]annot|[Cc]ould not) (to )?allocate"
)
"""What an error, or the last words of a process, say where the system gave no memory."""
NAME = "block sums"
"""The one probe."""
WRAPPED = 1 << 50
"""Bytes, or numbers, that no result here needs: who wants so many has let a size wrap around."""


class Large(Law):
    """A result of more than 2^31 numbers, or of as many as the case has, is right in each of its blocks.

    Asked in float16. What comes back are its shape, its dtype, two exact sums of every block, and single numbers where
    counts and bytes may wrap around. A clear refusal of the size is `unsupported`; a call of GBs that the system gave
    no memory is `not-run`. Budget: one call.
    """

    id = "large"
    source = "section 10; 2^31 - 1 is the last place that a signed 32-bit index reaches"
    draws = False

    def applies(self, case: Case) -> bool:
        return case.block is not None

    def probes(self, case: Case) -> dict[str, Probe]:
        return {NAME: _probe(case)}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        outcome = got[NAME]
        if outcome.kind == "raised" and refuses_the_size(outcome.reason):
            return unanswered("unsupported", NAME, outcome.kind, outcome.reason, "")
        if outcome.kind in ("raised", "crashed") and weight(_probe(case)) and wants_memory(outcome.reason):
            return replace(unanswered("not-run", NAME, outcome.kind, outcome.reason), kind="memory")
        return without_value(got) or judged_block_sums(_probe(case), outcome, NAME)


@lru_cache(maxsize=128)
def _probe(case: Case) -> Probe:
    if case.block is None:
        raise ValueError(f"{case.id} has no blocks")
    arrays = case.data()
    return Probe(case.settings, arrays.x, arrays.w, arrays.b, block=case.block)


def refuses_the_size(reason: str) -> bool:
    """Whether an exception, `Class: message`, is a clear word about the size, and not a fault of the system."""
    message = reason.partition(":")[2]
    return not BLAMES_THE_SYSTEM.search(reason) and REFUSES_THE_SIZE.search(message) is not None


def wants_memory(reason: str) -> bool:
    """Whether a call ended because the system gave it no memory, of which it asked for a credible amount."""
    wanted = (int(digits) for digits in re.findall(r"\d{10,}", reason.replace(",", "")))
    return WANTS_MEMORY.search(reason) is not None and all(size < WRAPPED for size in wanted)
