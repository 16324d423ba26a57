"""What a capture finds: each convolution that a model runs, what is left out, and why a model cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from convt.conv.settings import Settings

DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
"""The dtypes that a case can be asked in."""
Weights = tuple[np.ndarray, np.ndarray | None]
"""Kernel and bias, in the shapes `Settings.w_shape` and `Settings.b_shape`."""


class Unreadable(ValueError):
    """Why nothing can be captured: what was found, what is accepted, what to do. One line."""


class NotACase(ValueError):
    """Why one convolution is no case, in words that follow the layer's name."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One convolution, as the model runs it."""

    name: str
    """The layer's name, as the model has it."""
    settings: Settings
    dtype: str = "float32"
    channels_last: bool = False
    """Whether PyTorch's memory format of the input or the kernel was channels_last."""
    weights: Weights | None = None


@dataclass(frozen=True)
class LeftOut:
    """One operation that is no case."""

    name: str
    reason: str


@dataclass
class Captured:
    """All that a model has, in the order in which it runs."""

    seen: list[Seen] = field(default_factory=list)
    left: list[LeftOut] = field(default_factory=list)
    trains: bool = False
    """Whether the model is a program that may be trained, so that its gradients matter too."""
    notes: list[str] = field(default_factory=list)
    """What else the user has to know, a line each."""


@dataclass(frozen=True)
class Wanted:
    """What a user says beside the model."""

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of inputs by their names; those without a name by their position, "0", "1", .."""
    dtypes: Mapping[str, str] = field(default_factory=dict)
    """Of inputs that are no float32, by the same keys."""
    weights: bool = False


def checked(settings: Settings, output: Sequence[int | None] | None) -> Settings:
    """The settings, where they give the extents that the model says its layer has; NotACase where they do not."""
    if output is not None and len(output) == settings.rank:
        for mine, theirs in zip(settings.output, output, strict=True):
            if theirs is not None and mine != theirs:
                raise NotACase(
                    f"the model says an output of {list(output)}, and these settings give {list(settings.output)}"
                )
    return settings
