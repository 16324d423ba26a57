"""Two sides that are one version are no comparison; which newer one there is, and for which Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from convt.host.registry import built_in
from convt.upgrade.elsewhere import newer_for_another_python, one_version
from convt.upgrade.environments import Environment
from convt.upgrade.installing import Pair
from convt.upgrade.request import upgrade


def pair(before: str, after: str, *versions: str) -> Pair:
    """Both sides of jax, with these versions of it."""
    asked = upgrade(before, after, "", ["jax"], built_in())
    texts = (asked.before, asked.after)
    first, second = (
        Environment(name, Path("python"), text, {"jax": version})
        for name, text, version in zip(("before", "after"), texts, versions, strict=True)
    )
    return Pair(first, second, asked)


class Pip:
    """What pip would say: a list of versions, and what the newest needs."""

    def __init__(self, *versions: str, needs: str | None = ">=3.12", status: int = 0) -> None:
        self.versions, self.needs, self.status = versions, needs, status
        self.asked: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.asked.append(command[3:])
        said = json.dumps({"versions": self.versions})
        if "install" in command:
            said = json.dumps({"install": [{"metadata": {"requires_python": self.needs} if self.needs else {}}]})
        return subprocess.CompletedProcess(command, self.status, said, "no network")


def test_one_version_in_two_words_stops_with_the_newer_one_and_its_python() -> None:
    pip = Pip("0.12.0", "0.10.2")
    assert one_version(pair("jax==0.10.2", "jax", "0.10.2", "0.10.2"), None, pip) == (
        "jax 0.10.2 on both sides: nothing to compare; jax 0.12.0 is released and needs Python >=3.12: name one with"
        " --python"
    )
    assert pip.asked[0] == ["index", "versions", "jax", "--ignore-requires-python"]
    assert pip.asked[1][-1] == "jax==0.12.0"


@pytest.mark.parametrize(
    ("before", "after", "versions"),
    [
        ("jax==0.10.2", "jax", ("0.10.2", "0.12.0")),
        ("jax==0.10.2", "jax==0.10.2", ("0.10.2", "0.10.2")),
    ],
    ids=["two-versions", "one-with-itself"],
)
def test_what_was_asked_for_is_compared(before: str, after: str, versions: tuple[str, str]) -> None:
    pip = Pip("0.12.0")
    assert one_version(pair(before, after, *versions), None, pip) == ""
    assert pip.asked == []


@pytest.mark.parametrize(
    ("pip", "says"),
    [
        (Pip("0.10.2", "0.9.2"), ""),
        (Pip("0.12.0", needs=None), "jax 0.12.0 is released"),
        (Pip("0.12.0", status=1), ""),
    ],
    ids=["none-newer", "any-python", "no-network"],
)
def test_what_nobody_knows_is_not_said(pip: Pip, says: str) -> None:
    assert newer_for_another_python("jax", "0.10.2", None, pip) == says
    stopped = one_version(pair("jax==0.10.2", "jax", "0.10.2", "0.10.2"), None, pip)
    assert stopped.startswith("jax 0.10.2 on both sides: nothing to compare; ")
    assert says in stopped


@pytest.mark.parametrize("after", ["jax-0.10.2-py3-none-any.whl", "jax @ https://example.org/jax-0.10.2.tar.gz"])
def test_another_build_of_one_version_is_compared(after: str) -> None:
    one = pair("jax==0.10.2", "jax", "0.10.2", "0.10.2")
    built = replace(one, upgrade=replace(one.upgrade, after=(after,)))
    assert one_version(built, None, Pip("0.12.0")) == ""
