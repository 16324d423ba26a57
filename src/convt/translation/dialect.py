"""`Dialect`: how one framework's users write a convolution. Read by text, written from settings."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from convt.conv.settings import Settings
from convt.translation.kernels import KernelLayout
from convt.translation.layer import Layer, LayerError
from convt.translation.parsing import Call
from convt.translation.rendering import render
from convt.translation.said import Plan, Said
from convt.translation.signatures import Signature


class Unsayable(Exception):
    """A framework's call has no words for some settings; the message is the proof, in one line."""


@dataclass(frozen=True)
class Spoken:
    """What a layer's text says."""

    layer: Layer
    form: str
    """The whole name of what is called, such as `torch.nn.ConvTranspose2d`."""
    kernel: KernelLayout
    channels_last: bool
    notes: tuple[str, ...] = ()
    """What is easily taken for something else in this text, in sentences."""


class Dialect(ABC):
    """A framework's words. Its kinds are the ways to say a layer in it, the usual first, such as `torch.nn`."""

    name: ClassVar[str]
    """What `--to` takes."""
    title: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    forms: ClassVar[Mapping[str, Signature]]
    """By the whole name of what may be called."""
    aliases: ClassVar[Mapping[str, str]] = {}
    """What people write for the beginning of a name, such as `tf.keras` for `keras`."""
    runs: ClassVar[bool] = True
    """Whether what is said can be run as it stands: the words of a spec file cannot."""
    also: ClassVar[tuple[str, ...]] = ()
    """Other names that `--to` takes for it."""
    spelled: ClassVar[bool] = False
    """Whether its users write the library's own name before a layer's: a bare name is another library's then."""

    def pad(self, array: str, pairs: Sequence[tuple[int, int]]) -> str:
        """An expression that pads the named array with zeros, a (before, after) pair for every axis of it.

        This and `join` are for `program`; a dialect whose programs are other ones needs neither.
        """
        raise NotImplementedError

    def join(self, parts: str, axis: int) -> str:
        """An expression that joins the arrays in the named list along an axis."""
        raise NotImplementedError

    @abstractmethod
    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        """The layer that a call of `form` says. LayerError where it says none."""

    def hears(self, text: str) -> Spoken | None:
        """The layer of a text that is no call; None where the text is none in these words."""
        return None

    @abstractmethod
    def say(self, it: Settings, kind: str) -> Said:
        """The call that says the settings and computes their numbers by itself. Unsayable where there is none."""

    def program(self, it: Settings, plan: Plan, said: Said) -> str:
        """Source text that computes `y` from `x` and `state`, and from `bias` where the plan adds it last."""
        return render(it, plan, said, self.pad, self.join)

    def meaning(self, it: Settings) -> tuple[str, ...]:
        """Conventions that somebody who comes from another framework should know, in sentences."""
        return ()

    def matches(self, name: str) -> list[str]:
        """The forms that a name may mean: a whole name, a usual abbreviation of it, or its end."""
        for short, whole in self.aliases.items():
            if name == short or name.startswith(f"{short}."):
                name = whole + name.removeprefix(short)
        return [form for form in self.forms if form == name or form.endswith(f".{name}")]


DIALECTS = "convt.content.backends.dialects:DIALECTS"
"""Where the dialects stand, `module:Class` by name; found by path, as the backends are."""


@cache
def dialects() -> Mapping[str, Dialect]:
    """Every dialect by its name, in the order in which translations are shown."""
    module, name = DIALECTS.split(":")
    found: dict[str, Dialect] = {}
    for key, path in getattr(importlib.import_module(module), name).items():
        where, what = path.split(":")
        found[key] = getattr(importlib.import_module(where), what)()
    return found


def find(call: Call) -> tuple[Dialect, str]:
    """The dialect of a call and the whole name of what is called; LayerError with what is known otherwise.

    Of several that share a name, the one that takes the arguments; then the one whose whole name it is; then the one
    whose users write it without the library's name.
    """
    found = [(dialect, form) for dialect in dialects().values() for form in dialect.matches(call.name)]
    if not found:
        raise LayerError(f"{call.name}: found a name that convt does not know; accepted {', '.join(_families())}")
    found = [pair for pair in found if _takes(*pair, call)] or found
    for narrowed in (
        found,
        [pair for pair in found if pair[1] == call.name],
        [pair for pair in found if not pair[0].spelled],
    ):
        if len(narrowed) == 1:
            return narrowed[0]
    raise LayerError(f"{call.name} may be {' or '.join(form for _, form in found)}; write the whole name")


def of_form(form: str) -> Dialect:
    """The dialect in which something was read: by the whole name of what is called, or by a kind that calls nothing."""
    return next(dialect for dialect in dialects().values() if form in dialect.forms or form in dialect.kinds)


def _takes(dialect: Dialect, form: str, call: Call) -> bool:
    """Whether the arguments of a call are those of a form."""
    try:
        dialect.forms[form].bind(call, form)
    except LayerError:
        return False
    return True


def _families() -> Iterator[str]:
    """Every form once for all its ranks."""
    seen: dict[str, None] = {}
    for dialect in dialects().values():
        for form in dialect.forms:
            family = form
            for digit in "123":
                family = family.replace(f"{digit}D", "{1,2,3}D").replace(f"{digit}d", "{1,2,3}d")
            seen[family] = None
    yield from seen


def chosen(names: Sequence[str]) -> list[tuple[Dialect, str | None]]:
    """Dialects by name or kind; a kind alone where it is named. LayerError where there is no such one."""
    found: list[tuple[Dialect, str | None]] = []
    for name in names:
        for dialect in dialects().values():
            if name in (dialect.name, *dialect.also):
                found.append((dialect, None))
                break
            if name in dialect.kinds:
                found.append((dialect, name))
                break
        else:
            known = [*dialects(), *(kind for dialect in dialects().values() for kind in dialect.kinds)]
            raise LayerError(f"--to: found {name!r}, accepted {', '.join(dict.fromkeys(known))}")
    return found
