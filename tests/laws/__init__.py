"""The laws, in the order in which a report lists them."""

from __future__ import annotations

from tests.laws.algebra import Bias, Dilation, Groups, Linearity
from tests.laws.base import Law
from tests.laws.batches import Batch
from tests.laws.calls import Determinism, Resize, Spelling, Support
from tests.laws.constructions import Adjoint, Matrix, ZeroInsertion
from tests.laws.crops import PaddingCrops, SameCrop
from tests.laws.dtypes import DType, Mixed
from tests.laws.forward import ConvSame, ConvShape, ConvValue
from tests.laws.gradients import Gradients, GradientTranspose, SecondOrder
from tests.laws.large import Large
from tests.laws.layouts import Memory
from tests.laws.modes import Device, Mode
from tests.laws.rejects import Rejects
from tests.laws.sizes import OutputShape, Preimages, SameSize, ValidSize
from tests.laws.specials import Special
from tests.laws.symmetries import Rank, Shift, Symmetry
from tests.laws.values import Accuracy, LowPrecision, Value

LAWS: tuple[Law, ...] = (
    OutputShape(), Preimages(), SameSize(), ValidSize(), SameCrop(), PaddingCrops(),
    Value(), Accuracy(), LowPrecision(), Matrix(), ZeroInsertion(), Adjoint(),
    Linearity(), Bias(), Groups(), Dilation(), Shift(), Symmetry(), Batch(), Rank(),
    Gradients(), SecondOrder(), GradientTranspose(), DType(), Mixed(), Memory(), Special(),
    Determinism(), Mode(), Device(), Spelling(), Resize(), Support(),
    ConvShape(), ConvValue(), ConvSame(),
    Large(), Rejects(),
)  # fmt: skip
"""Every law once."""


def law_by_id(law_id: str) -> Law:
    """The law of that id; KeyError, naming those that there are, where there is none."""
    for law in LAWS:
        if law.id == law_id:
            return law
    raise KeyError(f"no law {law_id!r}; there are {', '.join(law.id for law in LAWS)}")
