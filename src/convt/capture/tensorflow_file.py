"""The convolutions of a TensorFlow SavedModel, by the graph that its signature runs: data, and nothing is loaded.

Field numbers from tensorflow/core/protobuf/saved_model.proto, meta_graph.proto and tensorflow/core/framework/*.proto.
Shapes are those that TensorFlow wrote beside each node, `_output_shapes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convt.capture.seen import Captured, LeftOut, NotACase, Seen, Unreadable
from convt.capture.tensorflow_graph import OPS, OTHERS, SPREAD, SPREAD_NOTE, node_settings
from convt.capture.wire import Message, Source

Shape = tuple[int | None, ...] | None
TYPES = {1: "float32", 2: "float64", 8: "complex64", 14: "bfloat16", 18: "complex128", 19: "float16"}
MOST_DEPTH, MOST_NODES = 60, 200_000
PREFERRED = ("serving_default", "serve")


@dataclass(frozen=True, eq=False)
class _Node:
    name: str
    op: str
    inputs: list[str]
    attributes: Message

    def attribute(self, name: str) -> Message | None:
        for entry in self.attributes.messages(5):
            if entry.text(1) == name:
                return entry.message(2)
        return None

    def functions(self) -> list[str]:
        """The functions that the node calls."""
        found = []
        for entry in self.attributes.messages(5):
            value = entry.message(2)
            for one in [] if value is None else [value, *value.messages(1)]:
                for number in (9, 10):  # in a list and alone
                    found += [text for message in one.messages(number) for text in [_func(message)] if text]
        return found


def _func(message: Message) -> str:
    try:
        return message.text(1)
    except Unreadable:
        return ""


def capture_saved_model(folder: Path) -> Captured:
    """Every convolution that the signature runs. Unreadable where it is no SavedModel."""
    found = Captured()
    with Source(folder / "saved_model.pb") as source:
        top = Message(source)
        graphs = list(top.messages(2))
        if not graphs:
            raise Unreadable(f"{folder}: found no graph in saved_model.pb, accepted a SavedModel of TensorFlow")
        _Walk(graphs[0], folder, found).run()
    return found


class _Walk:
    """From the signature's outputs through the functions that are called on the way."""

    def __init__(self, graph: Message, folder: Path, found: Captured) -> None:
        self._folder, self._found, self._left = folder, found, MOST_NODES
        body = graph.message(2)
        if body is None:
            raise Unreadable(f"{folder}: found no graph in saved_model.pb, accepted a SavedModel of TensorFlow")
        self._nodes = {node.name: node for node in map(_node, body.messages(1))}
        library = body.message(2)
        self._functions: dict[str, Message] = {}
        for function in [] if library is None else library.messages(1):
            signature = function.message(1)
            if signature is not None:
                self._functions[signature.text(1)] = function
        self._signatures = {
            entry.text(1): value for entry in graph.messages(5) if (value := entry.message(2)) is not None
        }  # fmt: skip

    def run(self) -> None:
        runs = [name for name in PREFERRED if name in self._signatures]
        runs += [name for name in self._signatures if name != "__saved_model_init_op"]
        if not runs:
            raise Unreadable(f"{self._folder}: found no signature, accepted one such as serving_default")
        wanted = [
            info.text(1).partition(":")[0]
            for entry in self._signatures[runs[0]].messages(2) if (info := entry.message(2)) is not None
        ]  # fmt: skip
        needed = [self._nodes[name] for name in self._above(wanted)]
        self._look({node.name: node for node in needed}, {}, 0)
        others = ", ".join(sorted({*runs} - {runs[0], *PREFERRED}))
        if others:
            self._found.notes.append(f"captured is what the signature {runs[0]} runs, and not {others}")

    def _above(self, names: list[str]) -> list[str]:
        """The nodes that these need, themselves included, in the order of the graph."""
        seen: set[str] = set()
        left = [name for name in names if name in self._nodes]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                inputs = (one.lstrip("^").partition(":")[0] for one in self._nodes[name].inputs)
                left += [one for one in inputs if one in self._nodes]
        return [name for name in self._nodes if name in seen]

    def _look(self, nodes: Mapping[str, _Node], given: Mapping[str, Shape], depth: int) -> None:
        """The convolutions among nodes, and in the functions that they call; `given` are a function's arguments."""
        if depth > MOST_DEPTH:
            raise Unreadable(f"{self._folder}: found functions inside functions {MOST_DEPTH} deep, accepted fewer")
        shapes = _Shapes(nodes, given)
        for node in nodes.values():
            self._left -= 1
            if self._left < 0:
                raise Unreadable(f"{self._folder}: found more than {MOST_NODES:,} nodes, accepted fewer")
            if node.op in OPS and node.op != "Conv":
                self._see(node, shapes)
            elif node.op in OTHERS:
                self._found.left.append(LeftOut(node.name, f"{node.op} is an operator that convt has no settings for"))
            for name in node.functions():
                if name in self._functions:
                    self._enter(self._functions[name], [shapes.of(one) for one in node.inputs], depth)

    def _enter(self, function: Message, passed: list[Shape], depth: int) -> None:
        signature = function.message(1)
        names = [] if signature is None else [argument.text(1) for argument in signature.messages(2)]
        given: dict[str, Shape] = dict(zip(names, passed, strict=False))
        for entry in function.messages(7):  # arg_attr: what was known of an argument when the function was traced
            held = entry.message(2)
            for attribute in [] if held is None else held.messages(1):
                value = attribute.message(2)
                if attribute.text(1) == "_output_shapes" and value is not None and entry.number(1) < len(names):
                    name = names[entry.number(1)]
                    given[name] = _merged(given.get(name), next(iter(_shape_list(value)), None))
        self._look({node.name: node for node in map(_node, function.messages(3))}, given, depth + 1)

    def _see(self, node: _Node, shapes: _Shapes) -> None:
        transposed = "BackpropInput" in node.op
        inputs = [one for one in node.inputs if not one.startswith("^")]
        try:
            if len(inputs) < (3 if transposed else 2):
                raise NotACase("it has too few inputs")
            x = _known(shapes.of(inputs[2 if transposed else 0]), "input")
            w = _known(shapes.of(inputs[1]), "kernel")
            y = shapes.of(node.name)
            if shapes.maker(inputs[0]) == SPREAD:
                self._found.notes.append(SPREAD_NOTE.format(node.name))
            self._found.seen.append(Seen(node.name, node_settings(node.op, _attributes(node), x, w, y), _dtype(node)))
        except NotACase as error:
            self._found.left.append(LeftOut(node.name, str(error)))


class _Shapes:
    """The shapes of tensors by their names as inputs have them: node, node:1, node:output:0."""

    def __init__(self, nodes: Mapping[str, _Node], given: Mapping[str, Shape]) -> None:
        self._nodes, self._given = nodes, given

    def maker(self, name: str) -> str:
        """The operator that a tensor comes from; empty for a function's argument."""
        found = self._nodes.get(name.partition(":")[0])
        return "" if found is None else found.op

    def of(self, name: str) -> Shape:
        node, _, rest = name.lstrip("^").partition(":")
        if node in self._given:
            return self._given[node]
        found = self._nodes.get(node)
        value = None if found is None else found.attribute("_output_shapes")
        shapes = [] if value is None else list(_shape_list(value))
        index = int(rest.rpartition(":")[2]) if rest.rpartition(":")[2].isdigit() else 0
        if found is not None and found.op == "Const" and not shapes:
            return _constant(found)
        return shapes[index] if index < len(shapes) else None


def _constant(node: _Node) -> Shape:
    value = node.attribute("value")
    tensor = None if value is None else value.message(8)
    form = None if tensor is None else tensor.message(2)
    return None if form is None else _shape(form)


def _node(message: Message) -> _Node:
    return _Node(message.text(1), message.text(2), message.texts(3), message)


def _shape_list(value: Message) -> Iterator[Shape]:
    held = value.message(1)
    for form in [] if held is None else held.messages(7):
        yield _shape(form)


def _shape(form: Message) -> Shape:
    if form.number(3):
        return None
    return tuple(None if dim.number(1) < 0 else dim.number(1) for dim in form.messages(2))


def _merged(a: Shape, b: Shape) -> Shape:
    if a is None or b is None or len(a) != len(b):
        return a if b is None else b
    return tuple(one if one is not None else other for one, other in zip(a, b, strict=True))


def _known(shape: Shape, what: str) -> list[int]:
    """The shape, an open batch being 1; NotACase where more of it is open."""
    if shape is None or None in shape[1:] or len(shape) < 3:
        shown = "" if shape is None else f": {['?' if size is None else size for size in shape]}"
        raise NotACase(f"the extents of its {what} are unknown{shown}")
    return [1 if size is None else size for size in shape]


def _attributes(node: _Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("strides", "dilations", "explicit_paddings"):
        value = node.attribute(name)
        held = None if value is None else value.message(1)
        found[name] = None if held is None else held.numbers(3)
    for name in ("padding", "data_format"):
        value = node.attribute(name)
        found[name] = None if value is None else value.text(2)
    return found


def _dtype(node: _Node) -> str:
    value = node.attribute("T")
    return TYPES.get(value.number(6), "float32") if value is not None else "float32"
