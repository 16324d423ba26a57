"""pytest's side of the line that says how far a run is: dots are for `-v`, and for tests of another kind."""

from __future__ import annotations

import pytest

from convt.plugin.collecting import planned
from convt.session.progress import Progress
from convt.session.session import Session


class Line:
    """A pytest plugin of the controlling process. Silent where pytest is asked for more words, or for fewer."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config, self._session = config, session
        self._progress: Progress | None = None

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for an item of a run: the line counts it."""
        if self._config.option.verbose > 0 or not hasattr(report, "convt"):
            return None
        expected = hasattr(report, "wasxfail") and report.skipped
        return "xfailed" if expected else report.outcome, "", ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        option = session.config.option
        if reporter is None or option.verbose or option.collectonly or not any(planned(session.items)):
            return
        reporter.showfspath = False
        self._progress = Progress(
            len(session.items), self._session.waiting, self._session.options.report, reporter._tw._file, reporter.isatty
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ended = report.when == "call" or (report.when == "setup" and report.outcome != "passed")
        if self._progress is not None and ended:
            self._progress.step(report.failed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._progress is not None:
            self._progress.finish()
