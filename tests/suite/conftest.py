"""What the suite's own tests have in common."""

from __future__ import annotations

import os

# as a run has it (backends/registry.py): TensorFlow reads it once, at whichever test of a process imports it first, and
# leaves oneDNN out on a processor without AVX-512 where it is not set
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
