"""What is promised of an answer: its dtype, in what its sums are accumulated, and which convention a gradient follows.

One table, by dtype and what is wanted; it holds in every mode, since a mode is another way to run the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Promise(NamedTuple):
    """What is promised for some dtypes and wants."""

    dtypes: tuple[str, ...]
    wants: str
    """In words: the wants that it is about."""
    result: str
    """In words: the dtype of the answer."""
    accumulation: str
    """The dtype in which products are summed."""
    source: str


PROMISES: tuple[Promise, ...] = (
    Promise(
        ("float32", "float64"), "value and every derivative", "that of the arrays", "that of the arrays",
        "IEEE 754 binary32 and binary64; each framework's documentation of its default precision on a CPU",
    ),
    Promise(
        ("float16", "bfloat16"), "value and every derivative", "that of the arrays, rounded once",
        "float32",
        "oneDNN, 'Data Types': bf16 and f16 accumulate in f32; docs.pytorch.org, 'Numerical accuracy'",
    ),
    Promise(
        ("float16", "bfloat16"), "value with a bias", "that of the arrays, rounded before the bias and after it",
        "float32",
        "tf.nn.bias_add, jax.lax and keras.ops.add: the bias is an op of its own",
    ),
    Promise(
        ("complex64", "complex128"), "value and forward mode", "that of the arrays", "the parts' dtype",
        "section 5: a complex product is four real ones",
    ),
    Promise(
        ("complex64", "complex128"), "first-order gradients", "that of the arrays", "the parts' dtype",
        "docs.pytorch.org/docs/stable/notes/autograd.html and tf.GradientTape: the conjugate; jax.vjp: no conjugate",
    ),
    Promise(
        ("int8", "uint8", "int32", "int64"), "value", "that of the arrays", "that of the arrays",
        "numpy's array API: the dtype of the result is that of the arguments",
    ),
    Promise(
        ("float16", "bfloat16"), "value under mixed precision", "the narrow dtype", "float32",
        "torch.autocast; keras.dtype_policies: layers compute in the narrow dtype",
    ),
)  # fmt: skip
CONJUGATES = ("pytorch", "tensorflow", "keras-torch", "keras-tensorflow")
"""Backends whose gradient by a complex array is that of the conjugate. JAX pulls cotangents back without one."""
REVERSE = ("grad-x", "grad-w", "only-x", "only-w")


def conjugates(backend: str, want: str, dtype: str) -> bool:
    """Whether a gradient is due in terms of the conjugate of what is not differentiated."""
    return dtype.startswith("complex") and want in REVERSE and backend in CONJUGATES


def table(promises: Sequence[Promise] = PROMISES) -> list[str]:
    """The promises as lines of a Markdown table."""
    lines = ["| dtype | of | answer | sums | source |", "|---|---|---|---|---|"]
    return lines + [
        f"| {', '.join(p.dtypes)} | {p.wants} | {p.result} | {p.accumulation} | {p.source} |" for p in promises
    ]
