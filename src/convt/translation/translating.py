"""A layer in another framework's words: the call, what stands around it, and its arrays as that call wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convt.conv.settings import Settings
from convt.translation.composing import compose
from convt.translation.dialect import Dialect, Spoken, Unsayable, dialects, find
from convt.translation.kernels import as_array, dilated
from convt.translation.layer import LayerError
from convt.translation.parsing import parse
from convt.translation.said import Plan, Said


@dataclass(frozen=True)
class Translation:
    """The same layer in a framework's words."""

    settings: Settings
    dialect: Dialect
    plan: Plan
    said: Said
    why: str = ""
    """Why the call alone cannot say it, in one line; empty where it can."""

    @property
    def direct(self) -> bool:
        return self.plan.direct

    @property
    def weights(self) -> str:
        """The kernel's axes in this call, in words."""
        return self.said.kernel.describe()

    def program(self) -> str:
        """Source text that computes `y` from `x`, in the framework's own arrays and order of axes, and from `state`,
        which `port` makes; `bias` too, where it is added last."""
        return self.dialect.program(self.settings, self.plan, self.said)

    def state(self, kernel: np.ndarray, bias: np.ndarray | None) -> Any:
        """The arrays as the call takes them, of the kernel (groups, in, out, *taps) and the bias (out,).

        Where the channels are split a list, one of each group; where the bias is added last, a pair with it.
        """
        plan, inside = self.plan, None if self.plan.bias_last else bias
        kernel = dilated(kernel, plan.dilation) if plan.dilation else kernel
        if plan.groups == 1:
            states = self._one(kernel, inside)
        else:
            cut = [None] * plan.groups if inside is None else np.split(inside, plan.groups)
            states = [self._one(kernel[g : g + 1], own) for g, own in enumerate(cut)]
        return (states, bias) if plan.bias_last else states

    def _one(self, kernel: np.ndarray, bias: np.ndarray | None) -> Any:
        arrays = [self.said.kernel.gather(kernel)] + ([] if bias is None else [np.array(bias)])
        return dict(zip(self.said.names, arrays, strict=False)) if self.said.state == "dict" else arrays


def read(text: str) -> Spoken:
    """The layer that a text in any known framework's words says. LayerError where it says none."""
    for dialect in dialects().values():
        if (heard := dialect.hears(text)) is not None:
            return heard
    call = parse(text)
    dialect, form = find(call)
    spoken = dialect.read(form, dialect.forms[form].bind(call, form))
    if not call.biased:
        return spoken
    if spoken.layer.bias:
        raise LayerError(
            f"{form}: found a bias of its own and another that is added to the result; leave one of them out"
        )
    return replace(spoken, layer=spoken.layer.replace(bias=True))


def translate(it: Settings, dialect: Dialect, kind: str | None = None) -> Translation:
    """The settings in a framework's words; of several kinds the first that says it by one call, or by the fewest.

    LayerError where no call does it, whatever stands around it.
    """
    kinds = (kind,) if kind else dialect.kinds
    reasons: list[str] = []
    for one in kinds:
        try:
            return Translation(it, dialect, Plan(it), dialect.say(it, one))
        except Unsayable as reason:
            reasons.append(str(reason))
    for one in kinds:
        try:
            plan, said = compose(it, lambda inner, one=one: dialect.say(inner, one))  # type: ignore[misc]
        except Unsayable:
            continue
        return Translation(it, dialect, plan, said, reasons[0])
    raise LayerError(f"{dialect.title} has no call that computes this, and none with a crop, zeros or split groups "
                     f"around it: {reasons[0]}")  # fmt: skip


def port(weights: Any, source: str | Spoken, target: Translation) -> Any:
    """A layer's arrays as another framework's call takes them.

    `weights` is what the source's framework gives: a mapping by name (`state_dict()`), a sequence (`get_weights()`), or
    the kernel alone; tensors, variables and numpy arrays. Nothing is rounded: dtypes stay. LayerError where shapes do
    not fit the layer.
    """
    spoken = read(source) if isinstance(source, str) else source
    kernel, bias = arrays_of(weights)
    it, layout = target.settings, spoken.kernel
    if kernel.shape != layout.shape(it):
        raise LayerError(f"kernel: found an array of shape {kernel.shape}, accepted {layout.shape(it)}, which is "
                         f"{layout.describe()} of {spoken.form}")  # fmt: skip
    if it.bias != (bias is not None):
        raise LayerError(f"bias: found {'one' if bias is not None else 'none'}, and the layer has "
                         f"{'one' if it.bias else 'none'}")  # fmt: skip
    if bias is not None and bias.shape == (it.channels_out, *(1,) * it.rank):
        bias = bias.reshape(-1)  # as some keep it, ready to be added to channels first
    if bias is not None and bias.shape != (it.channels_out,):
        raise LayerError(f"bias: found an array of shape {bias.shape}, accepted ({it.channels_out},)")
    return target.state(layout.spread(kernel, it.groups), bias)


def arrays_of(weights: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Kernel and bias of a layer's state, whatever the framework calls them."""
    if isinstance(weights, Mapping):
        kernel, bias = _by_role(dict(_flat(weights)))
    elif isinstance(weights, (list, tuple, Iterator)):  # an iterator as `parameters()`
        weights = list(weights)
        if not 1 <= len(weights) <= 2:
            raise LayerError(f"weights: found {len(weights)} arrays, accepted a kernel and perhaps a bias")
        kernel, bias = weights[0], weights[1] if len(weights) == 2 else None
    else:
        kernel, bias = weights, None
    return _array("kernel", kernel), None if bias is None else _array("bias", bias)


def _flat(weights: Mapping[Any, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and arrays; those of a mapping inside, such as Flax's `{"params": {...}}`, with the path before them."""
    for name, value in weights.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}/")
        else:
            yield f"{before}{name}", value


def _by_role(weights: Mapping[str, Any]) -> tuple[Any, Any]:
    """The kernel, and the bias or None, of arrays by name."""
    found: dict[str, Any] = {}
    for name, value in weights.items():
        role = "bias" if re.search(r"(^|[./_])bias$|(^|[./])b$", name) else "kernel"
        if role in found:
            raise LayerError(f"weights: found {', '.join(weights)}, accepted one kernel and one bias at most: give "
                             "those of one layer")  # fmt: skip
        found[role] = value
    if "kernel" not in found:
        raise LayerError(f"weights: found {', '.join(weights) or 'nothing'}, accepted a kernel and perhaps a bias")
    return found["kernel"], found.get("bias")


def _array(name: str, value: Any) -> np.ndarray:
    """A framework's array as numpy's; LayerError where it holds no numbers."""
    try:
        array = as_array(value)
    except Exception as error:  # of any framework: a tensor on no device, a sparse one, a ragged list
        why = str(error).splitlines() or [type(error).__name__]
        raise LayerError(f"{name}: found {type(value).__name__}, which gives no array of numpy: {why[0]}") from None
    if array.dtype.kind in "OSUM":
        raise LayerError(f"{name}: found {type(value).__name__}, accepted an array of numbers: what `state_dict()` or "
                         "`get_weights()` of the one layer gives, or its kernel")  # fmt: skip
    return array
