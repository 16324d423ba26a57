"""The language of `where`: what its sentences mean, and that nothing else is one."""

from __future__ import annotations

import pytest

from convt.cases.expressions import NAMES, Expression, ExpressionError
from convt.conv.settings import Settings

LINE = Settings(input=(7,), kernel=(3,), stride=(2,), padding=((1, 0),), output_padding=(1,), bias=True)
PLANE = Settings(
    input=(5, 6), kernel=(2, 5), stride=(3, 2), dilation=(1, 2), padding="same", channels_in=4, channels_out=8, groups=2
)

SENTENCES = [
    ("kernel == 3", True, False),
    ("kernel > 1", True, True),
    ("kernel >= 3", True, False),
    ("any(kernel >= 3)", True, True),
    ("not any(kernel == 2)", True, False),
    ("not kernel >= 3", False, True),
    ("all(kernel > stride)", True, False),
    ("any(kernel > stride and stride == 2)", True, True),
    ("any(kernel > stride and stride == 3)", False, False),
    ("stride > dilation * (kernel - 1) + 1", False, False),
    ("any(stride > effective)", False, True),
    ("effective == dilation * (kernel - 1) + 1", True, True),
    ("out == input * stride", False, True),
    ("kernel == 2 or kernel == 5", False, False),
    ("any(kernel == 2 or kernel == 7)", False, True),
    ("all(kernel == 2 or kernel == 5)", False, True),
    ("kernel in [2, 3]", True, False),
    ("kernel in (2, 5)", False, True),
    ("kernel not in [2, 3]", False, False),
    ("any(kernel not in [2, 3])", False, True),
    ("groups in [2]", False, True),
    ("padding == 'same'", False, True),
    ("padding in ['valid', 'explicit']", True, False),
    ("op == 'conv_transpose'", True, True),
    ("bias", True, False),
    ("not bias", False, True),
    ("bias == true and rank == 1", True, False),
    ("rank == 2 and kernel == [2, 5]", False, True),
    ("rank == 2 and stride[1] == 2", False, True),
    ("stride[-1] == 2", True, True),
    ("min(kernel) == 2", False, True),
    ("max(kernel) == 5", False, True),
    ("min(kernel, 3) == [3]", True, None),
    ("max(kernel, stride) == [3, 5]", None, True),
    ("prod(kernel) == 10", False, True),
    ("prod(groups) == 2", False, True),
    ("prod(1 if kernel == 2 else input) == 6", False, True),
    ("prod(input if dilation == 1 else 1) > prod(kernel if dilation == 1 else 1) == 2", False, True),
    ("kernel == 3 if rank == 1 else kernel == [2, 5]", True, True),
    ("kernel == 3 if kernel > 2 else stride[1] == 2", True, True),
    ("1 < kernel <= 3", True, False),
    ("input % stride == 1", True, False),
    ("input // 2 == 3", True, False),
    ("-crop_lo + crop_hi == -1", True, False),
    ("extra == output_padding", True, False),
    ("output_size == 0", True, True),
    ("channels_in % groups == 0 and channels_out == 2 * channels_in", False, True),
    ("true", True, True),
    ("batch == 1 and not false", True, True),
]


@pytest.mark.parametrize(("text", "line", "plane"), SENTENCES, ids=[sentence[0] for sentence in SENTENCES])
def test_a_sentence_holds_or_not(text: str, line: bool | None, plane: bool | None) -> None:
    for settings, expected in ((LINE, line), (PLANE, plane)):
        if expected is None:
            with pytest.raises(ExpressionError, match="vectors of 1 and 2 axes"):
                Expression(text).holds(settings)
        else:
            assert Expression(text).holds(settings) is expected


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_value_on_every_settings(name: str) -> None:
    for settings in (LINE, PLANE):
        assert Expression(f"{name} == {name}").holds(settings)


REFUSED = [
    ("", 0, "accepted an expression"),
    ("kernel >", 0, "accepted an expression"),
    ("kernel = 3", 0, "accepted an expression"),
    ("a; b", 0, "accepted an expression"),
    ("kernal == 3", 0, "found 'kernal', accepted 'kernel'"),
    ("stride > 1 and kernl == 3", 15, "found 'kernl', accepted 'kernel'"),
    ("__import__('os')", 0, "found a call, accepted min"),
    ("open('x')", 0, "found a call"),
    ("kernel.__class__", 0, "found Attribute"),
    ("(lambda: 1)()", 0, "found a call"),
    ("[k for k in kernel]", 0, "found ListComp"),
    ("f'{kernel}' == 'x'", 0, "found JoinedStr"),
    ("kernel ** 9", 0, "found the operator Pow"),
    ("kernel << 9 == 1", 0, "found the operator LShift"),
    ("kernel / 2 == 1", 0, "found the operator Div"),
    ("kernel is 3", 0, "found the comparison Is"),
    ("(x := 3)", 1, "found NamedExpr"),
    ("~kernel == 1", 0, "found UnaryOp"),
    ("kernel == 1.5", 10, "found 1.5"),
    ("kernel == None", 10, "found None"),
    ("kernel == b'x'", 10, "found b'x'"),
    ("kernel == 99999999999", 10, "found 99999999999"),
    ("kernel in 3", 10, "a list after 'in'"),
    ("kernel in []", 10, "found []"),
    ("kernel in [[1, 2]]", 10, "a list of numbers or words"),
    ("any()", 0, "found 0 arguments of any"),
    ("any(kernel, stride)", 0, "found 2 arguments of any"),
    ("prod(kernel, stride) == 1", 0, "found 2 arguments of prod"),
    ("min(kernel, key=1)", 0, "found a call"),
    ("padding == 'smae'", 11, "found 'smae', accepted 'same'"),
    ("op in ['conv', 'convt']", 15, "found 'convt'"),
    ("kernel[stride] == 1", 0, "found Subscript"),
    ("kernel[0:1] == 1", 0, "found Subscript"),
    ("1 + " * 200 + "1", 0, "characters"),
    ("(" * 300 + "1" + ")" * 199, 0, "accepted an expression"),
]


@pytest.mark.parametrize(("text", "offset", "message"), REFUSED, ids=[text[:30] or "nothing" for text, *_ in REFUSED])
def test_what_is_not_of_the_language_is_refused_with_its_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert message in str(caught.value)
    if "accepted an expression" not in message:
        assert caught.value.offset == offset


WITHOUT_ANSWER = [
    ("kernel", "found the number"),
    ("kernel + 1", "found the number"),
    ("padding", "found the word"),
    ("kernel == 'same'", "a number compared with a word"),
    ("padding == 3", "a word compared with a number"),
    ("kernel in ['same']", "a number compared with a word"),
    ("padding < 'same'", "an order between words"),
    ("bias == 1", "a condition compared with a number"),
    ("bias + 1 == 2", "found a condition, accepted a number"),
    ("kernel and bias", "found a number, accepted a condition"),
    ("not kernel", "found a number, accepted a condition"),
    ("any(kernel)", "found a number, accepted a condition"),
    ("prod(kernel > 1) == 1", "found a condition, accepted a number"),
    ("kernel if bias else stride", "found the number"),
    ("bias if kernel else bias", "found a number, accepted a condition"),
    ("any(bias if kernel > 1 else stride)", "a condition compared with a number"),
    ("kernel // 0 == 1", "a division by 0"),
    ("kernel % (kernel - kernel) == 1", "a division by 0"),
    ("stride[2] == 1", "found axis 2"),
    ("rank[0] == 1", "found axis 0"),
    ("kernel == [1, 2, 3]", "axes"),
]


@pytest.mark.parametrize(("text", "message"), WITHOUT_ANSWER, ids=[text for text, _ in WITHOUT_ANSWER])
def test_a_sentence_without_an_answer_says_why(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match="found") as caught:
        Expression(text).holds(LINE)
    assert message in str(caught.value)


def test_and_stops_where_the_answer_is_known() -> None:
    assert not Expression("rank == 3 and stride[2] == 1").holds(LINE)
    assert Expression("rank == 1 or stride[1] == 1").holds(LINE)
