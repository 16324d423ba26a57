"""The conformance suite for transposed convolution: one specification, every framework, one report.

The public names are loaded when they are first asked for: importing convt imports neither a framework nor pytest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

_PUBLIC = {
    "Backend": "convt.adapter.backend",
    "Case": "convt.cases.case",
    "Law": "convt.laws.law",
    "Options": "convt.session.options",
    "Outcome": "convt.adapter.probe",
    "Probe": "convt.adapter.probe",
    "Session": "convt.session.session",
    "Settings": "convt.conv.settings",
    "compare": "convt.results.changes",
    "port": "convt.translation.porting",
    "translate": "convt.translation.porting",
}
"""Where each public name stands."""

__all__ = [
    "Backend", "Case", "Law", "Options", "Outcome", "Probe", "Session", "Settings", "__version__", "compare", "port",
    "translate",
]  # fmt: skip

if TYPE_CHECKING:
    from convt.adapter.backend import Backend
    from convt.adapter.probe import Outcome, Probe
    from convt.cases.case import Case
    from convt.conv.settings import Settings
    from convt.laws.law import Law
    from convt.results.changes import compare
    from convt.session.options import Options
    from convt.session.session import Session
    from convt.translation.porting import port, translate


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'convt' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
