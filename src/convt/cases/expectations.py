"""What a file expects of a case, checked against the oracles: an expectation that does not hold is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from convt.cases.build import DataError, array, is_exact, numbers
from convt.cases.case import Case, Expect
from convt.cases.errors import Keys, show
from convt.cases.model import ExpectForm
from convt.conv.data import Arrays
from convt.conv.oracles import OraclesDisagree, reference, scatter
from convt.conv.settings import Settings

RELATIVE = 1e-9
"""How far decimal numbers in a file may be from the oracle, relative to the largest of the result."""

Flaw = tuple[Keys, str]
"""Where inside the case, and what is wrong."""
Find = Callable[[str], Case | str | None]
"""A case by its id; the names near it where there is none; None where its own errors are reported already."""


def compute(it: Settings, arrays: Arrays) -> np.ndarray:
    """The oracles' answer: all three on integers, scatter on other numbers."""
    oracle = reference if is_exact(arrays) else scatter
    return oracle(it, arrays.x, arrays.w, arrays.b)


def matrix_shape(it: Settings) -> tuple[int, int]:
    """Rows and columns of the dense matrix of one group."""
    rows = it.channels_out // it.groups * int(np.prod(it.output))
    return rows, it.channels_in // it.groups * int(np.prod(it.input))


def expect_of(form: ExpectForm, it: Settings, keys: Keys, fits: bool) -> Expect:
    """The expectation as data; DataError where its numbers need to fit the output and do not.

    A refuted prediction may have any shape: numbers that do not fit stay a flat array.
    """
    size = None if form.size is None else tuple(form.size) if isinstance(form.size, list) else (form.size,) * it.rank
    data = None
    if form.data is not None:
        flat = np.array(numbers(form.data, (*keys, "data")), np.float64)
        try:
            data = array(form.data, it.y_shape, (*keys, "data"))
        except DataError:
            if fits:
                raise
            data = flat
    matrix = None if form.matrix is None else (form.matrix[0], form.matrix[1])
    return Expect(size=size, data=data, matrix=matrix, equals=form.equals, differs=form.differs)


@dataclass(frozen=True, eq=False)
class Subject:
    """A case with its arrays in float64 and the oracles' answer, computed when first asked for."""

    case: Case
    literal: Arrays | None

    @cached_property
    def arrays(self) -> Arrays:
        return self.literal or self.case.data()

    @cached_property
    def answer(self) -> np.ndarray:
        return compute(self.case.settings, self.arrays)

    def agrees(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers are the answer's: equal on integers, within RELATIVE of the largest magnitude otherwise."""
        largest = float(np.max(np.abs(self.answer), initial=0))
        return np.asarray(np.abs(numbers - self.answer) <= (0 if is_exact(self.arrays) else RELATIVE * largest))


def flaws(subject: Subject, form: ExpectForm | None, refuted: ExpectForm | None, find: Find) -> Iterator[Flaw]:
    """Every expectation that does not hold, and every refuted prediction that does."""
    try:
        if form is not None:
            for name, keys, holds, text in _outcomes(subject, subject.case.expect, form, ("expect",), find):
                if not holds:
                    yield (("expect", name, *keys), text)
        if refuted is not None and subject.case.refuted is not None:
            for name, keys, holds, text in _outcomes(subject, subject.case.refuted, refuted, ("refuted",), find):
                if holds:
                    yield (
                        ("refuted", name),
                        "the oracles confirm this prediction: the claim holds",
                    )
                elif holds is None:
                    yield (("refuted", name, *keys), text)
    except OraclesDisagree as error:
        yield ((), f"the oracles disagree, which is an error of the suite: {error}")


def _outcomes(
    subject: Subject, expect: Expect, form: ExpectForm, keys: Keys, find: Find
) -> Iterator[tuple[str, Keys, bool | None, str]]:
    """(field, place inside it, whether it holds, what to say if not); None where there is no telling."""
    it = subject.case.settings
    if expect.size is not None:
        yield "size", (), expect.size == it.output, f"found {show(expect.size)}, accepted {show(it.output)}"
    if expect.matrix is not None:
        shape = matrix_shape(it)
        yield "matrix", (), expect.matrix == shape, f"found {show(expect.matrix)}, accepted {show(shape)}"
    if expect.data is not None:
        yield ("data", *_data(subject, expect.data, form))
    for name in ("equals", "differs"):
        if (other := getattr(expect, name)) is not None:
            yield (name, (), *_other(subject, other, name == "equals", find(other)))


def _data(subject: Subject, expected: np.ndarray, form: ExpectForm) -> tuple[Keys, bool, str]:
    """Whether the numbers are the oracles', and the place of the first that is not."""
    answer = subject.answer
    if expected.shape != answer.shape:
        return (), False, f"found shape {show(expected.shape)}, accepted {show(answer.shape)}"
    wrong = ~subject.agrees(expected)
    if not wrong.any():
        return (), True, ""
    at = tuple(int(index) for index in np.argwhere(wrong)[0])
    flat = int(np.ravel_multi_index(at, answer.shape))
    keys: Keys = at if form.data and isinstance(form.data[0], list) else (flat,)
    count = f"{int(wrong.sum())} of {answer.size} differ from the oracles"
    return keys, False, f"found {expected[at]:.12g}, accepted {answer[at]:.12g}; {count}"


def _other(subject: Subject, name: str, equal: bool, other: Case | str | None) -> tuple[bool | None, str]:
    """Whether another case gives the same (or other) numbers for the data of this one."""
    found = f"found {name!r}"
    if other is None:
        return True, ""
    if isinstance(other, str):
        return None, f"{found}, which is the id of no case; accepted {other}"
    mine, theirs = subject.case.settings, other.settings
    for what in ("x_shape", "w_shape", "bias"):
        a, b = getattr(mine, what), getattr(theirs, what)
        if a != b:
            words = {"x_shape": "input of shape", "w_shape": "kernel of shape", "bias": "bias"}[what]
            return None, f"{found}, which has {words} {show(b)}; accepted a case with {show(a)}, as here"
    answer = compute(theirs, subject.arrays)
    if answer.shape != subject.answer.shape:
        shapes = f"{show(answer.shape)}, and this one {show(subject.answer.shape)}"
        return False, f"{found}, whose output has shape {shapes}; accepted a case of the same shape"
    same = bool(subject.agrees(answer).all())
    said = "the same numbers" if same else f"other numbers, {_first(answer, subject)}"
    return same == equal, f"{found}, which gives {said}; accepted a case that {'equals' if equal else 'differs'}"


def _first(theirs: np.ndarray, subject: Subject) -> str:
    at = tuple(int(index) for index in np.argwhere(~subject.agrees(theirs))[0])
    return f"{theirs[at]:.12g} for {subject.answer[at]:.12g} at {show(at)}"
