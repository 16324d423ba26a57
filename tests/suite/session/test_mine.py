"""A user's own layers: where their files are found, what a run makes of them, and that the suite's cases stay as they
are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convt.content import ROOT
from convt.laws.catalogue import law_by_id
from convt.session.mine import chosen, found, own, told
from convt.session.options import BadOption, Options
from convt.session.profiles import PROFILES
from convt.session.session import Session

LAYERS = """
about: Layers of a project.
source: tests
cases:
  - {id: up-1, input: 4, kernel: 3, padding: 1, bias: true}
  - {id: up-2, input: 7, kernel: 5, stride: 2, padding: same}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with two files of layers in it, inside a folder that has one too."""
    top = tmp_path / "top"
    for folder, name in ((top, "above"), (top / "project", "model"), (top / "project", "another")):
        (folder / ".convt").mkdir(parents=True, exist_ok=True)
        (folder / ".convt" / f"{name}.yaml").write_text(LAYERS)
    (top / "project" / ".git").write_text("gitdir: elsewhere\n")  # as in a worktree
    (top / "project" / "src" / "deep").mkdir(parents=True)
    return top / "project"


def test_files_are_found_in_the_folder_and_above_it_up_to_the_repository(project: Path) -> None:
    files = tuple(project / ".convt" / name for name in ("another.yaml", "model.yaml"))
    assert found(project) == found(project / "src" / "deep") == files


def test_nothing_is_found_above_the_repository(project: Path) -> None:
    for file in (project / ".convt").iterdir():
        file.unlink()
    assert found(project / "src") == ()


def test_outside_of_a_repository_only_the_folder_itself_counts(project: Path) -> None:
    (project / ".git").unlink()
    assert found(project.parent) == (project.parent / ".convt" / "above.yaml",)
    assert found(project / "src") == ()


def test_a_file_that_nothing_would_read_is_refused(project: Path) -> None:
    (project / ".convt" / "more.yml").write_text(LAYERS)
    with pytest.raises(BadOption, match=r"more.yml: found a name that ends in .yml, accepted .yaml"):
        found(project)


def test_what_is_asked_beside_the_suite_and_what_excludes_what(project: Path, tmp_path: Path) -> None:
    spec = tmp_path / "other.yaml"
    assert chosen("", [], project) == chosen("mine", [], project) == found(project)
    assert chosen("suite", [], project) == chosen("", [spec], project) == chosen("mine", [spec], project) == ()
    with pytest.raises(BadOption, match="--only suite excludes --spec"):
        chosen("suite", [spec], project)
    with pytest.raises(BadOption, match=r"--only mine: found no .convt/\*.yaml in .* or above it"):
        chosen("mine", [], tmp_path)


def test_the_suites_own_files_are_nobody_elses(tmp_path: Path) -> None:
    suite = ROOT / "specs" / "same.yaml"
    assert own([suite, ROOT / "specs" / "realistic" / "audio.yaml", tmp_path / "same.yaml"]) == [tmp_path / "same.yaml"]


def test_the_line_names_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / ".convt" / f"{name}.yaml" for name in "abcdef"]
    assert told(0, []) == ""
    assert told(1, files[:1]) == f"your 1 case, from {Path('.convt', 'a.yaml')}"
    assert told(14, files).endswith("c.yaml and 3 more files")


@pytest.fixture(scope="module")
def suite() -> Session:
    return Session(Options())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session of the suite's cases and two layers of a project."""
    file = tmp_path_factory.mktemp("project") / "model.yaml"
    file.write_text(LAYERS)
    return Session(Options(mine=(file,)))


def names(session: Session) -> set[str]:
    return {case.id for case in session.cases}


def test_a_run_asks_them_beside_the_suites_cases(suite: Session, both: Session) -> None:
    assert names(both) - names(suite) == {"up-1", "up-2"}
    assert names(suite) <= names(both)
    assert [case.id for case in both.mine] == ["up-1", "up-2"]
    assert both.mine_told.startswith("your 2 cases, from ")


def test_a_profile_that_asks_few_cases_asks_all_of_them(both: Session) -> None:
    quick = Session(replace(both.options, profile=PROFILES["quick"]))
    assert {"up-1", "up-2"} < names(quick)
    assert len(names(quick)) < len(names(both)) / 2


def test_a_run_asks_them_alone(project: Path) -> None:
    options = Options(mine=(project / ".convt" / "model.yaml",), alone=True)
    assert names(Session(options)) == {"up-1", "up-2"}
    assert not Session(Options(specs=(ROOT / "specs" / "same.yaml",))).mine


def test_profiles_with_a_folder_of_their_own_ask_that_folder(project: Path) -> None:
    assert all(path.is_relative_to(ROOT) for path in Options(mine=found(project), profile=PROFILES["cost"]).files)


def test_every_law_is_asked_about_them_and_the_covers_stay(suite: Session, both: Session) -> None:
    law = law_by_id("linearity")
    assert all(both.takes(law, case, "jax") for case in both.mine)
    asked = {case.id for case in suite.cases if suite.takes(law, case, "jax")}
    assert {case.id for case in both.cases if both.takes(law, case, "jax")} - {"up-1", "up-2"} == asked
    assert len(asked) < len(suite.cases)
