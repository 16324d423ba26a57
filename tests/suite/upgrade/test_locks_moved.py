"""What moved between two lock files, which targets compute with it, and what each side is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.host.registry import Entry, built_in
from convt.upgrade.locks.choosing import Wanted, from_lock
from convt.upgrade.locks.lock import LockError
from convt.upgrade.locks.moved import python_note, python_notes
from convt.upgrade.locks.reading import environment
from convt.upgrade.request import Place, Upgrade
from tests.suite.upgrade.test_lock_files import KINDS, LOCKS

WANTED = Wanted({name: it for name, it in built_in().items() if it.built_in}, environment("3.12.4"))


def lock(folder: Path, before: str, after: str, wanted: Wanted = WANTED) -> Upgrade | str:
    """From the first lines to the second, with spaces between."""
    paths = [folder / "old.txt", folder / "new.txt"]
    for path, text in zip(paths, (before, after), strict=True):
        path.write_text("\n".join([*text.split(" & "), ""]))
    return from_lock(str(paths[0]), str(paths[1]), wanted)


def moved(folder: Path, before: str, after: str, wanted: Wanted = WANTED) -> Upgrade:
    found = lock(folder, before, after, wanted)
    assert isinstance(found, Upgrade), found
    return found


def names(asked: Upgrade) -> set[str]:
    return {target.name for target in asked.targets}


@pytest.mark.parametrize("name", KINDS)
def test_what_moved_in_each_kind_is_built_as_it_is_pinned(name: str) -> None:
    found = from_lock(str(LOCKS / "old" / name), str(LOCKS / "new" / name), WANTED)
    assert isinstance(found, Upgrade)
    assert "onnxruntime" in names(found)
    assert {"onnxruntime==1.23.1", "numpy==2.3.2"} <= set(found.before)
    assert {"onnxruntime==1.23.2", "numpy==2.3.4"} <= set(found.after)
    assert {"onnxruntime", "numpy"} <= set(found.packages)
    assert found.places["onnxruntime"].file == f"tests/suite/upgrade/locks/new/{name}"
    line = (LOCKS / "new" / name).read_text().splitlines()[found.places["onnxruntime"].line - 1]
    assert "1.23.2" in line
    assert not any(package in text for text in found.before for package in ("six", "attrs", "scipy"))


def test_both_sides_hold_what_their_own_lock_says_and_not_our_constraints(tmp_path: Path) -> None:
    old = "torch==2.6.0 & sympy==1.13.1 & filelock==3.1 & ml_dtypes"
    found = moved(tmp_path, old, "torch==2.7.1 & sympy==1.13.3 & numpy==2.1.0")
    assert (found.before, found.after) == (("torch==2.6.0", "numpy"), ("torch==2.7.1", "numpy==2.1.0"))
    before, after = found.constraints("before"), found.constraints("after")
    assert (before["sympy"], after["sympy"]) == ("sympy==1.13.1", "sympy==1.13.3")
    assert before["numpy"] == after["numpy"] == "numpy==2.1.0"  # the side that says nothing follows the other
    assert before["filelock"] == after["filelock"] == "filelock==3.1"
    assert before["torch"] == "torch==2.6.0"
    assert "ml-dtypes" in found.pins  # a bare name says nothing: what convt was verified with
    assert "numpy" not in found.pins


def test_targets_are_those_whose_frameworks_both_sides_have(tmp_path: Path) -> None:
    rest = "keras==3.10.0 & tensorflow==2.19.0"
    found = moved(tmp_path, f"torch==2.6.0 & {rest} & jax==0.6.0", f"torch==2.7.1 & {rest}")
    assert names(found) == {"pytorch", "keras-torch"}
    assert found.notes == (f"jax 0.6.0: in {tmp_path}/old.txt alone, nothing to compare it with",)
    assert names(moved(tmp_path, "keras==3.9.0 & torch==2.6.0", "keras==3.10.0 & torch==2.6.0")) == {"keras-torch"}


def test_a_companion_moves_the_targets_that_compute_with_it(tmp_path: Path) -> None:
    both = "torch==2.6.0 & jax==0.6.0 & jaxlib==0.6.0"
    assert names(moved(tmp_path, f"{both} & numpy==2.1.0", f"{both} & numpy==2.2.0")) == {"pytorch", "jax"}
    scipy = moved(tmp_path, f"{both} & scipy==1.14.0", f"{both} & scipy==1.15.0")
    assert names(scipy) == {"jax"}
    assert scipy.before == ("jax==0.6.0", "jaxlib==0.6.0", "scipy==1.14.0", "numpy")


def test_a_part_and_a_variant_move_their_framework(tmp_path: Path) -> None:
    part = moved(tmp_path, "jax==0.6.0 & jaxlib==0.6.0", "jax==0.6.0 & jaxlib==0.6.1")
    assert (names(part), part.packages) == ({"jax"}, ("jaxlib",))
    variant = moved(tmp_path, "tensorflow==2.18.0", "tensorflow-cpu==2.19.0")
    assert (names(variant), variant.packages) == ({"tensorflow"}, ("tensorflow", "tensorflow-cpu"))
    assert [it.told for it in variant.moved] == [
        f"tensorflow 2.18.0 -> none ({tmp_path}/old.txt:1)", f"tensorflow-cpu none -> 2.19.0 ({tmp_path}/new.txt:1)",
    ]  # fmt: skip


def test_nothing_moved_is_a_sentence_that_says_what_was_looked_at(tmp_path: Path) -> None:
    said = lock(tmp_path, "torch==2.6.0 & numpy==2.1 & onnx==1.17.0 & requests==2.0", "torch==2.6 & numpy==2.1.0 & "
                "onnx==1.18.0 & requests==2.1 & jax==0.6.0")  # fmt: skip
    assert said == (
        f"Nothing to compare from {tmp_path}/old.txt to {tmp_path}/new.txt: torch 2.6, numpy 2.1.0; 1 other package "
        "moved; onnx: convt writes the models of both sides with its own; jax 0.6.0: in "
        f"{tmp_path}/new.txt alone, nothing to compare it with."
    )
    assert "found no framework that both have" in str(lock(tmp_path, "requests==2.0", "requests==2.1"))
    named = lock(tmp_path, "torch==2.6 & jax==0.5", "torch==2.7 & jax==0.5", replace(WANTED, targets=("jax",)))
    assert "on jax: " in str(named)


def test_a_target_that_is_named_narrows_what_is_asked(tmp_path: Path) -> None:
    rest = "torch==2.7.1 & keras==3.10.0"
    found = moved(tmp_path, f"torch==2.6.0 & {rest[14:]}", rest, replace(WANTED, targets=("keras-torch",)))
    assert (names(found), found.after) == ({"keras-torch"}, ("keras==3.10.0", "torch==2.7.1", "numpy"))
    assert found.places == {"keras-torch": Place(f"{tmp_path}/new.txt", 1)}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("torch>=2.0", "torch==2.7.1", r"old.txt:1: found torch>=2.0, accepted one exact version: torch==VERSION"),
        ("torch==2.6.0", "numpy==2 & torch", r"new.txt:2: found torch, accepted one exact version"),
        ("torch==2.6.0", "torch==2.6.0 & torch @ https://x/y.whl", r"new.txt:1: found several versions of torch"),
        ("torch==2.6.0", "torch==2.7.1 & torch==2.8.0", r"new.txt:1: found several versions of torch"),
    ],
)
def test_what_moved_without_an_exact_version_is_refused(before: str, after: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(LockError, match=says):
        lock(tmp_path, before, after)


def test_what_is_unpinned_alike_on_both_sides_is_no_obstacle(tmp_path: Path) -> None:
    found = moved(tmp_path, "torch==2.6.0 & numpy>=2,<3", "torch==2.7.1 & numpy>=2,<3")
    assert found.before == ("torch==2.6.0", "numpy<3,>=2")


def test_a_framework_from_an_address_is_installed_from_there(tmp_path: Path) -> None:
    found = moved(tmp_path, "keras==3.9 & torch==2.6", "keras @ git+https://x/keras@ab & torch==2.6")
    assert found.after[0] == "keras @ git+https://x/keras@ab"
    assert "keras" not in found.constraints("after")


def test_a_target_from_outside_has_the_packages_that_are_named_for_it(tmp_path: Path) -> None:
    outside = {**WANTED.backends, "framed": Entry("a:B", root="")}
    wanted = replace(WANTED, backends=outside, packages=("Tiny.Frame",))
    found = moved(tmp_path, "tiny-frame==1 & torch==2.6", "tiny_frame==2 & torch==2.6", wanted)
    assert (names(found), found.after) == ({"framed"}, ("tiny-frame==2", "numpy"))
    assert isinstance(lock(tmp_path, "tiny-frame==1", "tiny-frame==2", replace(wanted, packages=())), str)


def test_a_lock_for_another_python_is_said(tmp_path: Path) -> None:
    paths = [str(LOCKS / side / "requirements-uv.txt") for side in ("old", "new")]
    found = from_lock(paths[0], paths[1], WANTED)
    assert isinstance(found, Upgrade)
    assert python_notes(found, {"before": "3.12.9", "after": "3.12.1"}).notes == ()
    old, new = (f"{path} is for Python 3.12, and this is 3.11.7" for path in paths)
    assert python_notes(found, {"before": "3.11.7", "after": "3.11.7"}).notes == (
        f"{old}: --before-python names another", f"{new}: --after-python names another",
    )  # fmt: skip
    assert python_notes(found, {"before": "3.11.7", "after": "3.12.1"}).notes == (
        f"{old}: --before-python names another",
    )
    ranged = replace(found.locked["after"], exact_python="", python=">=3.12")
    assert python_note(ranged, "3.11.7").endswith("is for Python >=3.12, and this is 3.11.7")
    assert python_note(replace(ranged, python=""), "3.11.7") == ""


def test_the_indexes_that_a_side_names_are_its_own(tmp_path: Path) -> None:
    extra = "--extra-index-url https://download.pytorch.org/whl/cpu"
    found = moved(tmp_path, "torch==2.6.0", f"{extra} & torch==2.7.1+cpu")
    assert found.locked["before"].options == ()
    assert found.locked["after"].options == ("--extra-index-url=https://download.pytorch.org/whl/cpu",)


def test_an_index_with_a_secret_is_left_to_the_user(tmp_path: Path) -> None:
    package = '[[package]]\nname = "torch"\nversion = "{}"\n[package.source]\ntype = "legacy"\nurl = "https://{}"\n'
    paths = [tmp_path / "old.lock", tmp_path / "new.lock"]
    for path, version, address in zip(paths, ("2.6", "2.7"), ("x.example/simple", "me:pass@x.example"), strict=True):
        path.write_text(f'{package.format(version, address)}[metadata]\nlock-version = "2.1"\n')
    found = from_lock(str(paths[0]), str(paths[1]), WANTED)
    assert isinstance(found, Upgrade)
    before, after = found.locked["before"], found.locked["after"]
    assert (before.options, before.notes) == (("--extra-index-url=https://x.example/simple",), ())
    assert after.options == ()
    assert "an index with a secret" in after.notes[0]


def test_a_companion_that_moved_without_a_framework_is_said(tmp_path: Path) -> None:
    told = str(lock(tmp_path, "numpy==2.1.0", "numpy==2.1.1"))
    assert told.endswith("no other packages moved; numpy 2.1.0 -> 2.1.1: nothing compared computes with it.")
