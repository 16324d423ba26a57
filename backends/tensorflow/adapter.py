"""TensorFlow: `tf.nn.conv1d/2d/3d_transpose` and `conv1d/2d/3d`, their generic forms, and `tf.image.resize`.

What is called with which arguments stands in `convt.content.backends.tensorflow.calls`, what the calls do not take in
`convt.content.backends.tensorflow.claims`, their gradients in `convt.content.backends.tensorflow.gradients`.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from convt.adapter.backend import GRADIENTS, MIXED, RESIZES, Backend, Form, Outcome, Probe, Script, Want
from convt.adapter.fusing import Part
from convt.adapter.layouts import Sent
from convt.adapter.stress import threads
from convt.conv.settings import Settings

from .arrays import Tensors, laid, last, received, sent
from .calls import KEYWORD, Arguments, say, say_invalid
from .claims import FLOATS, Maker, no_dtype, refused, takes_any_float
from .gradients import computed
from .programs import Graphs
from .scripts import written

HELD = 64
"""Functions of one call that are kept, for probes that come one by one; each holds a graph, or machine code."""


class TensorFlow(Backend):
    """tf.nn, eagerly, in a `tf.function`, or in one that XLA compiles; on the CPU or a GPU."""

    name = "tensorflow"
    modes = ("eager", "function", "xla")
    lays_out = True
    call_forms = (
        "padding by keyword where one says it",
        "padding as a list",
        "tf.nn.conv_transpose, tf.nn.convolution",
    )
    script_imports = "import tensorflow as tf"
    forgets_after = 400
    """Configurations that are compiled until TensorFlow is made to forget them; XLA's take 0.1 to 0.2 MB each."""

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import tensorflow as tf

        self.tf = tf
        self.place = device.replace("cuda", "GPU")
        tf.get_logger().setLevel("ERROR")  # each function is traced once, which it warns of after five
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
        self.by = Maker(mode, device, onednn, has_avx512())
        self._held: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()
        self._count = 0
        self._configure()

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

    def refusal(self, probe: Probe) -> str | None:
        if takes_any_float(probe.settings, probe.want, probe.call_form) and str(probe.x.dtype) in FLOATS:
            probe = replace(probe, x=probe.x.astype(np.float32))  # this call form alone takes what others do not
        return super().refusal(probe)

    def call(self, probe: Probe) -> np.ndarray:
        name, arguments = say(probe.settings, probe.call_form)
        if probe.want == "unbatched" and "output_shape" in arguments:
            del arguments["output_shape"][0]
        return self._answer(probe, name, arguments)

    def gradient(self, probe: Probe) -> np.ndarray:
        return self._answer(probe, *say(probe.settings, probe.call_form))

    def invalid_call(self, probe: Probe) -> np.ndarray:
        return self._answer(probe, *say_invalid(probe.settings, probe.call_form, probe.invalid or {}))

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        tf, it = self.tf, settings
        name, arguments = say(it, KEYWORD)
        shapes = ((it.batch, *it.input, it.channels_in), (*it.kernel, *it.w_shape[1::-1]), it.b_shape)
        with tf.Graph().as_default():
            x, w, b = (tf.compat.v1.placeholder(dtype, shape) for shape in shapes)
            y = self._apply(name, arguments, x, w, b if it.bias else None)
        batch, *output, channels = y.shape
        return (batch, channels, *output)

    def resize(self, probe: Probe) -> np.ndarray:
        size = [n * stride for n, stride in zip(probe.settings.input, probe.settings.stride, strict=True)]
        resize = partial(self.tf.image.resize, size=size, method=probe.want)
        with self.tf.device(self.place):
            y = self._compiled(resize)(self._tensor(last(probe.x, probe.settings.rank)))
        return received(probe, y)

    def script_of(self, form: Form, prepared: Any = None) -> Script:
        settings, call_form, want, invalid = form.settings, form.call_form, form.want, form.invalid
        name, arguments = say_invalid(settings, call_form, invalid or {})
        place = "" if self.device == "cpu" else self.place
        said = "".join(f", {key}={value!r}" for key, value in arguments.items())
        text = written(settings, name, arguments, want, self.mode, place, invalid is not None)
        return Script(text, f"tf.nn.{name}(x, w{said})")

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        if self.mode == "eager":
            return None
        fused = Graphs(self._placed, key=self._key, part=self._part, alone=self.run)
        outcomes = fused.run(probes)
        self._forget(fused.compiled)
        return outcomes

    def _key(self, probe: Probe) -> Hashable | None:
        """What probes of one call share, or None where there is no call, or one that is made alone."""
        alone = probe.want in ("shape", "unbatched", *RESIZES) or probe.invalid is not None or probe.layout != ("", "")
        if alone or self.refusal(probe) is not None:
            return None
        return _identity(probe, *say(probe.settings, probe.call_form))

    def _part(self, probe: Probe) -> Part:
        function = self._function(probe, *say(probe.settings, probe.call_form))
        send = self._on_device(lambda each: Sent(tuple(map(self._tensor, sent(each)))))
        return Part(function, send, received)

    def _answer(self, probe: Probe, name: str, arguments: Arguments) -> np.ndarray:
        """The answer to one probe, in the mode's own way; InputChanged where the memory given was written to."""
        if self.mode != "eager":
            self._forget(1)
        arrays, check = laid(probe, sent(probe))
        with self.tf.device(self.place):
            if self.mode == "eager" and probe.want not in GRADIENTS and probe.invalid is None:
                y = self._apply(name, arguments, arrays.x, arrays.w, arrays.b)  # which makes tensors of one dtype
            else:
                function = self._kept(probe, name, arguments, self._function(probe, name, arguments))
                y = function(*map(self._tensor, arrays))
        answer = received(probe, y)
        check()
        return answer

    def _kept(self, probe: Probe, name: str, arguments: Arguments, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as the mode runs it, of which the last `HELD` are kept."""
        if self.mode == "eager":
            return function
        key = _identity(probe, name, arguments)
        kept = self._held.pop(key, None) or self._compiled(function)
        self._held[key] = kept
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return kept

    def _forget(self, compiled: int) -> None:
        """Count what is compiled, and have TensorFlow free all of that once it is much: it keeps every program."""
        self._count += compiled
        if self._count >= self.forgets_after:
            from tensorflow.python.eager import context

            self._count = 0
            self._held.clear()
            context._reset_context()  # what XLA compiled goes with the context alone, for which there is no public way
            self._configure()

    def _tensor(self, array: np.ndarray | None) -> Any:
        return None if array is None else self.tf.convert_to_tensor(array)

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as the mode runs it, without autograph: it has no control flow of Python's to rewrite."""
        if self.mode == "eager":
            return function
        return self.tf.function(function, jit_compile=self.mode == "xla" or None, autograph=False)

    def _placed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as the mode runs it, on the target's device."""
        return self._on_device(self._compiled(function))

    def _on_device(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            with self.tf.device(self.place):
                return function(*arguments)

        return run

    def _function(self, probe: Probe, name: str, arguments: Arguments) -> Callable[..., Any]:
        """What the probe wants, as a function of x, w, b, g and t."""
        op = partial(self._apply, name, arguments)
        return lambda *tensors: computed(self.tf, op, probe.want, Tensors(*tensors))

    def _apply(self, name: str, arguments: Arguments, x: Any, w: Any, b: Any) -> Any:
        """The tensor that the op gives, channels last."""
        y = getattr(self.tf.nn, name)(x, w, **arguments)
        return y if b is None else self.tf.nn.bias_add(y, b)


def _identity(probe: Probe, name: str, arguments: Arguments) -> Hashable:
    """What probes of one call share."""
    forms = (None if array is None else (array.shape, array.dtype) for array in probe.arrays)
    return name, repr(arguments), probe.want, *forms


def has_avx512(info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether oneDNN may use AVX-512: the processor has it, as far as that can be told, and no switch forbids it."""
    capped = {os.environ.get(name, "").upper() for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")}
    if capped & {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"}:
        return False
    try:
        return "avx512f" in info.read_text().split()
    except OSError:
        return True
