"""The targets' processes together: one process and one host thread a target, started at once, asked in batches."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from convt.adapter.backend import Form, Outcome, Probe, Script
from convt.host.jobs import BatchJob, Each, Limits, NoScript, ScriptJob
from convt.host.packing import Packer
from convt.host.registry import Entry, built_in
from convt.host.runner import Runner
from convt.results.targets import Target, TargetError, TargetInfo

__all__ = ["NoScript", "Pool"]


class Pool:
    """Targets that answer probes; each starts at the first question about it.

    Close it, or use it as a context manager; no process outlives the host either way. A probe that ends its process,
    or takes longer than `deadline` seconds, costs itself alone: the rest is asked of a fresh process. After
    `give_up_after` ends in a row (a hang counts 4) a target is asked no more.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        deadline: float = 60.0,
        *,
        backends: Mapping[str, Entry] | None = None,
        interpreters: Mapping[str, str] | None = None,
        start_deadline: float = 300.0,
        give_up_after: int = 20,
    ) -> None:
        """`interpreters`: the Python of each environment that a target names, `{"before": "/path/python"}`.

        TargetError where a target names an unknown backend or environment.
        """
        self.notes: list[str] = []
        """What ended and is no probe's outcome: starts that failed, targets given up, fused programs that ended."""
        self._backends = built_in() if backends is None else backends
        self._interpreters = interpreters or {}
        self._limits = Limits(deadline, start_deadline, give_up_after)
        self._pack = Packer()
        self._lock = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix="convt-"))
        self._runners: dict[str, Runner] = {}
        self._finalizer = weakref.finalize(self, _stop, self._runners, self._folder)
        for target in targets:
            self._enroll(target)

    def start(self) -> dict[str, TargetInfo]:
        """Start every target at once and wait for all of them: what each says about itself, by name."""
        for name in self._runners:
            self.start_one(name)
        return {name: runner.started.result() for name, runner in self._runners.items()}

    def start_one(self, name: str) -> None:
        """Have a target start, where it has not yet; does not wait."""
        runner = self._known(name)
        with self._lock:
            if runner.ident is None:
                runner.start()

    def enroll(self, targets: Iterable[Target]) -> list[str]:
        """Learn of further targets; their names. Those that are there already stay as they are."""
        return [self._enroll(target).target.name for target in targets]

    def add(self, targets: Iterable[Target]) -> dict[str, TargetInfo]:
        """Start further targets; what each says about itself."""
        names = self.enroll(targets)
        for name in names:
            self.start_one(name)
        return {name: self.info(name) for name in names}

    def info(self, name: str) -> TargetInfo:
        """What a target says about itself now; started where it was not, and waited for."""
        runner = self._runner(name)
        runner.started.result()
        return runner.info

    def started(self) -> dict[str, TargetInfo]:
        """What each target that was started says about itself now, those that are still starting aside."""
        return {name: it.info for name, it in self._runners.items() if it.ident is not None and it.started.done()}

    @property
    def infos(self) -> dict[str, TargetInfo]:
        """What each target says about itself now: `failed` can come later than the start."""
        return {name: runner.info for name, runner in self._runners.items()}

    def advice(self) -> list[str]:
        """How to install what is missing here: one line for all targets, or none."""
        lacks = [it for it in self._runners.values() if "not installed" in (it.info.missing or "")]
        extras = dict.fromkeys(it.extra for it in lacks if it.extra and not it.target.environment)
        return [f"to install what is missing: pip install 'convt[{','.join(extras)}]'"] if extras else []

    @property
    def seconds(self) -> dict[str, float]:
        """The time that each target spent inside the framework's calls so far."""
        return {name: runner.seconds for name, runner in self._runners.items()}

    @property
    def waiting(self) -> dict[str, int]:
        """How many probes each target that was started still has to answer."""
        return {name: runner.waiting for name, runner in self._runners.items() if runner.ident is not None}

    @property
    def longest(self) -> dict[str, float]:
        """The longest time that each target spent inside one of the framework's calls so far."""
        return {name: runner.longest for name, runner in self._runners.items()}

    def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
        """Queue probes for a target; the outcomes come in their order. `each` hears of every outcome as it comes, in
        another thread. RuntimeError where the pool is closed, TargetError where it has no such target."""
        future: Future[list[Outcome]] = Future()
        self._runner(target).submit(BatchJob(tuple(probes), future, each))
        return future

    def script(self, target: str, form: Form) -> Script:
        """Plain framework code for probes of this form; NoScript, with the reason, where the target gives none."""
        future: Future[Script] = Future()
        self._runner(target).submit(ScriptJob(form, future))
        return future.result()

    def close(self) -> None:
        """End every process; open probes are answered `not-run`."""
        self._finalizer()

    def __enter__(self) -> Pool:
        try:
            self.start()
        except BaseException:  # Ctrl-C while the targets start
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _known(self, name: str) -> Runner:
        if name not in self._runners:
            raise TargetError("target", name, self._runners)
        return self._runners[name]

    def _runner(self, name: str) -> Runner:
        """The target's thread, which runs from the first question on."""
        self.start_one(name)
        return self._known(name)

    def _enroll(self, target: Target) -> Runner:
        if not self._finalizer.alive:
            raise RuntimeError("the pool is closed")
        if target.name in self._runners:
            return self._runners[target.name]
        if target.backend not in self._backends:
            raise TargetError("backend", target.backend, self._backends)
        interpreter = sys.executable
        if target.environment:
            if target.environment not in self._interpreters:
                raise TargetError("environment", target.environment, self._interpreters)
            interpreter = self._interpreters[target.environment]
        stem = self._folder / f"target-{len(self._runners)}"
        entry = self._backends[target.backend]
        runner = Runner(target, entry, interpreter, stem=stem, limits=self._limits, pack=self._pack, notes=self.notes)
        self._runners[target.name] = runner
        return runner


def _stop(runners: dict[str, Runner], folder: Path) -> None:
    """End what runs. Knows no pool, so that it is also called when that is collected and when the interpreter ends."""
    for runner in runners.values():
        runner.stop()
    for runner in runners.values():
        if runner.ident is not None and runner is not threading.current_thread():
            runner.join(10)
    shutil.rmtree(folder, ignore_errors=True)
