"""The schemas that editors read: current, described, and of one mind with the loader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convt.cases.schema import schemas
from convt.cli import main

SPECS = Path(__file__).parents[3] / "specs"


@pytest.mark.parametrize("path", schemas())
def test_a_schema_file_is_what_the_model_says(path: str) -> None:
    assert (SPECS / path).read_text() == schemas()[path], "run: convt check --write-schemas"


def properties(path: str) -> Iterator[tuple[str, Any]]:
    """Every field of every form, as form.field and its schema."""
    schema = json.loads(schemas()[path])
    for name, form in {"file": schema, **schema["$defs"]}.items():
        for field, described in form["properties"].items():
            yield f"{name}.{field}", described


@pytest.mark.parametrize("path", schemas())
def test_every_field_is_described(path: str) -> None:
    found = dict(properties(path))
    assert found
    assert [name for name, described in found.items() if not described.get("description")] == []


@pytest.mark.parametrize("path", schemas())
def test_no_field_takes_null_or_unknown_neighbours(path: str) -> None:
    schema = json.loads(schemas()[path])
    assert '"null"' not in schemas()[path]
    assert all(form["additionalProperties"] is False for form in [schema, *schema["$defs"].values()])


def test_check_says_how_much_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("about: a\nsource: b\ncases:\n  - {id: one, input: 4, kernel: 3}\n")
    assert main(["check", str(tmp_path / "a.yaml")]) == 0
    assert capsys.readouterr().out == "1 case in 1 file\n"


def test_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("about: a\nsource: b\ncases:\n  - {id: one, input: 4, kernel: 0}\n")
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("a.yaml:4:33: cases[0].kernel: found 0, accepted 1 or more\n")


def test_check_reads_known_differences_in_their_own_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "jax.yaml").write_text("known:\n  - {id: one, law: value}\n")
    assert main(["check", str(tmp_path / "known")]) == 1
    assert "known[0].wrong: missing required field" in capsys.readouterr().out


def test_check_reads_findings_in_their_own_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "findings.yaml").write_text("framework: JAX\nfindings:\n  - {id: one, title: A title}\n")
    assert main(["check", str(tmp_path)]) == 1
    assert "findings[0].script: missing required field" in capsys.readouterr().out


def test_the_shipped_specs_have_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0, capsys.readouterr().out
