"""What the lock files of a git repository moved since a commit, in repositories that are made on the spot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from convt.upgrade.locks.choosing import from_git
from convt.upgrade.locks.lock import LockError
from convt.upgrade.locks.reading import environment
from convt.upgrade.request import Place, Upgrade
from tests.suite.upgrade.test_lock_files import LOCKS
from tests.suite.upgrade.test_locks_moved import WANTED

IDENTITY = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]


class Clone:
    """A repository with files, whose first commit is `main`."""

    def __init__(self, root: Path, **files: str) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(**files)
        self.commit()
        self.git("checkout", "--quiet", "-b", "topic")

    def git(self, *words: str) -> str:
        command = ["git", *IDENTITY, *words]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def short(self, name: str = "main") -> str:
        return self.git("rev-parse", "--short", name)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=more")

    def write(self, **files: str) -> None:
        """Files by name, in which `__` is a slash."""
        for name, text in files.items():
            path = self.root / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def moved(self, base: str = "main", folder: str = ".") -> Upgrade | str:
        return from_git(base, WANTED, self.root / folder)

    def upgrade(self, base: str = "main", folder: str = ".") -> Upgrade:
        found = self.moved(base, folder)
        assert isinstance(found, Upgrade), found
        return found


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GIT_DIR", raising=False)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    files = {"requirements.txt": "torch==2.6.0\nnumpy==2.1.0\n", "web__requirements-dev.txt": "flask==3.0\n"}
    return Clone(tmp_path / "clone", **files, **{"svc__uv.lock": (LOCKS / "old" / "uv.lock").read_text()})


def test_nothing_changed_names_the_lock_files(clone: Clone) -> None:
    assert clone.moved() == (
        f"Nothing to compare since main ({clone.short()}): no lock file changed, of requirements.txt, svc/uv.lock, "
        "web/requirements-dev.txt."
    )


def test_the_working_tree_is_compared_with_the_base_from_any_folder(clone: Clone) -> None:
    clone.write(**{"svc__uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    found = clone.upgrade(folder="web")
    assert (found.before, found.after) == (
        ("onnxruntime==1.23.1", "numpy==2.3.2"), ("onnxruntime==1.23.2", "numpy==2.3.4")
    )  # fmt: skip
    assert (found.locked["before"].path, found.locked["after"].path) == (
        f"main ({clone.short()}):svc/uv.lock", "svc/uv.lock"
    )  # fmt: skip
    line = (clone.root / "svc/uv.lock").read_text().splitlines().index('name = "onnxruntime"') + 2
    assert found.places == {"onnxruntime": Place("svc/uv.lock", line)}
    assert found.notes == ()


def test_of_several_that_changed_the_one_that_moves_a_framework_is_taken(clone: Clone) -> None:
    clone.write(**{"requirements.txt": "torch==2.7.1\nnumpy==2.1.0\n", "web__requirements-dev.txt": "flask==3.1\n"})
    clone.commit()
    found = clone.upgrade()
    assert found.packages == ("torch",)
    assert found.notes == ("web/requirements-dev.txt changed too, and moves nothing that is compared",)


def test_several_that_move_the_same_are_one(clone: Clone) -> None:
    clone.write(**{"b__requirements.txt": "torch==2.6.0\n"})
    clone.commit()
    clone.git("branch", "--force", "main")
    clone.write(**{"requirements.txt": "torch==2.7.1\nnumpy==2.2.0\n", "b__requirements.txt": "torch==2.7.1\n"})
    found = clone.upgrade()
    assert found.packages == ("torch", "numpy")
    assert found.notes == ("b/requirements.txt moves the same",)


def test_several_that_move_different_things_are_named(clone: Clone) -> None:
    clone.write(**{"requirements.txt": "torch==2.7.1\n", "svc__uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    with pytest.raises(LockError) as caught:
        clone.moved()
    said = str(caught.value)
    assert "found 2 lock files that move different things" in said
    assert "requirements.txt: torch 2.6.0 -> 2.7.1" in said
    assert "svc/uv.lock: onnxruntime 1.23.1 -> 1.23.2, numpy 2.3.2 -> 2.3.4" in said
    assert said.endswith("accepted one of them: --lock svc/uv.lock")


@pytest.mark.parametrize(
    ("name", "folder"), [("svc/uv.lock", "."), ("uv.lock", "svc"), ("svc/uv.lock", "web"), ("../svc/uv.lock", "web")]
)
def test_the_lock_file_that_is_named_is_compared_alone(clone: Clone, name: str, folder: str) -> None:
    clone.write(**{"requirements.txt": "torch==2.7.1\n", "svc__uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    found = from_git("main", WANTED, clone.root / folder, only=[name])
    assert isinstance(found, Upgrade)
    assert (found.locked["after"].path, found.packages, found.notes) == ("svc/uv.lock", ("onnxruntime", "numpy"), ())


def test_a_lock_file_of_any_name_may_be_named(clone: Clone) -> None:
    clone.write(**{"pins.in": "torch==2.6.0\n"})
    clone.commit()
    clone.git("branch", "--force", "main")
    clone.write(**{"pins.in": "torch==2.7.1\n"})
    assert str(clone.moved()).startswith("Nothing to compare since main")
    found = from_git("main", WANTED, clone.root, only=["pins.in"])
    assert isinstance(found, Upgrade)
    assert found.packages == ("torch",)


def test_a_lock_file_that_git_does_not_track_is_refused(clone: Clone) -> None:
    clone.write(**{"new.txt": "torch==2.6.0\n"})
    with pytest.raises(LockError, match=r"--lock: found no file new.txt that git tracks in "):
        from_git("main", WANTED, clone.root, only=["new.txt"])


INCLUDING = {
    "-r deps/base.txt": "requirements.txt",
    "-rdeps/base.txt": "requirements.txt",
    "--requirement=deps/base.txt": "requirements.txt",
    "torch\n-cdeps/base.txt": "requirements.txt",
    "torch\n--constraint\tdeps/base.txt": "requirements.txt",
    "dependencies:\n  - pip:\n      - '-r deps/base.txt'": "environment.yml",
}


@pytest.mark.parametrize("line", INCLUDING)
def test_an_included_file_moves_the_one_that_includes_it(line: str, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{INCLUDING[line]: f"{line}\n", "deps__base.txt": "torch==2.6.0\n"})
    clone.write(**{"deps__base.txt": "# new\ntorch==2.7.1\n"})
    found = clone.upgrade()
    assert found.after == ("torch==2.7.1", "numpy")
    assert found.places["pytorch"] == Place("deps/base.txt", 2)


def test_a_file_that_took_the_place_of_another_is_compared_with_it(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{"requirements.txt": "onnxruntime==1.22.0\nnumpy==2.3.2\n"})
    clone.git("rm", "--quiet", "requirements.txt")
    clone.write(**{"uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    clone.git("add", "--all")
    found = clone.upgrade()
    assert (found.before[0], found.after[0]) == ("onnxruntime==1.22.0", "onnxruntime==1.23.2")


def test_files_of_one_side_alone_are_said(clone: Clone) -> None:
    clone.write(**{"new__requirements.txt": "torch==2.7.1\n"})
    clone.git("add", "--all")
    told = f"; new/requirements.txt is new since main ({clone.short()}), nothing to compare it with."
    assert str(clone.moved()).endswith(told)


def test_a_file_that_only_looks_like_one_is_left_out(clone: Clone) -> None:
    clone.write(**{"env.yaml": "kind: Pod\n"})
    clone.commit()
    clone.git("branch", "--force", "main")
    clone.write(**{"env.yaml": "kind: Service\n"})
    assert f"not read: main ({clone.short()}):env.yaml: found YAML of another kind" in str(clone.moved())


def test_a_broken_lock_file_is_no_answer(clone: Clone) -> None:
    clone.write(**{"svc__uv.lock": "<<<<<<< HEAD\n"})
    with pytest.raises(LockError, match=r"svc/uv.lock: found no TOML"):
        clone.moved()


def test_a_base_may_be_the_branch_of_the_remote(clone: Clone, tmp_path: Path) -> None:
    clone.git("clone", "--quiet", str(clone.root), str(tmp_path / "other"))
    told = f"since origin/main ({clone.short()}): no lock file changed"
    assert told in str(from_git("main", WANTED, tmp_path / "other"))


def test_what_others_moved_in_the_base_is_not_compared(clone: Clone) -> None:
    clone.write(**{"svc__uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    clone.commit()
    clone.git("checkout", "--quiet", "main")
    base = clone.short()
    clone.write(**{"requirements.txt": "torch==2.7.1\nnumpy==2.1.0\n"})
    clone.commit()
    main = clone.git("rev-parse", "main")
    clone.git("checkout", "--quiet", "topic")
    found = clone.upgrade()
    assert found.packages == ("onnxruntime", "numpy")
    assert found.locked["before"].path == f"main ({base}):svc/uv.lock"
    for name in (main, main.upper(), f"{main}~1"):
        assert clone.upgrade(name).locked["before"].path == f"{base}:svc/uv.lock"
    clone.git("merge", "--quiet", "--no-edit", "main")
    merged = clone.upgrade()
    assert (merged.packages, merged.locked["before"].path) == (
        ("onnxruntime", "numpy"), f"main ({clone.short()}):svc/uv.lock"
    )  # fmt: skip


def test_a_base_without_a_common_commit_is_compared_itself(clone: Clone) -> None:
    clone.git("checkout", "--quiet", "--orphan", "other")
    clone.write(**{"requirements.txt": "torch==2.7.1\nnumpy==2.1.0\n"})
    clone.commit()
    assert clone.upgrade().locked["before"].path == f"main ({clone.short('main')}):requirements.txt"


@pytest.mark.parametrize("deep", [False, True])
def test_a_link_moves_what_the_file_behind_it_moves(deep: bool, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{"pins__base.in": "torch==2.6.0\n", "README.md": "x"})
    clone.git("checkout", "--quiet", "main")
    (clone.root / "deps").symlink_to("pins")
    (clone.root / "svc").mkdir()
    (clone.root / "svc" / "one").symlink_to("../deps/base.in")
    (clone.root / "requirements.txt").symlink_to("svc/one" if deep else "pins/base.in")
    clone.commit()
    clone.git("checkout", "--quiet", "-B", "topic")
    clone.write(**{"pins__base.in": "torch==2.7.1\n"})
    found = clone.upgrade()
    assert (found.before, found.after) == (("torch==2.6.0", "numpy"), ("torch==2.7.1", "numpy"))


def test_a_link_that_leads_out_of_the_repository_is_said(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("torch==2.7.1\n")
    clone = Clone(tmp_path / "clone", **{"requirements.txt": "torch==2.6.0\n", "b__requirements.txt": "flask==1\n"})
    (clone.root / "requirements.txt").unlink()
    (clone.root / "requirements.txt").symlink_to("../outside")
    with pytest.raises(LockError, match=r"requirements.txt: leads out of the repository, accepted a file of it"):
        clone.moved()
    clone.commit()
    clone.git("branch", "--force", "main")
    assert "requirements.txt: leads out of the repository" in str(clone.moved())


@pytest.mark.parametrize(("target", "why"), [("nowhere", "No such file or directory"), ("b", "Is a directory")])
def test_a_link_that_leads_to_no_file_is_no_answer(target: str, why: str, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{"requirements.txt": "torch==2.6.0\n", "b__README": "x"})
    (clone.root / "requirements.txt").unlink()
    (clone.root / "requirements.txt").symlink_to(target)
    with pytest.raises(LockError, match=rf"requirements.txt: cannot be read \({why}\)"):
        clone.moved()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", **{"README.md": "x"})
    (clone.root / "requirements.txt").symlink_to("other")
    (clone.root / "other").symlink_to("requirements.txt")
    clone.commit()
    clone.git("branch", "--force", "main")
    (clone.root / "requirements.txt").unlink()
    clone.write(**{"requirements.txt": "torch==2.6.0\n"})
    with pytest.raises(LockError, match="found more than 20 links"):
        clone.moved()


@pytest.mark.parametrize("base", ["nosuch", "--all", "", "main:requirements.txt", "main..topic", "a\nb"])
def test_an_unknown_base_is_said_with_how_to_get_it(base: str, clone: Clone) -> None:
    with pytest.raises(LockError, match=r"--from-git: found no commit .*, accepted a branch, a tag or a commit"):
        clone.moved(base)
    if base == "nosuch":
        with pytest.raises(LockError, match=r"`git fetch --depth=1 origin nosuch` first"):
            clone.moved("origin/nosuch")


def test_a_shallow_clone_without_the_base_is_said(clone: Clone, tmp_path: Path) -> None:
    url = clone.root.as_uri()
    clone.git("clone", "--quiet", "--depth=1", "--single-branch", "--branch=topic", url, str(tmp_path / "other"))
    with pytest.raises(LockError, match=r"this clone is shallow: `git fetch --depth=1 origin main` first, or fetch-de"):
        from_git("main", WANTED, tmp_path / "other")


def test_no_repository_and_no_lock_file_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    with pytest.raises(LockError, match=r"found no git repository here \(fatal: not a git repository"):
        from_git("main", WANTED, tmp_path / "plain")
    with pytest.raises(LockError, match=r"found no lock file tracked in .*/clone, accepted requirements.txt"):
        Clone(tmp_path / "clone", **{"README.md": "x"}).moved()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LockError, match=r"cannot start git"):
        from_git("main", WANTED, tmp_path)


def test_a_lock_of_another_python_is_resolved_for_the_chosen_one(clone: Clone) -> None:
    assert WANTED.environment == environment("3.12.4")
    clone.write(**{"svc__uv.lock": (LOCKS / "new" / "uv.lock").read_text()})
    older = from_git("main", type(WANTED)(WANTED.backends, environment("3.10.1")), clone.root)
    assert isinstance(older, Upgrade)
    assert older.after == ("onnxruntime==1.23.2", "numpy==2.2.6")
