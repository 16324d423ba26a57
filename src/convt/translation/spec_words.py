"""The words of this project's own spec files, in which a case is a layer with its input."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar

from convt.cases import build
from convt.cases.case import Case
from convt.cases.marks import Node, compose
from convt.cases.model import CaseForm, SpecFile
from convt.cases.problems import Sheet, complaint, forms_of
from convt.cases.writer import as_yaml
from convt.conv.settings import Settings, SettingsError
from convt.translation.dialect import Dialect, Spoken
from convt.translation.kernels import own_layout
from convt.translation.layer import LayerError, layer_of
from convt.translation.parsing import LONGEST
from convt.translation.said import Plan, Said
from convt.translation.signatures import Signature

KIND = "yaml"
_FIELD = re.compile(r"^\s*(- +)?kernel *:", re.MULTILINE)
_INSIDE = re.compile(r"cases\[0\]\.?")


class Spec(Dialect):
    """A case of a spec file. It says what is computed and no call that does it, so that there is no program."""

    name = "yaml"
    runs = False
    title = "convt's own spec files"
    kinds = (KIND,)
    forms: ClassVar[Mapping[str, Signature]] = {}

    def hears(self, text: str) -> Spoken | None:
        """The case of one mapping, or of a list of one; its input's extents are the layer's."""
        if not text.lstrip().startswith("{") and not _FIELD.search(text):
            return None
        it = _settings(text)
        return Spoken(layer_of(it), KIND, own_layout(it), channels_last=False)

    def read(self, form: str, given: Mapping[str, Any]) -> Spoken:
        raise NotImplementedError("a spec file has no calls")

    def say(self, it: Settings, kind: str) -> Said:
        lines = as_yaml(Case("layer", it), "layer")
        return Said(KIND, lines, own_layout(it), False, (), "dict")

    def program(self, it: Settings, plan: Plan, said: Said) -> str:
        raise LayerError("a spec file runs nothing; choose a framework, or put the case into a file for `convt run`")


def _settings(text: str) -> Settings:
    """The settings of a case; LayerError with everything that is wrong with it."""
    if len(text) > LONGEST:
        raise LayerError(f"a case: found {len(text):,} characters, accepted one case, {LONGEST:,} at most")
    root, faults = compose(textwrap.dedent(text).encode())
    if root is None:
        raise _wrong([fault.line("case") for fault in faults])
    items = root.value if isinstance(root.value, list) else [root]
    if len(items) != 1 or not isinstance(items[0].value, dict):
        raise LayerError(f"a case: found {len(items)} values, accepted one mapping such as {{input: [4], kernel: [3]}}")
    case = items[0]
    words = {name: Node("a layer", case.place) for name in ("about", "source")}
    case.value.setdefault("id", Node("layer", case.place))
    sheet = Sheet("case", Node(words | {"cases": Node([case], case.place)}, case.place), faults)
    _, forms = forms_of(sheet, SpecFile, "cases", CaseForm)
    form = forms.get(0)
    if form is None or sheet.faults:
        raise _wrong(sheet.lines())
    if form.matrix is not None:
        raise LayerError("case: found a matrix, accepted one layer: write out the values that are meant")
    try:
        return Settings(**build.keywords(build.values_of(form)))
    except SettingsError as error:
        sheet.fault(("cases", 0, error.field), complaint(str(error).split(": ", 1)[1]))
    raise _wrong(sheet.lines())


def _wrong(lines: list[str]) -> LayerError:
    return LayerError("\n".join(_INSIDE.sub("", line) for line in lines))
