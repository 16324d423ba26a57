"""The script to paste for a large result: it says where the result is wrong, and looks where it may be."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from convt.content.tests.laws.large import Large

from convt.adapter.backend import Probe
from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.conv.oracles import reference
from convt.conv.settings import Settings
from convt.session.block_sum_scripts import paste_block_sums
from convt.session.verdicts import paste

ROOT = Path(__file__).parents[3]
SMALL = load_cases([ROOT / "specs" / "folded.yaml"])
FAR = load_cases([ROOT / "specs" / "large" / "large.yaml"])
LAW = Large()


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.id)
@pytest.mark.parametrize("lie", [False, True])
def test_the_script_says_where_a_result_is_wrong(case: Case, lie: bool) -> None:
    probe = LAW.probes(case)["block sums"]
    y = reference(case.settings, probe.x, probe.w, probe.b).astype(np.float16)
    right = float(y.flat[-3])
    if lie:
        y.flat[-3] += 1
    text = paste("", "y = answer(x, w)", probe)
    assert text == paste_block_sums("", "y = answer(x, w)", probe)
    printed = io.StringIO()
    given: dict[str, np.ndarray] = {}

    def answer(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        given.update(x=x, w=w)
        return np.asfortranarray(y)

    with contextlib.redirect_stdout(printed):
        exec(text, {"answer": answer})  # noqa: S102  what people paste
    np.testing.assert_array_equal(given["x"], probe.x, strict=True)
    np.testing.assert_array_equal(given["w"], probe.w, strict=True)
    lines = printed.getvalue().splitlines()
    assert lines[0] == f"{y.shape} float16"
    assert re.fullmatch(rf"{int(lie)} of [\d,]+ places differ", lines[1])
    assert lines[2:] == ([f"{y.size - 3:,}: {right + 1}, but should be {right}"] if lie else [])


def test_the_script_of_a_large_result_says_what_it_takes_and_is_short() -> None:
    for case in FAR:
        text = paste("import torch", "y = 1", LAW.probes(case)["block sums"])
        assert text.startswith("# the result takes")
        assert len(text) < 2500
        compile(text, case.id, "exec")


@pytest.mark.parametrize("transposed", [True, False])
def test_it_looks_where_numbers_of_the_input_land(transposed: bool) -> None:
    """Four of four million are other ones than the bias; a result that nobody wrote may be right everywhere else."""
    it = (
        Settings((1, 2), (2, 2), stride=(1, 1_500_000), bias=True)
        if transposed
        else Settings((1, 1), (2, 2), padding=((1000, 1000),) * 2, bias=True, op="conv")
    )
    x, w, b = (np.ones(shape, np.float16) for shape in (it.x_shape, it.w_shape, (1,)))
    probe = Probe(it, x, w, b, block=9)
    text = paste_block_sums("", "y = answer()", probe)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(text, {"answer": lambda: np.ones(it.y_shape, np.float16)})  # noqa: S102  what people paste
    found = re.search(r"^(\d+) of [\d,]+ places differ$", printed.getvalue(), re.MULTILINE)
    assert found is not None
    assert int(found[1]) == (8 if transposed else 4)
