"""PyTorch modules and exported programs: what is captured is what hooks on the running model see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convt.capture.seen import Unreadable
from convt.conv.settings import Settings
from tests.suite.capture import programs
from tests.suite.capture.captures import captured, close, numbers, through

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
HERE = "tests.suite.capture.programs"


def watched(module: Any, *arrays: Any) -> list[tuple[str, Settings]]:
    """The settings of every layer that runs, by hooks and the layers' own words."""
    found: list[tuple[str, Settings]] = []

    def see(name: str, layer: Any, x: Any, y: Any) -> None:
        transposed = "Transpose" in type(layer).__name__
        rank = x.dim() - 2
        padding: Any = layer.padding if isinstance(layer.padding, str) else tuple((p, p) for p in layer.padding)
        more = layer.output_padding if transposed and any(layer.output_padding) else None
        it = Settings(
            op="conv_transpose" if transposed else "conv", input=tuple(x.shape[2:]), kernel=layer.kernel_size,
            stride=layer.stride, dilation=layer.dilation, padding=padding, output_padding=more, batch=x.shape[0],
            channels_in=layer.in_channels, channels_out=layer.out_channels, groups=layer.groups,
            bias=layer.bias is not None,
        )  # fmt: skip
        assert len(it.input) == rank
        assert tuple(y.shape) == it.y_shape
        found.append((name, it.explicit()))

    for name, layer in module.named_modules():
        if hasattr(layer, "kernel_size"):
            layer.register_forward_hook(lambda layer, x, y, name=name: see(name, layer, x[0], y))
    with torch.no_grad():
        module.eval()(*arrays)
    return found


@pytest.mark.parametrize("weights", [False, True])
def test_layers_and_calls_are_seen_as_they_run(weights: bool) -> None:
    found = captured(f"{HERE}:torch_chain", shapes={"0": (2, 4, 9, 8)}, weights=weights, trust=True)
    assert not found.left
    module = programs.torch_chain()
    by_hooks = watched(module, torch.zeros(2, 4, 9, 8))
    seen = [(one.name, one.settings.explicit()) for one in found.seen]
    assert [one for one in seen if one[0] != "Chain"] == by_hooks
    assert [name for name, _ in seen] == ["down.0", "up", "up", "Chain", "same"]
    if weights:
        x = numbers((2, 4, 9, 8))
        with torch.no_grad():
            assert close(module.eval()(torch.from_numpy(x)), through(found, x))


def test_dtypes_memory_and_rank_are_seen_also_where_the_answer_needs_numbers() -> None:
    found = captured(f"{HERE}:torch_formats", shapes={"0": (1, 2, 8), "ids": (3,)}, dtypes={"ids": "int64"}, trust=True)
    assert [(one.name, one.dtype, one.channels_last, one.settings.rank) for one in found.seen] == [
        ("line", "bfloat16", False, 1), ("plane", "float32", True, 2), ("space", "float32", False, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("weights", [False, True])
def test_an_exported_program_is_read_as_data(tmp_path: Path, weights: bool) -> None:
    module = programs.torch_chain().eval()
    x = numbers((2, 4, 9, 8))
    path = tmp_path / "chain.pt2"
    torch.export.save(torch.export.export(module, (torch.from_numpy(x),)), path)
    found = captured(path, weights=weights)
    assert [one.name for one in found.seen][:2] == ["down.0", "up"]
    assert [one.settings.explicit() for one in found.seen if one.name in ("down.0", "up", "same")] == [
        it for _, it in watched(programs.torch_chain(), torch.from_numpy(x))
    ]
    if weights:
        assert close(module(torch.from_numpy(x)).detach(), through(found, x))


def test_code_runs_only_where_it_is_trusted() -> None:
    with pytest.raises(Unreadable, match="add --trust"):
        captured(f"{HERE}:torch_chain", shapes={"0": (2, 4, 9, 8)})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "RuntimeError: no such checkpoint on this machine (programs.py, line"),
        ("ends", "the process ended without an answer"),
        ("killed", "the process was ended by SIGSEGV"),
        ("a_number", "gives a int; accepted a torch.nn.Module"),
        ("nothing", "has no 'nothing'; it has"),
    ],
)
def test_what_goes_wrong_in_the_users_code_is_one_line(name: str, said: str) -> None:
    with pytest.raises(Unreadable) as error:
        captured(f"{HERE}:{name}", shapes={"0": (1, 3, 8, 8)}, trust=True)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
