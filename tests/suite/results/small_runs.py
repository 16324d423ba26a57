"""Small runs for the tests of baselines, verdict by verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convt.conv.settings import Settings
from convt.results.records import CaseRecord, Footer, Header, KnownInfo, LawInfo, Run, TargetInfo, VerdictRecord

LAWS = ("value", "accuracy", "adjoint")
CHANCE = KnownInfo("comes-and-goes", "Uninitialised memory.", intermittent="it depends on what the memory held")
HEADER = Header(
    "2026-01-01T00:00:00+00:00", 7, "default", {"system": "Linux", "cpus": 64}, "pytest",
    (TargetInfo("keras-jax", "keras-jax", "eager", "cpu", {"keras": "3.14.1", "numpy": "2.0"}, {"threads": "64"}),
     TargetInfo("jax", "jax", "jit", "cpu", {"jax": "0.10.2"}, {"threads": "64"})),
    tuple(LawInfo(law, f"{law}.") for law in LAWS), {"pytest": "9.2"}, (CHANCE,),
)  # fmt: skip


def case(name: str, kernel: int = 3, generated: bool = False) -> CaseRecord:
    """A case of this content: 7 inputs, and a kernel of `kernel`."""
    it = Settings((7,), (kernel,))
    settings = it.canonical() | {"output": it.output, "crop": it.crop, "extra": it.extra}
    origin = "" if generated else "specs/few.yaml:4"
    return CaseRecord(name, it.digest, origin, "Why.", "section 3", ("tag",), settings, None, generated=generated)


def verdict(
    case: str = "one", law: str = "value", target: str = "jax", verdict: str = "pass", **more: Any
) -> VerdictRecord:
    """A verdict with an answer of 9 elements, but where it is unsupported."""
    shaped: dict[str, Any] = {"outcome": "value", "shape": (1, 1, 9), "dtype": "float32", "bits": "ab12"}
    return VerdictRecord(case, law, target, verdict, **{**(shaped if verdict != "unsupported" else {}), **more})


DIFFERS: dict[str, Any] = {"verdict": "differs", "message": "out[0]=4.5, but should be 4\n1 of 9 differ; largest 0.5"}
RAISED: dict[str, Any] = {
    "verdict": "error",
    "message": "value: raised: ValueError: no 3",
    "outcome": "raised",
    "shape": None,
    "dtype": "",
}


def made(*verdicts: VerdictRecord, cases: Sequence[CaseRecord] = (), header: Header = HEADER) -> Run:
    """A run of these verdicts; the kernels of its cases grow from 2 unless `cases` are given."""
    names = cases or [
        case(name, kernel) for kernel, name in enumerate(dict.fromkeys(v.case for v in verdicts), start=2)
    ]
    return Run(
        Path("run.jsonl"), header, {it.id: it for it in names}, verdicts, {}, Footer(len(verdicts), len(names), 9.0, 1)
    )


def both(*names: str) -> list[VerdictRecord]:
    """A pass of every law on both targets, for each of these cases."""
    return [verdict(name, law, target) for name in names for law in LAWS for target in ("jax", "keras-jax")]
