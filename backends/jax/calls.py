"""What the JAX adapter calls: the function of jax.lax, its arguments, and the order of the axes around it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from convt.adapter.axes import tuples
from convt.adapter.backend import Unsupported
from convt.conv.same_or_valid import keyword
from convt.conv.settings import Pairs, Settings

PRECISION = "highest"
"""Without it a GPU rounds float32 operands to TF32 and a TPU to bfloat16; a CPU does not."""

CONSISTENT = (2, 3)
KEYWORD = 4

X, W, Y = range(3)


class Call(NamedTuple):
    """One call of jax.lax as it is executed and printed, with the order of the axes around it.

    Letters as in `dimension_numbers`: N batch, C channels, I and O the kernel's input and output features, DHW space.
    """

    function: str
    options: dict[str, Any]
    stored: tuple[str, str, str]
    """The order of x, w and y in probes and outcomes."""
    wanted: tuple[str, str, str]
    """The order in which the call takes and gives them."""
    flipped: tuple[int, ...] = ()
    """Axes of the wanted kernel that the caller reverses."""

    def there(self, which: int, batched: bool = True) -> tuple[int, ...]:
        """The transposition of x, w or y from stored to wanted."""
        return _transposition(self.stored[which], self.wanted[which], batched)

    def back(self, which: int, batched: bool = True) -> tuple[int, ...]:
        """The transposition of x, w or y from wanted to stored."""
        return _transposition(self.wanted[which], self.stored[which], batched)

    @property
    def features(self) -> tuple[int, int]:
        """The axes of the output features in the wanted kernel and in the wanted y."""
        return self.wanted[W].index("I" if "transpose_kernel" in self.options else "O"), self.wanted[Y].index("C")


def _transposition(source: str, target: str, batched: bool) -> tuple[int, ...]:
    if not batched:
        source, target = source.replace("N", ""), target.replace("N", "")
    return tuple(source.index(letter) for letter in target)


@lru_cache(maxsize=8192)
def call_for(it: Settings, call_form: int) -> Call:
    """What to call, with which arguments, in which order of axes; arguments that are the default are left out."""
    space, first = "DHW"[3 - it.rank :], call_form in (1, 3)
    general = not it.transposed and call_form == 3
    transposes = it.transposed and first
    layout = f"NC{space}" if first else f"N{space}C"
    # transpose_kernel=True wants the forward convolution's kernel, whose output features are the input channels here
    stored = f"IO{space}" if it.transposed and not transposes else f"OI{space}"
    wanted = (layout, f"OI{space}" if first else f"{space}IO", layout)
    options: dict[str, Any] = {"strides" if it.transposed else "window_strides": it.stride}
    options["padding"] = _padding(it, call_form)
    if general:
        options["lhs_dilation"] = None
    if general or set(it.dilation) != {1}:
        options["rhs_dilation"] = it.dilation
    if it.groups > 1:
        options["feature_group_count"] = it.groups
    if not general:
        options["dimension_numbers"] = wanted
    if transposes:
        options["transpose_kernel"] = True
    if it.transposed and call_form in CONSISTENT:
        options["use_consistent_padding"] = True
    options["precision"] = PRECISION
    function = "conv_with_general_padding" if general else "conv_general_dilated"
    flipped = tuple(range(it.rank)) if it.transposed and not transposes else ()
    orders = (f"NC{space}", stored, f"NC{space}")
    return Call("conv_transpose" if it.transposed else function, options, orders, wanted, flipped)


def _padding(it: Settings, call_form: int) -> Any:
    """A keyword where the settings have one that JAX has too, or where the call form wants one; pairs otherwise."""
    word = keyword(it) if isinstance(it.padding, str) or call_form == KEYWORD else None
    if call_form == KEYWORD:
        return (word or "valid").upper()
    if word and (it.transposed or call_form not in CONSISTENT):
        return word.upper()
    if not it.transposed:
        return it.crop
    if call_form in CONSISTENT:
        return tuple((lo, hi - extra) for (lo, hi), extra in zip(it.crop, it.extra, strict=True))
    return around_stuffed(it)


def around_stuffed(it: Settings) -> Pairs:
    """What is put around the input, `stride - 1` zeros between its values, for a transposed convolution's crop."""
    axes = zip(it.effective, it.crop, it.extra, strict=True)
    return tuple((e - 1 - lo, e - 1 - hi + extra) for e, (lo, hi), extra in axes)


def invalid_call_for(it: Settings, call_form: int, invalid: Mapping[str, Any]) -> Call:
    """The call with the raw values of `invalid` in place of the settings'; Unsupported where it has no argument."""
    call = call_for(it, call_form)
    names = {
        "stride": "strides" if it.transposed else "window_strides",
        "padding": "padding",
        "dilation": "rhs_dilation",
    }
    if call.function == "conv_general_dilated":
        names["groups"] = "feature_group_count"
    if call.function != "conv_with_general_padding":
        names["data_format"] = "dimension_numbers"
    absent = sorted(set(invalid) - set(names))
    if absent:
        raise Unsupported(f"jax.lax.{call.function} has no argument for {' and '.join(absent)}")
    raw = {names[key]: tuples(value) for key, value in invalid.items()}
    return call._replace(options=call.options | raw)
