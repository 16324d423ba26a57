"""PyTorch's gradients, dtypes, layouts and mixed precision against the closed forms, and its claims about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import GRADIENTS, MIXED, Backend, Layout, Outcome, Probe, Want
from convt.adapter.form import Form
from convt.conv.data import exact
from convt.conv.gradients import derivative
from convt.conv.oracles import scatter
from convt.conv.settings import Op, Settings
from convt.session.verdicts import paste
from tests.suite.backends.gradient_forms import same_bits
from tests.suite.conv.random_settings import empty_settings, random_settings

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
SECOND: tuple[Want, ...] = ("grad-xw", "grad-wx")
LAYOUTS: tuple[Layout, ...] = ("contiguous", "strided", "transposed", "broadcast", "read-only")
FLOATS = ("float16", "bfloat16", "float64", "complex64", "complex128")
INTEGERS = ("int8", "uint8", "int32", "int64")


@pytest.fixture(scope="module")
def adapter() -> Backend:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")
    from convt.content.backends.pytorch.adapter import PyTorch

    return PyTorch("eager", "cpu")


def probe(it: Settings, want: Want = "value", call_form: int = 0, dtype: str = "float32", **more: object) -> Probe:
    """Small integers in every array; positive ones where the dtype has no others."""
    data, generator = exact(it), np.random.default_rng(it.batch)
    t_shape = it.x_shape if want in ("grad-xw", "jvp-x") else it.w_shape
    g, t = (_as(generator.integers(-3, 4, shape), dtype) for shape in (it.y_shape, t_shape))
    b = None if data.b is None else _as(data.b, dtype)
    return Probe(it, _as(data.x, dtype), _as(data.w, dtype), b, want, call_form, g=g, t=t, **more)  # type: ignore[arg-type]


def _as(array: np.ndarray, dtype: str) -> np.ndarray:
    return (np.abs(array) if dtype == "uint8" else array).astype(np.dtype(dtype))


def expected(asked: Probe) -> np.ndarray:
    wide = tuple(None if array is None else np.real(array).astype(np.float64) for array in asked.arrays)
    x, w, b, _, _ = wide
    assert x is not None
    assert w is not None
    if asked.want in GRADIENTS:
        return derivative(asked.settings, asked.want, (x, w, *wide[2:]))  # type: ignore[arg-type]
    return scatter(asked.settings, x, w, b)


def is_right(asked: Probe, outcome: Outcome, dtype: str = "") -> bool:
    """Whether the numbers are exact and the dtype is the promised one."""
    value, right = outcome.value, expected(asked)
    if value is None or value.dtype.name != (dtype or asked.x.dtype.name) or value.shape != right.shape:
        return False
    return np.array_equal(value.astype(np.complex128), right.astype(value.dtype).astype(np.complex128))


def gradients(
    settings: Iterable[Settings], dtype: str = "float32", wants: Iterable[Want] = GRADIENTS
) -> Iterator[Probe]:
    for it in settings:
        for want in wants:
            if it.bias or not want.endswith("-b"):
                yield probe(it, want, call_form=it.input[0] % 3 if it.transposed else it.input[0] % 2 * 2, dtype=dtype)


def wrong(adapter: Backend, probes: Iterable[Probe]) -> tuple[list[str], int]:
    """What is answered neither rightly nor with unsupported, and how many answers were right."""
    astray, right = [], 0
    for asked in probes:
        outcome = adapter.run(asked)
        if outcome.kind == "unsupported":
            continue
        if is_right(asked, outcome):
            right += 1
        else:
            astray.append(f"{asked.want} {asked.call_form} {outcome.kind} {outcome.reason} {asked.settings}")
    return astray, right


@pytest.mark.parametrize("op", OPS)
def test_every_gradient_is_its_closed_form(adapter: Backend, op: Op) -> None:
    astray, right = wrong(adapter, gradients(random_settings(30, op, seed=11)))
    assert astray == []
    assert right > 80


@pytest.mark.parametrize("op", OPS)
def test_gradients_of_nothing_have_their_shape(adapter: Backend, op: Op) -> None:
    once = [want for want in GRADIENTS if want not in SECOND]
    astray, right = wrong(adapter, gradients(empty_settings(60, op, seed=12), wants=once))
    assert astray == []
    assert right > 10


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_dtype_of_reals_or_complex_numbers_has_its_answers(adapter: Backend, op: Op, dtype: str) -> None:
    wants: list[Want] = ["value", "grad-x", "grad-w", "grad-xw", "jvp-x", "jvp-grad-x"]
    astray, right = wrong(adapter, gradients(random_settings(10, op, seed=13), dtype, wants))
    assert astray == []
    assert right > 8


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_what_is_said_of_integers_is_so(adapter: Backend, op: Op, dtype: str) -> None:
    claimed, answered = 0, 0
    for it in [*random_settings(40, op, seed=14), *empty_settings(20, op, seed=14)]:
        if adapter.unsupported(it) is not None:
            continue
        asked = probe(it, dtype=dtype)
        outcome = adapter.run(asked)
        if outcome.kind == "unsupported":
            claimed += 1
            assert adapter.run(replace(asked, force=True)).kind == "raised", (outcome.reason, it)
        else:
            answered += 1
            assert is_right(asked, outcome), (outcome, it)
    assert answered > 3
    assert claimed > 3 or dtype == "int64"


@pytest.mark.parametrize("want", ["grad-x", "only-w", "grad-xw", "jvp-x", "jvp-grad-x"])
def test_integers_have_no_gradient(adapter: Backend, want: Want) -> None:
    it = Settings(input=(3, 2), kernel=(2, 1), op="conv")
    assert adapter.run(probe(it, want, dtype="int64")).kind == "unsupported"
    assert adapter.run(probe(it, want, dtype="int64", force=True)).kind == "raised"


@pytest.mark.parametrize("dtype", ["float64", "int64", "complex128"])
def test_kernels_other_than_onednn_refuse_an_output_of_nothing(adapter: Backend, dtype: str) -> None:
    it = Settings(input=(3,), kernel=(2,), padding=((2, 2),), batch=2)
    assert adapter.run(probe(it)).kind == "value"
    assert adapter.run(probe(it, dtype=dtype)).reason == "Output size is too small"
    assert "Output size is too small" in adapter.run(probe(it, dtype=dtype, force=True)).reason


@pytest.mark.parametrize("want", MIXED)
@pytest.mark.parametrize("op", OPS)
def test_autocast_computes_and_answers_in_the_narrow_dtype(adapter: Backend, op: Op, want: Want) -> None:
    answers = 0
    for it in random_settings(20, op, seed=15):
        asked = probe(it, want)
        outcome = adapter.run(asked)
        if outcome.kind == "unsupported":
            continue
        answers += 1
        assert is_right(asked, outcome, want.removeprefix("mixed-")), (outcome, it)
    assert answers > 5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op", OPS)
def test_memory_of_any_layout_is_read_as_it_is(adapter: Backend, op: Op, layout: Layout) -> None:
    asked = (probe(it, layout=pair) for it in random_settings(15, op, seed=16) for pair in ((layout, ""), ("", layout)))
    astray, right = wrong(adapter, asked)
    assert astray == []
    assert right > 10


def test_a_memory_format_is_what_pytorch_is_given(adapter: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    formats = []
    plain = torch.nn.functional.conv2d

    def watched(x: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        formats.append(x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous())
        return plain(x, *arguments, **named)

    monkeypatch.setattr(torch.nn.functional, "conv2d", watched)
    it = Settings(input=(3, 4), kernel=(2, 2), channels_in=3, op="conv")
    asked = probe(it, call_form=2, layout=("channels-last", "channels-last"))
    assert is_right(asked, adapter.run(asked))
    assert formats == [True]


def test_negative_strides_are_pytorchs_to_refuse(adapter: Backend) -> None:
    outcome = adapter.run(probe(Settings(input=(3,), kernel=(2,)), layout=("flipped", "")))
    assert outcome.kind == "unsupported"
    assert "negative" in outcome.reason


def test_the_other_arrays_of_a_single_gradient_are_constants(adapter: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    required = []
    plain = torch.nn.functional.conv_transpose1d

    def watched(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, **named: Any) -> torch.Tensor:
        required.append([each.requires_grad for each in (x, w, b)])
        return plain(x, w, b, **named)

    monkeypatch.setattr(torch.nn.functional, "conv_transpose1d", watched)
    it = Settings(input=(3,), kernel=(2,), bias=True)
    for want in ("grad-w", "only-x", "only-w", "only-b"):
        assert is_right(probe(it, want, 2), adapter.run(probe(it, want, 2)))
    assert required == [[True] * 3, [True, False, False], [False, True, False], [False, False, True]]


@pytest.mark.parametrize("want", ["value", "unbatched", "grad-w", "only-x", "grad-xw", "jvp-x"])
@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_a_script_in_bfloat16_gives_the_same_bits(adapter: Backend, op: Op, want: Want) -> None:
    it = Settings(input=(4, 3), kernel=(3, 2), stride=(2, 1), channels_in=2, channels_out=3, bias=True, op=op)
    asked = probe(it, want, dtype="bfloat16")
    asked = asked if want in GRADIENTS else replace(asked, g=None, t=None)
    outcome = adapter.run(asked)
    script = paste(adapter.script_imports, adapter.script_of(Form.of(asked)).text, asked)
    scope: dict[str, Any] = {}
    exec(script.replace("print(y)", ""), scope)  # noqa: S102  (our own, as a person pastes it)
    assert str(scope["y"].dtype) == "bfloat16"
    assert same_bits(outcome.value, scope["y"]), outcome.reason
