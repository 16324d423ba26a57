"""What an installer is asked for, and what its refusals mean: without an installer."""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.host.registry import built_in
from convt.upgrade.environments import CONSTRAINTS
from convt.upgrade.installer import advice, in_the_way, last_lines, yanked
from convt.upgrade.request import upgrade
from convt.upgrade.requirements import NoRequirement, all_asked, asked, pins
from tests.suite.upgrade.wheels import wheel

CONFLICT = """\
ERROR: Cannot install jax==0.4.30 because these package versions have conflicting dependencies.

The conflict is caused by:
    jax 0.4.30 depends on jaxlib<=0.4.30 and >=0.4.27
    The user requested (constraint) jaxlib==0.10.2

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
"""
NOTHING = """\
ERROR: Could not find a version that satisfies the requirement six==9.9 (from versions: 1.15.0, 1.16.0, 1.17.0)
ERROR: No matching distribution found for six==9.9
"""
OTHER_PYTHON = """\
ERROR: Ignored the following versions that require a different python version: 1.21.2 Requires-Python >=3.7,<3.11
ERROR: Could not find a version that satisfies the requirement numpy==1.21.2 (from versions: 1.3.0, 2.4.6)
ERROR: No matching distribution found for numpy==1.21.2
"""
OFFLINE = """\
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('Failed to establish')'
ERROR: Could not find a version that satisfies the requirement six==1.16.0 (from versions: none)
ERROR: No matching distribution found for six==1.16.0
"""
YANKED = """\
WARNING: The candidate selected for download or install is a yanked version: 'frame' candidate (version 2.0 at https://x)
Reason for being yanked: wrong numbers
"""


@pytest.mark.parametrize(
    ("text", "name", "exact", "bare"),
    [
        ("keras==3.14.1", "keras", True, False),
        ("Typing_Extensions", "typing-extensions", False, True),
        ("jax[cpu]>=0.4,<1", "jax", False, False),
        ("torch==2.*", "torch", False, False),
        ("torch===2.13.0+cpu", "torch", True, False),
        ("keras @ git+https://github.com/keras-team/keras", "keras", False, False),
    ],
)
def test_a_requirement_says_its_package_and_whether_it_means_the_same_tomorrow(
    text: str, name: str, exact: bool, bare: bool
) -> None:
    found = asked(text)
    assert (found.name, found.text, found.exact, found.bare) == (name, text, exact, bare)


def test_a_local_wheel_is_known_by_its_content(tmp_path: Path) -> None:
    first = asked(str(wheel(tmp_path / "a", "some_frame", "1", {"some_frame.py": "ONE = 1\n"})))
    same = asked(str(wheel(tmp_path / "b", "some_frame", "1", {"some_frame.py": "ONE = 1\n"})))
    other = asked(str(wheel(tmp_path / "c", "some_frame", "1", {"some_frame.py": "ONE = 2\n"})))
    assert first.name == "some-frame"
    assert first.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["keras=3.14.1"], r"found 'keras=3.14.1' \(.*\), accepted NAME==VERSION, NAME, NAME @ URL"),
        (["/no/such-1-py3-none-any.whl"], r"found no wheel /no/such-1-py3-none-any.whl, accepted the path of a file"),
        (["keras", "Keras==3.14.1"], r"found keras twice \('keras', 'Keras==3.14.1'\)"),
    ],
)
def test_what_is_no_requirement_is_refused(texts: list[str], says: str) -> None:
    with pytest.raises(NoRequirement, match=says):
        all_asked(texts)


def test_a_wheel_of_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frame.whl").write_bytes(b"")
    with pytest.raises(NoRequirement, match=r"found 'frame.whl' .*, accepted a wheel under the name that it was built"):
        asked(str(tmp_path / "frame.whl"))


def test_pins_are_the_lines_of_the_file_without_some_packages(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("# tried together\nnumpy==2.4.6\nml_dtypes==0.6.0  # bfloat16\nkeras==3.15.1\n")
    assert pins(path, {"keras"}) == {"numpy": "numpy==2.4.6", "ml-dtypes": "ml_dtypes==0.6.0"}
    path.write_text("numpy=2\n")
    with pytest.raises(NoRequirement, match=r"constraints.txt:1: found 'numpy=2', accepted NAME==VERSION"):
        pins(path)
    with pytest.raises(NoRequirement, match=r"found no file .*nowhere.txt"):
        pins(tmp_path / "nowhere.txt")


def test_the_pin_in_a_conflict_is_in_the_way_and_no_other() -> None:
    assert in_the_way(CONFLICT, {"jaxlib", "numpy", "jax"}) == ["jaxlib"]
    assert in_the_way(NOTHING, {"six", "numpy"}) == ["six"]
    assert in_the_way(NOTHING, {"numpy"}) == []
    assert in_the_way("No space left on device", {"numpy"}) == []


@pytest.mark.parametrize(
    ("said", "todo"),
    [
        (CONFLICT, "these do not go together: ask for other versions"),
        (NOTHING, "no such release for Python 3.11.7; the newest are 1.15.0, 1.16.0, 1.17.0"),
        (OTHER_PYTHON, "this release is not for Python 3.11.7: --python names another"),
        (NOTHING.replace("1.15.0, 1.16.0, 1.17.0", "none"), "no package of that name for Python 3.11.7"),
        (OFFLINE, "the package index cannot be reached"),
        (
            "ERROR: x-1-cp39-cp39-linux.whl is not a supported wheel on this platform.",
            "the wheel is for another Python",
        ),
        ("ERROR: Failed building wheel for x", "there is no wheel for Python 3.11.7, and building from source failed"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ],
    ids=["conflict", "no-release", "other-python", "no-package", "offline", "platform", "source", "disk"],
)
def test_a_refusal_comes_with_what_to_do(said: str, todo: str) -> None:
    assert advice(said, "3.11.7").startswith(todo)


def test_a_withdrawn_release_is_said() -> None:
    assert yanked(YANKED) == ["frame 2.0 was withdrawn by its authors: wrong numbers"]
    assert yanked(NOTHING) == []


def test_the_last_lines_are_few_and_short() -> None:
    told = last_lines(
        "\n".join(["Looking in links: x", *(f"line {n} {'x' * 1000}" for n in range(40)), "[notice] new"])
    )
    assert len(told.splitlines()) == 12
    assert max(map(len, told.splitlines())) < 420
    assert told.splitlines()[-1].startswith("line 39 ")


def test_an_upgrade_concerns_every_target_that_is_made_of_it() -> None:
    found = upgrade("keras==3.14.1", "keras==3.15.1", "", [], built_in())
    assert {target.name for target in found.targets} == {"keras-tensorflow", "keras-jax", "keras-torch"}
    assert found.before == ("keras==3.14.1", "tensorflow", "jax", "torch", "numpy")
    assert found.packages == ("keras",)
    assert found.pins == pins(CONSTRAINTS)
    assert {"torch", "jax", "jaxlib", "tensorflow", "numpy", "ml-dtypes"} <= found.beside


def test_only_what_the_chosen_targets_need_is_installed() -> None:
    found = upgrade("keras==3.14.1", "keras==3.15.1", "torch==2.12.0", ["keras-torch"], built_in())
    assert found.after == ("keras==3.15.1", "torch==2.12.0", "numpy")
    assert {"torch", "numpy"} <= found.beside


def test_a_part_changes_with_its_framework_and_a_nightly_stands_for_it() -> None:
    jax = upgrade("jax==0.10.1", "jax==0.10.2", "", ["jax"], built_in())
    assert jax.packages == ("jax", "jaxlib")
    assert "jaxlib" not in jax.pins
    nightly = upgrade("keras==3.15.1", "keras-nightly", "", ["keras-torch"], built_in())
    assert nightly.after == ("keras-nightly", "torch", "numpy")
    several = upgrade("keras==3.14.1 torch==2.12.0", "keras==3.15.1", "", ["keras-torch"], built_in())
    assert several.after == ("keras==3.15.1", "torch", "numpy")
    assert several.packages == ("keras", "torch")
    assert "torch" in several.pins
    newest = upgrade("keras==3.14.1", "keras", "", ["keras-torch"], built_in())
    assert "keras" not in newest.pins


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("", "--before: found nothing, accepted requirements such as keras==3.15.1"),
        ("'keras==3.14.1", "--before: found .* accepted requirements with spaces between"),
        ("kers==3.14.1", r"found kers, kers2 \(near: keras\), of which no target is made; accepted torch, tensorflow"),
    ],
)
def test_an_upgrade_of_nothing_is_refused(before: str, says: str) -> None:
    with pytest.raises(NoRequirement, match=says):
        upgrade(before, "kers2==1", "", [], built_in())
