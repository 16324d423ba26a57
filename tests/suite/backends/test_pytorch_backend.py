"""The PyTorch adapter against the oracles, its own scripts and its own claims."""

from __future__ import annotations

import numpy as np
import pytest

from convt.adapter.backend import Backend, Outcome, Probe
from convt.adapter.form import Form
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.conv.random_settings import empty_settings, random_settings

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
FOOLING = Settings(input=(7,), kernel=(5,), stride=(2,), padding="same")


@pytest.fixture(scope="module")
def adapter() -> Backend:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from convt.content.backends.pytorch.adapter import PyTorch

    return PyTorch("eager", "cpu")


def never(settings: Settings, outcome: Outcome) -> bool:
    """PyTorch needs no excuse."""
    return False


def run(adapter: Backend, settings: Settings, **changes: object) -> Outcome:
    data = exact(settings)
    return adapter.run(Probe(settings, data.x, data.w, data.b, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("op", OPS)
def test_every_spelling_gives_the_oracles_answer_or_says_unsupported(adapter: Backend, op: Op) -> None:
    settings = [*random_settings(250, op), *empty_settings(150, op)]
    assert adapters.wrong_answers(adapter, settings, never) == []


@pytest.mark.parametrize("op", OPS)
def test_what_is_called_unsupported_is_refused_or_differs_when_made_anyway(adapter: Backend, op: Op) -> None:
    stale, tried = adapters.stale_claims(adapter, [*random_settings(250, op, seed=1), *empty_settings(150, op)])
    assert stale == []
    assert min(tried[call_form] for call_form in range(3)) > 20


@pytest.mark.parametrize("op", OPS)
def test_a_script_gives_the_same_bits_as_the_call(adapter: Backend, op: Op) -> None:
    drifting, ran = adapters.drifting_scripts(adapter, random_settings(80, op, seed=2), never)
    assert drifting == []
    assert ran > 80


@pytest.mark.parametrize("op", OPS)
def test_meta_tensors_have_the_shape_of_the_settings(adapter: Backend, op: Op) -> None:
    assert adapters.wrong_shapes(adapter, [*random_settings(150, op, seed=3), *empty_settings(150, op)]) == []


def test_a_script_reads_as_a_person_writes_it(adapter: Backend) -> None:
    settings = Settings(input=(4,), kernel=(3,), stride=(2,), padding=((1, 1),), output_size=(8,), bias=True)
    said = "in_channels=1, out_channels=1, kernel_size=(3,), stride=(2,), padding=(1,)"
    shown = adapter.script_of(Form(settings))
    assert shown.text.splitlines() == [
        "def convolve(x, w, b):",
        f'    layer = torch.nn.ConvTranspose1d({said}, device="meta")  # its weights come next',
        "    layer.weight = torch.nn.Parameter(torch.from_numpy(w), requires_grad=False)",
        "    layer.bias = torch.nn.Parameter(torch.from_numpy(b), requires_grad=False)",
        "    return layer(torch.from_numpy(x), output_size=(8,)).numpy()",
        "",
        "",
        "y = convolve(x, w, b)",
    ]
    assert shown.call == f"torch.nn.ConvTranspose1d({said})(x, output_size=(8,))"


def test_same_with_the_odd_pixel_cropped_at_the_end_cannot_be_said(adapter: Backend) -> None:
    assert FOOLING.crop == ((1, 2),)
    assert run(adapter, FOOLING).reason == "padding is one number for both sides; no value crops (1, 2) on axis 0"


def test_the_odd_pixel_cropped_at_the_beginning_is_an_output_padding(adapter: Backend) -> None:
    mirrored = FOOLING.replace(padding=((2, 1),))
    assert "padding=(2,), output_padding=(1,)" in adapter.script_of(Form(mirrored)).text
    data = exact(mirrored)
    np.testing.assert_array_equal(run(adapter, mirrored).value, reference(mirrored, data.x, data.w))


def test_output_size_exceeds_the_smallest_by_less_than_the_stride(adapter: Backend) -> None:
    dilated = Settings(input=(4,), kernel=(3,), stride=(2,), dilation=(3,), output_padding=(2,))
    outcomes = [run(adapter, dilated, call_form=call_form) for call_form in range(3)]
    assert [outcome.kind for outcome in outcomes] == ["value", "unsupported", "value"]
    assert "valid sizes range from [13] to [14]" in run(adapter, dilated, call_form=1, force=True).reason


def test_output_padding_is_limited_but_for_an_empty_batch(adapter: Backend) -> None:
    settings = Settings(input=(2,), kernel=(3,), stride=(2,), padding=((2, 0),))
    assert run(adapter, settings).reason.startswith("output_padding must be smaller than either stride or dilation")
    assert run(adapter, settings, force=True).kind == "raised"
    outcome = run(adapter, settings.replace(batch=0))
    assert outcome.value is not None
    assert outcome.value.shape == (0, 1, 3)


def test_unbatched_equals_a_batch_of_one(adapter: Backend) -> None:
    settings = Settings(input=(3, 4), kernel=(2, 3), stride=(2, 1), channels_in=2, channels_out=3)
    alone, batched = run(adapter, settings, want="unbatched").value, run(adapter, settings).value
    assert alone is not None
    assert batched is not None
    np.testing.assert_array_equal(alone, batched[0])


def test_an_empty_batch_gives_an_empty_batch(adapter: Backend) -> None:
    settings = Settings(input=(3,), kernel=(2,), stride=(2,), batch=0)
    outcome = run(adapter, settings)
    assert outcome.value is not None
    assert outcome.value.shape == settings.y_shape == (0, 1, 6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_the_result_comes_in_the_dtype_of_the_input(adapter: Backend, dtype: str) -> None:
    settings = Settings(input=(3,), kernel=(2,), stride=(2,), bias=True)
    data = exact(settings)
    x, w, b = (array.astype(_dtype(dtype)) for array in (data.x, data.w, data.b) if array is not None)
    y = adapter.call(Probe(settings, x, w, b))
    assert y.dtype.name == dtype
    np.testing.assert_array_equal(y.astype(np.complex128), reference(settings, data.x, data.w, data.b))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_nearest_resize_repeats_every_position(adapter: Backend, rank: int) -> None:
    settings = Settings(input=(2, 3, 4)[:rank], kernel=(2,) * rank, stride=(2, 3, 2)[:rank])
    expected = exact(settings).x
    for axis, stride in enumerate(settings.stride):
        expected = np.repeat(expected, stride, axis + 2)
    np.testing.assert_array_equal(run(adapter, settings, want="nearest").value, expected)


def test_a_bilinear_resize_has_half_pixel_centres(adapter: Backend) -> None:
    settings = Settings(input=(2,), kernel=(4,), stride=(2,))
    y = adapter.resize(Probe(settings, np.array([[[0, 4]]], np.float32), exact(settings).w, want="bilinear"))
    assert y.tolist() == [[[0, 1, 3, 4]]]


def test_the_arrays_given_are_neither_changed_nor_shared(adapter: Backend) -> None:
    settings = Settings(input=(3,), kernel=(1,))
    x, w = exact(settings).x, np.ones(settings.w_shape, np.float32)
    x.flags.writeable = False
    y = adapter.call(Probe(settings, x, w))
    np.testing.assert_array_equal(y, x)
    assert y.flags.writeable
    assert not np.shares_memory(x, y)


def test_flags_say_that_nothing_is_rounded_or_left_to_chance(adapter: Backend) -> None:
    flags = adapter.flags()
    assert flags["deterministic_algorithms"] == flags["cudnn.deterministic"] == "True"
    assert flags["cudnn.allow_tf32"] == flags["matmul.allow_tf32"] == flags["cudnn.benchmark"] == "False"
    assert flags["float32_matmul_precision"] == "highest"
    assert int(flags["threads"]) >= 1
    assert next(iter(adapter.versions())) == "torch"
    assert adapter.devices()[0] == "cpu"


def _dtype(name: str) -> np.dtype:
    if name == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")  # which registers the name
    return np.dtype(name)
