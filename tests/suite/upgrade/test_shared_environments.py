"""What `convt upgrade` has built, `convt bisect` uses: environments that are made by a fake, and counted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from convt.cli import parser
from convt.commands.bisect import Outside, _question
from convt.host.registry import built_in
from convt.upgrade import environments, installing
from convt.upgrade.cache import WHOLE
from convt.upgrade.environments import Environment, build
from convt.upgrade.installing import Options, install
from convt.upgrade.request import upgrade

Makes = Callable[..., list[tuple[str, ...]]]


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Makes:
    """Have environments made without an installer, with what is asked for but these `versions`; what was made."""
    made: list[tuple[str, ...]] = []
    monkeypatch.setenv("CONVT_ENVIRONMENTS", str(tmp_path / "cache"))
    monkeypatch.setattr(installing, "check", lambda *_, **__: None)

    def start(**versions: str) -> list[tuple[str, ...]]:
        def make(job: Any) -> None:
            made.append(tuple(it.text for it in job.asked))
            job.python.parent.mkdir(parents=True)
            job.python.symlink_to(sys.executable)
            there = _versions([*(it.text for it in job.asked), *job.held.values()]) | versions
            (job.folder / WHOLE).write_text(json.dumps({"versions": there, "notes": []}))

        monkeypatch.setattr(environments, "_make", make)
        return made

    return start


def _versions(lines: list[str]) -> dict[str, str]:
    return {line.partition("==")[0]: line.partition("==")[2] for line in lines if "==" in line}


def bisected(package: str, version: str, target: str, *more: str) -> Environment:
    """The environment that bisecting has for one version."""
    words = ["bisect", package, version, "99", "--case=same-k5-s2-picture", f"--target={target}", *more]
    question = _question(parser().parse_args(words), Outside())
    built = question.build(question.requirements(version), f"{package}-{version}")
    assert isinstance(built, Environment)
    return built


@pytest.mark.parametrize(
    ("package", "version", "target"),
    [
        ("keras", "3.10.0", "keras-torch"),
        ("keras", "3.10.0", "keras-jax"),
        ("jax", "0.9.2", "jax"),
        ("torch", "2.13.0", "pytorch"),
        ("onnxruntime", "1.30.0", "onnxruntime"),
    ],
)
def test_bisecting_uses_what_an_upgrade_has_built(package: str, version: str, target: str, makes: Makes) -> None:
    made = makes()
    asked = upgrade(f"{package}=={version}", f"{package}==88", "", [target], built_in())
    pair = install(asked, Options(), lambda _: None)
    assert len(made) == 2
    assert bisected(package, version, target).python == pair.before.python
    assert len(made) == 2


def test_other_companions_are_another_environment(makes: Makes) -> None:
    made = makes()
    install(upgrade("keras==3.10.0", "keras==88", "", ["keras-torch"], built_in()), Options(), lambda _: None)
    bisected("keras", "3.10.0", "keras-torch", "--with", "torch==2.12.0")
    assert len(made) == 3


def test_one_in_which_a_pin_gave_way_is_not_used_for_what_asks_for_it_exactly(makes: Makes) -> None:
    made = makes(torch="2.11.0")
    held: Mapping[str, str] = {"torch": "torch==2.13.0"}
    asks_exactly = ["keras==3.10.0", "torch==2.13.0"]
    loose = build(["keras==3.10.0", "torch"], name="loose", constraints=held)
    makes()
    exact = build(asks_exactly, name="exact", constraints=held)
    assert (loose.versions["torch"], exact.versions["torch"]) == ("2.11.0", "2.13.0")
    assert build(asks_exactly, name="again", constraints=held).python == exact.python != loose.python
    assert len(made) == 2
