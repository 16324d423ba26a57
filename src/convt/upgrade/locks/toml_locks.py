"""The lock files that are TOML: uv.lock, poetry.lock, pdm.lock and pylock.toml (PEP 751)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.pylock import Package, Pylock, PylockUnsupportedVersionError, PylockValidationError

from convt.upgrade.locks.lock import (
    Candidate,
    Environment,
    Lock,
    LockError,
    Pin,
    chosen,
    holds,
    package,
    pinned,
    specifier,
)

PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")
Tables = Sequence[Mapping[str, Any]]


def places(content: str, header: str, count: int) -> list[int]:
    """The line of each table's version, or of its name, in the order of the file: `tomllib` tells no lines. Zeros where
    the tables are not written with `[[header]]`."""
    found: list[int] = []
    inside = False
    for number, line in enumerate(content.splitlines(), start=1):
        if line.startswith("["):
            inside = re.match(rf"\[\[\s*{header}\s*\]\]", line) is not None
            found += [number] if inside else []
        elif inside and re.match(r"version\s*=", line):
            found[-1] = number
    return found if len(found) == count else [0] * count


def poetry(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """poetry.lock, of Poetry 1 and 2."""
    tables = _tables(path, data, "package")
    at = dict(zip(map(id, tables), places(content, "package", len(tables)), strict=True))
    candidates: list[Candidate] = []
    for table in tables:
        where = f"{path}:{at[id(table)]}"
        groups = [str(it) for it in table.get("groups", [table.get("category", "main")])]
        marker = table.get("markers", "")
        markers = list(marker.values()) if isinstance(marker, Mapping) else [marker]
        alone = sum(other["name"] == table["name"] for other in tables) == 1
        extras = ("", *_mapping(data.get("extras")))
        if any(holds(str(it), environment, where, extra=extra) for it in markers for extra in extras) and (
            alone or _runs(table, environment)
        ):
            rank = 0 if "main" in groups and not table.get("optional") else 1
            candidates.append((rank, ", ".join(groups), _poetry_pin(table, path, at[id(table)])))
    said = _mapping(data.get("metadata")).get("python-versions", "")
    return Lock(path, "poetry.lock", chosen(candidates), specifier(said))


def _runs(table: Mapping[str, Any], environment: Environment) -> bool:
    python = specifier(table.get("python-versions") or table.get("requires_python"))
    return Lock("", "", {}, python).admits(environment["python_full_version"])


def _poetry_pin(table: Mapping[str, Any], path: str, line: int) -> Pin:
    name, source = package(table["name"], path), _mapping(table.get("source"))
    url, kind = str(source.get("url", "")), source.get("type", "")
    if kind == "git":
        return _git(name, url, str(source.get("resolved_reference") or source.get("reference") or ""), path, line)
    if kind == "url":
        return Pin(name, f"{name} @ {url}", where=path, line=line)
    if kind in ("directory", "file"):
        return _local(name, url, path, line)
    return pinned(name, str(table["version"]), path, line, _index(url))


def pdm(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """pdm.lock."""
    tables = _tables(path, data, "package")
    candidates: list[Candidate] = []
    for table, line in zip(tables, places(content, "package", len(tables)), strict=True):
        groups = [str(it) for it in table.get("groups", ["default"])]
        alone = len({other["version"] for other in tables if other["name"] == table["name"]}) == 1
        if holds(str(table.get("marker", "")), environment, f"{path}:{line}") and (alone or _runs(table, environment)):
            rank = 0 if "default" in groups else 1
            candidates.append((rank, ", ".join(groups), _pdm_pin(table, path, line)))
    metadata = _mapping(data.get("metadata"))
    targets = [_mapping(it) for it in metadata.get("targets", [])]
    pythons = {specifier(it.get("requires_python")) for it in targets}
    return Lock(path, "pdm.lock", chosen(candidates), pythons.pop() if len(pythons) == 1 else "")


def _pdm_pin(table: Mapping[str, Any], path: str, line: int) -> Pin:
    name = package(table["name"], path)
    if "git" in table:
        return _git(name, str(table["git"]), str(table.get("revision") or table.get("ref") or ""), path, line)
    if "url" in table:
        return Pin(name, f"{name} @ {table['url']}", where=path, line=line)
    if "path" in table:
        return _local(name, str(table["path"]), path, line)
    return pinned(name, str(table["version"]), path, line)


def pylock(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """pylock.toml, as `packaging` reads and checks it."""
    try:
        lock = Pylock.from_dict(data)
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise LockError(f"{path}: found no lock of PEP 751 ({str(error).splitlines()[0]})") from None
    lines = places(content, "packages", len(lock.packages))
    every = frozenset(map(str, lock.dependency_groups or ()))
    default = {"extras": frozenset(), "dependency_groups": frozenset(lock.default_groups or ())}
    further = {"extras": frozenset(map(str, lock.extras or ())), "dependency_groups": every}
    candidates = [
        (rank, "", _pylock_pin(it, path, line))
        for it, line in zip(lock.packages, lines, strict=True)
        for rank, more in enumerate((default, further))
        if it.marker is None or it.marker.evaluate({**environment, **more}, context="lock_file")
    ]
    return Lock(path, "pylock.toml", chosen(candidates), specifier(lock.requires_python))


def _pylock_pin(it: Package, path: str, line: int) -> Pin:
    name = package(str(it.name), path)
    if it.vcs is not None:
        return _git(name, str(it.vcs.url or it.vcs.path), it.vcs.commit_id, path, line)
    if it.directory is not None:
        return _local(name, it.directory.path, path, line)
    if it.archive is not None:
        url = it.archive.url
        return Pin(name, f"{name} @ {url}", where=path, line=line) if url else _local(name, "", path, line)
    if it.version is None:
        return Pin(name, name, where=path, line=line)
    return pinned(name, str(it.version), path, line, _index(it.index or ""))


def uv(path: str, content: str, data: Mapping[str, Any], environment: Environment) -> Lock:
    """uv.lock: the packages that the project leads to on this platform, by default and then by extras and groups."""
    tables = _tables(path, data, "package")
    lines = dict(zip(map(id, tables), places(content, "package", len(tables)), strict=True))
    graph = _Graph(path, tables, lines, environment)
    candidates: list[Candidate] = []
    for rank, label, edges, extra in graph.roots(_mapping(data.get("manifest"))):
        candidates += [(rank, label, pin) for pin in graph.reached(edges, extra)]
    return Lock(path, "uv.lock", chosen(candidates), specifier(data.get("requires-python")))


class _Graph:
    """The packages of a uv.lock, and what each needs."""

    def __init__(self, path: str, tables: Tables, lines: Mapping[int, int], environment: Environment) -> None:
        self.path, self.tables, self.lines, self.environment = path, tables, lines, environment
        self.of_name: dict[str, list[Mapping[str, Any]]] = {}
        for table in tables:
            self.of_name.setdefault(str(table["name"]), []).append(table)

    def roots(self, manifest: Mapping[str, Any]) -> Iterator[tuple[int, str, Tables, str]]:
        """(rank, label, what is needed, the extra that markers know it by) of the projects, and of a script."""
        members = manifest.get("members", [])
        projects = [it for it in self.tables if it["name"] in members or set(_source(it)) & {"virtual", "editable"}]
        script = manifest.get("requirements", [])
        if script or not projects:  # a script; without either every package, since nothing says which are meant
            yield 0, "", script or [{"name": it["name"], "version": it.get("version")} for it in self.tables], ""
        for it in projects:
            name = str(it["name"])
            yield 0, "", it.get("dependencies", []), ""
            for group, edges in _mapping(it.get("dev-dependencies")).items():
                yield int(group != "dev"), f"group {group}", edges, f"group-{len(name)}-{name}-{group}"
            for extra, edges in _mapping(it.get("optional-dependencies")).items():
                yield 1, f"extra {extra}", edges, f"extra-{len(name)}-{name}-{extra}"

    def reached(self, edges: Tables, extra: str) -> Iterator[Pin]:
        """The pins to which some dependencies lead."""
        seen: set[tuple[int, str]] = set()
        left = list(edges)
        while left:
            edge = left.pop()
            if not holds(str(edge.get("marker", "")), self.environment, self.path, extra=extra):
                continue
            for table in self._meant(edge):
                for of in ("", *map(str, edge.get("extra", []))):
                    if (id(table), of) in seen:
                        continue
                    seen.add((id(table), of))
                    optional = _mapping(table.get("optional-dependencies"))
                    left += optional.get(of, []) if of else table.get("dependencies", [])
                    if not of:
                        yield _uv_pin(table, self.path, self.lines[id(table)])

    def _meant(self, edge: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The package that a dependency means: it says version and source where there are several."""
        found = self.of_name.get(str(edge.get("name", "")), [])
        exact = [it for it in found if all(edge.get(key) in (None, it.get(key)) for key in ("version", "source"))]
        forks = [
            it for it in exact
            if not it.get("resolution-markers")
            or any(holds(str(marker), self.environment, self.path) for marker in it["resolution-markers"])
        ]  # fmt: skip
        return forks or exact


def _uv_pin(table: Mapping[str, Any], path: str, line: int) -> Pin:
    name, source = package(table["name"], path), _source(table)
    if "git" in source:
        url, _, commit = str(source["git"]).partition("#")
        return _git(name, url.partition("?")[0], commit, path, line)
    if "url" in source:
        return Pin(name, f"{name} @ {source['url']}", where=path, line=line)
    if "version" not in table or "registry" not in source:
        return _local(name, str(next(iter(source.values()), "")), path, line)
    return pinned(name, str(table["version"]), path, line, _index(str(source["registry"])))


def _git(name: str, url: str, commit: str, path: str, line: int) -> Pin:
    address = url if url.startswith("git+") else f"git+{url}"
    return Pin(name, f"{name} @ {address}{f'@{commit}' if commit else ''}", where=path, line=line)


def _local(name: str, folder: str, path: str, line: int) -> Pin:
    problem = f"found {name} as a local path ({folder or 'of the project'}), accepted a version or an address"
    return Pin(name, name, where=path, line=line, problem=problem)


def _index(url: str) -> str:
    return "" if url.rstrip("/") in PYPI else url


def _source(table: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(table.get("source"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tables(path: str, data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The tables of the packages; LockError where they are none, or lack a name."""
    tables = data.get(key, [])
    if not isinstance(tables, list) or not all(
        isinstance(it, dict) and isinstance(it.get("name"), str) for it in tables
    ):
        raise LockError(f"{path}: found a [[{key}]] without a name, accepted tables with name and version")
    for it in tables:
        if "version" not in it and "source" not in it:
            raise LockError(f"{path}: found {it['name']} without a version")
    return tables
