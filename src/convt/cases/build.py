"""From the forms of a file to `Settings` and arrays. What does not fit is a SettingsError that names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from convt.cases.errors import Keys, show
from convt.cases.model import ArrayForm, CaseForm
from convt.conv.data import EXACT_LIMIT, PERIODS, Arrays, exact, largest_partial_sum
from convt.conv.layers import LEAST_X, most_x
from convt.conv.settings import Settings, SettingsError
from convt.conv.slabs import MOST_IN_A_ROW

FIELDS = (
    "op", "input", "kernel", "stride", "dilation", "padding", "output_padding", "output_size",
    "batch", "channels", "groups", "bias",
)  # fmt: skip
"""The fields of a case that make its settings, in their order in a matrix."""

MOST_NUMBERS = 4_000_000
"""The largest array of a case that is judged by sums along its channels: 16 MB, so that any machine can run it."""
MOST_PRODUCTS = 2_000_000_000
"""The most products of a call that is timed: a second, where a framework makes two in a nanosecond."""
MOST_STEPS = 100_000_000
"""The largest work of a case, by its costliest oracle: about a second, so that no case makes a run slow."""


class DataError(ValueError):
    """Literal data that do not fit; `keys` lead to the place inside the field."""

    def __init__(self, message: str, keys: Keys = ()) -> None:
        super().__init__(message)
        self.keys = keys


class Unchecked(Settings):
    """Settings that may mean nothing, for the conditions that exclude such combinations."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except (SettingsError, ValueError, IndexError):
            return


def values_of(form: CaseForm) -> dict[str, Any]:
    """The settings' fields that a case gives itself."""
    return {name: getattr(form, name) for name in FIELDS if name in form.model_fields_set}


def keywords(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Settings` that the fields of a file mean."""
    op, groups = values.get("op", "conv_transpose"), values.get("groups", 1)
    for name in ("input", "kernel"):
        if name not in values:
            raise SettingsError(name, "nothing; extents or {shape: [...], data: [...]} is accepted")
    x, w = values["input"], values["kernel"]
    spatial = tuple(x.shape[2:]) if isinstance(x, ArrayForm) else _axes(x, 1)
    rank = len(spatial)
    if isinstance(w, ArrayForm) and len(w.shape) != rank + 2:
        raise SettingsError(
            "kernel", f"{len(w.shape) - 2} spatial axes in the shape; {rank} as in the input is accepted"
        )
    kernel = tuple(w.shape[2:]) if isinstance(w, ArrayForm) else _axes(w, rank)
    channels_in, channels_out = _channels(values, op, groups)
    given: dict[str, Any] = {
        "op": op, "groups": groups, "input": spatial, "kernel": kernel,
        "channels_in": channels_in, "channels_out": channels_out,
        "batch": _batch(values), "bias": values.get("bias", False) is not False,
        "padding": _padding(values.get("padding", 0), rank),
    }  # fmt: skip
    for name in ("stride", "dilation", "output_padding", "output_size"):
        if name in values:
            given[name] = _axes(values[name], rank)
    return given


def _axes(value: int | list[int], rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list) else (value,) * rank


def _padding(value: Any, rank: int) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return ((value, value),) * rank
    return tuple(tuple(item) if isinstance(item, list) else (item, item) for item in value)


def _batch(values: Mapping[str, Any]) -> int:
    x, batch = values["input"], values.get("batch")
    shaped = x.shape[0] if isinstance(x, ArrayForm) else None
    if batch is not None and shaped is not None and batch != shaped:
        raise SettingsError("batch", f"{batch}; {shaped} as in the input's shape is accepted")
    return shaped if shaped is not None else 1 if batch is None else batch


def _channels(values: Mapping[str, Any], op: str, groups: int) -> tuple[int, int]:
    """(in, out), from the shapes where they are given, and checked against each other."""
    x, w, given = values["input"], values["kernel"], values.get("channels")
    ins: list[tuple[str, int]] = []
    outs: list[tuple[str, int]] = []
    if isinstance(w, ArrayForm):
        first, second = (ins, outs) if op == "conv_transpose" else (outs, ins)
        first.append(("kernel", w.shape[0]))
        second.append(("kernel", w.shape[1] * groups))
    if isinstance(x, ArrayForm):
        ins.append(("input", x.shape[1]))
    if given is not None:
        ins.append(("channels", given[0]))
        outs.append(("channels", given[1]))
    return _agreed("input", ins), _agreed("output", outs)


def _agreed(name: str, seen: list[tuple[str, int]]) -> int:
    """The one number of channels that all fields give; 1 where none does."""
    for field, count in seen[1:]:
        if count != seen[0][1]:
            accepted = f"{seen[0][1]} as in the {seen[0][0]} is accepted"
            raise SettingsError(field, f"{count} {name} channels; {accepted}")
    return seen[0][1] if seen else 1


def steps(it: Settings) -> int:
    """The steps of the costliest oracle: products scattered, entries of the matrix, or taps of the stuffed kernel."""
    channels, batch = it.channels_in * it.channels_out // it.groups, max(it.batch, 1)
    ins, outs, taps, stuffed = (max(prod(sizes), 1) for sizes in (it.input, it.output, it.kernel, it.effective))
    entries = channels * ins * outs
    # the matrix is built in blocks, and each block asks every tap of every axis where it lands
    asked = sum(o * i * k for o, i, k in zip(it.output, it.input, it.kernel, strict=True))
    full = [o + lo + hi for o, (lo, hi) in zip(it.output, it.crop, strict=True)]
    return max(
        channels * batch * taps * (ins if it.transposed else outs),
        entries + asked * (entries // 4_000_000 + it.groups),
        channels * batch * max(prod(full), 1) * stuffed,
    )


def check_fold(form: CaseForm, it: Settings) -> None:
    """DataError where a case that is judged by sums asks for more than the law `large` alone can say of it."""
    if form.laws != ["large"]:
        raise DataError("`block` needs `laws: [large]`", ("block",))
    given = [getattr(form, name) for name in ("input", "kernel")]
    if any(isinstance(each, ArrayForm) and each.data is not None for each in given) or isinstance(form.bias, list):
        raise DataError("`block` excludes literal data: give shapes alone", ("block",))
    if form.refuted is not None or (form.expect is not None and form.expect.model_fields_set - {"size"}):
        raise DataError("`block` excludes expected numbers: give `expect.size` alone", ("block",))
    if 0 in it.x_shape + it.y_shape:
        raise DataError("`block` needs a result with numbers", ("block",))
    largest = it.channels_in // it.groups * prod(it.kernel) * PERIODS[0] * PERIODS[1] + PERIODS[2]
    if largest > EXACT_LIMIT["float16"]:
        raise DataError(f"found sums up to {largest:,}, accepted up to {EXACT_LIMIT['float16']:,}", ("block",))
    if (row := prod(it.output[1:])) > MOST_IN_A_ROW:
        raise DataError(f"found {row:,} outputs a row of the first axis, accepted up to {MOST_IN_A_ROW:,}", ("block",))


def check_layer(form: CaseForm, it: Settings) -> None:
    """DataError where a case of the law `realistic` is none that it can judge: it draws the numbers itself."""
    given = [getattr(form, name) for name in ("input", "kernel")]
    if any(isinstance(each, ArrayForm) and each.data is not None for each in given) or isinstance(form.bias, list):
        raise DataError("`laws: [realistic]` excludes literal data: give shapes alone", ("laws",))
    if form.refuted is not None or (form.expect is not None and form.expect.model_fields_set - {"size"}):
        raise DataError("`laws: [realistic]` excludes expected numbers: give `expect.size` alone", ("laws",))
    if 0 in it.x_shape + it.y_shape:
        raise DataError("`laws: [realistic]` needs an input and a result with numbers", ("laws",))
    if it.transposed and it.replace(bias=False).adjoint() is None:
        raise DataError("`laws: [realistic]` needs an output padding below the stride", ("laws",))
    if (most := most_x(it)) < LEAST_X:
        raise DataError(f"found sums exact for |x| up to {most:,}, accepted from {LEAST_X} on", ("laws",))
    if (size := max(prod(it.x_shape), prod(it.w_shape), prod(it.y_shape))) > MOST_NUMBERS:
        raise DataError(f"found an array of {size:,} numbers, accepted up to {MOST_NUMBERS:,}", ("laws",))


def check_cost(form: CaseForm, it: Settings) -> None:
    """DataError where a case that is timed asks for more than the law `cost` alone can say of it."""
    if form.laws != ["cost"]:
        raise DataError("`cost` needs `laws: [cost]`", ("cost",))
    given = [getattr(form, name) for name in ("input", "kernel")]
    if any(isinstance(each, ArrayForm) and each.data is not None for each in given) or isinstance(form.bias, list):
        raise DataError("`cost` excludes literal data: give shapes alone", ("cost",))
    if form.refuted is not None or (form.expect is not None and form.expect.model_fields_set - {"size"}):
        raise DataError("`cost` excludes expected numbers: give `expect.size` alone", ("cost",))
    products = it.batch * it.products
    if not 0 < products <= MOST_PRODUCTS:
        raise DataError(f"found {products:,} products a call, accepted 1 to {MOST_PRODUCTS:,}", ("cost",))
    if "transposed" in (form.cost or ()) and (not it.transposed or it.adjoint() is None):
        raise DataError("`cost: [transposed]` needs the transpose of a forward convolution", ("cost",))


def literal(form: CaseForm, settings: Settings) -> Arrays | None:
    """The literal arrays of a case in float64, what is not given drawn from the seed; None where nothing is given."""
    x, w, b = form.input, form.kernel, form.bias
    x_data = x.data if isinstance(x, ArrayForm) else None
    w_data = w.data if isinstance(w, ArrayForm) else None
    b_data = b if isinstance(b, list) else None
    if x_data is None and w_data is None and b_data is None:
        return None
    drawn = exact(settings, form.seed, "float64")
    return Arrays(
        drawn.x if x_data is None else array(x_data, settings.x_shape, ("input", "data")),
        drawn.w if w_data is None else array(w_data, settings.w_shape, ("kernel", "data")),
        drawn.b if b_data is None else array(b_data, settings.b_shape, ("bias",)),
    )


def array(data: Sequence[Any], shape: tuple[int, ...], keys: Keys) -> np.ndarray:
    """Numbers as an array of `shape`, from a list flat or nested like the shape; DataError where they do not fit."""
    flat = numbers(data, keys)
    size = int(np.prod(shape))
    nested = any(isinstance(item, list) for item in data)
    if not nested and len(flat) != size:
        raise DataError(f"found {len(flat)} numbers, accepted {size} for the shape {show(shape)}", keys)
    if nested:
        _check_nesting(data, shape, shape, keys)
    return np.array(flat, np.float64).reshape(shape)


def numbers(data: Sequence[Any], keys: Keys) -> list[float]:
    """The numbers of a list, nested or flat, in order; DataError at the first that is none."""
    flat: list[float] = []
    for index, item in enumerate(data):
        if isinstance(item, list):
            flat += numbers(item, (*keys, index))
        elif isinstance(item, bool) or not isinstance(item, (int, float)) or not np.isfinite(item):
            raise DataError(f"found {show(item)}, accepted a finite number", (*keys, index))
        else:
            flat.append(item)
    return flat


def _check_nesting(data: Any, shape: tuple[int, ...], whole: tuple[int, ...], keys: Keys) -> None:
    if not shape:
        if isinstance(data, list):
            raise DataError(
                f"found one level of lists too many, accepted {len(whole)} for the shape {show(whole)}", keys
            )
        return
    if not isinstance(data, list):
        raise DataError(
            f"found the number {show(data)}, accepted a list of {shape[0]}, as in the shape {show(whole)}", keys
        )
    if len(data) != shape[0]:
        raise DataError(f"found {len(data)} items, accepted {shape[0]}, as in the shape {show(whole)}", keys)
    for index, item in enumerate(data):
        _check_nesting(item, shape[1:], whole, (*keys, index))


def check_exact(settings: Settings, arrays: Arrays) -> None:
    """DataError where integer data leave the range in which float32 sums are exact."""
    limit = EXACT_LIMIT["float32"]
    for keys, values in ((("input", "data"), arrays.x), (("kernel", "data"), arrays.w), (("bias",), arrays.b)):
        if values is not None and float(np.max(np.abs(values), initial=0)) > limit:
            raise DataError(f"found {np.max(np.abs(values)):.9g}, accepted magnitudes up to 2**24 = {limit:,}", keys)
    largest = largest_partial_sum(settings, arrays)
    if largest >= limit:
        raise DataError(
            f"found partial sums up to {largest:.9g}, accepted less than 2**24 = {limit:,}", ("input", "data")
        )


def is_exact(arrays: Arrays) -> bool:
    """Whether all data are integers."""
    return all(np.array_equal(each, np.trunc(each)) for each in (arrays.x, arrays.w, arrays.b) if each is not None)


def in_float32(arrays: Arrays) -> Arrays:
    """The arrays as frameworks get them."""
    b = None if arrays.b is None else arrays.b.astype(np.float32)
    return Arrays(arrays.x.astype(np.float32), arrays.w.astype(np.float32), b)
