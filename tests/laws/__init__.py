"""The laws, in the order in which a report lists them."""

from __future__ import annotations

from convt.laws.law import Law

from .abstract import Abstract
from .algebra import Bias, Dilation, Groups, Linearity
from .batches import Batch
from .calls import CallForm, Determinism, Resize, Support
from .consistent import Consistent
from .constructions import Adjoint, Matrix, ZeroInsertion
from .costs import Costs
from .crops import PaddingCrops, SameCrop
from .crossed import Crossed
from .dtypes import DType, Mixed
from .forward import ConvSame, ConvShape, ConvValue
from .gradients import Gradients, GradientTranspose, SecondOrder
from .large import Large
from .layouts import Memory
from .modes import Device, Mode
from .realistic import Realistic
from .rejects import Rejects
from .sizes import OutputShape, Preimages, SameSize, ValidSize
from .specials import Footprint, Special
from .symmetries import Rank, Shift, Symmetry
from .unsafe import UnsafeClaims
from .values import Accuracy, LowPrecision, Value

LAWS: tuple[Law, ...] = (
    OutputShape(), Preimages(), SameSize(), ValidSize(), SameCrop(), PaddingCrops(),
    Value(), Accuracy(), LowPrecision(), Matrix(), ZeroInsertion(), Adjoint(),
    Linearity(), Bias(), Groups(), Dilation(), Shift(), Symmetry(), Batch(), Rank(),
    Gradients(), SecondOrder(), GradientTranspose(), Crossed(), DType(), Mixed(), Memory(), Special(), Footprint(),
    Determinism(), Mode(), Device(), CallForm(), Resize(), Support(), UnsafeClaims(), Consistent(),
    ConvShape(), ConvValue(), ConvSame(),
    Large(), Realistic(), Rejects(), Abstract(), Costs(),
)  # fmt: skip
"""Every law once."""
