"""The Keras adapter against the oracles, its own scripts and its own claims, a process for each of Keras's backends."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convt.adapter.form import Form

ENGINES = ("tensorflow", "jax", "torch")
ROOT = Path(__file__).parents[3]

Checked = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def checked() -> Iterator[Checked]:
    """What the checks say for a backend; the processes run side by side."""
    processes = {engine: _start(engine) for engine in ENGINES if _absent(engine) is None}
    said: dict[str, dict[str, Any]] = {}

    def result(engine: str) -> dict[str, Any]:
        if (reason := _absent(engine)) is not None:
            pytest.skip(reason)
        if engine not in said:
            out, err = processes[engine].communicate()
            assert processes[engine].returncode == 0, err[-4000:]
            said[engine] = json.loads(out)
        return said[engine]

    yield result
    for process in processes.values():
        process.kill()
        process.communicate()


def _absent(engine: str) -> str | None:
    missing = [name for name in ("keras", engine) if importlib.util.find_spec(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else None


def _start(engine: str) -> subprocess.Popen[str]:
    environment = os.environ | {"KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.suite.backends.keras_checks"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("check", "least"),
    [
        pytest.param("wrong_answers", 90, id="every-call form-gives-the-oracles-answer-or-says-unsupported"),
        pytest.param("stale_claims", 60, id="what-is-called-unsupported-is-refused-or-differs-when-made-anyway"),
        pytest.param("drifting_scripts", 40, id="a-script-gives-the-same-bits-as-the-call"),
        pytest.param("wrong_shapes", 60, id="compute-output-shape-gives-the-shape-of-the-settings"),
        pytest.param("stale_layers", 40, id="a-layer-that-is-used-again-computes-with-its-new-weights"),
        pytest.param("other_bits_when_fused", 60, id="fusing-gives-the-same-bits"),
        pytest.param("wrong_resizes", 4, id="upsampling-repeats-or-interpolates"),
        pytest.param("wrong_dtypes", 3, id="a-dtype-comes-back-as-it-went-in"),
        pytest.param("wrong_gradients", 200, id="every-gradient-has-the-numbers-of-its-closed-form"),
        pytest.param("drifting_gradient_scripts", 60, id="a-script-of-a-gradient-or-a-mode-gives-the-same-bits"),
        pytest.param("wrong_mixed", 8, id="mixed-precision-is-narrow-and-exact-on-small-integers"),
        pytest.param("wrong_layouts", 14, id="a-layout-changes-no-bit"),
        pytest.param("wrong_dtype_claims", 14, id="a-dtype-is-kept-or-claimed-and-the-claim-holds"),
        pytest.param("wrong_modes", 20, id="every-mode-gives-the-oracles-answer-and-shape"),
        pytest.param("wrong_attempts", 10, id="an-attempt-passes-on-what-means-nothing"),
        pytest.param("lost_settings", 12, id="a-file-keeps-every-setting"),
    ],
)
def test_keras(checked: Checked, engine: str, check: str, least: int) -> None:
    result = checked(engine)["checks"][check]
    assert result["failures"] == []
    assert result["asked"] >= least


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_says_what_it_is(checked: Checked, engine: str) -> None:
    result = checked(engine)
    assert result["name"] == f"keras-{engine}"
    assert list(result["versions"])[:2] == ["keras", engine]
    assert "threads" in result["flags"]


def test_a_script_reads_as_a_person_writes_it() -> None:
    """No framework is needed to write a script."""
    from convt.content.backends.keras.programs import program

    from convt.conv.settings import Settings

    settings = Settings(input=(4, 4), kernel=(3, 3), stride=(2, 2), padding="same", channels_out=2, bias=True)
    assert program(Form(settings), "torch", "eager", refused=False).script.splitlines() == [
        "layer = keras.layers.Conv2DTranspose(",
        "    filters=2,",
        "    kernel_size=(3, 3),",
        "    strides=(2, 2),",
        "    padding='same',",
        "    kernel_initializer=keras.ops.zeros,",
        "    bias_initializer=keras.ops.zeros,",
        '    dtype="float32",',
        ")",
        "layer.build((None, None, None, 1))",
        "",
        "",
        "def answer(x, w, b):",
        "    layer.set_weights([np.moveaxis(w, (0, 1), (-1, -2)), b])",
        "    y = layer(np.moveaxis(x, 1, -1))",
        "    return np.moveaxis(keras.ops.convert_to_numpy(y), -1, 1)",
        "",
        "",
        "y = answer(x, w, b)",
    ]


@pytest.mark.parametrize(
    ("fields", "padding", "output_padding"),
    [
        pytest.param({"padding": "same"}, "same", None, id="same"),
        pytest.param({"padding": "valid"}, "valid", None, id="valid"),
        pytest.param({"padding": ((1, 2),)}, "same", None, id="the-crop-of-same-in-numbers"),
        pytest.param({"padding": ((0, 0),)}, "valid", None, id="no-crop"),
        pytest.param({"padding": ((0, 0),), "output_padding": (1,)}, "valid", (1,), id="no-crop-and-one-more"),
        pytest.param({"padding": "same", "output_size": (13,)}, "same", (0,), id="same-of-a-wanted-size"),
        pytest.param({"padding": ((2, 2),)}, "same", (0,), id="a-symmetric-crop-is-same-with-output-padding"),
    ],
)
def test_a_crop_becomes_a_keyword_and_an_output_padding(
    fields: dict[str, Any], padding: str, output_padding: tuple[int, ...] | None
) -> None:
    from convt.content.backends.keras.calls import call_for

    from convt.conv.settings import Settings

    options = call_for(Settings(input=(7,), kernel=(5,), stride=(2,), **fields), 0).options
    assert (options["padding"], options.get("output_padding")) == (padding, output_padding)


def test_a_mirrored_crop_is_no_keyword() -> None:
    """PyTorch's padding=2, output_padding=1 gives the size of `same` and every value one pixel off."""
    from convt.content.backends.keras.calls import LAST, refusal

    from convt.conv.settings import Settings

    mirrored = Settings(input=(7,), kernel=(5,), stride=(2,), padding=((2, 2),), output_padding=(1,))
    reason = refusal(mirrored, "value", LAST, "torch")
    assert reason == "neither 'same' nor 'valid' is the padding ((2, 2),) with the output (14,)"


def read_outside_functions(text: str) -> list[int]:
    """The lines of a module that read the environment as soon as it is imported."""
    found: list[int] = []

    def walk(node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            return
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
            found.append(node.lineno)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(text))
    return found


def test_the_environment_is_read_when_an_adapter_is_made_and_not_before() -> None:
    assert read_outside_functions("import os\nclass Keras:\n    name = os.environ['KERAS_BACKEND']\n") == [3]
    paths = sorted((ROOT / "backends" / "keras").glob("*.py"))
    assert len(paths) > 4
    assert {path.name: read for path in paths if (read := read_outside_functions(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("engine", "device", "word"),
    [
        ("jax", "cpu", "cpu:0"),
        ("jax", "cuda:1", "gpu:1"),
        ("torch", "cpu", "cpu"),
        ("torch", "cuda:0", "gpu:0"),
        ("tensorflow", "cpu", "cpu"),
    ],
)
def test_on_jax_a_device_has_a_number_without_which_keras_before_3_12_reads_none(
    engine: str, device: str, word: str
) -> None:
    from convt.content.backends.keras.engines import device_word

    assert device_word(engine, device) == word
