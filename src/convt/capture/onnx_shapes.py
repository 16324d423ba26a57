"""Shapes of a graph's tensors where the file does not tell them: a rule for each operator that networks have between
their convolutions, and small integers that shapes are computed with.

Source: github.com/onnx/onnx, docs/Operators.md. An operator without a rule leaves its outputs unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, prod
from typing import Any

import numpy as np

from convt.capture.onnx_graph import SMALL, Node, Shape, Tensor
from convt.conv.settings import effective_kernel, forward_same_padding, forward_size

SAME = {
    "Abs", "BatchNormalization", "Cast", "CastLike", "Ceil", "Celu", "Clip", "CumSum", "DequantizeLinear",
    "Dropout", "Elu", "Erf", "Exp", "FastGelu", "Floor", "Gelu", "GroupNormalization", "HardSigmoid", "HardSwish",
    "Hardmax", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LayerNormalization", "LeakyRelu", "Log",
    "LogSoftmax", "LpNormalization", "LRN", "MeanVarianceNormalization", "Mish", "Neg", "Not", "QuantizeLinear",
    "QuickGelu", "RMSNormalization", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
    "Cos", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
}  # fmt: skip
"""Their first output has the shape of their first input."""
BROADCAST = {
    "Add", "And", "BitwiseAnd", "BitwiseOr", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
    "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "PRelu", "Sub", "Sum", "Where", "Xor",
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply,
    "Div": lambda a, b: np.floor_divide(a, np.where(b == 0, 1, b)),
    "Max": np.maximum, "Min": np.minimum,
}  # fmt: skip


class Shapes:
    """Shapes and small values by the names of tensors, and those of a graph outside, which a body may use."""

    def __init__(self, outer: Shapes | None = None) -> None:
        self._shapes: dict[str, Shape] = {}
        self._values: dict[str, np.ndarray] = {}
        self._outer = outer

    def shape(self, name: str) -> Shape | None:
        found = self._shapes.get(name)
        return found if found is not None or self._outer is None else self._outer.shape(name)

    def value(self, name: str) -> np.ndarray | None:
        found = self._values.get(name)
        return found if found is not None or self._outer is None else self._outer.value(name)

    def know(self, name: str, shape: Shape | None) -> None:
        """What one source says, joined with what another said: a known extent stays."""
        if shape is None or not name:
            return
        old = self._shapes.get(name)
        if old is not None and len(old) == len(shape):
            shape = tuple(a if a is not None else b for a, b in zip(old, shape, strict=True))
        elif old is not None:
            return
        self._shapes[name] = shape

    def give(self, name: str, value: np.ndarray | None) -> None:
        if value is not None and name and value.size <= SMALL and value.dtype.kind in "iufb":
            self._values[name] = value
            self.know(name, value.shape)

    def node(self, node: Node) -> None:
        """What the node says of its outputs."""
        try:
            shapes, value = _rule(self, node)
        except (IndexError, KeyError, ValueError, TypeError, ZeroDivisionError, OverflowError):
            return  # a node that its operator would refuse
        for name, shape in zip(node.outputs, shapes, strict=False):
            self.know(name, shape)
        if value is not None and node.outputs:
            self.give(node.outputs[0], value)


Found = tuple[Sequence[Shape | None], np.ndarray | None]


def _rule(known: Shapes, node: Node) -> Found:
    """The outputs' shapes, and the value of the first where it is small and known."""
    ins = [known.shape(name) for name in node.inputs]
    values = [known.value(name) if name else None for name in node.inputs]
    first = ins[0] if ins else None
    if node.op in ("Cast", "Identity", "Floor", "Ceil", "Neg", "CastLike") and values[0] is not None:
        return [first], -values[0] if node.op == "Neg" else values[0]
    if node.op in ARITHMETIC and len(values) == 2 and values[0] is not None and values[1] is not None:
        return [], ARITHMETIC[node.op](values[0], values[1])
    if node.op in SAME:
        return [first], None
    if node.op in BROADCAST:
        return [_broadcast(ins)], None
    rule = RULES.get(node.op)
    if rule is None or (first is None and node.op not in FREE):
        return [], None
    return rule(node, ins, values)


def _broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """numpy's rule; an axis of which one extent is unknown and no other is above 1 is unknown."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    rank = max(len(shape) for shape in known)
    axes = zip(*[(1,) * (rank - len(shape)) + shape for shape in known], strict=True)
    found: list[int | None] = []
    for sizes in axes:
        more = [size for size in sizes if size is not None and size != 1]
        found.append(more[0] if more else None if None in sizes else 1)
    return tuple(found)


def _pool(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    x, kernel = ins[0] or (), node.attributes["kernel_shape"]
    strides = node.attributes.get("strides") or [1] * len(kernel)
    dilations = node.attributes.get("dilations") or [1] * len(kernel)
    pads = node.attributes.get("pads") or [0] * 2 * len(kernel)
    auto, ceil = node.attributes.get("auto_pad", "NOTSET"), node.attributes.get("ceil_mode", 0)
    sizes: list[int | None] = []
    for axis, (n, k, s, d) in enumerate(zip(x[2:], kernel, strides, dilations, strict=True)):
        lo, hi = (pads[axis], pads[axis + len(kernel)]) if auto == "NOTSET" else (0, 0)
        if n is not None and auto.startswith("SAME"):
            lo, hi = forward_same_padding(n, k, s, d)
        size = None if n is None else forward_size(n, k, s, d, lo, hi)
        if ceil and n is not None and size is not None:
            left = n + lo + hi - effective_kernel(k, d) - (size - 1) * s
            size += left > 0 and size * s < n + lo  # a window begins inside the input, or its padding before it
        sizes.append(size)
    shape = (*x[:2], *sizes)
    return [shape, shape], None


def _concat(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    if values and all(value is not None for value in values):
        return [], np.concatenate([np.atleast_1d(value) for value in values])
    if any(shape is None for shape in ins):
        return [], None
    shapes = [list(shape or ()) for shape in ins]
    axis = node.attributes["axis"] % len(shapes[0])
    found = [next((size for size in sizes if size is not None), None) for sizes in zip(*shapes, strict=True)]
    along = [shape[axis] for shape in shapes]
    found[axis] = None if None in along else sum(size or 0 for size in along)
    return [tuple(found)], None


def _reshape(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    if len(values) < 2 or values[1] is None:
        length = ins[1] if len(ins) > 1 else None
        return ([(None,) * length[0]] if length and length[0] is not None and length[0] < 64 else []), None
    x = ins[0]
    found: list[int | None] = [int(size) for size in values[1]]
    for axis, size in enumerate(found):
        if size == 0 and not node.attributes.get("allowzero"):
            found[axis] = x[axis] if x is not None else None
    if -1 in found:
        at = found.index(-1)
        others = [size for axis, size in enumerate(found) if axis != at]
        whole = x is not None and None not in x and None not in others
        found[at] = prod(size or 0 for size in x or ()) // prod(size or 0 for size in others) if whole else None
    value = values[0].reshape([size or 0 for size in found]) if values[0] is not None and None not in found else None
    return [tuple(found)], value


def _transpose(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    x = ins[0] or ()
    order = node.attributes.get("perm") or list(range(len(x)))[::-1]
    return [tuple(x[axis] for axis in order)], None


def _axes_of(node: Node, values: Sequence[Any], at: int = 1) -> list[int] | None:
    """The axes of a squeeze or a reduction: an attribute in old operator sets, an input in new ones."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"])
    return None if len(values) <= at or values[at] is None else [int(axis) for axis in np.atleast_1d(values[at])]


def _squeeze(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x, axes = ins[0] or (), _axes_of(node, values)
    gone = [axis % len(x) for axis in axes] if axes is not None else [at for at, size in enumerate(x) if size == 1]
    value = (
        None if values[0] is None else values[0].reshape([s for at, s in enumerate(values[0].shape) if at not in gone])
    )
    return [tuple(size for at, size in enumerate(x) if at not in gone)], value


def _unsqueeze(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x, axes = list(ins[0] or ()), _axes_of(node, values)
    if axes is None:
        return [], None
    for axis in sorted(axis % (len(x) + len(axes)) for axis in axes):
        x.insert(axis, 1)
    value = None if values[0] is None else values[0].reshape([size or 1 for size in x])
    return [tuple(x)], value


def _shape(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    x = ins[0] or ()
    part = x[node.attributes.get("start", 0) : node.attributes.get("end", len(x))]
    value = None if None in part else np.array(part, np.int64)
    return [(len(part),)], value


def _gather(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x, at = ins[0] or (), ins[1]
    axis = node.attributes.get("axis", 0)
    value = None
    if values[0] is not None and values[1] is not None:
        value = np.take(values[0], values[1].astype(np.int64), axis)
    axis %= len(x)
    return [None if at is None else (*x[:axis], *at, *x[axis + 1 :])], value


def _slice(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x = list(ins[0] or ())
    given = [node.attributes.get(name) for name in ("starts", "ends", "axes", "steps")]
    given = [
        value if value is not None else values[at] if at < len(values) else None for at, value in enumerate(given, 1)
    ]
    starts, ends, axes, steps = (None if value is None else [int(v) for v in np.atleast_1d(value)] for value in given)
    if starts is None or ends is None:
        return [(None,) * len(x)], None
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    cuts = {axis % len(x): slice(a, b, s) for axis, a, b, s in zip(axes, starts, ends, steps, strict=True)}
    value = values[0][tuple(cuts.get(axis, slice(None)) for axis in range(len(x)))] if values[0] is not None else None
    for axis, cut in cuts.items():
        size = x[axis]
        # an end of the largest int64, as exporters write it, is the end: so it is to Python
        x[axis] = None if size is None else len(range(*cut.indices(size)))
    return [tuple(x)], value


def _resize(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x = ins[0] or ()
    sizes = values[3] if len(values) > 3 else None
    scales = next((v for v in values[1:3][::-1] if v is not None and v.size), None)
    scales = node.attributes.get("scales") if scales is None else scales
    axes = [axis % len(x) for axis in node.attributes.get("axes") or range(len(x))]
    found = list(x)
    for at, axis in enumerate(axes):
        size = x[axis]
        if sizes is not None:
            found[axis] = int(sizes[at])
        elif scales is not None and len(scales) == len(axes):
            found[axis] = None if size is None else floor(size * float(scales[at]))
        else:
            found[axis] = None
    return [tuple(found)], None


def _pad(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x = list(ins[0] or ())
    pads = node.attributes.get("pads", values[1] if len(values) > 1 else None)
    if pads is None:
        return [(None,) * len(x)], None
    axes = [axis % len(x) for axis in _axes_of(node, values, 3) or range(len(x))]
    for at, axis in enumerate(axes):
        size = x[axis]
        x[axis] = None if size is None else size + int(pads[at]) + int(pads[at + len(axes)])
    return [tuple(x)], None


def _split(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x = ins[0] or ()
    axis, count = node.attributes.get("axis", 0) % len(x), len(node.outputs)
    sizes = node.attributes.get("split", values[1] if len(values) > 1 else None)
    along = x[axis]
    if sizes is None and along is not None:
        each = -(-along // count)
        sizes = [min(each, along - each * at) for at in range(count)]
    parts = [None] * count if sizes is None else [int(size) for size in sizes]
    return [(*x[:axis], part, *x[axis + 1 :]) for part in parts], None


def _reduce(node: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    x, axes = ins[0] or (), _axes_of(node, values)
    if axes is None and len(values) > 1 and node.inputs[1]:
        return [], None
    gone = {axis % len(x) for axis in axes} if axes else set(range(len(x)))
    keep = node.attributes.get("keepdims", 1)
    value = values[0].prod().reshape(1 if keep else ()) if node.op == "ReduceProd" and values[0] is not None else None
    return [tuple(1 if at in gone else size for at, size in enumerate(x) if keep or at not in gone)], value


def _global_pool(_: Node, ins: Sequence[Shape | None], __: Sequence[Any]) -> Found:
    x = ins[0] or ()
    return [(*x[:2], *(1 for _ in x[2:]))], None


def _flatten(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    x, axis = ins[0] or (), node.attributes.get("axis", 1)
    parts = (x[:axis], x[axis:])
    return [tuple(None if None in part else prod(size or 0 for size in part) for part in parts)], None


def _gemm(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    a, b = ins[0] or (), ins[1] or (None, None)
    rows = a[1 if node.attributes.get("transA") else 0]
    return [(rows, b[0 if node.attributes.get("transB") else 1])], None


def _matmul(_: Node, ins: Sequence[Shape | None], __: Sequence[Any]) -> Found:
    a, b = ins[0], ins[1]
    if a is None or b is None or min(len(a), len(b)) < 2:
        return [], None
    front = _broadcast([a[:-2], b[:-2]])
    return [None if front is None else (*front, a[-2], b[-1])], None


def _constant(node: Node, _: Sequence[Shape | None], __: Sequence[Any]) -> Found:
    for name, dtype in (("value_int", np.int64), ("value_ints", np.int64), ("value_float", np.float32),
                        ("value_floats", np.float32)):  # fmt: skip
        if name in node.attributes:
            return [], np.array(node.attributes[name], dtype)
    tensor = node.attributes.get("value")
    return ([tensor.shape], tensor.read(SMALL)) if isinstance(tensor, Tensor) else ([], None)


def _filled(node: Node, _: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    if values[0] is None:
        return [], None
    shape = tuple(int(size) for size in values[0])
    tensor = node.attributes.get("value")
    held = tensor.read(1) if isinstance(tensor, Tensor) else np.zeros(1, np.float32)
    value = np.full(shape, held.ravel()[0]) if held is not None and held.size and prod(shape) <= SMALL else None
    return [shape], value


def _expand(_: Node, ins: Sequence[Shape | None], values: Sequence[Any]) -> Found:
    return [_broadcast([ins[0], tuple(int(size) for size in values[1])]) if values[1] is not None else None], None


def _depth_to_space(node: Node, ins: Sequence[Shape | None], _: Sequence[Any]) -> Found:
    x, size = ins[0] or (), node.attributes["blocksize"]
    down = node.op == "SpaceToDepth"
    area = size * size
    channels = None if x[1] is None else x[1] * area if down else x[1] // area
    return [(x[0], channels, *(None if n is None else n // size if down else n * size for n in x[2:]))], None


RULES: dict[str, Callable[[Node, Sequence[Shape | None], Sequence[Any]], Found]] = {
    "MaxPool": _pool, "AveragePool": _pool, "LpPool": _pool, "Concat": _concat, "Reshape": _reshape,
    "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Shape": _shape, "Gather": _gather,
    "Slice": _slice, "Resize": _resize, "Upsample": _resize, "Pad": _pad, "Split": _split, "Flatten": _flatten,
    "GlobalAveragePool": _global_pool, "GlobalMaxPool": _global_pool, "Gemm": _gemm, "MatMul": _matmul,
    "Constant": _constant, "ConstantOfShape": _filled, "Expand": _expand, "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _depth_to_space,
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2"), _reduce),
}  # fmt: skip
FREE = ("Constant", "ConstantOfShape", "Reshape", "Concat")
"""Operators that may say a shape of what has none itself."""
