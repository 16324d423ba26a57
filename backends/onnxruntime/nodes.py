"""How an ONNX node says settings: the attributes of `ConvTranspose` and `Conv`, in each call form.

Both sides of a target use this: the host makes the model of it, the target's process says what no node can. Source: the
operators' documentation (onnx.ai/onnx/operators, since opset 11). There a transposed node crops, per axis,

    pads                    what they say
    output_shape            total = (n-1)s + e + output_padding - output_shape, in halves
    auto_pad SAME_*         the same total with output_shape = n s, in halves; VALID: nothing
    halves                  SAME_UPPER: the smaller half first; everything else: the larger one
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convt.adapter.backend import Unsupported
from convt.conv.settings import Settings, forward_same_padding, forward_size

KEYWORD, PADS, AUTO_PAD, OUTPUT_SHAPE, INPUTS, SYMBOLIC = range(6)
CALL_FORMS = (
    "auto_pad where the settings have a keyword, else pads",
    "pads, and no attribute that has its default",
    "auto_pad wherever one says the crop",
    "output_shape",
    "weights as inputs of the graph",
    "symbolic extents, the operator of opset 11",
)
UNDILATED = "Dilation not supported for AutoPadType::SAME_UPPER or AutoPadType::SAME_LOWER"
"""ONNX Runtime's words for a forward node; `pads` say the same, which is another call form."""
WORDS = ("VALID", "SAME_LOWER", "SAME_UPPER")


def operator(it: Settings) -> str:
    """The node's type."""
    return "ConvTranspose" if it.transposed else "Conv"


def attributes(it: Settings, call_form: int) -> dict[str, Any]:
    """The node's attributes; where none say the settings, those that come nearest (`cannot_say` tells)."""
    said: dict[str, Any] = {
        "kernel_shape": it.kernel, "strides": it.stride, "dilations": it.dilation, "group": it.groups,
    }  # fmt: skip
    word = _word(it, call_form)
    if word:
        said["auto_pad"] = word
    if it.transposed and not (word == "SAME_UPPER" and _by_keyword(call_form)):  # which promises n s by itself
        said["output_padding"] = it.extra
    if call_form == OUTPUT_SHAPE or _is_sized(it, call_form):
        said["output_shape"] = it.output
    elif not word:
        said["pads"] = tuple(pair[side] for side in (0, 1) for pair in it.crop)
    if call_form == PADS:
        del said["kernel_shape"]
        return {name: value for name, value in said.items() if not is_default(name, value)}
    return said


ARGUMENTS = {
    "stride": "strides",
    "dilation": "dilations",
    "groups": "group",
    "kernel_size": "kernel_shape",
    "output_padding": "output_padding",
    "output_size": "output_shape",
}


def raw_attributes(it: Settings, call_form: int, invalid: Mapping[str, Any]) -> dict[str, Any]:
    """The same with raw values for some of the settings; Unsupported where the node has no attribute for one."""
    said = attributes(it, call_form)
    for setting, value in invalid.items():
        if setting == "padding":
            said = {name: kept for name, kept in said.items() if name not in ("pads", "auto_pad")}
            said["auto_pad" if isinstance(value, str) else "pads"] = _begins_and_ends(value)
        elif setting in ARGUMENTS and (it.transposed or setting not in ("output_padding", "output_size")):
            said[ARGUMENTS[setting]] = value
        else:
            raise Unsupported(f"{operator(it)} has no attribute for {setting}")
    return said


def _begins_and_ends(pads: Any) -> Any:
    """One (lo, hi) pair an axis as ONNX orders them, all beginnings first; everything else as it is."""
    is_pairs = isinstance(pads, list) and pads and all(isinstance(pair, list) and len(pair) == 2 for pair in pads)
    return [pair[side] for side in (0, 1) for pair in pads] if is_pairs else pads


def cannot_say(it: Settings, call_form: int) -> str | None:
    """Why no attributes say these settings in this call form, or None where some do."""
    if call_form == OUTPUT_SHAPE:
        if not it.transposed:
            return "Conv has no attribute output_shape"
        if not any(_halves(it, axis_word) for axis_word in ("", "SAME_UPPER")):
            return f"output_shape crops halves, the odd position on the same side of every axis; {it.crop} are none"
    if call_form == AUTO_PAD and not any(_says(it, word) for word in WORDS):
        if any(_says(it, word, dilated=True) for word in WORDS):
            return UNDILATED
        return f"no auto_pad gives {it.output} and crops {it.crop}"
    if not it.transposed and max(it.dilation) > 1 and _word(it, call_form).startswith("SAME"):
        return UNDILATED
    return None


def as_text(it: Settings, call_form: int, invalid: Mapping[str, Any] | None = None) -> str:
    """The node's type and attributes, as people write them: `ConvTranspose, strides=[2]`."""
    said = (attributes(it, call_form) if invalid is None else raw_attributes(it, call_form, invalid)).items()
    return ", ".join([operator(it), *(f"{name}={_plain(value)!r}" for name, value in sorted(said))])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def is_default(name: str, value: Any) -> bool:
    """Whether ONNX takes this for an attribute that is not there."""
    default = {"strides": 1, "dilations": 1, "group": 1, "output_padding": 0, "pads": 0}.get(name)
    return default is not None and set(value if isinstance(value, tuple) else (value,)) == {default}


def _word(it: Settings, call_form: int) -> str:
    """The value of auto_pad; empty where there is none."""
    if call_form == PADS:
        return ""
    if call_form == AUTO_PAD:
        return next((word for word in WORDS if _says(it, word)), WORDS[-1])
    if call_form == OUTPUT_SHAPE:
        return "" if _halves(it, "") else "SAME_UPPER"
    return {"same": "SAME_UPPER", "valid": "VALID"}.get(str(it.padding), "")


def _by_keyword(call_form: int) -> bool:
    """Whether the call form takes the settings' own keyword for auto_pad."""
    return call_form in (KEYWORD, INPUTS, SYMBOLIC)


def _is_sized(it: Settings, call_form: int) -> bool:
    """Whether SAME is given a size of its own."""
    return it.padding == "same" and it.output_size is not None and _by_keyword(call_form)


def _halves(it: Settings, word: str) -> bool:
    """Whether each axis's crop is in the halves that the word means; of no items it makes no difference."""
    return it.batch == 0 or all(lo == _first_half(lo + hi, word) for lo, hi in it.crop)


def _first_half(total: int, word: str) -> int:
    return total // 2 if word == "SAME_UPPER" else total - total // 2


def _says(it: Settings, word: str, dilated: bool = False) -> bool:
    """Whether a word means the settings' output and crop on every axis; `dilated`: of what ONNX Runtime refuses too."""
    if not it.transposed and max(it.dilation) > 1 and word != "VALID" and not dilated:
        return False
    return all((_says_transposed if it.transposed else _says_forward)(it, word, axis) for axis in range(it.rank))


def _says_transposed(it: Settings, word: str, axis: int) -> bool:
    lo, hi = it.crop[axis]
    if word == "VALID":
        return lo == hi == 0
    halved = it.batch == 0 or lo == _first_half(lo + hi, word)
    return halved and it.output[axis] == it.input[axis] * it.stride[axis]


def _says_forward(it: Settings, word: str, axis: int) -> bool:
    """What lies beyond the last stride does not matter."""
    n, k, s, d, out = it.input[axis], it.kernel[axis], it.stride[axis], it.dilation[axis], it.output[axis]
    first, gives = 0, forward_size(n, k, s, d)
    if word != "VALID":
        first, gives = _first_half(sum(forward_same_padding(n, k, s, d)), word), -(-n // s)
    return gives == out and (it.batch == 0 or it.crop[axis][0] == first)
