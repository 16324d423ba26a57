"""pytest's side of the line that says how far a run is: dots are for `-v`, and for tests of another kind."""

from __future__ import annotations

import contextlib
import os
from typing import IO

import pytest

from convt.plugin.collecting import planned
from convt.session.progress import Progress
from convt.session.session import Session

FILES = ("test_cases.py::", "test_generated.py::")


def kept_open(file: IO[str]) -> IO[str] | None:
    """The same place by a descriptor of its own, which pytest's capture of an item's output does not turn away: an item
    waits for its target most of a run. None where the file has no descriptor."""
    try:
        file.flush()
        encoding, errors = getattr(file, "encoding", None), getattr(file, "errors", None)
        return os.fdopen(os.dup(file.fileno()), "w", encoding=encoding, errors=errors)
    except (OSError, ValueError):  # a stream in memory, or one that is closed
        return None


class Line:
    """A pytest plugin of the controlling process. Silent where pytest is asked for more words, or for fewer."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config, self._session = config, session
        self._progress: Progress | None = None
        self._file: IO[str] | None = None

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for an item of a run: the line counts it."""
        if self._config.option.verbose > 0 or not hasattr(report, "convt"):
            return None
        expected = hasattr(report, "wasxfail") and report.skipped
        return "xfailed" if expected else report.outcome, "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        if any(planned(session.items)):
            self._begin(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Under pytest-xdist this process has no items of its own; each of the others has all."""
        if self._progress is None and any(path in name for name in ids[:1] for path in FILES):
            self._begin(len(ids))

    def _begin(self, items: int) -> None:
        reporter, option = self._config.pluginmanager.getplugin("terminalreporter"), self._config.option
        if reporter is None or option.verbose or option.collectonly:
            return
        reporter.showfspath = False
        self._file = kept_open(reporter._tw._file)
        waiting, folder = self._session.waiting, self._session.options.report
        self._progress = Progress(items, waiting, folder, self._file or reporter._tw._file, reporter.isatty)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ended = report.when == "call" or (report.when == "setup" and report.outcome != "passed")
        if self._progress is not None and ended:
            self._progress.step(report.failed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._progress is not None:
            self._progress.finish()
        if self._file is not None:
            with contextlib.suppress(OSError):  # nobody reads it any more
                self._file.close()
