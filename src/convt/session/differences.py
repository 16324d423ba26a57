"""The known differences of a run: which of them name a verdict, its law or the calls that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from convt.adapter.backend import Probe, wrapped
from convt.adapter.probe import dtype_name
from convt.cases.known import Known, KnownTarget
from convt.conv.settings import Settings
from convt.results.targets import Target
from convt.session.batch import LawVerdict
from convt.session.processor import instruction_sets
from convt.session.verdicts import Matched, match_known


class KnownDifferences:
    """Finds the entries that a verdict is held against; each predicate is evaluated once per settings and target."""

    def __init__(
        self, entries: Sequence[Known], target: Callable[[str], KnownTarget], call_forms: Callable[[str], int]
    ) -> None:
        """`target` and the number of its `call_forms` are asked by name, of targets that have answered."""
        self._target, self._call_forms = cache(target), cache(call_forms)
        self._every = entries
        self._entries: dict[tuple[str, str, str], list[Known]] = {}
        self._calls: dict[tuple[Any, ...], list[Known]] = {}

    def assess(self, found: LawVerdict) -> Matched:
        """A verdict with the entry that explains it, or the one that it contradicts."""
        target, settings = self._target(found.target), found.case.settings
        entries = self._about(found.target, law=found.law.id)
        reject, cost = found.case.reject, found.case.cost
        kind, dtype = (reject.kind, reject.dtype) if reject else ("", "")
        laws = [entry for entry in entries if entry.applies(found.law.id, settings, target, kind, dtype, cost)]
        calls = {name: self._of_call(probe, found.target) for name, probe in found.probes.items()}
        return match_known(found, laws, calls)

    def ending(self, target: Target) -> Callable[[Probe], bool]:
        """Whether a call is expected to end the process of this target, which need not have started."""
        known = KnownTarget(target.backend, target.mode or target.default_mode, target.device, "", _isa())
        entries = [entry for entry in self._every if entry.ends(known)]

        @cache
        def ends(it: Settings, want: str, dtype: str) -> bool:
            return any(entry.may_end(it, want, dtype, known) for entry in entries)

        def may_end(probe: Probe) -> bool:
            if not entries or probe.invalid is not None or probe.timing is not None:
                return probe.may_end
            return ends(probe.settings, probe.want, dtype_name(probe.x.dtype))

        return may_end

    def _about(self, name: str, *, law: str = "", want: str = "") -> list[Known]:
        """The entries about a target and one of its laws, or what is wanted of its calls."""
        key = (name, law, want)
        if key not in self._entries:
            target = self._target(name)
            every = [it for it in self._every if (law in it.laws if law else not it.laws and want in it.wants)]
            self._entries[key] = [entry for entry in every if entry.about(target)]
        return self._entries[key]

    def _of_call(self, probe: Probe, name: str) -> list[Known]:
        """The entries about a call. A forced one is a test of a claim, not of the framework; one that means nothing has
        no settings of which an entry could speak; one that is timed is many."""
        if probe.force or probe.invalid is not None or probe.timing is not None:
            return []
        call_form = wrapped(probe.call_form, self._call_forms(name))
        asked = (name, probe.settings.digest, probe.want, call_form, str(probe.x.dtype), probe.layout)
        if asked not in self._calls:
            about, it, dtype = self._target(name), probe.settings, str(probe.x.dtype)
            said = (it, probe.want, call_form, about, dtype, probe.layout)
            self._calls[asked] = [entry for entry in self._about(name, want=probe.want) if entry.concerns(*said)]
        return self._calls[asked]


def known_target(info: Mapping[str, Any]) -> KnownTarget:
    """A target, as a run's header tells it, in the form that predicates see."""
    version = next(iter(info["versions"].values()), "")
    return KnownTarget(info["backend"], info["mode"], info["device"], version, _isa())


@cache
def _isa() -> frozenset[str]:
    """The instruction sets of the processor on which targets answer: the host's, whose processes they are."""
    return frozenset(instruction_sets().get("isa", "").split())
