"""`pytest --baseline`: fails on what got worse and on nothing else, says what got better, and renews the file."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from convt.laws.catalogue import all_laws
from convt.plugin.baseline import Against
from convt.results.baseline import read_baseline, write_baseline
from convt.results.runfile import read_run
from tests.suite import copies

ROOT = Path(__file__).parents[3]
CASES = """
about: A few cases for the tests of baselines.
source: section 3
cases:
  - {id: gap-line, input: {shape: [1, 1, 2], data: [1, 2]}, kernel: {shape: [1, 1, 1], data: [10]}, stride: 3}
  - {id: plain-line, input: 4, kernel: 3, padding: 1, bias: true}
  - {id: plain-square, input: [3, 4], kernel: [3, 2], stride: [2, 1], channels: [2, 4], groups: 2}
"""
HONEST = ("--backend", "it=tests.suite.conv.reference:Honest", "--target", "it")
FLIPS = ("--backend", "it=tests.suite.laws.liars:FlipsKernel", "--target", "it")
NAMED = "tests/test_cases.py"


class Place:
    """A folder with cases, and pytest runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "known").mkdir()
        (folder / "few.yaml").write_text(CASES)

    def run(self, *options: str) -> tuple[int, str]:
        """(exit status, what it printed)."""
        own = [
            f"--spec={self.folder / 'few.yaml'}",
            f"--known={self.folder / 'known'}",
            f"--report={self.folder / 'out'}",
            "--profile=default",
        ]
        words = ["-rxX", "-o", f"cache_dir={self.folder / 'cache'}", *own, *options]
        done = copies.run("pytest", words, env={"PYTHONPATH": str(self.folder), "COLUMNS": "300"})
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """honest.jsonl.gz and flips.jsonl.gz, of the target `it`; honest.run.jsonl, the run of the first."""
    place = Place(tmp_path_factory.mktemp("baselines"))
    for name, backend in (("flips", FLIPS), ("honest", HONEST)):
        path = place.folder / f"{name}.jsonl.gz"
        code, text = place.run(*backend, NAMED, f"--baseline={path}", "--update-baseline")
        assert code == 0, text
        assert re.search(rf"baseline \S+{name}\.jsonl\.gz: written, \d+ kB, \d+ verdicts on 3 cases", text)
    shutil.copy(place.folder / "out" / "run.jsonl", place.folder / "honest.run.jsonl")
    return place.folder


def compared(text: str) -> tuple[int, int]:
    """(verdicts compared, got worse), as the terminal says."""
    found = re.search(r"baseline \S+: ([\d,]+) verdicts compared, ([\d,]+) got worse", text)
    assert found is not None, text
    return int(found[1]), int(found[2])


def test_what_fails_as_in_the_baseline_fails_nothing_with_other_seeds_and_processes(
    place: Place, baselines: Path
) -> None:
    options = [f"--baseline={baselines}/flips.jsonl.gz", "--law=value", "--seed=99", "-n", "2"]
    code, text = place.run(*FLIPS, *options)
    assert code == 0, text
    assert compared(text) == (3, 0)
    assert "XFAIL tests/test_cases.py::test_case[plain-line:it] - as in the baseline: differs value" in text
    assert (
        "XFAIL tests/test_generated.py::test_law[value:it] - generated, so not in the baseline: differs value" in text
    )
    assert "generated cases break 1 law on targets and fail no item" in text
    assert "fixed" not in text


def test_what_got_worse_fails_and_nothing_else(place: Place, baselines: Path) -> None:
    options = [*FLIPS, NAMED, f"--baseline={baselines}/honest.jsonl.gz"]
    code, text = place.run(*options)
    assert code == 1
    assert "2 failed, 1 passed" in text
    assert "regressed value, against the baseline: passed before; fails after" in text
    assert "differs value: out[" in text
    assert "repeat: convt run it -k 'test_case and plain-line' --law value --backend" in text
    every, worse = compared(text)
    assert 0 < worse < every
    again = place.run(*options, "--lf")
    assert again[0] == 1
    assert "2 failed" in again[1]
    assert compared(again[1])[1] == worse


def test_what_got_better_is_said_and_fails_nothing(place: Place, baselines: Path) -> None:
    known = (
        "known:\n  - {id: none-here, law: value, where: any(kernel > 1), wrong: {verdict: differs, kind: value},"
        ' reason: Once., issue: none, since: "1"}\n'
    )
    (place.folder / "known" / "it.yaml").write_text(known)
    code, text = place.run(*HONEST, NAMED, "-k", "not gap", f"--baseline={baselines}/flips.jsonl.gz")
    assert code == 0, text  # a known difference that no longer happens is no reason either
    assert "2 passed" in text
    before = [r for r in read_baseline(baselines / "flips.jsonl.gz").verdicts if r.verdict == "differs"]
    assert f"fixed: {len(before)}; renew the baseline with --update-baseline" in text


def test_a_plain_run_file_is_a_baseline(place: Place, baselines: Path) -> None:
    code, text = place.run(*HONEST, NAMED, "-k", "gap", f"--baseline={baselines}/honest.run.jsonl")
    assert code == 0, text
    run = read_run(baselines / "honest.run.jsonl")
    assert compared(text) == (sum(record.case == "gap-line" for record in run.verdicts), 0)


def test_a_narrowed_renewal_keeps_what_did_not_run(place: Place, baselines: Path) -> None:
    path = place.folder / "mine.jsonl.gz"
    shutil.copy(baselines / "honest.jsonl.gz", path)
    code, text = place.run(*FLIPS, NAMED, "-k", "plain-line", f"--baseline={path}", "--update-baseline")
    assert code == 0, text
    assert "- goes into the baseline: differs accuracy" in text
    both = [read_baseline(baselines / f"{name}.jsonl.gz").verdicts for name in ("flips", "honest")]
    expected = [r for r in both[0] if r.case == "plain-line"] + [r for r in both[1] if r.case != "plain-line"]
    assert sorted(read_baseline(path).verdicts, key=repr) == sorted(expected, key=repr)
    assert re.search(r"; \d+ of them stand as they were, for they did not run now", text)


def test_a_target_that_does_not_run_any_more_fails_once_and_another_is_judged_as_ever(
    place: Place, baselines: Path
) -> None:
    (place.folder / "absent.py").write_text(
        "from convt.adapter.backend import Backend\n\n\n"
        "class Absent(Backend):\n    def __init__(self, mode, device):\n        import nosuchframework\n"
    )
    absent = ["--backend", "it=absent:Absent", "--target", "it", NAMED, "--law=value"]
    other = ["--backend", "other=tests.suite.laws.liars:FlipsKernel", "--target", "other"]
    baseline = f"--baseline={baselines}/honest.jsonl.gz"
    code, text = place.run(*absent, *other, baseline)
    assert code == 1
    assert "other: not in the baseline, judged as without one" in text
    assert "2 failed, 1 passed, 3 skipped" in text
    assert len(re.findall(r"^baseline \S+: it did not run after: .*nosuchframework", text, re.MULTILINE)) == 1
    assert compared(text) == (0, 3)
    assert place.run(*absent, baseline)[0] == 1


def test_a_law_of_another_version_voids_no_baseline_and_is_judged_as_without_one(place: Place, baselines: Path) -> None:
    path = place.folder / "old.jsonl"
    old = read_baseline(baselines / "honest.jsonl.gz")
    laws = tuple(replace(it, version=7) if it.id == "value" else it for it in old.header.laws)
    write_baseline(path, replace(old, header=replace(old.header, laws=laws)))
    options = [NAMED, "-k", "gap", "--law=value", "--law=accuracy", f"--baseline={path}"]
    code, text = place.run(*HONEST, *options)
    assert code == 0, text
    assert compared(text) == (1, 0)
    assert "not in the baseline, judged as without one: laws of other versions: value" in text
    same = place.run(*FLIPS, NAMED, "-k", "plain-line", "--law=value", f"--baseline={path}")
    assert same[0] == 1
    assert "differs value: out[" in same[1]
    assert "against the baseline" not in same[1]
    code, text = place.run(*HONEST, *options, "--update-baseline")
    assert code == 0, text
    assert "what other versions of the laws or oracles judged was dropped: value" in text
    assert {r.case for r in read_baseline(path).verdicts if r.law == "value"} == {"gap-line"}
    assert len({r.case for r in read_baseline(path).verdicts if r.law == "accuracy"}) == 3


def test_a_baseline_of_0_1_is_compared(place: Place, baselines: Path) -> None:
    """It tells a digest of the specification, no versions, and the law `call-form` by its former name.

    What laws of a later version say is judged as without a baseline.
    """
    path = place.folder / "old.jsonl"
    lines = gzip.decompress((baselines / "flips.jsonl.gz").read_bytes()).decode().splitlines()
    header = json.loads(lines[0]) | {"spec": "0123456789abcdef"}
    del header["oracles"]
    header["laws"] = [{key: it[key] for key in ("id", "statement", "source")} for it in header["laws"]]
    text = "\n".join([json.dumps(header), *lines[1:], ""])
    assert '"call-form"' in text
    path.write_text(text.replace('"call-form"', '"spelling"'))
    code, said = place.run(*FLIPS, NAMED, f"--baseline={path}")
    assert code == 0, said
    later = {law.id for law in all_laws() if law.version > 1}
    again = sum(json.loads(line).get("law") in later for line in lines)
    assert compared(said) == (len(lines) - 5 - again, 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--baseline=nowhere.jsonl"], "--baseline: "),
        (["--baseline=cut.jsonl.gz"], "found half a compressed file"),
        (["--baseline=cut.jsonl.gz", "--update-baseline"], "delete it and make it anew with convt run --baseline"),
        (["--update-baseline"], "--update-baseline: found no --baseline, accepted --baseline=FILE"),
        (
            ["--baseline=base.jsonl.gz", "--target=it", "--target=it#new", f"--environment=new={sys.executable}"],
            "--baseline: found several targets it, accepted each in one environment",
        ),
    ],
    ids=["missing", "cut", "cut and renewed", "nothing to renew", "two environments"],
)  # fmt: skip
def test_a_wrong_baseline_is_one_line_before_anything_starts(
    place: Place, baselines: Path, options: list[str], told: str
) -> None:
    whole = (baselines / "honest.jsonl.gz").read_bytes()
    (place.folder / "cut.jsonl.gz").write_bytes(whole[:-40])
    (place.folder / "base.jsonl.gz").write_bytes(whole)
    here = [word.replace("--baseline=", f"--baseline={place.folder}/") for word in options]
    code, text = place.run(*HONEST[:2], *here)
    assert code == 4
    [line] = [line for line in text.splitlines() if line.startswith("ERROR")]
    assert told in line
    assert "Traceback" not in text


def test_a_run_that_was_stopped_renews_nothing(tmp_path: Path) -> None:
    against = Against(tmp_path / "base.jsonl.gz", True, all_laws(), [])
    assert "run interrupted: baseline neither compared nor written" in against.lines[0]
    assert against.finish([], [], [], whole=False) == []
    assert "not written, for the run stopped before its end" in against.lines[0]
    assert not against.path.exists()
