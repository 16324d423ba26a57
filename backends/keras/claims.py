"""What harms memory in the framework underneath Keras, which asks oneDNN in channels-last memory."""

from __future__ import annotations

import os
from typing import Any

from convt.adapter.backend import GRADIENTS, UNSAFE, Probe, Want

from ..onednn import STRAYS, has_avx512, processors, strays

MEASURED = {"tensorflow": "2.21.", "torch": "2.13."}
"""The releases underneath of which an unsafe claim is made: what another one does is asked of it, and seen."""
WITHOUT: tuple[Want, ...] = ("only-b", "jvp-x", "jvp-w")
"""Derivatives on whose way there is no gradient of the kernel."""
FROZEN: tuple[Want, ...] = ("only-x", "jvp-grad-x")
"""Those on whose way TensorFlow computes it in an eager tape alone."""
FEW_PIXELS = 20480
"""Numbers of a single item up to which PyTorch computes by kernels of its own."""


def unsafe(name: str, engine: Any, probe: Probe, eager: bool) -> str | None:
    """Where oneDNN, asked for the kernel's gradient, harms memory; `name` and `engine` are the framework underneath."""
    it, unasked = probe.settings, WITHOUT if name == "tensorflow" and eager else (*WITHOUT, *FROZEN)
    if probe.want not in GRADIENTS or probe.want in unasked or not engine.__version__.startswith(MEASURED[name]):
        return None
    if name == "tensorflow":
        asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"
        threads = engine.config.threading.get_intra_op_parallelism_threads() or processors()
    else:
        many = it.batch > 1 or it.channels_in * it.input[0] * it.input[-1] > FEW_PIXELS
        # what a transposed layer gives is not in channels-last memory
        asked = engine.backends.mkldnn.enabled and it.rank == 2 and many and not it.transposed
        threads = engine.get_num_threads()
    harms = asked and strays(it, str(probe.x.dtype), avx512=has_avx512(), threads=threads)
    return UNSAFE + STRAYS if harms else None
