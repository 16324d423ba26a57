"""The files of a user's own layers: those in `.convt`, which a command finds by itself, and those of `--spec`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from convt.cases.errors import shown_path
from convt.content import ROOT
from convt.session.options import BadOption

FOLDER = ".convt"
"""The folder, in a project, of the YAML files of its own layers."""
Only = Literal["", "mine", "suite"]
"""What a run is held to: a user's own layers, the suite's cases, or both where it is empty."""
ONLY: tuple[Only, ...] = ("mine", "suite")


def found(here: Path) -> tuple[Path, ...]:
    """The `.convt/*.yaml` of a folder, else those of the nearest folder above it, up to the one that is the root of its
    git repository; outside of a repository those of the folder alone. BadOption where `.convt` has files that are named
    `*.yml`, which nothing would read."""
    folders = [here.resolve(), *here.resolve().parents]
    root = next((at for at, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    for folder in folders[: root + 1]:
        files = tuple(sorted(path for path in (folder / FOLDER).glob("*.yaml") if path.is_file()))
        others = sorted((folder / FOLDER).glob("*.yml"))
        if others:
            raise BadOption(f"{shown_path(others[0])}: found a name that ends in .yml, accepted .yaml: rename the file")
        if files:
            return files
    return ()


def chosen(only: Only, specs: Sequence[Path], here: Path) -> tuple[Path, ...]:
    """The files of the user's own layers that are found beside the suite's; none where `--spec` names files, which are
    the user's then. BadOption where `--only` asks for what there is not."""
    if only == "suite":
        if specs:
            raise BadOption("--only suite excludes --spec, which names cases of your own")
        return ()
    files = () if specs else found(here)
    if only == "mine" and not (files or specs):
        raise BadOption(
            f"--only mine: found no {FOLDER}/*.yaml in {here} or above it in its git repository; accepted files of your"
            f" own layers there, or --spec=FILE"
        )
    return files


def own(files: Iterable[Path]) -> list[Path]:
    """Those of some files of cases that are a user's own: all but the suite's."""
    suite = (ROOT / "specs").resolve()
    return [path for path in files if not path.resolve().is_relative_to(suite)]


def told(cases: int, files: Iterable[Path]) -> str:
    """`your 14 cases, from .convt/model.yaml`; empty where there are none."""
    names = [os.path.relpath(path) for path in files]
    more = f" and {len(names) - 3} more files" if len(names) > 3 else ""
    noun = "case" if cases == 1 else "cases"
    return f"your {cases:,} {noun}, from {', '.join(names[:3])}{more}" if cases else ""
