"""`convt summary`, `convt show`, `convt script`: what a run file says, in the terminal; and drafts of reports."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from convt.cases.drafts import draft
from convt.cases.findings import FrameworkFinding, FrameworkFindings, links, load_findings
from convt.cases.known import Known, load_known
from convt.commands.parts import OK, Commands, UsageError, chosen, command, complain, say
from convt.commands.passing import NotMade, made
from convt.commands.reading import read
from convt.content import ROOT
from convt.page.case_text import array_lines, case_text, script_of
from convt.results.coverage import CoverageError
from convt.results.runfile import Run
from convt.results.summary import summary_json, summary_text, together_json, together_text
from convt.session.options import OUT

RUN = OUT / "run.jsonl"


def configure(commands: Commands) -> None:
    parser = command(
        commands, "summary", "tell a run on one screen", summary,
        examples=("convt summary                           the last run",
                  "convt summary run.jsonl --json                  for programs",
                  "convt summary default.jsonl nightly.jsonl       what these runs visit together"),
    )  # fmt: skip
    parser.add_argument("run_files", nargs="*", type=Path, metavar="RUN", help="run files, JSON lines; of several, "
                        f"what they visit together (default: {RUN})")  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument("--triples", action="store_true", help="name the triples of values that were not visited: in "
                        "JSON, and of several runs in text")  # fmt: skip
    parser = command(
        commands, "show", "show a run, a case of it, a case on one target, or a draft for a framework's tracker", show,
        examples=("convt show                                      the last run, as convt summary tells it",
                  "convt show same-k5-s2-picture                   a case of the last run, on every target",
                  "convt show run.jsonl same-k5-s2-picture jax     on one target, with a script",
                  "convt show --upstream jax-empty-input-keeps-no-stride"),
    )  # fmt: skip
    parser.add_argument("what", nargs="*", metavar="RUN CASE TARGET", help=f"a run file, JSON lines (default: {RUN}), "
                        "then the name of a case, then that of a target")  # fmt: skip
    parser.add_argument("--upstream", metavar="ID", help="print a report in Markdown for the framework's tracker: of a "
                        "finding, or of the one that a known difference belongs to")  # fmt: skip
    parser = command(
        commands, "script", "print the script to paste for one case and target", script,
        examples=("convt script same-k5-s2-picture keras-torch            of the last run",
                  "convt script run.jsonl same-k5-s2-picture keras-torch"),
    )  # fmt: skip
    parser.add_argument("what", nargs="+", metavar="RUN CASE TARGET", help=f"a run file, JSON lines (default: {RUN}), "
                        "then the name of a case, then that of a target, such as jax/eager")  # fmt: skip


def summary(options: argparse.Namespace) -> int:
    """Print the summary; the exit status."""
    runs = [read(path) for path in options.run_files or [RUN]]
    try:
        if options.format == "json":
            data = together_json(runs, options.triples) if len(runs) > 1 else summary_json(runs[0], options.triples)
            say(json.dumps(data, indent=2))
        else:
            say(together_text(runs, options.triples) if len(runs) > 1 else summary_text(runs[0]))
    except CoverageError as error:
        raise UsageError(f"{', '.join(str(run.path) for run in runs)}: {error}") from None
    return OK


def show(options: argparse.Namespace) -> int:
    """Print a run, a case, a case on one target, or a draft; the exit status."""
    if options.upstream:
        if options.what:
            raise UsageError("--upstream excludes RUN, CASE and TARGET")
        return _upstream(options.upstream)
    file, names = _run_and_names(options.what)
    run = read(file)
    if not names:
        say(summary_text(run))
        return OK
    _check_names(run, *names)
    say(case_text(run, *names))
    if len(names) == 2 and not script_of(run, *names):
        say(f"\n{_passing(run, *names)}")
    return OK


def _passing(run: Run, case: str, target: str) -> str:
    """The call, its numbers and the script of a case of which the run keeps none, for its laws hold."""
    try:
        found = made(run, case, target)
    except NotMade as error:
        return f"no script: {error}"
    got = array_lines("gives", found.got, "the script prints them")
    call = [f"  call: {found.call}"] if found.call else []  # an adapter need not say it
    return "\n".join([*call, *got, "", found.text.rstrip()])


def _run_and_names(what: list[str]) -> tuple[Path, list[str]]:
    """The run file, the last run's where none is named, and the names behind it: case, or case and target."""
    named = bool(what) and (what[0].endswith(".jsonl") or Path(what[0]).is_file())
    file, names = (Path(what[0]), what[1:]) if named else (RUN, what)
    if len(names) > 2:
        raise UsageError(f"found {len(names)} names, accepted CASE and TARGET; a run file ends in .jsonl")
    return file, names


def _check_names(run: Run, case: str, target: str | None = None) -> None:
    chosen("CASE", case, run.cases)
    if target is not None:
        chosen("TARGET", target, [info.name for info in run.header.targets])


def _upstream(name: str) -> int:
    folder = ROOT / "backends"
    finding = finding_of(name, load_findings(folder), load_known(folder))
    for link in links(finding.issue):
        complain(f"reported or discussed already: {link}")
    say(draft(finding))
    return OK


def finding_of(name: str, groups: Iterable[FrameworkFindings], known: Iterable[Known]) -> FrameworkFinding:
    """The finding of this id, or that of the known difference of this id; UsageError with near names."""
    findings = {finding.id: finding for group in groups for finding in group.findings}
    belongs = {entry.id: entry.finding for entry in known}
    chosen("ID", name, sorted({*findings, *belongs}))
    found = name if name in findings else belongs[name]
    if found not in findings:
        raise UsageError(f"{name}: no finding to report; its entry needs `finding`, the id of one in findings.yaml")
    return findings[found]


def script(options: argparse.Namespace) -> int:
    """Print the first script of the case on the target; the exit status."""
    file, names = _run_and_names(options.what)
    if len(names) < 2:
        raise UsageError(f"found {' '.join(names) or 'no names'}, accepted CASE and TARGET, behind RUN or alone")
    case, target = names
    run = read(file)
    _check_names(run, case, target)
    found = script_of(run, case, target)
    if not found:
        try:
            found = made(run, case, target).text
        except NotMade as error:
            raise UsageError(f"{run.path}: no script for {case} on {target}: {error}") from None
    say(found)
    return OK
