"""What the host adds to a probe before it travels, for backends that need what cannot be made where they run.

`Entry.prepare` names a function of the host, `module:function`, with the signature of `Prepare`. What it gives (builtin
types) comes with the probe as `Probe.prepared`, and with a request for a script as its third argument. It hears of
everything but the numbers, so that one answer serves all probes of the same form.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from convt.adapter.backend import Probe, wrapped
from convt.adapter.form import Form
from convt.host.registry import Entry

LIMIT = 4096
"""How many answers a target keeps."""


Prepare = Callable[[Form, str, Mapping[str, str]], Any]
"""(form of the probe, the target's mode, the versions in its environment) to builtin types."""


def absent(entry: Entry) -> str | None:
    """Why the host cannot prepare probes for this backend, or None where it can."""
    missing = [package for package in entry.host_packages if importlib.util.find_spec(package) is None]
    if not missing:
        return None
    verb, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    return f"{' and '.join(missing)} {verb} not installed where the run itself runs, which needs {them}"


class Preparer:
    """The answers of one entry's function for one target, the last `LIMIT` of them."""

    def __init__(self, entry: Entry, mode: str, versions: Mapping[str, str], call_forms: int) -> None:
        module, name = entry.prepare.split(":")
        self._prepare: Prepare = getattr(importlib.import_module(module), name)
        self._mode, self._versions, self._call_forms = mode, versions, call_forms
        self._held: OrderedDict[Hashable, Any] = OrderedDict()

    def __call__(self, form: Form) -> Any:
        """What the function gives for a form; call forms past the last begin again, as they do over there."""
        form = dataclasses.replace(form, call_form=wrapped(form.call_form, self._call_forms))
        if form.key not in self._held:
            known = form.call_form < self._call_forms  # one that the backend does not have is refused there
            self._held[form.key] = self._prepare(form, self._mode, self._versions) if known else None
        self._held.move_to_end(form.key)
        while len(self._held) > LIMIT:
            self._held.popitem(last=False)
        return self._held[form.key]

    def of(self, probe: Probe) -> Any:
        """What the function gives for a probe."""
        return self(Form.of(probe))

    def prepared(self, probe: Probe) -> Probe:
        """The probe with what the function gives for it, and for those that it is timed against."""
        timing = probe.timing
        if timing is not None:
            timing = dataclasses.replace(timing, against=tuple(map(self.prepared, timing.against)))
        return dataclasses.replace(probe, prepared=self.of(probe), timing=timing)
