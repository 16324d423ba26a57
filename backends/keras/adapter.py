"""Keras on TensorFlow, JAX or PyTorch: `Conv1D/2D/3DTranspose` and `Conv1D/2D/3D`, their `keras.ops`, `DepthwiseConv`.

The kernel is (..., out, in) for the transposed layers and (..., in/groups, out) for the others. Padding is a keyword.
A transposed layer's output is, for `e` the effective kernel and unless `output_padding` is None,

    valid    (n-1)s + e + output_padding            nothing is cropped; None stands for max(s-e, 0)
    same     (n-1)s + e%2 + output_padding          the smaller half of the crop first; None gives n*s

Source: `compute_conv_transpose_output_shape` in keras/src/backend/common/backend_utils.py.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from importlib import import_module, metadata
from typing import Any

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, UNSAFE, Backend, Form, Outcome, Probe, Program, Want
from convt.adapter.fusing import Part
from convt.adapter.jit_programs import JitPrograms, part_of
from convt.adapter.layouts import Sent
from convt.conv.settings import Settings

from ..jax.gradients import family
from ..jax.limits import refused_dtype as refused_by_jax
from ..onednn import asked_of_tensorflow, lines_that_set
from ..onednn_amx import UNREACHED, crashes, has_amx
from .calls import FIRST, OPS, call_for, refusal, refused_dtype, sent
from .claims import MEASURED, unsafe
from .engines import chosen, device_word, devices, prepare
from .programs import MODES, program


class Keras(Backend):
    """The layers, called eagerly; on JAX many of them are fused as `stateless_call` of each in one jitted program."""

    modes = MODES
    lays_out = True
    mixes = True
    call_forms = ("layer, channels last", "layer, channels first", "keras.ops", "DepthwiseConv layer")

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.engine_name = chosen()
        self.name = f"keras-{self.engine_name}"
        variables = asked_of_tensorflow() if self.engine_name == "tensorflow" else {}
        self.script_imports = f"{lines_that_set({'KERAS_BACKEND': self.engine_name} | variables)}import keras"
        self.functions_kept = 2048 if mode == "eager" else 256
        os.environ["KERAS_BACKEND"] = self.engine_name  # over ~/.keras/keras.json
        import keras

        self.keras: Any = keras
        self.engine: Any = import_module(self.engine_name)
        self._flags = prepare(self.engine_name, self.engine)

    @classmethod
    def devices(cls) -> list[str]:
        return devices(chosen(), import_module(chosen()))

    def versions(self) -> dict[str, str]:
        below = {"jaxlib": metadata.version("jaxlib")} if self.engine_name == "jax" else {}
        return {"keras": self.keras.__version__, self.engine_name: self.engine.__version__, **below}

    def flags(self) -> dict[str, str]:
        return self._flags

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        predicts = want in ("value", *MIXED) and call_form != OPS
        if predicts and settings.batch == 0 and self.mode == "compiled":
            return "Model.predict takes no empty batch"
        return refusal(settings, want, call_form, self.engine_name)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        measured = self.engine_name != "jax" and self.engine.__version__.startswith(MEASURED[self.engine_name])
        if measured and self.device == "cpu" and has_amx() and crashes(settings, dtype, want):
            return f"{UNSAFE}{UNREACHED}"
        claim = refused_dtype(dtype, settings, want, self.engine_name)
        return refused_by_jax(self.engine, dtype, want) if self.engine_name == "jax" and claim is None else claim

    def unsafe(self, probe: Probe) -> str | None:
        unread = self.engine_name == "jax" or self.device != "cpu" or probe.call_form == FIRST
        return None if unread else unsafe(self.engine_name, self.engine, probe, eager=self.mode == "eager")

    def program(self, form: Form, prepared: Any = None) -> Program:
        refused = form.invalid is None and self._refuses(form)
        return program(form, self.engine_name, self.mode, refused)

    def _refuses(self, form: Form) -> bool:
        """Whether a probe of this form is asked by force alone."""
        it, want = form.settings, form.want
        claim = self.unsupported(it, want, form.call_form) or self.unsupported_dtype(form.dtype, it, want)
        return claim is not None

    def sent(self, probe: Probe, names: Sequence[str]) -> Sent:
        return sent(probe, names)

    def call(self, probe: Probe) -> np.ndarray:
        return self.run_program(probe)

    gradient = invalid_call = resize = call
    shape_of = invalid_shape = Backend.shape_by_program

    def run(self, probe: Probe) -> Outcome:
        with self.keras.device(device_word(self.engine_name, self.device)):
            return super().run(probe)

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.engine_name != "jax" or self.mode != "eager":
            return None
        with self.keras.device(device_word(self.engine_name, self.device)):
            return JitPrograms(self.engine, key=self._key, part=self._part, alone=self.run).run(probes)

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or none of the convolution."""
        fused = probe.want == "value" or probe.want in MIXED or probe.want in GRADIENTS
        if not fused or probe.invalid is not None or self.refusal(probe) is not None:
            return None
        call = call_for(probe.settings, probe.call_form)
        arrays: Sequence[np.ndarray | None] = probe.arrays if probe.want in GRADIENTS else (probe.x, probe.w)
        shapes = (None if a is None else (a.shape, a.dtype) for a in arrays)
        return family(probe.want), call.name, *call.options.items(), *shapes

    def _part(self, probe: Probe) -> Part:
        return part_of(self.compiler, self.program_of, probe)
