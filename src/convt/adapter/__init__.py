"""What a backend is: the base class, probes and outcomes, and what adapters share. Python 3.10+ and numpy alone."""

from convt.adapter.backend import (
    GRADIENTS,
    LAYOUTS,
    MIXED,
    RESIZES,
    UNSAFE,
    Backend,
    Kind,
    Layout,
    Outcome,
    Probe,
    Unsupported,
    Want,
    kept,
)

__all__ = [
    "GRADIENTS", "LAYOUTS", "MIXED", "RESIZES", "UNSAFE", "Backend", "Kind", "Layout", "Outcome", "Probe",
    "Unsupported", "Want", "kept",
]  # fmt: skip
