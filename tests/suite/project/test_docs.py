"""The documents are true: programs accept their commands, their tables are current, their links lead somewhere."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from convt.host.registry import parse_target
from convt.plugin.options import add_options, read_options
from convt.session.run import Run
from tests.suite.laws.law_table import PAGE, with_table

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(program: str) -> list[str]:
    """Every command of that program in an indented block of the README, or in backticks of CONTRIBUTING."""
    blocks = re.findall(r"^ {4}(\S.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    found = [part.split("#")[0].strip() for line in (*blocks, *spans) for part in line.split("&&")]
    return sorted({command for command in found if command.startswith(program)})


@pytest.fixture(scope="module")
def accepted() -> str:
    """What pytest says that it accepts."""
    words = [sys.executable, "-m", "pytest", "--help"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("command", commands("pytest"))
def test_a_documented_pytest_command_has_options_that_there_are(
    command: str, pytestconfig: pytest.Config, accepted: str
) -> None:
    words = shlex.split(command)[1:]
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    known, _ = parser.parse_known_and_unknown_args(words)
    for option in [word for word in words if word.startswith("-")]:
        assert re.search(rf"(?<![\w-]){re.escape(option.split('=')[0])}(?![\w-])", accepted), option
    run = Run(read_options(pytestconfig))
    for name in [*known.target, *(name for names in known.require for name in names.split(","))]:
        assert name in ("NAME", "BACKEND", "YOUR-ID") or parse_target(name, run.backends)
    assert {law.id for law in run.laws} >= set(known.law)


@pytest.mark.parametrize("command", commands("python -m specs"))
def test_a_documented_specs_command_works(command: str) -> None:
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
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
