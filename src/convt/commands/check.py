"""`convt check`: what is wrong in YAML files; `convt targets`, `convt laws`: what there is to run and to hold."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from convt.cases.errors import SpecErrors
from convt.cases.findings import findings_files, is_findings_file, read_findings
from convt.cases.known import is_known_file, known_files, read_known
from convt.cases.loader import case_files, load_cases
from convt.cases.schema import schemas
from convt.commands.parts import NO_ANSWER, OK, WORSE, Commands, command, say
from convt.content import ROOT
from convt.host.registry import built_in, register_external
from convt.laws.catalogue import all_laws
from convt.results.tally import plural
from convt.session import mine

SPECS = ROOT / "specs"


def configure(commands: Commands) -> None:
    parser = command(
        commands, "check", "read YAML files of cases, known differences and findings, and print every error", check,
        examples=("convt check                   convt's own files, and .convt/*.yaml here",
                  "convt check specs/mine.yaml   one file"),
        more="Exit 0: all is right; 1: the errors are printed, one a line.",
    )  # fmt: skip
    parser.add_argument("files", nargs="*", type=Path, help="files or folders (default: all that convt brings, "
                        "and .convt/*.yaml here)")  # fmt: skip
    parser.add_argument("--write-schemas", action="store_true", help="write the JSON schemas, which editors read, anew")
    parser = command(commands, "targets", "list what can be run here, with its version or why it cannot", targets)
    parser.add_argument("--backend", action="append", default=[], metavar="PATH", help="add package.module:Class")
    command(commands, "laws", "list the laws, each with its statement and source", laws)


def check(options: argparse.Namespace) -> int:
    """Print every error, one a line, or how much is right; the exit status."""
    if options.write_schemas:
        return _write_schemas()
    files: Sequence[Path] = case_files(
        options.files or [SPECS, *sorted(path for path in SPECS.iterdir() if path.is_dir()), *mine.found(Path.cwd())]
    )
    known = [file for file in files if is_known_file(file)] if options.files else known_files(ROOT / "backends")
    findings = [f for f in files if is_findings_file(f)] if options.files else findings_files(ROOT / "backends")
    plain = [file for file in files if file not in (*known, *findings)]
    absent = [file for file in files if not file.is_file()]
    if absent or not (plain or known or findings):
        found = absent[0] if absent else options.files[0]
        what = f"{found}, which is no plain file" if found.exists() and not found.is_dir() else f"no file {found}"
        say(f"found {what}; accepted YAML files, or folders with some")
        return NO_ANSWER
    lines, said = _read(plain, known, findings)
    say("\n".join(lines or said))
    return WORSE if lines else OK


def _read(plain: Sequence[Path], known: Sequence[Path], findings: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Every error of the files, and how much of each kind is right."""
    lines: list[str] = []
    counts = {"cases": 0, "known differences": 0, "findings": 0}
    try:
        counts["cases"] = len(load_cases(plain))
    except SpecErrors as error:
        lines += error.errors
    for files, name, read in (
        (known, "known differences", read_known),
        (findings, "findings", lambda file: read_findings(file).findings),
    ):
        for file in files:
            try:
                counts[name] += len(read(file))
            except SpecErrors as error:
                lines += error.errors
    said = [f"{plural(counts['cases'], 'case')} in {plural(len(plain), 'file')}"]
    for files, name in ((known, "known differences"), (findings, "findings")):
        said += [f"{plural(counts[name], name.removesuffix('s'))} in {plural(len(files), 'file')}"] if files else []
    return lines, said


def _write_schemas() -> int:
    for path, text in schemas().items():
        (SPECS / path).write_text(text)
        say(f"specs/{path}")
    return OK


def targets(options: argparse.Namespace) -> int:
    """One line a target: its framework's version, or why it does not run; the exit status."""
    from convt.host.pool import Pool
    from convt.host.registry import parse_target

    backends = dict(built_in()) | dict(register_external(path) for path in options.backend)
    with Pool([parse_target(name, backends) for name in backends], backends=backends) as pool:
        for name, info in pool.infos.items():
            versions = ", ".join(f"{package} {version}" for package, version in info.versions.items())
            say(f"{name:<18} {versions or info.missing or info.failed}")
            if info.modes:  # it runs
                say(f"{'':<18} modes {', '.join(info.modes)}; devices {', '.join(info.devices)}")
        for line in pool.advice():
            say(line)
    return OK


def laws(_: argparse.Namespace) -> int:
    """One line a law; the exit status."""
    for law in all_laws():
        say(f"{law.id:<20} {law.statement}  [{law.source}]")
    return OK
