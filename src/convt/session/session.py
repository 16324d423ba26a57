"""A session: cases, laws and targets, and the verdict of every law on every case and target. Knows no pytest."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from convt.adapter.backend import Form, Outcome, Probe
from convt.cases.case import Case
from convt.cases.errors import shown_path
from convt.cases.known import Known, load_known
from convt.cases.loader import load_cases
from convt.host.evaluator import Evaluator
from convt.host.pool import NoScript, Pool
from convt.host.registry import Entry, all_used, built_in, parse_target, register_external
from convt.laws.catalogue import all_laws
from convt.laws.law import Law
from convt.laws.probes import plain
from convt.results.finding import PASS, Finding
from convt.results.records import LawInfo
from convt.results.targets import DEVICE, DEVICES, Target, TargetError, TargetInfo
from convt.session.batch import LawVerdict, every
from convt.session.cost_scripts import paste_timed
from convt.session.cover import cover, cover_for, spared
from convt.session.coverage import Visited
from convt.session.differences import KnownDifferences, known_target
from convt.session.mine import own, told
from convt.session.options import BadOption, Options, check_folder, known
from convt.session.plan import Plan
from convt.session.profiles import PROFILES
from convt.session.verdicts import Matched, paste

CHUNKS = 8
"""Cases are dealt into this many chunks by their name; a chunk is asked of every target at once."""
ACCELERATORS = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/accel0", "/dev/accel/accel0")
"""What a system has where frameworks may find another device than the CPU."""
FORCED = "force_host_platform_device_count"
"""What XLA_FLAGS say where JAX is to find several CPUs."""


def chunk_of(case_id: str) -> int:
    """The chunk of a case: by its name alone, so that every process of a run agrees."""
    return zlib.crc32(case_id.encode()) % CHUNKS


def several_devices() -> bool:
    """Whether a framework may find more than the CPU here; only its own process can tell what."""
    forced = FORCED in os.environ.get("XLA_FLAGS", "")
    return forced or sys.platform == "darwin" or any(Path(name).exists() for name in ACCELERATORS)


@dataclass(frozen=True, eq=False)
class Pair:
    """Every law on one case and target."""

    case: Case
    target: str


@dataclass(frozen=True, eq=False)
class LawOn:
    """One law on one target, over the cases that are generated for it."""

    law: Law
    target: str


class Session:
    """What was asked for, and the answers to it. A target's process starts at the first question about it.

    Close it, or use it as a context manager. BadOption, TargetError or SpecErrors where the options, or the files that
    they name, cannot be understood: `check` says so before anything starts.
    """

    def __init__(self, options: Options, backends: Mapping[str, Entry] | None = None) -> None:
        """`backends`: those that there are, where they are not the registry's with what the options add."""
        self.options = options
        if backends is not None:
            self.backends = dict(backends)
        self._plan: Plan
        self._timed: list[str] = []
        """Targets of cases that are timed, until these have started."""
        self._covers: dict[tuple[str, int], set[str]] = {}
        """By law and strength the names of the cases of which it is asked, where a cover is enough for it."""
        self._owed: dict[tuple[str, str, str], tuple[Probe, Finding]] = {}

    # what there is

    @cached_property
    def cases(self) -> list[Case]:
        """Every case of the YAML files, sorted by chunk and name."""
        left_out = {case.id for case in self.spared}
        cases = [case for case in self._loaded if case.id not in left_out]
        if self.options.profile.covered:
            suite = [case for case in cases if not self.is_mine(case)]
            cases = [*cover(suite), *filter(self.is_mine, cases)]
        return sorted(cases, key=lambda case: (chunk_of(case.id), case.id))

    @cached_property
    def spared(self) -> list[Case]:
        """The cases of the YAML files that the profile leaves out for what they cost; none where any are chosen."""
        if not self.options.profile.sparing or self.options.narrowed:
            return []
        return spared([case for case in self._loaded if not self.is_mine(case)])

    @cached_property
    def mine(self) -> list[Case]:
        """The user's own layers: the cases of all files but the suite's, in the files' order."""
        return [case for case in self._loaded if self.is_mine(case)]

    @property
    def mine_told(self) -> str:
        """`your 14 cases, from .convt/model.yaml`; empty where there are none."""
        return told(len(self.mine), own(self.options.files))

    def is_mine(self, case: Case) -> bool:
        """Whether a case is one of the user's own layers."""
        return case.origin.rpartition(":")[0] in self._own_files

    @cached_property
    def _own_files(self) -> frozenset[str]:
        """The files of the user's own layers, as the origins of cases spell them."""
        return frozenset(map(shown_path, own(self.options.files)))

    @cached_property
    def _loaded(self) -> list[Case]:
        cases = load_cases(self.options.files)
        for case in cases:
            for name in case.laws:
                known(f"{case.origin}: laws", name, [law.id for law in all_laws()])
        return cases

    @cached_property
    def laws(self) -> tuple[Law, ...]:
        """The laws that were asked for, in the report's order."""
        names = [law.id for law in all_laws()]
        asked = {known("--law", name, names) for name in self.options.laws}
        return tuple(law for law in all_laws() if law.id in asked or not asked)

    @cached_property
    def known(self) -> list[Known]:
        """The known differences, in the order of their files."""
        entries = load_known(self.options.known, [law.id for law in all_laws()])
        for entry in entries:
            known(f"{entry.origin}: the file's name", entry.backends, ["keras", *self.backends])
            if entry.folder:  # else no run would ever miss it
                known(f"{entry.origin}: folder", entry.folder, [it.folder for it in PROFILES.values() if it.folder])
        return entries

    @cached_property
    def backends(self) -> dict[str, Entry]:
        """The registry, with what `--backend` adds."""
        return dict(built_in()) | dict(register_external(path) for path in self.options.backends)

    @cached_property
    def targets(self) -> list[str]:
        """The names of all targets, in the order of the report: those that were asked for; where no device was, also
        on the further devices that they find. Only where there may be such is a target started to tell."""
        asked = self._asked()
        names = [target.name for target in asked]
        if not self.options.devices:
            tell = [it for it in asked if it.device == "cpu" and self._may_find_devices(it)]
            for target in tell:
                self.pool.start_one(target.name)  # all of them at once
            for target in tell:
                info = self.pool.info(target.name)
                further = [self._on(target, device) for device in info.devices if device != "cpu"]
                names += [it.name for it in further]
                self.pool.enroll(further)
        return list(dict.fromkeys(names))

    def _may_find_devices(self, target: Target) -> bool:
        return several_devices() or not self.backends[target.backend].built_in

    @cached_property
    def pool(self) -> Pool:
        """The processes of every target, none of them started."""
        return Pool(
            self._asked(),
            deadline=self.options.deadline,
            backends=self.backends,
            interpreters=self.options.environments,
        )

    def _on(self, target: Target, device: str) -> Target:
        """The same target on another device; BadOption where that is no device's name."""
        if not DEVICE.fullmatch(device) or (
            self.backends[target.backend].built_in and device.split(":")[0] not in DEVICES
        ):
            raise BadOption(f"--device: found {device!r}, accepted {', '.join(DEVICES)}; one of several is cuda:1")
        here = parse_target(f"{target.plain.name}@{device}", self.backends)
        return replace(here, environment=target.environment)

    def _asked(self) -> list[Target]:
        """The targets that were named, on the devices that were; TargetError where there is no such."""
        names = self.options.targets or self.options.profile.names(self.backends)
        devices = self.options.devices
        targets = [parse_target(name, self.backends) for name in names]
        if devices:
            without = [target for target in targets if target.device == "cpu"]
            spread = [self._on(target, device) for target in without for device in devices]
            targets = spread + [target for target in targets if target.device != "cpu"]
        for target in targets:
            if target.environment and target.environment not in self.options.environments:
                field = f"environment of {target.name}"
                told = self.options.environments or [f"one that --environment {target.environment}=PYTHON tells"]
                raise TargetError(field, target.environment, told)
        return list(dict.fromkeys(targets))

    def target(self, name: str) -> Target:
        """The target of a name, as a value."""
        return parse_target(name, self.backends)

    def check(self) -> None:
        """Refuse options that name what there is not, before anything starts; the error says what is accepted."""
        targets = self._asked()
        accepted = ["all", *(target.name for target in targets), *(target.backend for target in targets)]
        if not self.laws:
            raise ValueError("there are no laws")
        for name in self.options.required:
            if name not in accepted and name in self.backends:
                left = f"{name!r}, which the targets that were named leave out"
                raise BadOption(f"--require: found {left}; accepted {', '.join(dict.fromkeys(accepted))}")
            known("--require", name, dict.fromkeys(accepted))
        if self.options.targets:
            all_used(self.options.backends, targets)

    def check_places(self) -> None:
        """BadOption, before anything starts, where the results or a baseline could not be written."""
        check_folder("--report", self.options.report)
        if self.options.update_baseline and self.options.baseline is not None:
            check_folder("--baseline", self.options.baseline.parent)

    def read(self) -> None:
        """Read cases and known differences; SpecErrors with every line that is wrong in them."""
        _ = self.cases, self.known

    # running

    def run(
        self,
        cases: Sequence[Case] | None = None,
        targets: Sequence[str] | None = None,
        laws: Sequence[Law] | None = None,
    ) -> Iterator[Matched]:
        """Every verdict of these laws on these cases and targets (default: all), case by case as they come.

        Each is held against the known differences. Nothing is generated: `pairs` of cases and targets are all.
        """
        asked = sorted(self.cases if cases is None else cases, key=lambda case: (chunk_of(case.id), case.id))
        names = self.targets if targets is None else [self.target(name).name for name in targets]
        self.plan([Pair(case, name) for case in asked for name in names], laws=laws, whole=True)
        for case in asked:
            for name in names:
                yield from self.verdicts(Pair(case, name))

    def plan(
        self,
        items: Iterable[Pair | LawOn],
        ahead: int | None = None,
        laws: Sequence[Law] | None = None,
        whole: bool = False,
    ) -> None:
        """Learn what is to be judged; `ahead` cases are asked before their turn, by default those of the profile.
        `laws`: default those asked for. `whole`: each law is asked of every case, where the profile leaves some out."""
        ahead = self.options.profile.ahead if ahead is None else ahead
        self._plan = Plan(self.evaluator, ahead, every if whole else self.takes)
        for item in items:
            if isinstance(item, Pair):
                self._timed += [item.target] if item.case.cost is not None else []
                judging = self.laws if laws is None else laws
                self._plan.step(chunk_of(item.case.id), judging).add(item.target, item.case)
            else:
                draw = partial(self._draw, item.law)
                self._plan.step(item.law.id, [item.law], draw).add(item.target)

    def takes(self, law: Law, case: Case, target: str) -> bool:
        """Whether the profile has a law asked of a case of the YAML files: of all, unless a cover is enough for it. Who
        chooses cases or laws, or has cases of their own, is answered about every one; against a baseline only about
        what a whole run would have said, so that nothing is new to it."""
        strength = self.strength_of(law, bool(self.backends[self.target(target).backend].above))
        if not strength or self.is_mine(case):
            return True
        if (law.id, strength) not in self._covers:
            suite = [case for case in self.cases if not self.is_mine(case)]
            self._covers[law.id, strength] = {case.id for case in cover_for(law, suite, strength)}
        return case.id in self._covers[law.id, strength]

    def strength_of(self, law: Law, above: bool) -> int:
        """How many properties that occur together among a law's cases do so among those of which it is asked, on a
        target that stands `above` another's engine or on one that does not; 0: it is asked of every case."""
        options, strength = self.options, self.options.profile.cover_of_laws
        chosen = options.specs or (options.narrowed and options.baseline is None)
        if chosen or not strength or law.over_cover == "nowhere":
            return 0
        if law.over_cover == "above":
            return strength if above else 0
        return strength - above

    def law_infos(self) -> tuple[LawInfo, ...]:
        """The laws that were asked for, as a run file's header tells them."""
        return tuple(
            replace(law.info, cover=self.strength_of(law, False), cover_above=self.strength_of(law, True))
            for law in self.laws
        )

    @property
    def crossing_seed(self) -> int:
        """The seed of the covering array: a nightly run's own; every other run asks the same array, so that what it
        tells is a change of the framework."""
        return self.options.seed if self.options.profile.strength > 2 else 0

    def _draw(self, law: Law) -> list[Case]:
        """The cases that are generated for a law: they are made when they are asked."""
        profile = self.options.profile
        if law.covers:
            from convt.session.crossing import crossed

            return crossed(profile.strength, self.crossing_seed)
        from convt.session.draws import drawn  # with Hypothesis, which takes as long to import as all the rest

        return drawn(law, self.options.seed, profile.cases)

    def verdicts(self, pair: Pair) -> list[Matched]:
        """Every verdict on a case and target, held against the known differences."""
        if pair.case.cost is not None:  # while one target starts, no other is timed
            self.start(self._timed)
            self._timed = []
        found = self._plan.verdicts(chunk_of(pair.case.id), pair.target, pair.case)
        return [self.match_known(verdict) for verdict in found]

    def generated(self, law_on: LawOn) -> list[Matched]:
        """Every verdict of a law on a target over the cases that were drawn for it."""
        return [self.match_known(verdict) for verdict in self._plan.verdicts(law_on.law.id, law_on.target)]

    def match_known(self, found: LawVerdict) -> Matched:
        """A verdict, held against the known differences."""
        return self._differences.assess(found)

    @cached_property
    def evaluator(self) -> Evaluator:
        ending = cache(lambda name: self._differences.ending(self.target(name)))
        return Evaluator(self.pool, self.visited.take, lambda name, probe: ending(name)(probe))

    @cached_property
    def visited(self) -> Visited:
        """What every target was asked so far, and answered."""
        return Visited()

    @cached_property
    def _differences(self) -> KnownDifferences:
        return KnownDifferences(self.known, lambda name: known_target(asdict(self.info(name))), self._call_forms)

    def _call_forms(self, name: str) -> int:
        return len(self.info(name).call_forms)

    # what is known of targets

    def info(self, name: str) -> TargetInfo:
        """What a target says about itself; started where it is not."""
        return self.pool.info(name)

    def started(self) -> dict[str, TargetInfo]:
        """Every target that was started, by its name, in the order of the report."""
        if "pool" not in self.__dict__:
            return {}
        return self.pool.started()

    def begin(self, names: Iterable[str]) -> None:
        """Have these targets start; does not wait."""
        for name in names:
            self.pool.start_one(name)

    def start(self, names: Iterable[str]) -> dict[str, TargetInfo]:
        """Start these targets at once, and wait; what each says about itself."""
        wanted = list(dict.fromkeys(names))
        self.begin(wanted)
        return {name: self.pool.info(name) for name in wanted}

    def requires(self, target: str) -> bool:
        """Whether `--require` names the target, by its whole name or its backend's."""
        names = self.options.required
        return "all" in names or target in names or self.target(target).backend in names

    def label(self, target: str) -> str:
        """The target with its framework's version."""
        versions = list(self.info(target).versions.values())
        return " ".join([target, *versions[:1]])

    def told(self) -> dict[str, dict[str, Any]]:
        """Every started target as the run file's header tells it, by its name."""
        keys = ("backend", "mode", "device", "environment", "versions", "flags")
        return {
            name: {key: getattr(info, key) for key in keys} | {"missing": info.missing or info.failed}
            for name, info in self.started().items()
        }

    def advice(self) -> list[str]:
        """How to install what is missing here: one line, or none."""
        return self.pool.advice() if "pool" in self.__dict__ else []

    def spent(self) -> dict[str, float]:
        """The seconds that each target spent inside the framework's calls so far."""
        return self.pool.seconds if "pool" in self.__dict__ else {}

    def longest(self) -> dict[str, float]:
        """The most seconds that each target spent inside one of the framework's calls so far."""
        return self.pool.longest if "pool" in self.__dict__ else {}

    def waiting(self) -> Mapping[str, int]:
        """How many probes each started target still has to answer."""
        return self.pool.waiting if "pool" in self.__dict__ else {}

    # scripts

    def script(self, found: LawVerdict) -> tuple[str, str]:
        """(the framework's own call in one line, a script to paste) for a verdict; empty where there is none."""
        if not found.probes or not self.info(found.target).runs:
            return "", ""
        return self._script(found.target, found.shown, found.judgement)

    def _script(self, target: str, probe: Probe, shown: Finding) -> tuple[str, str]:
        try:
            return self._paste(target, probe, shown)
        except NoScript:
            return "", ""

    def _paste(self, target: str, probe: Probe, shown: Finding = PASS) -> tuple[str, str]:
        """The same; NoScript, with the reason, where there is none."""
        if probe.timing is not None:
            imports = self.info(target).script_imports
            return paste_timed(imports, probe, lambda form: self.pool.script(target, form))
        script = self.pool.script(target, Form.of(probe))
        kept = [case.weights for case in self._loaded if case.weights is not None]
        return script.call, paste(self.info(target).script_imports, script.text, probe, shown, kept)

    def asked(self, case: Case, target: str) -> tuple[str, str, Outcome]:
        """(the framework's own call in one line, a script to paste, what the call gives) of a case, whatever the laws
        say; NoScript, with the reason, where the target cannot be told it."""
        law = next((law for law in all_laws() if law.applies(case)), None) if case.reject else None
        probe = next(iter(law.probes(case).values())) if law else plain(case)
        [outcome] = self.pool.submit(target, [probe]).result()
        if outcome.kind == "unsupported":
            raise NoScript(outcome.reason)
        return *self._paste(target, probe), outcome

    def owe(self, found: LawVerdict) -> None:
        """Remember to give a verdict its script at the end: nobody reads it before, and its target is at work."""
        if found.probes and self.info(found.target).runs:
            self._owed[found.case.id, found.law.id, found.target] = found.shown, found.judgement

    def settle(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """Every script that is owed, as `script` gives it, by case, law and target."""
        owed, self._owed = self._owed, {}
        return {key: self._script(key[2], *shown) for key, shown in owed.items()}

    def close(self) -> None:
        """End every target's process."""
        if "pool" in self.__dict__:
            self.pool.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
