"""The convolutions of a JAX function: the `conv_general_dilated` equations of its jaxpr, inside others too.

The function is traced and not run: nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convt.capture.children.common import Answer, Refused, inputs_of

MOST_DEPTH = 100


def capture(found: Any, question: dict[str, Any]) -> Answer:
    import jax

    given = inputs_of(question, [])
    positional = [_array(jax, shape, dtype) for key, shape, dtype in given if key.isdigit()]
    named = {key: _array(jax, shape, dtype) for key, shape, dtype in given if not key.isdigit()}
    if not callable(found):
        raise Refused(f"{question['target']} is a {type(found).__name__}; accepted a function of arrays")
    jaxpr = jax.make_jaxpr(found)(*positional, **named)
    answer = Answer()
    answer.more["trains"] = True
    for equation, path in _equations(jaxpr.jaxpr, ""):
        _see(answer, equation, path)
    if question["weights"]:
        answer.notes.append("no weights are kept: a jaxpr has none that belong to a layer")
    return answer


def _array(jax: Any, shape: list[int], dtype: str) -> Any:
    return jax.ShapeDtypeStruct(tuple(shape), jax.numpy.dtype(dtype))


def _equations(jaxpr: Any, path: str, depth: int = 0) -> Iterator[tuple[Any, str]]:
    """Every convolution of a jaxpr and of those in its equations' parameters."""
    if depth > MOST_DEPTH:
        raise Refused(f"found jaxprs inside jaxprs {MOST_DEPTH} deep, accepted fewer")
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation, path
        inside = str(equation.params.get("name") or "")
        where = f"{path}/{inside}" if inside and not inside.startswith("<") else path
        for value in equation.params.values():
            for held in value if isinstance(value, (list, tuple)) else (value,):
                inner = getattr(held, "jaxpr", held)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner, where, depth + 1)


def _see(answer: Answer, equation: Any, path: str) -> None:
    said, (x, w) = equation.params, (variable.aval for variable in equation.invars[:2])
    lhs, rhs, _ = said["dimension_numbers"]
    stack = str(getattr(equation.source_info, "name_stack", "") or "")
    name = "/".join(part for part in (path.strip("/"), stack) if part) or "conv"
    answer.call(
        f"{name}-{len(answer.calls)}", "xla",
        {
            "x": [x.shape[axis] for axis in lhs], "w": [w.shape[axis] for axis in rhs],
            "strides": list(said["window_strides"]), "padding": [list(pair) for pair in said["padding"]],
            "lhs_dilation": list(said["lhs_dilation"]), "rhs_dilation": list(said["rhs_dilation"]),
            "feature_group_count": int(said["feature_group_count"]),
            "batch_group_count": int(said["batch_group_count"]), "dtype": str(x.dtype),
        },
    )  # fmt: skip
