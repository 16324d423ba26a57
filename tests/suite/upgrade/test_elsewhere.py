"""Two sides that are one version are no comparison; which newer one there is, and for which Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.host.registry import built_in
from convt.upgrade.elsewhere import held_back, newer_for_another_python, one_version
from convt.upgrade.environments import Environment
from convt.upgrade.installing import Pair
from convt.upgrade.offers import Index
from convt.upgrade.pythons import Python
from convt.upgrade.request import upgrade
from tests.suite.upgrade.listing import Pip

PYTHON = Python("python", "python", "3.11.7")
NEWER = {
    "jax-0.10.2-py3-none-any.whl": ">=3.11",
    "jax-0.12.0-py3-none-any.whl": ">=3.12",
    "jax-0.12.0.tar.gz": ">=3.12",
}


def pair(before: str, after: str, *versions: str) -> Pair:
    """Both sides of jax, with these versions of it."""
    asked = upgrade(before, after, "", ["jax"], built_in())
    texts = (asked.before, asked.after)
    first, second = (
        Environment(name, Path("python"), text, {"jax": version}, made_of=PYTHON)
        for name, text, version in zip(("before", "after"), texts, versions, strict=True)
    )
    return Pair(first, second, asked)


def test_one_version_in_two_words_stops_with_the_newer_one_and_its_python() -> None:
    pip = Pip(NEWER)
    assert one_version(pair("jax==0.10.2", "jax", "0.10.2", "0.10.2"), Index(runs=pip)) == (
        "jax 0.10.2 on both sides: nothing to compare; jax 0.12.0 has wheels for Python >=3.12 and this side is built "
        "with 3.11: --after-python 3.12"
    )
    assert pip.asked == [["index", "versions", "jax", "-vv"]]


@pytest.mark.parametrize(
    ("before", "after", "versions"),
    [
        ("jax==0.10.2", "jax", ("0.10.2", "0.12.0")),
        ("jax==0.10.2", "jax==0.10.2", ("0.10.2", "0.10.2")),
    ],
    ids=["two-versions", "one-with-itself"],
)
def test_what_was_asked_for_is_compared(before: str, after: str, versions: tuple[str, str]) -> None:
    pip = Pip(NEWER)
    assert one_version(pair(before, after, *versions), Index(runs=pip)) == ""
    assert pip.asked == []


def test_one_version_on_two_pythons_is_compared() -> None:
    one = pair("jax==0.10.2", "jax", "0.10.2", "0.10.2")
    other = replace(one, after=replace(one.after, made_of=Python("python", "python", "3.12.1")))
    assert one_version(other, Index(runs=Pip(NEWER))) == ""


@pytest.mark.parametrize(
    ("pip", "says"),
    [
        (Pip({"jax-0.10.2-py3-none-any.whl": "", "jax-0.9.2-py3-none-any.whl": ""}), ""),
        (Pip({"jax-0.12.0rc1-py3-none-any.whl": ">=3.12"}), ""),
        (Pip({"jax-0.12.0-py3-none-any.whl": ""}), "jax 0.12.0 is released"),
        (Pip(NEWER, status=1), ""),
    ],
    ids=["none-newer", "pre-release", "any-python", "no-network"],
)
def test_what_nobody_knows_is_not_said(pip: Pip, says: str) -> None:
    assert newer_for_another_python("jax", "0.10.2", PYTHON, Index(runs=pip)) == says
    stopped = one_version(pair("jax==0.10.2", "jax", "0.10.2", "0.10.2"), Index(runs=pip))
    assert stopped.startswith("jax 0.10.2 on both sides: nothing to compare; ")
    assert says in stopped


@pytest.mark.parametrize("after", ["jax-0.10.2-py3-none-any.whl", "jax @ https://example.org/jax-0.10.2.tar.gz"])
def test_another_build_of_one_version_is_compared(after: str) -> None:
    one = pair("jax==0.10.2", "jax", "0.10.2", "0.10.2")
    built = replace(one, upgrade=replace(one.upgrade, after=(after,)))
    assert one_version(built, Index(runs=Pip(NEWER))) == ""


@pytest.mark.parametrize("after", ["jax", "jax>=0.9"])
def test_a_name_that_got_an_older_release_says_which_is_newer_and_for_which_python(after: str) -> None:
    [told] = held_back(pair("jax==0.9.2", after, "0.9.2", "0.10.2"), Index(runs=Pip(NEWER)))
    newest = "after: jax 0.10.2 is the newest for Python 3.11 on this machine"
    assert told == f"{newest}; 0.12.0 needs Python >=3.12 (--after-python 3.12)"


def test_what_other_packages_hold_back_is_said() -> None:
    pip = Pip({"jax-0.12.0-py3-none-any.whl": ""})
    assert held_back(pair("jax==0.9.2", "jax", "0.9.2", "0.10.2"), Index(runs=pip)) == [
        "after: jax 0.10.2 is taken, though 0.12.0 is released: what stands beside it holds it back"
    ]


@pytest.mark.parametrize(
    ("after", "version"), [("jax==0.10.2", "0.10.2"), ("jax<0.11", "0.10.2"), ("jax", "0.12.0"), ("jax", "0.12.0+cpu")]
)
def test_who_got_what_was_asked_for_is_told_nothing(after: str, version: str) -> None:
    assert held_back(pair("jax==0.9.2", after, "0.9.2", version), Index(runs=Pip(NEWER))) == []
    assert held_back(pair("jax==0.9.2", after, "0.9.2", version), Index(runs=Pip(NEWER, status=1))) == []
