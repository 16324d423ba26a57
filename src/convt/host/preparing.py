"""What the host adds to a probe before it travels, for backends that need what cannot be made where they run.

`Entry.prepare` names a function of the host, `module:function`, with the signature of `Prepare`. What it gives (builtin
types) comes with the probe as `Probe.prepared`, and with a request for a script as its third argument. It hears of
everything but the numbers, so that one answer serves all probes of the same form.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from convt.adapter.backend import Probe, Want, wrapped
from convt.conv.settings import Settings
from convt.host.registry import Entry

LIMIT = 4096
"""How many answers a target keeps."""


Arrays = tuple[tuple[str, tuple[int, ...], str], ...]
"""Name, shape and dtype of x, w and b."""


@dataclass(frozen=True)
class Form:
    """The form of a probe: everything about it but its numbers. `call_form` is one that the backend has."""

    settings: Settings
    want: Want = "value"
    call_form: int = 0
    dtype: str = "float32"
    """That of x."""
    invalid: Mapping[str, Any] | None = None
    """Raw values in place of settings, as in a probe."""
    arrays: Arrays = ()
    """Of the arrays of a call that may mean nothing; empty where they are as the settings say."""


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
        self._held: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def __call__(
        self,
        settings: Settings,
        want: Want,
        call_form: int,
        dtype: str,
        invalid: Mapping[str, Any] | None = None,
        arrays: Arrays = (),
    ) -> Any:
        """What the function gives for such a probe; call forms past the last begin again, as they do over there."""
        call_form = wrapped(call_form, self._call_forms)
        said = "" if invalid is None else json.dumps(invalid, sort_keys=True)
        key = (settings.digest, want, call_form, dtype, said, arrays)
        if key not in self._held:
            known = call_form < self._call_forms  # one that the backend does not have is refused there
            form = Form(settings, want, call_form, dtype, invalid, arrays)
            self._held[key] = self._prepare(form, self._mode, self._versions) if known else None
        self._held.move_to_end(key)
        while len(self._held) > LIMIT:
            self._held.popitem(last=False)
        return self._held[key]

    def of(self, probe: Probe) -> Any:
        """What the function gives for a probe."""
        arrays: Arrays = ()
        if probe.invalid is not None:
            named = (("x", probe.x), ("w", probe.w), ("b", probe.b))
            arrays = tuple((name, array.shape, str(array.dtype)) for name, array in named if array is not None)
        return self(probe.settings, probe.want, probe.call_form, str(probe.x.dtype), probe.invalid, arrays)
