"""`convt capture`: the convolutions of a user's own model as a spec file."""

from __future__ import annotations

import argparse
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from convt.capture.cases import Made, cases_of, distinct
from convt.capture.child import Python
from convt.capture.seen import DTYPES, Captured, Unreadable, Wanted
from convt.capture.sources import ACCEPTED, Asked, model_of
from convt.capture.writing import save_weights, spec_text
from convt.cases.asked import CROSSED
from convt.cases.case import LAYERS
from convt.cases.loader import load_cases
from convt.commands.parts import (
    NO_ANSWER,
    OK,
    Commands,
    UsageError,
    command,
    complain,
    output_file,
    say,
    seconds,
    write,
    writing,
)
from convt.results.tally import plural

JUDGED = {"": "by every law", LAYERS: "as layers of real size", CROSSED: "in a dtype or memory format of their own",
          "accuracy": "by the accuracy of real weights"}  # fmt: skip
INPUTS = (*DTYPES, "int64", "int32", "int16", "int8", "uint8", "bool")
_SHAPE = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<sizes>[0-9]+(?:[,x][0-9]+)*)?(?::(?P<dtype>[a-z0-9]+))?")
MOST_AXES, LARGEST = 16, 2**31


def configure(commands: Commands) -> None:
    parser = command(
        commands, "capture", "write a spec file with the convolutions of your own model", capture,
        examples=("convt capture model.onnx                               a file is data: nothing of it runs",
                  "convt capture model.onnx --input-shape x=1,3,224,224   where it leaves extents open",
                  "convt capture nets/unet.py:UNet --input-shape 1,3,256,256 --trust",
                  "convt capture my.models:forward --input-shape 8,64,64,3:bfloat16 --trust",
                  "convt run --spec model.yaml                            hold every framework to them"),
        more=f"MODEL: {ACCEPTED}. Weights of gigabytes are stepped over.",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help="a model's file, or where the program that makes it stands")
    parser.add_argument("-o", "--out", type=output_file, metavar="FILE", help="the spec file to write (default: the "
                        "model's name and .yaml)")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--input-shape", action="append", default=[], type=input_shape, metavar="[NAME=]SIZES[:DTYPE]",
                        help="the shape of an input, such as 1,3,224,224 or tokens=1,77:int64; once for each input, in "
                        "their order where they have no names")  # fmt: skip
    parser.add_argument("--trust", action="store_true", help="run the model's own code, where that is what it takes")
    parser.add_argument("--framework", choices=("torch", "keras", "jax"), help="of a program (default: as what it "
                        "turns out to be)")  # fmt: skip
    parser.add_argument("--weights", action="store_true", help="keep the real kernels and biases in a file beside it, "
                        "so that accuracy is judged on them")  # fmt: skip
    parser.add_argument("--python", metavar="PATH", help="the Python that has the model's framework (default: this "
                        "one)")  # fmt: skip
    parser.add_argument("--deadline", type=seconds, default=600.0, metavar="SECONDS", help="for the process that runs "
                        "code or needs a framework (default: %(default)g)")  # fmt: skip


def input_shape(text: str) -> tuple[str, tuple[int, ...], str]:
    """The type of --input-shape: name (empty: by its place), sizes, dtype."""
    found = _SHAPE.fullmatch(text.strip())
    if found is None or not (found["name"] or found["sizes"]):
        raise argparse.ArgumentTypeError(f"found {text!r}; accepted sizes such as 1,3,224,224, NAME=1,77 or 1,77:int64")
    sizes = tuple(int(size) for size in re.split("[,x]", found["sizes"])) if found["sizes"] else ()
    if len(sizes) > MOST_AXES or max(sizes, default=0) > LARGEST:
        raise argparse.ArgumentTypeError(f"found {text[:60]!r}; accepted up to {MOST_AXES} sizes up to {LARGEST:,}")
    dtype = found["dtype"] or "float32"
    if dtype not in INPUTS:
        raise argparse.ArgumentTypeError(f"found the dtype {dtype!r}; accepted {', '.join(INPUTS)}")
    return found["name"] or "", sizes, dtype


def wanted_of(given: Sequence[tuple[str, tuple[int, ...], str]], weights: bool) -> Wanted:
    """The shapes by name, those without one by their place."""
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    for name, sizes, dtype in given:
        key = name or str(sum(each.isdigit() for each in shapes))
        if key in shapes:
            raise UsageError(f"--input-shape: found {key} twice, accepted once")
        shapes[key] = sizes
        if dtype != "float32":
            dtypes[key] = dtype
    return Wanted(shapes, dtypes, weights)


def capture(options: argparse.Namespace) -> int:
    """Write the spec file and say what was seen; the exit status."""
    try:
        model = model_of(options.model)
        out: Path = options.out or Path(f"{re.sub(r'[^A-Za-z0-9._-]+', '-', model.name)}.yaml")
        if out.exists() and not options.force:
            raise UsageError(f"{out} is there already; give --out another path, or --force to write over it")
        found = model.read(
            Asked(options.model, wanted_of(options.input_shape, options.weights),
                  Python(options.python, options.deadline), options.trust, options.framework or "")
        )  # fmt: skip
        made = cases_of(found, model.name)
    except Unreadable as error:
        raise UsageError(str(error)) from None
    for line in _told(found):
        say(line)
    if not made:
        complain(f"convt capture: {options.model}: found no convolution that a case can be made of; nothing is written")
        return NO_ANSWER
    arrays = out.with_suffix(".npz")
    if any(one.weights is not None for one in made):
        if arrays.exists() and not options.force:
            raise UsageError(f"{arrays} is there already; give --out another path, or --force to write over it")
        with writing(arrays):
            kept = save_weights(made, arrays)
        say(f"{arrays}: the weights of {plural(kept, 'case')}")
    elif options.weights:
        say("note: no weights are kept: the model has none that belong to a layer and are whole in the file")
    counts = len(found.seen), distinct(found)
    held = any(one.weights is not None for one in made)
    write(out, spec_text(made, model.name, model.source, counts, arrays.name if held else None))
    load_cases([out])
    say(f"{out}: {_kinds(made)}")
    say(f"run them: convt run --spec {shlex.quote(str(out))}")
    return OK


def _told(found: Captured) -> list[str]:
    """How much was seen, and what is left out, each reason with its layers."""
    settings = plural(distinct(found), "distinct setting")
    lines = [f"{plural(len(found.seen), 'convolution')} with {settings}, {len(found.left)} left out"]
    reasons: dict[str, list[str]] = {}
    for left in found.left:
        reasons.setdefault(left.reason, []).append(left.name)
    lines += [f"  left out: {', '.join(dict.fromkeys(names))}: {reason}" for reason, names in reasons.items()]
    others = Counter(seen.dtype for seen in found.seen if seen.dtype not in DTYPES)
    lines += [f"note: {plural(count, 'convolution')} in {dtype}, which no case has; the settings are asked in float32"
              for dtype, count in others.items()]  # fmt: skip
    lines += [f"note: {note}" for note in found.notes]
    return ["".join(sign if sign.isprintable() else " " for sign in line) for line in lines]


def _kinds(made: Sequence[Made]) -> str:
    """How many cases there are, and by what they are judged."""
    judged = Counter(one.case.laws[0] if one.case.laws else "" for one in made)
    parts = [f"{judged[law]} {how}" for law, how in JUDGED.items() if judged[law]]
    return f"{plural(len(made), 'case')}: {', '.join(parts)}"
