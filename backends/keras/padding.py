"""What Keras's `padding` and `output_padding` make of the settings; `keras_backend` has the formulas."""

from __future__ import annotations

from functools import lru_cache

from convt.conv.same_or_valid import keyword, same_numbers
from convt.conv.settings import Pairs, Settings, Sizes, effective_kernel, same_crop


@lru_cache(maxsize=8192)
def padding(it: Settings) -> tuple[str, tuple[int, ...] | None] | None:
    """`padding` and `output_padding` that give the settings' size and numbers, or None."""
    word = keyword(it)
    if word or not it.transposed:
        return (word, None) if word else None
    for word in ("same", "valid") if it.padding == "same" else ("valid", "same"):
        more = _output_padding(it, word)
        if min(more) >= 0 and same_numbers(it, _lows(it, word)):
            return word, more
    return None


def _output_padding(it: Settings, word: str) -> tuple[int, ...]:
    """The `output_padding` that gives a transposed layer the settings' size."""
    axes = zip(it.input, it.stride, it.effective, it.output, strict=True)
    return tuple(out - (n - 1) * s - _reached(word, e) for n, s, e, out in axes)


def _reached(word: str, effective: int) -> int:
    """The output of one input position, without `output_padding`."""
    return effective if word == "valid" else effective % 2


def crop_of(word: str, more: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[Pairs, Sizes]:
    """The crop pairs and the zeros at the end that a transposed layer's `padding` and `output_padding` mean, for every
    input: both sizes grow with it alike."""
    meant = []
    for k, s, d, a in zip(kernel, stride, dilation, more, strict=True):
        meant.append(same_crop(1, k, s, d, _reached(word, effective_kernel(k, d)) + a))
    return tuple((lo, hi) for lo, hi, _ in meant), tuple(extra for _, _, extra in meant)


def _lows(it: Settings, word: str) -> list[int]:
    """What a transposed layer of the settings' size crops at the beginning of each axis."""
    axes = zip(it.input, it.kernel, it.stride, it.dilation, it.output, strict=True)
    return [0 if word == "valid" else same_crop(n, k, s, d, out)[0] for n, k, s, d, out in axes]


def nearest(it: Settings) -> tuple[str, tuple[int, ...] | None]:
    """The padding of the settings' size if there is one; it crops elsewhere."""
    same = it.replace(padding="same", output_padding=None, output_size=None)
    if same.output == it.output:
        return "same", None
    more = _output_padding(it, "same") if it.transposed else (-1,)
    return ("same", more) if min(more) >= 0 else ("valid", None)
