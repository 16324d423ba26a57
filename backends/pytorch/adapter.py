"""PyTorch: `torch.nn.ConvTranspose1d/2d/3d` and `Conv1d/2d/3d`, their functional forms, and `interpolate`.

Its arrays are ours: channels first, kernels as (in, out/groups, ...) and (out, in/groups, ...).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np

from convt.adapter.backend import Backend, Form, Outcome, Probe, Program, Unsupported, Want
from convt.adapter.fusing import Part
from convt.adapter.layouts import Sent, in_memory
from convt.adapter.stress import threads
from convt.conv.dtypes import numpy_dtype
from convt.conv.settings import Settings

from .calls import CALL_FORMS, say, say_invalid
from .claims import Claims
from .fused import Fused, kind_of, name_of
from .modes import MODES, program


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
        self.backend = "inductor" if compiler_found() else "aot_eager"
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
        compiler = {"compiler": self.backend} if self.mode == "compile" else {}
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
        return self.claims.of_dtype(dtype, settings, want, self.mode)

    def unsafe(self, probe: Probe) -> str | None:
        return self.claims.unsafe(probe)

    def program(self, form: Form, prepared: Any = None) -> Program:
        it, call_form = form.settings, form.call_form
        words = say(it, call_form) if form.invalid is None else say_invalid(it, call_form, form.invalid)
        return program(form, words, self.mode, self.device, self.backend)

    def call(self, probe: Probe) -> np.ndarray:
        self._forget()
        try:
            return self.run_program(probe)
        except ValueError as error:
            if "flipped" in probe.layout and "negative" in str(error):  # strides that torch takes from no numpy array
                raise Unsupported(str(error)) from None
            raise

    gradient = invalid_call = resize = call
    shape_of = invalid_shape = Backend.shape_by_program

    def _forget(self) -> None:
        """Have torch.compile, which keeps at most 8 programs of one function, and TorchScript begin anew.

        TorchScript keeps every layer's class for ever: half a megabyte each. Source: clear_class_registry in
        torch/testing/_internal/jit_utils.py.
        """
        if self.mode == "compile":
            self.torch._dynamo.reset()
        elif self.mode == "script":
            jit = self.torch.jit
            self.torch._C._jit_clear_class_registry()
            jit._recursive.concrete_type_store = jit._recursive.ConcreteTypeStore()
            jit._state._clear_class_state()

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        """Only torch.compile is dear enough to be asked for many configurations at once."""
        if self.mode != "compile":
            return None
        fused = Fused(self.torch, self.device, self.backend, key=self._key, part=self._part, alone=self.run)
        return fused.run(probes)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one configuration share; None where the call may raise, or needs care of its own."""
        plain = probe.invalid is None and not any(probe.layout) and not probe.force and kind_of(probe) is not None
        return name_of(probe) if plain and self.refusal(probe) is None else None

    def _part(self, probe: Probe) -> Part:
        program = self.program_of(probe)
        traced = self.compiler.functions(program)[program.traced]
        return Part(traced, partial(self._sent, program.names), self._received)

    def _sent(self, names: Sequence[str], probe: Probe) -> Sent:
        """The arrays of these names as tensors on the target's device."""
        x, *rest = (self._tensor(array) for array in in_memory(probe, names).arrays)
        return Sent((x[0] if probe.want == "unbatched" else x, *rest))

    def _tensor(self, array: Any) -> Any:
        if array.dtype.name == "bfloat16":
            return self.torch.from_numpy(array.view("int16")).view(self.torch.bfloat16).to(self.device)
        return self.torch.from_numpy(array).to(self.device)

    def _received(self, probe: Probe, tensor: Any) -> np.ndarray:
        tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
        if tensor.dtype == self.torch.bfloat16:
            return np.array(tensor.view(self.torch.int16).numpy()).view(numpy_dtype("bfloat16"))
        return np.array(tensor.numpy())


def compiler_found() -> bool:
    """Whether there is a C++ compiler, without which inductor, torch.compile's own backend, has no CPU kernels."""
    asked = os.environ.get("CXX", "")
    return any(shutil.which(name) for name in (asked, "g++", "clang++", "c++", "cl") if name)
