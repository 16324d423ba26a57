"""What is asked of a call beside its settings: want, dtype, the memory of each array, call form, numbers.

Bugs sit where these meet the settings: a kernel's gradient in bfloat16 in channels-last memory may be wrong where each
of the three alone is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Numbers = Literal["integers", "real"]
CROSSED = "crossed"
"""The law that judges a case that says what is asked of it."""
CROSSED_LAYOUTS = ("contiguous", "channels-last", "strided", "transposed", "broadcast", "read-only")
"""The layouts that are crossed: all but flipped memory, of which PyTorch takes no array."""
MIXED = ("mixed-float16", "mixed-bfloat16")
"""What is wanted of float32 arrays alone."""
COTANGENT = ("grad-x", "grad-w", "grad-b", "only-x", "only-w", "only-b", "grad-xw", "grad-wx", "jvp-grad-x")
"""What is wanted with a cotangent."""
CONTIGUOUS = ("contiguous", "contiguous", "contiguous")


@dataclass(frozen=True)
class Asked:
    """One evaluation of a case, as words that `convt.adapter.probe` has for it."""

    want: str = "value"
    dtype: str = "float32"
    memory: tuple[str, str, str] = CONTIGUOUS
    """The layouts of x, w and the cotangent."""
    call_form: int = 0
    numbers: Numbers = "integers"
    """Integers whose sums are exact in the dtype, or real numbers that are held against the error bound."""

    def content(self) -> str:
        """What a case's digest is made of."""
        return f"{self.want} {self.dtype} {self.memory} {self.call_form} {self.numbers}"
