"""What the commands about one layer share: where its text comes from, and the numbers that stand beside it."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from convt.commands.parts import UsageError
from convt.conv.settings import Sizes
from convt.translation.parsing import LONGEST

LARGEST = 1 << 31
"""An extent or a number of channels that is longer than this is a slip of the hand."""


def add_layer(parser: argparse.ArgumentParser) -> None:
    """The layer and what it leaves open."""
    parser.add_argument("layer", metavar="LAYER", help="a call in a framework's words, the path of a file with one, "
                        "or `-` for standard input")  # fmt: skip
    parser.add_argument("--input", type=extents, metavar="HxW", help="the spatial extents of the input, such as 4x4; "
                        "where the layer itself says them it is not needed")  # fmt: skip
    parser.add_argument("--channels", type=number, metavar="N", help="input channels, where the layer does not say "
                        "how many")  # fmt: skip
    parser.add_argument("--batch", type=number, metavar="N", help="items in the input (default: 1)")
    parser.add_argument("--json", action="store_true", help="for programs")


def layer_text(given: str) -> str:
    """The layer's text: the argument itself, that of standard input for `-`, or that of a file."""
    if given == "-":
        return _no_more_than(sys.stdin.read(LONGEST + 1), "standard input")
    if "(" not in given and (path := Path(given)).is_file():
        try:
            with path.open(encoding="utf-8-sig") as file:
                return _no_more_than(file.read(LONGEST + 1), given)
        except UnicodeDecodeError:
            raise UsageError(f"{given}: found bytes that are no text, accepted a layer in UTF-8") from None
    if re.fullmatch(r"[^\s(){}:=]*([/\\][^\s(){}:=]*|\.(txt|py|ya?ml|md|onnx))", given):
        what = "a folder" if Path(given).is_dir() else "which is no file here"
        raise UsageError(f"LAYER: found {given!r}, {what}; accepted a call in a framework's words, the path of a file "
                         "with one, or - for standard input")  # fmt: skip
    return given


def _no_more_than(text: str, where: str) -> str:
    if len(text) > LONGEST:
        raise UsageError(f"{where}: found more than {LONGEST:,} characters, accepted one layer")
    if not text.strip():
        raise UsageError(f"{where}: found nothing, accepted one layer")
    return text


def extents(text: str) -> Sizes:
    """The type of --input: `4x4`, `4`, `3x4x5`."""
    parts = text.lower().replace("*", "x").split("x")
    if not all(part.strip().isdecimal() and part.isascii() for part in parts) or len(parts) > 3:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted one to three extents such as 4x4")
    found = tuple(int(part[:20]) for part in parts)
    if max(found) >= LARGEST:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted extents below {LARGEST:,}")
    return found


def number(text: str) -> int:
    """The type of --channels and --batch."""
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:20]) < LARGEST:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted a whole number, 1 or more")
    return int(text)
