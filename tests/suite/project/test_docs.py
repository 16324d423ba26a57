"""The documents are true: programs accept their commands, their tables are current, their links lead somewhere."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from convt.cases.loader import load_cases
from convt.cli import GROUPS, parser
from convt.host.registry import parse_target
from convt.laws.catalogue import all_laws
from tests.suite.laws.law_table import PAGE, with_table
from tests.suite.laws.liars import LIARS

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(program: str) -> list[str]:
    """Every command of that program in an indented block of the README, or in backticks of CONTRIBUTING."""
    blocks = re.findall(r"^ {4}(\S.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    found = [part.split("#")[0].strip() for line in (*blocks, *spans) for part in line.split("&&")]
    return sorted({command for command in found if command.startswith(program)})


def words_of(command: str) -> list[str]:
    """The words behind `convt`, without pytest's own behind `--`."""
    words = shlex.split(command)[1:]
    return words[: words.index("--")] if "--" in words else words


@pytest.mark.parametrize("command", commands("convt "))
def test_a_documented_command_is_one_that_there_is_with_options_that_it_has(command: str) -> None:
    options = parser().parse_args(words_of(command))
    if options.command == "run":
        for name in [*options.targets, *(name for names in options.require for name in names.split(","))]:
            assert name in ("NAME", "BACKEND", "numpy-convolve") or parse_target(name)
        assert {law.id for law in all_laws()} >= {name for names in options.law for name in names.split(",")}


def test_a_documented_command_that_there_is_not_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(words_of("convt run --lwa value"))


def subcommands(top: argparse.ArgumentParser) -> set[str]:
    return {name for action in top._actions if isinstance(action.choices, dict) for name in action.choices}


def test_a_subcommand_is_declared_by_the_module_that_is_imported_for_it() -> None:
    assert subcommands(parser()) == {name for names in GROUPS.values() for name in names}
    for names in GROUPS.values():
        for name in names:
            assert subcommands(parser(name)) == set(names)


def test_the_documented_check_works() -> None:
    command = [sys.executable, "-m", "convt", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_tox_environment_that_is_documented_exists() -> None:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    names = " ".join(section.removeprefix("testenv:") for section in tox.sections())
    text = " ".join(document.read_text() for document in DOCUMENTS) + (ROOT / ".ci" / "run").read_text()
    asked = {name for match in re.findall(r"tox run -e ([\w,-]+)", text) for name in match.split(",")}
    assert asked
    for name in asked:
        base, _, factor = name.partition("-")
        assert re.search(rf"\b{base}\b", names), name
        assert not factor or f"-{factor}" in names, name


def test_the_table_of_laws_is_current() -> None:
    assert PAGE.read_text() == with_table(PAGE.read_text()), "run python -m tests.suite.laws.law_table"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_readme_counts_what_there_is() -> None:
    everything = load_cases(sorted((ROOT / "specs").glob("*.yaml")))
    cases = [case for case in everything if case.reject is None]
    ops, ranks = Counter(case.settings.op for case in cases), Counter(case.settings.rank for case in cases)
    models, articles = ([it for it in cases if f"{name}.yaml" in it.origin] for name in ("models", "articles"))
    kinds = [case.reject.kind for case in everything if case.reject is not None]
    claims = Counter(case.claim.holds for case in articles if case.claim is not None)
    said = (ROOT / "README.md").read_text()
    assert f"| {len(cases)}: {ops['conv_transpose']} transposed and {ops['conv']} forward convolutions; " in said
    assert f"; {ranks[1]} in 1-D, {ranks[2]} in 2-D, {ranks[3]} in 3-D |" in said
    assert f"| invalid calls (`rejects.yaml`) | {len(kinds)}, of {len(set(kinds))} kinds," in said
    assert (
        f"(`articles.yaml`) | {len(articles)}, of which {claims.total()} are statements as people learn them: " in said
    )
    assert f": {claims[True]} hold, {claims[False]} do not" in said
    assert f"(`models.yaml`) | {len(models)}, each" in said
    assert f"| laws | {len(all_laws())}, over" in said
    assert f"| liars: deliberately wrong backends, each caught | {len(LIARS)} |" in said
