"""Answers that are asked for once: each probe is evaluated once per target and run, however many laws want it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

from convt.adapter.backend import Outcome, Probe, describe
from convt.host.jobs import Each


class Submits(Protocol):
    """What answers probes: a Pool."""

    def submit(self, target: str, probes: Sequence[Probe], each: Each | None = None) -> Future[list[Outcome]]:
        raise NotImplementedError


class Evaluator:
    """A cache of outcomes by probe key and target, filled from a pool. Any thread may call."""

    def __init__(
        self,
        pool: Submits,
        told: Callable[[str, Probe, Outcome], None] | None = None,
        may_end: Callable[[str, Probe], bool] = lambda target, probe: probe.may_end,
    ) -> None:
        """`told` hears each outcome as it comes, with the target and the probe, in the thread that brings it. What
        `may_end` the target's process is asked after the rest and by itself: a compiled program would be lost with it,
        and would be compiled again in parts to find out which of its calls it was."""
        self._pool, self._told, self._may_end = pool, told, may_end
        self._held: defaultdict[str, dict[str, Outcome | _Ticket]] = defaultdict(dict)
        """By key and target: the outcome, or the request by which it is on its way."""
        self._change = threading.Condition()

    def request(self, target: str, probes: Sequence[Probe]) -> None:
        """Queue what is neither known nor on its way; does not wait. Fused backends compile what is asked together."""
        ticket = _Ticket()
        wanted = {probe.key: probe for probe in probes}
        with self._change:
            new = [probe for key, probe in wanted.items() if target not in self._held.get(key, ())]
            for probe in new:
                self._held[probe.key][target] = ticket
        try:
            alone = [probe for probe in new if self._may_end(target, probe)]
            together = [probe for probe in new if probe not in alone] if alone else new
            for part in ([together] if together else []) + [[probe] for probe in alone]:
                self._submit(target, part, ticket)
        except BaseException:  # nobody may wait for what was never asked
            with self._change:
                for probe in new:
                    if self._held[probe.key].get(target) is ticket:
                        del self._held[probe.key][target]
                self._change.notify_all()
            raise

    def _submit(self, target: str, new: Sequence[Probe], ticket: _Ticket) -> None:
        """Have probes answered that wait with this ticket."""

        def arrived(probe: Probe, outcome: Outcome) -> None:
            if self._told is not None:
                self._told(target, probe, outcome)
            self._settle(probe.key, target, ticket, outcome)

        def done(future: Future[list[Outcome]]) -> None:
            error = future.exception()
            if error is not None:  # nobody may wait for ever
                for probe in new:
                    arrived(probe, Outcome("not-run", reason=f"the pool failed: {describe(error)}"))

        self._pool.submit(target, new, arrived).add_done_callback(done)

    def get(self, target: str, probe: Probe, timeout: float | None = None) -> Outcome:
        """The outcome, asked for now where nobody has; waits for it, TimeoutError after `timeout` seconds."""
        while True:
            with self._change:
                while isinstance(found := self._held.get(probe.key, {}).get(target), _Ticket):
                    if not self._change.wait_for(lambda: not self._on_its_way(target, probe), timeout):
                        raise TimeoutError(f"{target}: no outcome within {timeout:g} s")
            if found is not None:
                return found
            self.request(target, [probe])

    def _on_its_way(self, target: str, probe: Probe) -> bool:
        return isinstance(self._held.get(probe.key, {}).get(target), _Ticket)

    def forget(self, keys: Iterable[str]) -> None:
        """Free these probes' outcomes, of every target; what is on its way is dropped when it comes."""
        with self._change:
            for key in keys:
                self._held.pop(key, None)
            self._change.notify_all()

    def __len__(self) -> int:
        """How many probes have an outcome here, or one on its way."""
        return len(self._held)

    def _settle(self, key: str, target: str, ticket: _Ticket, outcome: Outcome) -> None:
        with self._change:
            targets = self._held.get(key, {})
            if targets.get(target) is ticket:
                targets[target] = outcome
                self._change.notify_all()


class _Ticket:
    """One request; it tells an answer that is still wanted from one that was forgotten on its way."""
