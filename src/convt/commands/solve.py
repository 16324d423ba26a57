"""`convt solve`: which settings give a wanted size, as each framework's call."""

from __future__ import annotations

import argparse
import json

from convt.commands.parts import NO_ANSWER, OK, Commands, UsageError, command, say

OPTIONS = {
    "input": "the input's extent",
    "output": "the output's extent",
    "kernel": "taps (default: 1..9 are tried)",
    "stride": "stride (default: 1..8 are tried)",
    "dilation": "dilation (default: 1)",
    "padding": "same, valid, a number for both ends, or begin:end such as 1:2 (default: any shorter than the kernel)",
    "output-padding": "output padding (default: any that is possible)",
}
MOST = 1_000


def configure(commands: Commands) -> None:
    parser = command(
        commands, "solve", "find the settings that give a wanted size", solve,
        examples=("convt solve --input 7 --output 14 --kernel 5 --stride 2",
                  "convt solve --input 7x9 --output 14x18 --kernel 3..5 --to torch,keras",
                  "convt solve --op forward --input 224 --output 112 --stride 2"),
        more="Each option takes a number, a list such as 3,5, or a range such as 3..7; with x between them a value for "
        "each axis, such as 7x9. What is said once is the same on every axis. Solutions of the same kernel, stride and "
        "size that crop differently at the beginning give shifted results: they are listed apart.",
    )  # fmt: skip
    for name, does in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar="N", help=does)
    parser.add_argument("--op", choices=("transposed", "forward"), default="transposed", help="default: %(default)s")
    parser.add_argument("--to", metavar="NAMES", help="frameworks or kinds of call (default: all frameworks)")
    parser.add_argument("--most", type=int, default=3, metavar="N", help="solutions that are shown with their calls "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs")


def solve(options: argparse.Namespace) -> int:
    """Print the solutions; 2 where there is none."""
    from convt.explaining.questions import QuestionError, question
    from convt.explaining.solutions import solve as solved
    from convt.explaining.solutions import solved_data, solved_text
    from convt.translation.dialect import chosen, dialects

    if not 1 <= options.most <= MOST:
        raise UsageError(f"--most: found {options.most}, accepted 1 to {MOST:,}")
    own = [name for name, dialect in dialects().items() if dialect.runs]
    names = own if options.to is None else [name.strip() for name in options.to.split(",") if name.strip()]
    if not names:
        raise UsageError(f"--to: found nothing, accepted {', '.join(dialects())}")
    given = {name.replace("-", " "): getattr(options, name.replace("-", "_")) for name in OPTIONS}
    try:
        asked = question(given, "conv_transpose" if options.op == "transposed" else "conv")
        found = solved(asked, chosen(names))
    except QuestionError as error:
        raise UsageError(str(error)) from None
    if options.json:
        say(json.dumps(solved_data(found, options.most), indent=2))
    else:
        say(solved_text(found, options.most))
    return OK if found.found else NO_ANSWER
