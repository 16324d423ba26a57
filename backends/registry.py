"""The backends by name: where the class stands, what its process needs in its environment, what it is made of."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backends.surroundings import SURROUNDINGS
from backends.targets import TargetError

_PATH = re.compile(r"(?:([a-z][a-z0-9]*(?:-[a-z0-9]+)*)=)?([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
PATH_FORM = "package.module:Class or name=package.module:Class"


@dataclass(frozen=True)
class Entry:
    """One backend: `path` as `module:Class`, environment variables of its process, and the packages that it needs.

    `packages` are top-level import names: without one of them the target is missing, not broken. `root` is the folder
    from which a backend outside of this repository is imported; None for the ones here. `prepare` is a function of the
    host's, `module:function`, which adds to each probe what cannot be made in the target's process (see
    `backends.preparing`); it needs `host_packages` there.
    """

    path: str
    env: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    root: str | None = None
    prepare: str = ""
    host_packages: tuple[str, ...] = ()
    surroundings: tuple[str, ...] = ("hostile", "poisoned")
    """Those of `SURROUNDINGS` that can make a difference to this framework."""

    @property
    def built_in(self) -> bool:
        return self.root is None

    def modes(self) -> tuple[str, ...]:
        """The class's modes, the default first, and the surroundings; empty where only its own process can tell.

        Adapters import their framework in `__init__`, so asking one of ours imports none.
        """
        if not self.built_in:
            return ()
        module, name = self.path.split(":")
        try:
            return (*getattr(importlib.import_module(module), name).modes, *SURROUNDINGS)
        except Exception:
            return ()  # the target's process says what is wrong with the adapter, with its own words


_ONE_THREAD = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
"""Six targets share the machine; on a busy one OpenMP waits for its threads ten times longer than they work."""
_TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1")}
"""TensorFlow asks oneDNN on newer CPUs alone, and differs by that; here it does on all, as known differences expect."""

_LUCK = ("hostile", "poisoned")
_ONEDNN = (*_LUCK, "avx2", "no-onednn")

BACKENDS: dict[str, Entry] = {
    "pytorch": Entry("backends.pytorch_backend:PyTorch", _ONE_THREAD, ("torch",), surroundings=(*_ONEDNN, "threads")),
    "tensorflow": Entry(
        "backends.tensorflow_backend:TensorFlow", _TENSORFLOW, ("tensorflow",), surroundings=(*_ONEDNN, "one-thread")
    ),
    "jax": Entry("backends.jax_backend:Jax", packages=("jax",), surroundings=(*_LUCK, "avx2", "one-thread")),
    "keras-tensorflow": Entry(
        "backends.keras_backend:Keras", _TENSORFLOW | {"KERAS_BACKEND": "tensorflow"}, ("keras", "tensorflow")
    ),
    "keras-jax": Entry("backends.keras_backend:Keras", {"KERAS_BACKEND": "jax"}, ("keras", "jax")),
    "keras-torch": Entry("backends.keras_backend:Keras", _ONE_THREAD | {"KERAS_BACKEND": "torch"}, ("keras", "torch")),
    "onnxruntime": Entry(
        "backends.onnxruntime_backend:OnnxRuntime",
        packages=("onnxruntime",),
        prepare="backends.onnx_models:prepare",
        host_packages=("onnx",),
        surroundings=(*_LUCK, "threads"),
    ),
}
"""What stands in this repository, in the report's order."""


def register_external(text: str, root: str | Path | None = None) -> tuple[str, Entry]:
    """A backend outside of this repository, as (name, entry): `BACKENDS | dict([register_external(text)])`.

    The name is what stands before `=`, else the class's name in kebab-case; nothing is imported here. The module is
    found from `root` (default: the current folder) or in the environment of the target.
    """
    matched = _PATH.fullmatch(text.strip())
    if matched is None:
        raise TargetError("backend", text, [PATH_FORM])
    given, module, cls = matched.groups()
    name = given or kebab(cls)
    if name in BACKENDS:
        raise TargetError("backend", f"{name}, which is taken", [f"another-name={module}:{cls}"])
    return name, Entry(f"{module}:{cls}", root=str(Path(root or Path.cwd()).absolute()))


def kebab(name: str) -> str:
    """A class's name as a target spells it: `MyBackend` is `my-backend`, `ONNXRuntime` is `onnx-runtime`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", name)
    return words.strip("-").lower()
