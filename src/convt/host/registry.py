"""The backends by name: where the class stands, what its process needs in its environment, what it is made of."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from convt.adapter.stress import STRESS
from convt.results.targets import DEVICES, FORM, NAME, Target, TargetError

_PATH = re.compile(r"(?:([a-z][a-z0-9]*(?:-[a-z0-9]+)*)=)?([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
PATH_FORM = "package.module:Class or name=package.module:Class"


@dataclass(frozen=True)
class Entry:
    """One backend: `path` as `module:Class`, environment variables of its process, and the packages that it needs.

    `packages` are top-level import names: without one of them the target is missing, not broken. `root` is the folder
    from which a backend outside of this repository is imported, empty where it is installed; None for the ones here.
    `prepare` is a function of the host's, `module:function`, which adds to each probe what cannot be made in the
    target's process (see `convt.host.preparing`); it needs `host_packages` there.
    """

    path: str
    env: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    root: str | None = None
    prepare: str = ""
    host_packages: tuple[str, ...] = ()
    stress: tuple[str, ...] = ("hostile", "poisoned", "heap-check")
    """Those of `STRESS` that can make a difference to this framework."""
    above: str = ""
    """The backend that is its engine, where that is one: Keras on JAX is above `jax`."""
    forks: bool = False
    """Whether a process that has imported the packages, and called nothing, may be forked: it has no threads then that
    the framework would miss."""
    extra: str = ""
    """The extra of convt that installs its framework."""
    unless_set: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its process where the user's own environment does not set them."""

    def variables(self) -> dict[str, str]:
        """What its process gets on top of the host's environment."""
        return {name: os.environ.get(name, value) for name, value in self.unless_set.items()} | dict(self.env)

    @property
    def built_in(self) -> bool:
        return self.root is None

    def modes(self) -> tuple[str, ...]:
        """The class's modes, the default first, and the stress environments; empty where only its own process can tell.

        Adapters import their framework in `__init__`, so asking one of ours imports none.
        """
        if not self.built_in:
            return ()
        module, name = self.path.split(":")
        try:
            return (*getattr(importlib.import_module(module), name).modes, *STRESS)
        except Exception:
            return ()  # the target's process says what is wrong with the adapter, with its own words


BUILT_IN = "convt.content.backends.registry:BACKENDS"
"""Where the entries of this repository stand; found by path, as those of a stranger are."""
GROUP = "convt.backends"
"""The entry points of installed packages: `name = "package.module:Class"`."""


@cache
def built_in() -> Mapping[str, Entry]:
    """What stands in this repository, in the report's order, and what installed packages add to it.

    TargetError where a package takes a name that is taken.
    """
    module, name = BUILT_IN.split(":")
    found: dict[str, Entry] = dict(getattr(importlib.import_module(module), name))
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if point.name in found:
            of = f", which is taken, as the entry point of {_package(point)} ({point.value})"
            raise TargetError("backend", point.name, ["another name"], of)
        if (given := _PATH.fullmatch(point.value)) is None or given[1]:
            of = f", the entry point {point.name} of {_package(point)}"
            raise TargetError(GROUP, point.value, ["package.module:Class"], of)
        found[point.name] = Entry(point.value, root="")
    return found


def register_external(text: str, root: str | Path | None = None) -> tuple[str, Entry]:
    """A backend outside of this repository, as (name, entry): `built_in() | dict([register_external(text)])`.

    The name is what stands before `=`, else the class's name in kebab-case; nothing is imported here. The module is
    found from `root` (default: the current folder) or in the environment of the target.
    """
    matched = _PATH.fullmatch(text.strip())
    if matched is None:
        raise TargetError("backend", text, [PATH_FORM])
    given, module, cls = matched.groups()
    name = given or kebab(cls)
    if name in built_in():
        raise TargetError("backend", name, [f"another-name={module}:{cls}"], ", which is taken")
    return name, Entry(f"{module}:{cls}", root=str(Path(root or Path.cwd()).absolute()))


def _package(point: EntryPoint) -> str:
    """The installed package that brings an entry point."""
    return point.dist.name if point.dist is not None else "an installed package"


def all_used(paths: Iterable[str], targets: Iterable[Target]) -> None:
    """TargetError where none of the targets, which were named, is of a backend that was added."""
    backends = {target.backend for target in targets}
    for path in paths:
        name, _ = register_external(path)
        if name not in backends:
            why = ", which no target that was named asks for"
            raise TargetError("--backend", path, [f"a backend of these targets; name {name} too, or leave it out"], why)


def kebab(name: str) -> str:
    """A class's name as a target spells it: `MyBackend` is `my-backend`, `ONNXRuntime` is `onnx-runtime`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", name)
    return words.strip("-").lower()


def parse_target(text: str, backends: Mapping[str, Entry] | None = None) -> Target:
    """The target that a text names, among `backends` (default: the registry); TargetError where there is none."""
    backends = built_in() if backends is None else backends
    if NAME.fullmatch(text.strip()) is None:
        raise TargetError("target", text, [FORM])
    asked = Target.of(text.strip())
    if asked.backend not in backends:
        raise TargetError("backend", asked.backend, backends)
    entry = backends[asked.backend]
    modes = entry.modes()
    if asked.mode and modes and asked.mode not in modes:
        raise TargetError(f"mode of {asked.backend}", asked.mode, modes)
    if entry.built_in and asked.device.split(":")[0] not in DEVICES:
        raise TargetError("device", asked.device, DEVICES)
    default = modes[0] if modes else ""
    return replace(asked, mode=asked.mode or default, default_mode=default)
