"""Translations compute what the layer computes: exactly, from every framework's words to every framework's."""

from __future__ import annotations

import numpy as np
import pytest

from convt.conv.settings import Settings
from convt.translation.dialect import dialects
from convt.translation.translating import read, translate

from .liars import LIARS, Liar
from .truth import ENGINES, Job, answers, jobs, layers, missing, texts, translatable, wrong
from .written import Written

SEED = 7
EVERYDAY = {"torch": 250, "tensorflow": 120, "onnx": 120, "keras@torch": 120, "keras@tensorflow": 60}
"""Layers by engine; the engines that compile each of them, which is what JAX spends its time on, take some 10 ms."""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_translation_computes_the_same_numbers(engine: str) -> None:
    if engine.split("@")[0] not in dialects() or missing(engine):
        pytest.skip(f"{engine} needs {' and '.join(missing(engine))}")
    asked = [job for it in layers(SEED, EVERYDAY.get(engine, 40)) for _, job in jobs(it, [engine])]
    problems = wrong(asked, answers(engine, asked))
    assert not problems, f"{len(problems)} of {len(asked)}; the first: {problems[0]}"
    assert any(job.translation.direct for job in asked)
    assert any(not job.translation.direct for job in asked)


def test_a_round_trip_keeps_the_size_and_the_numbers() -> None:
    count = 0
    for it in layers(SEED + 1, 1500):
        for words, _ in texts(it):
            again = read(words).layer.settings(it.input, channels_in=it.channels_in, batch=it.batch)
            assert again.output == it.output, words
            # a transposed convolution of stride 1 is a forward one of mirrored taps, and may be read so
            assert _reached(again, mirrored=again.op != it.op) == _reached(it), words
            count += 1
    assert count > 1500


def _reached(it: Settings, mirrored: bool = False) -> list[set[tuple[int, int, int]]]:
    """What meets what on each axis, (input, output, tap): two layers with the same of these compute the same."""
    return [
        {
            ((near, far) if it.transposed else (far, near)) + (it.kernel[axis] - 1 - j if mirrored else j,)
            for near in range(it.input[axis] if it.transposed else it.output[axis])
            for j in range(it.kernel[axis])
            if 0 <= (far := near * it.stride[axis] + j * it.dilation[axis] - it.crop[axis][0]) < _far(it, axis)
        }
        for axis in range(it.rank)
    ]


def _far(it: Settings, axis: int) -> int:
    return it.output[axis] if it.transposed else it.input[axis]


def test_every_layer_can_be_said_in_every_framework() -> None:
    for it in layers(SEED + 2, 600):
        for dialect in dialects().values():
            if translatable(dialect):
                assert translate(it, dialect).program()


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[int, int]]:
    """Of each liar: how many translations it spoils, and in how many of them that is seen."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    honest = [job for it in layers(SEED, 200) for _, job in jobs(it, ["torch"])]
    lies = {liar.name: [lie for job in honest if (lie := liar.tell(job))] for liar in LIARS}
    found = iter(answers("torch", [lie for some in lies.values() for lie in some]))
    return {name: (len(some), sum(bool(wrong([lie], [next(found)])) for lie in some)) for name, some in lies.items()}


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.name)
def test_the_mistake_of_a_converter_is_seen(liar: Liar, told: dict[str, tuple[int, int]]) -> None:
    made, seen = told[liar.name]
    assert made >= 5, "the mistake can hardly be made on these layers"
    assert seen >= made / 2, f"{liar.about}: {seen} of {made} seen"


def test_a_result_that_differs_is_told() -> None:
    it = next(layers(SEED, 1))
    _, job = next(jobs(it, ["torch"]))
    assert wrong([job], [job.expected]) == []
    assert "numbers differ" in wrong([job], [job.expected + 1])[0]
    assert "shape" in wrong([job], [np.zeros(3)])[0]
    assert "no such thing" in wrong([job], ["ValueError: no such thing"])[0]
    assert isinstance(job, Job)


def test_a_program_that_ends_its_process_costs_itself_alone() -> None:
    it = Settings(input=(2,), kernel=(1,))
    one = np.ones(1)
    texts = ("y = state", "import os\nos.abort()", "y = state")
    found = answers("onnx", [Written(it, "", text, {"state": one}, one) for text in texts])
    assert [isinstance(y, str) for y in found] == [False, True, False]
    assert "ended with -6" in str(found[1])
