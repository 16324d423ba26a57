"""The convolutions of a program that `torch.export.save` wrote, a .pt2: its graph is JSON inside a zip file.

Nothing of it is run and no framework is needed. Source: torch/_export/serde/schema.py, ExportedProgram.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from convt.capture import archive
from convt.capture.calls import settings, torch_call
from convt.capture.seen import Captured, LeftOut, NotACase, Seen, Unreadable, Wanted, Weights
from convt.conv.settings import Settings

DTYPES = {6: "float16", 7: "float32", 8: "float64", 10: "complex64", 11: "complex128", 13: "bfloat16"}
"""torch/_export/serde/schema.py, ScalarType."""
FORWARD = {f"conv{rank}d" for rank in (1, 2, 3)}
TRANSPOSED = {"conv_transpose1d": 1, "conv_transpose2d": 2, "conv_transpose3d": 3}
MOST_DEPTH = 20


def capture_exported(path: Path, wanted: Wanted) -> Captured:
    """Every convolution of the program, at the shapes that it was exported with. Unreadable where it is none."""
    found = Captured()
    if wanted.shapes:
        found.notes.append("--input-shape does not change an exported program: its shapes are those of its example")
    with archive.opened(path, "program of torch.export") as zipped:
        names = [name for name in zipped.namelist() if _is_program(name)]
        if not names:
            raise Unreadable(f"{path}: found no models/*.json in it, accepted a file that torch.export.save wrote")
        for name in names:
            program = archive.parsed(archive.text_of(zipped, name, path), path, name)
            try:
                _Program(program, zipped, name, found, wanted.weights).graph()
            except (KeyError, TypeError, IndexError, AttributeError) as error:
                raise Unreadable(
                    f"{path}: {name} is no program that convt can read: {type(error).__name__} {error}"
                ) from None
    return found


def _is_program(name: str) -> bool:
    """Whether a member of the archive is a graph: today's name, or the one of PyTorch 2.1 to 2.6."""
    parts = PurePosixPath(name).parts
    return parts[-1] == "serialized_exported_program.json" or (parts[-2:-1] == ("models",) and name.endswith(".json"))


class _Program:
    def __init__(
        self, program: Mapping[str, Any], zipped: zipfile.ZipFile, member: str, found: Captured, weights: bool
    ) -> None:
        self._module = program["graph_module"]
        self._zipped, self._member, self._found, self._keep = zipped, member, found, weights
        self._parameters = {
            entry[kind]["arg"]["name"]: entry[kind].get("parameter_name") or entry[kind].get("buffer_name")
            for entry in self._module.get("signature", {}).get("input_specs", ())
            for kind in ("parameter", "buffer") if kind in entry
        }  # fmt: skip
        self._files = self._weight_files() if weights else {}

    def graph(self) -> None:
        self._graph(self._module["graph"], 0)

    def _graph(self, graph: Mapping[str, Any], depth: int) -> None:
        tensors = graph["tensor_values"]
        for node in graph["nodes"]:
            target = str(node["target"])
            word = target.removeprefix("torch.ops.aten.").partition(".")[0]
            said = {it["name"]: it["arg"] for it in node["inputs"]}
            if word in FORWARD | {"convolution", *TRANSPOSED} and target.startswith("torch.ops.aten."):
                self._see(node, word, target, said, tensors)
            elif "conv" in word and "convert" not in word and "backward" not in word:
                self._found.left.append(LeftOut(_name(node), f"{target} is an operator that convt has no settings for"))
            for arg in said.values():
                if "as_graph" in arg and depth < MOST_DEPTH:
                    self._graph(arg["as_graph"]["graph"], depth + 1)

    def _see(self, node: Any, word: str, target: str, said: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        try:
            x, w = (tensors[said[key]["as_tensor"]["name"]] for key in ("input", "weight"))
            bias = "as_tensor" in said.get("bias", {})
            it = _settings(word, said, _sizes(x), _sizes(w), bias)
            weights = self._weights(said, it) if self._keep else None
            self._found.seen.append(Seen(_name(node), it, DTYPES.get(x["dtype"], "float32"), _is_last(x), weights))
        except NotACase as error:
            self._found.left.append(LeftOut(_name(node), str(error)))

    def _weight_files(self) -> dict[str, tuple[str, int, list[int]]]:
        """By a parameter's name the member with its bytes, its dtype and shape."""
        folder = self._member.rpartition("models/")[0]
        configs = [
            name for name in self._zipped.namelist()
            if name.startswith(f"{folder}data/weights/") and name.endswith("config.json")
        ]  # fmt: skip
        found = {}
        for name in configs:
            config = archive.parsed(archive.text_of(self._zipped, name, Path(name)), Path(name), name).get("config", {})
            for key, entry in config.items():
                meta = entry.get("tensor_meta") or {}
                if entry.get("use_pickle") or not meta:
                    continue
                shape = [size["as_int"] for size in meta["sizes"]]
                found[key] = (f"{folder}data/weights/{entry['path_name']}", meta["dtype"], shape)
        return found

    def _weights(self, said: Mapping[str, Any], it: Settings) -> Weights | None:
        arrays = [self._array(said.get(key)) for key in ("weight", "bias")]
        w, b = arrays
        return None if w is None or w.shape != it.w_shape or (it.bias and b is None) else (w, b)

    def _array(self, arg: Any) -> np.ndarray | None:
        name = self._parameters.get((arg or {}).get("as_tensor", {}).get("name"))
        member, dtype, shape = self._files.get(name or "", ("", 0, []))
        if DTYPES.get(dtype) not in ("float32", "float64", "float16") or member not in self._zipped.namelist():
            return None
        raw = archive.text_of(self._zipped, member, Path(member))
        kind = np.dtype(DTYPES[dtype]).newbyteorder("<")
        return np.frombuffer(raw, kind).reshape(shape) if len(raw) == prod(shape) * kind.itemsize else None


def _sizes(tensor: Mapping[str, Any]) -> list[int]:
    """The extents; NotACase where one is a symbol."""
    sizes = [size.get("as_int", size.get("as_expr", {}).get("hint", {}).get("as_int")) for size in tensor["sizes"]]
    if None in sizes:
        raise NotACase("its extents are unknown: the program was exported with symbols for them")
    return [int(size) for size in sizes]


def _is_last(tensor: Mapping[str, Any]) -> bool:
    """Whether channels lie next to each other and a row's positions do not."""
    strides, sizes = ([it.get("as_int", 0) for it in tensor.get(key, ())] for key in ("strides", "sizes"))
    return len(strides) > 3 and sizes[1] > 1 and strides[1] == 1 and max(sizes[2:]) > 1


def _settings(word: str, said: Mapping[str, Any], x: list[int], w: list[int], bias: bool) -> Settings:
    rank = len(w) - 2
    if len(x) == rank + 1:
        x = [1, *x]  # without a batch axis

    def ints(key: str, default: int) -> list[int]:
        values = said.get(key, {}).get("as_ints") or []
        return list(values) * rank if len(values) == 1 else list(values) or [default] * rank

    groups = said.get("groups", {}).get("as_int", 1)
    stride, dilation = ints("stride", 1), ints("dilation", 1)
    if "as_string" in said.get("padding", {}):
        return settings(
            op="conv", batch=x[0], input=x[2:], kernel=w[2:], channels_in=x[1], channels_out=w[0], groups=groups,
            bias=bias, stride=stride, dilation=dilation, padding=said["padding"]["as_string"],
        )  # fmt: skip
    transposed = word in TRANSPOSED or bool(said.get("transposed", {}).get("as_bool"))
    return torch_call(x, w, bias, stride, ints("padding", 0), dilation, transposed, ints("output_padding", 0), groups)


def _name(node: Mapping[str, Any]) -> str:
    """The layer's name in the module that was exported, or the node's."""
    stack = str((node.get("metadata") or {}).get("nn_module_stack") or "")
    path = stack.split(";")[-1].split(",")[1] if stack.count(",") >= 2 else ""
    outputs = node.get("outputs") or [{}]
    return path.strip("'\" ").removeprefix("L['self'].") or outputs[0].get("as_tensor", {}).get("name") or "conv"
