"""Upgrades of real releases over every case: what changed is found, and what did not is left alone.

Each test prints the pair's cases, seconds and differences by class (`pytest -s`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from convt.results.runfile import read_run
from tests.suite.upgrade.upgrading import Upgrade, run

SECONDS = 3600
"""How long one pair may take, its downloads included."""
SAME = {"unchanged", "bits"}


def pair(folder: Path, before: str, after: str, target: str, *options: str, **variables: str) -> Upgrade:
    """An upgrade over every YAML case, and its measure in one line."""
    words = [f"--target={target}", "--seed=1", *options]
    found = run(folder, before, after, *words, seconds=SECONDS, variables=variables)
    if found.code != 2:
        ended = read_run(folder / "run.jsonl").footer
        told = f"{target} {before} -> {after}: {ended.cases} cases, {ended.verdicts} verdicts, {ended.seconds} s"
        print(f"\n{told}; {found.counts}")  # noqa: T201  the measure that the test states
    return found


def test_keras_got_better_from_3_14_1_to_3_15_1(tmp_path: Path) -> None:
    found = pair(tmp_path, "keras==3.14.1", "keras==3.15.1", "keras-torch", "--budget=60s")
    assert found.code == 1, found.text + found.error
    assert found.counts["fixed"] > 100
    # one refusal became unclear; layers of float16 that were a pixel off are not any more, and show how PyTorch rounds
    kinds = {(change["kind"], change["law"], change["worse"]) for change in found.data["changes"]}
    assert {it[:2] for it in kinds if it[2]} == {("accept-refuse", "rejects")}
    assert ("fails-differently", "dtype", False) in kinds
    [search] = found.data["search"]
    assert {"value", "shape"} <= {it["kind"] for it in search["differences"]}
    assert {it["right"] for it in search["differences"]} == {"after"}


def test_keras_got_worse_the_other_way_round(tmp_path: Path) -> None:
    found = pair(tmp_path, "keras==3.15.1", "keras==3.14.1", "keras-torch", "--budget=0")
    assert found.code == 1, found.text + found.error
    assert found.counts["regressed"] > 100


def test_a_release_of_jax_that_changed_nothing_gives_no_difference(tmp_path: Path) -> None:
    found = pair(tmp_path, "jax==0.10.1", "jax==0.10.2", "jax", "--budget=30s")
    assert found.code == 0, found.text + found.error
    assert found.counts.keys() <= SAME
    assert {it["kind"] for it in found.data["search"][0]["differences"]} <= {"bits"}


def test_onnx_runtime_began_to_refuse_an_output_padding_that_a_dilation_allows(tmp_path: Path) -> None:
    found = pair(tmp_path, "onnxruntime==1.20.1", "onnxruntime==1.31.1", "onnxruntime", "--budget=30s")
    assert found.code == 1, found.text + found.error
    assert "regressed" in found.kinds("output-padding-dilated")
    outcomes = [it for it in found.data["search"][0]["differences"] if it["kind"] == "outcome"]
    assert any(it["right"] == "before" and it["needs"] == ["dilation 2", "output padding 1"] for it in outcomes)


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_a_release_with_itself_is_unchanged_whatever_the_threads(tmp_path: Path, threads: str) -> None:
    same = "keras==3.15.1"
    found = pair(tmp_path, same, same, "keras-torch", "--budget=20s", f"--seed={threads}", OMP_NUM_THREADS=threads)
    assert found.code == 0, found.text + found.error
    assert found.counts.keys() == {"unchanged"}
    assert found.data["search"][0]["differences"] == []
