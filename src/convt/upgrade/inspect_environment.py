"""Run by an environment's own Python: `inside.py installed` and `inside.py import MODULE`, an answer in JSON each.

Python 3.10+ and its standard library alone, and no import of ours: it stands in no package there.
"""

from __future__ import annotations

import importlib
import importlib.metadata as metadata
import json
import re
import sys
import sysconfig
from typing import Any

TWINS = {"tensorflow": ("tensorflow", "tf"), "torch": ("torch",), "keras": ("keras",), "jax": ("jax",)}
"""Import name to how the packages begin that bring it under other names: tensorflow-cpu, tf-nightly, keras-nightly."""


def installed() -> dict[str, Any]:
    """Versions by package, the modules that each brings and is tried by, and every module that stands there."""
    folders = list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))
    versions: dict[str, str] = {}
    brings: dict[str, list[str]] = {}
    for found in metadata.distributions(path=folders):
        package = canonical(found.metadata["Name"])
        versions[package] = found.version
        brings[package] = tops(found)
    modules = {package: chosen(package, names) for package, names in brings.items()}
    everything = sorted({name for names in brings.values() for name in names})
    return {"versions": dict(sorted(versions.items())), "brings": brings, "modules": modules, "found": everything}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def tops(found: metadata.Distribution) -> list[str]:
    """The top-level modules of a package, from the files that it brought."""
    names = set()
    for file in found.files or ():
        first, *rest = file.parts
        if not rest and first.endswith(".py"):
            names.add(first[:-3])
        elif rest and file.name == "__init__.py" and len(file.parts) == 2:
            names.add(first)
    return sorted(name for name in names if name.isidentifier())


def chosen(package: str, names: list[str]) -> list[str]:
    """The modules by which a package is tried: the one called like it, else all that are public."""
    own = package.replace("-", "_")
    likely = [own, *(name for name, begins in TWINS.items() if package.split("-")[0] in begins)]
    same = [name for name in likely if name in names]
    return same[:1] or [name for name in names if not name.startswith("_")]


def main(what: str, *names: str) -> dict[str, Any]:
    if what == "installed":
        return installed()
    for name in names:
        importlib.import_module(name)
    return {"imported": names}


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file: nothing of ours is to be found there
    sys.stdout.write("\n" + json.dumps(main(*sys.argv[1:])) + "\n")
