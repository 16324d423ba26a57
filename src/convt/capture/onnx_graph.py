"""An ONNX file as data: nodes, the shapes that it tells, and where its tensors' bytes stand.

Field numbers from onnx/onnx.proto. No tensor is read but small ones that say shapes, and those that are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from convt.capture.seen import Unreadable
from convt.capture.wire import Malformed, Message, Source, plain_file, same_folder

Shape = tuple[int | None, ...]
TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
STORED = {"bfloat16": "uint16", "bool": "uint8"}
"""What numpy reads in place of a dtype that it has not, or that has other bytes."""
DATA = {"float32": 4, "complex64": 4, "float64": 10, "complex128": 10, "int64": 7, "uint64": 11, "uint32": 11}
"""The field that holds the numbers of a dtype, where they are not raw; of all others it is int32_data, 5."""
SMALL = 256
"""So many numbers may a tensor have that says a shape."""
MOST_AXES = 64


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the file: what it is, and a message that has its numbers."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    message: Message
    folder: Path

    @property
    def outside(self) -> bool:
        """Whether its numbers stand in another file."""
        return self.message.number(14) == 1

    def read(self, most: int | None = None) -> np.ndarray | None:
        """The numbers, bfloat16 as float32; None where they are no array of numbers, or more than `most`."""
        count = prod(self.shape)
        if (most is not None and count > most) or not self.dtype:
            return None
        stored = np.dtype(STORED.get(self.dtype, self.dtype)).newbyteorder("<")
        raw = self._raw(count * stored.itemsize)
        found = np.frombuffer(raw, stored) if raw is not None else self._typed()
        if found.size != count:
            raise Malformed(
                f"{self.message.source.path}: {self.name} has {found.size:,} numbers, and its shape {count:,}"
            )
        if self.dtype == "bfloat16":
            found = (found.astype(np.uint32) << 16).view(np.float32)
        return found.reshape(self.shape)

    def _raw(self, size: int) -> bytes | None:
        message = self.message
        if self.outside:
            said = {entry.text(1): entry.text(2) for entry in message.messages(13)}
            path = same_folder(self.folder, said.get("location", ""))
            start = int(said.get("offset") or 0)
            if start < 0 or start + size > plain_file(path):
                raise Malformed(f"{path}: cut off: {self.name} ends behind it")
            with path.open("rb") as file:
                file.seek(start)
                return file.read(size)
        places = message.places(9)
        if not places:
            return None
        start, end = places[-1]
        if end - start != size:
            raise Malformed(f"{message.source.path}: {self.name} has {end - start:,} bytes, and its shape {size:,}")
        return message.source.read(start, size)

    def _typed(self) -> np.ndarray:
        number = DATA.get(self.dtype, 5)
        if number == 4:
            return np.array(self.message.reals(4), np.float32).view(self.dtype)
        if number == 10:
            raw = b"".join(self.message.source.read(start, end - start) for start, end in self.message.places(10))
            return np.frombuffer(raw, "<f8").view(self.dtype)
        numbers = np.array(self.message.numbers(number), np.int64)
        if self.dtype in ("float16", "bfloat16"):
            bits = numbers.astype(np.uint16)
            return bits.view(np.float16) if self.dtype == "float16" else bits
        return numbers.astype(STORED.get(self.dtype, self.dtype))


@dataclass(frozen=True, eq=False)
class Node:
    """One node; an attribute's value is a number, text, a list, a `Tensor` or a `Graph`."""

    name: str
    op: str
    domain: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Any]


@dataclass(eq=False)
class Graph:
    """A graph, or the body of a function; shapes that are unknown stand nowhere."""

    nodes: list[Message]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(eq=False)
class Model:
    graph: Graph
    functions: dict[tuple[str, str], Graph]
    path: Path


def read_model(source: Source) -> Model:
    """The model of a file; Unreadable where it is none."""
    top = Message(source)
    body = top.message(7)
    if body is None or not top.has(1):
        raise Unreadable(f"{source.path}: found no ONNX model, accepted a file of onnx.ModelProto")
    functions = {}
    for message in top.messages(25):
        graph = Graph(list(message.messages(7)), message.texts(4), message.texts(5))
        functions[message.text(10), message.text(1)] = graph
    return Model(read_graph(body, source.path), functions, source.path)


def read_graph(body: Message, path: Path) -> Graph:
    graph = Graph(list(body.messages(1)))
    for message in body.messages(5):
        tensor = read_tensor(message, path)
        graph.tensors[tensor.name] = tensor
        graph.shapes[tensor.name], graph.dtypes[tensor.name] = tensor.shape, tensor.dtype
    for number, names in ((13, None), (12, graph.outputs), (11, graph.inputs)):
        for message in body.messages(number):
            name = message.text(1)
            if names is not None:
                names.append(name)
            shape, dtype = _typed(message)
            if shape is not None and name not in graph.tensors:
                graph.shapes[name] = shape
            graph.dtypes.setdefault(name, dtype)
    return graph


def _typed(message: Message) -> tuple[Shape | None, str]:
    """Shape and dtype of a ValueInfoProto."""
    kind = message.message(2)
    tensor = None if kind is None else kind.message(1)
    if tensor is None:
        return None, ""
    dtype, form = TYPES.get(tensor.number(1), ""), tensor.message(2)
    if form is None:
        return None, dtype
    sizes = [dim.number(1) if dim.has(1) else None for dim in form.messages(1)]
    if len(sizes) > MOST_AXES:
        return None, dtype
    return tuple(size if size is not None and size >= 0 else None for size in sizes), dtype


def read_tensor(message: Message, path: Path) -> Tensor:
    shape = tuple(message.numbers(1))
    if len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise Malformed(
            f"{path}: the tensor {message.text(8)!r} has the shape {list(shape)[:8]}, accepted sizes from 0 on"
        )
    return Tensor(message.text(8), TYPES.get(message.number(2), ""), shape, message, path)


def read_node(message: Message, path: Path) -> Node:
    attributes = {one.text(1): _attribute(one, path) for one in message.messages(5)}
    return Node(message.text(3), message.text(4), message.text(7), message.texts(1), message.texts(2), attributes)


def _attribute(message: Message, path: Path) -> Any:
    """The value by its type; a reference to a function's own attribute is `("of", name)`."""
    if message.text(21):
        return ("of", message.text(21))
    kind = message.number(20)
    if kind == 1:
        return message.real(2)
    if kind == 2:
        return message.number(3)
    if kind == 3:
        return message.text(4)
    if kind == 6:
        return message.reals(7)
    if kind == 7:
        return message.numbers(8)
    if kind == 8:
        return message.texts(9)
    if kind == 4 and (tensor := message.message(5)) is not None:
        return read_tensor(tensor, path)
    if kind == 5 and (graph := message.message(6)) is not None:
        return read_graph(graph, path)
    return None
