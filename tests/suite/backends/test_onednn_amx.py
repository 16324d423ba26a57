"""Which calls in bfloat16 are unsafe with AMX: those that were seen to end the process, and none beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from convt.content.backends.onednn_amx import WITHOUT, crashes, has_amx
from convt.content.backends.tensorflow.claims import Maker, no_dtype

from convt.adapter.backend import UNSAFE, Want
from convt.conv.settings import Settings

PLANE = Settings(
    input=(1, 5, 4), kernel=(2, 1, 2), dilation=(2, 1, 1), padding=((1, 1), (0, 0), (0, 0)), batch=2, channels_in=2,
    channels_out=4, op="conv",
)  # fmt: skip
ROWS = Settings(
    input=(1, 17), kernel=(3, 3), stride=(3, 2), dilation=(2, 1), padding=((3, 3), (1, 1)), batch=3, channels_out=32,
    op="conv",
)  # fmt: skip
BACK = Settings(
    input=(1, 5, 3), kernel=(2, 1, 2), dilation=(2, 1, 1), padding=((1, 1), (0, 0), (0, 0)), batch=2, channels_in=4,
    channels_out=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("it", "change", "dtype", "want", "ends"),
    [
        (PLANE, {}, "bfloat16", "value", True),
        (PLANE, {}, "float32", "mixed-bfloat16", True),
        (PLANE, {}, "float32", "value", False),
        (PLANE, {}, "float16", "value", False),
        (PLANE, {}, "bfloat16", "shape", False),
        (PLANE, {"dilation": (1, 1, 1)}, "bfloat16", "value", False),
        (PLANE, {"input": (2, 5, 4)}, "bfloat16", "value", False),
        (PLANE, {"batch": 0}, "bfloat16", "value", False),
        (ROWS, {}, "bfloat16", "value", True),
        (ROWS, {"padding": ((2, 2), (1, 1))}, "bfloat16", "value", False),
        (BACK, {}, "bfloat16", "grad-x", True),
        (BACK, {}, "bfloat16", "value", False),
        (BACK, {}, "bfloat16", "jvp-x", False),
    ],
)
def test_what_ends_the_process_is_unsafe_and_what_does_not_is_not(
    it: Settings, change: dict[str, Any], dtype: str, want: Want, ends: bool
) -> None:
    assert crashes(it.replace(**change), dtype, want) == ends


def test_it_is_unsafe_where_onednn_has_amx() -> None:
    for amx, onednn, unsafe in ((True, True, True), (False, True, False), (True, False, False)):
        said = str(no_dtype("bfloat16", PLANE, "value", Maker("eager", "cpu", onednn, amx=amx)))
        assert said.startswith(UNSAFE) == unsafe


def test_amx_is_there_where_the_processor_has_it_and_no_switch_forbids_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    assert not has_amx(tmp_path / "no-cpuinfo")
    info = tmp_path / "cpuinfo"
    info.write_text("flags : avx512f amx_tile amx_bf16")
    assert has_amx(info)
    for value in WITHOUT:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", value.lower())
        assert not has_amx(info)
