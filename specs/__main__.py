"""`python -m specs check [FILES]` says what is wrong in spec files; `python -m specs schema` writes their schemas."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from specs.errors import SpecErrors
from specs.known import read_known
from specs.loader import case_files, load_cases
from specs.schema import schemas

HERE = Path(__file__).parent


def check(paths: Sequence[Path]) -> int:
    """Print every error, one a line, or how much is right; the exit status."""
    files = case_files(paths)
    known = [file for file in files if file.resolve().parent.name == "known"]
    plain = [file for file in files if file not in known]
    lines: list[str] = []
    counts = {"cases": 0, "known differences": 0}
    try:
        counts["cases"] = len(load_cases(plain))
    except SpecErrors as error:
        lines += error.errors
    for file in known:
        try:
            counts["known differences"] += len(read_known(file))
        except SpecErrors as error:
            lines += error.errors
    said = [f"{counts['cases']} cases in {len(plain)} files"]
    if known:
        said.append(f"{counts['known differences']} known differences in {len(known)} files")
    sys.stdout.writelines(f"{line}\n" for line in lines or said)
    return 1 if lines else 0


def write_schemas() -> int:
    """Write every schema file; the exit status."""
    for path, text in schemas().items():
        (HERE / path).write_text(text)
        sys.stdout.write(f"specs/{path}\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m specs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="read files and print every error")
    checks.add_argument("files", nargs="*", type=Path, help="files or folders; all of specs/ where left out")
    commands.add_parser("schema", help="write schema.json, which editors read, from the model")
    told = parser.parse_args(arguments)
    if told.command == "schema":
        return write_schemas()
    return check(told.files or [HERE, HERE / "large", HERE / "known"])


if __name__ == "__main__":
    sys.exit(main())
