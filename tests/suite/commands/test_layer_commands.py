"""`convt explain`, `translate` and `solve`: one line for what cannot be, help with examples, JSON for programs."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from convt.cli import main, parser
from convt.commands.parts import WORSE

LAYER = "torch.nn.ConvTranspose2d(1, 3, 3, stride=2, padding=1, output_padding=1)"


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said on standard error by a command that ends with 2, at parsing or later."""
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(words))
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["explain", "nn.ConvTranspose2d(1, 3, 3, strides=2)"], "has no argument strides; it says stride"),
        (["explain", "nn.ConvTranspose2d(1, 3"], "a layer: cannot read 'nn.ConvTranspose2d(1, 3'"),
        (["explain", "layer"], "a layer: found 'layer', accepted one call"),
        (["explain", LAYER, "--input", "4"], "found 1 extents (4), accepted one for each"),
        (
            ["explain", LAYER, "--input", "4x"],
            "argument --input: found '4x', accepted one to three extents such as 4x4",
        ),
        (["explain", LAYER, "--input", "9" * 30 + "x4"], "accepted extents below"),
        (["explain", LAYER, "--channels", "0"], "argument --channels: found '0', accepted a whole number, 1 or more"),
        (["explain", LAYER, "--channels", "7"], "the layer itself says 1, and 7 was given"),
        (["explain", LAYER, "--batch", "a"], "argument --batch: found 'a'"),
        (["explain", "nn.ConvTranspose1d(1, 1, 3, padding=5)", "--input", "4"], "the output would have extents (-4,)"),
        (["explain", LAYER, "--html", "/proc/x/y"], "cannot be written"),
        (["explain", LAYER, "--html", "."], "argument --html: found '.', a folder"),
        (["explain", LAYER, "--html", "/dev/null"], "argument --html: found '/dev/null', a device or pipe"),
        (["explain", "nosuch.txt"], "LAYER: found 'nosuch.txt', which is no file here; accepted a call"),
        (["explain", "/"], "LAYER: found '/', a folder; accepted a call"),
        (["explain", f"nn.Conv1d(1, 1, {'9' * 5000})"], "': a number of it is too long; write one call"),
        (["explain", "nn.Conv1d(1, 1, 3, dtype='\udcc3')"], ": it has bytes that are no text; write one call"),
        (["explain", "nn.Conv1d(1, 3, 3, groups=2)"], "this layer is impossible: groups: 2 does not divide"),
        (["explain", "Conv2d(4, 4, kernel_size=(3, 3), padding_mode=reflect)"], "padding_mode: found 'reflect'"),
        (["explain", "Conv2d(4, 4, kernel_size=(3, 3), padding=half)"], "padding: found the name half, accepted"),
        (["solve", "--input", "7", "--kernel", "1000000000"], "--kernel: found '1000000000', accepted 1 to 65,536"),
        (["translate", LAYER, "--to", "torc"], "--to: found 'torc', accepted torch"),
        (["translate", LAYER, "--to", ","], "--to: found nothing, accepted torch"),
        (["solve", "--kernel", "3"], "--input and --output: found neither"),
        (["solve", "--input", "7", "--most", "0"], "--most: found 0, accepted 1 to 1,000"),
        (["solve", "--input", "7", "--op", "sideways"], "invalid choice: 'sideways'"),
        (["solve", "--input", "7", "--to", "torc"], "--to: found 'torc'"),
        (["solve", "--input", "1..60000", "--output", "3"], "combinations to try, accepted 50,000 at most"),
    ],
    ids=lambda value: ascii(" ".join(value).replace(LAYER, "LAYER"))[1:80] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    said = refused(capsys, *words)
    assert says in said
    assert len([line for line in said.splitlines() if line.startswith(f"convt {words[0]}: ")]) == 1


def test_a_layer_comes_from_a_file_or_from_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["explain", LAYER, "--input", "4x4"]) == 0
    due = capsys.readouterr().out
    assert "4x4 to 8x8" in due
    path = tmp_path / "layer.txt"
    path.write_text(f"{LAYER}\n")
    assert main(["explain", str(path), "--input", "4x4"]) == 0
    assert capsys.readouterr().out == due
    monkeypatch.setattr(sys, "stdin", io.StringIO(LAYER))
    assert main(["explain", "-", "--input", "4x4"]) == 0
    assert capsys.readouterr().out == due


def test_a_file_may_begin_with_the_mark_of_its_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "layer.txt"
    path.write_bytes(b"\xef\xbb\xbf" + LAYER.encode())
    assert main(["explain", str(path), "--input", "4x4"]) == 0
    assert "4x4 to 8x8" in capsys.readouterr().out


def test_what_pytorch_prints_of_a_layer_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    printed = "  (up): ConvTranspose2d(2, 3, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))"
    assert main(["translate", printed, "--to", "keras"]) == 0
    assert "keras.layers.Conv2DTranspose(3, 4, strides=2, padding='same')" in capsys.readouterr().out
    assert (
        main(["translate", "(0): Conv2d(4, 4, kernel_size=(3, 3), stride=(1, 1), padding=same)", "--to", "keras"]) == 0
    )
    assert "keras.layers.Conv2D(4, 3, padding='same')" in capsys.readouterr().out


def test_a_page_is_written_through_a_link(tmp_path: Path) -> None:
    out, link = tmp_path / "layer.html", tmp_path / "link.html"
    out.touch()
    link.symlink_to(out)
    assert main(["explain", LAYER, "--html", str(link)]) == 0
    assert link.is_symlink()
    assert "<html" in out.read_text()


def test_signs_that_steer_a_terminal_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "nn.Conv1d(1, 1, 3,\n dtype='\x1b[31m')"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert text.startswith("nn.Conv1d(1, 1, 3,\n dtype='\\x1b[31m')\n")


def test_of_more_positions_than_are_counted_what_repeats_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", LAYER, "--input", "100000x100000"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "overlap      checkerboard: 1 to 4 taps on a position away from the border" in text
    assert "away from the border, along every axis, 2 1 repeats" in text
    assert "too many positions to count one by one" in text
    assert main([*words, "--html", str(tmp_path / "layer.html")]) == 0
    assert "heckerboard: 1 to 4 taps" in (tmp_path / "layer.html").read_text()


def test_an_input_that_is_all_border_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    small = "of an input as small as this one all are near the border"
    for extents, told in (("1x1", True), ("4x4", False)):
        assert main(["explain", "nn.ConvTranspose2d(1, 1, 4)", "--input", extents]) == 0
        assert (small in " ".join(capsys.readouterr().out.split())) is told


@pytest.mark.parametrize(("content", "says"), [(b"", "found nothing"), (b"\xff\xfe", "found bytes that are no text"),
                                               (b"a" * 20_000, "found more than 10,000 characters")])  # fmt: skip
def test_a_file_that_is_no_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, says: str) -> None:
    path = tmp_path / "layer.txt"
    path.write_bytes(content)
    assert says in refused(capsys, "explain", str(path))


def test_an_explanation_has_the_width_of_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--input", "4x4"], ["--input", "200x300"], []):
        assert main(["explain", LAYER, *words]) == 0
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 100
        assert "\x1b" not in text
        assert len(text.splitlines()) < 56


def test_the_page_is_written_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "layer.html"
    assert main(["explain", LAYER, "--input", "4x4", "--html", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert "4x4 to 8x8" in out.read_text()


def test_what_programs_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", LAYER, "--input", "4x4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == [8, 8]
    assert main(["translate", LAYER, "--to", "torch.nn.functional", "--program", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["call"] == "F.conv_transpose2d(x, kernel, bias, stride=2, padding=1, output_padding=1)"
    assert found["kernel_from_source"] == "w"
    assert "y = F.conv_transpose2d(" in found["program"]
    assert main(["solve", "--input", "7", "--output", "14", "--json", "--to", "torch"]) == 0
    assert json.loads(capsys.readouterr().out)["shown"][0]["begins"] == [1]


def test_a_translation_tells_the_call_the_kernel_and_the_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", LAYER, "--to", "torch", "--program"]) == 0
    text = capsys.readouterr().out
    assert "kernel w (in, out/groups, kernel H, kernel W)" in text
    assert f"  call       {LAYER}\n" in text
    assert "as it is" in text
    assert "by name, weight and bias; x and y NCHW" in text
    assert f"    layer = {LAYER}\n" in text
    assert main(["translate", LAYER, "--to", "torch"]) == 0
    assert "layer = " not in capsys.readouterr().out


def test_nothing_that_solves_ends_with_2_and_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "--input", "7", "--output", "20", "--kernel", "3", "--stride", "2"]) == 2
    assert capsys.readouterr().out.startswith("No setting does it.\nThe nearest:\n  7 to 16 by kernel 3, stride 2")


@pytest.mark.parametrize("command", ["explain", "translate", "solve"])
def test_the_examples_of_the_help_are_accepted(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    import shlex

    with pytest.raises(SystemExit):
        parser().parse_args([command, "--help"])
    text = capsys.readouterr().out
    examples = re.findall(rf"^  (convt {command} .*)$", text, re.MULTILINE)
    assert len(examples) == 3
    for line in examples:
        assert parser().parse_args(shlex.split(line)[1:]).command == command


def test_a_fault_is_not_taken_for_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check above would see a traceback: here is one."""
    monkeypatch.setattr("convt.explaining.facts.read", lambda _: 1 / 0)
    assert main(["explain", LAYER]) == WORSE + 1
    assert "Traceback" in capsys.readouterr().err
