"""One host thread a target: it starts the process, hands it batches, and finds out which probe ended it."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import queue
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

from convt.adapter.backend import NOTHING_UNSAFE, Kind, Outcome, Probe, Script, describe, pack_probe, unpack_outcome
from convt.adapter.stress import STRESS, lacks
from convt.adapter.stress import environment as stressed
from convt.host import memory
from convt.host.forking import POSSIBLE, Template
from convt.host.jobs import BatchJob, Limits, NoScript, ScriptJob
from convt.host.messages import Chunk, End, messages
from convt.host.packing import Packer
from convt.host.preparing import Preparer, absent
from convt.host.process import Ended, Popen, Process, environment, started
from convt.host.registry import Entry
from convt.host.silence import Silence
from convt.host.worker import FRESH, Mark
from convt.results.targets import Target, TargetInfo

POLL = 0.1
"""Seconds between looks at what a silent worker is at."""
FUSED_SECONDS = 0.25
"""What each probe of a fused program adds to the deadline."""
HANG_WEIGHT = 4
"""How many crashes a hang counts for, where a target is given up: it costs a deadline."""
UNEXPLAINED = 3
"""How many ends in a row that no probe explains make a target failed."""


class Runner(threading.Thread):
    """The thread and the process of one target."""

    def __init__(
        self,
        target: Target,
        entry: Entry,
        interpreter: str,
        *,
        stem: Path,
        limits: Limits,
        pack: Packer,
        notes: list[str],
    ) -> None:
        super().__init__(name=f"convt {target.name}", daemon=True)
        self.target = target
        self.info = TargetInfo(
            target.name,
            target.backend,
            target.mode,
            target.device,
            environment=target.environment,
            interpreter=interpreter,
        )
        self.started: Future[TargetInfo] = Future()
        self._entry, self._stem, self._limits, self._pack, self._notes = entry, stem, limits, pack, notes
        self._jobs: queue.SimpleQueue[BatchJob | None] = queue.SimpleQueue()
        self._scripts: queue.SimpleQueue[ScriptJob] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closing = False
        self._process: Process | None = None
        self._template: Template | None = None
        self._starts = 0
        self._preparer: Preparer | None = None
        self._numbers = itertools.count(1)
        self._ends = self._unexplained = 0
        self.seconds = 0.0
        """Time inside the framework's calls so far."""
        self.longest = 0.0
        """The longest of them: the one that may have waited for the machine."""
        self.waiting = 0
        """How many probes are still to be answered."""

    @property
    def extra(self) -> str:
        """The extra of convt that installs the framework; empty for a backend from outside."""
        return self._entry.extra

    # for any thread

    def submit(self, job: BatchJob | ScriptJob) -> None:
        """Queue a job; RuntimeError once the target is stopped."""
        with self._lock:
            if self._closing:
                raise RuntimeError("the pool is closed")
            if isinstance(job, ScriptJob):  # somebody waits for it: it goes before the next message
                self._scripts.put(job)
                job = BatchJob((), Future())
            self.waiting += len(job.probes)
            self._jobs.put(job)

    def stop(self) -> None:
        """End the process; what is open is answered `not-run`."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._jobs.put(None)
        process, template = self._process, self._template
        if template is not None:
            template.kill()
        if process is not None:
            process.kill()

    # the thread's own

    def run(self) -> None:
        try:
            self._ready()
            self.started.set_result(self.info)
        except BaseException as error:
            self.started.set_exception(error)
        while (job := self._jobs.get()) is not None:
            try:
                self._do(job)
            except BaseException as error:  # a fault of the pool's own must leave nobody waiting
                self._drop()
                job.future.set_exception(error)
            del job
        self._give_scripts()
        self._drop()
        if self._template is not None:
            self._template.close()

    def _do(self, job: BatchJob) -> None:
        self._give_scripts()
        outcomes = [Outcome("not-run")] * len(job.probes)

        def answer(at: int, outcome: Outcome) -> None:
            outcomes[at] = outcome
            with self._lock:
                self.waiting -= 1
            if job.each is not None:
                job.each(job.probes[at], outcome)

        for chunk in messages(job.probes, self._packed, answer):
            self._answer(chunk)
            self._give_scripts()
        job.future.set_result(outcomes)

    def _give_scripts(self) -> None:
        while not self._scripts.empty():
            job = self._scripts.get()
            try:
                job.future.set_result(self._script(job))
            except BaseException as error:
                job.future.set_exception(error)

    def _packed(self, probe: Probe) -> bytes:
        """The probe as it travels, with what the host adds for this target where its backend asks for that."""
        if self._preparer is None:
            return self._pack(probe)
        return pickle.dumps(pack_probe(self._preparer.prepared(probe)), 5)

    def _answer(self, chunk: Chunk) -> None:
        """Have every probe of a message answered; a heavy one in its turn, in a process that ends with it."""
        if chunk.timed:
            self._ready()  # to start a process takes the machine too, and no turn
            with memory.turn(lambda: self._closing):
                self._answer_all(chunk)
            return
        if not chunk.heavy:
            self._answer_all(chunk)
            if chunk.unsafe and not chunk.harmless:
                self._drop()
            return
        with memory.turn(lambda: self._closing):
            reason = memory.lacks(chunk.heavy)
            if reason:
                for place in sorted(chunk.open):
                    chunk.answer(place, Outcome("not-run", reason=reason))
                return
            self._answer_all(chunk)
            self._drop()  # it may have written where it must not, and may hold on to its memory

    def _answer_all(self, chunk: Chunk) -> None:
        """Have every probe of a message answered, by as many processes as that takes."""
        while chunk.open:
            process = self._ready()
            if process is None:
                for place in sorted(chunk.open):
                    chunk.answer(place, Outcome("not-run", reason=self._why()))
                return
            end = self._ask(process, chunk)
            if chunk.again:
                chunk.again = False
                self._drop()
            if end is not None:
                self._drop()
                if not self._closing:
                    chunk.after(end)
                    if not chunk.unsafe:
                        self._count(end)
        if chunk.fused_end is not None:
            self._note(f"a fused program ended by {chunk.fused_end.reason}; asked again in parts, no probe of it did")

    def _ask(self, process: Process, chunk: Chunk) -> End | None:
        """Send the open groups and take the outcomes in; how the process ended, or None where it answered all."""
        number = next(self._numbers)
        order = [place for group in chunk.groups for place in group]
        deadline = allowed = max(self._limits.deadline, memory.SECONDS if chunk.heavy else 0)
        sizes = [len(group) for group in chunk.groups]
        mark: Mark = (0, 0, 0, 0)
        silence = Silence(process)
        try:
            process.send(("batch", number, [chunk.packed[place] for place in order], sizes, chunk.careful), deadline)
            while True:
                message = process.receive(min(POLL, deadline / 4))
                if message is not None:
                    self._take(message[1], order, chunk)
                    process.trim_log()
                    if message[2]:
                        return None
                at = process.progress()
                if message is not None or at != mark:
                    mark = at
                    silence.ends()
                    allowed = deadline + (FUSED_SECONDS * at[2] if at[2] > 1 else 0)
                    if at[:3] == (number, at[1], 1):
                        allowed = min(allowed, chunk.seconds.get(order[at[1]], allowed))
                elif chunk.heavy and (reason := memory.scarce()):
                    process.kill()
                    return _end(process, "not-run", reason, at, number, order, chunk)
                elif silence.exceeds(allowed):
                    process.ask_where()  # the signal can wake it, so that it stays blamed for where it was before
                    process.kill()
                    return _end(process, "timed-out", f"no answer within {allowed:g} s", at, number, order, chunk)
        except Ended as error:
            kind: Kind = "not-run" if chunk.heavy and str(error) == "SIGKILL" else "crashed"  # for want of memory
            return _end(process, kind, str(error), process.progress(), number, order, chunk)

    def _take(self, outcomes: list[tuple[int, Any]], order: list[int], chunk: Chunk) -> None:
        for position, packed in outcomes:
            try:
                outcome = unpack_outcome(packed)
            except Exception as error:
                outcome = Outcome("raised", reason=f"the host cannot read the value: {error}")
            self.seconds += outcome.seconds
            self.longest = max(self.longest, outcome.seconds)
            if outcome.reason == FRESH:
                chunk.again = True
                continue
            chunk.harmless = outcome.reason == NOTHING_UNSAFE
            chunk.answer(order[position], outcome)
        self._ends = self._unexplained = 0

    def _count(self, end: End) -> None:
        """Count an end, and give the target up where it only ever ends."""
        if end.outcome.kind == "not-run":
            return
        self._ends += HANG_WEIGHT if end.outcome.kind == "timed-out" else 1
        if not end.suspects:
            self._unexplained += 1
            self._note(f"ended while no probe was at work: {end.outcome.reason}")
        if self._ends >= self._limits.give_up_after or self._unexplained >= UNEXPLAINED:
            counted = f"{self._ends} ends in a row (a hang counts {HANG_WEIGHT})"
            self._fail(f"is given up after {counted}; the last: {end.outcome.reason}")

    def _script(self, job: ScriptJob) -> Script:
        process = self._ready()
        if process is None:
            raise NoScript(self._why())
        try:
            prepared = self._preparer(job.form) if self._preparer else None
        except Exception as error:
            raise NoScript(f"the host cannot prepare it: {describe(error)}") from None
        try:
            process.send(("script", job.form.pack(), prepared), self._limits.deadline)
            message = process.receive(self._limits.deadline)
        except Ended as error:
            self._drop()
            raise NoScript(f"{self.target.name} ended: {error}") from None
        if message is None:
            self._drop()
            raise NoScript(f"{self.target.name}: no answer within {self._limits.deadline:g} s")
        if message[0] != "script":
            raise NoScript(message[1])
        return Script(*message[1:])

    def _ready(self) -> Process | None:
        """The running process, or a fresh one; None where there is none to be had: `_why` says why."""
        if self._closing or not self.info.runs:
            return None
        if self._process is not None:
            return self._process
        reason = absent(self._entry) or lacks(self.target.mode)
        if reason is not None:
            self.info = dataclasses.replace(self.info, missing=reason)
            return None
        try:
            self._process = process = self._fresh()
        except OSError as error:
            self._fail(f"cannot start {self.info.interpreter}: {error.strerror}")
            return None
        if self._closing:  # stop() came before there was a process to end
            process.kill()
        kind, said = self._hear(process)
        if kind == "hello":
            self.info = info = dataclasses.replace(self.info, **said)
            if self._entry.prepare and self._preparer is None:
                self._preparer = Preparer(self._entry, info.mode, info.versions, len(info.call_forms))
            return process
        self._drop()
        if kind == "missing":
            self.info = dataclasses.replace(self.info, missing=said)
        elif not self._closing:
            words = process.last_words()
            self._fail(f"did not start: {said}{'; ' if words else ''}{words}")
        return None

    def _fresh(self) -> Process:
        """A fresh process: the first as ever, further ones forked from a template where that is possible."""
        own = started(self.info.interpreter, self._variables())
        if self._template is None:
            if not self._starts or not self._may_fork():
                self._starts += 1
                return Process(own, self._stem)
            with self._stem.with_suffix(".template").open("wb") as log:
                whole = environment(self.info.interpreter, self._variables())
                self._template = Template(self.info.interpreter, whole, self._entry.packages, log)
        template = self._template

        def forked(log: IO[bytes]) -> tuple[Popen, int]:
            try:
                return template.fork(log, self._limits.start_deadline), template.pid
            except OSError:  # the template is gone, or imports for ever
                return own(log)

        return Process(forked, self._stem)

    def _may_fork(self) -> bool:
        """Not where a stress environment looks at memory, or a device other than the CPU is at work."""
        return POSSIBLE and self._entry.forks and self.target.mode not in STRESS and self.target.device == "cpu"

    def _variables(self) -> dict[str, str]:
        return {**self._entry.variables(), **stressed(self.target.mode)}

    def _hear(self, process: Process) -> tuple[str, Any]:
        """The first message of a fresh process."""
        arguments = (self._entry.path, tuple(self._entry.packages), self.target.mode, self.target.device)
        try:
            kind, said = process.connect(self._entry.root or "", arguments, self._limits.start_deadline)
        except Ended as error:
            return "failed", str(error)
        return kind, said

    def _drop(self) -> None:
        """End the process; the next job gets a fresh one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _why(self) -> str:
        if self._closing:
            return "the pool was closed"
        return self.info.missing or f"{self.target.name} {self.info.failed}"

    def _fail(self, reason: str) -> None:
        self.info = dataclasses.replace(self.info, failed=reason)
        self._note(reason)

    def _note(self, text: str) -> None:
        self._notes.append(f"{self.target.name}: {text}")


def _end(process: Process, kind: Kind, reason: str, at: Mark, number: int, order: list[int], chunk: Chunk) -> End:
    """What the process was at when it ended, with the last words of its log since it began that."""
    batch, first, count, log = at
    at_work = order[first : first + count] if batch == number else []
    words = process.last_words(log if at_work else None)
    outcome = Outcome(kind, reason=f"{reason}; {words}" if words else reason)
    return End(outcome, tuple(place for place in at_work if place in chunk.open))
