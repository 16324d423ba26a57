"""What a side was judged to do, kept beside its environment meanwhile: an upgrade that was stopped goes on there.

Peers of a target are targets of the same side, so the verdicts on a side follow from its environment, its targets, the
cases and the laws, whatever stands on the other side. A journal is named by a digest of all of that; what was asked by
other code, on another machine or under other variables is in another one. The seed of the search is not in it: no case
that is compared is drawn.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from convt.cases.case import Case
from convt.content import ROOT
from convt.conv.oracles import VERSION
from convt.results.targets import Target
from convt.session.recording import Key, platform_told
from convt.session.session import Session
from convt.upgrade.environments import Environment
from convt.upgrade.history import adapter_of

FOLDER = "answers"
"""In an environment's folder, where its journals are."""
MOST = 4
"""Journals that an environment keeps, the newest ones: each is some megabytes."""
VARIABLES = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "GOTO_", "TF_", "XLA_", "JAX_", "KERAS_", "TORCH", "ONEDNN_", "DNNL_",
             "CUDA_", "MALLOC_", "ORT_", "NUMEXPR_", "NPY_", "LD_")  # fmt: skip
"""Beginnings of the variables that change what frameworks compute, or how."""
ENGINE = Path(__file__).parents[1]
PASSING = ("not-run", "timed-out")
"""Outcomes that another moment may not have: they are asked again."""


class Journal:
    """The verdicts on one side: those of an earlier try, and those that are added."""

    def __init__(self, folder: Path, key: str, side: str, targets: Sequence[str]) -> None:
        """`targets`: the plain names of all that are asked on this side."""
        self._path, self._side, self._targets = folder / f"{key}.jsonl", side, targets
        self.cases: dict[str, list[dict[str, Any]]] = {}
        """Case to the records on every target of this side: those that are not asked again."""
        self.ended: dict[str, Any] | None = None
        """What the targets said of themselves, where the earlier try came to its end on this side."""
        self.visited: dict[str, tuple[list[int], list[int]]] = {}
        """What the earlier try visited, by target."""
        self._read()

    def _read(self) -> None:
        found: dict[str, dict[str, list[dict[str, Any]]]] = {}
        owed: set[str] = set()
        for line in _lines(self._path):
            if line["kind"] == "case":
                found.setdefault(line["case"], {})[line["target"]] = line["records"]
                owed |= {line["case"]} if line["owed"] else set()
            elif line["kind"] == "visited":
                self._hear(line["visited"])
            elif line["kind"] == "end":
                self.ended = line
        whole = {case: its for case, its in found.items() if set(self._targets) <= set(its)}
        for case, its in whole.items():
            if self.ended is not None or case not in owed:  # scripts that are owed come at the end
                records = [record for target in self._targets for record in its[target]]
                self.cases[case] = [self._sided(record) for record in records]

    def _hear(self, visited: Mapping[str, Sequence[Iterable[int]]]) -> None:
        for target, rows in visited.items():
            name = self._name(target)
            old = self.visited.get(name, ([], []))
            answered, refused = (sorted({*was, *more}) for was, more in zip(old, rows, strict=True))
            self.visited[name] = answered, refused

    def scripts(self) -> dict[Key, tuple[str, str]]:
        """The scripts that were made at the end, by case, law and target."""
        rows = (self.ended or {}).get("scripts", [])
        return {(case, law, self._name(target)): (call, script) for case, law, target, call, script in rows}

    def targets(self) -> dict[str, dict[str, Any]]:
        """What the targets said of themselves, by name."""
        told = (self.ended or {}).get("targets", {})
        return {self._name(plain): info | {"environment": self._side} for plain, info in told.items()}

    def seconds(self) -> dict[str, float]:
        """The seconds of each target inside the framework's calls."""
        return {self._name(plain): spent for plain, spent in (self.ended or {}).get("seconds", {}).items()}

    def _sided(self, record: dict[str, Any]) -> dict[str, Any]:
        return record | {"target": self._name(record["target"])}

    def _name(self, plain: str) -> str:
        return f"{plain}#{self._side}"

    def add(self, case: str, target: str, records: Sequence[dict[str, Any]]) -> None:
        """Keep the records of a case on a target, but those that may be of this moment alone."""
        plain = Target.of(target).plain.name
        if not any(_passes(record) for record in records):
            owed = any(record["kind"] == "detail" and not record["script"] for record in records)
            bare = [record | {"target": plain} for record in records]
            self._write({"kind": "case", "case": case, "target": plain, "owed": owed, "records": bare})

    def leave(self, visited: Mapping[str, Sequence[Iterable[int]]]) -> None:
        """Keep what was visited until now, whether this side is done or was stopped."""
        self._write({"kind": "visited", "visited": {_plain(name): rows for name, rows in self._mine(visited).items()}})

    def end(
        self,
        targets: Mapping[str, Any],
        seconds: Mapping[str, float],
        scripts: Mapping[Key, tuple[str, str]],
    ) -> None:
        """This side is done: what its targets say of themselves."""
        rows = [[case, law, _plain(name), *both] for (case, law, name), both in scripts.items() if self._is_mine(name)]
        told = {_plain(name): info for name, info in self._mine(targets).items()}
        if set(self._targets) <= set(told) and not any(info["missing"] for info in told.values()):
            spent = {_plain(name): number for name, number in self._mine(seconds).items()}
            self._write({"kind": "end", "targets": told, "seconds": spent, "scripts": rows})

    def clear(self) -> None:
        """Forget what an earlier try was answered."""
        self._path.unlink(missing_ok=True)
        self.cases, self.ended, self.visited = {}, None, {}

    def _mine(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {name: it for name, it in told.items() if self._is_mine(name)}

    def _is_mine(self, name: str) -> bool:
        return Target.of(name).environment == self._side

    def _write(self, line: Mapping[str, Any]) -> None:
        """One line at once, so that what is stopped leaves whole ones; a disk that is full or read-only loses it."""
        with contextlib.suppress(OSError):
            new = not self._path.exists()
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(line, default=_listed)}\n")
            if new:
                _thin(self._path.parent)


def journal(
    environment: Environment, side: str, targets: Sequence[Target], cases: Sequence[Case], session: Session
) -> Journal:
    """The journal of a side of this session."""
    plain = [target.plain.name for target in targets]
    options = session.options
    said = {
        "targets": plain,
        "versions": environment.versions,
        "cases": [(case.id, case.digest) for case in cases],
        "laws": [(law.id, law.version) for law in session.laws],
        "oracles": VERSION,
        "code": _code(),
        "adapters": [adapter_of(target.backend, session.backends) for target in targets],
        "known": _of_files(sorted(options.known.rglob("known.yaml")) + sorted(options.known.glob("*.yaml"))),
        "deadline": options.deadline,
        "platform": platform_told(),
        "variables": {name: text for name, text in os.environ.items() if name.startswith(VARIABLES)},
    }
    key = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
    return Journal(environment.folder / FOLDER, key, side, plain)


@cache
def _code() -> str:
    """A digest of the code that asks and judges."""
    folders = (ENGINE, ROOT / "backends", ROOT / "tests" / "laws")
    return _of_files(sorted(path for folder in folders for path in folder.rglob("*.py")))


def _of_files(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; none where there is none."""
    found: list[dict[str, Any]] = []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return found
    for line in text.splitlines():
        with contextlib.suppress(ValueError):  # the last one of what was killed
            found.append(json.loads(line))
    return found


def _passes(record: Mapping[str, Any]) -> bool:
    """Whether a record may be of this moment alone: no answer, no end within the deadline, no memory."""
    if record["kind"] != "verdict":
        return False
    finding = record.get("finding") or {}
    return record["verdict"] == "not-run" or record["outcome"] in PASSING or finding.get("kind") in ("memory", "slow")


def _plain(name: str) -> str:
    return Target.of(name).plain.name


def _listed(value: Any) -> Any:
    """What JSON does not know by itself: sets, and records."""
    return sorted(value) if isinstance(value, set | frozenset) else asdict(value)


def _thin(folder: Path) -> None:
    """Drop all journals but the newest ones."""
    for old in sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)[MOST:]:
        old.unlink(missing_ok=True)
