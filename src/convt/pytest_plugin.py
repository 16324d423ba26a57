"""pytest's side of a conformance run: options, items, and where verdicts go. The work is in the rooms."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from convt.plugin.distribution import Distribution
from convt.plugin.items import VERDICTS
from convt.plugin.options import add_options, read_options
from convt.plugin.recorder import Recorder
from convt.session.plan import AHEAD
from convt.session.run import Run

RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    run = config.stash[RUN] = Run(read_options(config))
    run.check()
    for name, says in run.marks().items():
        config.addinivalue_line("markers", f"{name}: {says}")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config, run), "convt-recorder")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Distribution(run), "convt-distribution")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Read the specification first: what is wrong in a file is said in its lines, and no item is made."""
    if not all("suite" in Path(argument).parts for argument in session.config.args):
        session.config.stash[RUN].read()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    run = metafunc.config.stash[RUN]
    for name, items in (("pair", run.pairs), ("law_on", run.laws_on)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, items())


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    return config.stash[RUN].describe()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    shared = hasattr(session.config, "workerinput")  # then another process may have the next chunk
    session.config.stash[RUN].plan(session.items, ahead=0 if shared else AHEAD)


@pytest.fixture
def run(pytestconfig: pytest.Config) -> Run:
    """The conformance run that this item belongs to."""
    return pytestconfig.stash[RUN]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        report.convt = item.stash.get(VERDICTS, [])
        item.stash[VERDICTS] = []  # pytest keeps its items until the end
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the controller which targets it had, and the scripts that it owes."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        run = session.config.stash[RUN]
        output["convt"] = {
            "targets": run.told(),
            "scripts": list(run.settle().items()),
            "seconds": run.spent(),
        }


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()
