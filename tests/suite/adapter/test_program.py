"""A program's source is compiled once, is what runs, and is what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from convt.adapter import program as programs
from convt.adapter.backend import Backend, Form, Probe, Program, Unsupported
from convt.adapter.layouts import in_memory
from convt.conv.data import exact
from convt.conv.oracles import scatter
from convt.conv.settings import Settings
from tests.suite.adapter import adapters

IT = Settings(input=(4,), kernel=(3,), bias=True)
SOURCE = "def convolve(x, w, b):\n    return np.stack([[np.convolve(x[0, 0], w[0, 0]) + b[0]]])\n"


class Full(Backend):
    """numpy's convolution of one channel, as a program."""

    name = "full"
    lays_out = True
    source = SOURCE

    def versions(self) -> dict[str, str]:
        return {"numpy": np.__version__}

    def program(self, form: Form, prepared: Any = None) -> Program:
        return Program(self.source, "convolve", tuple(form.dtypes), "np.convolve(x, w)")


class Cropped(Full):
    """A text that is another call than the one that it should be."""

    source = SOURCE.replace("w[0, 0])", 'w[0, 0], "same")')


class Writes(Full):
    source = SOURCE.replace("    return", "    x[...] = 0\n    return")


class Calls(Full):
    """An adapter that makes a call of its own beside its program."""

    def call(self, probe: Probe) -> np.ndarray:
        return super().call(probe) + 1


def probe(**changes: Any) -> Probe:
    data = exact(IT)
    return Probe(IT, data.x, data.w, data.b, **changes)


def never(settings: Settings, outcome: object) -> bool:
    return False


def test_what_runs_is_the_source_and_the_source_is_what_is_shown() -> None:
    adapter, asked = Full("eager", "cpu"), probe()
    np.testing.assert_array_equal(adapter.run(asked).value, scatter(IT, asked.x, asked.w, asked.b))
    shown = adapter.script_of(Form.of(asked))
    assert shown.text == f"{SOURCE}\n\ny = convolve(x, w, b)\n"
    assert shown.call == "np.convolve(x, w)"
    assert adapters.drifting_scripts(adapter, [IT], never) == ([], 1)


def test_another_source_gives_another_answer() -> None:
    assert adapters.wrong_answers(Full("eager", "cpu"), [IT], never) == []
    assert len(adapters.wrong_answers(Cropped("eager", "cpu"), [IT], never)) == 1


def test_a_call_beside_the_program_drifts_from_what_is_shown() -> None:
    drifting, ran = adapters.drifting_scripts(Calls("eager", "cpu"), [IT], never)
    assert (len(drifting), ran) == (1, 1)


def test_a_source_is_compiled_once_and_the_last_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "KEPT", 2)
    compiler = programs.Compiler("")
    sources = [f"def y():\n    return {number}\n" for number in range(3)]
    first, second, third = (Program(source, "y", ()) for source in sources)
    entry = compiler.entry(first)
    assert compiler.entry(first) is entry
    assert [compiler.entry(each)() for each in (second, first, third)] == [1, 0, 2]
    assert compiler.entry(first) is entry
    assert [source for _, source in compiler._held] == [sources[2], sources[0]]


def test_what_stands_above_sources_is_run_once_for_all_of_them_and_shown_with_each() -> None:
    above = "made = []\n"
    compiler = programs.Compiler("")
    sources = [f"def y():\n    made.append({number})\n    return list(made)\n" for number in range(2)]
    first, second = (Program(source, "y", (), above=above) for source in sources)
    alone = Program(sources[0], "y", (), above=f"{above}\n")
    assert [compiler.entry(each)() for each in (first, second, alone)] == [[0], [0, 1], [0]]
    assert second.script == f"{above}\n\n{sources[1]}\n\ny = y()\n"


def test_what_raises_above_a_source_raises_each_time() -> None:
    compiler = programs.Compiler("")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            compiler.entry(Program("def y():\n    return 1\n", "y", (), above="1 / 0\n"))


def test_a_program_is_made_once_for_probes_of_one_form() -> None:
    heard: list[Form] = []

    class Counted(Full):
        def program(self, form: Form, prepared: Any = None) -> Program:
            heard.append(form)
            return super().program(form)

    adapter = Counted("eager", "cpu")
    for dtype in ("float32", "float64", "float32"):
        data = exact(IT, dtype=dtype)
        assert adapter.run(Probe(IT, data.x, data.w, data.b)).value is not None
    assert [form.dtype for form in heard] == ["float32", "float64"]


def test_what_is_made_once_is_made_anew_for_arrays_of_another_form() -> None:
    counted = "made = []\n\ndef exported(x):\n    made.append(x.shape)\n    return len(made)\n"
    source = f"{counted}\n\ndef y(x):\n    return exported(x)\n"
    compiler, program = programs.Compiler(""), Program(source, "y", ("x",), made="exported")
    wide = np.zeros((2, 4))
    arrays: Sequence[np.ndarray] = (wide, wide + 1, wide[:, ::2], wide[:, :2], wide.astype("float32"), wide)
    assert [compiler.entry(program)(array) for array in arrays] == [1, 1, 2, 3, 4, 1]


def test_what_writes_into_its_arrays_is_found_in_laid_memory_and_harms_no_probe() -> None:
    asked = probe()
    before = asked.x.copy()
    Writes("eager", "cpu").run(asked)
    np.testing.assert_array_equal(asked.x, before)
    outcome = Writes("eager", "cpu").run(probe(layout=("contiguous", "")))
    assert outcome.reason.startswith("InputChanged: ")


def test_x_and_w_lie_in_the_memory_that_the_probe_wants() -> None:
    given = in_memory(probe(layout=("strided", "read-only")), ("b", "w", "x"))
    b, w, x = given.arrays
    assert x.strides[-1] == 2 * x.itemsize
    assert (w.flags.writeable, b.flags.writeable) == (False, True)
    with pytest.raises(KeyError):
        in_memory(probe(), ("x", "g"))


def test_an_adapter_with_a_script_alone_is_shown_by_that() -> None:
    class Scripted(Backend):
        name = "scripted"

        def script(self, settings: Settings, call_form: int = 0, prepared: Any = None) -> str:
            return f"y = f(x, w)  # {call_form} {prepared}"

    adapter = Scripted("eager", "cpu")
    assert adapter.script_of(Form(IT, call_form=3)) == ("y = f(x, w)  # 3 None", "")
    assert adapter.script_of(Form(IT), "model").text.endswith("0 model")
    for form in (Form(IT, "grad-x"), Form(IT, invalid={"stride": 0})):
        with pytest.raises(Unsupported):
            adapter.script_of(form)


def test_a_form_names_the_arrays_that_a_want_needs() -> None:
    wants = {"value": "xwb", "grad-x": "xwbg", "only-b": "xwbg", "jvp-w": "xwbt", "grad-xw": "xwbgt", "nearest": "x"}
    assert {want: "".join(Form(IT, want).dtypes) for want in wants} == wants  # type: ignore[arg-type]
    invalid = Form.of(Probe(IT, exact(IT).x, exact(IT).w.astype("int8"), invalid={"stride": 0}))
    assert invalid.dtypes == {"x": "float32", "w": "int8"}
    assert Form.unpack(invalid.pack()).key == invalid.key != Form(IT).key
