"""The options of a conformance run, in one pytest group, and what they say together."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.profiles import PROFILES, Profile

ROOT = Path(__file__).parent.parent
DEADLINE = 60.0
REPORT = Path("reports/out")
KNOWN = Path("specs/known")
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Options:
    """What the command line asks for; empty tuples mean everything there is."""

    targets: tuple[str, ...]
    devices: tuple[str, ...]
    required: tuple[str, ...]
    laws: tuple[str, ...]
    specs: tuple[Path, ...]
    backends: tuple[str, ...]
    profile: Profile
    seed: int
    deadline: float
    report: Path
    known: Path


def add_options(parser: pytest.Parser) -> None:
    """Declare the group `convt`."""
    group = parser.getgroup("convt", "conformance of transposed convolution")
    add = group.addoption
    add(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="run this target, backend[/mode][@device]; repeatable (default: every framework in its default mode)",
    )
    add(
        "--device",
        action="append",
        default=[],
        metavar="NAME",
        help="run on this device, such as cpu or cuda:0; repeatable (default: every device that a framework lists)",
    )
    add(
        "--require",
        action="append",
        default=[],
        metavar="NAMES",
        help="fail where one of these targets does not run; commas between them, or 'all' (default: none)",
    )
    add("--law", action="append", default=[], metavar="ID", help="judge this law; repeatable (default: every law)")
    add(
        "--spec",
        action="append",
        default=[],
        metavar="FILE",
        help="take the cases of this YAML file, --spec=FILE; repeatable (default: specs/*.yaml)",
    )
    add(
        "--backend",
        action="append",
        default=[],
        metavar="PATH",
        help="add a backend from outside, package.module:Class; repeatable (docs/adding-a-backend.md)",
    )
    add(
        "--profile",
        default="default",
        metavar="NAME",
        help=f"how many cases are generated: {', '.join(PROFILES)} (default: %(default)s)",
    )
    add(
        "--seed",
        default=None,
        metavar="N",
        help="seed of the generated cases (default: a new one each run, printed; 0 under the profile ci)",
    )
    add(
        "--deadline",
        default=str(DEADLINE),
        metavar="SECONDS",
        help="how long one evaluation may take before it counts as hanging (default: %(default)s)",
    )
    add(
        "--known",
        default=str(KNOWN),
        metavar="DIR",
        help="where the known differences stand, a file a backend (default: %(default)s)",
    )
    add("--report", default=str(REPORT), metavar="DIR",
        help="where run.jsonl and index.html go (default: %(default)s)")  # fmt: skip


def read_options(config: pytest.Config) -> Options:
    """The options of this run; pytest.UsageError names what was found and what is accepted."""
    get = config.getoption
    profile = PROFILES[known("--profile", get("--profile"), PROFILES)]
    deadline = _number("--deadline", get("--deadline"), float)
    if not 0 < deadline < float("inf"):
        raise pytest.UsageError(f"--deadline: found {deadline}, accepted a number of seconds above 0")
    paths = [Path(config.invocation_params.dir, name) for name in get("--spec")]
    for path in paths:
        if not path.is_file():
            raise pytest.UsageError(f"--spec: found no file {path}, accepted a YAML file of cases")
    return Options(
        targets=tuple(get("--target")),
        devices=tuple(get("--device")),
        required=tuple(name for value in get("--require") for name in value.split(",") if name),
        laws=tuple(get("--law")),
        specs=tuple(paths or sorted((ROOT / "specs").glob("*.yaml"))),
        backends=tuple(get("--backend")),
        profile=profile,
        seed=_seed(config, profile),
        deadline=deadline,
        report=Path(config.rootpath, get("--report")),
        known=_folder("--known", Path(config.rootpath, get("--known"))),
    )


def _seed(config: pytest.Config, profile: Profile) -> int:
    """The seed that was asked for, else the controller's when a worker of pytest-xdist, else a new one."""
    asked = config.getoption("--seed")
    if asked is not None:
        seed = _number("--seed", asked, int)
        if not 0 <= seed <= LARGEST_SEED:
            raise pytest.UsageError(f"--seed: found {seed}, accepted 0 to {LARGEST_SEED}")
        return seed
    shared = getattr(config, "workerinput", {}).get("convt_seed")
    if shared is not None:
        return int(shared)
    return 0 if profile.derandomized else random.SystemRandom().randint(0, LARGEST_SEED)


def _folder(option: str, path: Path) -> Path:
    if not path.is_dir():
        raise pytest.UsageError(f"{option}: found no folder {path}, accepted one with YAML files")
    return path


def _number(option: str, text: str, kind: type[Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise pytest.UsageError(f"{option}: found {text!r}, accepted a number") from None


def known(option: str, name: str, accepted: Iterable[str]) -> str:
    """The name, or a UsageError with the near names and all that are accepted."""
    names = list(accepted)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise pytest.UsageError(f"{option}: found {name!r}, accepted {', '.join(names)}{hint}")
