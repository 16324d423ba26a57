"""The package as its users meet it: what a wheel puts where, what importing it loads, how it runs without a clone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PUBLIC = ("Backend", "Case", "Law", "Options", "Outcome", "Probe", "Session", "Settings", "compare")
FOREIGN = ("torch", "tensorflow", "jax", "keras", "onnx", "onnxruntime", "pytest", "hypothesis")
"""What importing the public names loads none of."""


def python(code: str, *options: str, cwd: Path = ROOT) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an sdist, and the wheel that is built of it."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


def names(wheel: Path) -> list[str]:
    return zipfile.ZipFile(wheel).namelist()


def test_a_wheel_puts_convt_and_its_dist_info_into_site_packages_and_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    version = wheel.name.split("-")[1]
    assert tops == {"convt", f"convt-{version}.dist-info"}


def test_a_wheel_brings_the_content_that_git_tracks_and_no_cache(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "backends", "specs", "tests/laws", "reports/templates", "reports/history"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    packed = {name.removeprefix("convt/_content/") for name in names(wheel) if name.startswith("convt/_content/")}
    own = {"tests/__init__.py", "tests/test_cases.py", "tests/test_generated.py", "constraints.txt"}
    assert packed == {*listed, *own}
    assert "convt/py.typed" in names(wheel)
    assert not [name for name in names(wheel) if "__pycache__" in name or "/suite/" in name]


def test_an_sdist_builds_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--wheel",
        "--outdir",
        str(tmp_path / "again"),
        str(unpacked),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [again] = (tmp_path / "again").glob("*.whl")
    assert sorted(names(again)) == sorted(names(wheel))


def test_an_installation_without_a_clone_runs(wheel: Path, tmp_path: Path) -> None:
    """A virtual environment that sees the host's requirements, and convt from the wheel alone."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:  # our own, made just now
        archive.extractall(packages)  # noqa: S202
    host = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "host.pth").write_text("\n".join(host) + "\n")
    interpreter = folder / "bin" / "python"
    where = "import convt, convt.content; print(convt.__file__, convt.content.PACKED)"
    found = subprocess.run([interpreter, "-I", "-c", where], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert str(packages) in found.stdout
    assert "True" in found.stdout
    backend = f"numpy-convolve={'numpy_backend'}:NumpyConvolve"
    (tmp_path / "numpy_backend.py").write_text((ROOT / "docs" / "examples" / "numpy_backend.py").read_text())
    words = ["run", "numpy-convolve", "--backend", backend, "-k", "full-line or k3", "--law", "value"]
    done = subprocess.run(
        [interpreter, "-m", "convt", *words], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert (tmp_path / "convt-out" / "run.jsonl").is_file(), done.stdout + done.stderr
    assert (tmp_path / "convt-out" / "index.html").is_file()
    checked = subprocess.run(
        [interpreter, "-m", "convt", "check"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert checked.returncode == 0, checked.stdout


def test_the_public_names_load_no_framework_no_pytest_and_no_hypothesis() -> None:
    code = f"import sys; from convt import {', '.join(PUBLIC)}; print(sorted(set({FOREIGN!r}) & set(sys.modules)))"
    assert python(code) == "[]"


def test_every_public_name_is_there_and_an_unknown_one_names_them() -> None:
    import convt

    assert all(hasattr(convt, name) for name in PUBLIC)
    with pytest.raises(AttributeError, match="it has Backend, Case"):
        convt.Bakcend  # noqa: B018


def test_importing_the_package_loads_nothing_but_itself() -> None:
    code = "import sys; import convt; print([name for name in sys.modules if name.startswith(('convt', 'numpy'))])"
    assert python(code) == "['convt']"


@pytest.mark.parametrize("hidden", [("fcntl",), ("fcntl", "pwd", "grp", "resource", "termios")], ids=len)
def test_it_starts_where_unix_modules_are_not_there(hidden: tuple[str, ...]) -> None:
    code = (
        f"import sys, os; sys.modules.update(dict.fromkeys({hidden!r})); del os.getuid;"
        "import convt.cli, convt.pytest_plugin, convt.session.session, convt.upgrade.environments, convt.host.worker;"
        "convt.cli.parser(); print('started')"
    )
    assert python(code) == "started"


def test_that_a_module_is_hidden_would_show() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['fcntl'] = None; import fcntl"],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
