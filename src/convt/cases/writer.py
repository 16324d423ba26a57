"""A case as the lines of YAML that name it in a spec file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convt.cases.asked import Asked
from convt.cases.case import Case


def as_yaml(case: Case, case_id: str = "found") -> str:
    """The lines that make a case a named one in a spec file, from `  - id:` on; `case_id` is the name to give it."""
    it, arrays = case.settings, case.literal
    fields: dict[str, str] = {"id": case_id}
    if it.op != "conv_transpose":
        fields["op"] = it.op
    fields["input"] = _array(it.x_shape, arrays.x) if arrays else _sizes(it.input)
    fields["kernel"] = _array(it.w_shape, arrays.w) if arrays else _sizes(it.kernel)
    if it.batch != 1 and not arrays:
        fields["batch"] = str(it.batch)
    if (it.channels_in, it.channels_out) != (1, 1) and not arrays:
        fields["channels"] = _sizes((it.channels_in, it.channels_out))
    if it.groups != 1:
        fields["groups"] = str(it.groups)
    if it.bias:
        fields["bias"] = _numbers(arrays.b) if arrays and arrays.b is not None else "true"
    for name in ("stride", "dilation"):
        if set(getattr(it, name)) != {1}:
            fields[name] = _sizes(getattr(it, name))
    if isinstance(it.padding, str):
        fields["padding"] = it.padding
    elif any(map(any, it.padding)):
        fields["padding"] = f"[{', '.join(_sizes(pair) for pair in it.padding)}]"
    for name in ("output_padding", "output_size"):
        if getattr(it, name) is not None:
            fields[name] = _sizes(getattr(it, name))
    fields |= {"laws": f"[{', '.join(case.laws)}]"} if case.laws and not case.asked else {}
    fields |= {"asked": _asked(case.asked)} if case.asked else {}
    fields |= {"seed": str(case.seed)} if case.seed else {}
    fields |= {"resize": case.resize} if case.resize else {}
    first, *rest = (f"{name}: {value}" for name, value in fields.items())
    return "\n".join([f"  - {first}", *(f"    {line}" for line in rest)]) + "\n"


def _asked(asked: Asked) -> str:
    """What differs from the plain evaluation."""
    said = {name: getattr(asked, name) for name in ("want", "dtype", "call_form", "numbers")}
    plain = Asked()
    parts = [f"{name}: {value}" for name, value in said.items() if value != getattr(plain, name)]
    laid = [f"{name}: {how}" for name, how in zip("xwg", asked.memory, strict=True) if how != "contiguous"]
    parts += [f"memory: {{{', '.join(laid)}}}"] if laid else []
    return f"{{{', '.join(parts)}}}"


def _sizes(values: Sequence[int]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _array(shape: Sequence[int], array: np.ndarray) -> str:
    return f"{{shape: {_sizes(shape)}, data: {_numbers(array)}}}"


def _numbers(array: np.ndarray) -> str:
    flat = [float(value) for value in array.ravel()]
    return f"[{', '.join(str(int(value)) if value.is_integer() else repr(value) for value in flat)}]"
