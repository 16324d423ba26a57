"""`docs/layers.md`: commands with what they print, and tables of every framework's words, all made from the objects."""

from __future__ import annotations

import ast
import contextlib
import io
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import convt
from convt.cli import main
from convt.conv.settings import Settings
from convt.translation.dialect import Dialect, dialects, of_form
from convt.translation.translating import Translation, read, translate

TEMPLATE = Path(__file__).with_name("layers.md.txt")
DOUBLING = "torch.nn.ConvTranspose2d(1, 3, 3, stride=2, padding=1, output_padding=1)"

BASE = Settings(input=(7, 7), kernel=(5, 5), channels_in=4, channels_out=6)


@dataclass(frozen=True)
class Spelled:
    """One setting: what it means, and settings that differ in it alone."""

    title: str
    meaning: str
    base: Settings
    it: Settings


DOWN = BASE.replace(stride=(2, 2))
SETTINGS = (
    Spelled("Stride 2", "Each input's stamp stands 2 positions after the one before.", BASE, DOWN),
    Spelled("Dilation 2", "The taps of a stamp stand 2 apart.", BASE, BASE.replace(dilation=(2, 2))),
    Spelled("Crop 1 at both ends", "Of the full result one position is cut off at each end of each axis.",
            DOWN, DOWN.replace(padding=((1, 1), (1, 1)))),
    Spelled("Crop 1 at the beginning and 2 at the end", "What `same` means for kernel 5 and stride 2.",
            DOWN, DOWN.replace(padding=((1, 2), (1, 2)))),
    Spelled("Crop 2 at the beginning and 1 at the end", "PyTorch's padding=2, output_padding=1; of the same size, "
            "and shifted by one.", DOWN, DOWN.replace(padding=((2, 1), (2, 1)))),
    Spelled("Output padding 1, nothing cropped", "One position more at the end of each axis, on which no tap lands.",
            DOWN, DOWN.replace(output_padding=(1, 1))),
    Spelled("Groups 2", "Two halves of the channels, each with a kernel of its own.", BASE, BASE.replace(groups=2)),
    Spelled("Bias", "One number an output channel.", BASE, BASE.replace(bias=True)),
)  # fmt: skip

NODE = "onnx.helper.make_node('ConvTranspose', ['x', 'w'], ['y'], kernel_shape=[5], strides=[2], {})"
WORDS = (
    "torch.nn.ConvTranspose1d(1, 1, 5, stride=2)",
    "torch.nn.ConvTranspose1d(1, 1, 5, stride=2, padding=2)",
    "torch.nn.ConvTranspose1d(1, 1, 5, stride=2, padding=2, output_padding=1)",
    "keras.layers.Conv1DTranspose(1, 5, strides=2)",
    "keras.layers.Conv1DTranspose(1, 5, strides=2, padding='same')",
    "keras.layers.Conv1DTranspose(1, 5, strides=2, padding='same', output_padding=0)",
    "tf.nn.conv1d_transpose(x, (5, 1, 1), output_shape=(1, 14, 1), strides=2, padding='SAME')",
    "tf.nn.conv1d_transpose(x, (5, 1, 1), output_shape=(1, 13, 1), strides=2, padding='SAME')",
    "jax.lax.conv_transpose(x, (5, 1, 1), (2,), 'SAME')",
    "jax.lax.conv_transpose(x, (5, 1, 1), (2,), 'SAME', transpose_kernel=True)",
    "jax.lax.conv_transpose(x, (5, 1, 1), (2,), 'VALID')",
    "jax.lax.conv_transpose(x, (5, 1, 1), (2,), ((1, 1),))",
    "jax.lax.conv_transpose(x, (5, 1, 1), (2,), ((1, 1),), use_consistent_padding=True)",
    "flax.linen.ConvTranspose(features=1, kernel_size=(5,), strides=(2,))",
    "flax.linen.ConvTranspose(features=1, kernel_size=(5,), strides=(2,), padding='VALID')",
    "flax.linen.ConvTranspose(features=1, kernel_size=(5,), strides=(2,), padding=0)",
    "flax.linen.ConvTranspose(features=1, kernel_size=(5,), strides=(2,), padding=1)",
    "equinox.nn.ConvTranspose1d(1, 1, 5, 2, 1, 2, key=key)",
    "equinox.nn.ConvTranspose1d(1, 1, 5, 2, padding='SAME', key=key)",
    "equinox.nn.ConvTranspose1d(1, 1, 5, 2, padding='SAME_LOWER', key=key)",
    NODE.format("pads=[2, 2], output_padding=[1]"),
    NODE.format("auto_pad='SAME_UPPER'"),
    NODE.format("auto_pad='SAME_LOWER'"),
    NODE.format("output_shape=[14]"),
)
"""What people write for kernel 5, stride 2 and an input of 7, a framework after the other."""


@cache
def page() -> str:
    """The document."""
    text = TEMPLATE.read_text()
    places = {"frameworks": _frameworks, "settings": _settings, "numbers": _numbers, "port": _port}
    for name, make in places.items():
        text = text.replace(f"{{{name}}}", "\n".join(make()))
    return "\n".join(_ran(line) for line in text.split("\n"))


def _ran(line: str) -> str:
    """A line `$ convt ...` with what it prints under it; its first lines where `| head -N` stands behind it."""
    command, _, many = line.partition(" | head -")
    if not command.startswith("    $ convt "):
        return line
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(shlex.split(command.removeprefix("    $ convt ")))
    printed = out.getvalue().splitlines()[: int(many) if many else None]
    return "\n".join([line, *(f"    {each}".rstrip() for each in printed)])


def _table(*rows: tuple[str, ...]) -> Iterator[str]:
    first, *others = rows
    yield f"| {' | '.join(first)} |"
    yield "|" + "---|" * len(first)
    yield from (f"| {' | '.join(row)} |" for row in others)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _runs() -> list[Dialect]:
    return [dialect for dialect in dialects().values() if dialect.runs]


def _frameworks() -> Iterator[str]:
    """How each framework keeps its arrays, of one and the same layer."""
    rows = [("", "layer or function", "kernel", "x and y", "its arrays")]
    for dialect in _runs():
        found = translate(DOWN.replace(bias=True), dialect)
        said = found.said
        kernel = said.kernel.describe().replace("/groups", "")
        rows.append((dialect.title, _code(said.form), kernel, said.axes(2), ", ".join(said.names)))
    yield from _table(*rows)


def _settings() -> Iterator[str]:
    """A table for each setting: what a call says for it that the call without it does not say."""
    for spelled in SETTINGS:
        yield f"### {spelled.title}\n"
        yield f"{spelled.meaning}\n"
        rows = [("", "in the call", "")]
        for dialect in _runs():
            without, found = translate(spelled.base, dialect), translate(spelled.it, dialect)
            rows.append((dialect.title, _spelled(without, found), _means(without, found)))
        yield from _table(*rows)
        yield ""


def _spelled(without: Translation, found: Translation) -> str:
    """The arguments of a call that another one lacks, or that it leaves out."""
    if not found.direct:
        return ""
    before, after = (_arguments(it.said.call) for it in (without, found))
    if added := [argument for argument in after if argument not in before]:
        return _code(", ".join(added))
    return f"{_code(', '.join(argument for argument in before if argument not in after))} is left out"


def _arguments(call: str) -> list[str]:
    """The name that is called and its arguments, and what is added to the result."""
    node = ast.parse(call, mode="eval").body
    added = []
    while isinstance(node, ast.BinOp):
        added.append(f"+ {ast.unparse(node.right)}")
        node = node.left
    assert isinstance(node, ast.Call)
    name = ast.unparse(node.func)
    named = [f"{keyword.arg}={ast.unparse(keyword.value)}" for keyword in node.keywords]
    return [name, *map(ast.unparse, node.args), *named, *added]


def _means(without: Translation, found: Translation) -> str:
    """What stands around the call, and what is said of the setting alone."""
    if not found.direct:
        return f"not by one call: {'; '.join(found.plan.sentences())}"
    general = without.dialect.meaning(without.settings)
    return "; ".join(line for line in found.dialect.meaning(found.settings) if line not in general)


def _numbers() -> Iterator[str]:
    """What everybody's words mean for kernel 5, stride 2, input 7."""
    rows = [("", "words", "crops", "output", "taps", "")]
    for text in WORDS:
        spoken = read(text)
        it = spoken.layer.settings((7,))
        [(lo, hi)], [extra], [out] = it.crop, it.extra, it.output
        crops = f"({lo}, {hi})" + (f", adds {extra}" if extra else "")
        taps = "mirrored" if spoken.kernel.mirrored else ""
        notes = "; ".join(note for note in spoken.notes if "mirrored" not in note)
        rows.append((of_form(spoken.form).title, _code(text), crops, str(out), taps, notes))
    yield from _table(*rows)


PROGRAM = """\
import convt

source = "torch.nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)"
target = convt.translate(source, "keras")
print(target.said.call)
arrays = convt.port({"weight": weight, "bias": bias}, source, target)
print([array.shape for array in arrays])
there = convt.port({"weight": weight, "bias": bias}, source, "keras.layers.Conv2DTranspose(3, 4, 2, 'same')")
print([array.shape for array in there])
"""


def _port() -> Iterator[str]:
    """The program with what it prints."""
    out = io.StringIO()
    names = {"weight": np.zeros((2, 3, 4, 4), np.float32), "bias": np.zeros(3, np.float32), "convt": convt}
    with contextlib.redirect_stdout(out):
        exec(PROGRAM, names)  # noqa: S102  the text just above
    yield textwrap.indent(PROGRAM.rstrip(), "    ")
    yield "\nIt prints\n"
    yield textwrap.indent(out.getvalue().rstrip(), "    ")
