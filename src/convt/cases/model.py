"""The form of a spec file, field by field: what may stand there, and what it means. `schema.json` comes from here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from convt.cases.case import Cost
from convt.conv.block_sums import LARGEST_BLOCK
from convt.results.finding import Cause, FindingKind

LARGEST = 65_536
"""The largest number that a size, stride or padding may be."""
MOST_AXES = 3


def _kind_of_axes(value: Any) -> str | None:
    if isinstance(value, list):
        return "<axes>"
    return "<one>" if isinstance(value, int) and not isinstance(value, bool) else None


def _kind_of_array(value: Any) -> str | None:
    return "<array>" if isinstance(value, (dict, ArrayForm)) else _kind_of_axes(value)


def _kind_of_padding(value: Any) -> str | None:
    if isinstance(value, str):
        return "<word>"
    if isinstance(value, list) and value and isinstance(value[0], list):
        return "<pairs>"
    return _kind_of_axes(value)


def _kind_of_bias(value: Any) -> str | None:
    if isinstance(value, bool):
        return "<flag>"
    return "<numbers>" if isinstance(value, list) else None


def _kind_of_law(value: Any) -> str | None:
    return "<list>" if isinstance(value, list) else "<one>" if isinstance(value, str) else None


def _kind_of_isa(value: Any) -> str | None:
    return "<list>" if isinstance(value, list) else "<mapping>" if isinstance(value, dict) else None


def _union(kind: Any, accepted: str) -> Discriminator:
    return Discriminator(kind, custom_error_type="kind", custom_error_message=accepted)


OPERATORS = ("and", "or", "not")
"""What `-k` joins words with: a case of such a name could not be chosen by it."""


def _no_operator(name: str) -> str:
    if name in OPERATORS:
        raise PydanticCustomError(
            "operator", "a name that -k does not read as an operator, such as {name}-case", {"name": name}
        )
    return name


Id = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=80, json_schema_extra={"not": {"enum": list(OPERATORS)}}
    ),
    AfterValidator(_no_operator),
]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Size = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
SizeAxes = Annotated[list[Size], Field(min_length=1, max_length=MOST_AXES)]
PositiveAxes = Annotated[list[Positive], Field(min_length=1, max_length=MOST_AXES)]
Sizes = Annotated[
    Annotated[Size, Tag("<one>")] | Annotated[SizeAxes, Tag("<axes>")],
    _union(_kind_of_axes, "an integer, or a list of integers, one an axis"),
]
Positives = Annotated[
    Annotated[Positive, Tag("<one>")] | Annotated[PositiveAxes, Tag("<axes>")],
    _union(_kind_of_axes, "an integer, or a list of integers, one an axis"),
]
Pair = Annotated[list[Size], Field(min_length=2, max_length=2)]
Padding = Annotated[
    Annotated[Literal["same", "valid"], Tag("<word>")]
    | Annotated[Size, Tag("<one>")]
    | Annotated[SizeAxes, Tag("<axes>")]
    | Annotated[Annotated[list[Pair], Field(min_length=1, max_length=MOST_AXES)], Tag("<pairs>")],
    _union(_kind_of_padding, "same, valid, an integer, a list of integers, or a list of [begin, end] pairs"),
]
Number = Annotated[float, Field(allow_inf_nan=False)]
Bias = Annotated[
    Annotated[bool, Tag("<flag>")] | Annotated[list[Number], Tag("<numbers>")],
    _union(_kind_of_bias, "true, false, or a list of numbers, one an output channel"),
]
Op = Literal["conv_transpose", "conv"]
Channels = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Expression = Annotated[str, Field(min_length=1, max_length=500)]
Data = Annotated[list[Any], Field(json_schema_extra={"items": {"type": ["number", "array"]}})]


class Form(BaseModel):
    """What all forms share: unknown fields are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class ArrayForm(Form):
    """An array: its shape, and its numbers where they are given."""

    shape: Annotated[list[Size], Field(min_length=3, max_length=2 + MOST_AXES)]
    """input: [batch, channels, ...spatial]. kernel: [in, out/groups, ...spatial]; for op conv [out, in/groups, ...]."""
    data: Data | None = None
    """The numbers, nested like the shape or flat in its order. Without them they are drawn from the seed."""


Input = Annotated[
    Annotated[Size, Tag("<one>")] | Annotated[SizeAxes, Tag("<axes>")] | Annotated[ArrayForm, Tag("<array>")],
    _union(_kind_of_array, "an integer, a list of integers, or {shape: [...], data: [...]}"),
]
Kernel = Annotated[
    Annotated[Positive, Tag("<one>")] | Annotated[PositiveAxes, Tag("<axes>")] | Annotated[ArrayForm, Tag("<array>")],
    _union(_kind_of_array, "an integer, a list of integers, or {shape: [...], data: [...]}"),
]


class ExpectForm(Form):
    """What the result is (under expect) or is wrongly said to be (under refuted)."""

    size: Sizes | None = None
    """The spatial extents of the output: one number for every axis, or one an axis."""
    data: Data | None = None
    """The output's numbers, nested as (batch, channels, ...spatial) or flat in that order; needs literal data."""
    matrix: Annotated[list[Size], Field(min_length=2, max_length=2)] | None = None
    """[rows, columns] of the dense matrix of one group: output numbers of one item by input numbers."""
    equals: Id | None = None
    """The id of a case that gives the same numbers for the data of this one."""
    differs: Id | None = None
    """The id of a case that gives the same shape and other numbers for the data of this one."""


class ClaimForm(Form):
    """A statement as people learn it."""

    says: Text
    """The statement, in the words of who says it."""
    holds: bool
    """Whether it is true of this case. Where false, `correction` and `refuted` or `expect.differs` are needed."""
    correction: Text | None = None
    """What is true instead."""


class MatrixForm(Form):
    """Values of fields; each combination of them becomes a case."""

    op: Annotated[list[Op], Field(min_length=1)] | None = None
    """conv_transpose, conv."""
    input: Annotated[list[Sizes], Field(min_length=1)] | None = None
    """Spatial extents: each an integer (one axis) or a list, one an axis."""
    kernel: Annotated[list[Positives], Field(min_length=1)] | None = None
    """Kernel extents: each an integer (every axis) or a list, one an axis."""
    stride: Annotated[list[Positives], Field(min_length=1)] | None = None
    """Strides: each an integer (every axis) or a list, one an axis."""
    dilation: Annotated[list[Positives], Field(min_length=1)] | None = None
    """Dilations: each an integer (every axis) or a list, one an axis."""
    padding: Annotated[list[Padding], Field(min_length=1)] | None = None
    """Paddings: each as in the field `padding` of a case."""
    output_padding: Annotated[list[Sizes], Field(min_length=1)] | None = None
    """Output paddings: each an integer (every axis) or a list, one an axis."""
    output_size: Annotated[list[Sizes], Field(min_length=1)] | None = None
    """Wanted output extents: each an integer (every axis) or a list, one an axis."""
    batch: Annotated[list[Size], Field(min_length=1)] | None = None
    """Batch sizes."""
    channels: Annotated[list[Channels], Field(min_length=1)] | None = None
    """[in, out] pairs."""
    groups: Annotated[list[Positive], Field(min_length=1)] | None = None
    """Numbers of groups."""
    bias: Annotated[list[bool], Field(min_length=1)] | None = None
    """Whether there is a bias."""


Wanted = Literal[
    "value", "shape", "traced", "unbatched", "mixed-float16", "mixed-bfloat16", "grad-x", "grad-w", "grad-b",
    "only-x", "only-w", "only-b", "grad-xw", "grad-wx", "jvp-x", "jvp-w", "jvp-grad-x",
]  # fmt: skip
"""What is asked of a call, as `convt.adapter.probe.Want` says it."""


Layout = Literal["contiguous", "channels-last", "strided", "transposed", "flipped", "broadcast", "read-only"]
"""How an array lies in memory, as `convt.adapter.probe.Layout` says it."""


class MemoryForm(Form):
    """How the arrays lie in memory."""

    x: Layout = "contiguous"
    """The input."""
    w: Layout = "contiguous"
    """The kernel."""
    g: Layout = "contiguous"
    """The cotangent."""


class EvaluationForm(Form):
    """The one evaluation that a case is there for."""

    want: Wanted = "value"
    """The value, its shape by abstract evaluation, the value of an input without batch axis, or a derivative."""
    dtype: Literal["float32", "float64", "float16", "bfloat16", "complex64", "complex128"] = "float32"
    """The dtype of every array."""
    memory: MemoryForm = MemoryForm()
    """How x, w and the cotangent g lie in memory."""
    call_form: Annotated[int, Field(ge=0)] = 0
    """The adapter's way to say the settings, by number."""
    numbers: Literal["integers", "real"] = "integers"
    """Integers whose sums are exact in the dtype, or real numbers that are held against the error bound."""


class MemoriesForm(Form):
    """The layouts that an entry is about; what is left out stands for all."""

    x: Annotated[list[Layout], Field(min_length=1)] | None = None
    """Of the input."""
    w: Annotated[list[Layout], Field(min_length=1)] | None = None
    """Of the kernel."""
    g: Annotated[list[Layout], Field(min_length=1)] | None = None
    """Of the cotangent."""


class CaseForm(Form):
    """One case, or with `matrix` one case for each combination of values."""

    id: Id
    """The name for ever: words of a-z and 0-9 joined by hyphens; the first begins with a letter. Never reused."""
    about: Text | None = None
    """Why the case is there; the file's own sentence where left out."""
    source: Text | None = None
    """The document that says so; the file's own where left out."""
    tags: list[Id] = []
    """Words to find the case by."""
    laws: list[Id] = []
    """Judge these laws and no others, for a case that is there for them alone; left out: every law that applies."""
    op: Op = "conv_transpose"
    """The operation: conv_transpose, or the forward conv."""
    input: Input | None = None
    """Spatial extents (an integer is one axis), or {shape, data}. Needed here or in the matrix."""
    kernel: Kernel | None = None
    """Kernel extents (an integer is every axis), or {shape, data}. Needed here or in the matrix."""
    batch: Size = 1
    """The number of items; taken from the input's shape where that is given."""
    channels: Channels | None = None
    """[in, out], [1, 1] where left out; taken from the shapes where they are given."""
    groups: Positive = 1
    """The number of groups; it divides both channels."""
    bias: Bias = False
    """Whether a bias is added, or its numbers, one an output channel."""
    stride: Positives = 1
    """An integer for every axis, or one an axis."""
    dilation: Positives = 1
    """The distance between kernel taps: an integer for every axis, or one an axis."""
    padding: Padding = 0
    """same, valid, an integer (both sides of every axis), one an axis (both sides), or a [begin, end] pair an axis."""
    output_padding: Sizes | None = None
    """Positions added at the end of an axis: an integer for every axis, or one an axis. Not with same, output_size."""
    output_size: Sizes | None = None
    """The wanted spatial extents: an integer for every axis, or one an axis. Not with output_padding."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """The seed of the numbers that are not literal."""
    expect: ExpectForm | None = None
    """What the result is, by hand; checked against the oracles when the file is read."""
    claim: ClaimForm | None = None
    """A statement that people make about these settings."""
    refuted: ExpectForm | None = None
    """What a false claim predicts; the file is refused where the prediction comes true. Needs claim.holds: false."""
    resize: Literal["nearest", "bilinear"] | None = None
    """The framework's own resize of the input by `stride` that this equals away from the border."""
    asked: EvaluationForm | None = None
    """The one evaluation that the case is there for: a derivative, another dtype, other memory. Judged by the law
    `crossed` alone."""
    block: Annotated[int, Field(ge=1, le=LARGEST_BLOCK)] | None = None
    """Judge the result, in float16, by the sums of blocks of so many numbers; goes with laws: [large]."""
    cost: Annotated[list[Cost], Field(min_length=1)] | None = None
    """Time the call beside another, in each of these ways, a case each; goes with laws: [cost]."""
    matrix: MatrixForm | None = None
    """Lists of values; every combination that `where` lets through, thinned by `cover`, is a case."""
    where: Expression | None = None
    """Which combinations of the matrix count, over their fields and out, effective, rank, crop_lo, crop_hi, extra."""
    cover: Literal[2, 3, "all"] = "all"
    """2: so many combinations that every pair of values occurs; 3: every triple; all: the full product."""


class SpecFile(Form):
    """A file of cases that belong together."""

    about: Text
    """One sentence: what the cases of this file show."""
    source: Text
    """The document that the cases come from: text or URL."""
    weights: Annotated[str, Field(pattern=r"^[^/\\]+\.npz$", max_length=255)] | None = None
    """A file of numpy.savez beside this one: its arrays NAME.kernel and NAME.bias are the real numbers of the case
    NAME, which the law accuracy takes in place of drawn ones."""
    cases: Annotated[list[CaseForm], Field(min_length=1)]
    """The cases."""


Sets = Annotated[list[Annotated[Text, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)]
Isa = Annotated[
    Annotated[Sets, Tag("<list>")] | Annotated[Annotated[dict[Text, Sets], Field(min_length=1)], Tag("<mapping>")],
    _union(_kind_of_isa, "a list of instruction sets, or a mapping of dtypes to such lists"),
]
"""Instruction sets, of every call or by the dtype of the arrays."""


class WhenForm(Form):
    """The targets that a known difference is about; each condition that is left out accepts every target."""

    version: Text | None = None
    """Versions of the framework, as PEP 440 specifiers: ">=3.0,<4"."""
    backend: Annotated[list[Text], Field(min_length=1)] | None = None
    """Names of backends, where the file is for more than one."""
    mode: Annotated[list[Text], Field(min_length=1)] | None = None
    """Modes, such as jit or compile."""
    device: Annotated[list[Text], Field(min_length=1)] | None = None
    """Devices, such as cpu or cuda; cuda stands for cuda:0 and all others too."""
    isa: Isa | None = None
    """Instruction sets that the processor has, all of them, as Linux calls them: [avx512f, amx_bf16]; or a mapping of
    dtypes to such lists, where only calls in these dtypes need them."""
    lacks: Isa | None = None
    """Instruction sets of which the processor lacks at least one; or a mapping, as under isa."""


class AskedForm(Form):
    """Which evaluations of these settings an entry without a law is about."""

    want: Annotated[list[Wanted], Field(min_length=1)] = ["value"]
    """The value, its shape by abstract evaluation, the value of an input without batch axis, or a derivative."""
    dtype: Annotated[list[Text], Field(min_length=1)] | None = None
    """The dtypes of the arrays, such as float16; left out: all."""
    call_form: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """The adapter's ways to say the settings, by number; left out: all."""
    memory: MemoriesForm | None = None
    """How the arrays lie in memory; left out: in any way."""


class WrongForm(Form):
    """The wrong behaviour that is expected; anything else is a new failure."""

    verdict: Literal["differs", "error"] | None = None
    """The verdict, where `law` names the laws that fail."""
    outcome: Literal["raised", "crashed", "timed-out", "differs"] | None = None
    """What the call does, where no law is named; differs: its shape or numbers are not the oracle's."""
    kind: (
        Annotated[
            Annotated[FindingKind, Tag("<one>")]
            | Annotated[Annotated[list[FindingKind], Field(min_length=1)], Tag("<list>")],
            _union(_kind_of_law, "a kind of failure, or a list of them"),
        ]
        | None
    ) = None
    """What is wrong with it, where it differs: its numbers (value), its shape, the refusal of what means nothing."""
    cause: Annotated[list[Cause], Field(min_length=1)] | None = None
    """What makes exactly such numbers, as a law has found out."""
    exception: (
        Annotated[
            Annotated[Text, Tag("<one>")] | Annotated[Annotated[list[Text], Field(min_length=1)], Tag("<list>")],
            _union(_kind_of_law, "the class of an exception or a signal, or a list of them"),
        ]
        | None
    ) = None
    """The class of the exception, such as ValueError, or the signal, such as SIGABRT."""
    message: Text | None = None
    """A regular expression, found somewhere in the framework's own words: the exception, or the log of a crash."""
    shape: Annotated[list[Size], Field(min_length=1)] | None = None
    """The first extents of the wrong shape, or of the answer to settings that mean nothing."""
    dtype: Text | None = None
    """The dtype of the answer to settings that mean nothing."""


class KnownForm(Form):
    """One known difference: a predicate, its wrong behaviour, the reason, and where it is reported."""

    id: Id
    """The name of the entry."""
    law: (
        Annotated[
            Annotated[Id, Tag("<one>")] | Annotated[Annotated[list[Id], Field(min_length=1)], Tag("<list>")],
            _union(_kind_of_law, "the id of a law, or a list of them"),
        ]
        | None
    ) = None
    """The law, or laws, that fail. Left out: the call itself goes wrong, and every law that needs it fails by that."""
    rejects: Annotated[list[Id], Field(min_length=1)] | None = None
    """With `law: rejects`: the kinds of settings, in specs/rejects.yaml, that are not refused as they are due."""
    cost: Annotated[list[Cost], Field(min_length=1)] | None = None
    """With `law: cost`: what takes too long; needed there."""
    asked: AskedForm | None = None
    """Without `law`: which evaluations go wrong."""
    where: Expression | None = None
    """The settings on which they fail, as an expression; left out: on all."""
    when: WhenForm | None = None
    """The targets on which they fail; left out: on all of this file."""
    wrong: WrongForm
    """What is seen instead."""
    reason: Text
    """Why, and what the framework does."""
    folder: Id | None = None
    """The folder of specs that holds the cases it is about, and so the profile that misses it; left out: none."""
    finding: Id | None = None
    """The finding that it belongs to, in findings.yaml beside this file or beside another framework's."""
    issue: Text
    """Where it is reported: a URL, or text that says so."""
    since: Text
    """The version or the date from which it is known."""
    intermittent: Text | None = None
    """Why it does not show every time, such as uninitialised memory. The entry is then not strict."""


class KnownFile(Form):
    """The known differences of one backend."""

    known: list[KnownForm]
    """The entries."""


FORMS: dict[str, type[Form]] = {
    "file": SpecFile,
    "cases": CaseForm,
    "input": ArrayForm,
    "kernel": ArrayForm,
    "expect": ExpectForm,
    "refuted": ExpectForm,
    "claim": ClaimForm,
    "matrix": MatrixForm,
    "known": KnownForm,
    "when": WhenForm,
    "wrong": WrongForm,
    "asked": AskedForm,
    "cases.asked": EvaluationForm,
    "memory": MemoryForm,
}
"""The form that stands under a key; under the same key of several files, with the file's first key before it."""
