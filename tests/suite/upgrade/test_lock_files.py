"""Lock files of every kind, as their own tools wrote them, and those that nobody should have written."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from convt.upgrade.locks.lock import Lock, LockError, exact_python, specifier
from convt.upgrade.locks.reading import OnDisk, environment, read_lock
from convt.upgrade.requirements import asked

LOCKS = Path(__file__).with_name("locks")
"""`old` and `new`: one project, by pip-compile, uv, Poetry, PDM and Pipenv, with few of the hashes left."""
KINDS = {
    "requirements.txt": ("requirements.txt", "==3.11.*", "3.11"),
    "requirements-uv.txt": ("requirements.txt", "==3.12.*", "3.12"),
    "uv.lock": ("uv.lock", ">=3.10,<3.15", ""),
    "poetry.lock": ("poetry.lock", ">=3.10,<3.15", ""),
    "pdm.lock": ("pdm.lock", ">=3.11,<3.15", ""),
    "pylock.toml": ("pylock.toml", ">=3.10,<3.15", ""),
    "pylock.pdm.toml": ("pylock.toml", ">=3.11,<3.15", ""),
    "Pipfile.lock": ("Pipfile.lock", "==3.11.*", "3.11"),
    "environment.yml": ("conda environment", "==3.11.13", "3.11.13"),
    "conda-lock.yml": ("conda-lock.yml", "==3.11.13", "3.11.13"),
}


def read(path: Path, python: str = "3.12.4") -> Lock:
    return read_lock(OnDisk(path), environment(python))


def text(folder: Path, content: str, name: str = "requirements.txt", python: str = "3.12.4") -> Lock:
    (folder / name).write_text(content)
    return read(folder / name, python)


def versions(lock: Lock) -> dict[str, str]:
    return {name: pin.told for name, pin in lock.pins.items()}


@pytest.fixture(autouse=True)
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("sys.platform", "linux")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("side", "onnxruntime", "numpy"), [("old", "1.23.1", "2.3.2"), ("new", "1.23.2", "2.3.4")])
def test_each_kind_says_versions_and_python(name: str, side: str, onnxruntime: str, numpy: str) -> None:
    found = read(LOCKS / side / name)
    assert (found.kind, found.python, found.exact_python) == KINDS[name]
    assert (found.pins["onnxruntime"].version, found.pins["numpy"].version) == (onnxruntime, numpy)
    assert "colorama" not in found.pins  # for Windows alone
    assert all(asked(pin.text).exact for pin in found.pins.values() if not pin.problem)


@pytest.mark.parametrize("name", KINDS)
def test_a_pin_knows_its_line(name: str) -> None:
    path = LOCKS / "new" / name
    pin = read(path).pins["onnxruntime"]
    assert "1.23.2" in path.read_text().splitlines()[pin.line - 1]
    assert pin.place == f"{path}:{pin.line}"


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pylock.toml"])
def test_of_several_versions_that_of_the_chosen_python_is_meant(name: str) -> None:
    assert read(LOCKS / "old" / name, "3.10.12").pins["numpy"].version == "2.2.6"
    assert read(LOCKS / "old" / name, "3.13.1").pins["numpy"].version == "2.3.2"


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_known_by_its_content_too(name: str, tmp_path: Path) -> None:
    renamed = text(tmp_path, (LOCKS / "old" / name).read_text(), "before")
    assert renamed.kind == KINDS[name][0]
    assert versions(renamed) == versions(read(LOCKS / "old" / name))


def test_extras_and_groups_count_behind_what_is_installed_by_default() -> None:
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.pdm.toml"):
        assert {"scipy", "attrs"} <= read(LOCKS / "old" / name).pins.keys(), name


REQUIREMENTS = """\
# a comment
--index-url https://mirror.example/simple
--extra-index-url=https://${TOKEN}@private.example/simple
-r more/base.txt   # included
-c limits.txt
Torch[opt-tree] == 2.7.1 ; python_version >= "3.12" \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
torch==2.2.2 ; python_version < "3.12"
tensorflow==2.19.0 ; sys_platform == "win32"
jax
keras @ git+https://github.com/keras-team/keras@abc123#egg=keras
-e .
-e git+https://github.com/x/y@1#egg=onnx
./dist/onnxruntime-1.24.1-cp311-cp311-linux_x86_64.whl
ml_dtypes>=0.4,<1
"""


def test_a_requirements_file_is_read_as_pip_does(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("numpy==2.1.3\n-r ../requirements.txt\n")
    (tmp_path / "limits.txt").write_text("jax==0.5.3\nscipy==1.15.3\nnumpy==2.1.3\n")
    found = text(tmp_path, REQUIREMENTS)
    assert versions(found) == {
        "numpy": "2.1.3", "torch": "2.7.1", "jax": "0.5.3", "onnx": "onnx @ git+https://github.com/x/y@1",
        "keras": "keras @ git+https://github.com/keras-team/keras@abc123#egg=keras", "ml-dtypes": "ml-dtypes<1,>=0.4",
        "onnxruntime": str(tmp_path / "dist" / "onnxruntime-1.24.1-cp311-cp311-linux_x86_64.whl"),
    }  # fmt: skip
    assert found.pins["torch"].line == 6
    assert found.pins["numpy"].place == f"{tmp_path}/more/base.txt:1"
    assert found.indexes == ("--extra-index-url=https://mirror.example/simple",)
    assert [note.split(": ")[1] for note in found.notes] == [
        "an index with a secret is left to you", ". names no package, and is not compared",
    ]  # fmt: skip
    assert read(tmp_path / "requirements.txt", "3.11.2").pins["torch"].told == "2.2.2"


def test_a_file_of_powershell_is_text_too(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("torch==2.7.1\r\nnumpy==2.1.3\r\n".encode("utf-16"))
    assert versions(read(tmp_path / "requirements.txt")) == {"torch": "2.7.1", "numpy": "2.1.3"}


UV_BUILDS = """\
version = 1
requires-python = "==3.12.*"

[[package]]
name = "proj"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [{dependencies}]

[package.optional-dependencies]
gpu = [{{ name = "torch", version = "{gpu}", source = {{ registry = "https://pypi.org/simple" }} }}]
cpu = [{{ name = "torch", version = "2.7.1+cpu", source = {{ registry = "https://download.pytorch.org/whl/cpu" }} }}]

[[package]]
name = "torch"
version = "{gpu}"
source = {{ registry = "https://pypi.org/simple" }}

[[package]]
name = "torch"
version = "2.7.1+cpu"
source = {{ registry = "https://download.pytorch.org/whl/cpu" }}

[[package]]
name = "keras"
version = "3.10.0"
source = {{ git = "https://github.com/keras-team/keras?rev=v3.10.0#0123456789abcdef" }}
"""


def test_of_builds_of_one_version_that_of_the_cpu_is_meant_and_its_index(tmp_path: Path) -> None:
    found = text(tmp_path, UV_BUILDS.format(gpu="2.7.1", dependencies='{ name = "keras" }'), "uv.lock")
    assert (found.pins["torch"].version, found.pins["torch"].line) == ("2.7.1+cpu", 21)
    assert found.pins["torch"].index == "https://download.pytorch.org/whl/cpu"
    assert found.pins["keras"].text == "keras @ git+https://github.com/keras-team/keras@0123456789abcdef"
    assert found.exact_python == "3.12"


def test_several_versions_for_one_platform_are_a_problem_unless_one_is_the_default(tmp_path: Path) -> None:
    found = text(tmp_path, UV_BUILDS.format(gpu="2.8.0", dependencies=""), "uv.lock")
    assert "several versions of torch for this platform: 2.8.0 (extra gpu), 2.7.1+cpu (extra cpu)" in (
        found.pins["torch"].problem
    )
    default = '{ name = "torch", version = "2.8.0", source = { registry = "https://pypi.org/simple" } }'
    assert text(tmp_path, UV_BUILDS.format(gpu="2.8.0", dependencies=default), "uv.lock").pins["torch"].told == "2.8.0"


def test_what_stands_elsewhere_than_an_index_is_said_as_an_address_or_a_problem(tmp_path: Path) -> None:
    metadata = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\n'
    git = '[package.source]\ntype = "git"\nurl = "https://x/k.git"\nreference = "main"\nresolved_reference = "ab"\n'
    package = '[[package]]\nname = "{}"\nversion = "1.0"\noptional = false\npython-versions = ">=3.9"\n'
    local = '[package.source]\ntype = "directory"\nurl = "../torch"\n'
    found = text(tmp_path, f"{package.format('keras')}{git}{package.format('torch')}{local}{metadata}", "poetry.lock")
    assert found.pins["keras"].text == "keras @ git+https://x/k.git@ab"
    assert "torch as a local path (../torch)" in found.pins["torch"].problem
    assert found.python == ">=3.11,<4"


CONDA = """\
dependencies:
  - python=3.12
  - pytorch=2.6
  - numpy>=1.26,<3
  - scipy
  - keras==3.10.0
  - ml_dtypes 0.5.1 py312_0
  - tzdata=2025b
  - odd>=1|<0.5
  - pip:
      - -r requirements.txt
"""


def test_conda_says_less_than_an_exact_version_where_it_does(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("jax==0.6.0\n")
    found = text(tmp_path, CONDA, "environment.yml")
    assert {name: pin.text for name, pin in found.pins.items()} == {
        "torch": "torch==2.6.*", "numpy": "numpy<3,>=1.26", "scipy": "scipy", "keras": "keras==3.10.0",
        "ml-dtypes": "ml-dtypes==0.5.1", "tzdata": "tzdata==2025b.*", "odd": "odd>=1|<0.5", "jax": "jax==0.6.0",
    }  # fmt: skip
    assert [name for name, pin in found.pins.items() if pin.version] == ["keras", "ml-dtypes", "jax"]
    assert [name for name, pin in found.pins.items() if not pin.constraint] == ["scipy", "tzdata", "odd"]
    assert (found.exact_python, found.pins["torch"].line) == ("3.12", 3)


BAD = {
    "broken TOML": ("uv.lock", "version = 1\n[[package]\n", "found no TOML"),
    "broken JSON": ("Pipfile.lock", '{"_meta": ', "found no JSON"),
    "broken YAML": ("environment.yml", "dependencies:\n  - [a\n", "environment.yml:3: found no YAML"),
    "other TOML": ("x.toml", "[tool]\na = 1\n", "found TOML of another kind"),
    "other JSON": ("package-lock.json", '{"name": "x"}', "found JSON of another kind"),
    "other YAML": ("ci.yml", "on: push\n", "found YAML of another kind"),
    "a program": ("setup.py", "import os\n", "found a file of another kind, accepted requirements.txt, uv.lock"),
    "a project": ("pyproject.toml", "[project]\nname = 'x'\n", "found a project, accepted its lock file"),
    "no text": ("requirements.txt", "torch\0", "found no text"),
    "conda's list": ("explicit.txt", "@EXPLICIT\nhttps://x/y.conda\n", "found conda's list of addresses"),
    "no requirement": ("requirements.txt", "numpy==2\ntorch=2.7\n", "requirements.txt:2: found 'torch=2.7'"),
    "no option": ("requirements.txt", "--frobnicate yes\n", "requirements.txt:1: found '--frobnicate yes'"),
    "a lone dash": ("requirements.txt", "-\n", "requirements.txt:1: found '-'"),
    "no such include": ("requirements.txt", "\n-r gone.txt\n", "requirements.txt:2: "),
    "no version": ("uv.lock", 'version = 1\n[[package]]\nname = "torch"\n', "found torch without a version"),
    "packages no list": ("uv.lock", "version = 1\npackage = 3\n", "found a [[package]] without a name"),
    "a list of numbers": ("uv.lock", "version = 1\npackage = [1]\n", "found a [[package]] without a name"),
    "a bad dependency": (
        "uv.lock",
        'version = 1\n[[package]]\nname = "p"\nversion = "1"\nsource = {virtual = "."}\ndependencies = [3]\n',
        "found a broken lock file",
    ),
    "no marker": (
        "poetry.lock",
        '[[package]]\nname = "torch"\nversion = "1"\nmarkers = "so what"\n[metadata]\nlock-version = "2.1"\n',
        "found the marker 'so what'",
    ),
    "no PEP 751": ("pylock.toml", 'lock-version = "1.0"\n', "found no lock of PEP 751"),
    "PEP 751 of tomorrow": (
        "pylock.toml", 'lock-version = "9.0"\ncreated-by = "x"\npackages = []\n', "found no lock of PEP 751",
    ),
    "an option for a name": (
        "poetry.lock",
        '[[package]]\nname = "-r/etc/passwd"\nversion = "1"\n[metadata]\nlock-version = "2.1"\n',
        "found '-r/etc/passwd', accepted the name of a package",
    ),
    "a line for a name": (
        "Pipfile.lock", '{"_meta": {}, "default": {"a\\n--pre": {"version": "==1"}}}', "accepted the name of a package",
    ),
    "other platforms": (
        "conda-lock.yml",
        "metadata: {}\npackage: [{name: a, version: 1, platform: win-64}]\n",
        "found packages for win-64, accepted some for linux-64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_lock_file_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    file, content, says = BAD[name]
    with pytest.raises(LockError) as caught:
        text(tmp_path, content, file)
    assert says in str(caught.value)
    assert str(tmp_path / file) in str(caught.value)


def test_what_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"uv.lock: cannot be read \(No such file or directory\)"):
        read(tmp_path / "uv.lock")
    with pytest.raises(LockError, match=r"cannot be read \(Is a directory\)"):
        read(tmp_path)


def test_a_version_can_put_no_line_into_a_constraints_file(tmp_path: Path) -> None:
    package = '[[package]]\nname = "torch"\nversion = "1\\n--index-url=https://evil"\n'
    pin = text(tmp_path, f'{package}[metadata]\nlock-version = "2.1"\n', "poetry.lock").pins["torch"]
    assert "accepted a version as PyPI has it" in pin.problem
    assert pin.constraint == ""


def test_an_empty_requirements_file_pins_nothing(tmp_path: Path) -> None:
    assert text(tmp_path, "").pins == {}


@pytest.mark.parametrize(
    ("said", "python", "exact"),
    [
        ("==3.12.*", "==3.12.*", "3.12"),
        (">=3.12,<3.13", ">=3.12,<3.13", "3.12"),
        ("3.12.4", "==3.12.4", "3.12.4"),
        ("~3.11", ">=3.11,<3.12", "3.11"),
        ("^3.11", ">=3.11,<4", ""),
        (">=3.10", ">=3.10", ""),
        (">=3.9,<4.0", ">=3.9,<4.0", ""),
        ("*", "", ""),
        (None, "", ""),
        ("3.8 || 3.9", "", ""),
    ],
)
def test_what_a_file_says_of_python_is_a_specifier(said: object, python: str, exact: str) -> None:
    assert (specifier(said), exact_python(specifier(said))) == (python, exact)
