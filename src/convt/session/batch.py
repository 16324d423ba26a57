"""Cases judged together: what they ask of every target, and the verdict of every law on what came back."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.conv.oracles import OraclesDisagree
from convt.laws.law import Law
from convt.results import former
from convt.results.finding import Finding

Answers = Mapping[str, Outcome]
"""What came back for the probes of one law on one case, by the law's own names."""

Takes = Callable[[Law, Case, str], bool]
"""Whether a law is asked of a case on a target."""


def every(law: Law, case: Case, target: str) -> bool:
    """Every law is asked of every case to which it applies, on every target."""
    return True


FORMER_NAMES = {name: was for was, name in former.PROBES.items()}
"""What probes were called when digests were first kept: so these stay equal for equal bits."""


APART = 96
"""At most so many cases are asked at once by laws that stand apart: so few that their probes are one message."""


class Evaluates(Protocol):
    """Where answers come from: each probe is evaluated once per target, however many laws ask it."""

    def request(self, target: str, probes: Sequence[Probe]) -> None:
        """Queue what is not yet known."""

    def get(self, target: str, probe: Probe) -> Outcome:
        """Wait for the answer."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LawVerdict:
    """A judgement with what it is about, and a digest of the exact bits that it looked at."""

    case: Case
    law: Law
    target: str
    judgement: Finding
    probes: Mapping[str, Probe]
    answers: Answers
    bits: str

    @property
    def shown(self) -> Probe:
        """The probe that went wrong; the first one where the finding is about none."""
        named = self.probes.get(self.judgement.probe)
        return next(iter(self.probes.values())) if named is None else named


class Batch:
    """Cases whose probes are asked together, so that fused backends compile them together."""

    def __init__(self, evaluator: Evaluates, cases: Sequence[Case], laws: Sequence[Law], takes: Takes = every) -> None:
        """`takes`: whether a law that applies to a case is asked of it."""
        self._evaluator, self._takes = evaluator, takes
        self._laws = {
            case.id: [law for law in laws if (not case.laws or law.id in case.laws) and law.applies(case)]
            for case in cases
        }
        self._probes: dict[tuple[str, str], Mapping[str, Probe] | Finding] = {}
        """By case and law; the finding where a law cannot make its probes."""
        self._asked_laws: dict[tuple[str, str], list[Law]] = {}
        """By case and target."""

    def request(self, target: str, cases: Iterable[Case]) -> None:
        """Ask a target everything that these cases need, without waiting; what stands apart after everything else."""
        several = list(cases)
        self._request(target, several, "")
        for name in sorted({law.apart for case in several for law in self._on(target, case) if law.apart}):
            for at in range(0, len(several), APART):
                self._request(target, several[at : at + APART], name)

    def _request(self, target: str, cases: Sequence[Case], apart: str) -> None:
        laws = ((case, law) for case in cases for law in self._on(target, case) if law.apart == apart)
        asked = (self._asked(case, law) for case, law in laws)
        probes = {p.key: p for probes in asked if not isinstance(probes, Finding) for p in probes.values()}.values()
        # what is asked again comes last: whatever others leave behind is in its way then
        if probes:
            self._evaluator.request(target, sorted(probes, key=lambda probe: probe.repeat))

    def verdicts(self, case: Case, target: str, peers: Sequence[str] = ()) -> list[LawVerdict]:
        """The verdict of every law that applies; waits for the target, and for its peers where a law crosses them."""
        of_law = ((law, self._peers(case, law, target, peers)) for law in self._on(target, case))
        judged = ((law, mine) for law, mine in of_law if mine or not law.needs_peers)
        return [self._verdict(case, law, target, mine) for law, mine in judged]

    def _peers(self, case: Case, law: Law, target: str, peers: Sequence[str]) -> list[str]:
        """Those with which a law compares a target: the peers that are asked it too. What another is not asked would
        be asked now, behind all that waits there."""
        return [it for it in peers if law.crosses and law.peer(target, it) and law in self._on(it, case)]

    def keys(self) -> set[str]:
        """The keys of every probe that the batch asks."""
        made = (probes for probes in self._probes.values() if not isinstance(probes, Finding))
        return {probe.key for probes in made for probe in probes.values()}

    def _on(self, target: str, case: Case) -> list[Law]:
        """The laws that a target is asked about a case."""
        key = case.id, target
        if key not in self._asked_laws:
            laws = self._laws[case.id]
            self._asked_laws[key] = [law for law in laws if law.on(target) and self._takes(law, case, target)]
        return self._asked_laws[key]

    def _asked(self, case: Case, law: Law) -> Mapping[str, Probe] | Finding:
        """The probes of a law on a case, made once."""
        key = case.id, law.id
        if key not in self._probes:
            try:
                self._probes[key] = law.probes(case)
            except Exception:
                self._probes[key] = suite_bug()
        return self._probes[key]

    def _verdict(self, case: Case, law: Law, target: str, peers: Sequence[str]) -> LawVerdict:
        probes = self._asked(case, law)
        if isinstance(probes, Finding):
            return LawVerdict(case, law, target, probes, {}, {}, "")
        answers = self._answers(target, probes)
        judgement = _judged(lambda: law.assess_at(case, answers, target))
        if law.crosses and judgement.verdict in ("pass", "unsupported"):
            judgement = self._crossed(case, law, probes, answers, peers) or judgement
        return LawVerdict(case, law, target, judgement, probes, answers, _bits(answers))

    def _crossed(
        self, case: Case, law: Law, probes: Mapping[str, Probe], answers: Answers, peers: Sequence[str]
    ) -> Finding | None:
        """The first verdict against a peer that is not a pass; None where all agree."""
        for peer in peers:
            theirs = self._answers(peer, probes)
            judgement = _judged(partial(law.judge_pair, case, answers, theirs))
            if judgement.verdict != "pass":
                return replace(judgement, peer=peer)
        return None

    def _answers(self, target: str, probes: Mapping[str, Probe]) -> Answers:
        return {name: self._evaluator.get(target, probe) for name, probe in probes.items()}


def _judged(judge: Callable[[], Finding]) -> Finding:
    """The judgement, where a fault of the suite's own is a verdict and never a traceback of a framework's item."""
    try:
        return judge()
    except OraclesDisagree as error:
        return Finding("suite-bug", "suite", note=str(error))
    except Exception:
        return suite_bug()


def suite_bug() -> Finding:
    """The verdict on the exception that is being handled: it was raised by the suite, not by a framework."""
    last = traceback.format_exc().strip().splitlines()
    return Finding("suite-bug", "suite", note=f"the suite raised {last[-1]}", lines=tuple(last[-7:-1]))


def _bits(answers: Answers) -> str:
    """One digest over the exact bits, shapes and kinds of all answers."""
    digest = hashlib.sha256()
    former = {FORMER_NAMES.get(name, name): outcome for name, outcome in answers.items()}
    for name in sorted(former):
        outcome = former[name]
        digest.update(f"{name} {outcome.kind} {outcome.shape} {outcome.digest};".encode())
    return digest.hexdigest()[:16]
