"""A layer in other words before all of its input is known: what holds for every input, and what depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from convt.conv.settings import Settings, Sizes, effective_kernel
from convt.translation.dialect import Dialect, Spoken
from convt.translation.layer import Layer, LayerError
from convt.translation.translating import Translation, translate

LEAST = 5
"""The smallest extent that stands for an unknown one, where the kernel fits it."""
MOST_EXTENTS = 32
"""Inputs that stand for all others: two strides of them. Of longer strides those count that leave 0, 1 and 2."""
WORDS = {"input": "the input's extents", "channels": "the number of input channels", "batch": "the number of items"}
OPTIONS = {"input": "--input", "channels": "--channels", "batch": "--batch"}


@dataclass(frozen=True)
class Known:
    """A layer, and what is known of its input: extents, channels, items."""

    layer: Layer
    extents: Sizes | None = None
    channels: int | None = None
    batch: int | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """What neither the layer nor anybody else says, of `input`, `channels`, `batch`."""
        layer = self.layer
        said = {"input": layer.input or self.extents, "channels": layer.channels_in or self.channels,
                "batch": layer.batch if layer.batch is not None else self.batch}  # fmt: skip
        return tuple(name for name, value in said.items() if value is None)

    def settings(self) -> Settings:
        """The settings, the least that is possible where something is unknown."""
        if "input" in self.unknown and self.layer.output_size is None:
            return replace(self, extents=small_extents(self.layer)).settings()
        return self.layer.settings(self.extents, channels_in=self.channels, batch=self.batch)

    def others(self, name: str) -> Iterator[Settings]:
        """The settings with other values of something unknown."""
        it = self.settings()
        if name == "input":
            for more in range(1, min(2 * max(it.stride), MOST_EXTENTS) + 1):
                yield replace(self, extents=tuple(n + more for n in it.input)).settings()
            for rest in (0, 1, 2) if 2 * max(it.stride) > MOST_EXTENTS else ():  # forward `same`: least, most, odd
                extents = tuple((n // s + 1) * s + rest for n, s in zip(it.input, it.stride, strict=True))
                yield replace(self, extents=extents).settings()
        elif name == "channels":
            for times in (2, 3):
                yield replace(self, extents=it.input, channels=times * it.channels_in).settings()
        else:
            yield replace(self, extents=it.input, batch=it.batch + 1).settings()


@dataclass(frozen=True)
class Answer:
    """The layer in a framework's words."""

    dialect: Dialect
    translation: Translation | None
    """For the least possible input where it is unknown; None where the framework does not say the layer at all."""
    depends: tuple[str, ...] = ()
    """Of what is unknown, what the call or that around it depends on."""
    failure: str = ""

    @property
    def open(self) -> tuple[str, ...]:
        """What has to be known before there is a call; for want of a number of items it is that of one item."""
        return tuple(name for name in self.depends if name != "batch")

    @property
    def asks(self) -> str:
        """What has to be known for the call, and the options that say it; empty where nothing has."""
        if not self.open:
            return ""
        words, options = ([of[name] for name in self.open] for of in (WORDS, OPTIONS))
        return f"depends on {' and '.join(words)}; give {' and '.join(options)}"


def answer(known: Known, dialect: Dialect, kind: str | None = None, *, program: bool = False) -> Answer:
    """The layer in the framework's words, for every input that it may get; `program`: its source text included."""
    try:
        first = translate(known.settings(), dialect, kind)
    except LayerError as error:
        return Answer(dialect, None, failure=str(error))
    own = _signature(first, program)
    depends = []
    for name in known.unknown:
        try:
            if any(_signature(translate(it, dialect, kind), program) != own for it in known.others(name)):
                depends.append(name)
        except LayerError:
            depends.append(name)
    return Answer(dialect, first, tuple(depends))


def _signature(it: Translation, program: bool) -> Sequence[object]:
    """What is compared of the translations for two inputs."""
    text = it.program() if program and it.dialect.runs else ""
    return it.said.call, it.said.kernel, it.plan.sentences(), text


def small_extents(layer: Layer) -> Sizes:
    """Extents that the layer takes, as small as shows what it does."""
    dilation = layer.dilation or (1,) * layer.rank
    padding = [(0, 0)] * layer.rank if isinstance(layer.padding, str) or not layer.padding else layer.padding
    return tuple(
        max(LEAST, effective_kernel(k, d) + lo + hi)
        for k, d, (lo, hi) in zip(layer.kernel, dilation, padding, strict=True)
    )


def known(spoken: Spoken, extents: Sequence[int] | None, channels: int | None, batch: int | None = None) -> Known:
    """The layer of a text with what is known beside it; LayerError where the two contradict each other."""
    found = Known(spoken.layer, None if extents is None else tuple(extents), channels, batch)
    found.settings()
    return found
