"""TensorFlow: `tf.nn.conv1d/2d/3d_transpose` and `conv1d/2d/3d`, their generic forms, and `tf.image.resize`.

What is called with which arguments stands in `convt.content.backends.tensorflow.calls`, the text of it that runs in
`convt.content.backends.tensorflow.programs`, what the calls do not take in `convt.content.backends.tensorflow.claims`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convt.adapter.backend import ABSTRACT, MIXED, RESIZES, UNSAFE, Backend, Form, Outcome, Probe, Program, Want
from convt.adapter.fusing import Part
from convt.adapter.jit_programs import part_of
from convt.adapter.stress import threads
from convt.conv.settings import Settings

from ..onednn import STRAYS, asked_of_tensorflow, given_by_tensorflow, has_avx512, lines_that_set, processors
from ..onednn_amx import has_amx
from .claims import FLOATS, Maker, harms, no_dtype, refused, takes_any_float
from .fused import Graphs
from .programs import program


class TensorFlow(Backend):
    """tf.nn, eagerly, in a `tf.function`, in one that XLA compiles, by tf.vectorized_map, or back from a SavedModel;
    on the CPU or a GPU."""

    name = "tensorflow"
    modes = ("eager", "function", "xla", "vmap", "saved")
    lays_out = True
    call_forms = (
        "padding by keyword where one says it",
        "padding as a list",
        "tf.nn.conv_transpose, tf.nn.convolution",
    )
    forgets_after = 400
    """Configurations that are compiled until TensorFlow is made to forget them; XLA's take 0.1 to 0.2 MB each."""

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import tensorflow as tf

        self.tf = tf
        self.script_imports = f"{lines_that_set(asked_of_tensorflow())}import tensorflow as tf"
        chosen = device == "cpu" and not tf.config.list_physical_devices("GPU")  # TensorFlow's own choice
        self.place = "" if chosen else device.replace("cuda", "GPU")
        tf.get_logger().setLevel("ERROR")  # each function is traced once, which it warns of after five
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
        self._count = 0
        self._configure()
        limit = tf.config.threading.get_intra_op_parallelism_threads() or processors()
        self.by = Maker(mode, device, onednn, has_avx512(), limit, tf.__version__, given_by_tensorflow(), has_amx())

    def _configure(self) -> None:
        config, asked = self.tf.config, threads()
        config.experimental.enable_op_determinism()
        config.experimental.enable_tensor_float_32_execution(False)
        if asked is not None:
            config.threading.set_intra_op_parallelism_threads(asked)

    @classmethod
    def devices(cls) -> list[str]:
        import tensorflow as tf

        return ["cpu", *(f"cuda:{index}" for index, _ in enumerate(tf.config.list_physical_devices("GPU")))]

    def versions(self) -> dict[str, str]:
        build = {} if self.device == "cpu" else self.tf.sysconfig.get_build_info()
        parts = {part: build[f"{part}_version"] for part in ("cuda", "cudnn") if f"{part}_version" in build}
        return {"tensorflow": self.tf.__version__, **parts}

    def flags(self) -> dict[str, str]:
        config = self.tf.config
        return {
            "op_determinism": "True",
            "tensor_float_32": str(config.experimental.tensor_float_32_execution_enabled()),
            "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
            "threads": f"{config.threading.get_intra_op_parallelism_threads() or 'all'} in an op",
        }

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        if want in RESIZES:
            return None if settings.rank == 2 else "tf.image.resize takes images, which have two spatial axes"
        if want in MIXED:
            return "tf.nn has no mixed precision: its ops compute in the dtype of their arrays"
        return refused(settings, want, call_form, self.by)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        return None if want in RESIZES else no_dtype(dtype, settings, want, self.by)

    def unsafe(self, probe: Probe) -> str | None:
        return UNSAFE + STRAYS if harms(probe.settings, str(probe.x.dtype), probe.want, self.by) else None

    def refusal(self, probe: Probe) -> str | None:
        if takes_any_float(probe.settings, probe.want, probe.call_form) and str(probe.x.dtype) in FLOATS:
            probe = replace(probe, x=probe.x.astype(np.float32))  # this call form alone takes what others do not
        return super().refusal(probe)

    def program(self, form: Form, prepared: Any = None) -> Program:
        return program(form, self.mode, self.place)

    def call(self, probe: Probe) -> np.ndarray:
        if self.mode != "eager":
            self._forget(1)
        try:
            return self.run_program(probe)
        except self.tf.errors.OpError as error:
            raise type(error)(None, None, untraced(error.message)) from None

    gradient = invalid_call = resize = call

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        try:
            return self.shape_by_program(probe)
        except self.tf.errors.OpError as error:
            raise type(error)(None, None, untraced(error.message)) from None

    invalid_shape = shape_of

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.mode in ("eager", "saved"):
            return None
        fused = Graphs(self._compiled, key=self._key, part=self._part, alone=self.run)
        outcomes = fused.run(probes)
        self._forget(fused.compiled)
        return outcomes

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or one that is made alone."""
        alone = probe.want in (*ABSTRACT, "unbatched", *RESIZES) or probe.invalid is not None or any(probe.layout)
        if alone or self.refusal(probe) is not None:
            return None
        forms = (None if array is None else (array.shape, array.dtype) for array in probe.arrays)
        return self.program_of(probe).source, *forms

    def _part(self, probe: Probe) -> Part:
        return part_of(self.compiler, self.program_of, probe)

    def _forget(self, compiled: int) -> None:
        """Count what is compiled, and have TensorFlow free all of that once it is much: it keeps every program."""
        self._count += compiled
        if self._count >= self.forgets_after:
            from tensorflow.python.eager import context

            self._count = 0
            self.__dict__.pop("compiler", None)  # whose functions are of the context that ends
            context._reset_context()  # what XLA compiled goes with the context alone, for which there is no public way
            self._configure()

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of many configurations as the mode runs it, on the target's device."""
        compiled = self.tf.function(function, jit_compile=self.mode == "xla" or None, autograph=False)

        def run(*arguments: Any) -> Any:
            with self.tf.device(self.place or None):
                return compiled(*arguments)

        return run


def untraced(message: str) -> str:
    """A message without where the nodes of its graph were made: long lists of files, which end before the reason."""
    told = ("Graph execution error:", "Detected at node ", "  File ", "    ")
    return "\n".join(line for line in message.splitlines() if not line.startswith(told)).strip()
