"""The convolutions of a LiteRT (TFLite) file: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, CONV_3D, CONV_3D_TRANSPOSE.

Field numbers from tensorflow/lite/schema/schema.fbs; arrays are channels last there, kernels (out, ..., in).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convt.capture.calls import windowed
from convt.capture.flat import Table, root
from convt.capture.seen import Captured, LeftOut, NotACase, Seen, Unreadable, Wanted, Weights
from convt.capture.wire import Source
from convt.conv.settings import Settings

TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8", 10: "float64",
         18: "bfloat16"}  # fmt: skip
OPS = {3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 67: "TRANSPOSE_CONV", 132: "CONV_3D", 141: "CONV_3D_TRANSPOSE"}
NONE = -1
"""The index of an input that is left out."""


@dataclass(frozen=True)
class _Operation:
    """One operator: what its tensors and its options say."""

    op: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    y: tuple[int, ...]
    bias: bool
    padding: str
    stride: tuple[int, ...]
    dilation: tuple[int, ...]


def capture_litert(path: Path, wanted: Wanted) -> Captured:
    """Every convolution of the file, at the extents that it says. Unreadable where it is no LiteRT model."""
    found = Captured()
    with Source(path) as source:
        model = root(source, b"TFL3")
        if model is None:
            raise Unreadable(f"{path}: found no LiteRT model, accepted a flatbuffer with the mark TFL3")
        if wanted.shapes:
            found.notes.append(
                "--input-shape does not change a LiteRT file: its extents are those that it was made with"
            )
        codes = [max(code.number(0, "b"), code.number(3)) for code in model.tables(1)]
        buffers = list(model.tables(4)) if wanted.weights else []
        for graph in model.tables(2):
            tensors = list(graph.tables(0))
            for at, operator in enumerate(graph.tables(3)):
                index = operator.number(0, "I")
                op = OPS.get(codes[index]) if index < len(codes) else None
                if op is not None:
                    _see(found, op, operator, tensors, buffers, f"{op.lower()}-{at}")
    return found


def _see(found: Captured, op: str, operator: Table, tensors: list[Table], buffers: list[Table], name: str) -> None:
    places = operator.numbers(1)
    places = places[1:] if op in ("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE") else places  # the first is the output's shape
    if op in ("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE"):
        places = [places[at] for at in (1, 0, *range(2, len(places))) if at < len(places)]
    outputs = operator.numbers(2)
    biased = len(places) > 2 and places[2] != NONE
    used = [*places[: 3 if biased else 2], *outputs[:1]]
    if len(places) < 2 or not outputs or not all(0 <= place < len(tensors) for place in used):
        found.left.append(LeftOut(name, "it names tensors that the file has not"))
        return
    x, w, y = (tensors[place] for place in (*places[:2], outputs[0]))
    name = y.text(3) or name
    try:
        it = _settings(op, operator.table(4), x, w, y, biased)
        dtype = TYPES.get(x.number(1, "b"), "float32")
        bias = tensors[places[2]] if biased else None
        found.seen.append(Seen(name, it, dtype, weights=_weights(op, it, w, bias, buffers) if buffers else None))
    except NotACase as error:
        found.left.append(LeftOut(name, str(error)))


def _settings(op: str, options: Table | None, x: Table, w: Table, y: Table, biased: bool) -> Settings:
    if options is None:
        raise NotACase("it has no options")
    xs, ws, ys = x.numbers(0), w.numbers(0), y.numbers(0)
    rank = 3 if op.startswith("CONV_3D") else 2
    if not len(xs) == len(ws) == rank + 2 or min([*xs, *ws, *ys]) < 0:
        raise NotACase(f"the extents of its tensors are unknown: {xs}, {ws}")
    if op == "DEPTHWISE_CONV_2D":
        kernel, channels, groups = ws[1:3], (xs[3], ws[3]), xs[3]
    elif rank == 3:
        kernel, groups = ws[:3], 1
        channels = (ws[3], ws[4]) if op == "CONV_3D" else (ws[4], ws[3])
    else:
        kernel, channels, groups = ws[1:3], (xs[3], ws[0]), max(xs[3] // max(ws[3], 1), 1)
    if channels[0] != xs[-1]:
        raise NotACase(f"its input has {xs[-1]} channels, and its kernel takes {channels[0]}")
    stride, dilation = _strides(op, options)
    transposed = "TRANSPOSE" in op
    it = windowed(
        "conv_transpose" if transposed else "conv", xs[0], xs[1:-1], kernel, channels, groups, stride, dilation,
        "VALID" if options.number(0, "b") else "SAME", ys[1:-1] if transposed else None, biased,
    )  # fmt: skip
    if len(ys) == rank + 2 and list(it.output) != ys[1:-1]:
        raise NotACase(f"the file says an output of {ys[1:-1]}, and these settings give {list(it.output)}")
    return it


def _strides(op: str, options: Table) -> tuple[list[int], list[int]]:
    """Strides and dilations, an axis each in the order of the array; the schema has the width first."""
    if op.startswith("CONV_3D"):
        return [options.number(at) for at in (1, 3, 2)], [options.number(at, default=1) for at in (5, 7, 6)]
    at = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5}.get(op)
    dilation = [1, 1] if at is None else [options.number(at + 1, default=1), options.number(at, default=1)]
    return [options.number(2), options.number(1)], dilation


def _weights(op: str, it: Settings, kernel: Table, bias: Table | None, buffers: list[Table]) -> Weights | None:
    """Kernel and bias in our order; None where the file keeps them in integers, or has none."""
    w, b = _numbers(kernel, buffers), None if bias is None else _numbers(bias, buffers)
    if w is None or (it.bias and b is None):
        return None
    if op == "DEPTHWISE_CONV_2D":
        w = np.moveaxis(w[0], -1, 0)[:, None]
    elif op == "CONV_3D" or op == "CONV_3D_TRANSPOSE":
        w = w.transpose(4, 3, 0, 1, 2)
    else:
        w = w.transpose(3, 0, 1, 2) if it.transposed else w.transpose(0, 3, 1, 2)
    return (np.ascontiguousarray(w), b) if w.shape == it.w_shape else None


def _numbers(tensor: Table, buffers: list[Table]) -> np.ndarray | None:
    dtype, place, shape = TYPES.get(tensor.number(1, "b"), ""), tensor.number(2, "I"), tensor.numbers(0)
    if dtype not in ("float32", "float16", "float64") or place >= len(buffers):
        return None
    start, count = buffers[place].span(0)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if count != size or not size:
        return None
    return np.frombuffer(buffers[place].source.read(start, count), np.dtype(dtype).newbyteorder("<")).reshape(shape)
