"""How each framework's users write a convolution: `module:Class` by the name that translations take, in their order."""

from __future__ import annotations

DIALECTS = {
    "torch": f"{__package__}.pytorch.words:Torch",
}
