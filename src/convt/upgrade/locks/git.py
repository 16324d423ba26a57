"""The lock files of a git repository: those that changed since a commit, each as it was there and as it is now."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from convt.upgrade.locks.lock import LockError, printable
from convt.upgrade.locks.reading import KINDS, OUTSIDE, OnDisk, decoded
from convt.upgrade.locks.requirement_files import includes

NAMED = re.compile(
    r"(?:^|/)(?:uv\.lock|poetry\.lock|pdm\.lock|pylock(?:\.[^/.]+)?\.toml|Pipfile\.lock|[^/]*\.py\.lock"
    r"|[^/]*(?:requirements|constraints)[^/]*\.txt|requirements/[^/]*\.txt|requirements[^/]*\.lock"
    r"|(?:[^/]*[-_.])?env(?:ironment)?s?(?:[-_.][^/]*)?\.ya?ml|[^/]*conda-lock\.ya?ml)$"
)
"""The paths of lock files, by which they are found in any folder."""
LINK = "120000 "
"""How git's list of a commit begins the row of a symbolic link."""
LEVELS = 20
"""Links that lead to links, on the way to one file."""
_HASH = re.compile(r"[0-9a-fA-F]{7,64}(?:[~^]\S*)?")


@dataclass(frozen=True)
class Repository:
    """A git repository, by its root; `base` is a commit, `short` its shortest name, and `called` what messages say."""

    root: Path
    base: str
    short: str
    called: str

    def lock_files(self) -> tuple[list[str], list[str]]:
        """The paths of the lock files that are tracked now, and of those in the base; links that lead nowhere too."""
        tracked = ((path, self.root / path) for path in self._paths("ls-files", "-z"))
        now = [path for path, file in tracked if file.is_file() or file.is_symlink()]
        return sorted(set(now)), sorted(
            set(self._paths("ls-tree", "-r", "-z", "--name-only", "--full-tree", self.base))
        )

    def named_files(self, names: Sequence[str], folder: Path) -> tuple[list[str], list[str]]:
        """The same of files that are named, whatever they are called; LockError where git tracks one nowhere."""
        tracked = set(git(self.root, "ls-files", "-z", "--full-name").split("\0"))
        there = set(git(self.root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", self.base).split("\0"))
        found = [self._named(name, folder, tracked | there) for name in names]
        now = {path for path in found if path in tracked and os.path.lexists(self.root / path)}
        return sorted(now), sorted(there.intersection(found))

    def _named(self, name: str, folder: Path, tracked: Collection[str]) -> str:
        """The path from the root of a file that is named from a folder, or from the root itself."""
        from_root = os.path.relpath(os.path.normpath(folder.resolve() / name), self.root.resolve())
        for path in (Path(from_root).as_posix(), os.path.normpath(name)):
            if path in tracked:
                return path
        raise LockError(f"--lock: found no file {name} that git tracks in {self.root}, accepted the path of one")

    def _paths(self, *words: str) -> list[str]:
        return [path for path in git(self.root, *words).split("\0") if NAMED.search(path)]

    def changed(self, paths: Sequence[str]) -> list[str]:
        """Those that differ from the base, and requirements files that include others, which may."""
        if not paths:
            return []
        differ = git(self.root, "diff", "--name-only", "-z", "--no-renames", self.base, "--", *map(_literal, paths))
        told = set(differ.split("\0"))
        return [path for path in paths if path in told]

    def leads_on(self, path: str) -> bool:
        """Whether a file is a link, or includes others: it may say something else though it is unchanged."""
        if path in self.links or (self.root / path).is_symlink():
            return True
        if path.endswith(("uv.lock", "poetry.lock", "pdm.lock", ".toml")):
            return False
        try:
            return includes(self.now(path).read())
        except LockError:
            return False

    @cached_property
    def links(self) -> frozenset[str]:
        """The paths of the symbolic links in the base, whose content is where they lead."""
        rows = git(self.root, "ls-tree", "-r", "-z", "--full-tree", self.base).split("\0")
        return frozenset(row.partition("\t")[2] for row in rows if row.startswith(LINK))

    def behind(self, path: str) -> str:
        """The path of the base to which links on the way of a path lead; LockError where they leave the repository."""
        way = path
        for _ in range(LEVELS):
            parts = PurePosixPath(way).parts
            link = next((i for i in range(1, len(parts) + 1) if "/".join(parts[:i]) in self.links), 0)
            if not link:
                return way
            here = "/".join(parts[:link])
            target = git(self.root, "cat-file", "blob", f"{self.base}:{here}")
            way = os.path.normpath(PurePosixPath(here).parent / target / PurePosixPath(*parts[link:]))
            if target.startswith("/") or way.startswith(".."):
                raise LockError(f"{self.called}:{path}: {OUTSIDE}")
        raise LockError(f"{self.called}:{path}: found more than {LEVELS} links that lead to each other")

    def now(self, path: str) -> OnDisk:
        return OnDisk(self.root / path, path, self.root, inside=True)

    def then(self, path: str) -> InCommit:
        return InCommit(self, path)


@dataclass(frozen=True)
class InCommit:
    """A file as it is in the base; its path names the commit too."""

    repository: Repository
    name: str

    @property
    def path(self) -> str:
        return printable(f"{self.repository.called}:{self.name}")

    @property
    def folder(self) -> str | None:
        return None

    def read(self) -> str:
        words = ["cat-file", "blob", f"{self.repository.base}:{self.repository.behind(self.name)}"]
        return decoded(self.path, _run(self.repository.root, words, f"{self.path}: cannot be read").stdout)

    def beside(self, name: str) -> InCommit:
        path = PurePosixPath(os.path.normpath(PurePosixPath(self.name).parent / name))
        return InCommit(self.repository, path.as_posix())


def repository(base: str, folder: Path) -> Repository:
    """The repository of a folder, where the branch left a base; LockError where there is none, or no such commit.

    What others moved in the base since then is not of this branch. Where the two have no commit in common, as in a
    shallow clone, the base itself is meant.
    """
    todo = "run it in a clone, or name two files: --from-lock OLD NEW"
    top = _run(folder, ["rev-parse", "--show-toplevel"], "--from-git: found no git repository here", todo)
    root = Path(os.fsdecode(top.stdout).rstrip("\n"))
    for name in (base, f"origin/{base}"):
        words = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = _ran(root, words)
        if base.strip() and found.returncode == 0:
            commit = found.stdout.decode().strip()
            left = _ran(root, ["merge-base", commit, "HEAD"])
            commit = left.stdout.decode().strip() if left.returncode == 0 else commit
            short = git(root, "rev-parse", "--short", commit).strip()
            return Repository(root, commit, short, short if _HASH.fullmatch(name) else f"{name} ({short})")
    raise LockError(_unknown(root, base))


def _unknown(root: Path, base: str) -> str:
    found = f"--from-git: found no commit {base!r} in {root}, accepted a branch, a tag or a commit"
    fetch = f"git fetch --depth=1 origin {base.removeprefix('origin/')}"
    if base.strip() and git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        return f"{found}; this clone is shallow: `{fetch}` first, or fetch-depth: 0 in actions/checkout"
    return f"{found}; where the remote has it, `{fetch}` first" if base.strip() else found


def git(folder: Path, *words: str) -> str:
    """What git prints; LockError with its last words where it fails."""
    return os.fsdecode(_run(folder, words, f"git {words[0]} failed").stdout)


def _run(folder: Path, words: Sequence[str], failed: str, todo: str = "") -> subprocess.CompletedProcess[bytes]:
    done = _ran(folder, words)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = f" ({said[0][:200]})" if said else ""
        raise LockError(f"{failed}{why}{f'; {todo}' if todo else ''}")
    return done


def _ran(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    told = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(["git", *words], cwd=folder, env=told, capture_output=True, check=False)  # noqa: S607
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise LockError(
            f"--from-git: cannot start git ({why}): install it, or name two files: --from-lock OLD NEW"
        ) from None


def _literal(path: str) -> str:
    return f":(top,literal){path}"


def in_repository(path: str) -> str:
    """A path of the disk as the root of its git repository knows it, with `/`; as it is where there is none."""
    root = root_of(path)
    return Path(path).resolve().relative_to(root).as_posix() if root else path


def root_of(path: str) -> Path | None:
    """The root of the git repository in which a file stands; None where it is in none."""
    return next((folder for folder in Path(path).resolve().parents if (folder / ".git").exists()), None)


def named(path: str) -> OnDisk:
    """A file that somebody names, wherever it stands. What it includes has to stand in its repository; where there is
    none, in the current folder or in its own."""
    here, own = Path.cwd(), Path(path).absolute().parent
    root = root_of(path) or (here if own.is_relative_to(here) else own)
    return OnDisk(Path(path), path, root)


def none_found(root: Path) -> LockError:
    return LockError(
        f"--from-git: found no lock file tracked in {root}, accepted {', '.join(KINDS)}; or --from-lock OLD NEW"
    )
