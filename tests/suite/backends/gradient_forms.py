"""What gradients are: closed forms in the oracles, for the tests of the adapters.

For A(x, w) bilinear, without bias: grad-x is the adjoint of x -> A(x, w) at g, grad-w that of w -> A(x, w). Both are
computed from the dense matrix of these linear maps, which is built column by column with the oracle `scatter`.
"""

from __future__ import annotations

import numpy as np

from convt.adapter.backend import GRADIENTS, Backend, Outcome, Probe, Want
from convt.adapter.form import Form
from convt.conv.data import Arrays, exact
from convt.conv.oracles import scatter
from convt.conv.settings import Settings


def wants(it: Settings) -> tuple[Want, ...]:
    """The gradients that there are for these settings."""
    return tuple(want for want in GRADIENTS if it.bias or not want.endswith("-b"))


def probe_for(it: Settings, want: Want, seed: int = 0, call_form: int = 0, arrays: Arrays | None = None) -> Probe:
    """A probe of integers with what the want needs: g like y; t like x, or like w."""
    data = arrays or exact(it, seed)
    generator = np.random.default_rng([seed, 7])

    def drawn(shape: tuple[int, ...]) -> np.ndarray:
        return generator.integers(-3, 4, shape).astype(data.x.dtype)

    g, along_x, along_w = drawn(it.y_shape), drawn(it.x_shape), drawn(it.w_shape)
    t = along_x if want in ("grad-xw", "jvp-x") else along_w
    nested = want in ("grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x")
    return Probe(
        it, data.x, data.w, data.b, want, call_form, g=None if want.startswith("jvp-x") or want == "jvp-w" else g,
        t=t if nested else None,
    )  # fmt: skip


def closed_form(probe: Probe) -> np.ndarray:
    """What the want asks for, in float64; exact on small integers."""
    it, x, w, g, t = probe.settings, probe.x, probe.w, probe.g, probe.t
    if probe.want in ("grad-b", "only-b"):
        assert g is not None
        return np.asarray(g, np.float64).sum((0, *range(2, 2 + it.rank)))
    if probe.want in ("jvp-x", "jvp-w"):
        assert t is not None
        return scatter(it, t, w) if probe.want == "jvp-x" else scatter(it, x, t)
    assert g is not None
    if probe.want in ("grad-x", "only-x"):
        return adjoint_x(it, w, g)
    if probe.want in ("grad-w", "only-w"):
        return adjoint_w(it, x, g)
    assert t is not None
    return adjoint_w(it, t, g) if probe.want == "grad-xw" else adjoint_x(it, t, g)


def adjoint_x(it: Settings, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The x-like array whose inner product with any x is that of g with A(x, w); item by item."""
    one = it.replace(batch=int(np.prod(it.x_shape[1:])))
    units = np.eye(one.batch).reshape(one.x_shape)
    rows = int(np.prod(it.y_shape[1:]))
    matrix = scatter(one, units, w).reshape(one.batch, rows)
    return (np.asarray(g, np.float64).reshape(it.batch, rows) @ matrix.T).reshape(it.x_shape)


def adjoint_w(it: Settings, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The w-like array whose inner product with any w is that of g with A(x, w)."""
    count, g = int(np.prod(it.w_shape)), np.asarray(g, np.float64)
    answer = np.empty(count)
    for index in range(count):
        unit = np.zeros(count)
        unit[index] = 1
        answer[index] = (scatter(it, x, unit.reshape(it.w_shape)) * g).sum()
    return answer.reshape(it.w_shape)


def is_gradient(probe: Probe, outcome: Outcome) -> bool:
    """Whether the outcome has the closed form's numbers, in the dtype of x."""
    expected, value = closed_form(probe), outcome.value
    return (
        value is not None
        and value.dtype == probe.x.dtype
        and value.shape == expected.shape
        and np.array_equal(value.astype(np.float64), expected)
    )


def script_answer(adapter: Backend, probe: Probe) -> np.ndarray:
    """`y` of the adapter's script for a probe, given the probe's own arrays."""
    text = adapter.script_of(Form.of(probe), probe.prepared).text
    scope = {"np": np} | dict(zip("xwbgt", probe.arrays, strict=True))
    exec(f"{adapter.script_imports}\n{text}", scope)  # noqa: S102  (our own, as a person pastes it)
    return np.asarray(scope["y"])


def same_bits(value: np.ndarray | None, other: np.ndarray) -> bool:
    """Whether both are one array, bit for bit."""
    return value is not None and Outcome("value", value).digest == Outcome("value", other).digest
