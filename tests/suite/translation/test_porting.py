"""The package's front: a layer's text and arrays in other words, and what is said where something is unknown."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

import convt
from convt.conv.data import exact
from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.kernels import KernelLayout, expression, own_layout
from convt.translation.layer import LayerError
from convt.translation.translating import arrays_of, read
from convt.translation.unknown import answer, known
from tests.suite.conv.random_settings import random_settings

from .truth import layers, texts

LAYER = "nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)"
WEIGHTS = {"weight": np.arange(96.0).reshape(2, 3, 4, 4), "bias": np.arange(3.0)}


def test_a_text_is_translated() -> None:
    found = convt.translate(LAYER, "torch.nn.functional")
    assert found.said.call == "F.conv_transpose2d(x, kernel, bias, stride=2, padding=1)"
    assert found.direct


def test_a_name_that_is_no_framework_is_refused() -> None:
    with pytest.raises(LayerError, match="--to: found 'torc', accepted torch"):
        convt.translate(LAYER, "torc")


def test_weights_go_to_a_translation_and_to_a_text() -> None:
    arrays = convt.port(WEIGHTS, LAYER, convt.translate(LAYER, "torch.nn.functional"))
    assert [array.shape for array in arrays] == [(2, 3, 4, 4), (3,)]
    there = convt.port(WEIGHTS, LAYER, "torch.nn.ConvTranspose2d(2, 3, (4, 4), 2, 1)")
    assert set(there) == {"weight", "bias"}
    assert np.array_equal(there["weight"], WEIGHTS["weight"])


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nn.ConvTranspose2d(2, 3, 4, stride=2)", "output: torch.nn.ConvTranspose2d has"),
        ("nn.ConvTranspose2d(2, 3, 5, stride=2, padding=1)", "kernel: torch.nn.ConvTranspose2d has (4, 4)"),
        ("nn.ConvTranspose2d(2, 3, 4, stride=1, padding=1)", "stride: torch.nn.ConvTranspose2d has (2, 2)"),
        ("nn.ConvTranspose2d(2, 4, 4, stride=2, padding=1)", "channels_out: torch.nn.ConvTranspose2d has 3"),
        ("nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False)", "bias: torch.nn.ConvTranspose2d has True"),
        ("nn.Conv2d(2, 3, 4, stride=2, padding=1)", "op: torch.nn.ConvTranspose2d has conv_transpose"),
    ],
)
def test_layers_that_do_not_compute_the_same_are_not_ported(target: str, says: str) -> None:
    with pytest.raises(LayerError) as error:
        convt.port(WEIGHTS, LAYER, target)
    assert says in str(error.value)


def test_layers_of_one_size_that_are_shifted_are_not_ported(monkeypatch: pytest.MonkeyPatch) -> None:
    from convt.translation import porting

    a = Settings(input=(7,), kernel=(5,), stride=(2,), padding=((1, 2),))
    spoken = read("nn.ConvTranspose1d(1, 1, 5)")
    porting._same(a, a, spoken, spoken)
    with pytest.raises(LayerError, match="the same size, shifted, every value differs"):
        porting._same(a, a.replace(padding=((2, 1),)), spoken, spoken)


def layouts(it: Settings) -> list[KernelLayout]:
    """Layouts as frameworks have them, of every grouping and orientation."""
    space = own_layout(it).axes[2:]
    return [
        KernelLayout(axes.replace("S", space), grouped, mirrored)  # type: ignore[arg-type]
        for axes in ("IOS", "OIS", "SIO", "SOI")
        for grouped in "IO"
        for mirrored in (False, True)
    ]


def wrong_expressions(count: int) -> list[str]:
    """Expressions that give another array than the layouts do."""
    wrong = []
    for it in random_settings(count, "conv_transpose", seed=3):
        for source in layouts(it):
            w = np.arange(float(np.prod(source.shape(it)))).reshape(source.shape(it))
            for target in layouts(it)[:: 1 + it.rank]:
                text = expression(source, target, it)
                if not np.array_equal(eval(text, {"w": w}), target.gather(source.spread(w, it.groups))):  # noqa: S307
                    wrong.append(text)
    return wrong


def test_the_expression_for_a_kernel_gives_the_array_that_port_makes() -> None:
    assert not wrong_expressions(30)


def test_an_expression_that_forgets_the_groups_or_the_mirror_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = expression
    monkeypatch.setitem(globals(), "expression", lambda a, b, it: real(a, b, it.replace(groups=1)))
    assert wrong_expressions(10)
    monkeypatch.setitem(globals(), "expression", lambda a, b, it: real(a, b, it).partition("[")[0])
    assert wrong_expressions(10)


def test_an_expression_that_moves_nothing_is_the_name() -> None:
    it = Settings(input=(3, 3), kernel=(2, 2), channels_in=2, channels_out=3)
    own = own_layout(it)
    assert expression(own, own, it) == "w"
    assert expression(own, KernelLayout("HWOI", "I"), it) == "w.transpose(2, 3, 1, 0)"
    assert expression(own, KernelLayout("HWIO", "I", mirrored=True), it) == "w.transpose(2, 3, 0, 1)[::-1, ::-1]"


def asked(text: str, name: str, **given: Any) -> tuple[str, ...]:
    return answer(known(read(text), given.get("input"), given.get("channels")), dialects()[name], None).depends


def test_what_a_call_does_not_depend_on_is_not_asked_for() -> None:
    assert asked(LAYER, "torch") == ()
    assert asked("nn.Conv2d(2, 3, 4, padding='same')", "torch") == ()


def test_what_the_layer_says_itself_contradicts_what_is_given() -> None:
    with pytest.raises(LayerError, match="the layer itself says 2, and 5 was given"):
        known(read(LAYER), (4, 4), 5)
    with pytest.raises(LayerError, match=r"found 1 extents \(4\), accepted one for each"):
        known(read(LAYER), (4,), None)


def misported(count: int) -> list[str]:
    """Layers whose arrays do not come out as their target keeps them, from every framework's words to every other's."""
    wrong = []
    for it in layers(11, count):
        arrays = exact(it)
        spread = own_layout(it).spread(arrays.w, it.groups)
        written = [
            (text, layout)
            for text, layout in texts(it)
            if (read(text).layer.bias, read(text).layer.op) == (it.bias, it.op)
        ]
        for (source, layout), (target, other) in product(written, written):
            weights = [layout.gather(spread), *([] if arrays.b is None else [arrays.b])]
            kernel, bias = arrays_of(convt.port(weights, source, target))
            if not np.array_equal(kernel, other.gather(spread)) or (bias is None) != (arrays.b is None):
                wrong.append(f"{source} -> {target}")
    return wrong


def test_arrays_go_to_a_layer_that_is_written_and_come_back() -> None:
    assert not misported(60)


def test_arrays_that_are_mirrored_on_the_way_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from convt.translation import porting

    real = porting._said

    def mirrored(*given: Any) -> Any:
        said = real(*given)
        return replace(said, kernel=replace(said.kernel, mirrored=not said.kernel.mirrored))

    monkeypatch.setattr(porting, "_said", mirrored)
    assert misported(10)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("flax.linen.Conv(features=2, kernel_size=(5,), strides=(40,), padding='SAME')", "torch"),
        ("keras.layers.Conv1D(2, 5, strides=40, padding='same')", "torch"),  # no zeros where 40 divides n, 4 after it
        ("jax.lax.conv_general_dilated(x, (2, 1, 2), (64,), 'SAME_LOWER')", "onnx"),
        ("jax.lax.conv_general_dilated(x, (2, 1, 5), (40,), 'SAME_LOWER')", "keras"),  # as `same`, but of odd zeros
    ],
)
def test_what_depends_on_the_input_is_asked_for_with_a_long_stride_too(text: str, name: str) -> None:
    assert "input" in asked(text, name, channels=1)


def test_a_crop_says_both_ends() -> None:
    found = convt.translate("keras.layers.Conv1DTranspose(1, 5, strides=2, padding='same')", "torch", (7,), channels=1)
    assert found.plan.sentences() == ["crop the result by 1 at the end of the axis"]
    found = convt.translate("nn.ConvTranspose2d(1, 1, 5, 2, 2, output_padding=1)", "keras", input=(9, 9))
    assert found.plan.sentences() == ["crop the result by 2 at the beginning and 1 at the end of each axis"]
    found = convt.translate("nn.ConvTranspose2d(1, 1, (5, 3), (2, 1), (2, 0), output_padding=(1, 0))", "keras", (9, 9))
    assert found.plan.sentences() == ["crop the result by (2, 0) at the beginning and (1, 0) at the end of each axis"]


def test_strided_same_is_one_call_of_pytorch_where_its_zeros_are_as_many_on_both_sides() -> None:
    text = "keras.layers.Conv2D(8, 3, strides=2, padding='same')"
    odd = convt.translate(text, "torch", input=(7, 7), channels=3)
    assert (odd.said.call, odd.direct) == ("torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)", True)
    even = convt.translate(text, "torch", input=(8, 8), channels=3)
    assert even.plan.sentences() == ["pad the input with zeros, (before, after) [(0, 1), (0, 1)]"]
    none = convt.translate(text.replace("3,", "1,"), "torch", channels=3)
    assert (none.said.call, none.direct) == ("torch.nn.Conv2d(3, 8, 1, stride=2)", True)


@pytest.mark.parametrize(
    "weights",
    [
        {f"net.0.{name}": array for name, array in WEIGHTS.items()},
        {"params": {"up": WEIGHTS}},
        list(WEIGHTS.values()),
        iter(WEIGHTS.values()),
    ],
    ids=["prefixed", "nested", "a list", "an iterator"],
)
def test_weights_come_as_frameworks_give_them(weights: Any) -> None:
    kernel, bias = convt.port(weights, LAYER, "keras.layers.Conv2DTranspose(3, 4, 2, 'same')")
    assert np.array_equal(kernel, WEIGHTS["weight"].transpose(2, 3, 1, 0))
    assert np.array_equal(bias, WEIGHTS["bias"])


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({0: WEIGHTS["weight"], 1: WEIGHTS["bias"]}, "weights: found 0, 1, accepted one kernel and one bias at most"),
        ([[[1, 2], [3]], [0]], "kernel: found list, which gives no array of numpy: setting an array element"),
        (object(), "kernel: found object, accepted an array of numbers"),
        (WEIGHTS | {"bias": ["a", "b", "c"]}, "bias: found list, accepted an array of numbers"),
        (None, "kernel: found NoneType, accepted an array of numbers"),
    ],
)
def test_weights_that_are_none_are_refused(weights: Any, says: str) -> None:
    with pytest.raises(LayerError) as error:
        convt.port(weights, LAYER, "keras.layers.Conv2DTranspose(3, 4, 2, 'same')")
    assert says in str(error.value)


def test_tensors_of_pytorch_keep_every_bit() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    there, back = "keras.layers.Conv2DTranspose(3, 4, 2, 'same')", "torch.nn.ConvTranspose2d(2, 3, 4, 2, 1)"
    layer = torch.nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, dtype=torch.bfloat16)
    found = convt.port(convt.port(layer.state_dict(), LAYER, there), there, back)
    assert str(found["weight"].dtype) == "bfloat16"
    assert np.array_equal(found["weight"].view(np.uint16), layer.weight.detach().view(torch.int16).numpy().view("u2"))
    conjugate = torch.nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, dtype=torch.complex64).weight.conj()
    [kernel, _] = convt.port([conjugate, np.zeros(3)], LAYER, there)
    assert np.array_equal(kernel, conjugate.resolve_conj().detach().numpy().transpose(2, 3, 1, 0))
    with pytest.raises(LayerError, match="kernel: found Parameter, which gives no array of numpy"):
        convt.port(torch.nn.ConvTranspose2d(2, 3, 4, device="meta").parameters(), LAYER, there)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"input": "4x4"}, "input: found '4x4', accepted the input's spatial extents, such as (4, 4)"),
        ({"input": (4.0, 4)}, "input: found 4.0, accepted whole numbers"),
        ({"input": 4}, "input: found 1 extents (4), accepted one for each of the kernel's 2"),
        ({"channels": True}, "channels: found True, accepted whole numbers"),
        ({"channels": "2"}, "channels: found '2', accepted whole numbers"),
        ({"channels": 0}, "channels"),
    ],
)
def test_numbers_beside_a_layer_are_numbers(given: dict[str, Any], says: str) -> None:
    with pytest.raises(LayerError) as error:
        convt.translate("keras.layers.Conv2DTranspose(3, 4)", "torch", **given)
    assert says in str(error.value)


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    found = convt.translate(LAYER, "tensorflow", input=np.array([4, 4]))  # type: ignore[arg-type]
    assert "output_shape=[1, 8, 8, 3]" in found.said.call


def test_what_is_no_text_is_no_layer() -> None:
    with pytest.raises(LayerError, match=r"a layer: found an object of builtins\.bytes, accepted its text"):
        convt.translate(b"nn.Conv2d(1, 2, 3)", "torch")  # type: ignore[arg-type]
    with pytest.raises(LayerError, match="PyTorch: the program depends on the number of input channels; give "):
        convt.translate("keras.layers.Conv2DTranspose(3, 4)", "torch")


def test_a_bias_that_a_function_lacks_is_told_how_to_write() -> None:
    with pytest.raises(LayerError, match=r"a function's text says a bias by `\+ bias` behind the call"):
        convt.port(WEIGHTS, LAYER, "jax.lax.conv_transpose(x, (4, 4, 2, 3), (2, 2), 'SAME')")
    kernel, _ = convt.port(WEIGHTS, LAYER, "jax.lax.conv_transpose(x, (4, 4, 2, 3), (2, 2), 'SAME') + bias")
    assert np.array_equal(kernel, WEIGHTS["weight"].transpose(2, 3, 0, 1)[::-1, ::-1])
