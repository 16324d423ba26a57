"""From convolutions to a spec file: names, reasons, cuts, dtypes, weights; and what the command says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convt.capture.cases import Made, cases_of, slug
from convt.capture.cutting import cut, for_every_law, for_oracles, for_sums
from convt.capture.seen import Captured, LeftOut, Seen
from convt.capture.writing import save_weights, spec_text
from convt.cases.case import Case
from convt.cases.errors import SpecErrors
from convt.cases.loader import load_cases
from convt.cli import main
from convt.conv.settings import Op, Settings
from convt.laws.probes import plain
from convt.session.verdicts import paste
from tests.suite.conv.random_settings import random_settings

SMALL = Settings((5, 6), (3, 3), (2, 2), channels_in=2, channels_out=3, bias=True)
LARGE = Settings((64, 64), (3, 3), (1, 1), padding=((1, 1), (1, 1)), channels_in=256, channels_out=256, op="conv")


def loaded(folder: Path, made: list[Made], weights: bool = False) -> list[Case]:
    """The cases after a file."""
    held = weights and save_weights(made, folder / "m.npz") > 0
    (folder / "m.yaml").write_text(spec_text(made, "m", "m.onnx", (1, 1), "m.npz" if held else None))
    return load_cases([folder / "m.yaml"])


def cases(*seen: Seen, trains: bool = False) -> list[Made]:
    return cases_of(Captured([*seen], trains=trains), "My Net")


def test_equal_settings_are_one_case_that_names_its_layers(tmp_path: Path) -> None:
    made = cases(Seen("block1.up", SMALL), Seen("block2.up", SMALL), Seen("block2.up", SMALL), Seen("c", LARGE))
    first, second = loaded(tmp_path, made)
    assert first.about == "2 layers, block1.up, block2.up, run 3 times: 2 to 3 channels, 5x6 to 11x13, as in the model."
    assert (first.id, first.settings, first.laws) == ("my-net-block1-up-2to3-k3-s2", SMALL, ())
    assert (second.settings, second.laws, second.expect.size) == (LARGE, ("realistic",), (64, 64))
    assert first.source == "m.onnx"


@pytest.mark.parametrize("op", ["conv_transpose", "conv"])
def test_any_settings_make_a_file_that_is_right(tmp_path: Path, op: Op) -> None:
    its = random_settings(150, op)
    made = cases(*(Seen(f"layer {at}: 'x' # \u00e4 {at % 3}", it, "bfloat16", True) for at, it in enumerate(its)))
    found = [case for case in loaded(tmp_path, made) if not case.asked]
    assert {case.settings for case in found} == set(its)
    assert len({case.id for case in found}) == len(found)


@pytest.mark.parametrize(
    "it",
    [
        replace(LARGE, input=(572, 572), batch=3),
        replace(LARGE, channels_in=2048, channels_out=2048),
        Settings((70_000,), (7,), (3,), padding="same", channels_in=8, channels_out=8, groups=8, op="conv"),
        Settings((300, 200), (4, 4), (2, 2), padding="same", output_size=(600, 399), channels_in=64, channels_out=32),
        Settings((1024, 1024), (7, 7), (2, 2), padding=((3, 3), (3, 3)), channels_in=3, channels_out=64, op="conv"),
        Settings((64, 64, 64), (3, 3, 3), padding="same", channels_in=512, channels_out=256, op="conv"),
    ],
)
def test_a_layer_that_is_too_large_is_cut_and_keeps_what_it_is(tmp_path: Path, it: Settings) -> None:
    [case] = loaded(tmp_path, cases(Seen("big", it)))
    found = case.settings
    for name in ("op", "kernel", "stride", "dilation", "padding", "bias"):
        assert getattr(found, name) == getattr(it, name)
    assert found != it
    assert "; cut here to " in case.about
    assert for_sums(found)
    if not it.transposed:  # an axis ends where it did between two strides
        assert [(a - b) % s for a, b, s in zip(it.input, found.input, it.stride, strict=True)] == [0] * it.rank


def test_a_cut_is_the_first_that_fits() -> None:
    assert cut(SMALL, for_every_law) == SMALL
    found = cut(replace(SMALL, batch=7), lambda it: it.batch <= 2)
    assert found == replace(SMALL, batch=2)
    assert cut(SMALL, lambda it: False) is None


def test_dtype_and_memory_are_asked_beside(tmp_path: Path) -> None:
    layers = [
        Seen("a", SMALL),
        Seen("b", SMALL, "bfloat16"),
        Seen("c", SMALL, channels_last=True),
        Seen("d", SMALL, "int8"),
    ]
    found = loaded(tmp_path, cases(*layers))
    assert [(case.asked.want, case.asked.dtype, case.asked.memory) for case in found if case.asked] == [
        ("value", "bfloat16", ("contiguous",) * 3),
        ("value", "float32", ("channels-last", "channels-last", "contiguous")),
    ]
    assert found[1].about.startswith("bfloat16: b: ")
    trained = loaded(tmp_path, cases(*layers, trains=True))
    assert [case.asked.want for case in trained if case.asked] == ["value", "grad-x", "grad-w"] * 2


def test_what_nothing_can_judge_is_left_out_with_its_layers() -> None:
    none = Settings((4,), (3,), channels_in=2**20, channels_out=2**20, groups=2**20, op="conv", dilation=(65_000,))
    captured = Captured([Seen("far", none.replace(dilation=(70_000,), padding=((70_000, 70_000),)))])
    assert cases_of(captured, "m") == []
    assert captured.left[0].name == "far"
    assert "no part of it can be judged" in captured.left[0].reason


def test_names_are_told_apart_and_keep_to_the_rules() -> None:
    wide = [SMALL.replace(input=(n, n)) for n in (5, 6, 7)]
    made = cases(*(Seen("up", it) for it in wide), Seen("1" * 200, LARGE), Seen("\u65e5\u672c", SMALL))
    names = [one.case.id for one in made]
    assert names[:3] == ["my-net-up-2to3-k3-s2", "my-net-up-2to3-k3-s2-n6", "my-net-up-2to3-k3-s2-n7"]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) and len(name) <= 80 for name in names)
    assert cases_of(Captured([Seen("x", SMALL)]), "3d_unet")[0].case.id == "m-3d-unet-x-2to3-k3-s2"
    assert slug("a.b/C d", 20) == "a-b-c-d"


def weighed(it: Settings, name: str = "w") -> Seen:
    draw = np.random.default_rng(0)
    bias = draw.normal(size=it.b_shape).astype(np.float32) if it.bias else None
    return Seen(name, it, weights=(draw.normal(size=it.w_shape).astype(np.float32), bias))


def test_weights_are_the_real_numbers_of_a_case(tmp_path: Path) -> None:
    small, large = weighed(SMALL), weighed(LARGE, "big")
    found = loaded(tmp_path, cases(small, large), weights=True)
    assert [case.laws for case in found] == [(), ("realistic",), ("accuracy",)]
    for case, seen in ((found[0], small), (found[2], large)):
        assert seen.weights is not None
        assert case.weights is not None
        assert np.array_equal(case.data("real").w, seen.weights[0])
        assert case.settings.w_shape == seen.settings.w_shape
    assert np.array_equal(found[0].data("real").b, small.weights[1])  # type: ignore[index, arg-type]
    assert not np.array_equal(found[0].data("exact").w, small.weights[0])  # type: ignore[index]
    assert for_oracles(found[2].settings)
    other = loaded(tmp_path, cases(Seen("w", SMALL, weights=(small.weights[0] * 2, small.weights[1])), large), True)  # type: ignore[index]
    assert other[0].digest != found[0].digest
    assert other[1].digest == found[1].digest


def test_a_script_reads_weights_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [case] = loaded(tmp_path, cases(weighed(SMALL)), weights=True)
    assert case.weights is not None
    text = paste("", "y = w.sum() + b.sum()", plain(case, "real"), kept=[case.weights])
    assert f"w = np.load('m.npz')[\"{case.id}.kernel\"]" in text
    names: dict[str, np.ndarray] = {}
    exec(text, names)  # noqa: S102  what a person pastes
    assert np.array_equal(names["w"], case.weights.w)
    assert np.array_equal(names["b"], case.weights.b)  # type: ignore[arg-type]
    assert "np.load" not in paste("", "y = w", plain(case), kept=[case.weights])


def broken(folder: Path, change: dict[str, np.ndarray], weights: str = "m.npz") -> str:
    made = cases(weighed(SMALL))
    name = made[0].case.id
    arrays = {f"{name}.kernel": np.ones(SMALL.w_shape), f"{name}.bias": np.ones(SMALL.b_shape)}
    np.savez(folder / "m.npz", **(arrays | {key.replace("ID", name): value for key, value in change.items()}))
    (folder / "m.yaml").write_text(spec_text(made, "m", "m.onnx", (1, 1), weights))
    with pytest.raises(SpecErrors) as error:
        load_cases([folder / "m.yaml"])
    assert len(error.value.errors) == 1
    return error.value.errors[0]


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    assert "of shape [2, 3, 3, 2]" in broken(tmp_path, {"ID.kernel": np.ones((2, 3, 3, 2))})
    assert "dtype int64" in broken(tmp_path, {"ID.kernel": np.ones(SMALL.w_shape, int)})
    assert "not finite" in broken(tmp_path, {"ID.bias": np.full(SMALL.b_shape, np.nan)})
    assert "belongs to no case" in broken(tmp_path, {"other.kernel": np.ones(3)})
    assert "dtype object" in broken(tmp_path, {"ID.bias": np.array([{}, [], ()], object)})
    assert "found no file" in broken(tmp_path, {}, "gone.npz")
    assert "m.yaml:4:" in broken(tmp_path, {}, "../m.npz")
    (tmp_path / "text.npz").write_text("no weights")
    assert "no .npz file" in broken(tmp_path, {}, "text.npz")


def test_a_file_of_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    """A header of another shape is refused before the numbers are read."""
    assert "of shape [100000000]" in broken(tmp_path, {"ID.kernel": np.zeros(100_000_000, np.float16)})


def test_the_command_says_what_was_seen_and_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [LeftOut("a", "no way"), LeftOut("b", "no way"), LeftOut("c\x1b[31m", "unknown")]
    captured = Captured([Seen("up", SMALL), Seen("up2", SMALL, "int8")], left, notes=["a word"])
    monkeypatch.setattr("convt.capture.sources.capture_onnx", lambda *_: captured)
    monkeypatch.chdir(tmp_path)
    Path("my net.onnx").write_bytes(b"")
    assert main(["capture", "my net.onnx"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "2 convolutions with 1 distinct setting, 3 left out",
        "  left out: a, b: no way",
        "  left out: c [31m: unknown",
        "note: 1 convolution in int8, which no case has; the settings are asked in float32",
        "note: a word",
        "my-net.yaml: 1 case: 1 by every law",
        "run them: convt run --spec my-net.yaml",
    ]
    assert main(["check", "my-net.yaml"]) == 0
    assert main(["capture", "my net.onnx"]) == 2
    assert "my-net.yaml is there already; give --out another path, or --force" in capsys.readouterr().err
    assert main(["capture", "my net.onnx", "--force"]) == 0
    assert main(["capture", "my net.onnx", "--out", "nowhere/deep/x.yaml"]) == 0
