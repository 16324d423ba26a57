"""The TensorFlow adapter against the oracles, its own scripts and its own claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.adapter.backend import Backend, Outcome, Probe, Want
from convt.adapter.form import Form
from convt.cases.known import KnownTarget, load_known
from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Op, Settings
from tests.suite.adapter import adapters
from tests.suite.conv.random_settings import empty_settings, random_settings

OPS: tuple[Op, ...] = ("conv_transpose", "conv")
KEYWORD, LISTED, GENERIC = range(3)


@pytest.fixture(scope="module")
def adapter() -> Iterator[Backend]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
        from convt.content.backends.tensorflow.adapter import TensorFlow

        yield TensorFlow("eager", "cpu")


KNOWN = [entry for entry in load_known(Path("backends")) if entry.backends == "tensorflow"]


def is_unwritten(it: Settings, outcome: Outcome) -> bool:
    """Whether what oneDNN leaves unwritten may be in the outcome, so that another call gives other bits."""
    target = KnownTarget("tensorflow", "eager", "cpu", "2.21.0")
    return any(entry.concerns(it, "value", 0, target) for entry in KNOWN if entry.intermittent)


def mixed_dilations(count: int, op: Op) -> list[Settings]:
    """Volumes with room for some of their dilations, the first of every random three-dimensional ones."""
    drawn = [it for it in random_settings(8 * count, op) if it.rank == 3][:count]
    return [it.replace(input=(5, 9, 7), dilation=(1, 1 + at % 4, 1 + at % 3), output_size=None, output_padding=None,
                       padding="valid") for at, it in enumerate(drawn)]  # fmt: skip


def run(adapter: Backend, settings: Settings, **changes: object) -> Outcome:
    data = exact(settings)
    return adapter.run(Probe(settings, data.x, data.w, data.b, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("drawn", [random_settings, empty_settings])
@pytest.mark.parametrize("op", OPS)
def test_every_answer_is_the_oracles_or_unsupported_or_a_known_difference(
    adapter: Backend, op: Op, drawn: Callable[[int, Op], list[Settings]]
) -> None:
    astray, _ = adapters.against_known(adapter, KNOWN, drawn(250, op))
    assert astray == []


def test_known_wrong_outcomes_are_rare_among_the_settings() -> None:
    outcome = Outcome("value")
    assert sum(is_unwritten(it, outcome) for it in random_settings(250, "conv")) < 10


@pytest.mark.parametrize("op", OPS)
def test_what_is_called_unsupported_is_refused_or_differs_when_made_anyway(adapter: Backend, op: Op) -> None:
    stale, tried = adapters.stale_claims(adapter, [*random_settings(250, op, seed=1), *empty_settings(100, op)])
    assert stale == []
    assert min(tried[call_form] for call_form in range(3)) > 20


@pytest.mark.parametrize("op", OPS)
def test_a_script_gives_the_same_bits_as_the_call(adapter: Backend, op: Op) -> None:
    drifting, ran = adapters.drifting_scripts(adapter, random_settings(80, op, seed=2), is_unwritten)
    assert drifting == []
    assert ran > 80


@pytest.mark.parametrize("drawn", [random_settings, empty_settings, mixed_dilations])
@pytest.mark.parametrize("op", OPS)
def test_tracing_gives_the_shape_of_the_settings_or_a_known_one(
    adapter: Backend, op: Op, drawn: Callable[[int, Op], list[Settings]]
) -> None:
    astray, matched = adapters.against_known(adapter, KNOWN, drawn(150, op), "shape")
    assert astray == []
    if (op, drawn) == ("conv", mixed_dilations):
        assert len(matched) == 2


def test_a_script_reads_as_a_person_writes_it(adapter: Backend) -> None:
    settings = Settings(input=(4, 4), kernel=(3, 3), stride=(2, 2), padding="same", channels_out=2, bias=True)
    assert adapter.script_of(Form(settings)).text.splitlines() == [
        "def convolve(x, w, b):",
        "    y = tf.nn.conv2d_transpose(",
        "        x.transpose(0, 2, 3, 1),",
        "        w.transpose(2, 3, 1, 0),",
        "        output_shape=[1, 8, 8, 2],",
        "        strides=[2, 2],",
        "        padding='SAME',",
        "    )",
        "    y = tf.nn.bias_add(y, b)",
        "    return np.asarray(y).transpose(0, 3, 1, 2)",
        "",
        "",
        "y = convolve(x, w, b)",
    ]


@pytest.mark.parametrize(
    ("padding", "output_size", "keyword"),
    [
        pytest.param(((1, 2),), (14,), "SAME", id="same-crops-the-odd-pixel-at-the-end"),
        pytest.param(((2, 1),), (14,), None, id="no-keyword-crops-it-at-the-beginning"),
        pytest.param(((0, 0),), (17,), "VALID", id="valid-crops-nothing"),
        pytest.param(((0, 0),), (18,), "VALID", id="valid-with-a-longer-output"),
        pytest.param(((1, 1),), (15,), None, id="symmetric-crop-that-no-keyword-means"),
    ],
)
def test_a_keyword_stands_for_the_pairs_that_it_means(
    adapter: Backend, padding: tuple[tuple[int, int]], output_size: tuple[int], keyword: str | None
) -> None:
    settings = Settings(input=(7,), kernel=(5,), stride=(2,), padding=padding, output_size=output_size)
    outcome = run(adapter, settings)
    assert outcome.kind == ("value" if keyword else "unsupported")
    if keyword:
        assert f"padding='{keyword}'" in adapter.script_of(Form(settings)).text
    else:
        assert "neither crops" in outcome.reason


def test_only_two_dimensional_ops_take_pairs(adapter: Backend) -> None:
    for rank, kind in ((1, "unsupported"), (2, "value"), (3, "unsupported")):
        settings = Settings(input=(3,) * rank, kernel=(4,) * rank, stride=(2,) * rank, padding=((2, 1),) * rank)
        assert run(adapter, settings).kind == kind


def test_groups_are_taken_by_the_kernels_shape_but_not_in_three_dimensions(adapter: Backend) -> None:
    for rank, kind in ((1, "value"), (2, "value"), (3, "unsupported")):
        for op in OPS:
            settings = Settings(
                input=(3,) * rank, kernel=(2,) * rank, channels_in=4, channels_out=4, groups=2, padding="same", op=op
            )
            assert run(adapter, settings).kind == kind


def test_an_output_that_the_forward_op_maps_elsewhere_cannot_be_said(adapter: Backend) -> None:
    settings = Settings(input=(2, 2), kernel=(2, 2), dilation=(2, 2), output_padding=(1, 1))
    outcome = run(adapter, settings)
    assert outcome.reason.endswith("no forward op with this padding maps (5, 5) to (2, 2)")
    assert run(adapter, settings, force=True).kind == "raised"


def test_unbatched_is_unsupported_and_refused(adapter: Backend) -> None:
    settings = Settings(input=(3, 4), kernel=(2, 3), stride=(2, 1))
    assert run(adapter, settings, want="unbatched").kind == "unsupported"
    assert run(adapter, settings, want="unbatched", force=True).kind == "raised"


def test_a_call_that_harms_the_process_is_not_made_to_test_its_claim(
    adapter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "by", adapter.by._replace(avx512=True, threads=2))
    plane = Settings(input=(2, 3, 1), kernel=(2, 1, 1), stride=(2, 1, 1), dilation=(3, 1, 1), padding="same", op="conv")
    wrapped = Settings(input=(1, 3, 1), kernel=(2, 1, 1), dilation=(2, 1, 1), padding="same")
    for it, want in ((plane, "value"), (wrapped, "value"), (Settings(input=(3,), kernel=(2,), op="conv"), "unbatched")):
        outcome = run(adapter, it, want=want, force=True)
        assert outcome.kind == "unsupported"
        assert outcome.reason.startswith("unsafe: ")


@pytest.mark.parametrize(
    ("change", "safe"),
    [
        pytest.param({}, False, id="no-tap-in-the-only-plane"),
        pytest.param({"dilation": (2, 1, 1)}, True, id="a-tap-in-it"),
        pytest.param({"input": (2, 3, 2)}, True, id="two-columns"),
        pytest.param({"batch": 0}, True, id="nothing-to-write"),
    ],
)
def test_only_a_column_that_no_tap_reaches_is_unsafe(
    adapter: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], safe: bool
) -> None:
    monkeypatch.setattr(adapter, "by", adapter.by._replace(avx512=True, threads=2))
    plane = Settings(input=(2, 3, 1), kernel=(2, 1, 1), stride=(2, 1, 1), dilation=(3, 1, 1), padding="same", op="conv")
    assert (adapter.unsupported(plane.replace(**change)) is None) == safe


ONE_TAP = Settings(
    input=(56, 56), kernel=(1, 1), stride=(2, 2), channels_in=4, channels_out=4, batch=2, padding="valid", op="conv"
)


@pytest.mark.parametrize(
    ("want", "mode", "by", "change", "safe"),
    [
        ("grad-w", "eager", {}, {}, False),
        ("grad-x", "eager", {}, {}, False),
        ("grad-xw", "eager", {}, {}, False),
        ("only-x", "eager", {}, {}, False),  # an eager tape computes both gradients
        ("only-x", "function", {}, {}, True),
        ("only-w", "function", {}, {}, False),
        ("grad-w", "xla", {}, {}, True),
        ("value", "eager", {}, {}, True),
        ("jvp-w", "eager", {}, {}, True),
        ("grad-w", "eager", {"version": "2.22.0"}, {}, True),
        ("grad-w", "eager", {"onednn": False}, {}, True),
        ("grad-w", "eager", {}, {"channels_in": 15}, False),
        ("grad-w", "eager", {}, {"channels_in": 16}, True),
        ("grad-w", "eager", {}, {"stride": (1, 1)}, True),
        ("grad-w", "eager", {}, {"kernel": (2, 1)}, True),
        ("grad-w", "eager", {}, {"input": (57, 57)}, True),
        ("grad-w", "eager", {}, {"input": (32, 32)}, True),
        ("grad-w", "eager", {"threads": 4}, {"input": (32, 32)}, False),
        ("grad-w", "eager", {"threads": 4}, {"input": (8, 8)}, True),
        ("grad-w", "eager", {"threads": 4}, {"input": (32, 32), "batch": 4}, True),
        ("grad-w", "eager", {"avx512": False}, {"input": (8, 8), "channels_in": 7}, False),
        ("grad-w", "eager", {"avx512": False}, {"input": (4, 4)}, True),
        ("grad-w", "eager", {"avx512": False}, {"channels_in": 8}, True),
        ("grad-w", "eager", {}, {"op": "conv_transpose", "channels_in": 16}, False),
        ("grad-w", "eager", {}, {"op": "conv_transpose", "channels_out": 16}, True),
    ],
)
def test_the_gradient_of_one_tap_is_unsafe_where_it_was_measured(
    adapter: Backend,
    monkeypatch: pytest.MonkeyPatch,
    want: Want,
    mode: str,
    by: dict[str, Any],
    change: dict[str, Any],
    safe: bool,
) -> None:
    from convt.content.backends import onednn
    from convt.content.backends.tensorflow.claims import Maker, harms

    monkeypatch.setattr(onednn, "l1_data", lambda: 48 << 10)
    maker = Maker(mode, "cpu", onednn=True, threads=1)._replace(**by)
    assert harms(ONE_TAP.replace(**change), "float32", want, maker) == (not safe)


@pytest.mark.parametrize(
    ("dtype", "batch", "harmed"),
    [("float32", 2, True), ("bfloat16", 2, False), ("bfloat16", 1, True), ("float64", 1, False), ("float16", 1, False)],
)
def test_narrow_numbers_are_unsafe_where_threads_share_an_item(
    adapter: Backend, dtype: str, batch: int, harmed: bool
) -> None:
    from convt.content.backends.tensorflow.claims import Maker, harms

    maker = Maker("eager", "cpu", onednn=True, threads=2)
    assert harms(ONE_TAP.replace(batch=batch), dtype, "grad-w", maker) == harmed


@pytest.mark.parametrize(
    ("by", "claimed"), [({}, True), ({"threads": 1}, False), ({"avx512": False}, False), ({"version": "2.20.0"}, False)]
)
def test_a_plane_that_no_tap_reaches_is_unsafe_where_it_was_measured(
    adapter: Backend, by: dict[str, Any], claimed: bool
) -> None:
    from convt.content.backends.tensorflow.claims import Maker, refused

    it = Settings(op="conv", input=(2, 3, 1), kernel=(2, 1, 1), stride=(2, 1, 1), dilation=(3, 1, 1), padding="same")
    claim = refused(it, "value", KEYWORD, Maker("eager", "cpu", onednn=True, threads=2)._replace(**by))
    assert str(claim).startswith("unsafe: ") == claimed


def test_avx512_is_there_where_the_processor_has_it_and_no_switch_forbids_it(
    adapter: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convt.content.backends.onednn import has_avx512

    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    info = tmp_path / "cpuinfo"
    info.write_text("flags\t\t: fpu avx2 avx512f\n")
    assert has_avx512(info)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert not has_avx512(info)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    other = tmp_path / "another-cpuinfo"
    other.write_text("flags\t\t: fpu avx2\n")
    assert not has_avx512(other)


@pytest.mark.parametrize(
    ("flags", "given"),
    [
        ("fpu avx2", ("float32",)),
        ("fpu avx512f avx512bw", ("float32", "bfloat16")),
        ("fpu avx512f avx512bw avx512_fp16", ("float32", "bfloat16", "float16")),
        ("fpu avx512f avx512_fp16", ("float32", "bfloat16")),
        ("fpu avx2 avx_ne_convert", ("float32", "bfloat16", "float16")),
    ],
)
def test_narrow_dtypes_are_given_by_tensorflow_where_the_processor_has_them(
    adapter: Backend, tmp_path: Path, flags: str, given: tuple[str, ...]
) -> None:
    from convt.content.backends.onednn import given_by_tensorflow

    info = tmp_path / "cpuinfo"
    info.write_text(f"flags\t\t: {flags}\n")
    assert given_by_tensorflow(info) == given


def test_a_dtype_that_onednn_takes_is_differentiated_in_groups(adapter: Backend) -> None:
    from convt.content.backends.tensorflow.claims import Maker, no_dtype

    it = Settings(input=(8, 8), kernel=(3, 3), channels_in=2, channels_out=2, groups=2, padding="valid", op="conv")
    own = Maker("eager", "cpu", onednn=True)
    onednn = own._replace(onednn_takes=("float32", "float16"))
    assert "grouped" in str(no_dtype("float16", it, "grad-x", own))
    assert no_dtype("float16", it, "grad-x", onednn) is None
    assert "grouped" in str(no_dtype("bfloat16", it, "grad-x", onednn))


def test_an_empty_batch_gives_an_empty_batch(adapter: Backend) -> None:
    settings = Settings(input=(3,), kernel=(2,), stride=(2,), batch=0)
    outcome = run(adapter, settings)
    assert outcome.value is not None
    assert outcome.value.shape == settings.y_shape == (0, 1, 6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_result_comes_in_the_dtype_of_the_input(adapter: Backend, dtype: str) -> None:
    pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")  # which registers the name
    settings = Settings(input=(3,), kernel=(2,), stride=(2,), bias=True)
    data = exact(settings)
    x, w, b = (array.astype(dtype) for array in (data.x, data.w, data.b) if array is not None)
    y = adapter.call(Probe(settings, x, w, b))
    assert y.dtype.name == dtype
    np.testing.assert_array_equal(y.astype(np.float64), reference(settings, data.x, data.w, data.b))


def test_a_nearest_resize_repeats_every_position(adapter: Backend) -> None:
    settings = Settings(input=(2, 3), kernel=(2, 2), stride=(2, 3), channels_in=2)
    expected = exact(settings).x.repeat(2, axis=2).repeat(3, axis=3)
    np.testing.assert_array_equal(run(adapter, settings, want="nearest").value, expected)


def test_a_bilinear_resize_has_half_pixel_centres(adapter: Backend) -> None:
    settings = Settings(input=(1, 2), kernel=(1, 4), stride=(1, 2))
    y = adapter.resize(Probe(settings, np.array([[[[0, 4]]]], np.float32), exact(settings).w, want="bilinear"))
    assert y.tolist() == [[[[0, 1, 3, 4]]]]


@pytest.mark.parametrize("rank", [1, 3])
def test_a_resize_of_other_than_two_axes_is_unsupported_and_refused(adapter: Backend, rank: int) -> None:
    settings = Settings(input=(2,) * rank, kernel=(2,) * rank, stride=(2,) * rank)
    assert run(adapter, settings, want="nearest").kind == "unsupported"
    assert run(adapter, settings, want="nearest", force=True).kind == "raised"


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
    assert (flags["op_determinism"], flags["tensor_float_32"]) == ("True", "False")
    assert flags["threads"]
    assert next(iter(adapter.versions())) == "tensorflow"
    assert adapter.devices()[0] == "cpu"
