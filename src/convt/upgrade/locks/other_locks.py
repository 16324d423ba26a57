"""The lock files that are JSON or YAML: Pipfile.lock, a conda environment, and conda-lock.yml."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from convt.upgrade.locks.lock import (
    Candidate,
    Environment,
    Lock,
    LockError,
    Pin,
    Text,
    chosen,
    holds,
    package,
    pinned,
    specifier,
)
from convt.upgrade.locks.requirement_files import requirement, requirements
from convt.upgrade.locks.toml_locks import PYPI

CONDA = {
    "pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "tensorflow-gpu": "tensorflow",
    "tensorflow-base": "tensorflow",
}  # fmt: skip
"""What conda calls packages that have another name on PyPI."""
BUILDS = "conda's packages are installed from PyPI here: the same versions, in other builds"
PLATFORMS = {
    ("Linux", "x86_64"): "linux-64", ("Linux", "aarch64"): "linux-aarch64", ("Darwin", "arm64"): "osx-arm64",
    ("Darwin", "x86_64"): "osx-64", ("Windows", "AMD64"): "win-64",
}  # fmt: skip
"""(system, machine) as Python calls them to the platform as conda calls it."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONDA = re.compile(r"(?:[^\s\[\]]+::)?([A-Za-z0-9_][\w.-]*)\s*(.*)")


def pipfile(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """Pipfile.lock."""
    lines = {keys[1]: line for keys, line in marks(content) if keys[-1:] == ("version",) and len(keys) == 3}
    meta = data.get("_meta", {})
    urls = {it.get("name"): str(it.get("url", "")) for it in meta.get("sources", []) if isinstance(it, dict)}
    candidates: list[Candidate] = []
    for category, packages in data.items():
        if category.startswith("_") or not isinstance(packages, dict):
            continue
        for name, said in packages.items():
            line = lines.get(name, 0)
            if not isinstance(said, dict):
                raise LockError(f"{path}: found {name}: {said!r}, accepted an object with a version")
            if holds(str(said.get("markers", "")), environment, f"{path}:{line}"):
                pin = _pipfile_pin(package(name, path), said, path, line, urls)
                candidates.append((int(category != "default"), category, pin))
    requires = meta.get("requires", {})
    python = requires.get("python_full_version") or requires.get("python_version")
    return Lock(path, "Pipfile.lock", chosen(candidates), specifier(python))


def _pipfile_pin(name: str, said: Mapping[str, Any], path: str, line: int, urls: Mapping[Any, str]) -> Pin:
    if "git" in said:
        commit = f"@{said['ref']}" if said.get("ref") else ""
        return Pin(name, f"{name} @ git+{said['git']}{commit}", where=path, line=line)
    if str(said.get("file", "")).startswith("http"):
        return Pin(name, f"{name} @ {said['file']}", where=path, line=line)
    version = str(said.get("version", ""))
    if not version.startswith("=="):
        problem = f"found {name} as a local path, accepted a version or an address"
        return Pin(name, name, where=path, line=line, problem=problem)
    url = urls.get(said.get("index"), "")
    return pinned(name, version.lstrip("="), path, line, "" if url.rstrip("/") in PYPI else url)


def conda_environment(file: Text, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """environment.yml, as people write it and as `conda env export` does, with its part for pip."""
    path, lines = file.path, dict(scalars(content))
    pins: dict[str, Pin] = {}
    notes, python = [BUILDS], ""
    indexes: tuple[str, ...] = ()
    for one in data.get("dependencies") or []:
        if isinstance(one, dict):
            continue
        if str(one).startswith("_"):  # conda's own, which is no package of Python's
            continue
        pin = _conda_pin(str(one), path, lines.get(str(one), 0))
        if pin.name == "python":
            python = specifier(pin.text.removeprefix("python"))
        else:
            pins[pin.name] = pin
    for one in data.get("dependencies") or []:
        for text in (one.get("pip") or []) if isinstance(one, dict) else []:
            if str(text).startswith("-"):
                more = requirements(file, str(text), environment)
                pins, indexes, notes = pins | dict(more.pins), (*indexes, *more.indexes), [*notes, *more.notes]
                continue
            found = requirement(str(text), f"{path}:{lines.get(str(text), 0)}", environment, file.folder)
            pins |= {found.name: found} if isinstance(found, Pin) else {}
            notes += [found] if isinstance(found, str) else []
    return Lock(path, "conda environment", pins, python, tuple(indexes), tuple(notes))


def _conda_pin(text: str, path: str, line: int) -> Pin:
    """`numpy`, `numpy=1.26.4`, `numpy=1.26.4=py311h64a7726_0`, `conda-forge::numpy>=1.26,<2`, `numpy 1.26.*`."""
    found = _CONDA.fullmatch(text.strip())
    if found is None:
        raise LockError(f"{path}:{line}: found {text[:80]!r}, accepted NAME=VERSION")
    name, rest = package(CONDA.get(found[1].lower(), found[1]), f"{path}:{line}"), found[2].strip()
    bracket = re.search(r"version\s*=\s*['\"]?([^'\"\]]+)", rest)
    rest = (bracket[1] if bracket else rest.partition("[")[0]).strip()
    exact = re.fullmatch(r"(={1,2})?\s*(\d[^=\s,|<>*!]*)(?:\s*=\s*([^=\s]+)|\s+(\S+))?", rest)
    if exact:
        whole = name != "python" and (exact[1] == "==" or exact[3] or exact[4])
        return _conda_exact(name, exact[2], bool(whole) or exact[2].count(".") > 1, path, line)
    return _ranged(name, rest if re.match(r"[<>=!~]", rest) else "", path, line)


def _conda_exact(name: str, version: str, exact: bool, path: str, line: int) -> Pin:
    if exact:
        return pinned(name, version, path, line)
    return _ranged(name, f"=={version}.*", path, line)


def _ranged(name: str, bounds: str, path: str, line: int) -> Pin:
    """A pin of no exact version; what pip cannot read, such as `>=1|<0.5`, is its problem."""
    try:
        return Pin(name, f"{name}{SpecifierSet(bounds) if bounds else ''}", where=path, line=line)
    except InvalidSpecifier:
        problem = f"found {name} {bounds}, accepted a version or a range as PyPI has them"
        return Pin(name, f"{name}{bounds}", where=path, line=line, problem=problem)


def conda_lock(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """conda-lock.yml: the packages of this platform."""
    here = PLATFORMS.get((platform.system(), platform.machine()), "")
    lines = {keys[1]: line for keys, line in marks(content) if keys[0] == "package" and keys[-1] == "version"}
    candidates: list[Candidate] = []
    python = ""
    for number, it in enumerate(data.get("package") or []):
        if not isinstance(it, dict) or not {"name", "version"} <= it.keys():
            raise LockError(f"{path}: found a package without name and version")
        if it.get("platform") != here or str(it["name"]).startswith("_"):
            continue
        called = str(it["name"])
        name = package(CONDA.get(called, called) if it.get("manager") == "conda" else called, path)
        if name == "python":
            python = specifier(it["version"])
            continue
        category = str(it.get("category", "main"))
        of_pip = it.get("manager") == "pip"
        pin = _conda_exact(name, str(it["version"]), True, path, lines.get(str(number), 0))
        candidates.append((2 * int(category != "main") + int(not of_pip), category, pin))
    if not candidates:
        found = sorted({str(it.get("platform")) for it in data.get("package") or []})
        raise LockError(f"{path}: found packages for {', '.join(found) or 'nothing'}, accepted some for {here}")
    return Lock(path, "conda-lock.yml", chosen(candidates), python, notes=(BUILDS,))


def load_json(path: str, content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LockError(f"{path}: found no JSON ({str(error)[:120]})") from None


def load_yaml(path: str, content: str) -> Any:
    try:
        return yaml.load(content, _LOADER)  # noqa: S506  a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise LockError(f"{where}: found no YAML ({getattr(error, 'problem', None) or str(error)[:120]})") from None


def marks(content: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The keys that lead to each scalar of a YAML or JSON text, with its line; nothing where it has none to tell."""
    try:
        node = yaml.compose(content, _LOADER)
    except (yaml.YAMLError, RecursionError):
        return
    left: list[tuple[tuple[str, ...], Any]] = [((), node)]
    while left:
        keys, node = left.pop()
        if len(keys) > 4:
            continue
        if isinstance(node, yaml.MappingNode):
            left += [((*keys, str(key.value)), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            left += [((*keys, str(number)), value) for number, value in enumerate(node.value)]
        elif node is not None:
            yield keys, node.start_mark.line + 1


def scalars(content: str) -> Iterator[tuple[str, int]]:
    """Each word of a YAML text, the last first, with its line."""
    try:
        tokens = [token for token in yaml.scan(content, _LOADER) if isinstance(token, yaml.ScalarToken)]
    except yaml.YAMLError:
        return
    for token in reversed(tokens):
        yield str(token.value), token.start_mark.line + 1
