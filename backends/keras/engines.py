"""The framework underneath Keras: its devices, and what is set there for determinism and full precision."""

from __future__ import annotations

import os
from typing import Any

from convt.adapter.stress import threads

from ..jax.limits import xla_threads


def chosen() -> str:
    """The name of the framework underneath; a process has one, chosen before Keras is imported."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def devices(name: str, engine: Any) -> list[str]:
    """The devices as targets spell them, the CPU first."""
    if name == "torch":
        count = engine.cuda.device_count()
    elif name == "jax":
        count = sum(device.platform == "gpu" for device in engine.devices())
    else:
        count = len(engine.config.list_physical_devices("GPU"))
    return ["cpu", *(f"cuda:{index}" for index in range(count))]


def device_word(name: str, device: str) -> str:
    """What `keras.device` calls a device. On JAX, Keras before 3.12 reads no device without a number."""
    word = device.replace("cuda", "gpu")
    return f"{word}:0" if name == "jax" and ":" not in word else word


def prepare(name: str, engine: Any) -> dict[str, str]:
    """Set determinism, full precision and the threads of the stress environment; what is set."""
    if name == "torch":
        return _prepare_torch(engine)
    if name == "jax":
        engine.config.update("jax_default_matmul_precision", "highest")
        flags = os.environ.get("XLA_FLAGS", "default")
        return {"precision": "highest", "XLA_FLAGS": flags, "threads": xla_threads()}
    engine.config.experimental.enable_op_determinism()
    engine.config.experimental.enable_tensor_float_32_execution(False)
    if (asked := threads()) is not None:
        engine.config.threading.set_intra_op_parallelism_threads(asked)
    limit = engine.config.threading.get_intra_op_parallelism_threads() or "all"
    return {"op_determinism": "True", "tensor_float_32": "False", "threads": f"{limit} in an op"}


def _prepare_torch(engine: Any) -> dict[str, str]:
    engine.use_deterministic_algorithms(True)
    engine.backends.cudnn.deterministic = True
    engine.backends.cudnn.benchmark = False
    engine.backends.cudnn.allow_tf32 = False
    engine.backends.cuda.matmul.allow_tf32 = False
    if (asked := threads()) is not None:
        engine.set_num_threads(asked)
    said = {"deterministic_algorithms": "True", "allow_tf32": "False", "threads": str(engine.get_num_threads())}
    if os.environ.get("CONVT_NO_MKLDNN"):
        engine.backends.mkldnn.enabled = False
        said["mkldnn"] = "False"
    return said
