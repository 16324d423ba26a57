"""The convolutions of an ONNX file: Conv and ConvTranspose, in subgraphs and in functions of the file too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from convt.capture.onnx_graph import Graph, Model, Node, Shape, Tensor, read_model, read_node
from convt.capture.onnx_shapes import Shapes
from convt.capture.seen import Captured, LeftOut, NotACase, Seen, Unreadable, Wanted, Weights, checked
from convt.capture.wire import Source
from convt.capture.words import onnx_call

OPS = {
    "Conv": ("Conv", 0, 1, 2), "ConvTranspose": ("ConvTranspose", 0, 1, 2), "FusedConv": ("Conv", 0, 1, 2),
    "ConvInteger": ("Conv", 0, 1, None), "QLinearConv": ("Conv", 0, 3, 8),
}  # fmt: skip
"""What each operator computes, and the places of its input, kernel and bias."""
DOMAINS = ("", "ai.onnx", "com.microsoft")
MOST_NODES = 200_000
MOST_DEPTH = 12
Infer = Callable[[Path, Wanted], Mapping[str, Shape]]
"""Shapes of intermediate tensors from elsewhere, by their names; empty where nobody can tell them."""


@dataclass(frozen=True, eq=False)
class _Scope:
    """What names mean inside one graph."""

    graph: Graph
    shapes: Shapes
    tensors: dict[str, Tensor]
    dtypes: dict[str, str]
    prefix: str = ""
    depth: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)
    """The attributes of a function's call."""


def capture_onnx(path: Path, wanted: Wanted, infer: Infer) -> Captured:
    """Every convolution of the file. Unreadable where it is no ONNX model; what is no case is left out with why."""
    with Source(path) as source:
        model = read_model(source)
        found = _read(model, wanted, {})
        if any("unknown" in left.reason for left in found.left):
            more = infer(path, wanted)
            found = _read(model, wanted, more) if more else found
    if any("unknown" in left.reason for left in found.left):
        names = [name for name in model.graph.inputs if name not in model.graph.tensors]
        said = " ".join(f"--input-shape {_example(name, model.graph.shapes.get(name))}" for name in names[:4])
        found.notes.append(f"the file does not tell every extent; give those of its inputs, such as {said}")
    return found


def _example(name: str, shape: Shape | None) -> str:
    sizes = shape if shape else (None,) * 4
    return (
        f"{name}={','.join(str(size if size is not None else 1 if at == 0 else 224) for at, size in enumerate(sizes))}"
    )


def _read(model: Model, wanted: Wanted, more: Mapping[str, Shape]) -> Captured:
    graph, shapes = model.graph, Shapes()
    names = [name for name in graph.inputs if name not in graph.tensors]
    keys = {key: names[int(key)] if key.isdigit() and key not in names and int(key) < len(names) else key
            for key in wanted.shapes}  # fmt: skip
    unknown = [key for key, name in keys.items() if name not in names]
    if unknown:
        raise Unreadable(f"--input-shape: found the input {unknown[0]!r}, accepted {', '.join(names) or 'none'}")
    for key, name in keys.items():
        _check_against(name, wanted.shapes[key], graph.shapes.get(name))
        shapes.know(name, wanted.shapes[key])
    for name in names:
        shape = graph.shapes.get(name)
        if shape is not None and len(shape) > 2 and shape[0] is None:
            shapes.know(name, (1, *shape[1:]) if shapes.shape(name) is None else shape)
    walk = _Walk(model, wanted)
    for name, shape in more.items():
        shapes.know(name, shape)
    walk.graph(_Scope(graph, shapes, dict(graph.tensors), dict(graph.dtypes)))
    return walk.found


def _check_against(name: str, given: tuple[int, ...], said: Shape | None) -> None:
    """Unreadable where the shape that was given is none that the model takes."""
    fits = said is None or (
        len(said) == len(given) and all(a is None or a == b for a, b in zip(said, given, strict=True))
    )
    if not fits:
        accepted = ",".join("N" if size is None else str(size) for size in said or ())
        raise Unreadable(f"--input-shape {name}={','.join(map(str, given))}: the model takes {accepted}")


class _Walk:
    """The nodes in their order, shapes carried from one to the next."""

    def __init__(self, model: Model, wanted: Wanted) -> None:
        self.model, self.wanted = model, wanted
        self.found = Captured()
        self._left = MOST_NODES

    def graph(self, scope: _Scope) -> None:
        graph = scope.graph
        for name, tensor in graph.tensors.items():
            scope.shapes.know(name, tensor.shape)
            if tensor.dtype in ("int64", "int32", "float32") and len(tensor.shape) < 2 and not tensor.outside:
                scope.shapes.give(name, tensor.read(64))
        for name, shape in graph.shapes.items():
            scope.shapes.know(name, shape)
        for at, message in enumerate(graph.nodes):
            self._left -= 1
            if self._left < 0:
                raise Unreadable(f"{self.model.path}: found more than {MOST_NODES:,} nodes, accepted fewer")
            node = read_node(message, self.model.path)
            if scope.given or any(isinstance(value, tuple) for value in node.attributes.values()):
                node = replace(node, attributes=_resolved(node.attributes, scope.given))
            self._node(node, scope, at)

    def _node(self, node: Node, scope: _Scope, at: int) -> None:
        function = self.model.functions.get((node.domain, node.op))
        if function is not None:
            self._call(node, function, scope, at)
        elif node.op in OPS and node.domain in DOMAINS:
            self._convolution(node, scope, at)
        elif "Conv" in node.op and "Convert" not in node.op:
            name = scope.prefix + (node.name or f"{node.op}-{at}")
            self.found.left.append(LeftOut(name, f"{node.op} is an operator that convt has no settings for"))
        else:
            scope.shapes.node(node)
            _same_tensor(node, scope)
        for name, body in node.attributes.items():
            if isinstance(body, Graph):
                self._enter(replace(
                    scope, graph=body, shapes=Shapes(scope.shapes), tensors=scope.tensors | body.tensors,
                    dtypes=scope.dtypes | body.dtypes, prefix=f"{scope.prefix}{node.name or node.op}.{name}.",
                ))  # fmt: skip

    def _call(self, node: Node, function: Graph, scope: _Scope, at: int) -> None:
        """A function of the file: its own names, bound to those of the call."""
        inner = replace(
            scope, graph=replace(function), shapes=Shapes(), prefix=f"{scope.prefix}{node.name or f'{node.op}-{at}'}.",
            given=node.attributes, tensors={}, dtypes={},
        )  # fmt: skip
        for mine, theirs in zip(function.inputs, node.inputs, strict=False):
            inner.shapes.know(mine, scope.shapes.shape(theirs))
            inner.shapes.give(mine, scope.shapes.value(theirs))
            if theirs in scope.tensors:
                inner.tensors[mine] = scope.tensors[theirs]
            if theirs in scope.dtypes:
                inner.dtypes[mine] = scope.dtypes[theirs]
        self._enter(inner)
        for mine, theirs in zip(node.outputs, function.outputs, strict=False):
            scope.shapes.know(mine, inner.shapes.shape(theirs))
            scope.shapes.give(mine, inner.shapes.value(theirs))

    def _enter(self, scope: _Scope) -> None:
        if scope.depth >= MOST_DEPTH:
            raise Unreadable(f"{self.model.path}: found graphs inside graphs {MOST_DEPTH} deep, accepted fewer")
        self.graph(replace(scope, depth=scope.depth + 1))

    def _convolution(self, node: Node, scope: _Scope, at: int) -> None:
        op, x_at, w_at, b_at = OPS[node.op]
        name = scope.prefix + (node.name or (node.outputs[0] if node.outputs else f"{node.op}-{at}"))
        names = [*node.inputs, *[""] * 9]
        x_name, w_name, b_name = names[x_at], names[w_at], names[b_at] if b_at is not None else ""
        x, w = scope.shapes.shape(x_name), scope.shapes.shape(w_name)
        try:
            x_known, w_known = _known(x, x_name, "input"), _known(w, w_name, "kernel")
            if len(x_known) != len(w_known) or len(x_known) < 3:
                raise NotACase(f"an input of {list(x_known)} with a kernel of {list(w_known)}")
            it = onnx_call(op, node.attributes, x_known, w_known, bool(b_name))
            said = scope.shapes.shape(node.outputs[0]) if node.outputs else None
            if said is not None and None not in it.y_shape:
                checked(it, said[2:])
            weights = self._weights(scope.tensors.get(w_name), scope.tensors.get(b_name), it.bias)
            dtype = self._dtype(scope, x_name, w_name)
            self.found.seen.append(Seen(name, it, dtype, weights=weights))
            if node.outputs:
                scope.shapes.know(node.outputs[0], it.y_shape)
        except NotACase as error:
            self.found.left.append(LeftOut(name, str(error)))

    def _dtype(self, scope: _Scope, *names: str) -> str:
        found = [scope.dtypes[name] for name in names if scope.dtypes.get(name)]
        return found[-1] if found else "float32"

    def _weights(self, kernel: Tensor | None, bias: Tensor | None, biased: bool) -> Weights | None:
        if not self.wanted.weights or kernel is None or (biased and bias is None):
            return None
        w, b = kernel.read(), bias.read() if bias is not None else None
        return None if w is None or not np.issubdtype(w.dtype, np.floating) else (w, b)


def _known(shape: Shape | None, name: str, what: str) -> tuple[int, ...]:
    """The shape where all of it is known; NotACase where it is not."""
    if shape is None:
        raise NotACase(f"the shape of its {what} {name!r} is unknown")
    if None in shape:
        raise NotACase(f"the extents of its {what} are unknown: {['?' if size is None else size for size in shape]}")
    return tuple(size for size in shape if size is not None)


def _same_tensor(node: Node, scope: _Scope) -> None:
    """Let a constant, and what passes a tensor on, be found as the kernel that it is."""
    if not node.outputs:
        return
    value = node.attributes.get("value")
    if node.op == "Constant" and isinstance(value, Tensor):
        scope.tensors[node.outputs[0]] = value
        scope.dtypes[node.outputs[0]] = value.dtype
    elif node.op == "Identity" and node.inputs and node.inputs[0] in scope.tensors:
        scope.tensors[node.outputs[0]] = scope.tensors[node.inputs[0]]
    if node.op in ("Identity", "Relu") and node.inputs and node.inputs[0] in scope.dtypes:
        scope.dtypes.setdefault(node.outputs[0], scope.dtypes[node.inputs[0]])


def _resolved(attributes: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a function's node, those that the call gives in their place."""
    found = {name: given.get(value[1]) if isinstance(value, tuple) else value for name, value in attributes.items()}
    return {name: value for name, value in found.items() if value is not None}
