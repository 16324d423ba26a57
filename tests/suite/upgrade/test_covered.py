"""What is too old for a target, and what the host lacks for it, is refused before anything is built."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.specifiers import SpecifierSet

from convt.host.registry import built_in
from convt.upgrade import covered as module
from convt.upgrade.covered import covered, extras
from convt.upgrade.requirements import NoRequirement

FLOORS = {"tensorflow": SpecifierSet(">=2.16"), "onnxruntime": SpecifierSet(">=1.14"), "onnx": SpecifierSet(">=1.16")}
ORT = built_in()["onnxruntime"]


def refused(text: str, target: str) -> str:
    with pytest.raises(NoRequirement) as caught:
        covered([text], [built_in()[target]], FLOORS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        ("onnxruntime==1.13.1", "onnxruntime", "found onnxruntime 1.13.1, accepted onnxruntime>=1.14"),
        ("ort-nightly==1.13.0.dev20221017001", "onnxruntime", "accepted ort-nightly>=1.14"),
        ("tensorflow-cpu==2.15.1", "keras-tensorflow", "found tensorflow-cpu 2.15.1, accepted tensorflow-cpu>=2.16"),
        ("/a/tensorflow-2.3.0-py3-none-any.whl", "tensorflow", "found tensorflow 2.3.0, accepted tensorflow>=2.16"),
    ],
)
def test_a_release_older_than_what_is_covered_is_refused(text: str, target: str, says: str) -> None:
    assert says in refused(text, target)


@pytest.mark.parametrize("text", ["tensorflow==2.16.0rc0", "tensorflow>=2", "tensorflow", "jax==0.1", "tensorflow==3"])
def test_what_is_covered_or_left_open_or_of_another_target_is_not(text: str) -> None:
    covered([text], [built_in()["tensorflow"]], FLOORS)


def test_what_the_extras_of_convt_name_is_what_is_covered() -> None:
    assert {"torch", "tensorflow", "keras", "jax", "onnxruntime", "onnx"} <= set(extras())
    assert extras("no-such-package") == {}


def test_a_host_without_what_prepares_models_is_told_to_install_it_there() -> None:
    lacking = replace(ORT, host_packages=("no_such_module",))
    with pytest.raises(NoRequirement) as caught:
        covered(["onnxruntime==1.30.0"], [lacking], FLOORS)
    assert str(caught.value) == (
        "no_such_module is not installed where the run itself runs, which needs it: "
        "pip install 'convt[onnxruntime]' there"
    )


def test_a_host_whose_onnx_writes_too_old_models_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: "1.5.0")
    monkeypatch.setattr(module, "absent", lambda entry: None)
    with pytest.raises(
        NoRequirement, match=r"found onnx 1\.5\.0 where the run itself runs, accepted onnx>=1\.16: pip "
    ):
        covered(["onnxruntime==1.30.0"], [ORT], FLOORS)
