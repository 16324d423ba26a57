"""For which Pythons and platforms a release has wheels, from what pip says of the files of its index."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.tags import platform_tags

from convt.upgrade.environments import EnvironmentFailed, check
from convt.upgrade.offers import Index, index_options, read, spans
from convt.upgrade.pythons import Python
from tests.suite.upgrade.listing import Pip
from tests.suite.upgrade.wheels import wheel

HERE = next(iter(platform_tags()))
PYTHON = Python("python", "python", "3.11.7")


def refusal(requirement: str, *files: str, needs: str = "") -> str:
    """What is said where the index has these files, all for the same Pythons, of a side on 3.11."""
    return Index(runs=Pip(dict.fromkeys(files, needs))).refusal(requirement, PYTHON, "--after-python")


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        (["it-1.0-py3-none-any.whl"], ""),
        (["it-1.0-py2.py3-none-any.whl"], ">=3.8"),
        (["it-1.0-cp39-cp39-win32.whl", f"it-1.0-cp311-cp311-{HERE}.whl"], ""),
        ([f"it-1.0-cp38-abi3-{HERE}.whl"], ">=3.8"),
        (["it-1.0-cp39-cp39-win32.whl", "it-1.0.tar.gz"], ""),
        (["it-2.0-cp39-cp39-win32.whl"], ""),
        (["other-1.0-cp39-cp39-win32.whl"], ""),
        ([], ""),
    ],
    ids=["pure", "pure-needs", "own", "abi3", "source", "another-release", "another-package", "nothing"],
)
def test_what_fits_or_what_nobody_knows_is_not_refused(files: list[str], needs: str) -> None:
    assert refusal("it==1.0", *files, needs=needs) == ""


def built_for(*minors: int) -> list[str]:
    """Wheels for this machine and these Pythons."""
    return [f"it-1.0-cp3{minor}-cp3{minor}-{HERE}.whl" for minor in minors]


THIS = "and this side is built with 3.11: --after-python"


@pytest.mark.parametrize(
    ("files", "needs", "says"),
    [
        (["it-1.0-py3-none-any.whl", "it-1.0.tar.gz"], ">=3.12", f"Python >=3.12 {THIS} 3.12"),
        (built_for(8, 9, 10), "", f"Python 3.8 to 3.10 {THIS} 3.10"),
        (built_for(10, 13), "", f"Python 3.10, 3.13 {THIS} 3.10"),
        (built_for(8, 9), "", "Python 3.8 to 3.9, and a target's process needs 3.10 or newer: ask for a newer release"),
        (["it-1.0-py2-none-any.whl"], "", "no Python 3: ask for a newer release"),
        (
            ["it-1.0-cp39-cp39-win32.whl", "it-1.0-cp311-cp311-win_amd64.whl"],
            "",
            f"win32, win_amd64, and this machine is {HERE}: no Python here can have it",
        ),
    ],
    ids=["newer", "older", "with-a-gap", "too-old", "python-2", "platform"],
)
def test_what_does_not_fit_is_refused_with_what_there_is_and_what_can_help(
    files: list[str], needs: str, says: str
) -> None:
    assert refusal("it==1.0", *files, needs=needs) == f"it 1.0 has wheels for {says}"


@pytest.mark.parametrize("requirement", ["it", "it>=1", "it==1.*", "it @ https://example.org/it.whl", "it==1.0,<2"])
def test_only_a_release_that_is_named_is_looked_up(requirement: str) -> None:
    pip = Pip({"it-1.0-py3-none-any.whl": ">=3.12"})
    said = Index(runs=pip).refusal(requirement, PYTHON, "--python")
    assert bool(said) == bool(pip.asked) == (requirement == "it==1.0,<2")


def test_a_wheel_of_ones_own_is_read_by_its_name_and_no_index_is_asked() -> None:
    pip = Pip({})
    says = Index(runs=pip).refusal("/some/where/it-1.0-cp312-cp312-win_amd64.whl", PYTHON, "--python")
    assert says.startswith("it-1.0-cp312-cp312-win_amd64.whl has wheels for win_amd64, and this machine is ")
    assert pip.asked == []


def test_an_index_is_asked_once_a_package_with_pips_own_options_for_where_files_are() -> None:
    pip = Pip({"it-1.0-py3-none-any.whl": ""})
    index = Index(["--no-index", "--no-deps", "--find-links", "/a", "--index-url=b", "--no-cache-dir", "-f", "c"], pip)
    for _ in range(2):
        index.refusal("it==1.0", PYTHON, "--python")
    options = ["--no-index", "--find-links", "/a", "--index-url=b", "-f", "c"]
    assert pip.asked == [["index", "versions", "it", "-vv", *options]]
    assert index_options(["--no-deps"]) == []


def test_names_of_any_age_and_addresses_with_escapes_are_read() -> None:
    said = "\n".join(
        f"  Found link https://x.org/a/{name} (from https://x.org/it/) (requires-python:&gt;=3.9), version: 1"
        for name in ("It_-1.0-py3-none-any.whl", "it-1.0%2Bcpu-py3-none-any.whl#sha256=ab", "it-first-try.tar.gz")
    )
    assert [(str(it.version), str(it.needs)) for it in read("it", said)] == [("1.0+cpu", ">=3.9")]


@pytest.mark.parametrize(
    ("minors", "says"),
    [([12], "3.12"), ([9, 10, 11], "3.9 to 3.11"), ([6, 8, 9], "3.6, 3.8 to 3.9"), (range(12, 31), ">=3.12")],
)
def test_minor_versions_are_said_as_people_say_them(minors: Sequence[int], says: str) -> None:
    assert spans(minors) == says


def test_pip_itself_says_it_so(tmp_path: Path) -> None:
    """Of a folder of wheels, by the pip that is here."""
    wheel(tmp_path, "it", "1.0", {"it.py": ""})
    (tmp_path / "it-2.0-cp39-cp39-win32.whl").touch()
    index = Index(["--no-index", f"--find-links={tmp_path}"])
    assert sorted(str(it.version) for it in index.files("it")) == ["1.0", "2.0"]
    assert index.refusal("it==1.0", PYTHON, "--python") == ""
    assert index.refusal("it==2.0", PYTHON, "--python").startswith("it 2.0 has wheels for win32, and this machine is ")


def test_a_release_without_a_wheel_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    index = Index(runs=Pip({"it-1.0-py3-none-any.whl": "<3.0"}))
    with pytest.raises(
        EnvironmentFailed, match=r"environment after \(it==1\.0\): cannot be had\n  it 1\.0 has wheels for "
    ):
        check(["it==1.0"], index, name="after", cache=tmp_path / "cache", option="--after-python")
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_pip_is_no_reason_to_refuse() -> None:
    def gone(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        raise FileNotFoundError(command[0])

    assert Index(runs=gone).refusal("it==1.0", PYTHON, "--python") == ""
