"""Probes in the form in which they travel, made once however many targets are asked."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict

from convt.adapter.backend import Probe, pack_probe


class Packer:
    """Packed probes by key, the most recent `limit` bytes of them. Any thread may call."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._size = 0
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, probe: Probe) -> bytes:
        with self._lock:
            found = self._packed.get(probe.key)
            if found is not None:
                self._packed.move_to_end(probe.key)
                return found
        packed = pickle.dumps(pack_probe(probe), 5)
        with self._lock:
            if probe.key not in self._packed:
                self._packed[probe.key] = packed
                self._size += len(packed)
            while self._size > self._limit:
                self._size -= len(self._packed.popitem(last=False)[1])
        return packed
