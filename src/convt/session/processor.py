"""The processor that answers: its name, and the instruction sets by which libraries pick their kernels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SETS = re.compile(r"sse4_[12]|avx\w*|fma|f16c|amx_\w+|asimd\w*|sve\w*|bf16|i8mm")


def instruction_sets(info: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """The processor's name and the vector instruction sets by which libraries pick their kernels; nothing where the
    system does not tell."""
    try:
        text = info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    said: dict[str, str] = dict(re.findall(r"^(model name|flags|Features)\s*:\s*(.*)$", text, re.MULTILINE))
    flags = said.get("flags", said.get("Features", "")).split()
    found = {"cpu": said.get("model name", ""), "isa": " ".join(sorted({f for f in flags if SETS.fullmatch(f)}))}
    return {name: value for name, value in found.items() if value}
