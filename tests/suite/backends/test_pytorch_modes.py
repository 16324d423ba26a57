"""PyTorch's modes, scripts and calls that mean nothing: every mode runs the same call, and each script is that call."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from convt.adapter import program
from convt.adapter.backend import GRADIENTS, MIXED, Backend, Probe, Want
from convt.adapter.form import Form
from convt.conv.settings import Settings
from tests.suite.backends.test_pytorch_gradients import OPS, gradients, is_right, probe, wrong
from tests.suite.conv.random_settings import empty_settings, random_settings

CHEAP = ("export", "script", "vmap", "copied", "saved", "shipped")
DILATED = Settings(
    input=(3, 2), kernel=(2, 2), stride=(2, 1), dilation=(1, 2), padding=((1, 1), (0, 0)), output_padding=(1, 0),
    channels_in=2, channels_out=4, groups=2, bias=True,
)  # fmt: skip
FORWARD = Settings(input=(4, 3), kernel=(2, 2), stride=(2, 1), channels_in=2, channels_out=2, bias=True, op="conv")


def made(mode: str) -> Backend:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("ml_dtypes", reason="numpy's bfloat16 needs ml_dtypes")
    from convt.content.backends.pytorch.adapter import PyTorch

    return PyTorch(mode, "cpu")


@pytest.fixture(scope="module")
def adapters() -> dict[str, Backend]:
    return {mode: made(mode) for mode in ("eager", "compile", *CHEAP)}


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("mode", CHEAP)
def test_every_mode_gives_the_closed_forms(adapters: dict[str, Backend], mode: str, op: Any) -> None:
    astray, right = wrong(adapters[mode], gradients(random_settings(8, op, seed=21), wants=("value", *GRADIENTS)))
    assert astray == []
    assert right > 30


@pytest.mark.parametrize("mode", CHEAP)
def test_a_mode_refuses_of_nothing_what_it_says(adapters: dict[str, Backend], mode: str) -> None:
    it, astray = adapters[mode], []
    for settings in empty_settings(40, "conv_transpose", seed=22):
        asked = probe(settings)
        outcome = it.run(asked)
        if outcome.kind == "unsupported":
            if is_right(asked, it.run(Probe(settings, asked.x, asked.w, asked.b, force=True))):
                astray.append((outcome.reason, settings))
        elif not is_right(asked, outcome):
            astray.append((outcome.reason, settings))
    assert astray == []


def test_compiled_programs_of_many_configurations_give_the_closed_forms(adapters: dict[str, Backend]) -> None:
    wants: tuple[Want, ...] = ("value", "unbatched", "grad-x", "grad-w", "only-w", "grad-xw", "jvp-x", "jvp-grad-x")
    probes = [probe(it, want, call_form) for it in (DILATED, FORWARD) for want in wants for call_form in (0, 2)]
    refused = probe(DILATED.replace(output_padding=None, padding=((0, 1), (0, 0))))
    raising = probe(DILATED, invalid={"stride": 0})
    outcomes = adapters["compile"].run_many([*probes, refused, raising])
    assert outcomes is not None
    assert [outcome.kind for outcome in outcomes[-2:]] == ["unsupported", "raised"]
    for asked, outcome in zip(probes, outcomes, strict=False):
        if asked.want == "unbatched":
            assert outcome.value is not None
            continue
        assert is_right(asked, outcome), (asked.want, asked.call_form, outcome.reason)


def test_a_compiled_program_runs_again_for_other_numbers(adapters: dict[str, Backend]) -> None:
    first = probe(FORWARD)
    other = Probe(FORWARD, first.x + 1, first.w, first.b)
    outcomes = adapters["compile"].run_many([first, other, probe(DILATED)])
    assert outcomes is not None
    assert is_right(first, outcomes[0])
    assert is_right(other, outcomes[1])


def test_only_compiled_programs_are_fused(adapters: dict[str, Backend]) -> None:
    assert all(adapters[mode].run_many([probe(FORWARD)]) is None for mode in ("eager", *CHEAP))


def test_exported_programs_are_kept_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    exports = []
    plain = torch.export.export

    def watched(*arguments: Any) -> Any:
        exports.append(arguments)
        return plain(*arguments)

    monkeypatch.setattr(torch.export, "export", watched)
    monkeypatch.setattr(program, "KEPT_MADE", 4)
    adapter = made("export")
    asked = [probe(Settings(input=(size,), kernel=(1,)), call_form=2) for size in range(1, 7)]
    for one in (*asked, asked[-1], asked[0]):
        assert is_right(one, adapter.run(one))
    assert len(exports) == 7
    assert len(adapter.compiler._made) == 4


@pytest.mark.parametrize("mode", ["eager", *CHEAP])
@pytest.mark.parametrize("want", ["value", "unbatched", *MIXED, *GRADIENTS])
def test_a_script_is_the_same_call(adapters: dict[str, Backend], mode: str, want: Want) -> None:
    ran = 0
    for it in (DILATED, FORWARD, FORWARD.replace(bias=False)):
        for call_form in range(3):
            asked = probe(it, want, call_form)
            outcome = adapters[mode].run(asked) if it.bias or not want.endswith("-b") else None
            if outcome is None or outcome.kind == "unsupported":
                continue
            y = run_script(adapters[mode], asked)
            assert outcome.value is not None, outcome.reason
            assert y.dtype == outcome.value.dtype
            assert y.tobytes() == outcome.value.tobytes()
            ran += 1
    assert ran >= 2


@pytest.mark.parametrize("want", ["value", "grad-x", "grad-xw", "jvp-w"])
def test_a_script_compiles_what_the_mode_compiles(adapters: dict[str, Backend], want: Want) -> None:
    for call_form in (0, 2):
        asked = probe(FORWARD, want, call_form)
        script = adapters["compile"].script_of(Form.of(asked)).text
        assert "torch.compile(" in script
        assert is_right(asked, adapters["compile"].run(asked))
        np.testing.assert_array_equal(run_script(adapters["compile"], asked), adapters["eager"].run(asked).value)


def run_script(adapter: Backend, asked: Probe) -> np.ndarray:
    scope = {"np": np} | {name: copy.copy(a) for name, a in zip("xwbgt", asked.arrays, strict=True) if a is not None}
    script = adapter.script_of(Form.of(asked)).text
    exec(f"{adapter.script_imports}\n{script}", scope)  # noqa: S102  (our own, as a person pastes it)
    return np.asarray(scope["y"])


INSTEAD: list[tuple[dict[str, Any], str]] = [
    ({"stride": 0}, "non-positive stride"),
    ({"stride": -1}, "non-positive stride"),
    ({"stride": 1.5}, "must be tuple of ints"),
    ({"dilation": [0, 1]}, "could not create a primitive descriptor"),
    ({"groups": 3}, "divisible by groups"),
    ({"padding": [1, 1, 1]}, "padding"),
    ({"output_padding": 7}, "output padding must be smaller"),
    ({"output_size": [99, 99]}, "valid sizes range"),
    ({"kernel_size": 5}, "size mismatch for weight"),
    ({"channels_out": 6}, "size mismatch for weight"),
    ({"stride": None}, ""),
]


@pytest.mark.parametrize(("invalid", "words"), INSTEAD)
def test_an_attempt_and_its_script_are_refused_alike(
    adapters: dict[str, Backend], invalid: dict[str, Any], words: str
) -> None:
    asked = probe(DILATED, invalid=invalid)
    outcome = adapters["eager"].run(asked)
    assert outcome.kind == "raised"
    assert words in outcome.reason
    with pytest.raises(Exception) as refused:
        run_script(adapters["eager"], asked)
    assert outcome.reason.startswith(f"{type(refused.value).__name__}: {' '.join(str(refused.value).split())}"[:60])


def test_an_attempt_with_a_meaning_is_answered(adapters: dict[str, Backend]) -> None:
    asked = probe(DILATED.replace(stride=(2, 2), output_padding=(1, 0)), invalid={"stride": 2})
    outcome = adapters["eager"].run(asked)
    assert is_right(asked, outcome)
    np.testing.assert_array_equal(run_script(adapters["eager"], asked), outcome.value)


@pytest.mark.parametrize(
    ("it", "call_form", "key"),
    [
        (DILATED, 0, "data_format"),
        (FORWARD, 0, "output_padding"),
        (DILATED, 2, "kernel_size"),
        (FORWARD, 2, "output_size"),
    ],
)
def test_what_the_call_has_no_argument_for_is_unsupported(
    adapters: dict[str, Backend], it: Settings, call_form: int, key: str
) -> None:
    outcome = adapters["eager"].run(probe(it, call_form=call_form, invalid={key: 1}))
    assert outcome.kind == "unsupported"
    assert outcome.reason.endswith(f"has no {key}")


SURROUNDED = """
from convt.content.backends.pytorch.adapter import PyTorch
flags = PyTorch("eager", "cpu").flags()
print(flags["threads"], flags["mkldnn"])
"""


def test_the_surroundings_set_threads_and_switch_onednn_off() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    env = os.environ | {"CONVT_THREADS": "3", "CONVT_NO_MKLDNN": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SURROUNDED], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.split() == ["3", "False"]


def test_a_batch_norm_folds_into_what_has_no_groups_and_into_forward_layers() -> None:
    folded = made("folded")
    plain = [it for it in random_settings(60, "conv_transpose", seed=23) if it.groups == 1][:15]
    for several in (plain, random_settings(15, "conv", seed=23)):
        astray, right = wrong(folded, gradients(several, wants=("value", *GRADIENTS)))
        assert astray == []
        assert right > 30


@pytest.mark.parametrize("it", [DILATED, FORWARD], ids=["transposed", "forward"])
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("folded", "torch.nn.utils.fusion.fuse_conv_bn_eval(layer.eval(), norm.eval()"),
        ("vmap", "torch.func.vmap("),
        ("copied", "run = copy.deepcopy(layer)"),
        ("saved", "torch.load(whole, weights_only=False)"),
        ("shipped", "torch.export.load(file).module()"),
    ],
)
def test_what_is_made_of_a_layer_stands_in_the_text_and_the_text_runs(mode: str, words: str, it: Settings) -> None:
    backend, asked = made(mode), probe(it)
    text = backend.script_of(Form.of(asked)).text
    assert words in text
    told = backend.run(asked)
    if mode == "folded" and it.groups > 1 and it.transposed:
        assert "must match the size" in told.reason
        return
    given: dict[str, Any] = {name: a for name, a in zip("xwb", asked.arrays, strict=False) if a is not None}
    exec(f"import numpy as np\nimport torch\n{text}", given)  # noqa: S102  the adapter's own text
    assert told.value is not None
    assert np.array_equal(given["y"], told.value)


def test_no_norm_is_an_identity_and_no_mapped_call_takes_all_items_at_once() -> None:
    """What is made is something: else these modes would be the eager one under another name."""
    text = made("folded").script_of(Form.of(probe(FORWARD))).text
    assert "2.0 ** (torch.arange(2) % 3)" in text
    assert "norm.running_mean.copy_(layer.bias / 2)" in text
    batch = FORWARD.replace(batch=3)
    assert "item[None]" in made("vmap").script_of(Form.of(probe(batch))).text
    assert "kernel" in made("vmap").script_of(Form.of(probe(batch))).text
