"""What the host adds to probes on their way, and what becomes of them where it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from convt.adapter.backend import Probe, pack_probe, unpack_probe
from convt.adapter.form import Form
from convt.host import preparing
from convt.host.pool import NoScript, Pool
from convt.host.preparing import Preparer
from convt.host.registry import parse_target
from tests.suite.host import prepared
from tests.suite.host.fakes import probe

NAME = prepared.AnswersWithPrepared.name


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    entries = {NAME: prepared.entry()}
    with Pool([parse_target(NAME, entries)], backends=entries) as started:
        yield started


def asked(settings_kernel: int = 2, **changes: Any) -> Probe:
    return replace(probe(kernel=settings_kernel), **changes)


def test_what_the_host_prepares_comes_with_the_probe(pool: Pool) -> None:
    outcomes = pool.submit(NAME, [asked(2), asked(3), asked(3, call_form=1)]).result(600)
    assert [outcome.value.tolist() for outcome in outcomes if outcome.value is not None] == [
        [2, 0, 4], [3, 0, 4], [3, 1, 4],
    ]  # fmt: skip


def test_an_abstract_evaluation_has_it_too(pool: Pool) -> None:
    [outcome] = pool.submit(NAME, [asked(5, want="shape")]).result(600)
    assert outcome.shape == (5, 0, 4)


def test_a_spelling_past_the_last_is_prepared_as_the_one_that_it_means(pool: Pool) -> None:
    outcomes = pool.submit(NAME, [asked(call_form=1), asked(call_form=4)]).result(600)
    assert [outcome.value.tolist() for outcome in outcomes if outcome.value is not None] == [[2, 1, 4], [2, 1, 4]]


def test_a_script_is_given_it(pool: Pool) -> None:
    assert (
        pool.script(NAME, Form(probe().settings, call_form=1)).text == "y = np.float32([2, 1, 4])  # value eager 1.2.3"
    )


def test_what_cannot_be_prepared_did_not_run_and_harms_no_other(pool: Pool) -> None:
    outcomes = pool.submit(NAME, [asked(2), asked(prepared.UNPREPARABLE), asked(4)]).result(600)
    assert [outcome.kind for outcome in outcomes] == ["value", "not-run", "value"]
    assert outcomes[1].reason == "the host cannot prepare this probe: ValueError: no model has so many taps"
    with pytest.raises(NoScript, match="the host cannot prepare it: ValueError: no model has so many taps"):
        pool.script(NAME, Form.of(asked(prepared.UNPREPARABLE)))


def test_a_package_that_the_host_lacks_makes_the_target_missing() -> None:
    entries = {NAME: prepared.entry(host_packages=("numpy", "package_that_nobody_has"))}
    with Pool([parse_target(NAME, entries)], backends=entries) as pool:
        info = pool.infos[NAME]
        assert info.missing == "package_that_nobody_has is not installed where the run itself runs, which needs it"
        assert info.failed is None
        [outcome] = pool.submit(NAME, [asked()]).result(600)
        assert (outcome.kind, outcome.reason) == ("not-run", info.missing)


def test_a_form_is_prepared_once_however_many_numbers_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Form] = []

    def prepare(form: Form, mode: str, versions: Mapping[str, str]) -> int:
        heard.append(form)
        return len(heard)

    monkeypatch.setattr(prepared, "prepare", prepare)
    preparer = Preparer(prepared.entry(), "eager", {}, 2)
    assert [preparer.of(probe(number)) for number in (1, 2, 3)] == [1, 1, 1]
    assert preparer.of(asked(call_form=1)) == preparer.of(asked(call_form=2)) == 2
    assert preparer.of(asked(want="shape")) == 3
    assert preparer.of(replace(probe(), x=probe().x.astype("float64"))) == 4
    assert [(form.want, form.call_form, form.dtype) for form in heard] == [
        ("value", 0, "float32"), ("value", 1, "float32"), ("shape", 0, "float32"), ("value", 0, "float64"),
    ]  # fmt: skip


def test_what_is_said_instead_makes_another_form(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Form] = []

    def prepare(form: Form, mode: str, versions: Mapping[str, str]) -> int:
        heard.append(form)
        return len(heard)

    monkeypatch.setattr(prepared, "prepare", prepare)
    preparer = Preparer(prepared.entry(), "eager", {}, 1)
    assert [preparer.of(asked(invalid=raw)) for raw in ({"stride": 0}, {"stride": 1}, {"stride": 0}, {})] == [
        1,
        2,
        1,
        3,
    ]
    assert preparer.of(replace(asked(invalid={}), w=probe().w[0])) == 4
    assert preparer.of(asked()) == 5
    assert (heard[0].invalid, heard[4].invalid, heard[4].arrays) == ({"stride": 0}, None, ())
    (x, _, x_dtype), (w, w_shape, _) = heard[3].arrays
    assert (x, x_dtype, w, w_shape) == ("x", "float32", "w", probe().w[0].shape)


def test_only_the_last_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "LIMIT", 2)
    preparer = Preparer(prepared.entry(), "eager", {"fake": "1"}, 2)
    first = preparer.of(asked(2))
    assert preparer.of(asked(2)) is first
    preparer.of(asked(3))
    preparer.of(asked(4))
    assert preparer.of(asked(2)) is not first


def test_a_spelling_of_a_backend_that_has_one_is_not_prepared() -> None:
    assert Preparer(prepared.entry(), "eager", {"fake": "1"}, 1).of(asked(call_form=1)) is None


def test_what_was_prepared_travels_and_makes_no_other_probe() -> None:
    sent = replace(probe(), prepared=(b"head", "w", b"tail"))
    came = unpack_probe(pack_probe(sent))
    assert came.prepared == sent.prepared
    assert came.key == sent.key == probe().key
