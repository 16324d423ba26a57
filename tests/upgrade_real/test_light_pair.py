"""One upgrade of real releases that is light enough for every change: Keras on PyTorch, the cases of `same`."""

from __future__ import annotations

from itertools import product

import pytest

from tests.suite.upgrade.upgrading import Upgrade, run

SIZES, KERNELS, STRIDES = range(1, 8), range(1, 6), range(1, 5)


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    """Keras 3.14.1 and 3.15.1 over 140 squares: every input up to 7, kernel up to 5, stride up to 4."""
    folder = tmp_path_factory.mktemp("keras")
    lines = ["about: Small squares under `same`.", "source: tests", "cases:"]
    for n, k, s in product(SIZES, KERNELS, STRIDES):
        lines.append(f"  - {{id: square-n{n}-k{k}-s{s}, input: [{n}, {n}], kernel: {k}, stride: {s}, padding: same}}")
    cases, known = folder / "squares.yaml", folder / "known"
    cases.write_text("\n".join([*lines, ""]))
    known.mkdir()
    chosen = [f"--spec={cases}", f"--known={known}", "--law=value", "--law=output-shape"]
    options = ["--target=keras-torch", "--budget=0", "--seed=1", *chosen]
    return run(folder / "out", "keras==3.14.1", "keras==3.15.1", *options, seconds=1800)


def test_it_is_no_worse(keras: Upgrade) -> None:
    assert keras.code == 0, keras.text + keras.error
    assert "upgrade: keras 3.14.1 -> 3.15.1 on keras-torch" in keras.text


def test_the_engine_is_the_same_on_both_sides(keras: Upgrade) -> None:
    sides = keras.data["environments"]
    before, after = (sides[name]["versions"] for name in ("before", "after"))
    assert (before.pop("keras"), after.pop("keras")) == ("3.14.1", "3.15.1")
    assert before == after
    assert before["torch"].startswith("2.")


def test_what_was_one_pixel_off_and_what_had_another_size_is_right_now(keras: Upgrade) -> None:
    """28 of 140 are moved by one: where kernel - stride is odd and the stride above 1. 14 have another size."""
    fixed = {
        law: {change["case"] for change in keras.data["changes"] if change["kind"] == "fixed" and change["law"] == law}
        for law in ("value", "output-shape")
    }
    moved = {f"square-n{n}-k{k}-s{s}" for n, k, s in product(SIZES, KERNELS, STRIDES) if k > s > 1 and (k - s) % 2}
    resized = {f"square-n{n}-k{k}-s1" for n, k in product(SIZES, KERNELS) if k % 2 == 0}
    assert (len(moved), len(resized)) == (28, 14)
    assert fixed["value"] == moved | resized
    assert fixed["output-shape"] & moved == set()
    assert {change["kind"] for change in keras.data["changes"]} <= {"fixed", "bits"}
