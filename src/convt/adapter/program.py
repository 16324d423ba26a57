"""One call as source text: what an adapter runs, and what the report shows.

Runs in the target's process, so it needs Python 3.10+ and numpy alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from convt.adapter.form import Form

KEPT = 4096
"""Functions that are kept, and programs by their forms, those asked for last: a few kB each, where no framework
compiles them. A default run of the cases has about 1,500 sources."""
KEPT_MADE = 128
"""Answers of `made` that are kept, likewise: an exported program of PyTorch's costs 15 ms to make."""


class Script(NamedTuple):
    """What is shown for a probe."""

    text: str
    """Framework code that computes numpy y from numpy x, w, b, g and t."""
    call: str = ""
    """The framework's own call, on one line; empty where the adapter does not say it."""


class Program(NamedTuple):
    """Source text that defines functions, and which of them computes numpy `y` from the numpy arrays named."""

    source: str
    """It may use `np` and what the backend's `script_imports` import."""
    entry: str
    """The function from the named arrays to y."""
    names: tuple[str, ...]
    """What the entry takes, in order: some of x, w, b, g and t."""
    call: str = ""
    """The framework's own call, on one line."""
    traced: str = ""
    """The function of the framework's own arrays that many such programs are fused by, where there is one."""
    made: str = ""
    """A function of these arrays whose answer serves all others of the same shapes, dtypes and strides: it is kept."""
    above: str = ""
    """Text before the source, whose names it uses: run once for all programs that have it, and kept with what it made.
    """

    @property
    def script(self) -> str:
        """The text to paste: the source and the call of its entry."""
        above = f"{self.above.rstrip()}\n\n\n" if self.above else ""
        return f"{above}{self.source.rstrip()}\n\n\ny = {self.entry}({', '.join(self.names)})\n"


class Compiler:
    """Makes functions of programs, once for each source."""

    def __init__(self, imports: str, keeps: int = 0) -> None:
        """`keeps`: how many functions are kept, where each holds much; 0: as many as KEPT says."""
        self._keeps = keeps
        self._programs: OrderedDict[Hashable, Program | None] = OrderedDict()
        self._given: dict[str, Any] = {}
        exec(f"import numpy as np\n{imports}", self._given)  # noqa: S102  the adapter's own line
        self._above: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._held: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()

    def functions(self, program: Program) -> dict[str, Any]:
        """What the source defines, by name."""
        key = (program.above, program.source)
        found = self._held.get(key)
        if found is None:
            found = dict(self._names(program.above) if program.above else self._given)
            exec(compile(program.source, "<convt program>", "exec"), found)  # noqa: S102  the adapter's own text
            if program.made:
                found[program.made] = self._once(program.above + program.source, found[program.made])
            _put(self._held, key, found, self._keeps or KEPT)
        self._held.move_to_end(key)
        return found

    def _names(self, above: str) -> dict[str, Any]:
        """What is defined once the text above a source has run."""
        found = self._above.get(above)
        if found is None:
            found = dict(self._given)
            exec(compile(above, "<convt program, above>", "exec"), found)  # noqa: S102  the adapter's own text
            _put(self._above, above, found, self._keeps or KEPT)
        self._above.move_to_end(above)
        return found

    def program(self, form: Form, make: Callable[[Form], Program | None]) -> Program | None:
        """What `make` gives for the form; of valid calls, those asked for last are made once."""
        if form.invalid is not None:
            return make(form)
        key = (form.settings, form.want, form.call_form, form.dtype)
        if key not in self._programs:
            _put(self._programs, key, make(form), KEPT)
        self._programs.move_to_end(key)
        return self._programs[key]

    def entry(self, program: Program) -> Callable[..., Any]:
        """The function that computes y."""
        function: Callable[..., Any] = self.functions(program)[program.entry]
        return function

    def _once(self, source: str, make: Callable[..., Any]) -> Callable[..., Any]:
        """The function, asked once for arrays of the same form."""

        def made(*arrays: Any) -> Any:
            key = (source, *map(_form, arrays))
            if key not in self._made:
                _put(self._made, key, make(*arrays), KEPT_MADE)
            self._made.move_to_end(key)
            return self._made[key]

        return made


def _put(held: OrderedDict[Any, Any], key: Hashable, value: Any, most: int) -> None:
    """Hold a value, and let go of those asked for longest ago."""
    held[key] = value
    while len(held) > most:
        held.popitem(last=False)


def _form(array: Any) -> Hashable:
    """What a program may depend on beside the numbers: of numpy's arrays and of tensors alike."""
    strides = array.stride() if hasattr(array, "stride") else getattr(array, "strides", None)
    return tuple(array.shape), str(array.dtype), strides
