"""What a call costs and warns of: seen in the target's process, carried to the host, told once in the run file."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from convt.adapter.backend import Outcome, Probe, pack_outcome, unpack_outcome
from convt.cases.case import Case
from convt.conv.settings import Settings
from convt.host.pool import Pool
from convt.host.registry import parse_target
from convt.host.watch import LONGEST, MOST, Watch, normal
from convt.laws.catalogue import all_laws
from convt.laws.law import PASS
from convt.results.records import Footer, TargetInfo, VerdictRecord
from convt.results.runfile import RunWriter, read_run
from convt.session.batch import LawVerdict
from convt.session.plan import Step
from convt.session.verdicts import Matched, said_once, verdict_record
from tests.suite.host import fakes
from tests.suite.host.fakes import probe
from tests.suite.results.synthetic_run import records

FAKES = fakes.backends(fakes.Warns, fakes.FusesAndWarns)
CASE = Case("line", Settings(input=(3,), kernel=(2,)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("at 0x7f00deadbeef in x", "at 0x in x"),
        ("/usr/lib/python3/site-packages/keras/layer.py:12 says", "layer.py says"),
        ("see https://keras.io/api/layers for more", "see https://keras.io/api/layers for more"),
        ("over\n  two   lines", "over two lines"),
        ("shape (1, 2)/(3, 4)", "shape (1, 2)/(3, 4)"),
        ("x" * 1000, "x" * LONGEST),
    ],
)
def test_a_warning_is_told_without_what_changes_from_run_to_run(text: str, told: str) -> None:
    assert normal(text) == told


def test_each_warning_of_a_call_is_kept_once_and_nothing_leaks_out() -> None:
    with warnings.catch_warnings(record=True) as outside:
        warnings.simplefilter("always")
        with Watch() as watch:
            for number in range(100):
                warnings.warn("old", DeprecationWarning, stacklevel=1)
                warnings.warn(f"number {number}", UserWarning, stacklevel=1)
    assert outside == []
    assert len(watch.warned) == MOST
    assert watch.warned[0] == "DeprecationWarning: old"
    assert watch.seconds > 0


def test_a_deprecation_is_heard_and_what_a_framework_silences_is_not(tmp_path: Path) -> None:
    (tmp_path / "framework.py").write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    code = f"""if True:
        import sys, warnings
        from convt.host.watch import Watch, filters, show_all
        first = filters()
        warnings.filterwarnings("ignore", message="known to its authors")
        show_all(first)
        sys.path.append({str(tmp_path)!r})
        with Watch() as watch:
            import framework
            warnings.warn("known to its authors")
        print(watch.warned)
    """
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('DeprecationWarning: old',)"


def test_seconds_and_warnings_come_with_the_outcome() -> None:
    with Pool([parse_target("warns", FAKES)], backends=FAKES) as pool:
        first, second = pool.submit("warns", [probe(1), probe(2)]).result(600)
        assert first.warnings == second.warnings == ("FutureWarning: this will change",)
        assert first.seconds > 0
        assert pool.seconds["warns"] == pytest.approx(first.seconds + second.seconds)


def test_a_fused_program_shares_its_seconds_and_tells_its_warnings_once() -> None:
    name = "fuses-and-warns"
    with Pool([parse_target(name, FAKES)], backends=FAKES) as pool:
        first, *rest = pool.submit(name, [probe(number) for number in range(4)]).result(600)
    assert first.warnings == ("FutureWarning: this will change",)
    assert all(outcome.warnings == () for outcome in rest)
    assert all(outcome.seconds == first.seconds > 0 for outcome in rest)


def test_an_outcome_travels_whole() -> None:
    sent = Outcome("value", np.ones(3), None, "", 0.25, ("UserWarning: so",))
    got = unpack_outcome(pack_outcome(sent))
    assert (got.kind, got.seconds, got.warnings, got.digest) == ("value", 0.25, ("UserWarning: so",), sent.digest)


def judged(*outcomes: Outcome, probes: tuple[Probe, ...] | None = None) -> dict[str, object]:
    """The record of a law that asked these."""
    data = CASE.data()
    asked = probes or tuple(Probe(CASE.settings, data.x, data.w, repeat=at) for at in range(len(outcomes)))
    names = [f"p{at}" for at in range(len(outcomes))]
    by_name = dict(zip(names, asked, strict=True))
    return verdict_record(
        Matched(LawVerdict(CASE, all_laws()[0], "x", PASS, by_name, dict(zip(names, outcomes, strict=True)), ""))
    )


def test_a_verdict_says_the_worst_outcome_and_the_form_of_the_cases_own_answer() -> None:
    value = Outcome("value", np.ones((1, 1, 4), np.float32), warnings=("UserWarning: so",))
    told = judged(value, Outcome("raised", reason="no", warnings=("UserWarning: so", "FutureWarning: then")))
    assert (told["outcome"], told["shape"], told["dtype"]) == ("raised", (1, 1, 4), "float32")
    assert told["warnings"] == ("FutureWarning: then", "UserWarning: so")
    other = Settings(input=(9,), kernel=(2,))
    elsewhere = judged(value, probes=(Probe(other, np.ones((1, 1, 9)), np.ones((1, 1, 2))),))
    assert (elsewhere["outcome"], elsewhere["shape"], elsewhere["dtype"]) == ("value", None, "")


def test_one_case_says_its_form_and_each_warning_once() -> None:
    value = Outcome("value", np.ones((1, 1, 4), np.float32), warnings=("UserWarning: so",))
    first, again = judged(value), judged(value)
    other = judged(value) | {"case": "other"}
    said_once([first, again, other])
    assert (first["shape"], first["warnings"]) == ((1, 1, 4), ("UserWarning: so",))
    assert (again["shape"], again["dtype"], again["warnings"]) == (None, "", ())
    assert (other["shape"], other["warnings"]) == ((1, 1, 4), ("UserWarning: so",))


def test_a_run_file_carries_them_and_leaves_out_what_says_nothing(tmp_path: Path) -> None:
    header, *rest = records()
    told = [record for record in rest if isinstance(record, VerdictRecord)]
    full = VerdictRecord(
        told[0].case,
        told[0].law,
        told[0].target,
        "pass",
        outcome="value",
        shape=(1, 2),
        dtype="float64",
        warnings=("W: w",),
    )
    with RunWriter(tmp_path / "run.jsonl") as writer:
        for record in [header, *(record for record in rest if record is not told[0]), full]:
            writer.write(record)
        writer.finish(1.0, 0, {told[0].target: 0.5})
    run = read_run(tmp_path / "run.jsonl")
    assert full in run.verdicts
    assert run.footer.target_seconds == {told[0].target: 0.5}
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    plain = next(
        line for line in lines if line["kind"] == "verdict" and line["case"] != full.case and line["verdict"] == "pass"
    )
    assert not {"known", "message", "shape", "warnings"} & set(plain)


def test_files_without_these_fields_are_read(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.jsonl") as writer:
        for record in records():
            writer.write(record)
        writer.finish(1.0, 0)
    text = (tmp_path / "run.jsonl").read_text().replace(',"target_seconds":{}', "").replace(',"environment":""', "")
    assert "target_seconds" not in text
    (tmp_path / "old.jsonl").write_text(text)
    run = read_run(tmp_path / "old.jsonl")
    assert run.footer == Footer(run.footer.verdicts, run.footer.cases, 1.0, 0, {})
    assert run.verdicts[0].outcome == ""
    assert isinstance(run.header.targets[0], TargetInfo)


def test_two_versions_are_no_peers_of_each_other() -> None:
    step = Step([])
    for target in ("keras-torch#before", "keras-torch#after", "keras-jax#before", "pytorch"):
        step.add(target, CASE)
    assert step.peers(CASE, "keras-torch#before") == ["keras-jax#before"]
    assert step.peers(CASE, "keras-torch#after") == []
