"""PyTorch: `torch.nn.ConvTranspose1d/2d/3d` and `Conv1d/2d/3d`, their functional forms, and `interpolate`.

Its arrays are ours: channels first, kernels as (in, out/groups, ...) and (out, in/groups, ...).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from convt.adapter.backend import MIXED, Backend, Layout, Outcome, Probe, Unsupported, Want
from convt.adapter.layouts import Laid
from convt.adapter.stress import threads
from convt.conv.settings import Settings

from .calls import CALL_FORMS, FUNCTIONAL, LAYER, say, say_invalid
from .claims import Claims
from .fused import Fused
from .gradients import FORWARD, REVERSE, SECOND, functional, gradient
from .programs import MODES, Programs
from .scripts import Script, in_bfloat16


class PyTorch(Backend):
    """torch.nn on the CPU, a CUDA device or Apple's MPS."""

    name = "pytorch"
    modes = MODES
    lays_out = True
    mixes = True
    call_forms = CALL_FORMS
    script_imports = "import torch"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import torch

        self.torch = torch
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        asked = threads()
        if asked is not None:
            torch.set_num_threads(asked)
        if os.environ.get("CONVT_NO_MKLDNN") == "1":
            torch._C._set_mkldnn_enabled(False)  # torch.backends.mkldnn.enabled, in every version
        self.programs = Programs(torch, mode)
        self.claims = Claims(torch, device)

    @classmethod
    def devices(cls) -> list[str]:
        import torch

        cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]

    def versions(self) -> dict[str, str]:
        torch = self.torch
        found = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        return {name: str(version) for name, version in found.items() if version is not None}

    def flags(self) -> dict[str, str]:
        torch = self.torch
        compiler = {"compiler": self.programs.compiler} if self.mode == "compile" else {}
        return {
            "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
            "cudnn.deterministic": str(torch.backends.cudnn.deterministic),
            "cudnn.benchmark": str(torch.backends.cudnn.benchmark),
            "cudnn.allow_tf32": str(torch.backends.cudnn.allow_tf32),
            "matmul.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "mkldnn": str(torch.backends.mkldnn.enabled),
            "threads": str(torch.get_num_threads()),
            **compiler,
        }

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return self.claims.of_settings(settings, want, call_form, self.mode)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return self.claims.of_dtype(dtype, settings, want)

    def call(self, probe: Probe) -> np.ndarray:
        (x, laid_x), (w, laid_w) = (self._laid(a, how) for a, how in zip((probe.x, probe.w), probe.layout, strict=True))
        b = None if probe.b is None else self.tensor(probe.b)
        if probe.want == "unbatched":
            x = x[0]
        with self.context(probe.want):
            words = say(probe.settings, probe.call_form)
            y = self.programs.bind(words, probe.call_form, x, w, b, _mixed(probe.want)).call(x)
        answer = self.array(y, copy=not probe.block)
        for laid, name in ((laid_x, "x"), (laid_w, "w")):
            if laid is not None:
                laid.check(name)
        return answer

    def gradient(self, probe: Probe) -> np.ndarray:
        x, w, b, g, t = (None if array is None else self.tensor(array) for array in probe.arrays)
        if self.mode == "compile" and probe.want not in REVERSE:  # nothing differentiates a compiled program again
            return self.array(self.programs.compiled(self.traced(probe))(x, w, b, g, t))
        bound = self.programs.bind(say(probe.settings, probe.call_form), probe.call_form, x, w, b)
        return self.array(gradient(self.torch, bound, probe.want, g, t))

    def invalid_call(self, probe: Probe) -> np.ndarray:
        words = say_invalid(probe.settings, probe.call_form, probe.invalid or {})
        x, w, b = (None if array is None else self.tensor(array) for array in (probe.x, probe.w, probe.b))
        with self.context(probe.want):
            return self.array(self.programs.bind(words, probe.call_form, x, w, b).call(x))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        torch = self.torch
        empty = {"dtype": getattr(torch, dtype), "device": "meta"}
        x, w, b = (torch.empty(shape, **empty) for shape in (settings.x_shape, settings.w_shape, settings.b_shape))
        words = say(settings, LAYER)
        return tuple(self.programs.layer(words, w, b if settings.bias else None)(x, **words.at_call).shape)

    def resize(self, probe: Probe) -> np.ndarray:
        scale = tuple(float(stride) for stride in probe.settings.stride)
        if probe.want == "nearest":
            arguments: dict[str, Any] = {"mode": "nearest"}
        else:
            mode = ("linear", "bilinear", "trilinear")[probe.settings.rank - 1]
            arguments = {"mode": mode, "align_corners": False}
        x = self.tensor(probe.x)
        return self.array(self.torch.nn.functional.interpolate(x, scale_factor=scale, **arguments))

    def script(self, settings: Settings, call_form: int = 0) -> str:
        return self.script_of(settings, call_form)

    def script_of(
        self, settings: Settings, call_form: int = 0, want: Want = "value", invalid: Any = None, prepared: Any = None
    ) -> str:
        words = say(settings, call_form) if invalid is None else say_invalid(settings, call_form, invalid)
        return Script(words, call_form, settings.bias, self.mode, self.device, self.programs.compiler).text(want)

    def script_in(self, text: str, dtype: str) -> str:
        return in_bfloat16(text) if dtype == "bfloat16" else text

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        """Only torch.compile is dear enough to be asked for many configurations at once."""
        if self.mode != "compile":
            return None
        return Fused(self).run(probes)

    def traced(self, probe: Probe) -> Callable[..., Any]:
        """What torch.compile is given for a probe: a function of x, w and b, of g and t too for a derivative."""
        words = say(probe.settings, probe.call_form)
        if probe.call_form == FUNCTIONAL:
            pure = self.programs.function(words)
        else:
            layer = self.programs.layer(words, self.tensor(probe.w), None if probe.b is None else self.tensor(probe.b))
            pure = self.programs.stateless(layer, words)
        return functional(self.torch, pure, probe.want) if probe.want in (*SECOND, *FORWARD) else pure

    def context(self, want: str) -> AbstractContextManager[Any]:
        """What a call is made under: autocast for mixed precision."""
        if want not in MIXED:
            return nullcontext()
        return self.torch.autocast(self.device.split(":")[0], dtype=getattr(self.torch, _mixed(want)))

    def _laid(self, array: np.ndarray, layout: Layout) -> tuple[Any, Laid | None]:
        """The array as a tensor, and what has to be checked after the call."""
        if not layout:
            return self.tensor(array), None
        laid = Laid(array, layout)
        try:
            return self._viewed(laid.view).to(self.device), laid
        except ValueError as error:  # negative strides
            raise Unsupported(str(error)) from None

    def tensor(self, array: np.ndarray) -> Any:
        """A tensor of its own memory on the target's device."""
        return self._viewed(np.array(array, order="C")).to(self.device)

    def _viewed(self, array: np.ndarray) -> Any:
        """A tensor of the array's memory."""
        torch = self.torch
        if array.dtype.name == "bfloat16":  # numpy's bfloat16 is a type that torch does not know
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    def array(self, tensor: Any, copy: bool = True) -> np.ndarray:
        """A numpy copy of a tensor of any device, or where none is wanted its own memory."""
        torch = self.torch
        tensor = tensor.detach().cpu()
        if tensor.dtype == torch.bfloat16:
            import ml_dtypes

            return np.array(tensor.view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
        array: np.ndarray = tensor.resolve_conj().resolve_neg().numpy()
        return np.array(array) if copy else array


def _mixed(want: str) -> str:
    """The dtype of mixed precision; empty where there is none."""
    return want.removeprefix("mixed-") if want in MIXED else ""
