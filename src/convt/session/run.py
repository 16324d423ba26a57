"""One conformance run inside one pytest process: its targets, its cases in chunks, and their verdicts."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest

from convt.adapter.backend import Form, Probe
from convt.cases.case import Case
from convt.cases.errors import SpecErrors
from convt.cases.known import Known, load_known
from convt.cases.loader import load_cases
from convt.host.evaluator import Evaluator
from convt.host.pool import NoScript, Pool
from convt.host.registry import Entry, built_in, parse_target, register_external
from convt.host.targets import Target, TargetError, TargetInfo
from convt.laws.catalogue import all_laws
from convt.laws.law import Law
from convt.plugin.baseline import Against, target_infos
from convt.plugin.items import LawOn, Pair
from convt.plugin.options import Options, known
from convt.session.batch import LawVerdict
from convt.session.cover import cover
from convt.session.differences import KnownDifferences, known_target
from convt.session.draws import drawn
from convt.session.plan import Plan
from convt.session.verdicts import Matched, call_line, paste

CHUNKS = 8
"""Cases are dealt into this many chunks by their name; a chunk is asked of every target at once."""


def chunk_of(case_id: str) -> int:
    """The chunk of a case: by its name alone, so that every pytest-xdist process agrees."""
    return zlib.crc32(case_id.encode()) % CHUNKS


class Run:
    """Cases, laws and targets of this process; targets start at the first question about them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._plan: Plan
        self._owed: dict[tuple[str, str, str], Probe] = {}

    @cached_property
    def cases(self) -> list[Case]:
        """Every case of the YAML files, sorted by chunk and name."""
        try:
            cases = load_cases(self.options.specs)
        except SpecErrors as error:
            raise pytest.UsageError("\n".join(error.errors)) from None
        for case in cases:
            for name in case.laws:
                known(f"{case.origin}: laws", name, [law.id for law in all_laws()])
        if self.options.profile.covered:
            cases = cover(cases)
        return sorted(cases, key=lambda case: (chunk_of(case.id), case.id))

    @cached_property
    def laws(self) -> tuple[Law, ...]:
        """The laws that were asked for, in the report's order."""
        names = [law.id for law in all_laws()]
        asked = {known("--law", name, names) for name in self.options.laws}
        return tuple(law for law in all_laws() if law.id in asked or not asked)

    def read(self) -> None:
        """Read cases and known differences; pytest.UsageError with every line that is wrong in them."""
        assert self.cases is not None
        assert self.known is not None

    @cached_property
    def known(self) -> list[Known]:
        """The known differences, in the order of their files."""
        try:
            entries = load_known(self.options.known, [law.id for law in all_laws()])
        except SpecErrors as error:
            raise pytest.UsageError("\n".join(error.errors)) from None
        for entry in entries:
            known(f"{entry.origin}: the file's name", entry.backends, ["keras", *self.backends])
        return entries

    @cached_property
    def backends(self) -> dict[str, Entry]:
        """The registry, with what `--backend` adds."""
        try:
            return dict(built_in()) | dict(register_external(path) for path in self.options.backends)
        except TargetError as error:
            raise pytest.UsageError(f"--backend: {error}") from None

    @cached_property
    def pool(self) -> Pool:
        """The processes of every target, started; on each device that was asked for, else on each that they list."""
        pool = Pool(
            self._asked(),
            deadline=self.options.deadline,
            backends=self.backends,
            interpreters=self.options.environments,
        )
        infos = pool.start()
        if not self.options.devices:
            pool.add(
                self._on(parse_target(name, self.backends), device)
                for name, info in infos.items()
                if "@" not in name
                for device in info.devices
                if device != "cpu"
            )
        return pool

    def _on(self, target: Target, device: str) -> Target:
        """The same target on another device."""
        here = parse_target(f"{replace(target, environment='').name}@{device}", self.backends)
        return replace(here, environment=target.environment)

    def _asked(self) -> list[Target]:
        names = self.options.targets or self.options.profile.names(self.backends)
        devices = self.options.devices
        try:
            targets = [parse_target(name, self.backends) for name in names]
            if devices:
                plain = [target for target in targets if target.device == "cpu"]
                spread = [self._on(target, device) for target in plain for device in devices]
                targets = spread + [target for target in targets if target.device != "cpu"]
            for target in targets:
                if target.environment and target.environment not in self.options.environments:
                    field = f"environment of {target.name}"
                    raise TargetError(field, target.environment, self.options.environments)
        except TargetError as error:
            raise pytest.UsageError(str(error)) from None
        return list(dict.fromkeys(targets))

    @cached_property
    def evaluator(self) -> Evaluator:
        return Evaluator(self.pool)

    @property
    def infos(self) -> dict[str, TargetInfo]:
        """Every target of the run by its name, in the order of the report."""
        return self.pool.infos

    @cached_property
    def answering(self) -> list[str]:
        """The names of the targets that run."""
        return [name for name, info in self.infos.items() if info.runs]

    def marks(self) -> dict[str, str]:
        """The marks that items carry, for `-m`, and what each says."""
        marks = {mark(path.stem): f"cases of {path.name}" for path in self.options.specs}
        marks |= {mark(name): f"items of the backend {name}" for name in self.backends}
        marks |= {f"rank{rank}": f"cases of {rank} spatial axes" for rank in (1, 2, 3)}
        marks |= {mark(law.id): f"generated cases of the law {law.id}" for law in all_laws()}
        return marks | {"conv": "forward convolutions", "conv_transpose": "transposed convolutions"}

    def pairs(self) -> list[Any]:
        """A pytest parameter for each case and target."""
        return [
            pytest.param(Pair(case, name), id=f"{case.id}:{name}", marks=[getattr(pytest.mark, m) for m in marks])
            for case in self.cases
            for name, info in self.infos.items()
            for marks in [[*_case_marks(case), mark(info.backend)]]
        ]

    def laws_on(self) -> list[Any]:
        """A pytest parameter for each law and target."""
        return [
            pytest.param(LawOn(law, name), id=f"{law.id}:{name}", marks=[getattr(pytest.mark, m) for m in marks])
            for law in (self.laws if self.options.profile.cases else ())
            if law.draws
            for name, info in self.infos.items()
            if (not law.needs_peers or any(law.peer(name, other) for other in self.infos))
            for marks in [[mark(law.id), mark(info.backend)]]
        ]

    def plan(self, items: Sequence[pytest.Item], ahead: int) -> None:
        """Learn which items are to be judged; `ahead` cases are asked before their turn."""
        self._plan = Plan(self.evaluator, ahead)
        for item in items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            if "pair" in params:
                pair = params["pair"]
                self._plan.step(chunk_of(pair.case.id), self.laws).add(pair.target, pair.case)
            elif isinstance(params.get("law_on"), LawOn):  # where nothing is drawn, pytest makes an item that it skips
                law = params["law_on"].law
                self._plan.step(law.id, [law], partial(drawn, law, self.options)).add(params["law_on"].target)

    def verdicts(self, pair: Pair) -> list[Matched]:
        """Every verdict on a case and target, held against the known differences."""
        found = self._plan.verdicts(chunk_of(pair.case.id), pair.target, pair.case)
        return [self.assess(verdict) for verdict in found]

    def generated(self, law_on: LawOn) -> list[Matched]:
        """Every verdict of a law on a target over the cases that were drawn for it."""
        return [self.assess(verdict) for verdict in self._plan.verdicts(law_on.law.id, law_on.target)]

    def assess(self, found: LawVerdict) -> Matched:
        """A verdict, held against the known differences."""
        return self._differences.assess(found)

    @cached_property
    def _differences(self) -> KnownDifferences:
        targets = {name: known_target(asdict(info)) for name, info in self.infos.items()}
        return KnownDifferences(self.known, targets, {name: len(info.call_forms) for name, info in self.infos.items()})

    @cached_property
    def against(self) -> Against | None:
        """The baseline, where one was asked for."""
        options = self.options
        return Against(options.baseline, options.update_baseline, self.laws, self.known) if options.baseline else None

    def requires(self, target: str) -> bool:
        """Whether `--require` names the target, by its whole name or its backend's."""
        names = self.options.required
        return "all" in names or target in names or self.infos[target].backend in names

    def label(self, target: str) -> str:
        """The target with its framework's version."""
        versions = list(self.infos[target].versions.values())
        return " ".join([target, *versions[:1]])

    def script(self, found: LawVerdict) -> tuple[str, str]:
        """(the framework's own call in one line, a script to paste) for a verdict; empty where there is none."""
        if not found.probes or not self.infos[found.target].runs:
            return "", ""
        return self._script(found.target, found.shown)

    def _script(self, target: str, probe: Probe) -> tuple[str, str]:
        try:
            script = self.pool.script(target, Form.of(probe))
        except NoScript:
            return "", ""
        body = script.text
        return script.call or call_line(body), paste(self.infos[target].script_imports, body, probe)

    def repeats(self, target: str) -> str:
        """What a command needs beside `-k` to ask this target again, where that is not in the host's environment."""
        environment = self.infos[target].environment
        python = self.options.environments.get(environment)
        return f" --target {target} --environment {environment}={python}" if python else ""

    def spent(self) -> dict[str, float]:
        """The seconds that each target spent inside the framework's calls so far."""
        return self.pool.seconds if "pool" in self.__dict__ else {}

    def longest(self) -> dict[str, float]:
        """The most seconds that each target spent inside one of the framework's calls so far."""
        return self.pool.longest if "pool" in self.__dict__ else {}

    def owe(self, found: LawVerdict) -> None:
        """Remember to give a verdict its script at the end: nobody reads it before, and its target is at work."""
        if found.probes and self.infos[found.target].runs:
            self._owed[found.case.id, found.law.id, found.target] = found.shown

    def settle(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """Every script that is owed, as `script` gives it, by case, law and target."""
        owed, self._owed = self._owed, {}
        return {key: self._script(key[2], probe) for key, probe in owed.items()}

    def told(self) -> dict[str, dict[str, Any]]:
        """Every target as the run file's header tells it, by its name."""
        keys = ("backend", "mode", "device", "environment", "versions", "flags")
        return {
            name: {key: getattr(info, key) for key in keys} | {"missing": info.missing or info.failed}
            for name, info in (self.infos.items() if "pool" in self.__dict__ else ())
        }

    def describe(self) -> list[str]:
        """The header lines: each target with versions and flags, or why it does not run."""
        if "pool" not in self.__dict__:
            return []
        lines = [f"convt: seed {self.options.seed}, profile {self.options.profile.name}, {len(self.laws)} laws"]
        lines += [f"  #{name} is {python}" for name, python in self.options.environments.items()]
        for name, info in self.infos.items():
            says = ", ".join(f"{package} {version}" for package, version in info.versions.items())
            flags = ", ".join(f"{flag}={value}" for flag, value in info.flags.items())
            lines.append(
                f"  {name}: {says}; {flags}" if info.runs else f"  {name}: NOT RUN, {info.missing or info.failed}"
            )
        return lines + (self.against.describe(target_infos(self.told())) if self.against else [])

    def check(self) -> None:
        """Refuse options that name what there is not, before anything starts; the error says what is accepted."""
        targets = self._asked()
        assert self.laws
        accepted = ["all", *(target.name for target in targets), *(target.backend for target in targets)]
        for name in self.options.required:
            known("--require", name, dict.fromkeys(accepted))
        if self.against is not None:
            self.against.check([target.name for target in targets])

    def close(self) -> None:
        """End every target's process."""
        if "pool" in self.__dict__:
            self.pool.close()


def mark(name: str) -> str:
    """A name as `-m` takes it."""
    return name.replace("-", "_")


def _case_marks(case: Case) -> list[str]:
    return [mark(Path(case.origin.rsplit(":", 1)[0]).stem), f"rank{case.settings.rank}", case.settings.op]
