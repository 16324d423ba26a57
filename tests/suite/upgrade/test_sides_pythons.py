"""A Python for each side of an upgrade: which one each is made of, and how a header tells that they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convt.cli import parser
from convt.commands.parts import UsageError
from convt.commands.upgrade import run
from convt.host.registry import built_in
from convt.upgrade import installing
from convt.upgrade.environments import Environment
from convt.upgrade.installing import Options, install
from convt.upgrade.pythons import Python
from convt.upgrade.request import upgrade
from tests.suite.upgrade.test_pythons import fake


class Builds:
    """A `build` that makes nothing: environments by name, of the Python that was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[str | None, str]] = {}

    def __call__(self, requirements: Any, *, name: str, python: str | None, option: str, **_: Any) -> Environment:
        self.asked[name] = (python, option)
        version = (python or "3.11").rpartition("python")[2]
        return Environment(name, Path("python"), tuple(requirements), {"jax": name}, made_of=Python("", "", version))


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Builds:
    builds = Builds()
    monkeypatch.setattr(installing, "build", builds)
    monkeypatch.setattr(installing, "check", lambda *_, **__: None)
    return builds


ASKED = upgrade("jax==0.10.2", "jax==0.12.0", "", ["jax"], built_in())


def test_pythons_that_differ_are_said_among_what_is_not_the_same(builds: Builds) -> None:
    pair = install(ASKED, Options({"after": "python3.12"}), lambda _: None)
    assert builds.asked == {"before": (None, "--before-python"), "after": ("python3.12", "--after-python")}
    assert "  NOT the same on both sides: Python 3.11 -> 3.12" in pair.lines()


def test_one_python_is_not_said(builds: Builds) -> None:
    pair = install(ASKED, Options({"before": "python3.12", "after": "python3.12"}), lambda _: None)
    assert not [line for line in pair.lines() if "NOT the same" in line]


class Stopped(Exception):
    """The environments would be built now."""


@pytest.mark.parametrize(
    ("words", "sides"),
    [
        ([], {}),
        (["--python=3.12"], {"before": "3.12", "after": "3.12"}),
        (["--after-python=3.13"], {"after": "3.13"}),
        (["--python=3.12", "--before-python=3.13"], {"before": "3.13", "after": "3.12"}),
    ],
)
def test_a_sides_own_python_overrides_that_of_both(
    words: list[str], sides: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {version: fake(tmp_path / f"python{version}", f"{version}.1") for version in ("3.12", "3.13")}
    given: list[Options] = []

    def stop(asked: Any, options: Options, say: Any) -> None:
        given.append(options)
        raise Stopped

    monkeypatch.setattr("convt.commands.upgrade.install", stop)
    monkeypatch.setattr("convt.upgrade.pythons.everywhere", lambda: [(path, True) for path in paths.values()])
    with pytest.raises(Stopped):
        run(parser().parse_args([*BASE, f"--report={tmp_path}", *words]))
    assert given[0].pythons == {side: str(paths[version]) for side, version in sides.items()}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--after-python=3.9"], "--after-python: found '3.9', accepted Python 3.10 or newer"),
        (["--before-python=/no/python"], "--before-python: found no Python '/no/python', accepted a version"),
        (["--python=~nobody/python"], "--python: found no Python '~nobody/python', accepted a version"),
    ],
)
def test_a_python_that_cannot_be_is_refused_by_the_option_that_named_it(
    words: list[str], says: str, tmp_path: Path, builds: Builds
) -> None:
    with pytest.raises(UsageError) as caught:
        run(parser().parse_args([*BASE, f"--report={tmp_path}", *words]))
    assert says in str(caught.value)
    assert builds.asked == {}


BASE = ["upgrade", "--before=jax==0.10.2", "--after=jax==0.12.0", "--target=jax", "-k", "gap", "--law=value"]
