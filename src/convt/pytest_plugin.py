"""pytest's side of a conformance run: options, items, and where verdicts go. What it does stands in `convt.plugin`."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from convt.cases.errors import SpecErrors
from convt.laws.catalogue import BadLaw
from convt.plugin.baseline import AGAINST, Against
from convt.plugin.collecting import laws_on, marks, nothing_chosen, pairs, planned
from convt.plugin.distribution import Distribution
from convt.plugin.items import VERDICTS
from convt.plugin.options import add_options, read_options
from convt.plugin.progress import Line
from convt.plugin.recorder import TOLD, Recorder
from convt.plugin.terminal import started
from convt.results.targets import TargetError
from convt.session.options import BadOption
from convt.session.session import Session

SESSION = pytest.StashKey[Session]()
LEFT_OUT = pytest.StashKey[bool]()
"""Whether -k, -m or the like left out any item."""
NEWS = pytest.StashKey[set[str]]()
"""The names of the targets that reports have told, in a process of pytest-xdist."""


@contextmanager
def _usage() -> Iterator[None]:
    """What the session refuses, as pytest tells it: without a traceback, and with its own exit status."""
    try:
        yield
    except (BadLaw, BadOption, TargetError) as error:
        raise pytest.UsageError(str(error)) from None
    except SpecErrors as error:
        raise pytest.UsageError("\n".join(error.errors)) from None


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    with _usage():
        session = config.stash[SESSION] = Session(read_options(config))
        session.check()
        for line in marks(session):
            config.addinivalue_line("markers", line)
        options = session.options
        against = None
        if options.baseline is not None:
            against = Against(options.baseline, options.update_baseline, session.laws, session.known)
            against.check(options.targets)
        config.stash[AGAINST] = against
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config, session, against), "convt-recorder")
        config.pluginmanager.register(Line(config, session), "convt-progress")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(
            Distribution(session.options.seed, session.options.narrowed), "convt-distribution"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Read the specification first: what is wrong in a file is said in its lines, and no item is made."""
    if all("suite" in Path(argument).parts for argument in session.config.args):
        return
    own = session.config.stash[SESSION]
    if not hasattr(session.config, "workerinput") and not session.config.option.collectonly:
        with _usage():
            own.check_places()
    if own.options.targets and not _elsewhere(session.config):
        own.begin(own.targets)  # importing a framework and reading the specification take as long, and both can be now
    with _usage():
        own.read()
    _tell_mine(session.config, own)


def _tell_mine(config: pytest.Config, session: Session) -> None:
    """Say that layers of the user's own were found; once, where several processes share a run."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    loud = config.option.verbose >= 0 and not config.option.collectonly and not hasattr(config, "workerinput")
    if session.mine_told and reporter is not None and loud:
        reporter.write_line(session.mine_told)


def _elsewhere(config: pytest.Config) -> bool:
    """Whether nothing is judged in this process, or what is judged is shared out over the processes of pytest-xdist."""
    return config.option.collectonly or config.pluginmanager.hasplugin("dsession") or hasattr(config, "workerinput")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    session = metafunc.config.stash[SESSION]
    for name, items in (("pair", pairs), ("law_on", laws_on)):
        if name in metafunc.fixturenames:
            with _usage():
                metafunc.parametrize(name, items(session))


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items:
        items[0].config.stash[LEFT_OUT] = True


def pytest_collection_finish(session: pytest.Session) -> None:
    narrowed = session.config.stash.get(LEFT_OUT, False)  # else there was nothing before -k and -m were asked
    if not session.items and narrowed and (said := nothing_chosen(session.config, session.config.stash[SESSION])):
        raise pytest.UsageError(said)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    shared = hasattr(session.config, "workerinput")  # then another process may have the next chunk
    items, own = list(planned(session.items)), session.config.stash[SESSION]
    own.plan(items, ahead=0 if shared else None)
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if not items or shared or reporter is None or session.config.option.collectonly:
        return
    own.start(item.target for item in items)
    if session.config.option.verbose >= 0:
        for line in started(own, flags=session.config.option.verbose > 0):
            reporter.write_line(line)


@pytest.fixture
def conformance(pytestconfig: pytest.Config) -> Session:
    """The conformance session that this item belongs to."""
    return pytestconfig.stash[SESSION]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call" and VERDICTS in item.stash:
        report.convt = item.stash[VERDICTS]
        if hasattr(item.config, "workerinput"):
            setattr(report, TOLD, _news(item.config))
        del item.stash[VERDICTS]  # pytest keeps its items until the end
    return report


def _news(config: pytest.Config) -> dict[str, Any]:
    """The targets that no report of this process told: pytest may end before it tells all of them at its end."""
    known = config.stash.setdefault(NEWS, set())
    found = {name: info for name, info in config.stash[SESSION].told().items() if name not in known}
    known |= found.keys()
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the controller which targets it had, and the scripts that it owes."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        own = session.config.stash[SESSION]
        scripts = list(own.settle().items())
        told = {"targets": own.told(), "scripts": scripts, "seconds": own.spent(), "visited": own.visited.told()}
        output["convt"] = told


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.close()
