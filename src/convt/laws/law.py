"""What a law is: the probes that it needs, and its judgement of what came back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.results.finding import PASS, Finding, unanswered
from convt.results.records import LawInfo
from convt.results.vocabulary import Verdict

__all__ = ["PASS", "Finding", "Law", "Verdict", "without_value"]


class Law:
    """One statement that must hold. The docstring's first line is the statement, as the report prints it."""

    id: ClassVar[str]
    source: ClassVar[str]
    """The document, or section of the design, that makes it a law."""
    version: ClassVar[int] = 1
    """Raised where the judgement changes, so that the same answers may get another verdict: what another version judged
    is not compared. `tests/suite/laws/law_versions.json` pins what each version catches."""
    crosses: ClassVar[bool] = False
    """Whether `judge_pair` also compares a target with every peer."""
    times: ClassVar[bool] = False
    """Whether it judges times, which are those of a machine and a day: no history keeps them."""
    draws: ClassVar[bool] = True
    """Whether cases are drawn for it; else its own YAML cases are all."""
    covers: ClassVar[bool] = False
    """Whether its generated cases are a covering array (`convt.session.crossing`), and not drawn one by one."""
    over_cover: ClassVar[Literal["nowhere", "above", "everywhere"]] = "nowhere"
    """On which targets a cover of the cases is enough for it in a run of every day. "everywhere": what a framework does
    follows from the settings' properties, and each case's own answer is held against the oracles by other laws; a
    weaker one is enough where the engine is a target too. "above": on those alone whose engine is one, which is asked
    about every case."""
    apart: ClassVar[str] = ""
    """The name of the messages of their own in which its probes are asked, after those of other laws: they are dear to
    compile, and else compiled anew where another's call ends the process, or where what is asked again is in another
    message. Laws of one name share them."""
    needs_peers: ClassVar[bool] = False
    """Whether there is nothing to judge on a target without peers, and so no verdict."""

    @property
    def statement(self) -> str:
        return (self.__doc__ or "").strip().splitlines()[0]

    @property
    def info(self) -> LawInfo:
        """The law as a run file's header tells it."""
        return LawInfo(self.id, self.statement, self.source, self.version)

    def applies(self, case: Case) -> bool:
        """Whether the statement says anything about these settings; looks at inputs only."""
        return True

    def on(self, target: str) -> bool:
        """Whether the law is asked of a target, by its name."""
        return True

    def probes(self, case: Case) -> dict[str, Probe]:
        """The evaluations that the law needs, by a name of its own choosing."""
        raise NotImplementedError

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """The verdict where every probe that the law `needs` came back with a value."""
        raise NotImplementedError

    def judge_pair(self, case: Case, mine: Mapping[str, Outcome], theirs: Mapping[str, Outcome]) -> Finding:
        """The verdict on `mine` from a comparison with another target's answers; passes where theirs are to blame."""
        raise NotImplementedError

    def peer(self, mine: str, other: str) -> bool:
        """Whether `judge_pair` compares this target with that other one, both by name."""
        return True

    def needs(self, name: str) -> bool:
        """Whether the law has nothing left to judge where a target calls this probe unsupported."""
        return True

    def assess(self, case: Case, got: Mapping[str, Outcome]) -> Finding:
        """The verdict on whatever came back; laws that judge refusals themselves override this."""
        needed = {name: it for name, it in got.items() if it.kind != "unsupported" or self.needs(name)}
        return without_value(needed) or self.judge(case, got)

    def assess_at(self, case: Case, got: Mapping[str, Outcome], target: str) -> Finding:
        """The same, for laws that know what a framework documents about itself."""
        return self.assess(case, got)


ENDINGS: tuple[tuple[tuple[str, ...], Verdict], ...] = (
    (("not-run",), "not-run"),
    (("crashed", "timed-out", "raised"), "error"),
    (("unsupported",), "unsupported"),
)
"""Outcomes without a value and the verdict on each, the worst first."""


def without_value(got: Mapping[str, Outcome]) -> Finding | None:
    """The finding where a probe has no value: the worst of them decides."""
    for kinds, verdict in ENDINGS:
        for name, outcome in got.items():
            if outcome.kind in kinds:
                return unanswered(verdict, name, outcome.kind, outcome.reason)
    return None
