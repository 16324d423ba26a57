"""Who may import whom: the engine's packages in one direction, content the engine and its own siblings, no circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENGINE = ROOT / "src" / "convt"
MAY_IMPORT = {
    "content": set(),
    "conv": set(),
    "results": {"conv"},
    "cases": {"content", "conv", "results"},
    "adapter": {"conv"},
    "laws": {"adapter", "cases", "conv", "results"},
    "translation": {"cases", "conv"},
    "capture": {"cases", "conv", "translation"},
    "host": {"adapter", "conv", "results"},
    "session": {"adapter", "cases", "content", "conv", "host", "laws", "results"},
    "page": {"content", "results"},
    "upgrade": {"adapter", "cases", "content", "conv", "host", "laws", "page", "results", "session"},
    "plugin": {"adapter", "cases", "content", "conv", "host", "laws", "page", "results", "session"},
    "pytest_plugin": {"cases", "laws", "plugin", "results", "session"},
    "explaining": {"content", "conv", "page", "results", "translation"},
    "commands": {
        "capture",
        "cases",
        "content",
        "conv",
        "explaining",
        "host",
        "laws",
        "page",
        "plugin",
        "results",
        "session",
        "translation",
        "upgrade",
    },
    "streams": set(),
    "cli": {"cases", "commands", "laws", "results", "session", "streams", "translation"},
    "__main__": {"cli"},
    "__init__": {"adapter", "cases", "conv", "laws", "results", "session", "translation"},
}
"""By package of the engine. An import counts wherever it stands: in a function and under TYPE_CHECKING too."""
FRAMEWORKS = {"torch", "tensorflow", "jax", "keras", "onnx", "onnxruntime"}
WORKERS = ("adapter", "content.py")
"""What a target's process may import at once, beside the modules that are named below."""
WORKER_FILES = [
    "conv/settings.py", "conv/oracles.py", "conv/data.py", "conv/bounds.py", "host/worker.py", "results/targets.py",
    "host/watch.py", "host/registry.py",
]  # fmt: skip


def imported(path: Path, top_level_only: bool = False) -> Iterator[str]:
    """The dotted names of everything that a file imports; relative ones from the file's own package."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tops(path: Path, top_level_only: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imported(path, top_level_only)}


def packages() -> dict[str, list[Path]]:
    """The files of each package of the engine, by its name; a module that stands alone is one."""
    found: dict[str, list[Path]] = {}
    for path in ENGINE.rglob("*.py"):
        first, *rest = path.relative_to(ENGINE).parts
        found.setdefault(first if rest else path.stem, []).append(path)
    return found


def content() -> list[Path]:
    """Every file of the content that a wheel ships."""
    return [
        *(ROOT / "backends").rglob("*.py"),
        *(ROOT / "tests" / "laws").rglob("*.py"),
        *(ROOT / "tests").glob("test_*.py"),
    ]


def test_every_package_of_the_engine_has_its_place() -> None:
    assert set(packages()) == set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_before_it(package: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in packages()[package]
        for name in imported(path)
        if name.startswith("convt.") and name.split(".")[1] not in MAY_IMPORT[package] | {package}
    }
    assert not wrong


def test_the_directions_make_no_circle() -> None:
    left = {package: set(others) for package, others in MAY_IMPORT.items()}
    while left:
        free = [package for package, others in left.items() if not others & set(left)]
        assert free, f"a circle among {sorted(left)}"
        for package in free:
            del left[package]


def test_no_circle_is_hidden_behind_type_checking_or_a_name_at_run_time() -> None:
    """Only content, which is found by path, is imported by a name that is made at run time."""
    wrong = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in ENGINE.rglob("*.py")
        if path != ENGINE / "__init__.py"  # whose names are public, and loaded when they are asked for
        for word in ("TYPE_CHECKING", 'import_module("convt.')
        if word in path.read_text()
    ]
    assert not wrong


def circle(imports: dict[str, set[str]]) -> set[str]:
    """The modules that import each other in a circle, or lead to one."""
    left = {module: others - {module} for module, others in imports.items()}
    while free := [module for module, others in left.items() if not others & set(left)]:
        for module in free:
            del left[module]
    return set(left)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_the_modules_of_a_package_make_no_circle(package: str) -> None:
    of_name = {
        path.relative_to(ENGINE).with_suffix("").as_posix().replace("/", "."): path for path in packages()[package]
    }
    names = {f"convt.{name}" for name in of_name}
    found = {
        f"convt.{name}": {other for it in imported(path) for other in (it, it.rpartition(".")[0]) if other in names}
        for name, path in of_name.items()
    }
    assert not circle(found)


def test_a_circle_of_modules_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert circle({"a": {"b"}, "b": {"a"}, "c": set()}) == {"a", "b"}


def test_the_engine_never_imports_content_by_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in ENGINE.rglob("*.py")
        for name in imported(path)
        if name.startswith(("convt.content.backends", "convt.content.tests", "backends.", "tests."))
    ]
    assert not wrong


@pytest.mark.parametrize("path", content(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_content_imports_the_engine_and_its_siblings_alone(path: Path) -> None:
    wrong = [name for name in imported(path) if name.startswith(("backends", "tests", "specs", "convt.content"))]
    assert not wrong


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_module_imports_a_framework_when_it_is_imported(package: str) -> None:
    wrong = {
        str(path): found for path in packages()[package] if (found := tops(path, top_level_only=True) & FRAMEWORKS)
    }
    assert not wrong


def worker_side() -> list[Path]:
    """The files that a target's process imports."""
    return [
        *(ENGINE / "adapter").glob("*.py"), *(ENGINE / name for name in WORKER_FILES), ENGINE / "content.py",
        *(path for path in (ROOT / "backends").rglob("*.py") if path.name != "models.py"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", worker_side(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_workers_import_at_once_is_numpy_the_standard_library_and_ours(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "convt"}
    assert not tops(path, top_level_only=True) - allowed


def test_the_host_of_a_run_loads_no_framework() -> None:
    code = f"import convt.pytest_plugin, convt.cli, sys; print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_graph_that_is_printed_has_every_package_above_what_it_imports() -> None:
    from tests.suite.project.import_graph import graph, layers

    floors = {package: floor for floor, names in enumerate(layers()) for package in names}
    assert set(floors) == set(MAY_IMPORT)
    assert all(floors[package] > floors[other] for package, others in graph().items() for other in others)
