"""The law of calls that adapters do not make because they end the process, or harm it unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convt.adapter.backend import NOTHING_UNSAFE, Outcome, Probe, Want
from convt.adapter.stress import HEAP_CHECKS
from convt.cases.case import Case
from convt.laws.blame import call_went
from convt.laws.law import PASS, Finding, Law, without_value
from convt.laws.probes import plain
from convt.results.targets import Target

from .gradients import Derivative

VALUES: tuple[Want, ...] = ("value", "unbatched")
DERIVATIVES: tuple[Want, ...] = ("grad-w", "only-x")
CHANNELS_LAST = "grad-w of x in channels-last memory"


class UnsafeClaims(Law):
    """A call that an adapter calls unsafe ends the process or is wrong; one beside it that it does not is right.

    Budget: the case's own settings for its value, that without a batch axis where there is one item, and two gradients,
    one of them in channels-last memory too: each asked as everybody asks it, and once more where that is said to be
    unsafe. Of cases that name the law, where the heap is checked.
    """

    id = "unsafe-claims"
    source = "section 6: a claim is tested"
    draws = False

    def applies(self, case: Case) -> bool:
        return self.id in case.laws

    def on(self, target: str) -> bool:
        return Target.of(target).mode in HEAP_CHECKS

    def probes(self, case: Case) -> dict[str, Probe]:
        values = VALUES if case.settings.batch == 1 else VALUES[:1]
        found: dict[str, Probe] = {want: replace(plain(case), want=want) for want in values}
        if Derivative().applies(case):
            found |= {want: Derivative().ask(case, want) for want in DERIVATIVES}
            found[CHANNELS_LAST] = replace(found["grad-w"], layout=("channels-last",))
        return found | {f"unsafe {want}": replace(probe, force="unsafe") for want, probe in found.items()}

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """What is said to be unsafe, then what is not; nothing is missing where a call cannot be said."""
        probes = self.probes(case)
        tried = {name: outcome for name, outcome in got.items() if outcome.reason != NOTHING_UNSAFE}
        unsafe = {name: tried.pop(name) for name in list(tried) if probes[name].force}
        for name, outcome in unsafe.items():
            if outcome.kind == "value" and call_went(probes[name], outcome, name).verdict == "pass":
                claim = got[name.removeprefix("unsafe ")].reason
                return Finding("differs", "claim", name, words=claim)
        for name, outcome in tried.items():
            went = call_went(probes[name], outcome, name)
            if went.verdict in ("differs", "error"):
                return went
        return without_value({name: outcome for name, outcome in got.items() if outcome.kind == "not-run"}) or PASS
