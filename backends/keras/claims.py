"""What harms memory in the framework underneath Keras, which asks oneDNN in channels-last memory."""

from __future__ import annotations

import os
from typing import Any

from convt.adapter.backend import ABSTRACT, GRADIENTS, UNSAFE, Probe, Want
from convt.conv.settings import Settings

from ..onednn import OVERRUNS, STRAYS, has_avx512, may_overrun, processors, strays

MEASURED = {"tensorflow": "2.21.", "torch": "2.13."}
"""The releases underneath of which an unsafe claim is made: what another one does is asked of it, and seen."""
WITHOUT: tuple[Want, ...] = ("only-b", "jvp-x", "jvp-w")
"""Derivatives on whose way there is no gradient of the kernel."""
FROZEN: tuple[Want, ...] = ("only-x", "jvp-grad-x")
"""Those on whose way TensorFlow computes it in an eager tape alone."""
FEW_PIXELS = 20480
"""Numbers of a single item up to which PyTorch computes by kernels of its own."""


def unsafe(name: str, engine: Any, probe: Probe, eager: bool) -> str | None:
    """Where oneDNN harms memory; `name` and `engine` are the framework underneath."""
    if not engine.__version__.startswith(MEASURED.get(name, "none")):
        return None
    if name == "tensorflow":
        asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"
        threads = engine.config.threading.get_intra_op_parallelism_threads() or processors()
        writes = asked and has_avx512() and threads > 1
        if writes and probe.want not in ABSTRACT and may_overrun(probe.settings, probe.want in GRADIENTS):
            return UNSAFE + OVERRUNS
    else:
        asked, threads = engine.backends.mkldnn.enabled and _in_channels_last(probe.settings), engine.get_num_threads()
    return UNSAFE + STRAYS if asked and _strays(name, probe, eager, threads) else None


def _in_channels_last(it: Settings) -> bool:
    """Whether PyTorch asks oneDNN in channels-last memory, which what a transposed layer gives is not in."""
    many = it.batch > 1 or it.channels_in * it.input[0] * it.input[-1] > FEW_PIXELS
    return it.rank == 2 and many and not it.transposed


def _strays(name: str, probe: Probe, eager: bool, threads: int) -> bool:
    """Whether the gradient of the kernel is on the way to what is wanted, and harms memory."""
    unasked = WITHOUT if name == "tensorflow" and eager else (*WITHOUT, *FROZEN)
    if probe.want not in GRADIENTS or probe.want in unasked:
        return False
    return strays(probe.settings, str(probe.x.dtype), avx512=has_avx512(), threads=threads)
