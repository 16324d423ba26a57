"""What a comparison says of the user's own layers: whether they are the same, and which of them changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convt.results.comparing import Change, Comparison
from convt.results.matching import comparable_laws
from convt.results.mine import Mine, joined, listed, mine_in, yours
from convt.results.records import CaseRecord
from convt.results.sides import Side, match_cases

QUIET = ("bits", "new-warning")
"""Classes of change after which a layer computes the same."""


@dataclass(frozen=True)
class MineCompared:
    """The user's own layers on two sides."""

    after: Mine
    """Those that stand on both sides, as they are after."""
    changes: tuple[Change, ...]
    """Of these layers, without those that are `QUIET`."""
    worse: frozenset[tuple[str, str]]
    """Layer and target, where anything got worse."""
    bits: int
    """How many of them give other bits, and no more."""
    alone: tuple[str, ...]
    """Layers that no law judged on both sides: only one side has them, or its laws are of other versions."""
    lost: tuple[str, ...]
    """Targets that did not run on both sides."""

    @property
    def changed(self) -> dict[str, dict[str, list[Change]]]:
        """Layer to target to its changes; those that got worse first."""
        found: dict[str, dict[str, list[Change]]] = {}
        for change in sorted(self.changes, key=lambda it: (it.case, it.target) not in self.worse):
            found.setdefault(change.case, {}).setdefault(change.target, []).append(change)
        return found

    @property
    def says(self) -> str:
        """`Your 14 cases: the same.`, or `2 of your 14 cases changed: up-1 (decoder.up1) is worse on jax ...`."""
        return f"{'; '.join(self.parts)}."

    @property
    def parts(self) -> list[str]:
        """The sentence in its parts: what changed, what is not right as before, what is not compared."""
        number, changed = len(self.after.cases), self.changed
        left = f"{len(self.alone):,} of your cases, which no law judged on both sides" if self.alone else ""
        if not number or not self.after.labels:
            return [f"{yours(number or len(self.alone))}: not compared, for {self._why_not()}"]
        if changed:
            who = f"{len(changed):,} of your {number:,} cases" if number > 1 else "Your case"
            first = f"{who} changed: {', '.join(self._told(changed))}"
        else:
            first = f"{yours(number)}: the same{f' but for the last bits of {self.bits:,}' if self.bits else ''}"
        same = [name for name in self.after.cases if name not in changed]
        as_before = self.after.briefly(same)
        parts = [first, *([f"as before, {'; '.join(as_before)}"] if as_before else [])]
        out = [left] * bool(left) + [f"what {joined(self.lost)} computes"] * bool(self.lost)
        return [*parts, *([f"not compared: {' and '.join(out)}"] if out else [])]

    def _why_not(self) -> str:
        return f"{joined(self.lost)} did not run on both sides" if self.lost else "no law judged them on both sides"

    def _told(self, changed: Mapping[str, Mapping[str, Sequence[Change]]]) -> list[str]:
        """`up-1 and up-2 are worse on jax (regressed)`: layers of which the same is to be said stand together."""
        found: dict[str, list[str]] = {}
        for name, on in changed.items():
            found.setdefault(self._becomes(name, on), []).append(self.after.named(name))
        return [f"{listed(names)} {'are' if len(names) > 1 else 'is'} {becomes}" for becomes, names in found.items()]

    def _becomes(self, name: str, on: Mapping[str, Sequence[Change]]) -> str:
        """`worse on jax and keras-jax (regressed)`; targets of which the same is to be said stand together."""
        found: dict[str, list[str]] = {}
        for target, changes in on.items():
            kinds = ", ".join(dict.fromkeys(it.kind for it in changes))
            better = any(it.direction == "better" for it in changes)
            how = "worse" if (name, target) in self.worse else "better" if better else "neither worse nor better"
            found.setdefault(f"{how} on {{}} ({kinds})", []).append(target)
        return " and ".join(says.format(joined(targets)) for says, targets in found.items())

    def data(self) -> dict[str, Any]:
        """As plain data: `cases` (how many are compared), `says`, `changed` (layer to target to `worse` and the kinds
        of change), `alone` (layers of one side), `lost` (targets that did not run on both) and `after`."""
        changed = {
            name: {
                target: {"worse": (name, target) in self.worse, "kinds": list(dict.fromkeys(it.kind for it in those))}
                for target, those in on.items()
            }
            for name, on in self.changed.items()
        }
        told = {"cases": len(self.after.cases), "says": self.says, "changed": changed}
        return told | {"alone": list(self.alone), "lost": list(self.lost), "after": self.after.data()["targets"]}


def mine_compared(comparison: Comparison) -> MineCompared | None:
    """The user's own layers in a comparison; None where neither side has any."""
    before, after = comparison.before, comparison.after
    laws = comparable_laws(before.header, after.header)
    own = [{name for name, case in side.cases.items() if case.mine} for side in (before, after)]
    if not any(own):
        return None
    names = list(dict.fromkeys([*before.targets, *after.targets]))
    ran = [name for name in names if before.ran(name) and after.ran(name)]
    judged = [{case for name in ran for case, law in side.verdicts[name] if law in laws} for side in (before, after)]
    pairs = match_cases(before.cases, after.cases).after
    compared = [(old, new) for old, new in pairs.items() if old in judged[0] and new in judged[1]]
    both = {new for old, new in compared if old in own[0] or new in own[1]}
    alone = sorted(({pairs.get(name, name) for name in own[0]} | own[1]) - both)
    changes = [it for it in comparison.changes if it.case in both]
    loud = tuple(it for it in changes if it.kind not in QUIET)
    quiet = {it.case for it in changes if it.kind == "bits"} - {it.case for it in loud}
    worse = frozenset((it.case, it.target) for it in loud if comparison.is_worse(it))
    found = _on(after, {name: case for name, case in after.cases.items() if name in both}, ran)
    return MineCompared(found, loud, worse, len(quiet), tuple(alone), tuple(it for it in names if it not in ran))


def _on(side: Side, cases: Mapping[str, CaseRecord], ran: Sequence[str]) -> Mine:
    """The layers as they are on a side, on the targets that ran on both."""
    infos = [replace(side.targets[name], name=name) for name in ran]
    records = [replace(it, target=name) for name in ran for it in side.verdicts[name].values() if it.case in cases]
    return mine_in(cases, infos, records) or Mine({}, {}, ())
