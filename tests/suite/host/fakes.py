"""Backends that need numpy alone, named by how they behave: `answers_well`, `crashes_on_marked`, `hangs_on_start`.

Each answers with the scatter oracle but for its one fault. A probe is marked by its numbers (`x.flat[0] == 13`) or by
its settings (a kernel of 13). Their own processes import this file, so it imports nothing of pytest's.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from convt.adapter.backend import UNSAFE, Backend, Outcome, Probe, Unsupported, Want
from convt.adapter.layouts import in_memory
from convt.conv.oracles import scatter
from convt.conv.settings import Settings
from convt.host.registry import Entry, register_external

ROOT = Path(__file__).parents[3]
MARK = 13


def backends(*classes: type[Backend]) -> dict[str, Entry]:
    """A registry of these classes, by the names that `--backend` gives them."""
    return dict(register_external(f"tests.suite.host.fakes:{cls.__name__}", ROOT) for cls in classes)


def probe(number: int = 1, kernel: int = 2, repeat: int = 0) -> Probe:
    """A tiny probe, (1, 1, 3) by (1, 1, kernel), whose first number is `number`."""
    settings = Settings(input=(3,), kernel=(kernel,), stride=(2,))
    x = np.array([[[number, 2, 3]]], np.float32)
    return Probe(settings, x, np.arange(1, kernel + 1, dtype=np.float32).reshape(1, 1, kernel), repeat=repeat)


def marked(asked: Probe) -> bool:
    return bool(asked.x.size and asked.x.flat[0] == MARK) or asked.settings.kernel[0] == MARK


class AnswersWell(Backend):
    """The oracle's answer, in the dtype of x."""

    name = "answers-well"
    modes = ("eager", "fast")
    call_forms = ("plain", "fancy")
    script_imports = "import numpy as np"

    def versions(self) -> dict[str, str]:
        return {"fake": "1.2.3"}

    def flags(self) -> dict[str, str]:
        return {
            "pid": str(os.getpid()),
            "prefix": sys.prefix,
            "execnet": str(importlib.util.find_spec("execnet") is not None),
            "FAKE_FLAG": os.environ.get("FAKE_FLAG", ""),
        }

    def call(self, probe: Probe) -> np.ndarray:
        return scatter(probe.settings, probe.x, probe.w, probe.b).astype(probe.x.dtype)

    def shape(self, settings: Settings, dtype: str) -> tuple[int, ...]:
        return settings.y_shape

    def script(self, settings: Settings, call_form: int = 0) -> str:
        return f"y = {self.call_forms[call_form]}(x, w, stride={settings.stride})"


class TrustsFreshMemory(AnswersWell):
    """Adds its answer to memory that nobody wrote, as if that held zeros."""

    def call(self, probe: Probe) -> np.ndarray:
        y = super().call(probe)
        size = y.size if y.size < 1000 else 10_000_000  # so much is always of fresh pages, which hold zeros
        return np.empty(size, y.dtype)[: y.size].reshape(y.shape) + y


DIES = 14
"""The first number of a probe in which the damage of an earlier one shows."""


class DamagesTheHeap(AnswersWell):
    """Writes behind its block of memory on a marked probe, and frees the next block in a later call, which dies."""

    BLOCK = 64

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.libc = ctypes.CDLL(None)
        self.libc.malloc.restype = ctypes.c_void_p
        self.libc.malloc.argtypes = [ctypes.c_size_t]
        self.libc.free.argtypes = [ctypes.c_void_p]
        self.damaged = 0

    def call(self, probe: Probe) -> np.ndarray:
        if marked(probe):
            blocks = sorted(self.libc.malloc(self.BLOCK) for _ in range(1000))
            own, self.damaged = next(pair for pair in pairwise(blocks) if pair[1] - pair[0] == self.BLOCK + 16)
            ctypes.memset(own, 0xFF, self.BLOCK + 32)
        elif probe.x.flat[0] == DIES and self.damaged:
            self.libc.free(self.damaged)
        return super().call(probe)


def write_behind(own: np.ndarray) -> None:
    """Write the byte behind an array of numpy's, and what is no mark of glibc's into the array.

    glibc marks the end of what was asked for with a byte that it makes of the address, so that one constant is the
    right mark once in 256 times.
    """
    behind = ctypes.c_ubyte.from_address(own.ctypes.data + own.size)
    own[...] = behind.value ^ 0xFF
    behind.value ^= 0xFF


class WritesBeyond(AnswersWell):
    """Writes one byte behind the array of numpy's that it answers with."""

    def call(self, probe: Probe) -> np.ndarray:
        y = super().call(probe)
        if marked(probe):
            write_behind(np.empty(2001, np.uint8))  # whose block has some bytes more, which nobody misses
        return y


class ReadsBeyond(AnswersWell):
    """Reads the number behind x on a marked probe, and does nothing with it."""

    def call(self, probe: Probe) -> np.ndarray:
        [x] = in_memory(probe, "x").arrays
        if marked(probe):
            ctypes.string_at(x.ctypes.data + x.nbytes, 4)
        return super().call(probe)


class WritesBefore(ReadsBeyond):
    """Writes the number before x's page on a marked probe."""

    def call(self, probe: Probe) -> np.ndarray:
        [x] = in_memory(probe, "x").arrays
        if marked(probe):
            ctypes.memset(x.ctypes.data // 4096 * 4096 - 4, 0, 4)
        return super(ReadsBeyond, self).call(probe)


HARMS = 3
"""Items of a batch from which on a backend harms memory."""


class ClaimsWhatHarms(AnswersWell):
    """Writes behind its memory in its first call of a large batch, and says so."""

    claimed = HARMS

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        self.calls = 0

    def unsafe(self, probe: Probe) -> str | None:
        return f"{UNSAFE}a large batch harms memory" if probe.settings.batch >= self.claimed else None

    def call(self, probe: Probe) -> np.ndarray:
        self.calls += 1
        if probe.settings.batch >= HARMS and self.calls == 1:
            write_behind(np.empty(2001, np.uint8))
        return super().call(probe)

    def gradient(self, probe: Probe) -> np.ndarray:
        raise Unsupported("no gradients here")


class ClaimsTooMuch(ClaimsWhatHarms):
    """Says it of smaller batches too."""

    claimed = HARMS - 1


class ClaimsTooLittle(ClaimsWhatHarms):
    """Says it of larger batches alone."""

    claimed = HARMS + 1


class ClaimsNothing(ClaimsWhatHarms):
    """Says nothing."""

    claimed = 1000


class _OnMarked(AnswersWell):
    """Answers well, and does its fault on a marked probe."""

    def call(self, probe: Probe) -> np.ndarray:
        if marked(probe):
            self.fault()
        return super().call(probe)

    def fault(self) -> None:
        raise NotImplementedError


def segfault() -> None:
    ctypes.string_at(0)


class CrashesOnMarked(_OnMarked):
    def fault(self) -> None:
        sys.stderr.write("the kernel is about to dereference nothing\n")
        segfault()


class AbortsOnMarked(_OnMarked):
    def fault(self) -> None:
        sys.stderr.write("Check failed: shape.rank() == 4\n")
        os.abort()


class ExitsOnMarked(_OnMarked):
    def fault(self) -> None:
        os._exit(3)


class KillsItselfOnMarked(_OnMarked):
    def fault(self) -> None:
        os.kill(os.getpid(), 9)


class HangsOnMarked(_OnMarked):
    def fault(self) -> None:
        time.sleep(3600)


class HangsInCOnMarked(_OnMarked):
    """Hangs with the interpreter held, so that no other Python thread of its process runs."""

    def fault(self) -> None:
        ctypes.PyDLL(None).pause()


class ClosesItsChannelOnMarked(_OnMarked):
    def fault(self) -> None:
        os.closerange(3, 256)
        time.sleep(3600)


class LeavesAChildOnMarked(_OnMarked):
    """Dies, and leaves a child that keeps the pipe to the host open."""

    def fault(self) -> None:
        if os.fork() == 0:
            time.sleep(3600)
        os.kill(os.getpid(), 9)


class RaisesOnMarked(_OnMarked):
    def fault(self) -> None:
        raise ValueError("marked\nover two lines")


class ExitsPolitelyOnMarked(_OnMarked):
    def fault(self) -> None:
        sys.exit("enough")


class InterruptsOnMarked(_OnMarked):
    def fault(self) -> None:
        raise KeyboardInterrupt


class RunsOutOfMemoryOnMarked(_OnMarked):
    def fault(self) -> None:
        raise MemoryError("asked for 8 EiB")


class RecursesOnMarked(_OnMarked):
    def fault(self) -> None:
        self.fault()


class CrashesAlways(AnswersWell):
    def call(self, probe: Probe) -> np.ndarray:
        os.abort()


class HangsAlways(AnswersWell):
    def call(self, probe: Probe) -> np.ndarray:
        time.sleep(3600)
        raise AssertionError


class DiesWhenIdle(AnswersWell):
    """Answers, and dies a moment later, when no probe is at work."""

    def call(self, probe: Probe) -> np.ndarray:
        import threading

        threading.Timer(0.2, os._exit, [7]).start()
        return super().call(probe)


class PrintsToStdout(AnswersWell):
    def call(self, probe: Probe) -> np.ndarray:
        sys.stdout.write("hello\n")
        os.write(1, b"\x00\xff raw bytes\n")
        return super().call(probe)


class FloodsStderr(AnswersWell):
    """Writes a megabyte an answer."""

    def call(self, probe: Probe) -> np.ndarray:
        os.write(2, b"warning: nothing\n" * 60_000)
        return super().call(probe)


class GivesObjects(AnswersWell):
    def call(self, probe: Probe) -> np.ndarray:
        return np.array([None])


class GivesNoOutcome(AnswersWell):
    def run(self, probe: Probe) -> Outcome:
        return "fine"  # type: ignore[return-value]


class SaysNothing(AnswersWell):
    """Every setting is unsupported, which makes a run over all cases short."""

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        return "it says nothing"

    def call(self, probe: Probe) -> np.ndarray:
        raise ValueError("it says nothing")


class Lacks(AnswersWell):
    """Its framework is not installed."""

    def __init__(self, mode: str, device: str) -> None:
        import framework_that_nobody_has  # noqa: F401

        super().__init__(mode, device)


class FailsOnImport(AnswersWell):
    """Its framework is there and broken."""

    def __init__(self, mode: str, device: str) -> None:
        sys.stderr.write("libfake.so.1: undefined symbol: zgemm\n")
        raise ImportError("cannot load libfake.so.1")


class DiesOnStart(AnswersWell):
    def __init__(self, mode: str, device: str) -> None:
        sys.stderr.write("this processor has no AVX\n")
        sys.stderr.flush()
        os.kill(os.getpid(), 4)


class HangsOnStart(AnswersWell):
    def __init__(self, mode: str, device: str) -> None:
        time.sleep(3600)


class StartsOnce(AnswersWell):
    """Starts, crashes on a marked probe, and does not start again."""

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        count = Path(os.environ["FAKE_FOLDER"], "started")
        if count.exists():
            raise RuntimeError("the licence is used up")
        count.touch()

    def call(self, probe: Probe) -> np.ndarray:
        if marked(probe):
            segfault()
        return super().call(probe)


class Fuses(AnswersWell):
    """Answers many at once, and says in its `reason` how many."""

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        return [Outcome("value", value=self.run(each).value, reason=f"fused {len(probes)}") for each in probes]


class FusesAndCrashes(Fuses, CrashesOnMarked):
    """A marked probe crashes, fused or alone."""


class FusesAndHangs(Fuses, HangsOnMarked):
    """A marked probe hangs, fused or alone."""


class Warns(AnswersWell):
    """Warns at each call."""

    def call(self, probe: Probe) -> np.ndarray:
        warnings.warn("this will change", FutureWarning, stacklevel=2)
        return super().call(probe)


class WarnsAndCrashes(Warns, CrashesOnMarked):
    """Warns at each call, of what Python hides too; a marked probe crashes."""

    def call(self, probe: Probe) -> np.ndarray:
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        return super().call(probe)


class FusesAndWarns(Fuses, Warns):
    """Warns at each call of a fused program."""


class CrashesOnlyFused(Fuses):
    """A fused program crashes, and no probe alone does."""

    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        os.abort()


class RaisesOnlyFused(Fuses):
    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        raise RuntimeError("too large a program")


class FusesTooFew(Fuses):
    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        return [self.run(each) for each in probes[1:]]


class DeclinesToFuse(Fuses):
    def run_many(self, probes: Sequence[Probe]) -> list[Outcome] | None:
        return None


class OnCuda(AnswersWell):
    """Finds two devices; says which it got."""

    @classmethod
    def devices(cls) -> list[str]:
        return ["cpu", "cuda:0", "cuda:1"]

    def flags(self) -> dict[str, str]:
        return {"device": self.device, "mode": self.mode}
