"""The form of specs/rejects.yaml: kinds of invalid calls, each written once for several ranks and ops.

Values are written for any rank: `{each: 0}` is a list with a 0 an axis, `{first: 0, rest: 2}` one whose first axis
differs, `{each: 2, more: 1}` one that is an item too long, and `{each: 1, times: 2}` one of two items an axis; inside
a list, as in `[1, 2, {each: 4}]`, they are so many items of it. What YAML files of this project cannot say plainly is
said by name: `{two_to: 62, plus: -1}`, and `{nothing: true}` for Python's None.
"""

from __future__ import annotations

import re
import zlib
from typing import Annotated, Any, Literal

from pydantic import Field

from convt.cases.case import Case
from convt.cases.model import Form, Id, Op, Positive, Size, Text
from convt.cases.rejects import Answer, OtherArray, Reject
from convt.conv.settings import Settings

Rank = Literal[1, 2, 3]
Fault = Literal[
    "stride", "dilation", "padding", "output_padding", "output_size", "groups", "channels", "kernel", "bias", "rank",
    "dtype", "size", "input", "data_format",
]  # fmt: skip
Raw = Any
NAMED = ({"each"}, {"first"}, {"two_to"}, {"nothing"})
"""What a mapping among the values has at least."""
ALLOWED = {"each", "first", "rest", "more", "times", "two_to", "plus", "nothing"}
LAWS = ("rejects", "abstract", "mode", "device")
"""The laws about invalid calls."""
OTHER_DTYPES = ("float64", "float16", "bfloat16")
SHORT = {"conv_transpose": "transposed", "conv": "forward"}


class UnknownValue(ValueError):
    """A mapping among the values that says none of the known things."""


class BaseForm(Form):
    """The valid operation, one number for every axis; what is left out is as in the file's own description."""

    input: Size = 4
    """Extents of the input."""
    kernel: Positive = 3
    """Extents of the kernel."""
    stride: Positive = 2
    """Strides."""
    dilation: Positive = 1
    """Dilations."""
    padding: Literal["same", "valid"] | None = None
    """A keyword; left out: explicit zeros."""
    output_padding: Size | None = None
    """Output paddings, for transposed convolutions."""
    output_size: Size | None = None
    """Wanted extents, for transposed convolutions."""
    channels: Annotated[list[Positive], Field(min_length=2, max_length=2)] = Field(default=[2, 2])
    """[in, out]."""
    groups: Positive = 1
    """The number of groups."""
    bias: bool = False
    """Whether there is a bias."""


class InsteadForm(Form):
    """What is passed in place of settings, raw, under the framework's own argument."""

    stride: Raw = None
    """In place of the stride."""
    dilation: Raw = None
    """In place of the dilation."""
    padding: Raw = None
    """In place of the padding."""
    output_padding: Raw = None
    """In place of the output padding."""
    output_size: Raw = None
    """In place of the wanted extents."""
    groups: Raw = None
    """In place of the number of groups."""
    kernel_size: Raw = None
    """In place of the kernel's extents, where they are an argument."""
    channels_in: Raw = None
    """In place of the number of input channels, where it is an argument."""
    channels_out: Raw = None
    """In place of the number of output channels, where it is an argument."""
    data_format: Raw = None
    """In place of the order of axes, where it is an argument."""


class OtherForm(Form):
    """Another form of one array."""

    shape: list[Raw] | None = None
    """Extents; an item {each: n} stands for one an axis. Left out: the valid shape."""
    dtype: (
        Literal["float16", "bfloat16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool", "complex64"]
        | None
    ) = None
    """The dtype; left out: that of the case."""


class OthersForm(Form):
    """Arrays that are passed in place of the valid ones."""

    x: OtherForm | None = None
    """In place of the input."""
    w: OtherForm | None = None
    """In place of the kernel."""
    b: OtherForm | None = None
    """In place of the bias, or beside none."""


class AnswerForm(Form):
    """What is right where there is an answer: the valid operation's answer, with these settings changed."""

    stride: Raw = None
    """The stride that the value means."""
    dilation: Raw = None
    """The dilation that the value means."""
    padding: Raw = None
    """The padding that the value means: a word, or a number for both sides of every axis. Not the size then."""
    channels: Annotated[list[Size], Field(min_length=2, max_length=2)] | None = None
    """[in, out], one of them 0: there is nothing to sum, or nothing to say."""


class RejectForm(Form):
    """One kind of invalid call."""

    id: Id
    """The name of the kind; its cases are named KIND-transposed-2d and so on."""
    about: Text
    """Why it is invalid."""
    source: Text | None = None
    """Who says so; the file's own where left out."""
    fault: Annotated[list[Fault], Field(min_length=1)]
    """What a clear refusal names, one of them in any words of the framework's."""
    op: Annotated[list[Op], Field(min_length=1)] = Field(default=["conv_transpose", "conv"])
    """The operations on which it is tried."""
    rank: Annotated[list[Rank], Field(min_length=1)] = Field(default=[1, 2, 3])
    """The numbers of spatial axes on which it is tried."""
    base: BaseForm = BaseForm()
    """The valid operation."""
    invalid: InsteadForm = InsteadForm()
    """What is passed in place of settings."""
    arrays: OthersForm = OthersForm()
    """What is passed in place of arrays."""
    means: dict[Id, Text] = Field(default={})
    """A backend that documents a meaning, and which: there an answer is right and a refusal is not."""
    either: Text | None = None
    """Why a refusal and an answer are both right."""
    answer: AnswerForm | None = None
    """The right answer, with means or either."""
    ends: Annotated[list[Id], Field(min_length=1)] | None = None
    """The frameworks whose process it ends on several ranks, which costs a start of the framework each: a default run
    asks it on the fewest axes of each op alone, and a nightly one on all."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """After how many seconds without an answer a call counts as hanging; left out: the run's deadline."""


class RejectsFile(Form):
    """A file of invalid calls."""

    about: Text
    """One sentence: what the cases of this file show."""
    source: Text
    """The document that the cases come from: text or URL."""
    rejects: Annotated[list[RejectForm], Field(min_length=1)]
    """The kinds."""


FORMS: dict[str, type[Form]] = {
    "rejects": RejectForm,
    "base": BaseForm,
    "invalid": InsteadForm,
    "arrays": OthersForm,
    "x": OtherForm,
    "w": OtherForm,
    "b": OtherForm,
    "answer": AnswerForm,
}
"""The form that stands under a key, beside those of `convt.cases.model`."""


def written_out(value: Raw, rank: int) -> Any:
    """A value of the file for one rank: plain JSON. UnknownValue where a mapping says nothing known."""
    if isinstance(value, list):
        spliced: list[Any] = []
        for item in value:
            out = written_out(item, rank)
            spliced += out if isinstance(item, dict) and isinstance(out, list) else [out]
        return spliced
    if not isinstance(value, dict):
        return value
    if not set(value) <= ALLOWED or not any(needed <= set(value) for needed in NAMED):
        raise UnknownValue(f"found {', '.join(map(str, value)) or 'nothing'}, accepted {', '.join(sorted(ALLOWED))}")
    if "nothing" in value:
        return None
    if "two_to" in value:
        return 2 ** int(value["two_to"]) + int(value.get("plus", 0))
    if "first" in value:
        return [written_out(value["first"], rank), *[written_out(value["rest"], rank)] * (rank - 1)]
    count = rank * int(value.get("times", 1)) + int(value.get("more", 0))
    return [written_out(value["each"], rank)] * count


def cases_of(form: RejectForm, head: dict[str, Any], origin: str) -> list[Case]:
    """The cases of a kind, one an op and rank in float32, and one in each other dtype; SettingsError or UnknownValue
    where one cannot be made."""
    plain = [(op, rank, "") for op in form.op for rank in form.rank]
    return [
        Case(
            id=f"{form.id}-{SHORT[op]}-{rank}d{dtype and '-'}{dtype}", settings=settings, about=form.about,
            origin=origin, source=form.source or head.get("source", ""), laws=LAWS,
            reject=_reject(form, settings, dtype or "float32"),
        )
        for op, rank, dtype in [*plain, *_in_other_dtypes(form)]
        for settings in [_settings(form.base, op, rank)]
    ]  # fmt: skip


def _in_other_dtypes(form: RejectForm) -> list[tuple[Op, Rank, str]]:
    """Where a kind is asked in the other dtypes: each dtype once, on an op and rank that its name picks, so that every
    op and rank meets every dtype over all kinds.

    What is no number of its kind, or a number that no size holds, is refused, or not, before a dtype matters; what may
    hang is asked no oftener than it need be.
    """
    if (
        form.seconds
        or "dtype" in form.fault
        or "two_to" in str(form.invalid)
        or re.search(r"[0-9]{9}", str(form.invalid))
    ):
        return []
    ops, ranks = sorted(form.op), sorted(form.rank)
    turn = zlib.crc32(form.id.encode())
    return [
        (ops[(turn + at) % len(ops)], ranks[(turn // 2 + at) % len(ranks)], dtype)
        for at, dtype in enumerate(OTHER_DTYPES)
    ]


def _settings(base: BaseForm, op: Op, rank: int) -> Settings:
    def axes(value: int | None) -> tuple[int, ...] | None:
        return None if value is None else (value,) * rank

    both = op == "conv_transpose"
    return Settings(
        op=op, input=(base.input,) * rank, kernel=(base.kernel,) * rank, stride=(base.stride,) * rank,
        dilation=(base.dilation,) * rank, padding=base.padding or (),
        output_padding=axes(base.output_padding) if both else None,
        output_size=axes(base.output_size) if both else None,
        channels_in=base.channels[0], channels_out=base.channels[1], groups=base.groups, bias=base.bias,
    )  # fmt: skip


def _reject(form: RejectForm, settings: Settings, dtype: str) -> Reject:
    rank = settings.rank
    invalid = {name: written_out(getattr(form.invalid, name), rank) for name in sorted(form.invalid.model_fields_set)}
    arrays = {name: _other(getattr(form.arrays, name), rank, dtype) for name in sorted(form.arrays.model_fields_set)}
    return Reject(
        kind=form.id, fault=tuple(form.fault), invalid=invalid, arrays=arrays, means=dict(form.means),
        either=form.either or "", answer=None if form.answer is None else _answer(form.answer, settings),
        dtype=dtype, seconds=form.seconds or 0.0, ends=tuple(form.ends or ()),
    )  # fmt: skip


def _other(form: OtherForm, rank: int, dtype: str) -> OtherArray:
    shape = None if form.shape is None else tuple(written_out(form.shape, rank))
    return OtherArray(shape, form.dtype or dtype)


def _answer(form: AnswerForm, base: Settings) -> Answer:
    given = [name for name in ("stride", "dilation") if name in form.model_fields_set]
    changes: dict[str, Any] = {name: (written_out(getattr(form, name), base.rank),) * base.rank for name in given}
    if form.padding is not None:
        both = form.padding if isinstance(form.padding, str) else ((int(form.padding),) * 2,) * base.rank
        changes |= {"padding": both, "output_size": None}
    channels = form.channels or (base.channels_in, base.channels_out)
    return Answer(base.replace(**changes), channels[0], channels[1])
