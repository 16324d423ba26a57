"""JAX: `jax.lax.conv_transpose`, and `jax.lax.conv_general_dilated` for the forward convolution.

`conv_transpose` correlates the input, `stride - 1` zeros between its values, with the kernel as it is: the caller flips
the kernel, or says `transpose_kernel=True`, which flips it and swaps its channels. Explicit padding is what is put
around that stuffed input, `e-1-lo` before and `e-1-hi+a` after it; with `use_consistent_padding=True` it is the forward
convolution's, `lo` and `hi-a`. The keywords mean the forward convolution's in both cases.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Hashable, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, RESIZES, Backend, Form, Outcome, Probe, Program, Script, Want
from convt.adapter.fusing import Part
from convt.adapter.jit_programs import JitPrograms, part_of
from convt.adapter.timing import Call
from convt.conv.same_or_valid import keyword
from convt.conv.settings import Settings

from .calls import CONSISTENT, KEYWORD, PRECISION, call_for
from .gradients import family
from .limits import device_name, refused_dtype, xla_threads
from .programs import mapped_over, program


class Jax(Backend):
    """jax.lax has no bias: the caller adds it to what came back, here and in the scripts alike.

    In the mode `exported` what is compiled was written by jax.export and read back.
    In the mode `vmap` each item of the batch is convolved by itself, mapped by jax.vmap: see `programs.mapped_over`.
    """

    name = "jax"
    modes = ("jit", "eager", "vmap", "x64", "exported")
    lays_out = True
    call_forms = (
        "kernel flipped by the caller, channels last",
        "transpose_kernel=True, channels first",
        "use_consistent_padding=True (forward: pairs instead of a keyword)",
        "transpose_kernel=True, use_consistent_padding=True (forward: conv_with_general_padding)",
        "padding by keyword",
    )
    script_imports = "import jax"
    functions_kept = 512

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import jax

        self.jax: Any = jax
        if mode == "x64":
            self.jax.config.update("jax_enable_x64", True)
        platform = "gpu" if device.startswith("cuda") else device.split(":")[0]
        self.place = next(each for each in jax.devices(platform) if device_name(each) in (device, f"{device}:0"))
        self.consistent = "use_consistent_padding" in inspect.signature(jax.lax.conv_transpose).parameters

    @classmethod
    def devices(cls) -> list[str]:
        import jax

        names = [device_name(device) for device in jax.devices()]
        return names if "cpu" in names else [*names, *map(device_name, jax.devices("cpu"))]

    def versions(self) -> dict[str, str]:
        return {"jax": self.jax.__version__, "jaxlib": metadata.version("jaxlib")}

    def flags(self) -> dict[str, str]:
        return {
            "precision": PRECISION,
            "jax_enable_x64": str(self.jax.config.jax_enable_x64),
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", "default"),
            "threads": xla_threads(),
        }

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        it = settings
        function = call_for(it, call_form).function
        if want in RESIZES:
            return None
        if want in MIXED:
            return "JAX has no mixed precision of its own"
        if want == "unbatched":
            return f"jax.lax.{function} takes an input with a batch axis"
        if it.groups > 1 and function != "conv_general_dilated":
            return f"jax.lax.{function} has no feature_group_count"
        if call_form == KEYWORD and keyword(it) is None:
            return f"neither 'SAME' nor 'VALID' is the padding {it.crop} with the output {it.output}"
        if it.transposed and call_form in CONSISTENT and not self.consistent:
            return f"jax.lax.conv_transpose has no use_consistent_padding in JAX {self.jax.__version__}"
        return None

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return refused_dtype(self.jax, dtype, want)

    def program(self, form: Form, prepared: Any = None) -> Program:
        return program(form, self.mode)

    def call(self, probe: Probe) -> np.ndarray:
        with self.jax.default_device(self.place):
            answer = self.run_program(probe)
        if answer.dtype.names:
            raise TypeError(f"JAX gives {answer.dtype.names[0]}, which has no numbers, for {probe.want}")
        return answer

    def timed(self, probe: Probe) -> Call:
        call = super().timed(probe)

        def placed() -> object:
            with self.jax.default_device(self.place):
                return call()

        return placed

    gradient = invalid_call = resize = call

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        with self.jax.default_device(self.place):
            return self.shape_by_program(probe)

    invalid_shape = shape_of

    def script_of(self, form: Form, prepared: Any = None) -> Script:
        """The program's, after what is set for the whole process."""
        script = super().script_of(form)
        first = ""
        if self.device != "cpu":
            place = f'jax.devices("{self.place.platform}")[{self.place.id}]'
            first = f'jax.config.update("jax_default_device", {place})\n'
        if self.mode == "x64":
            first += 'jax.config.update("jax_enable_x64", True)\n'
        return Script(f"{first}\n\n{script.text}" if first else script.text, script.call)

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.mode == "eager":
            return None
        with self.jax.default_device(self.place):
            return JitPrograms(self.jax, key=self._key, part=self._part, alone=self.run).run(probes)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        fused = probe.want == "value" or probe.want in GRADIENTS
        if not fused or probe.invalid is not None or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.call_form)
        arrays: Sequence[np.ndarray | None] = (probe.x, probe.w)
        arrays = arrays if probe.want == "value" else probe.arrays
        shapes = (None if a is None else (a.shape, a.dtype) for a in arrays)
        over = mapped_over(probe.settings) if self.mode == "vmap" else ""
        return family(probe.want), over, call.function, *call.options.items(), *shapes

    def _part(self, probe: Probe) -> Part:
        return part_of(self.compiler, self.program_of, probe)
