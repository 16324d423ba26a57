"""What the JAX adapter calls: the function of jax.lax, its arguments, and the order of the axes around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from convt.adapter.axes import ALONG_X, LIKE_B, LIKE_W, LIKE_X, laid_out, tuples
from convt.adapter.backend import Probe, Unsupported, kept
from convt.adapter.layouts import Sent
from convt.conv.same_or_valid import keyword
from convt.conv.settings import Settings

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


def sent(call: Call, probe: Probe) -> Sent:
    """x and w in the order that the call takes; for a gradient b, g and t too."""
    batched = probe.want != "unbatched"
    x = np.transpose(probe.x if batched else probe.x[0], call.there(X, batched))
    w = _kernel(call, probe.w)
    if probe.g is None and probe.t is None:
        return laid_out(probe, x, w)
    g = None if probe.g is None else np.transpose(probe.g, call.there(Y))
    t = probe.t
    if t is not None:
        t = np.transpose(t, call.there(X)) if probe.want in ALONG_X else _kernel(call, t)
    return laid_out(probe, x, w, probe.b, g, t)


def _kernel(call: Call, w: np.ndarray) -> np.ndarray:
    w = np.transpose(w, call.there(W))
    return np.flip(w, call.flipped) if call.flipped else w


def received(call: Call, probe: Probe, y: Any) -> np.ndarray:
    """y in the stored order, as a copy, the bias added."""
    y = np.transpose(np.asarray(y), call.back(Y, probe.want != "unbatched"))
    if probe.b is None:
        return kept(probe, y)
    return kept(probe, y + probe.b.astype(y.dtype).reshape(-1, *(1,) * probe.settings.rank))


def gradient_received(call: Call, probe: Probe, answer: Any) -> np.ndarray:
    """A gradient in the stored order of what it is one of; where all were computed, the one that was asked for."""
    want = probe.want
    if want.startswith("grad-") and len(want) == len("grad-x"):
        answer = answer["xwb".index(want[-1])]
    array = np.array(answer)
    if array.dtype.names:
        raise TypeError(f"JAX gives {array.dtype.names[0]}, which has no numbers, for {want}")
    if want in LIKE_W:
        array = np.transpose(np.flip(array, call.flipped), call.back(W))
    elif want not in LIKE_B:
        array = np.transpose(array, call.back(X if want in LIKE_X else Y))
    return np.array(array, order="C")


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


def function_of(jax: Any, call: Call) -> Callable[..., Any]:
    """The call as a function of x and w."""
    return partial(getattr(jax.lax, call.function), **call.options)


Over = str
"""What the mode `vmap` maps over: "x", "w", or "xw", the items with a kernel of their own each."""


def mapped_over(it: Settings) -> Over:
    """Batches item by item, those of an odd sum of extents with a copy of the kernel each; a single item's output
    features one by one, where there are no groups of them."""
    if it.batch == 1:
        return "w" if it.groups == 1 else "x"
    return "xw" if sum(it.input) % 2 else "x"


def mapped(jax: Any, call: Call, over: Over, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of x and w by `jax.vmap`, one item, or one output feature, at a time."""
    if over == "w":
        axis, channel = call.features
        return lambda x, w: jax.vmap(
            lambda one: function(x, jax.numpy.expand_dims(one, axis)).squeeze(channel), axis, channel
        )(w)
    if over == "x":
        return lambda x, w: jax.vmap(lambda item: function(item[None], w)[0])(x)
    each = jax.vmap(lambda item, w: function(item[None], w)[0])
    return lambda x, w: each(x, jax.numpy.broadcast_to(w, (x.shape[0], *w.shape)))
