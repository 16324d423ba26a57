"""`convt baseline`: how things stood in a run, as a small file to hold later runs against."""

from __future__ import annotations

import argparse
from pathlib import Path

from convt.commands.parts import OK, Commands, command, output_file, say, writing
from convt.commands.reading import read
from convt.results.baseline import portable, write_baseline
from convt.results.vocabulary import FAILING
from convt.session.options import OUT


def configure(commands: Commands) -> None:
    parser = command(
        commands, "baseline", "make a baseline of a run: the file for `convt run --baseline`", run,
        examples=("convt baseline --out base.jsonl.gz", "convt baseline run.jsonl --out base.jsonl.gz"),
        more="`convt run --baseline FILE --update-baseline` makes one while it runs, or renews in it what ran.",
    )  # fmt: skip
    said = "a run file, JSON lines (default: %(default)s)"
    parser.add_argument("run_file", nargs="?", type=Path, default=OUT / "run.jsonl", metavar="RUN", help=said)
    parser.add_argument("--out", type=output_file, required=True, metavar="FILE", help="write there; .gz compresses")


def run(options: argparse.Namespace) -> int:
    """Write the baseline; the exit status."""
    kept = portable(read(options.run_file))
    with writing(options.out):
        written = write_baseline(options.out, kept)
    failing = sum(record.verdict in FAILING for record in written.verdicts)
    counts = f"{len(written.verdicts):,} verdicts on {len(written.cases):,} cases, {failing:,} of them failing"
    say(f"{options.out}: {counts}")
    return OK
