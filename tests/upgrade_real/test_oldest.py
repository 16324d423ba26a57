"""The oldest release of each framework that is covered: its target still answers a plain call, and rightly."""

from __future__ import annotations

import pytest

from convt.cases.case import Case
from convt.cases.loader import load_cases
from convt.laws.catalogue import all_laws
from convt.upgrade.bisect_question import told
from convt.upgrade.environments import build
from convt.upgrade.judge import judge
from convt.upgrade.pythons import NoPython, find

OLDEST = {
    "pytorch": ("torch==2.0.1", "numpy<2"),
    "tensorflow": ("tensorflow-cpu==2.16.2",),
    "keras-torch": ("keras==3.0.5", "torch==2.13.0", "packaging"),
    "keras-jax": ("keras==3.0.5", "jax==0.10.2", "packaging"),
    "keras-tensorflow": ("keras==3.0.5", "tensorflow-cpu==2.16.2"),
    "jax": ("jax==0.4.30", "numpy<2.2"),
    "onnxruntime": ("onnxruntime==1.14.1", "numpy<2"),
}
"""Target to what is installed: the oldest releases that the extras of convt name, with companions that go with them."""
PYTHON = {"onnxruntime": "3.10"}
"""Of which Python, where this one is too new for the release."""
SPEC = """\
about: Two plain calls.
source: section 3
cases:
  - {id: transposed, input: [5, 4], kernel: 3, stride: 2, channels: [2, 3], bias: true}
  - {id: forward, op: conv, input: [5, 4], kernel: 3, stride: 2, channels: [2, 3], bias: true}
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    path = tmp_path_factory.mktemp("plain") / "plain.yaml"
    path.write_text(SPEC)
    return list(load_cases([path]))


@pytest.mark.parametrize("target", OLDEST)
def test_a_plain_call_of_the_oldest_release_is_right(target: str, cases: list[Case]) -> None:
    try:
        python = find(PYTHON.get(target)).program
    except NoPython as error:
        pytest.skip(str(error))
    made = build(OLDEST[target], name=f"oldest-{target}", constraints=None, python=python)
    laws = [law for law in all_laws() if law.id in ("value", "conv-value")]
    verdicts = judge(target, made.python, cases, laws).verdicts
    says = {(it.case.id, it.law.id): told([it]) for it in verdicts}
    assert says == {
        ("transposed", "value"): ("pass", "1 law holds"),
        ("forward", "conv-value"): ("pass", "1 law holds"),
    }
