"""The rooms depend on each other in one direction, and the host imports no framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MAY_IMPORT = {
    "specs": set(),
    "backends": {"specs"},
    "reports": set(),
    "tests": {"specs", "backends", "reports"},
}
FRAMEWORKS = {"torch", "tensorflow", "jax", "keras", "onnx", "onnxruntime"}
WORKERS = ["specs/settings.py", "specs/oracles.py", "specs/data.py", "specs/bounds.py", "backends/interface.py"]


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """The first names of everything that a file imports; but for what only type checkers see."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_before_it(room: str) -> None:
    others = set(MAY_IMPORT) - {room} - MAY_IMPORT[room]
    wrong = {str(path): found for path in (ROOT / room).rglob("*.py") if (found := imported(path) & others)}
    assert not wrong


@pytest.mark.parametrize("room", ["specs", "reports", "backends", "tests"])
def test_no_module_imports_a_framework_when_it_is_imported(room: str) -> None:
    wrong = {str(path): found for path in (ROOT / room).rglob("*.py") if (found := imported(path, True) & FRAMEWORKS)}
    assert not wrong


@pytest.mark.parametrize(
    "file", [*WORKERS, *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("backends/*_backend.py"))]
)
def test_what_workers_import_at_once_is_numpy_the_standard_library_and_ours(file: str) -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "specs", "backends", "__future__"}
    assert not imported(ROOT / file, True) - allowed


def test_the_host_of_a_run_loads_no_framework() -> None:
    code = f"import conftest, sys; print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_backend_file_is_named_like_a_framework() -> None:
    assert not {path.stem for path in (ROOT / "backends").glob("*.py")} & FRAMEWORKS
