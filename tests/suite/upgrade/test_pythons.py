"""Interpreters: found wherever they are installed, of fake programs that say which Python they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from convt.upgrade.pythons import NoPython, Python, everywhere, find

Programs = list[tuple[Path, bool]]


def fake(path: Path, version: str, cannot: str = "", implementation: str = "CPython") -> Path:
    """A program that says of itself that it is this Python."""
    lines = [f"PYTHON {path}", f"PYTHON {version}", f"PYTHON {implementation}", f"PYTHON {cannot}"]
    return script(path, *(f'echo "{line}"' for line in lines))


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on PATH, so that neither this machine's uv nor its Pythons are asked."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


def test_a_shim_that_ends_with_an_error_is_passed_over(tmp_path: Path) -> None:
    shim = script(tmp_path / "shims" / "python3.12", "echo 'pyenv: python3.12: command not found'", "exit 127")
    kept = fake(tmp_path / "versions" / "3.12.1" / "bin" / "python3.12", "3.12.1")
    assert find("3.12", programs=[(shim, True), (kept, False)]) == Python(str(kept), str(kept), "3.12.1")


def test_one_on_path_comes_before_a_newer_one_elsewhere_and_of_those_the_newest(tmp_path: Path) -> None:
    older, newer = (fake(tmp_path / f"3.12.{n}" / "python3.12", f"3.12.{n}") for n in (1, 9))
    on_path = fake(tmp_path / "on" / "python3.12", "3.12.0")
    assert find("3.12", programs=[(on_path, True), (older, False), (newer, False)]).version == "3.12.0"
    assert find("3.12", programs=[(older, False), (newer, False)]).version == "3.12.9"
    assert find("3.12.1", programs=[(on_path, True), (older, False), (newer, False)]).version == "3.12.1"


@pytest.mark.parametrize("text", ["3.12", "python3.12", "cpython3.12"])
def test_3_1_is_not_3_12(tmp_path: Path, text: str) -> None:
    other, right = fake(tmp_path / "a" / "python3", "3.1.2"), fake(tmp_path / "b" / "python3", "3.12.0rc1")
    assert find(text, programs=[(other, True), (right, True)]).program == str(right)


@pytest.mark.parametrize(
    ("cannot", "implementation", "why"),
    [
        ("it makes no virtual environments: No module named 'ensurepip'", "CPython", "No module named 'ensurepip'"),
        ("", "PyPy", "it is PyPy"),
        ("", "CPythont", "it is without the lock, for which few wheels are made"),
    ],
)
def test_one_that_makes_no_environment_is_passed_over_with_the_reason(
    tmp_path: Path, cannot: str, implementation: str, why: str
) -> None:
    bad = fake(tmp_path / "bad" / "python3.12", "3.12.2", cannot, implementation)
    good = fake(tmp_path / "good" / "python3.12", "3.12.1")
    assert find("3.12", programs=[(bad, True), (good, False)]).program == str(good)
    with pytest.raises(NoPython) as caught:
        find("3.12", programs=[(bad, True)])
    assert f"passed over: {bad} (" in str(caught.value)
    assert why in str(caught.value)


def test_where_there_is_none_it_says_which_there_are_where_and_what_to_do(tmp_path: Path) -> None:
    kept = [fake(tmp_path / v / "bin" / "python3", v) for v in ("3.9.1", "3.11.7", "3.13.0")]
    shim = script(tmp_path / "shims" / "python3.12", "echo 'pyenv: python3.12: command not found' >&2", "exit 127")
    with pytest.raises(NoPython) as caught:
        find("3.12", programs=[(path, False) for path in [shim, *kept]])
    assert str(caught.value).splitlines() == [
        "found no Python 3.12 that makes environments",
        f"  passed over: {shim} (pyenv: python3.12: command not found)",
        f"  found here: 3.13.0 ({kept[2]}), 3.11.7 ({kept[1]})",
        "  name one of these, or its path; or install 3.12: uv python install 3.12, or pyenv install 3.12",
    ]


@pytest.mark.parametrize("text", ["3.9", "2.7", "2", "3.9.18", "python3.8"])
def test_one_too_old_for_a_targets_process_is_refused_before_it_is_looked_for(text: str) -> None:
    with pytest.raises(NoPython, match=r"accepted Python 3\.10 or newer, which a target's process needs"):
        find(text, programs=[(Path("/nowhere"), True)])


def test_a_program_is_refused_for_its_own_reason(tmp_path: Path) -> None:
    for path, says in [
        (fake(tmp_path / "old", "3.9.1"), "accepted Python 3.10 or newer"),
        (fake(tmp_path / "bare", "3.12.1", "it makes no virtual environments"), "install its venv module"),
        (script(tmp_path / "other", "echo hello"), "it is no Python: asked for its version it printed hello"),
        (script(tmp_path / "ends", "exit 3"), "it ends with an error and says nothing"),
        (tmp_path / "nowhere", "found no Python"),
    ]:
        with pytest.raises(NoPython) as caught:
            find(str(path))
        assert says in str(caught.value)


def test_nothing_said_is_this_processs_own() -> None:
    found = find(None)
    assert found.program == sys.executable
    assert found.version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")


def test_path_pyenv_and_uv_are_looked_into(tmp_path: Path, no_uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    placed = {
        fake(no_uv / "python3.12", "3.12.1"): True,
        fake(tmp_path / "pyenv" / "versions" / "3.13.0" / "bin" / "python3.13", "3.13.0"): False,
        fake(tmp_path / "uv" / "cpython-3.14.1-linux-x86_64-gnu" / "bin" / "python3", "3.14.1"): False,
    }
    found = dict(everywhere())
    assert {path: found.get(path) for path in placed} == placed
    assert os.path.realpath(next(iter(everywhere()))[0]) == os.path.realpath(sys.executable)


def test_uv_fetches_one_where_there_is_none_and_that_is_said(tmp_path: Path, no_uv: Path) -> None:
    python = tmp_path / "kept" / "python3.15"
    said = [f"PYTHON {text}" for text in (python, "3.15.0", "CPython", "")]
    make = [f"mkdir -p {python.parent}", f"printf '#!/bin/sh\\n' > {python}"]
    make += [f"echo \"echo '{line}'\" >> {python}" for line in said] + [f"chmod +x {python}"]
    both = [
        f'if [ "$2" = install ]; then\n{chr(10).join(make)}\nelse echo {python}; fi',
        f'echo "$@" >> {tmp_path}/asked',
    ]
    script(no_uv / "uv", *both)
    told: list[str] = []
    nothing = [(tmp_path / "nowhere" / "python3", False)]
    assert find("3.15", told.append, nothing) == Python(str(python), str(python), "3.15.0")
    assert told == ["no Python 3.15 is found here: uv installs one"]
    assert (tmp_path / "asked").read_text().splitlines() == ["python install 3.15", "python find --system 3.15"]


def test_where_uv_cannot_fetch_it_its_reason_is_told(tmp_path: Path, no_uv: Path) -> None:
    script(no_uv / "uv", "echo 'error: Failed to install cpython-3.15'", "exit 1")
    with pytest.raises(
        NoPython, match=r"passed over: uv python install 3\.15 \(error: Failed to install cpython-3\.15\)"
    ):
        find("3.15", programs=[(tmp_path / "nowhere" / "python3", False)])
