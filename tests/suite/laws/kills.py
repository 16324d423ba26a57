"""The kill matrix: which law catches which liar. `python -m tests.suite.laws.kills` writes docs/kill-matrix.md anew."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convt.adapter.backend import Outcome, Probe
from convt.cases.case import Case
from convt.laws.catalogue import all_laws, law_by_id
from convt.results.finding import Finding
from tests.suite.conv.reference import Honest
from tests.suite.laws.liars import ANSWERING, ENDING, LIARS
from tests.suite.laws.sample import SAMPLE

PAGE = Path(__file__).parents[3] / "docs" / "kill-matrix.md"
Kills = dict[str, dict[str, list[str]]]
"""Liar to law to the names of the cases on which that law says `differs` or `error`."""


def asked(case: Case) -> dict[str, dict[str, Probe]]:
    """The probes of every law that applies, by its id."""
    laws = (law for law in all_laws() if (not case.laws or law.id in case.laws) and law.applies(case))
    return {law.id: law.probes(case) for law in laws}


def judged(backend: Honest, case: Case, probes: dict[str, dict[str, Probe]]) -> dict[str, str]:
    """The verdict of every law that applies, by its id."""
    return {law_id: caught.finding.verdict for law_id, caught in findings(backend, case, probes).items()}


@dataclass(frozen=True)
class Caught:
    """What a law found on a case, and the answers that it looked at."""

    finding: Finding
    probes: Mapping[str, Probe]
    got: Mapping[str, Outcome]

    def shows_a_wrong_call(self, honest: Honest) -> bool:
        """Whether the shown call has another answer than the honest backend's, which knows no oracle and no law.

        Two answers to one question that differ within the bound are one as right as the other: the fault is the pair.
        """
        shown = self.probes.get(self.finding.probe)
        if shown is None:
            return False
        if set(self.got) == {"once", "again"} and self.finding.probe == "again":
            return _told(self.got["once"]) != _told(self.got["again"])
        return _told(self.got[self.finding.probe]) != _told(honest.run(shown))


def _told(outcome: Outcome) -> tuple[object, ...]:
    return outcome.kind, outcome.digest, outcome.shape, outcome.dtype, outcome.reason, outcome.times


def findings(backend: Honest, case: Case, probes: dict[str, dict[str, Probe]]) -> dict[str, Caught]:
    """What every law that applies finds, by its id; each probe is answered once.

    A law that needs peers judges the backend's second mode, or device, against the first; where there is none, nothing.
    """
    different = {probe.key: probe for of_law in probes.values() for probe in of_law.values()}
    known = {key: backend.run(probe) for key, probe in different.items()}
    found: dict[str, Caught] = {}
    for law_id, of_law in probes.items():
        law = law_by_id(law_id)
        got = {name: known[probe.key] for name, probe in of_law.items()}
        if not law.needs_peers:
            found[law_id] = Caught(law.assess(case, got), of_law, got)
        elif (second := _second(backend, law_id)) is not None:
            mine = {name: second.run(probe) for name, probe in of_law.items()}
            found[law_id] = Caught(law.judge_pair(case, mine, got), of_law, mine)
    return found


def _second(backend: Honest, law_id: str) -> Honest | None:
    """The same backend in its second mode, or on its second device."""
    modes, devices = backend.modes, backend.devices()
    if law_id == "mode":
        return type(backend)(modes[1], devices[0]) if len(modes) > 1 else None
    return type(backend)(modes[0], devices[1]) if len(devices) > 1 else None


def kills(
    liars: dict[str, type[Honest]],
    cases: Sequence[Case] = SAMPLE,
    look: Callable[[str, str, Case, Caught], object] = lambda *_: None,
) -> Kills:
    """What catches each liar; every liar is one object for all cases, as in a target's process.

    `look` is shown each time that a law (second) catches a liar (first).
    """
    told = {name: liar("eager", "cpu") for name, liar in liars.items()}
    found: Kills = {name: defaultdict(list) for name in liars}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # liars overflow and make nan on purpose
        for case in cases:
            probes = asked(case)
            for name, liar in told.items():
                for law_id, caught in findings(liar, case, probes).items():
                    if caught.finding.verdict in ("differs", "error"):
                        found[name][law_id].append(case.id)
                        look(name, law_id, case, caught)
    return found


def page(found: Kills) -> str:
    """The matrix as a Markdown page."""
    lines = [
        "# Which law catches which liar",
        "",
        "A liar is a backend that gets one thing wrong. Each row is one, each column a law; the number says on how",
        f"many of the {len(SAMPLE)} cases in `tests/suite/laws/sample.py` that law does not hold. An empty cell means",
        "that the law does not notice. Every liar is caught, and every law catches one. Four more end or hang their",
        f"process ({', '.join(ENDING)}), and the pool sees that: {len(ANSWERING) + len(ENDING)} in all.",
        "",
        "Written by `python -m tests.suite.laws.kills`; a test keeps it current.",
        "",
        f"| liar | what it gets wrong | {' | '.join(law.id for law in all_laws())} |",
        f"|---|---|{'---|' * len(all_laws())}",
    ]
    for name, by in found.items():
        cells = [str(len(by[law.id])) if law.id in by else "" for law in all_laws()]
        lines.append(f"| {name} | {LIARS[name]} | {' | '.join(cells)} |")
    caught = [str(sum(law.id in by for by in found.values())) for law in all_laws()]
    lines.append(f"| **liars caught** | of {len(found)} | {' | '.join(caught)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(kills(ANSWERING)), encoding="utf-8")
