"""Under pytest-xdist: one seed for all processes, one choice of cases, and a whole chunk of cases to one of them."""

from __future__ import annotations

from typing import Any

import pytest

from convt.session.session import chunk_of


class Distribution:
    """A plugin of the controller. A chunk split over processes would evaluate its probes twice."""

    def __init__(self, seed: int, narrowed: bool) -> None:
        self._seed, self._narrowed = seed, narrowed

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["convt_seed"] = self._seed
        node.workerinput["convt_narrowed"] = self._narrowed

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        from xdist.scheduler import LoadScopeScheduling

        class ByChunk(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                return scope(nodeid)

        return ByChunk(config, log) if config.getvalue("dist") == "load" else None


def scope(nodeid: str) -> str:
    """What must stay together: the chunk of a case, all targets of a generated law, the file of everything else."""
    path, _, item = nodeid.partition("::")
    name = item.partition("[")[2].partition(":")[0]
    if path.endswith("test_cases.py"):
        return f"{path} chunk {chunk_of(name)}"
    return f"{path} {name}" if path.endswith("test_generated.py") else path
