"""The controller's side: collects what items say, keeps known differences strict, and tells how the run went."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from convt.plugin.baseline import Against
from convt.plugin.terminal import Told, tell
from convt.results.reader import read_run
from convt.session.recording import Recording, target_infos
from convt.session.session import Session

TYPED = "convt-typed"
TOLD = "convt_targets"
"""What a report of pytest carries of targets that no earlier one told, from a process of pytest-xdist."""
NO_ANSWER = pytest.ExitCode.INTERRUPTED
"""Exit status 2, as every command of convt has it."""
MANY = 4000
"""From how many verdicts on their page is drawn by a process of its own, which takes half a second to start."""


@dataclass(frozen=True)
class Typed:
    """A plugin of pytest that tells what the user typed, where that was not pytest's own command line."""

    command: str
    __name__ = TYPED  # by which pytest finds it

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self) -> Iterator[Any]:
        """What pytest refuses stands after --, for what stands before it was read; without pytest's own usage."""
        try:
            return (yield)
        except pytest.UsageError as error:
            said = re.search(r"error: (.*)", str(error))
            why = said[1] if said else str(error)
            raise pytest.UsageError(f"{why}; after -- stand options of pytest, which `pytest --help` lists") from None


class Recorder:
    """A pytest plugin of the controlling process."""

    def __init__(self, config: pytest.Config, session: Session, against: Against | None) -> None:
        self._config, self._session, self._against = config, session, against
        typed = config.pluginmanager.get_plugin(TYPED)
        command = typed.command if typed else shlex.join(["pytest", *map(str, config.invocation_params.args)])
        self.recording = Recording(session, command)
        self._complaints: list[str] = []
        self._written: list[Path] = []
        self._interrupted = False
        self._asked = False  # whether any item of a run was judged, if only by no law

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._asked = self._asked or "convt" in report.__dict__
        self.recording.meet(report.__dict__.pop(TOLD, {}))
        self.recording.add(report.__dict__.pop("convt", []))  # pytest keeps its reports until the end

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from the stop after so many failures, which raises the same; and say it in our words."""
        stop = isinstance(excinfo.value, KeyboardInterrupt) and type(excinfo.value) is not KeyboardInterrupt
        self._interrupted = not stop  # pytest and pytest-xdist each have an exception of their own for that stop
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if self._interrupted and reporter is not None and not self._config.option.fulltrace:
            reporter._report_keyboardinterrupt = lambda: None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of pytest-xdist says at its end."""
        said = getattr(node, "workeroutput", {}).get("convt")
        if said is not None:
            scripts = {tuple(key): told for key, told in said["scripts"]}
            self.recording.hear(said["targets"], said["seconds"], scripts, said["visited"])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        recording, path = self.recording, self._session.options.report / "run.jsonl"
        if not recording.verdicts:
            self._tell_nothing(session, path)
            return
        recording.finish(self._interrupted)
        if self._interrupted:
            self._complaints = [f"interrupted: {_shown(path)} has what was judged until then, and is marked as partial"]
        else:
            self._conclude(session, exitstatus == pytest.ExitCode.INTERRUPTED)
        recording.write(path, int(session.exitstatus), self._interrupted)
        self._written.append(path)
        self._draw(path, path.with_name("index.html"))

    def _tell_nothing(self, session: pytest.Session, path: Path) -> None:
        """Where nothing was judged nothing is written, and an earlier run file is not of this run."""
        earlier = f"; {_shown(path)} is of {_date(path)}" if path.is_file() else ""
        if self._interrupted:
            self._complaints = [f"interrupted: nothing written{earlier}"]
        elif self._asked and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = NO_ANSWER
            self._complaints = [f"no answer: no law applies to what was chosen, so nothing was written{earlier}"]

    def _conclude(self, session: pytest.Session, stopped: bool) -> None:
        """Decide the exit status. `stopped`: after as many failures as -x or --maxfail allow, and by no person."""
        if stopped and session.testsfailed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._complaints = self.recording.unmatched() if self._whole(session, stopped) else []
        if self._fatal(session, stopped) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        lacking = self._unanswered()
        self._complaints += [*lacking, *self._session.advice()]
        if session.exitstatus == pytest.ExitCode.OK and (
            lacking or not self.recording.answered or (self._against is not None and self._against.unanswered)
        ):
            session.exitstatus = NO_ANSWER

    def _unanswered(self) -> list[str]:
        """What the user named and did not run: of a target that nobody named, the sentence says so and no more."""
        named = self._session.options.targets
        lost = [name for name, info in self.recording.targets.items() if info["missing"]]
        return [f"no answer of {', '.join(lost)}, named on the command line"] if named and lost else []

    def _whole(self, session: pytest.Session, stopped: bool) -> bool:
        """Whether every case and law of the targets was judged, so that a known difference ought to have matched."""
        stopped = bool(stopped or session.shouldstop or session.shouldfail or self._config.getoption("maxfail"))
        return not (self._session.options.narrowed or stopped or self._session.options.profile.covered)

    def _fatal(self, session: pytest.Session, stopped: bool) -> list[str]:
        """The complaints that fail the run: against a baseline, only those about what got worse."""
        if self._against is None:
            return self._complaints
        whole = not (stopped or session.shouldstop or session.shouldfail)
        verdicts, targets = tuple(self.recording.verdicts.values()), target_infos(self.recording.targets)
        worse = self._against.finish(verdicts, self._session.cases, targets, whole)
        self._complaints += worse
        return worse

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.recording.verdicts:
            for line in self._complaints:
                terminalreporter.write_line(line)
            return
        recording, against = self.recording, self._against
        targets = {name: _label(name, info) for name, info in recording.targets.items()}
        mine = recording.mine(self._interrupted)
        said = [*(against.describe(target_infos(recording.targets)) if against else []), *self._complaints]
        told = Told(
            recording.counts(), targets, [law.id for law in self._session.laws],
            cases=len({key[0] for key in recording.verdicts}),
            known=len({it.known for it in recording.verdicts.values() if it.known}),
            missing={name: info["missing"] for name, info in recording.targets.items() if info["missing"]},
            lines=[*said, *(against.lines if against else [])], written=self._written, partial=self._interrupted,
            mine=mine.parts if mine else (),
        )  # fmt: skip
        terminalreporter.section("convt")
        tell(told, terminalreporter._tw._file, terminalreporter._tw.hasmarkup)

    def _draw(self, run: Path, page: Path) -> None:
        """The page; that of many verdicts by another process: the run a second time would be the peak of this one."""
        if len(self.recording.verdicts) > MANY:
            command = [sys.executable, "-m", "convt", "page", str(run), "--out", str(page)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            fault = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1] if done.returncode else ""
        else:
            fault = _drawn_here(run, page)
        if not fault:
            self._written.append(page)
        else:
            repeat = shlex.join(["convt", "page", os.path.relpath(run), "--out", os.path.relpath(page)])
            self._complaints.append(f"{page} was not drawn: {fault}; repeat: {repeat}")


def _drawn_here(run: Path, page: Path) -> str:
    """Draw the page in this process; why it could not be, or nothing."""
    from convt.page.page import write_page

    try:
        write_page(read_run(run), page)
    except Exception as error:  # the verdicts are judged and written: a page that fails must not end the run
        return f"{type(error).__name__}: {error}"
    return ""


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _date(path: Path) -> str:
    """When a file was written, to the minute."""
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat(" ", "minutes")


def _label(name: str, info: dict[str, Any]) -> str:
    versions = list(info["versions"].values())
    return f"{name} {versions[0]}" if versions else f"{name} did not run"
