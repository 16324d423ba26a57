"""Environments, built for real from tiny wheels, without a network: built once, reused, and refused in clear words."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from convt.upgrade.cache import WHOLE
from convt.upgrade.environments import Environment, EnvironmentFailed, build
from tests.suite.upgrade.wheels import frame_wheel, numpy_wheel, wheel


class Shelf:
    """A folder of wheels, a cache, and what was said while environments were built."""

    def __init__(self, folder: Path) -> None:
        self.wheels, self.cache, self.said = folder / "wheels", folder / "cache", list[str]()

    def build(self, *requirements: str, pins: dict[str, str] | None = None, name: str = "trial") -> Environment:
        options = ["--no-index", f"--find-links={self.wheels}"]
        return build(
            requirements,
            name=name,
            constraints=pins or {},
            cache=self.cache,
            installer=options,
            report=self.said.append,
        )

    def refused(self, *requirements: str) -> str:
        with pytest.raises(EnvironmentFailed) as caught:
            self.build(*requirements)
        assert not [path for path in self.cache.glob(f"{requirements[0].split('=')[0]}-*") if path.is_dir()]
        return str(caught.value)

    def makings(self) -> list[str]:
        return [text for text in self.said if ": installing " in text]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    shelf = Shelf(tmp_path_factory.mktemp("environments"))
    for version in ("1", "2"):
        wheel(shelf.wheels, "helper", version, {"helper.py": ""})
    wheel(shelf.wheels, "frame", "1.5", {"frame/__init__.py": "__version__ = '1.5'\n"}, ["helper<2"])
    wheel(shelf.wheels, "broken", "1", {"broken/__init__.py": "import helper\nraise OSError('libzgemm.so: too old')\n"})
    wheel(shelf.wheels, "frame_nightly", "9", {"frame/__init__.py": "__version__ = 'nightly'\n"}, ["frame", "helper"])
    return shelf


@pytest.fixture(scope="module")
def twice(shelf: Shelf) -> list[Environment]:
    """One environment, asked for by two builders at once."""
    found: list[Environment] = []

    def ask(name: str) -> None:
        found.append(shelf.build("frame==1.5", pins={"helper": "helper==2"}, name=name))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def says(environment: Environment, code: str) -> str:
    words = [str(environment.python), "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_two_builders_of_one_environment_build_it_once(shelf: Shelf, twice: list[Environment]) -> None:
    assert len(twice) == 2
    assert twice[0].python == twice[1].python
    assert len([text for text in shelf.makings() if "frame==1.5" in text]) == 1
    assert any("waiting for another that builds the same" in text for text in shelf.said)


def test_it_has_what_was_asked_for_and_says_what_else(twice: list[Environment]) -> None:
    assert says(twice[0], "import frame; print(frame.__version__)") == "1.5"
    assert twice[0].versions["frame"] == "1.5"
    assert twice[0].requirements == ("frame==1.5",)


def test_a_pin_gives_way_to_what_was_asked_for_and_that_is_said(shelf: Shelf, twice: list[Environment]) -> None:
    assert twice[0].versions["helper"] == "1"
    assert twice[0].notes == ("helper==2 gave way to what was asked for",)
    assert any(text.endswith("helper==2 gave way to what was asked for") for text in shelf.said)


def test_a_whole_environment_is_used_again(shelf: Shelf, twice: list[Environment]) -> None:
    made = len(shelf.makings())
    again = shelf.build("frame==1.5", pins={"helper": "helper==2"}, name="later")
    assert again.python == twice[0].python
    assert again.notes == twice[0].notes
    assert len(shelf.makings()) == made
    assert shelf.said[-1] == "later: frame==1.5, as built before"


def test_a_half_built_environment_is_never_used(shelf: Shelf, twice: list[Environment]) -> None:
    folder = twice[0].python.parents[1]
    (folder / WHOLE).unlink()
    (folder / "left-over").touch()
    made = len(shelf.makings())
    again = shelf.build("frame==1.5", pins={"helper": "helper==2"})
    assert len(shelf.makings()) == made + 1
    assert not (folder / "left-over").exists()
    assert json.loads((folder / WHOLE).read_text())["versions"] == again.versions


def test_other_pins_options_or_wheels_are_another_environment(shelf: Shelf, twice: list[Environment]) -> None:
    """By the folders that they would have: nothing is built here."""
    from convt.upgrade.cache import key
    from convt.upgrade.pythons import Python
    from convt.upgrade.requirements import all_asked, asked

    base, frame = Python("python", "python", "3.11"), all_asked(["frame==1.5"])
    one = asked(str(frame_wheel(shelf.cache / "a", "1", {})))
    other = asked(str(frame_wheel(shelf.cache / "b", "1", {2: "moved"})))
    keys = [
        key(frame, {}, base, []),
        key(frame, {"helper": "helper==2"}, base, []),
        key(frame, {}, base, ["--pre"]),
        key(frame, {}, Python("python", "python", "3.12"), []),
        key([one], {}, base, []),
        key([other], {}, base, []),
    ]
    assert len(set(keys)) == len(keys)
    assert key(frame, {}, base, []) == keys[0]


def test_a_package_that_brings_the_same_module_gives_it_up(shelf: Shelf) -> None:
    built = shelf.build("frame-nightly")
    assert says(built, "import frame; print(frame.__version__)") == "nightly"
    assert "frame" not in built.versions


def test_a_framework_that_does_not_import_is_no_environment(shelf: Shelf) -> None:
    text = shelf.refused("broken==1", "helper==2")
    first, *rest = text.splitlines()
    assert first == "environment trial (broken==1 helper==2): broken 1 is installed, and `import broken` fails"
    assert rest[-2].strip() == "OSError: libzgemm.so: too old"
    assert "it does not go with what stands beside it" in rest[-1]
    assert "helper 2" in rest[-1]


def test_a_release_that_there_is_not_is_refused_with_those_that_there_are(shelf: Shelf) -> None:
    text = shelf.refused("helper==7")
    assert text.startswith("environment trial (helper==7): cannot be installed\n")
    assert "ERROR: No matching distribution found for helper==7" in text
    assert "the newest are 1, 2 (--pre for pre-releases)" in text
    log = Path(text.rpartition("whole log: ")[2])
    assert "helper==7" in log.read_text()


@pytest.mark.parametrize(
    ("requirement", "python", "says"),
    [
        ("helper=1", None, "cannot be asked for\n    found 'helper=1'"),
        ("helper==1", "3.77", "cannot be asked for\n    found no Python 3.77 that makes environments"),
        ("helper==1", os.devnull, "cannot be asked for\n    "),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_made(
    shelf: Shelf, requirement: str, python: str | None, says: str
) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        build([requirement], name="trial", cache=shelf.cache / "none", python=python)
    assert f"environment trial ({requirement}): {says}" in str(caught.value)
    assert not (shelf.cache / "none").exists()


def test_a_cache_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFailed, match="there is no place to keep it"):
        build(["helper==1"], name="trial", cache=tmp_path / "file" / "below")


def test_numpy_of_the_host_can_stand_for_a_wheel_of_it(shelf: Shelf) -> None:
    """What the tests of whole upgrades rest on."""
    import numpy as np

    built = shelf.build(str(numpy_wheel(shelf.wheels)))
    assert says(built, "import numpy; print(numpy.__version__)") == np.__version__ == built.versions["numpy"]
