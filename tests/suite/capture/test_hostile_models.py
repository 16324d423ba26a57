"""Files that are damaged, hostile or none at all: one line on standard error, exit status 2, and never for long."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convt.capture import wire
from convt.capture.child import Python
from convt.capture.exported_file import capture_exported
from convt.capture.keras_file import capture_keras
from convt.capture.litert_file import capture_litert
from convt.capture.onnx_file import capture_onnx
from convt.capture.seen import Captured, Unreadable, Wanted
from convt.capture.tensorflow_file import capture_saved_model
from convt.capture.wire import Message, Source
from convt.cli import main

PATIENCE = 20.0


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def onnx(graph: bytes) -> bytes:
    return varint(1 << 3) + varint(8) + field(7, graph)


def node(op: str, *inputs: str) -> bytes:
    return b"".join(field(1, name.encode()) for name in inputs) + field(2, b"y") + field(4, op.encode())


def tensor(name: str, dims: list[int], more: bytes = b"") -> bytes:
    sizes = b"".join(varint(1 << 3) + varint(dim) for dim in dims)
    return field(5, sizes + varint(2 << 3) + varint(1) + field(8, name.encode()) + more)


def nested(depth: int) -> bytes:
    """Graphs inside graphs, by an attribute of a node each."""
    graph = field(1, node("Relu", "x"))
    for _ in range(depth):
        attribute = field(1, b"body") + varint(20 << 3) + varint(5) + field(6, graph)
        graph = field(1, node("Loop", "x") + field(5, attribute))
    return onnx(graph)


def calls_of_calls(depth: int) -> bytes:
    """Functions that call each the next one twice: 2^depth nodes."""
    model = varint(1 << 3) + varint(8) + field(7, field(1, node("f0", "x") + field(7, b"own")))
    for at in range(depth):
        body = field(7, node(f"f{at + 1}", "x") + field(7, b"own")) * 2
        model += field(25, field(1, f"f{at}".encode()) + field(4, b"x") + field(5, b"y") + body + field(10, b"own"))
    return model


def zipped(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_json", ".json"), content)


def flat(*tables: int) -> bytes:
    return struct.pack("<I4s", 8, b"TFL3") + struct.pack(f"<{len(tables)}i", *tables)


FILES: dict[str, bytes] = {
    "empty.onnx": b"",
    "text.onnx": b"this is a text and no model at all" * 10,
    "zeros.onnx": bytes(4096),
    "cut.onnx": onnx(field(1, node("Conv", "x", "w")) + tensor("w", [4, 2, 3]))[:-7],
    "length.onnx": varint(7 << 3 | 2) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "endless-varint.onnx": b"\xff" * 40,
    "group.onnx": varint(7 << 3 | 3) * 100,
    "name.onnx": onnx(field(1, field(4, b"C" * 10_000_000))),
    "nested.onnx": nested(200),
    "functions.onnx": calls_of_calls(60),
    "dims.onnx": onnx(field(1, node("Conv", "x", "w")) + tensor("w", [2**62, 2**62, 3])),
    "negative.onnx": onnx(field(1, node("Conv", "x", "w")) + tensor("w", [2**64 - 5, 2, 3])),
    "no-layer.onnx": onnx(field(1, node("Relu", "x"))),
    "open.onnx": onnx(field(1, node("Conv", "x", "w"))),
    "empty.tflite": b"",
    "text.tflite": b"TFL3" * 20,
    "far.tflite": flat(2**31 - 1, 0, 0),
    "behind.tflite": flat(-(2**31), -1, -1),
    "itself.tflite": flat(0, 0, 0, 0, 0),
    "empty.pt2": b"",
    "text.pt2": b"PK\x03\x04 and then nothing of a zip file",
    "text.keras": b"no model",
    "text.h5": b"no model",
    "hdf5.h5": b"\x89HDF\r\n\x1a\n" + b"\xff" * 200,
    "weights.pt": b"x",
    "no-suffix": b"x",
}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a capture that ends with 2, in time."""
    started = time.monotonic()
    assert main(["capture", *words]) == 2
    assert time.monotonic() - started < PATIENCE
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    lines = said.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert len(lines[0]) < 1000
    return lines[0]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(FILES[name])
    assert name in refused(capsys, name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def zip_bomb(path: Path) -> None:
    zipped(path, config_json=b" " * 200_000_000, m__models__model_json=b" " * 200_000_000)


def deep_json(path: Path) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    zipped(path, config_json=deep, m__models__model_json=deep)


def other_json(path: Path) -> None:
    zipped(path, config_json=b'{"config": {"layers": 7}}', m__models__model_json=b'{"graph_module": []}')


def not_there(path: Path) -> None:
    zipped(path, other_json=b"{}")


def damaged(path: Path) -> None:
    zipped(path, config_json=os.urandom(4000), m__models__model_json=os.urandom(4000))
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", ["keras", "pt2"])
@pytest.mark.parametrize("make", [zip_bomb, deep_json, not_there, damaged])
def test_a_zip_file_that_is_no_model_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], suffix: str
) -> None:
    path = tmp_path / f"m.{suffix}"
    make(path)
    assert f"m.{suffix}" in refused(capsys, str(path))


def test_json_of_another_form_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other_json(tmp_path / "m.pt2")
    assert "no program that convt can read" in refused(capsys, str(tmp_path / "m.pt2"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("suffix", ["onnx", "tflite", "keras", "pt2", "h5"])
def test_a_pipe_or_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    assert "no plain file" in refused(capsys, str(tmp_path / f"pipe.{suffix}"))
    (tmp_path / f"folder.{suffix}").mkdir()
    assert "a folder without saved_model.pb" in refused(capsys, str(tmp_path / f"folder.{suffix}"))


def test_a_saved_model_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in {"empty": b"", "text": b"no graph" * 9, "graph": field(2, field(2, b""))}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(content)
        assert name in refused(capsys, str(tmp_path / name))
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "saved_model.pb")
    assert "no plain file" in refused(capsys, str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.onnx"], "no such file"),
        (["gone"], "did you mean gone:Name"),
        (["net.py"], "no such file: did you mean net.py:Name"),
        (["a:b:c"], "'a:b' is no module"),
        (["net.py:"], "accepted that of a model"),
        ([""], "no such file"),
        (["a\x00b.onnx"], "no such file"),
        (["x" * 5000], "no such file"),
    ],
)
def test_what_is_no_model_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *words)


@pytest.mark.parametrize("shape", ["1,b", "1,-2", "", ":int64", "1,2:float31", "1," * 40 + "1", "99999999999"])
def test_an_input_shape_that_is_none(capsys: pytest.CaptureFixture[str], shape: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["capture", "m.onnx", "--input-shape", shape])
    assert ended.value.code == 2
    assert "accepted" in capsys.readouterr().err


def test_a_python_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tests.suite.capture.programs:jax_calls", "--trust", "--input-shape", "1,2", "--python"]
    assert "--python" in refused(capsys, *words, str(tmp_path / "python"))
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    assert "--python" in refused(capsys, *words, str(tmp_path / "text"))


def test_code_that_hangs_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tests.suite.capture.programs:hangs", "--trust", "--input-shape", "1,2", "--deadline", "2"]
    assert "no answer in 2 s" in refused(capsys, *words)


def test_a_budget_of_fields_ends_a_file_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_FIELDS", 1000)
    (tmp_path / "many.onnx").write_bytes(onnx(field(1, node("Relu", "x")) * 5000))
    with Source(tmp_path / "many.onnx") as source, pytest.raises(Unreadable, match="more than 1,000 fields"):
        list(Message(source).messages(7))


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files and peak memory as Linux has them")
def test_weights_of_gigabytes_are_stepped_over(tmp_path: Path) -> None:
    """Raw data of 1.9 GB inside of the file, as a hole of it."""
    size = 1_900_000_000
    before = field(1, node("Conv", "x", "w")) + field(11, value_info("x", [1, 2, 9])) + tensor("w", [4, 2, 3])
    head = field(8, b"big") + varint(1 << 3) + varint(size // 4) + varint(2 << 3) + varint(1)
    raw = varint(9 << 3 | 2) + varint(size)
    held = varint(5 << 3 | 2) + varint(len(head) + len(raw) + size) + head + raw
    start = varint(1 << 3) + varint(8) + varint(7 << 3 | 2) + varint(len(before) + len(held) + size) + before + held
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + size)
    peak = wire.WINDOW
    with Source(path) as source:
        assert Message(source).has(7)
        assert len(source._window) <= peak
    found = capture_onnx(path, Wanted(), lambda *_: {})
    assert [one.settings.x_shape for one in found.seen] == [(1, 2, 9)]


def value_info(name: str, sizes: list[int]) -> bytes:
    dims = b"".join(field(1, varint(1 << 3) + varint(size)) for size in sizes)
    return field(1, name.encode()) + field(2, field(1, varint(1 << 3) + varint(1) + field(2, dims)))


def answered(read: Callable[[], Captured]) -> bool:
    """Whether something is captured; a reason of one line is as good, and any other exception is none."""
    try:
        return bool(read().seen)
    except Unreadable as error:
        if "\n" in str(error):
            raise AssertionError(f"more than a line: {error}") from error
        return False


def test_random_damage_is_never_more_than_one_line(tmp_path: Path) -> None:
    """Bytes of good models changed and left out."""
    layer = field(1, node("Conv", "x", "w")) + tensor("w", [4, 2, 3], field(9, bytes(96)))
    good = onnx(layer + field(1, node("Relu", "y")) + field(11, value_info("x", [1, 2, 9])))
    draw = np.random.default_rng(0)
    path = tmp_path / "damaged"
    folder = tmp_path / "saved"
    folder.mkdir()
    read = 0
    for _ in range(600):
        content = bytearray(good)
        for at in draw.integers(0, len(content), draw.integers(1, 4)):
            content[at] = draw.integers(0, 256)
        path.write_bytes(content[: draw.integers(1, len(content) + 1)] if draw.random() < 0.3 else content)
        (folder / "saved_model.pb").write_bytes(path.read_bytes())
        read += answered(lambda: capture_onnx(path, Wanted({}, {}, True), lambda *_: {}))
        answered(lambda: capture_litert(path, Wanted({}, {}, True)))
        answered(lambda: capture_saved_model(folder))
    assert read > 10


@pytest.mark.parametrize("name", ["m.tflite", "saved/saved_model.pb"])
def test_random_damage_of_files_that_tensorflow_wrote(tmp_path: Path, name: str) -> None:
    good = (Path(__file__).parent / "files" / Path(name).name).read_bytes()
    draw = np.random.default_rng(0)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    read = 0
    for _ in range(300):
        content = bytearray(good)
        for at in draw.integers(0, len(content), draw.integers(1, 30)):
            content[at] = draw.integers(0, 256)
        path.write_bytes(content[: draw.integers(1, len(content) + 1)] if draw.random() < 0.3 else content)
        if name.endswith(".pb"):
            read += answered(lambda: capture_saved_model(path.parent))
        else:
            read += answered(lambda: capture_litert(path, Wanted({}, {}, True)))
    assert read > 10


ODD = [None, True, -1, 0, 2**70, 1.5, "", "x", [], [None], {}, {"config": 7}, [[1]], {"as_int": "x"}]


def changed(value: Any, draw: np.random.Generator, share: float) -> Any:
    """A copy with some of its values being others."""
    if draw.random() < share:
        return ODD[draw.integers(len(ODD))]
    if isinstance(value, dict):
        return {key: changed(item, draw, share) for key, item in value.items() if draw.random() > share / 3}
    return [changed(item, draw, share) for item in value] if isinstance(value, list) else value


KERAS: dict[str, Any] = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": word, "config": {"name": word, "filters": 4, "kernel_size": [3, 3], "strides": [2, 2], "groups": 1,
                                    "padding": "same", "dtype": {"config": {"name": "float32"}}, "use_bias": True},
     "build_config": {"input_shape": [None, 9, 8, 4]}, "inbound_nodes": [{}]}
    for word in ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "Dense")]}}  # fmt: skip
TENSORS = {
    name: {"dtype": 7, "sizes": [{"as_int": size} for size in sizes], "strides": [{"as_int": 1}] * 4}
    for name, sizes in {"x": [1, 2, 9, 8], "w": [2, 3, 4, 4], "y": [1, 3, 20, 18]}.items()
}
PROGRAM: dict[str, Any] = {"graph_module": {"graph": {"tensor_values": TENSORS, "nodes": [
    {"target": "torch.ops.aten.conv_transpose2d.input", "outputs": [{"as_tensor": {"name": "y"}}],
     "metadata": {"nn_module_stack": "L__self__up,up,torch.nn.ConvTranspose2d"}, "inputs": [
        {"name": "input", "arg": {"as_tensor": {"name": "x"}}}, {"name": "weight", "arg": {"as_tensor": {"name": "w"}}},
        {"name": "stride", "arg": {"as_ints": [2, 2]}}, {"name": "groups", "arg": {"as_int": 1}}]}]},
    "signature": {"input_specs": [{"parameter": {"arg": {"name": "w"}, "parameter_name": "up.weight"}}]}}}  # fmt: skip


@pytest.mark.parametrize("suffix", ["keras", "pt2"])
def test_json_with_other_values_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    def no_child(*_: object) -> None:
        raise Unreadable("Keras is asked")

    monkeypatch.setattr("convt.capture.child.ask", no_child)
    draw = np.random.default_rng(0)
    path = tmp_path / f"m.{suffix}"
    read = 0
    for _ in range(500):
        good = KERAS if suffix == "keras" else PROGRAM
        text = json.dumps(changed(good, draw, draw.choice([0.005, 0.02, 0.2]))).encode()
        zipped(path, config_json=text, m__models__model_json=text)
        if suffix == "keras":
            read += answered(lambda: capture_keras(path, Wanted(), Python()))
        else:
            read += answered(lambda: capture_exported(path, Wanted({}, {}, True)))
    assert read > 10


def test_json_is_no_place_for_surprises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config: Any
    for config in ({"config": {"layers": [{"class_name": "Conv2D", "config": 7}]}}, {"config": []}, [], 7):
        zipped(tmp_path / "m.keras", config_json=json.dumps(config).encode())
        refused(capsys, str(tmp_path / "m.keras"))
