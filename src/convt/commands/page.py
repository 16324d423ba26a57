"""`convt page`, `convt open`: a run as one HTML file that works from disk."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from convt.commands.parts import NO_ANSWER, OK, Commands, command, complain, output_file, say, writing
from convt.commands.reading import read
from convt.session.options import OUT


def configure(commands: Commands) -> None:
    parser = command(
        commands, "page", "write a run as one HTML file that works from disk", page,
        examples=("convt page run.jsonl --out index.html",),
    )  # fmt: skip
    parser.add_argument("run_file", nargs="?", type=Path, default=OUT / "run.jsonl", metavar="RUN", help="a run file, "
                        "JSON lines (default: %(default)s)")  # fmt: skip
    parser.add_argument(
        "--out", type=output_file, metavar="FILE", help="the file to write (default: index.html beside the run)"
    )
    parser = command(commands, "open", "open the page of a run in the browser", open_page)
    parser.add_argument("page", nargs="?", type=Path, default=OUT / "index.html", metavar="PAGE", help="the page "
                        "(default: %(default)s)")  # fmt: skip


def page(options: argparse.Namespace) -> int:
    """Write the page; the exit status."""
    from convt.page.page import write_page

    out = options.out or options.run_file.with_name("index.html")
    run = read(options.run_file)
    with writing(out):
        write_page(run, out)
    say(str(out))
    return OK


def open_page(options: argparse.Namespace) -> int:
    """Open the page; the exit status."""
    if not options.page.is_file():
        complain(f"convt open: found no page {options.page}, accepted one that `convt run` or `convt page` wrote")
        return NO_ANSWER
    url = options.page.absolute().as_uri()
    say(url)
    if webbrowser.open(url):
        return OK
    complain("convt open: found no browser here; open this address in one that can read the file")
    return NO_ANSWER
