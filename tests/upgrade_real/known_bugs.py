"""Released versions around a known change, in both directions: `python -m tests.upgrade_real.known_bugs [WORDS ...]`,
where words are a part of what `Change.name` says.

Each is one call of `convt upgrade` over the few cases that show the change. To the newer version it has to say what
became of them, and back the opposite: an order that says "better" both ways decides nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.suite.upgrade.upgrading import Upgrade, run

SECONDS = 3600.0
"""How long one upgrade may take, its downloads included."""
OLD_NUMPY = "--with=numpy<2"


@dataclass(frozen=True)
class Change:
    """What a release changed: the decision of `convt upgrade` to the newer version, and back."""

    target: str
    package: str
    older: str
    newer: str
    about: str
    options: Sequence[str]
    forth: str
    back: str

    @property
    def name(self) -> str:
        return f"{self.target} {self.older} {self.newer} {self.about}"


def cases(words: str, *laws: str) -> tuple[str, ...]:
    """The options that ask these cases of these laws."""
    return (f"-k={words}", *(f"--law={law}" for law in laws))


def ort(older: str, newer: str, about: str, options: Sequence[str], forth: str, back: str) -> Change:
    return Change("onnxruntime", "onnxruntime", older, newer, about, options, forth, back)


def keras(older: str, newer: str, about: str, options: Sequence[str], forth: str, back: str) -> Change:
    return Change("keras-torch", "keras", older, newer, about, options, forth, back)


CHANGES = (
    ort("1.27.0", "1.28.0", "an output padding below the dilation is refused", cases("output-padding-dilated", "value"),
        "worse", "better"),
    ort("1.27.0", "1.28.0", "a stride of 0 ends the process no more",
        cases("stride-zero-forward-1d", "rejects"), "better", "worse"),
    keras("3.14.1", "3.15.1", "`same` crops the smaller half first", cases("k5-s2-same", "value"), "better", "worse"),
    keras("3.14.1", "3.15.1", "`same` of a stride of 1 has its size", cases("same-even-s1", "value", "output-shape"),
          "better", "worse"),
    ort("1.19.2", "1.20.1", "a forward `same` of a stride of three kernels",
        cases("forward-same-with-a-stride-of-three-times-the-kernel"), "better", "worse"),
    ort("1.30.0", "1.31.1", "an input of no positions ends the process no more", cases("input-zero"), "better",
        "worse"),
    ort("1.31.1", "1.32.0", "a group of 0 ends the process no more", cases("groups-zero-transposed-1d", "rejects"),
        "better", "worse"),
    keras("3.8.0", "3.9.2", "a forward `same` whose stride is above the kernel", cases("forward-same-gap"), "better",
          "worse"),
    keras("3.10.0", "3.11.3", "`output_padding=0` is accepted", cases("gap"), "better", "worse"),
    ort("1.25.1", "1.26.0", "a stride of 0 ends the process no more, transposed",
        cases("stride-zero-transposed-2d", "rejects"), "better", "worse"),
    ort("1.24.4", "1.25.1", "a kernel of size 0 hangs no more",
        (*cases("kernel-size-zero-forward-2d", "rejects"), "--deadline=10"), "better", "worse"),
    ort("1.24.4", "1.25.1", "a bias of another length is refused", cases("bias-too-long-transposed-1d", "rejects"),
        "better", "neither"),
    ort("1.15.1", "1.16.3", "float16", (*cases("bias-cropped", "dtype"), OLD_NUMPY), "better", "worse"),
    keras("3.5.0", "3.6.0", "a dilation of one tap, and a forward `same`",
          cases("dilation-of-one-tap or forward-same-square"), "better",
          "worse"),
    keras("3.12.4", "3.13.2", "some `same` of a stride of 1 from an error to a wrong shape",
          cases("same-even-s1", "value"), "neither", "neither"),
    keras("3.13.2", "3.14.1", "an output padding of the stride is refused",
          cases("output-padding-of-the-stride-transposed-1d", "rejects"), "better", "neither"),
    keras("3.14.1", "3.15.1", "`same` with an output size", cases("output-size-same-odd"), "better", "worse"),
    keras("3.8.0", "3.9.2", "the shape of a forward `same`", cases("forward-same-k3-s2-odd"), "better", "worse"),
    keras("3.8.0", "3.9.2", "a stride above the kernel under `same`", cases("same-gap"), "better", "worse"),
    keras("3.12.4", "3.13.2", "an error becomes a wrong shape, where the end is cropped",
          cases("padding-end"), "neither", "neither"),
    ort("1.30.0", "1.31.1", "a line of no positions raises and ends nothing", cases("line-of-no-input-by-size"),
        "better", "worse"),
    ort("1.27.0", "1.28.0", "a kernel that is a number ends the process no more",
        cases("kernel-of-nothing-but-a-number-transposed-2d", "rejects"), "better", "worse"),
    ort("1.31.1", "1.32.0", "a negative group is refused clearly", cases("groups-negative-transposed-1d", "rejects"),
        "better", "neither"),
    ort("1.25.1", "1.26.0", "a dilation of 0 is refused", cases("dilation-zero-forward-1d", "rejects"), "better",
        "neither"),
    ort("1.23.2", "1.24.4", "nothing", cases("k5-s2"), "same", "same"),
)  # fmt: skip


def upgraded(folder: Path, change: Change, back: bool = False) -> Upgrade:
    """The upgrade to the newer version, or back."""
    sides = [f"{change.package}=={version}" for version in (change.older, change.newer)]
    before, after = reversed(sides) if back else sides
    options = [f"--target={change.target}", "--budget=0", "--seed=1", *change.options]
    return run(folder, before, after, *options, seconds=SECONDS)


def decision(found: Upgrade) -> str:
    """What `compare.json` calls it; the first line of what was said where there is no comparison."""
    if (found.report / "compare.json").exists():
        return str(found.data["decision"])
    return (found.error.strip().splitlines() or ["nothing was said"])[0]


def main() -> int:
    """Print a row for each change; 0 where every decision is the one that is due."""
    others = 0
    print("| | from, to | there | back | s |\n|---|---|---|---|---|")  # noqa: T201
    for change in CHANGES:
        if not sys.argv[1:] or any(words in change.name for words in sys.argv[1:]):
            began = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="convt-known-") as made:
                told = [decision(upgraded(Path(made) / str(back), change, back)) for back in (False, True)]
            others += told != [change.forth, change.back]
            what = f"| {change.about} | {change.package} {change.older}, {change.newer} |"
            print(what, " | ".join(told), f"| {time.monotonic() - began:.0f} |", flush=True)  # noqa: T201
    return int(bool(others))


if __name__ == "__main__":
    sys.exit(main())
