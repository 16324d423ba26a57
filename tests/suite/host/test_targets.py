"""Names of targets, as people type and read them, and the registry behind them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from convt.host.registry import Entry, built_in, kebab, parse_target, register_external
from convt.results.targets import Target, TargetError, TargetInfo, plain

ROOT = Path(__file__).parents[3]
OTHER_CUTS = r"line\.split|lstrip|(address|url), _, |urlsplit"
"""Comments of requirements, and addresses."""


class _Two(Entry):
    """An entry whose modes are known without its module."""

    def modes(self) -> tuple[str, ...]:
        return ("eager", "compile")


KNOWN = {"pytorch": _Two("x:Y"), "keras-jax": _Two("x:Y"), "outside": Entry("some.where:Outside", root="/")}


@pytest.mark.parametrize(
    ("text", "target", "name"),
    [
        ("pytorch", Target("pytorch", "eager"), "pytorch"),
        ("pytorch/eager", Target("pytorch", "eager"), "pytorch"),
        ("pytorch/eager@cpu", Target("pytorch", "eager"), "pytorch"),
        ("pytorch/compile", Target("pytorch", "compile"), "pytorch/compile"),
        ("pytorch@cuda:1", Target("pytorch", "eager", "cuda:1"), "pytorch@cuda:1"),
        ("pytorch#before", Target("pytorch", "eager", "cpu", "before"), "pytorch#before"),
        ("keras-jax/compile@tpu#3.15", Target("keras-jax", "compile", "tpu", "3.15"), "keras-jax/compile@tpu#3.15"),
        ("outside", Target("outside", ""), "outside"),
        ("outside/any@npu", Target("outside", "any", "npu"), "outside/any@npu"),
        (" pytorch ", Target("pytorch", "eager"), "pytorch"),
    ],
)
def test_a_text_names_a_target_and_the_target_names_itself(text: str, target: Target, name: str) -> None:
    parsed = parse_target(text, KNOWN)
    assert parsed == target
    assert parsed.name == name
    assert parse_target(parsed.name, KNOWN) == parsed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pytroch", "backend: found 'pytroch', accepted pytorch, keras-jax, outside; near: pytorch"),
        ("keras", "backend: found 'keras', accepted pytorch, keras-jax, outside; near: keras-jax"),
        ("pytorch/compiled", "mode of pytorch: found 'compiled', accepted eager, compile; near: compile"),
        ("pytorch@cudaa", "device: found 'cudaa', accepted cpu, cuda, mps, tpu, xpu; near: cuda"),
        ("zzz", "backend: found 'zzz', accepted pytorch, keras-jax, outside"),
    ],
)
def test_an_unknown_part_is_refused_with_what_is_accepted_and_near(text: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text, KNOWN)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text", ["", "/eager", "pytorch/", "pytorch@", "pytorch#", "py torch", "pytorch@cuda:x", "Torch"]
)
def test_a_text_of_another_form_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(TargetError, match=r"target: found .*, accepted backend\[/mode\]\[@device\]\[#environment\]"):
        parse_target(text, KNOWN)


@pytest.mark.parametrize(
    ("name", "parts", "plain_name"),
    [
        ("pytorch", Target("pytorch"), "pytorch"),
        ("jax/eager", Target("jax", "eager"), "jax/eager"),
        ("keras-torch@cuda:1#after", Target("keras-torch", "", "cuda:1", "after"), "keras-torch@cuda:1"),
        ("keras-jax/compile@tpu#3.15", Target("keras-jax", "compile", "tpu", "3.15"), "keras-jax/compile@tpu"),
    ],
)
def test_a_name_is_taken_apart_without_the_registry(name: str, parts: Target, plain_name: str) -> None:
    assert Target.of(name) == parts
    assert Target.of(name).name == name
    assert plain(name) == plain_name


def test_no_other_module_takes_a_targets_name_apart() -> None:
    """A name is cut at `#`, `@` or `/` in one place."""
    cuts = re.compile(r"""(?:partition|split)\(\s*r?["'](?:#|@|/|\[/@#\])["']""")
    assert all(map(cuts.search, ('name.partition("#")[2]', 're.split("[/@#]", name)', 'name.split("@")[0]'))), (
        "it finds"
    )
    folders = ("src/convt", "tests/laws", "backends")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    wrong = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        if path != ROOT / "src/convt/results/targets.py"
        for line in path.read_text().splitlines()
        if cuts.search(line) and not re.search(OTHER_CUTS, line)
    }
    assert not wrong


def test_parts_of_an_error_can_be_read_apart() -> None:
    with pytest.raises(TargetError) as caught:
        parse_target("pytroch", KNOWN)
    assert (caught.value.field, caught.value.found, caught.value.near) == ("backend", "pytroch", ("pytorch",))
    assert caught.value.accepted == tuple(KNOWN)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("MyBackend", "my-backend"),
        ("ONNXRuntime", "onnx-runtime"),
        ("NumpyConvolve", "numpy-convolve"),
        ("crashes_on_marked", "crashes-on-marked"),
        ("_Hidden", "hidden"),
        ("X", "x"),
    ],
)
def test_a_class_names_its_target(cls: str, name: str) -> None:
    assert kebab(cls) == name
    assert register_external(f"package.module:{cls}")[0] == name
    assert parse_target(name, {name: Entry("x:Y", root="/")}).name == name


def test_a_backend_from_outside_is_registered_without_an_import() -> None:
    name, entry = register_external("no.such.package:MyBackend", root="/somewhere")
    assert (name, entry) == ("my-backend", Entry("no.such.package:MyBackend", root="/somewhere"))
    assert entry.modes() == ()
    assert parse_target("my-backend/any", dict(built_in()) | {name: entry}).name == "my-backend/any"


def test_a_backend_from_outside_takes_a_name_of_its_own() -> None:
    assert register_external("mine=package.module:PyTorch")[0] == "mine"


@pytest.mark.parametrize(
    "text", ["package.module", "package.module:", ":Class", "a b:C", "Name=package:Class", "p:C:D"]
)
def test_a_path_of_another_form_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(TargetError, match=r"accepted package\.module:Class or name=package\.module:Class"):
        register_external(text)


def test_a_backend_from_outside_cannot_take_a_name_that_is_taken() -> None:
    with pytest.raises(TargetError, match=r"accepted another-name=package\.module:Jax"):
        register_external("package.module:Jax")


def test_keras_has_one_target_a_backend() -> None:
    chosen = {name: entry.env["KERAS_BACKEND"] for name, entry in built_in().items() if name.startswith("keras-")}
    assert chosen == {f"keras-{backend}": backend for backend in ("tensorflow", "jax", "torch")}


def test_asking_the_registry_for_modes_imports_no_framework() -> None:
    code = (
        "import sys; from convt.host.registry import built_in; modes = {n: e.modes() for n, e in built_in().items()};"
        "packages = {p for e in built_in().values() for p in e.packages};"
        "assert all(modes.values()), modes; assert not packages & set(sys.modules), packages & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_target_that_is_missing_or_failed_does_not_run() -> None:
    info = TargetInfo("pytorch", "pytorch", "eager", "cpu")
    assert info.runs
    assert not TargetInfo("pytorch", "pytorch", "eager", "cpu", missing="torch is not installed").runs
    assert not TargetInfo("pytorch", "pytorch", "eager", "cpu", failed="did not start").runs
