"""The controller's side: collects verdicts, keeps known differences strict, writes the run file and the page."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from convt.content import ROOT
from convt.conv.oracles import VERSION
from convt.plugin.baseline import target_infos
from convt.plugin.terminal import matrix
from convt.results.runfile import (
    CaseRecord,
    Claim,
    DetailRecord,
    Header,
    KnownInfo,
    RunWriter,
    VerdictRecord,
)
from convt.results.vocabulary import standing
from convt.session.differences import known_target
from convt.session.run import Run
from convt.session.verdicts import case_record

Key = tuple[str, str, str]
"""Case, law, target."""
HOST_PACKAGES = ("pytest", "hypothesis", "numpy", "execnet", "pydantic", "jinja2")


class Recorder:
    """A pytest plugin of the controlling process. Keeps compact records until the end, then writes them in one go."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self._config = config
        self._run = run
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self._verdicts: dict[Key, VerdictRecord] = {}
        self._details: dict[Key, DetailRecord] = {}
        self._generated: dict[str, dict[str, Any]] = {}
        self._targets: dict[str, dict[str, Any]] = {}
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._complaints: list[str] = []
        self._written: list[Path] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for record in report.__dict__.pop("convt", []):  # pytest keeps its reports until the end
            if record["kind"] == "case":
                self._generated[record["id"]] = record
                continue
            fields = {key: value for key, value in record.items() if key != "kind"}
            key = (record["case"], record["law"], record["target"])
            if record["kind"] == "verdict":
                self._verdicts[key] = VerdictRecord(**fields)
            else:
                self._details[key] = DetailRecord(**fields)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of pytest-xdist says at its end."""
        said = getattr(node, "workeroutput", {}).get("convt")
        if said is not None:
            self._targets |= said["targets"]
            self._spend(said["seconds"])
            self._settle({tuple(key): told for key, told in said["scripts"]})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._verdicts or exitstatus == pytest.ExitCode.INTERRUPTED:
            return
        if not self._targets:  # else the workers of pytest-xdist have told
            self._targets = self._run.told()
            self._spend(self._run.spent())
            self._settle(self._run.settle())
        self._complaints = self._stale_entries(session)
        if self._fatal(session) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write(int(session.exitstatus))

    def _fatal(self, session: pytest.Session) -> list[str]:
        """The complaints that fail the run: against a baseline, only those about what got worse."""
        against = self._run.against
        if against is None:
            return self._complaints
        whole = not (session.shouldstop or session.shouldfail)
        worse = against.finish(tuple(self._verdicts.values()), self._run.cases, target_infos(self._targets), whole)
        self._complaints += worse
        return worse

    def _spend(self, seconds: Mapping[str, float]) -> None:
        for target, spent in seconds.items():
            self._spent[target] += spent

    def _settle(self, scripts: Mapping[Key, tuple[str, str]]) -> None:
        """Give the details of known differences the scripts that were owed until now."""
        for key, (call, script) in scripts.items():
            self._details[key] = dataclasses.replace(self._details[key], call=call, script=script)

    def _stale_entries(self, session: pytest.Session) -> list[str]:
        """Known differences that matched nothing, where every case and law of their targets was judged."""
        narrowing = ("keyword", "markexpr", "--law", "--spec", "lf", "failedfirst")
        narrowed = any(self._config.getoption(name, None) for name in narrowing)
        stopped = session.shouldstop or session.shouldfail or self._config.getoption("maxfail")
        covered = self._run.options.profile.covered
        if narrowed or stopped or covered or self._config.args_source.name == "ARGS":
            return []
        if self._run.options.profile.folder and any(it.verdict == "not-run" for it in self._verdicts.values()):
            return []  # there was no memory for some of them
        matched = {record.known for record in self._verdicts.values()}
        ran = [known_target(info) for info in self._targets.values() if not info["missing"]]
        return [
            f"{entry.origin}: known difference {entry.id} matched nothing; delete it, or mend its predicate"
            for entry in self._run.known
            if bool(self._run.options.profile.folder) == (entry.laws == ("large",))  # other cases are asked there
            and entry.id not in matched
            and not entry.intermittent
            and any(entry.about(target) for target in ran)
        ]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._verdicts:
            return
        counts: dict[tuple[str, str], Counter[str]] = {}
        for record in self._verdicts.values():
            counts.setdefault((record.target, record.law), Counter())[standing(record)] += 1
        labels = {name: _label(name, info) for name, info in self._targets.items()}
        laws = [law.id for law in self._run.laws]
        cases = len({key[0] for key in self._verdicts})
        terminalreporter.section(
            f"convt: {len(self._verdicts):,} verdicts, {cases:,} cases, {len(laws)} laws, {len(labels)} targets"
        )
        said = self._run.against.lines if self._run.against else []
        for line in [*matrix(counts, labels, laws), *self._complaints, *said]:
            terminalreporter.write_line(line)
        for path in self._written:
            terminalreporter.write_line(f"wrote {os.path.relpath(path)}")

    def _write(self, exit_status: int) -> None:
        path = self._run.options.report / "run.jsonl"
        judged = {key[0] for key in self._verdicts}
        with RunWriter(path) as writer:
            writer.write(self._header())
            for case in self._run.cases:
                if case.id in judged:
                    writer.write(_case(case_record(case)))
            for name in sorted(judged & set(self._generated)):
                writer.write(_case(self._generated[name]))
            for verdict in self._verdicts.values():
                writer.write(verdict)
            for detail in self._details.values():
                writer.write(detail)
            seconds = {name: round(spent, 3) for name, spent in sorted(self._spent.items())}
            longest = {name: round(spent, 3) for name, spent in sorted(self._run.longest().items())}
            writer.finish(round(time.monotonic() - self._began, 1), exit_status, seconds, longest)
        self._written.append(path)
        self._draw(path, path.with_name("index.html"))

    def _draw(self, run: Path, page: Path) -> None:
        """The page, drawn by a process of its own: the whole run a second time would be this one's peak of memory."""
        command = [sys.executable, "-m", "convt", "page", str(run), "--out", str(page)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            self._written.append(page)
        else:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            self._complaints.append(f"{page} was not drawn: {last}; repeat: {shlex.join(command[1:])}")

    def _header(self) -> Header:
        options = self._run.options
        return Header(
            started=self._started.isoformat(timespec="seconds"),
            seed=options.seed,
            profile=options.profile.name,
            platform=_platform(),
            command=shlex.join(["pytest", *self._config.invocation_params.args]),
            targets=tuple(target_infos(self._targets)),
            laws=tuple(law.info for law in self._run.laws),
            packages={name: version(name) for name in HOST_PACKAGES},
            known=tuple(KnownInfo(k.id, k.reason, k.issue, k.since, k.origin, k.intermittent) for k in self._run.known),
            oracles=VERSION,
        )


def _platform() -> dict[str, Any]:
    return {
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        **instruction_sets(),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
    }


SETS = re.compile(r"sse4_[12]|avx\w*|fma|f16c|amx_\w+|asimd\w*|sve\w*|bf16|i8mm")


def instruction_sets(info: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """The processor's name and the vector instruction sets by which libraries pick their kernels; nothing where the
    system does not tell."""
    try:
        text = info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    said: dict[str, str] = dict(re.findall(r"^(model name|flags|Features)\s*:\s*(.*)$", text, re.MULTILINE))
    flags = said.get("flags", said.get("Features", "")).split()
    found = {"cpu": said.get("model name", ""), "isa": " ".join(sorted({f for f in flags if SETS.fullmatch(f)}))}
    return {name: value for name, value in found.items() if value}


def _label(name: str, info: dict[str, Any]) -> str:
    versions = list(info["versions"].values())
    return f"{name} {versions[0]}" if versions else f"{name} did not run"


def _case(record: dict[str, Any]) -> CaseRecord:
    claim = record["claim"]
    fields = record | {"claim": Claim(**claim) if claim else None, "tags": tuple(record["tags"])}
    return CaseRecord(**{key: value for key, value in fields.items() if key != "kind"})
