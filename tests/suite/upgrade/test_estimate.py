"""What an upgrade says before it starts: what will be compared, what is downloaded, and how long that may take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convt.host.registry import built_in
from convt.session.progress import COURSE
from convt.upgrade.estimate import CPU_TORCH, MEGABYTES, estimate, share_of
from convt.upgrade.request import Upgrade, upgrade

NEITHER = {"before": False, "after": False}
KERAS = ("keras==3.14.1", "keras==3.15.1")


def asked(before: str, after: str, *targets: str, beside: str = "") -> Upgrade:
    return upgrade(before, after, beside, targets, built_in())


def test_it_says_what_will_be_compared_and_what_is_downloaded(tmp_path: Path) -> None:
    it = asked(*KERAS, "keras-jax")
    told = estimate(it, 300, 1.0, {"before": True, "after": False}, 60.0, tmp_path).lines(it, 300, 41)
    assert told == [
        "to compare: keras==3.14.1 -> keras==3.15.1 on keras-jax: 300 cases and 41 laws on both sides",
        "  environment before is built already",
        f"  environment after is to be built: about {MEGABYTES['keras'] + MEGABYTES['jax']} MB to download at most",
        "  about 3 min: environments 30 s, cases 80 s, search 60 s",
    ]


def test_nothing_is_downloaded_where_both_sides_stand(tmp_path: Path) -> None:
    found = estimate(asked(*KERAS, "keras-jax"), 10, 1.0, {"before": True, "after": True}, 0.0, tmp_path)
    assert (found.environments, found.search, found.download) == (0.0, 0.0, {})


@pytest.mark.parametrize(
    ("it", "size"),
    [
        (asked("onnxruntime==1.24.1", "onnxruntime"), MEGABYTES["onnxruntime"]),
        (asked("jax==0.9.0", "jax", "jax", beside="scipy==1.17.1"), MEGABYTES["jax"]),
        (asked("numpy==2.2.6", "numpy", "onnxruntime"), MEGABYTES["onnxruntime"]),
        (asked("torch==2.13.0+cpu", "torch==2.14.1+cpu", "pytorch"), CPU_TORCH),
        (asked("torch==2.12.0", "torch==2.14.1", "pytorch"), MEGABYTES["torch"]),
    ],
)
def test_sizes_are_those_of_frameworks_with_what_they_bring(tmp_path: Path, it: Upgrade, size: int) -> None:
    assert estimate(it, 10, 1.0, NEITHER, 0.0, tmp_path).download == {"before": size, "after": size}


def test_an_earlier_run_of_as_many_cases_is_the_better_guess(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / COURSE).write_text(json.dumps({"items": 20, "course": [[0.5, 100.0], [1.0, 777.0]]}))
    it = asked(*KERAS, "keras-jax")
    assert estimate(it, 10, 1.0, NEITHER, 0.0, tmp_path).cases == 777.0
    assert estimate(it, 11, 1.0, NEITHER, 0.0, tmp_path).cases < 100.0


def test_few_laws_take_less() -> None:
    assert share_of(1) < 0.2
    assert share_of(100) == 1.0
