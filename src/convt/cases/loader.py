"""`load_cases`: cases from YAML files, every one of them checked, or every error of all files at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convt.cases import asking, build
from convt.cases.asked import CROSSED
from convt.cases.case import LAYERS, Case, Claim, Expect
from convt.cases.errors import Keys, SpecErrors, near, shown_path
from convt.cases.expectations import Subject, expect_of, flaws
from convt.cases.grids import MatrixError, Member, members
from convt.cases.marks import Node
from convt.cases.model import ArrayForm, CaseForm, SpecFile
from convt.cases.problems import Sheet, complaint, forms_of
from convt.cases.reject_forms import RejectForm, RejectsFile, UnknownValue, cases_of
from convt.cases.weights import BadWeights, WeightsFile
from convt.conv.data import Arrays
from convt.conv.settings import Settings, SettingsError


@dataclass(frozen=True)
class _Draft:
    """A case before its expectations are checked."""

    file: Sheet
    keys: Keys
    form: CaseForm
    case: Case
    arrays: Arrays | None


def case_files(paths: Sequence[Path]) -> list[Path]:
    """The files that paths name; a folder stands for the *.yaml in it."""
    return [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]


def load_cases(paths: Sequence[Path]) -> list[Case]:
    """The cases of the files, in their order; SpecErrors with all that is wrong in any of them."""
    lines: list[str] = []
    broken: set[str] = set()
    files: list[Sheet] = []
    drafts: list[_Draft] = []
    for path in case_files(paths):
        try:
            files.append(Sheet.read(path))
        except SpecErrors as error:
            lines += error.errors
            continue
        drafts += _drafts(files[-1], broken, path.parent)
    _check_ids(drafts)
    _check_expectations(drafts, broken)
    lines += [line for file in files for line in file.lines()]
    if lines:
        raise SpecErrors(lines)
    return [draft.case for draft in drafts]


def _drafts(file: Sheet, broken: set[str], folder: Path) -> list[_Draft]:
    """The cases of a file that can be built; the others leave faults, and their ids in `broken`."""
    if isinstance(file.root.value, dict) and "rejects" in file.root.value:
        return _rejects(file, broken)
    head, forms = forms_of(file, SpecFile, "cases", CaseForm)
    drafts: list[_Draft] = []
    for index, form in forms.items():
        keys: Keys = ("cases", index)
        if form is None:
            broken.add(str(file.root.find((*keys, "id")).value))
            continue
        before = len(file.faults)
        drafts += _cases(file, keys, form, head)
        if len(file.faults) > before:
            broken.add(form.id)
    return _weighed(file, drafts, head["weights"], folder) if "weights" in head and not file.faults else drafts


def _weighed(file: Sheet, drafts: list[_Draft], name: str, folder: Path) -> list[_Draft]:
    """The cases with their real kernels and biases, of the file that the file of cases names."""
    found = []
    try:
        with WeightsFile(folder / name, shown_path(folder / name)) as held:
            for draft in drafts:
                weights = held.of(draft.case.id, draft.case.settings)
                if weights is not None and (
                    draft.case.asked or draft.case.block or draft.case.cost or LAYERS in draft.case.laws
                ):
                    laws = ", ".join(draft.case.laws)
                    raise BadWeights(f"found {draft.case.id}.kernel in {name}, and {laws} draws numbers of its own")
                found.append(replace(draft, case=replace(draft.case, weights=weights)))
            if held.left:
                raise BadWeights(
                    f"found {', '.join(sorted(held.left)[:3])} in {name}, which belongs to no case of this file"
                )
    except BadWeights as error:
        file.fault(("weights",), str(error))
    return found


def _rejects(file: Sheet, broken: set[str]) -> list[_Draft]:
    """The cases of a file of settings that mean nothing."""
    head, forms = forms_of(file, RejectsFile, "rejects", RejectForm)
    drafts: list[_Draft] = []
    for index, form in forms.items():
        keys: Keys = ("rejects", index)
        if form is None:
            broken.add(str(file.root.find((*keys, "id")).value))
            continue
        if not form.invalid.model_fields_set and not form.arrays.model_fields_set:
            file.fault(keys, "needs `invalid` or `arrays`: what is passed to the call")
        if form.answer is not None and not (form.either or form.means):
            file.fault((*keys, "answer"), "`answer` needs `either` or `means`")
        origin = f"{file.name}:{file.root.find(keys).place.line}"
        try:
            for case in cases_of(form, head, origin):
                drafts.append(_Draft(file, keys, CaseForm(id=form.id), case, None))
        except UnknownValue as error:
            file.fault(keys, str(error))
        except SettingsError as error:
            file.fault((*keys, "base", error.field), complaint(str(error).split(": ", 1)[1]))
    return drafts


def _cases(file: Sheet, keys: Keys, form: CaseForm, head: dict[str, Any]) -> list[_Draft]:
    """The case, or the cases of its matrix."""
    _check_claim(file, keys, form)
    place = file.root.find(keys).place
    case = Case(
        id=form.id, settings=Settings((1,), (1,)), seed=form.seed, resize=form.resize, block=form.block,
        asked=asking.asked_of(form.asked), tags=tuple(form.tags),
        laws=tuple(form.laws) if form.asked is None else (CROSSED,),
        about=form.about or head.get("about", ""), source=form.source or head.get("source", ""),
        origin=f"{file.name}:{place.line}",
        claim=None if form.claim is None else Claim(form.claim.says, form.claim.holds, form.claim.correction or ""),
    )  # fmt: skip
    drafts = []
    for member in _members(file, keys, form):
        named = replace(case, id=f"{form.id}-{member.suffix}" if member.suffix else form.id, settings=member.settings)
        try:
            drafts += [_fill(file, keys, form, one) for one in _timed(form, named)]
        except build.DataError as error:
            inside = f" in {named.id}" if member.suffix else ""
            file.fault((*keys, *error.keys), f"{error}{inside}")
            break
    return drafts


def _timed(form: CaseForm, case: Case) -> list[Case]:
    """The case, or where it is timed a case for each thing that it is timed beside."""
    if form.cost is None:
        return [case]
    return [replace(case, id=f"{case.id}-{cost}", cost=cost) for cost in dict.fromkeys(form.cost)]


def _members(file: Sheet, keys: Keys, form: CaseForm) -> list[Member]:
    """The settings of a case, or those of each combination of its matrix."""
    values = build.values_of(form)
    try:
        if form.matrix is None:
            for name in ("where", "cover"):
                if name in form.model_fields_set:
                    file.fault((*keys, name), f"`{name}` needs a `matrix`")
            return [Member("", {}, Settings(**build.keywords(values)))]
        given = {name: getattr(form.matrix, name) for name in form.matrix.model_fields_set}
        return members(values, given, form.where, form.cover)
    except SettingsError as error:
        place = _place_of(file.root, keys, error.field)
        file.fault(place, complaint(str(error).split(": ", 1)[1]))
    except MatrixError as error:
        file.fault((*keys, *error.field.split(".")), str(error), error.offset)
    return []


def _place_of(root: Node, keys: Keys, name: str) -> Keys:
    """Where to change a field of `Settings`: the form's field, or the shape that it comes from."""
    place = (*keys, {"channels_in": "channels", "channels_out": "channels"}.get(name, name))
    node = root.find(place)
    return (*place, "shape") if isinstance(node.value, dict) and "shape" in node.value else place


def _fill(file: Sheet, keys: Keys, form: CaseForm, case: Case) -> _Draft:
    """The case with its literal data and expectations; DataError where they do not fit."""
    it = case.settings
    if form.block is not None:
        build.check_fold(form, it)
        expect = Expect() if form.expect is None else expect_of(form.expect, it, ("expect",), fits=True)
        return _Draft(file, keys, form, replace(case, expect=expect), None)
    if form.laws == [LAYERS]:
        build.check_layer(form, it)
        expect = Expect() if form.expect is None else expect_of(form.expect, it, ("expect",), fits=True)
        return _Draft(file, keys, form, replace(case, expect=expect), None)
    if form.cost is not None:
        build.check_cost(form, it)
        expect = Expect() if form.expect is None else expect_of(form.expect, it, ("expect",), fits=True)
        return _Draft(file, keys, form, replace(case, expect=expect), None)
    if (work := build.steps(it)) > build.MOST_STEPS:
        raise build.DataError(
            f"found {work:,} steps of the costliest oracle, accepted up to {build.MOST_STEPS:,}; `laws: [realistic]`"
            " judges a layer of real size"
        )
    if form.asked is not None:
        asking.check_asked(form, it.batch)
    arrays = build.literal(form, it)
    if arrays is not None and build.is_exact(arrays):
        build.check_exact(it, arrays)
    if form.expect is not None and form.expect.data is not None:
        for name, size in (("input", it.x_shape), ("kernel", it.w_shape)):
            given = getattr(form, name)
            if 0 not in size and not (isinstance(given, ArrayForm) and given.data is not None):
                raise build.DataError(
                    f"`expect.data` needs `{name}.data`: the numbers are drawn from the seed otherwise",
                    ("expect", "data"),
                )
    expect = Expect() if form.expect is None else expect_of(form.expect, it, ("expect",), fits=True)
    refuted = None if form.refuted is None else expect_of(form.refuted, it, ("refuted",), fits=False)
    literal = None if arrays is None else build.in_float32(arrays)
    return _Draft(file, keys, form, replace(case, expect=expect, refuted=refuted, literal=literal), arrays)


def _check_claim(file: Sheet, keys: Keys, form: CaseForm) -> None:
    """A false claim says what is true and what it predicts; nothing else has a refuted prediction."""
    false = form.claim is not None and not form.claim.holds
    if form.refuted is not None and not false:
        file.fault((*keys, "refuted"), "`refuted` needs `claim.holds: false`")
    if false and form.claim is not None and form.claim.correction is None:
        file.fault((*keys, "claim"), "`holds: false` needs a `correction`")
    if false and form.refuted is None and (form.expect is None or form.expect.differs is None):
        text = "`holds: false` needs `refuted` or `expect.differs`"
        file.fault((*keys, "claim", "holds"), text)
    for name in ("expect", "refuted"):
        given = getattr(form, name)
        if given is not None and not given.model_fields_set:
            file.fault((*keys, name), "needs one or more of size, data, matrix, equals, differs")


def _check_ids(drafts: list[_Draft]) -> None:
    """Two cases of one id are an error at the second, which names the first."""
    first: dict[str, _Draft] = {}
    for draft in drafts:
        other = first.setdefault(draft.case.id, draft)
        if other is not draft:
            place = other.file.root.find((*other.keys, "id")).place
            there = f"{other.file.name}:{place.line}:{place.column}"
            text = f"found {draft.case.id!r}, which {there} has already; accepted an id of its own"
            draft.file.fault((*draft.keys, "id"), text)


def _check_expectations(drafts: list[_Draft], broken: set[str]) -> None:
    """Every expectation against the oracles; the other case of equals and differs is looked up in all files."""
    cases = {draft.case.id: draft.case for draft in drafts}

    def find(name: str) -> Case | str | None:
        if name in cases:
            return cases[name]
        silent = any(name == one or name.startswith(f"{one}-") for one in broken)
        return None if silent else near(name, cases) if cases else "none"

    for draft in drafts:
        form = draft.form
        if form.expect is None and form.refuted is None:
            continue
        subject = Subject(draft.case, draft.arrays)
        for keys, text in flaws(subject, form.expect, form.refuted, find):
            inside = f" in {draft.case.id}" if form.matrix is not None else ""
            draft.file.fault((*draft.keys, *keys), f"{text}{inside}")
