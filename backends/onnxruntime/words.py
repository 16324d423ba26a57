"""How ONNX's users write a convolution: a node with its attributes, by `onnx.helper.make_node` or as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from convt.conv.settings import Settings, Sizes, effective_kernel
from convt.translation.dialect import Dialect, Spoken, Unsayable
from convt.translation.kernels import TAPS, KernelLayout, own_layout
from convt.translation.layer import Layer, LayerError
from convt.translation.notes import border
from convt.translation.parsing import shape_of
from convt.translation.said import Plan, Said
from convt.translation.signatures import REQUIRED, Signature, each, number, word

from .models import TAKES
from .nodes import KEYWORD, attributes, is_default, operator

NODE = "onnx.node"
MAKE = "onnx.helper.make_node"
_BOTH = {"auto_pad": "NOTSET", "dilations": None, "group": 1, "kernel_shape": None, "pads": None, "strides": None}
_SIZES = {"output_padding": None, "output_shape": None}
_INPUTS = {"x": None, "w": None, "b": None}
FORMS = {
    "onnx.ConvTranspose": Signature({}, {**_INPUTS, **_BOTH, **_SIZES}, frozenset(_INPUTS)),
    "onnx.Conv": Signature({}, {**_INPUTS, **_BOTH}, frozenset(_INPUTS)),
    MAKE: Signature(
        {"op_type": REQUIRED, "inputs": REQUIRED, "outputs": REQUIRED, "name": None, "doc_string": None,
         "domain": None, "overload": None},
        {**_BOTH, **_SIZES}, frozenset({"outputs", "name", "doc_string", "domain", "overload"}),
    ),
}  # fmt: skip
IMPORTS = ("import numpy as np", "import onnx", "import onnxruntime")
OPERATORS = ("ConvTranspose", "Conv")
SHORT = (
    "the stride is larger than the kernel: ONNX Runtime gives (n-1)s + d(k-1)+1 positions, fewer than the n s that "
    "ONNX promises"
)
UNDILATED = "ONNX Runtime refuses SAME_UPPER and SAME_LOWER beside dilations of a Conv"


class Onnx(Dialect):
    name = "onnx"
    title = "ONNX"
    kinds = (NODE,)
    forms = FORMS
    aliases: ClassVar[Mapping[str, str]] = {each: f"onnx.{each}" for each in OPERATORS}
    also = ("onnxruntime",)

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        kind, arrays, bias = _parts(form, given)
        transposed = kind == "ConvTranspose"
        group = number("group", given["group"])
        w = None if arrays["w"] is None else shape_of("w", arrays["w"])
        kernel = _kernel(given["kernel_shape"], w)
        rank = len(kernel)
        said: dict[str, Any] = {"op": "conv_transpose" if transposed else "conv", "kernel": kernel, "groups": group}
        said |= {"bias": bias, "stride": _each(given, "strides", rank), "dilation": _each(given, "dilations", rank)}
        if w is not None:
            first, second = w[:2]
            ins, outs = (first, second * group) if transposed else (second * group, first)
            said |= {"channels_in": ins, "channels_out": outs}
        x = None if arrays["x"] is None else shape_of("x", arrays["x"])
        if x is not None:
            said |= _input(x, rank, said.get("channels_in"))
        crop, notes = (_transposed if transposed else _forward)(given, said)
        notes += border("auto_pad='SAME_UPPER'", said | crop)
        return Spoken(Layer(**said, **crop), f"onnx.{kind}", _layout(transposed, rank), False, tuple(notes))

    def say(self, it: Settings, kind: str) -> Said:
        said = {key: value for key, value in attributes(_sayable(it), KEYWORD).items() if not is_default(key, value)}
        if it.transposed:
            for axis, (extra, stride) in enumerate(zip(it.extra, it.stride, strict=True)):
                if extra >= stride:
                    raise Unsayable(
                        f"ONNX Runtime takes an output_padding below the stride; it is {extra} on axis {axis}"
                    )
        inputs = ["x", "w", "b"] if it.bias else ["x", "w"]
        node = _node(operator(it), inputs, "y", said)
        shaped = f"{operator(it)}(x=x, w=kernel{', b=bias' if it.bias else ''}{_named(said)})"
        return Said(f"onnx.{operator(it)}", node, own_layout(it), False, IMPORTS, "arrays", shaped=shaped)

    def program(self, it: Settings, plan: Plan, said: Said) -> str:
        """Lines that make the model, run it, and leave the result in `y`."""
        if plan.groups > 1 or plan.before:
            raise ValueError(f"a node takes groups and any pads, and nothing is done for them around it: {plan}")
        steps: list[tuple[str, list[str]]] = []
        constants: dict[str, list[int]] = {}
        if plan.begins is not None:
            kept = [out - more for out, more in zip(it.output, plan.after or (0,) * it.rank, strict=True)]
            constants |= {"begins": list(plan.begins), "axes": list(range(2, it.rank + 2))}
            constants["ends"] = [lo + size for lo, size in zip(plan.begins, kept, strict=True)]
            steps.append(("Slice", ["begins", "ends", "axes"]))
        if plan.after is not None:
            constants["pads"] = [0] * (it.rank + 2) + [0, 0, *plan.after]
            steps.append(("Pad", ["pads"]))
        if plan.bias_last:
            steps.append(("Add", ["b"]))
        results = [f"y{step}" for step in range(len(steps))] + ["y"]
        nodes = [said.call.replace('["y"]', f'["{results[0]}"]')]
        nodes += [
            _node(kind, [source, *inputs], result)
            for (kind, inputs), source, result in zip(steps, results, results[1:], strict=False)
        ]
        return _program(it, plan, nodes, constants)

    def meaning(self, it: Settings) -> tuple[str, ...]:
        return ("a node does not say how many channels there are: its weights do",)


def _program(it: Settings, plan: Plan, nodes: Sequence[str], constants: Mapping[str, list[int]]) -> str:
    opset, ir = TAKES[min(TAKES)]  # taken by every release since
    lines = [*IMPORTS, f"{'kernel, bias' if plan.inner.bias else 'kernel,'} = state"]
    weights = ['"w": kernel']
    if plan.bias_last:
        weights.append(f'"b": bias.reshape({", ".join(["1", "-1", *["1"] * it.rank])})')
    elif plan.inner.bias:
        weights.append('"b": bias')
    lines.append(f"constants = {{{', '.join(weights)}}}")
    lines += [f'constants["{name}"] = np.array({value}, np.int64)' for name, value in constants.items()]
    lines += ["nodes = [", *(f"    {node}," for node in nodes), "]"]
    lines += [
        "dtype = onnx.helper.np_dtype_to_tensor_dtype(x.dtype)",
        "graph = onnx.helper.make_graph(",
        "    nodes,",
        '    "layer",',
        '    [onnx.helper.make_tensor_value_info("x", dtype, x.shape)],',
        '    [onnx.helper.make_tensor_value_info("y", dtype, None)],',
        "    [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],",
        ")",
        f'opsets = [onnx.helper.make_opsetid("", {opset})]',
        f"model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version={ir})",
        'session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])',
        'y = session.run(None, {"x": x})[0]',
    ]
    used = [line for line in lines if line != IMPORTS[0] or constants]
    return "\n".join(used) + "\n"


def _node(kind: str, inputs: Sequence[str], output: str, said: Mapping[str, Any] | None = None) -> str:
    listed = ", ".join(f'"{each}"' for each in inputs)
    return f'onnx.helper.make_node("{kind}", [{listed}], ["{output}"]{_named(said or {})})'


def _named(said: Mapping[str, Any]) -> str:
    return "".join(f", {key}={_plain(value)!r}" for key, value in said.items())


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _sayable(it: Settings) -> Settings:
    """The settings with a keyword only where it says more than pads: a strided `same`, whose pads go by the input.

    Beside dilations ONNX Runtime refuses it, and where the stride exceeds the kernel it can begin too late.
    """
    by_input = not it.transposed and it.padding == "same" and max(it.stride) > 1 and max(it.dilation) == 1
    return it if by_input and all(s <= k for s, k in zip(it.stride, it.kernel, strict=True)) else it.explicit()


def _layout(transposed: bool, rank: int) -> KernelLayout:
    space = TAPS[3 - rank :]
    return KernelLayout(f"IO{space}", "I") if transposed else KernelLayout(f"OI{space}", "O")


def _parts(form: str, given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], bool]:
    """The operator, the shapes of x and w where they are written, and whether there is a bias."""
    if form != MAKE:
        return form.removeprefix("onnx."), given, given["b"] is not None
    kind, inputs = given["op_type"], given["inputs"]
    if kind not in OPERATORS:
        raise LayerError(f"op_type: found {kind!r}, accepted {' or '.join(map(repr, OPERATORS))}")
    if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
        raise LayerError(f"inputs: found {getattr(inputs, 'text', inputs)}, accepted the names of x and w, and perhaps "
                         'of the bias, such as ["x", "w"]')  # fmt: skip
    sized = [name for name in _SIZES if given[name] is not None]
    if kind == "Conv" and sized:
        raise LayerError(f"Conv has no attribute {' and '.join(sized)}; ConvTranspose has")
    return kind, {"x": None, "w": None}, len(inputs) == 3 and inputs[2] != ""


def _kernel(kernel_shape: Any, w: Sequence[int] | None) -> Sizes:
    """The kernel's extents, as the attribute or the weight's shape says them."""
    if w is not None and not 3 <= len(w) <= 5:
        raise LayerError(f"w: found {len(w)} axes, accepted 3 to 5, such as (1, 3, 3, 3)")
    if kernel_shape is None:
        if w is None:
            raise LayerError("kernel_shape: found none, accepted one, such as kernel_shape=[3, 3], or the weight's "
                             "shape beside the attributes: ConvTranspose(w=(1, 3, 3, 3), ...)")  # fmt: skip
        return tuple(w[2:])
    if not isinstance(kernel_shape, (list, tuple)) or not 1 <= len(kernel_shape) <= 3:
        raise LayerError(f"kernel_shape: found {kernel_shape!r}, accepted a list of 1 to 3 numbers, one an axis")
    kernel = each("kernel_shape", kernel_shape, len(kernel_shape))
    if w is not None and kernel != tuple(w[2:]):
        raise LayerError(f"kernel_shape: found {list(kernel)}, and the weight's shape {tuple(w)} says {list(w[2:])}")
    return kernel


def _each(given: Mapping[str, Any], name: str, rank: int) -> Sizes:
    return (1,) * rank if given[name] is None else each(name, given[name], rank)


def _input(x: Sequence[int], rank: int, channels: int | None) -> dict[str, Any]:
    if len(x) != rank + 2:
        raise LayerError(f"x: found {len(x)} axes, accepted {rank + 2}: items, channels and {rank} extents")
    if channels not in (None, x[1]):
        raise LayerError(f"x: found {x[1]} channels, and the weight takes {channels}")
    return {"batch": x[0], "channels_in": x[1], "input": tuple(x[2:])}


def _pads(given: Mapping[str, Any], rank: int) -> Any:
    """One pair an axis of the list that has all beginnings first."""
    if given["pads"] is None:
        return ((0, 0),) * rank
    listed = each("pads", given["pads"], 2 * rank, floor=0)
    return tuple(zip(listed[:rank], listed[rank:], strict=True))


def _auto_pad(given: Mapping[str, Any]) -> str:
    """The word for the padding; LayerError where pads stand beside one."""
    how = word("auto_pad", given["auto_pad"], ("notset", "valid", "same_upper", "same_lower"))
    if given["auto_pad"] != how.upper():
        raise LayerError(f"auto_pad: found {given['auto_pad']!r}, accepted {how.upper()!r}, in capitals")
    if how != "notset" and given["pads"] is not None:
        raise LayerError(f"pads: found {given['pads']} beside auto_pad={how.upper()!r}, accepted one of the two")
    return how


def _forward(given: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The padding of a Conv, and what is to be noted of it."""
    how = _auto_pad(given)
    if how in ("notset", "valid"):
        return {"padding": _pads(given, len(said["kernel"]))}, []
    notes = [UNDILATED] if max(said["dilation"]) > 1 else []
    return {"padding": "same", "halves": "larger first" if how == "same_lower" else None}, notes


def _transposed(given: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The crop of a ConvTranspose, and what is to be noted of it."""
    rank, how = len(said["kernel"]), _auto_pad(given)
    more = None if given["output_padding"] is None else each("output_padding", given["output_padding"], rank, floor=0)
    crop: dict[str, Any] = {"output_padding": more if more and any(more) else None}
    size, notes = given["output_shape"], []
    if size is None and how in ("notset", "valid"):
        return crop | {"padding": _pads(given, rank)}, []
    crop |= {"padding": "same", "halves": "smaller first" if how == "same_upper" else "larger first"}
    if size is not None:
        crop["output_size"] = each("output_shape", size, rank, floor=0)
        if given["pads"] is not None:
            notes.append("output_shape decides, and pads counts for nothing")
    elif any(
        s > effective_kernel(k, d) for k, s, d in zip(said["kernel"], said["stride"], said["dilation"], strict=True)
    ):
        notes.append(SHORT)
    if how != "same_upper":
        which = "output_shape" if size is not None else how.upper()
        notes.append(f"of an odd crop {which} takes the larger half at the beginning; 'same' of TensorFlow, Keras and "
                     "JAX takes it at the end")  # fmt: skip
    if size is None and how == "same_upper" and not crop["output_padding"]:
        return {"padding": "same"}, notes
    return crop, notes
