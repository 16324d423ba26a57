"""A run as the suite writes it, without any framework: six targets, every law, some sixty cases, every kind of verdict.

The numbers are the oracle's; what differs is made to differ by name, so that a test knows every count beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from convt.conv.data import exact
from convt.conv.oracles import scatter
from convt.conv.settings import Padding, Settings
from convt.results.runfile import (
    CaseRecord,
    Claim,
    DetailRecord,
    Header,
    KnownInfo,
    LawInfo,
    Record,
    RunWriter,
    TargetInfo,
    VerdictRecord,
)

STATEMENTS = {
    "output-shape": "The output's shape follows the size law, and abstract evaluation says the same.",
    "preimages": "The s output paddings give the s sizes, each mapped back to n by the forward convolution.",
    "same-size": "`same` gives n * s positions.",
    "valid-size": "`valid` gives n * s + max(e - s, 0) positions.",
    "same-crop": "`same` is `valid` cropped, the smaller half first; never the mirrored crop.",
    "padding-crops": "Explicit padding is a crop of the unpadded result.",
    "value": "The result equals the oracle, exactly on integers.",
    "accuracy": "On real data every element is within the a-priori bound of its own sum.",
    "low-precision": "Inputs that only full precision tells apart are told apart.",
    "matrix": "The result equals the transpose of the dense convolution matrix.",
    "zero-insertion": "The result equals a stride-1 convolution over the zero-stuffed input.",
    "adjoint": "<conv(x, w), y> = <x, conv_transpose(y, w)>.",
    "gradients": "Input, kernel and bias gradients equal their closed forms.",
    "linearity": "The result is linear in x and in w.",
    "bias": "The bias adds once per channel, also where nothing lands.",
    "groups": "The result equals the concatenation of its groups.",
    "dilation": "A dilated kernel equals the kernel with zeros between its taps.",
    "shift": "Shifting the input by one shifts the output by the stride.",
    "symmetry": "Flipping every spatial axis of everything flips the output.",
    "batch": "Each item alone gives the same; batch 0 gives batch 0.",
    "layout": "Channels first, channels last and strided views give the same.",
    "rank": "1-D equals 2-D with a unit axis, 2-D equals 3-D with one.",
    "dtype": "The result has the promised dtype.",
    "special": "One inf, nan or -0 reaches exactly the outputs that its footprint says.",
    "determinism": "The same probe twice gives the same bits.",
    "mode": "Eager, jit, compiled and exported give the same.",
    "rejects": "A setting that means nothing is refused with an error that names it.",
}
LOST = "ModuleNotFoundError: No module named 'torch' in the environment of keras-torch"
JAX = {"jax": "0.10.2", "jaxlib": "0.10.2"}
TORCH_FLAGS = {"threads": "1", "allow_tf32": "False"}
TARGETS = (
    TargetInfo("pytorch", "pytorch", "eager", "cpu", {"torch": "2.13.0", "numpy": "2.4.1"}, TORCH_FLAGS),
    TargetInfo("tensorflow", "tensorflow", "eager", "cpu", {"tensorflow": "2.21.0"}, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    TargetInfo("jax", "jax", "jit", "cpu", JAX, {"jax_default_matmul_precision": "highest"}),
    TargetInfo("jax/eager", "jax", "eager", "cpu", JAX),
    TargetInfo("keras-jax", "keras-jax", "eager", "cpu", {"keras": "3.15.1", **JAX}, {"KERAS_BACKEND": "jax"}),
    TargetInfo("keras-torch", "keras-torch", "eager", "cpu", missing=LOST),
)
KNOWN = KnownInfo(
    "keras-same-even-kernel", "An even kernel under `same` is cropped from the other side.",
    "https://example.org/issues/1", "3.0", "backends/keras/known.yaml:4",
)  # fmt: skip
CLAIMS = {
    "fools-everybody": Claim(
        "`same` and `padding=2, output_padding=1` compute the same.", False,
        "Both give 14 positions, and every value is one off: `same` crops (1, 2), the other (2, 1).",
    ),
    "gap-1d": Claim("A stride larger than the kernel leaves gaps.", True),
    "plane-grid-k3-s2-d1": Claim(
        "The checkerboard comes from a kernel that the stride does not divide.", True,
        "So it does where the stride is 2 and the kernel 3.",
    ),
}  # fmt: skip
UNSUPPORTED = "value: padding: ConvTranspose takes one number an axis; (1, 2) has two"


def header(**changes: Any) -> Header:
    """The header of the synthetic run."""
    facts: dict[str, Any] = {
        "started": "2026-11-22T01:30:00+00:00", "seed": 7, "profile": "default",
        "platform": {"system": "Linux", "machine": "x86_64", "python": "3.11.9", "cpus": 8, "gpu": "none"},
        "command": "pytest --target pytorch --target tensorflow --target jax --target jax/eager --target keras-jax",
        "targets": TARGETS, "laws": tuple(LawInfo(law, said, "section 3") for law, said in STATEMENTS.items()),
        "packages": {"numpy": "2.4.1", "pytest": "9.2.0", "execnet": "2.1.2"}, "known": (KNOWN,),
    }  # fmt: skip
    return Header(**{**facts, **changes})


def settings_of_cases() -> dict[str, Settings]:
    """Some sixty cases by id."""
    found: dict[str, Settings] = {}
    keywords: tuple[Padding, ...] = ("same", "valid")
    for kernel, stride, padding in product((2, 3, 4, 5), (1, 2, 3), keywords):
        found[f"keyword-grid-k{kernel}-s{stride}-{padding}"] = Settings((7,), (kernel,), (stride,), padding=padding)
    for kernel, stride, dilation in product((1, 3), (2, 4), (1, 2)):
        it = Settings((5, 6), (kernel, 3), (stride, 2), (dilation, 1), channels_in=2, channels_out=4, bias=True)
        found[f"plane-grid-k{kernel}-s{stride}-d{dilation}"] = it
    for lo, hi, groups in product((0, 1), (1, 2), (1, 2, 4)):
        it = Settings((6,), (4,), (2,), padding=((lo, hi),), channels_in=4, channels_out=4, groups=groups, batch=2)
        found[f"explicit-p{lo}-{hi}-g{groups}"] = it
    found["gap-1d"] = Settings((2,), (1,), (3,), bias=True)
    found["fools-everybody"] = Settings((7,), (5,), (2,), padding="same")
    found["torch-twin"] = Settings((7,), (5,), (2,), padding=((2, 2),), output_padding=(1,))
    found["volume"] = Settings((3, 4, 3), (3, 3, 3), (2, 1, 2), padding=((1, 1), (0, 0), (1, 1)))
    found["wanted-size"] = Settings((7, 7), (3, 3), (2, 2), padding="same", output_size=(13, 14))
    found["wide-channels"] = Settings((8, 8), (3, 3), (2, 2), channels_in=16, channels_out=32)
    found["forward-same"] = Settings((7,), (3,), (2,), padding="same", op="conv")
    found["forward-plane"] = Settings((9, 8), (3, 2), (2, 1), op="conv", channels_in=2)
    found["long-axis"] = Settings((120,), (4,), (3,), bias=True)
    found["batch-of-none"] = Settings((4,), (3,), batch=0)
    return found


def case_records() -> list[CaseRecord]:
    """The cases, with claims on three of them and literal numbers."""
    records: list[CaseRecord] = []
    for name, it in settings_of_cases().items():
        data = exact(it)
        plain = {**it.canonical(), "output": it.output, "crop": it.crop, "extra": it.extra}
        generated = name.startswith("explicit-p1")
        file = "articles/claims" if name in CLAIMS else name.split("-")[0]
        about = {"fools-everybody": "The pair that fools people: the same size, and every value one pixel off."}
        records.append(
            CaseRecord(
                name, it.digest, "" if generated else f"specs/{file}.yaml:{12 + len(records)}", about.get(name, ""),
                "https://distill.pub/2016/deconv-checkerboard/" if name in CLAIMS else "arXiv:1603.07285",
                ("gap",) if "gap" in name else (), plain, CLAIMS.get(name), data.x.tolist(), data.w.tolist(),
                None if data.b is None else data.b.tolist(), generated,
            )
        )  # fmt: skip
    return records


def applies(law: str, it: Settings) -> bool:
    """Whether the law is asked of these settings."""
    keyword = it.padding if isinstance(it.padding, str) else ""
    return not (
        (law.startswith("same") and keyword != "same") or (law == "valid-size" and keyword != "valid")
        or (law == "bias" and not it.bias) or (law == "groups" and it.groups == 1) or (law == "mode" and it.rank > 2)
        or (law == "dilation" and max(it.dilation) == 1) or (law == "preimages" and not it.transposed)
    )  # fmt: skip


def verdict_of(case: str, law: str, target: TargetInfo, it: Settings) -> tuple[str, str, str | None]:
    """(verdict, message, known) of one law on one case and target."""
    explicit = not isinstance(it.padding, str)
    asymmetric = explicit and any(lo != hi for lo, hi in it.crop)
    if target.missing is not None:
        return "not-run", target.missing, None
    if target.name == "pytorch" and (it.padding == "same" or asymmetric) and it.transposed:
        reason = UNSUPPORTED if asymmetric else "value: padding: ConvTranspose has no 'same'"
        return "unsupported", reason, None
    if target.name == "tensorflow" and explicit and it.rank == 3:
        crashed = ("error", "value: crashed: signal 11 (SIGSEGV)", None)
        return crashed if law == "value" else ("not-run", "the process had crashed", None)
    even_same = it.padding == "same" and it.kernel[0] % 2 == 0
    if target.name == "keras-jax" and even_same and law in ("value", "same-crop", "matrix"):
        return "differs", "", KNOWN.id
    moved = case in ("fools-everybody", "plane-grid-k3-s4-d2")
    if target.name == "jax" and moved and law in ("value", "matrix", "accuracy"):
        return "differs", "", None
    if target.name == "jax/eager" and case == "long-axis" and law in ("value", "gradients"):
        return "differs", "", None
    if law == "rejects" and target.name == "tensorflow" and case.startswith("explicit-p1"):
        return "error", "value: raised: InvalidArgumentError: <script>alert('no')</script> & such", None
    if law == "zero-insertion" and case == "batch-of-none" and target.name == "jax":
        return "suite-bug", "scatter and zero insertion disagree", None
    return "pass", "", None


def broken(expected: np.ndarray, case: str) -> np.ndarray:
    """The result as a wrong framework gives it: moved by one, or one value changed."""
    if case == "long-axis":
        wrong = expected.copy()
        wrong[0, 0, 200] = np.nan
        return wrong
    return np.roll(expected, 1, axis=-1)


def records() -> Iterator[Record]:
    """Every record of the run but the footer, the header first."""
    yield header()
    for case in case_records():
        yield case
        it = settings_of_cases()[case.id]
        for law, target in product(STATEMENTS, TARGETS):
            if applies(law, it):
                yield from _judged(case, law, target, it)


def _judged(case: CaseRecord, law: str, target: TargetInfo, it: Settings) -> Iterator[Record]:
    verdict, message, known = verdict_of(case.id, law, target, it)
    expected = actual = None
    if verdict == "differs":
        data = exact(it)
        expected = scatter(it, data.x, data.w, data.b).astype("float64")
        actual = broken(expected, case.id)
        wrong = ~(actual == expected)
        first = tuple(int(place) for place in np.argwhere(wrong)[0])
        message = (
            f"out[{','.join(map(str, first))}]={actual[first]:.9g}, but should be {expected[first]:.9g}\n"
            f"{np.count_nonzero(wrong)} of {actual.size} differ; largest {np.nanmax(np.abs(actual - expected)):.3g}"
        )
    used = 0.25 if law == "accuracy" and verdict == "pass" else None
    bits = hashlib.sha256(f"{case.id} {target.name}".encode()).hexdigest()[:16]
    told = bits if verdict in ("pass", "differs") else ""
    yield VerdictRecord(case.id, law, target.name, verdict, known, message, used, told)
    if verdict in ("differs", "error"):
        script, call = _script(case, target), f"{target.backend}.conv_transpose(x, w, ...)"
        yield DetailRecord(case.id, law, target.name, expected, actual, call, script)


def _script(case: CaseRecord, target: TargetInfo) -> str:
    module = target.backend.split("-")[0]
    arrays = [f"{name} = np.array({array}, 'float32')" for name, array in (("x", case.x), ("w", case.w))]
    lines = ["import numpy as np", f"import {module}", "", *arrays, f"y = {module}.conv_transpose(x, w)", "print(y)"]
    return "\n".join([*lines, ""])


def write_synthetic(path: Path, order: int = 1) -> Path:
    """Write the run; `order=-1` lets the records arrive from the last to the first."""
    first, *rest = records()
    with RunWriter(path) as writer:
        for record in [first, *rest[::order]]:
            writer.write(record)
        writer.finish(seconds=412.7, exit_status=1)
    return path
