"""A layer as text, and its arrays, in another framework's words: the functions of the package's front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convt.conv.same_or_valid import same_numbers
from convt.conv.settings import Settings
from convt.translation import translating
from convt.translation.dialect import Spoken, Unsayable, chosen, of_form
from convt.translation.layer import LayerError
from convt.translation.said import Plan, Said
from convt.translation.translating import Translation, read
from convt.translation.unknown import WORDS, Known, answer, known


def translate(
    text: str,
    to: str,
    input: Sequence[int] | None = None,  # noqa: A002  as the command's option
    channels: int | None = None,
) -> Translation:
    """A layer in another framework's words, such as `translate("nn.ConvTranspose2d(1, 3, 4, stride=2)", "keras")`.

    `to`: what `convt translate --to` takes. `input`: the input's spatial extents; `channels`: its channels; needed
    where the translation depends on them and the layer does not say them. LayerError says so, and where there is none.
    """
    [(dialect, kind)] = chosen([to])
    extents = None if input is None else tuple(_whole("input", n) for n in _several(input))
    inputs = None if channels is None else _whole("channels", channels)
    found = answer(known(read(_text(text)), extents, inputs), dialect, kind, program=True)
    if found.translation is None:
        raise LayerError(found.failure)
    if depends := found.open:
        raise LayerError(f"{dialect.title}: the program depends on {' and '.join(WORDS[name] for name in depends)}; "
                         f"give {' and '.join(f'{name}=' for name in depends)}")  # fmt: skip
    return found.translation


def _text(layer: object) -> str:
    if not isinstance(layer, str):
        raise LayerError(f"a layer: found {_type(layer)}, accepted its text, such as str(layer) of one of PyTorch's")
    return layer


def _several(input: object) -> Sequence[object]:  # noqa: A002
    """The input's extents; one number is that of a line."""
    if isinstance(input, (list, tuple, np.ndarray)) and np.ndim(input) == 1:
        return list(input)
    if isinstance(input, str) or not hasattr(input, "__index__"):
        raise LayerError(f"input: found {input!r}, accepted the input's spatial extents, such as (4, 4)")
    return [input]


def _whole(name: str, value: object) -> int:
    """A whole number of Python's or numpy's."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise LayerError(f"{name}: found {value!r}, accepted whole numbers")
    return int(value)


def _type(value: object) -> str:
    return f"an object of {type(value).__module__}.{type(value).__qualname__}"


def port(weights: Any, source: str | Spoken, target: str | Translation) -> Any:
    """A layer's arrays as another framework's layer takes them.

    `weights` is what the source's framework gives: a mapping by name (`state_dict()`), a sequence (`get_weights()`), or
    the kernel alone. `target` is a translation, or the layer that the other program has, as text. Numpy's arrays come
    back, in a dict, a list or a pair as the target says; nothing is rounded. Of bfloat16 they are of ml_dtypes' dtype,
    of which PyTorch makes no tensor: `torch.as_tensor(array.astype("float32")).bfloat16()` is the same numbers.
    LayerError where shapes do not fit the source, or where the two layers do not compute the same.
    """
    spoken = source if isinstance(source, Spoken) else read(_text(source))
    if isinstance(target, Translation):
        return translating.port(weights, spoken, target)
    return translating.port(weights, spoken, _as_written(weights, spoken, read(_text(target))))


def _as_written(weights: Any, source: Spoken, target: Spoken) -> Translation:
    """A target that was written by its user; LayerError where it does not compute what the source does."""
    channels = source.layer.channels_in or target.layer.channels_in or _channels(weights, source)
    extents = source.layer.input or target.layer.input
    own, other = (Known(it.layer, None if it.layer.input else extents, None if it.layer.channels_in else channels)
                  for it in (source, target))  # fmt: skip
    its = own.settings()
    for it in (its, *(own.others("input") if "input" in own.unknown else ())):
        _same(it, replace(other, extents=it.input).settings(), source, target)
    dialect = of_form(target.form)
    return Translation(its, dialect, Plan(its), _said(its, target, dialect.kinds))


def _channels(weights: Any, source: Spoken) -> int:
    """The input channels of a layer that does not say them, of its kernel."""
    kernel, _ = translating.arrays_of(weights)
    if kernel.ndim != len(source.kernel.axes):
        raise LayerError(f"kernel: found an array of {kernel.ndim} axes, accepted {source.kernel.describe()}")
    found = int(kernel.shape[source.kernel.axes.index("I")])
    return found if source.kernel.grouped == "I" else found * source.layer.groups


def _same(a: Settings, b: Settings, source: Spoken, target: Spoken) -> None:
    """LayerError with the first difference of two layers' settings."""
    for name in ("op", "kernel", "stride", "dilation", "channels_in", "channels_out", "groups", "bias", "output"):
        ours, theirs = getattr(a, name), getattr(b, name)
        if ours != theirs:
            why = (
                "so that the two compute different things"
                if name != "op"
                else ("which can only be the same with stride 1: give convt.translate's result as the target")
            )
            hint = "; a function's text says a bias by `+ bias` behind the call" if name == "bias" else ""
            raise LayerError(f"{name}: {source.form} has {ours} and {target.form} {theirs}, {why}{hint}")
    if not same_numbers(a, [lo for lo, _ in b.crop]):
        what = "crops" if a.transposed else "pads"
        raise LayerError(f"padding: for an input of {'x'.join(map(str, a.input))} {source.form} {what} {list(a.crop)} "
                         f"and {target.form} {list(b.crop)}: the same size, shifted, every value differs")  # fmt: skip


def _said(it: Settings, target: Spoken, kinds: Sequence[str]) -> Said:
    """How the target takes its arrays: as its framework's own words for these settings do, its kernel as it stands."""
    dialect = of_form(target.form)
    for kind in kinds:
        for inner in (it, it.replace(padding="valid", output_padding=None, output_size=None)):  # for its form
            try:
                said = dialect.say(inner, kind)
            except Unsayable:
                continue
            if said.form == target.form:
                return replace(said, kernel=target.kernel)
    raise LayerError(
        f"{target.form}: convt does not know how it takes its arrays; give a translation in place of a text"
    )
