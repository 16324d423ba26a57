"""The backends of this repository: one entry each, in the report's order."""

from __future__ import annotations

from convt.host.registry import Entry

_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Six targets share the machine; on a busy one OpenMP waits for its threads ten times longer than they work."""
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
_ONEDNN_ON = {"TF_ENABLE_ONEDNN_OPTS": "1"}
"""TensorFlow asks oneDNN on newer CPUs alone, and differs by that; here it does on all, as known differences expect."""
_WHOLE_TRACEBACKS = {"JAX_TRACEBACK_FILTERING": "off"}
"""To leave its own frames out of a traceback, JAX looks at the file of each: a fourth of what invalid calls take."""

_LUCK = ("hostile", "poisoned", "heap-check")
_ONEDNN = (*_LUCK, "heap-check-avx2", "avx2", "no-onednn")

BACKENDS: dict[str, Entry] = {
    "pytorch": Entry(
        f"{__package__}.pytorch.adapter:PyTorch",
        packages=("torch",),
        forks=True,
        extra="torch",
        stress=(*_ONEDNN, "threads"),
        unless_set=_ONE_THREAD,
    ),
    "tensorflow": Entry(
        f"{__package__}.tensorflow.adapter:TensorFlow",
        _QUIET,
        ("tensorflow",),
        forks=True,
        extra="tensorflow",
        stress=(*_ONEDNN, "one-thread"),
        unless_set=_ONEDNN_ON,
    ),
    "jax": Entry(
        f"{__package__}.jax.adapter:Jax",
        packages=("jax",),
        stress=(*_LUCK, "avx2", "one-thread"),
        forks=True,
        extra="jax",
        unless_set=_WHOLE_TRACEBACKS,
    ),
    "keras-tensorflow": Entry(
        f"{__package__}.keras.adapter:Keras",
        _QUIET | {"KERAS_BACKEND": "tensorflow"},
        ("keras", "tensorflow"),
        above="tensorflow",
        forks=True,
        extra="keras",
        unless_set=_ONEDNN_ON,
    ),
    "keras-jax": Entry(
        f"{__package__}.keras.adapter:Keras",
        {"KERAS_BACKEND": "jax"},
        ("keras", "jax"),
        above="jax",
        forks=True,
        extra="keras",
        unless_set=_WHOLE_TRACEBACKS,
    ),
    "keras-torch": Entry(
        f"{__package__}.keras.adapter:Keras",
        {"KERAS_BACKEND": "torch"},
        ("keras", "torch"),
        unless_set=_ONE_THREAD,
        above="pytorch",
        forks=True,
        extra="keras",
    ),
    "onnxruntime": Entry(
        f"{__package__}.onnxruntime.adapter:OnnxRuntime",
        packages=("onnxruntime",),
        extra="onnxruntime",
        prepare=f"{__package__}.onnxruntime.models:prepare",
        host_packages=("onnx",),
        stress=(*_LUCK, "threads"),
    ),
}
"""By the name of the target."""
