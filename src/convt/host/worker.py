"""The target's side: the adapter in a process of its own, answering what the host sends over an execnet channel.

Python 3.10+, numpy and the framework are all that it needs; execnet sends itself. Messages are pickled builtin types:

    to the host     ("hello", {...}) | ("missing", reason) | ("failed", reason)          once, at the start
                    ("outcomes", [(position, packed outcome), ...], last)                for a batch
                    ("script", text, call in one line) | ("no-script", reason)
    from the host   ("batch", number, [pickled probe, ...], [size of a group, ...], flush every outcome)
                    ("script", packed form, what the host prepared for it)

What is being evaluated stands in a small file that both sides map: it costs no message and survives the process.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import mmap
import os
import pickle
import platform
import struct
import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convt.adapter import heap
from convt.adapter.backend import Backend, Form, Outcome, Probe, describe, pack_outcome, unpack_probe
from convt.adapter.stress import STRESS, own_mode, poison, told
from convt.host.watch import Watch, filters, show_all
from convt.results.targets import TargetError

FLUSH_SECONDS = 0.05
FLUSH_BYTES = 4 << 20
LARGEST = (1 << 31) - (1 << 24)
"""The most bytes that one message can carry; execnet counts them in a signed 32-bit number."""


FRESH = "this call is to be the first one of its process"
"""The reason of an answer after which the host asks again, in a fresh process."""
REPEATS = 8
"""How often a call is made of which a claim says that it harms: where its memory lies decides what of that shows."""


Mark = tuple[int, int, int, int]
"""Batch number, first position, how many, length of the log before."""


class Progress:
    """What a worker is at, as a Mark in a small mapped file. Zeros: nothing."""

    FORM = struct.Struct("<qqqq")

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:  # noqa: PTH123  the path came as text, and mmap wants a descriptor
            self._map = mmap.mmap(file.fileno(), self.FORM.size)

    def write(self, batch: int = 0, first: int = 0, count: int = 0, log: int = 0) -> None:
        self._map[:] = self.FORM.pack(batch, first, count, log)

    def read(self) -> Mark:
        return self.FORM.unpack(self._map[:])


class Gone(Exception):
    """The framework or the device is not there; the message is the reason."""


def main(channel: Any, path: str, packages: Sequence[str], mode: str, device: str, progress: str) -> None:
    """Load the class at `path`, say hello, and answer until the channel closes."""
    at_first = filters()
    gc.disable()  # what a framework is made of comes at once and stays: nothing of it is to be collected
    try:
        adapter, hello = _start(path, packages, mode, device)
    except Gone as error:
        channel.send(pickle.dumps(("missing", str(error))))
        return
    except Unusable as error:
        channel.send(pickle.dumps(("failed", str(error))))
        return
    except BaseException as error:
        channel.send(pickle.dumps(("failed", f"{describe(error)}; {_place(error)}")))
        return
    gc.freeze()
    gc.enable()
    show_all(at_first)
    channel.send(pickle.dumps(("hello", hello)))
    _Server(channel, adapter, Progress(progress)).serve()


def _start(path: str, packages: Sequence[str], mode: str, device: str) -> tuple[Backend, dict[str, Any]]:
    """The adapter and what it says about itself; Gone where the framework or the device is not there."""
    absent = [package for package in packages if importlib.util.find_spec(package) is None]
    if absent:
        raise Gone(f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed")
    module, name = path.split(":")
    try:
        cls = _class(module, name)
        if mode and mode not in (*cls.modes, *STRESS):
            raise TargetError(f"mode of {name}", mode, (*cls.modes, *STRESS))
        devices = list(cls.devices())
        found = next((each for each in devices if each == device or each.startswith(f"{device}:")), None)
        if found is None:
            raise Gone(f"no device {device} here; found {', '.join(devices)}")
        adapter = cls(own_mode(mode) or cls.modes[0], found)
        if heap.checking() and (reason := heap.unready()):
            raise Gone(f"the heap cannot be checked: {reason}")
        return adapter, _hello(adapter, mode or adapter.mode, devices)
    except ModuleNotFoundError as error:
        # a backend from outside does not say its packages: what it imports beside itself is its framework
        top = (error.name or "").split(".")[0]
        ours = ("", "convt", module.split(".")[0])
        if packages or top in ours or importlib.util.find_spec(top) is not None:
            raise
        raise Gone(f"{top} is not installed") from None


class Unusable(Exception):
    """What an adapter's path leads to is no adapter; the message says what it is, and the form of a path."""


def _class(module: str, name: str) -> type[Backend]:
    """The adapter's class; Unusable where there is none."""
    accepted = "accepted package.module:Class, a class that derives from convt.adapter.Backend"
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise Unusable(f"found no module {error.name}, {accepted}, from the current folder or installed") from None
        raise
    cls = getattr(loaded, name, None)
    if cls is None:
        classes = [each for each, it in vars(loaded).items() if isinstance(it, type) and it.__module__ == module]
        raise Unusable(f"found no {name} in {module}, but {', '.join(classes) or 'no class'}; {accepted}")
    if not (isinstance(cls, type) and issubclass(cls, Backend)):
        what = "a class without that base" if isinstance(cls, type) else f"a {type(cls).__name__}"
        raise Unusable(f"found {module}:{name}, {what}; {accepted}")
    return cls


def _hello(adapter: Backend, mode: str, devices: list[str]) -> dict[str, Any]:
    versions = {str(name): str(version) for name, version in adapter.versions().items()}
    versions |= {"numpy": np.__version__, "python": platform.python_version()}
    return {
        "mode": mode,
        "device": adapter.device,
        "versions": versions,
        "flags": {str(name): str(value) for name, value in adapter.flags().items()} | told(),
        "call_forms": tuple(map(str, adapter.call_forms)),
        "modes": tuple(map(str, adapter.modes)),
        "devices": tuple(map(str, devices)),
        "script_imports": str(adapter.script_imports),
    }


class _Server:
    """Answers batches and scripts, one message after the other."""

    def __init__(self, channel: Any, adapter: Backend, progress: Progress) -> None:
        self._channel = channel
        self._adapter = adapter
        self._progress = progress
        self._waiting: list[tuple[int, Any]] = []
        self._bytes = 0
        self._careful = False
        self._called = False
        self._lock = threading.Lock()
        self._some = threading.Event()

    def serve(self) -> None:
        threading.Thread(target=self._flush_often, daemon=True).start()
        while True:
            try:
                kind, *rest = pickle.loads(self._channel.receive())  # noqa: S301  the host's own
            except EOFError:
                return
            if kind == "batch":
                self._batch(*rest)
            else:
                self._send(*self._script(*rest))

    def _send(self, *message: Any) -> None:
        self._channel.send(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def _script(self, packed: Any, prepared: Any) -> tuple[str, ...]:
        try:
            script = self._adapter.script_of(Form.unpack(packed), prepared)
            return "script", script.text, script.call
        except BaseException as error:
            return "no-script", describe(error)

    def _batch(self, number: int, packed: list[bytes], groups: list[int], careful: bool) -> None:
        self._careful = careful
        first = 0
        for size in groups:
            for part in _parts(size, fused=self._fuses) if heap.checking() else [size]:
                self._group(number, first, packed[first : first + part])
                first += part
        self._progress.write()
        self._flush(last=True)

    def _group(self, number: int, first: int, packed: list[bytes]) -> None:
        """Answer a group in one fused program where the backend has such, else one by one.

        Where the heap is checked, no answer of a group is given before the heap has been found whole after the last.
        """
        fused = None
        if len(packed) > 1 and (self._fuses or heap.checking()):
            self._progress.write(number, first, len(packed), _log_size())
        if len(packed) > 1 and self._fuses:
            fused = self._fused(packed)
        if heap.checking():
            if len(packed) == 1:
                self._progress.write(number, first, 1, _log_size())
            answers = [self._one(one) for one in packed] if fused is None else fused
            _end_where_damaged()
            self._emit(enumerate(answers, first))
            return
        if fused is not None:
            self._emit(enumerate(fused, first))
            return
        for position, one in enumerate(packed, first):
            self._progress.write(number, position, 1, _log_size())
            self._emit([(position, self._one(one))])

    @property
    def _fuses(self) -> bool:
        return type(self._adapter).run_many is not Backend.run_many

    def _one(self, packed: bytes) -> Outcome:
        try:
            probe = _unpack(packed)
            poison(probe, probe.repeat > 0)
            with Watch() as watch:
                answer = self._unsafe(probe) if probe.force == "unsafe" else self._adapter.run(probe)
            outcome = _checked(answer)
            self._called = self._called or outcome.kind != "unsupported"
            return replace(outcome, seconds=watch.seconds, warnings=watch.warned)
        except ModuleNotFoundError as error:
            if error.name != "ml_dtypes":
                return Outcome("raised", reason=describe(error))
            return Outcome(
                "unsupported", reason="ml_dtypes is not installed there, without which numpy has no bfloat16"
            )
        except BaseException as error:  # SystemExit too: the framework raised it, so it is an answer
            return Outcome("raised", reason=describe(error))

    def _unsafe(self, probe: Probe) -> Outcome:
        """What comes of a call that is said to harm, as the first one of its process: the first answer, or one that
        differs from it."""
        if self._adapter.refusal(self._adapter.in_range(probe)) is None and self._called:
            return Outcome("not-run", reason=FRESH)
        first = _checked(self._adapter.run(probe))
        for _ in range(REPEATS if first.kind == "value" else 0):
            _end_where_damaged()
            another = _checked(self._adapter.run(probe))
            if (another.kind, another.digest) != (first.kind, first.digest):
                return another
        return first

    def _fused(self, packed: list[bytes]) -> list[Outcome] | None:
        """The outcomes of a fused program; None where there is none, or where it raised as a whole."""
        try:
            probes = [self._adapter.in_range(_unpack(each)) for each in packed]
            for probe in probes:
                poison(probe, probe.repeat > 0)
            together = [probe for probe in probes if not probe.block and probe.timing is None]
            self._called = True
            with Watch() as watch:
                answers = self._adapter.run_many(together) if together else None
        except BaseException:
            traceback.print_exc()
            return None
        if answers is None:
            return None
        if len(answers) != len(together):
            reason = f"{type(self._adapter).__name__}.run_many gave {len(answers)} outcomes for {len(together)} probes"
            return [Outcome("raised", reason=reason)] * len(packed)
        part = watch.seconds / len(together)
        first, *rest = [replace(_checked(answer), seconds=part) for answer in answers]
        fused = iter([replace(first, warnings=watch.warned), *rest])
        alone = (probe.block or probe.timing is not None for probe in probes)
        return [self._one(one) if own else next(fused) for one, own in zip(packed, alone, strict=True)]

    def _emit(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Queue outcomes for the host; the flushing thread sends them within FLUSH_SECONDS."""
        for position, outcome in outcomes:
            packed = pack_outcome(outcome)
            with self._lock:
                self._waiting.append((position, packed))
                self._bytes += len(packed[1][2]) if packed[1] else 0
                self._some.set()
            if self._careful or self._bytes > FLUSH_BYTES:
                self._flush()

    def _flush(self, last: bool = False) -> None:
        with self._lock:
            if self._waiting or last:
                self._send("outcomes", self._waiting, last)
            self._waiting, self._bytes = [], 0
            self._some.clear()

    def _flush_often(self) -> None:
        """Send what waits although the next probe takes long, or never ends."""
        while self._some.wait():
            time.sleep(FLUSH_SECONDS)
            try:
                self._flush()
            except OSError:  # the channel is closed: nobody is left to hear
                return


def _parts(size: int, fused: bool) -> list[int]:
    """The sizes of the parts of a group between which the heap is checked: a fused program is one call."""
    return [size] if fused else [min(heap.TOGETHER, size - at) for at in range(0, size, heap.TOGETHER)]


def _end_where_damaged() -> None:
    """End the process, as glibc does, where the heap is damaged: what follows would be blamed on who comes next."""
    if not heap.checking():
        return
    gc.collect()  # what is freed now is checked now
    found = heap.damage()
    if found:
        os.write(2, f"\n{found}\n".encode())
        os.abort()


def _unpack(packed: bytes) -> Probe:
    return unpack_probe(pickle.loads(packed))  # noqa: S301  the host's own


def _checked(outcome: Any) -> Outcome:
    """The outcome, or `raised` where an adapter gave what no outcome can be."""
    if not isinstance(outcome, Outcome):
        return Outcome("raised", reason=f"the adapter gave a {type(outcome).__name__} where an Outcome belongs")
    value = outcome.value
    if value is not None and (not isinstance(value, np.ndarray) or value.dtype.hasobject):
        what = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        return Outcome("raised", reason=f"the adapter gave {what} where an array of numbers belongs")
    if value is not None and value.nbytes > LARGEST:
        return Outcome("raised", reason=f"the value takes {value.nbytes:,} bytes; {LARGEST:,} fit into a message")
    shape = None if outcome.shape is None else tuple(map(int, outcome.shape))
    return Outcome(outcome.kind, value, shape, str(outcome.reason), dtype=str(outcome.dtype), times=outcome.times)


def _log_size() -> int:
    """How long the log is: standard error goes there."""
    return os.fstat(2).st_size


def _place(error: BaseException) -> str:
    """Where an exception was raised, as `file.py:12 in function`: by whom, and not where Python imports."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.basename(error.filename)}:{error.lineno}"  # noqa: PTH119  text
    frames = [it for it in traceback.extract_tb(error.__traceback__) if "importlib" not in it.filename]
    frame = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(frame.filename)}:{frame.lineno} in {frame.name}"  # noqa: PTH119  text from a traceback
