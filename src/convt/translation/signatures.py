"""The parameters of one function or layer, and what a call gives them: as Python binds them, with errors that help."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from convt.conv.settings import Pairs, Sizes
from convt.translation.layer import LayerError
from convt.translation.parsing import Call, Name

REQUIRED = object()
"""The default of a parameter that has none."""
UNSAID = object()
"""The default of a parameter of which it matters whether it was left out."""
SAME_WORDS = (
    ("stride", "strides", "window_strides"),
    ("dilation", "dilations", "dilation_rate", "kernel_dilation", "rhs_dilation"),
    ("groups", "group", "feature_group_count"),
    ("padding", "pads", "auto_pad"),
    ("in_channels", "in_features", "channels_in"),
    ("out_channels", "out_features", "filters", "features", "channels_out"),
    ("kernel_size", "kernel_shape", "kernel"),
    ("bias", "use_bias"),
    ("output_size", "output_shape"),
)
"""Names of one and the same setting in different frameworks, for the hint in an error alone."""


@dataclass(frozen=True)
class Signature:
    """What a callable takes. `parameters`: name and default, in the order of positions."""

    parameters: Mapping[str, Any]
    keyword_only: Mapping[str, Any] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    """Parameters that change nothing of the settings, such as `device`: any value will do."""

    unquoted: frozenset[str] = frozenset()
    """Words that the framework prints without quotes, `padding=same`: such a name is the word."""

    def bind(self, call: Call, name: str) -> dict[str, Any]:
        """Every parameter with its value. LayerError says what was found, and which position it took."""
        positions, known = list(self.parameters), {**self.parameters, **self.keyword_only}
        if len(call.positional) > len(positions):
            raise LayerError(f"{name}: found {len(call.positional)} positional arguments, accepted {len(positions)} at "
                             f"most: {', '.join(positions)}")  # fmt: skip
        given = dict(zip(positions, call.positional, strict=False))
        for argument, value in call.named.items():
            if argument in given:
                place = positions.index(argument) + 1
                raise LayerError(f"{name}: {argument} is given twice, by name and as positional argument {place}, "
                                 f"{_shown(given[argument])}; the positions are {', '.join(positions)}")  # fmt: skip
            if argument not in known:
                raise LayerError(f"{name} has no argument {argument}{_near(argument, known)}")
            given[argument] = value
        missing = [argument for argument, default in known.items() if default is REQUIRED and argument not in given]
        if missing:
            raise LayerError(f"{name}: {' and '.join(missing)} missing; it takes {', '.join(known)}")
        for argument, value in given.items():
            if isinstance(value, Name) and value.text in self.unquoted:
                given[argument] = value.text
            elif isinstance(value, Name) and argument not in self.ignored and argument in self.literal:
                raise LayerError(f"{name}: {argument}: found the name {value.text}, accepted a value that is written "
                                 "out, because nothing is run to find it")  # fmt: skip
        return {**known, **given}

    @property
    def literal(self) -> frozenset[str]:
        """Parameters whose value has to be written out: all but arrays and what is ignored."""
        return frozenset({**self.parameters, **self.keyword_only}) - self.ignored - ARRAYS


ARRAYS = frozenset({
    "input", "inputs", "x", "weight", "kernel", "filters_array", "bias_array", "lhs", "rhs", "filter", "value",
})  # fmt: skip
"""Parameters that take arrays, of which a name is enough."""


def _near(argument: str, known: Mapping[str, Any]) -> str:
    for words in SAME_WORDS:
        own = [word for word in words if word in known]
        if argument in words and own:
            return f"; it says {own[0]}"
    near = difflib.get_close_matches(argument, list(known), n=2, cutoff=0.6)
    return (f"; near: {' and '.join(near)}" if near else "") + f"; it takes {', '.join(known)}"


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)) and any(isinstance(item, Name) for item in value):
        return f"({', '.join(map(_shown, value))})"
    return value.text if isinstance(value, Name) else repr(value)


def sizes(name: str, value: Any, rank: int, floor: int = 1) -> Sizes:
    """One number an axis, of a number for all or of a sequence; LayerError where the value is neither."""
    found = (value,) * rank if type(value) is int else value
    if not isinstance(found, (tuple, list)) or not all(type(item) is int for item in found):
        raise LayerError(f"{name}: found {_shown(value)}, accepted a whole number or {rank} of them")
    if len(found) == 1 and rank > 1:
        found = found * rank
    if len(found) != rank:
        raise LayerError(f"{name}: found {len(found)} values {tuple(found)}, accepted one for all axes or {rank}")
    if min(found) < floor:
        raise LayerError(f"{name}: found {min(found)}, accepted {floor} or more")
    return tuple(found)


def each(name: str, value: Any, rank: int, floor: int = 1) -> Sizes:
    """One number an axis, of a sequence that has as many; LayerError where the value is anything else."""
    if not isinstance(value, (tuple, list)) or len(value) != rank:
        raise LayerError(f"{name}: found {_shown(value)}, accepted {rank} whole numbers, one an axis, such as "
                         f"{(2,) * rank}")  # fmt: skip
    return sizes(name, value, rank, floor)


def pairs(name: str, value: Any, rank: int, floor: int | None = 0) -> Pairs:
    """A (before, after) pair an axis; LayerError where the value is anything else, or below the floor."""
    listed = value if isinstance(value, (tuple, list)) else ()
    found = [tuple(pair) for pair in listed if isinstance(pair, (tuple, list)) and len(pair) == 2]
    if len(found) != len(listed) or len(found) != rank or any(type(one) is not int for pair in found for one in pair):
        raise LayerError(f"{name}: found {_shown(value)}, accepted a (before, after) pair for each of {rank} axes")
    if floor is not None and (least := min(min(pair) for pair in found)) < floor:
        raise LayerError(f"{name}: found {least}, accepted {floor} or more")
    return tuple((lo, hi) for lo, hi in found)


def number(name: str, value: Any, floor: int = 1) -> int:
    """A whole number; LayerError where it is none, or less than the floor."""
    if type(value) is not int or value < floor:
        raise LayerError(f"{name}: found {_shown(value)}, accepted a whole number, {floor} or more")
    return value


def truth(name: str, value: Any) -> bool:
    """True or False; LayerError where the value is neither: a number here is often another argument's."""
    if not isinstance(value, bool):
        raise LayerError(f"{name}: found {_shown(value)}, accepted True or False")
    return value


def word(name: str, value: Any, accepted: Sequence[str]) -> str:
    """One of some words in any case, in lower case."""
    if not isinstance(value, str) or value.lower() not in accepted:
        raise LayerError(f"{name}: found {_shown(value)}, accepted {' or '.join(map(repr, accepted))}")
    return value.lower()
