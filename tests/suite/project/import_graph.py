"""`python -m tests.suite.project.import_graph` prints which package of the engine imports which, a line each."""

from __future__ import annotations

import sys

from tests.suite.project.test_imports import imported, packages


def graph() -> dict[str, set[str]]:
    """By package, the others of the engine that it imports, wherever the import stands."""
    return {
        package: {name.split(".")[1] for path in paths for name in imported(path) if name.startswith("convt.")}
        - {package}
        for package, paths in packages().items()
    }


def layers() -> list[list[str]]:
    """The packages from below: each stands above all that it imports. ValueError where a circle stands in the way."""
    left = graph()
    found: list[list[str]] = []
    while left:
        free = sorted(package for package, others in left.items() if not others & set(left))
        if not free:
            raise ValueError(f"a circle among {', '.join(sorted(left))}")
        found.append(free)
        left = {package: others for package, others in left.items() if package not in free}
    return found


if __name__ == "__main__":
    arrows = graph()
    for floor, names in enumerate(layers()):
        for name in names:
            sys.stdout.write(f"{floor}  {name:<14} imports {', '.join(sorted(arrows[name])) or 'nothing'}\n")
