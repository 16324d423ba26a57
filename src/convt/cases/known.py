"""Known differences: predicates over settings and targets, with the wrong behaviour that is expected there."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from convt.cases.errors import Keys, SpecErrors, near
from convt.cases.expressions import Expression, ExpressionError
from convt.cases.model import AskedForm, KnownFile, KnownForm, MemoriesForm, WhenForm, WrongForm
from convt.cases.problems import Sheet, forms_of
from convt.content import ROOT
from convt.conv.settings import Settings
from convt.results.finding import FINDING_KINDS, Finding


@dataclass(frozen=True)
class KnownTarget:
    """Who was asked; `version` is the framework's own, `isa` the instruction sets of the processor."""

    backend: str
    mode: str
    device: str
    version: str
    isa: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wrong:
    """The wrong behaviour that an entry expects, by the fields of a finding; what is left out stands for all."""

    verdict: Literal["differs", "error", "raised", "crashed", "timed-out"]
    """The verdict of a law, or the outcome of a call; a call `differs` where it is not what the oracle says."""
    kinds: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    message: str = ""
    """A regular expression, searched in the framework's own words."""
    shape: tuple[int, ...] = ()
    """The first extents of what came."""
    dtype: str = ""

    def is_seen_in(self, it: Finding) -> bool:
        """Whether a finding is about this behaviour."""
        seen = it.outcome if self.verdict in ("raised", "crashed", "timed-out") else it.verdict
        if seen != self.verdict or (self.dtype and it.dtype != self.dtype):
            return False
        named = ((self.kinds, it.kind), (self.causes, it.cause), (self.exceptions, it.exception))
        if any(accepted and value not in accepted for accepted, value in named):
            return False
        if self.shape and (not isinstance(it.got, tuple) or it.got[: len(self.shape)] != self.shape):
            return False
        return re.search(self.message, it.words) is not None


@dataclass(frozen=True)
class Known:
    """One known difference: of laws, or where `laws` is empty of the framework's call itself, whatever law asks it.

    `applies` (laws) and `concerns` (calls) say where it is expected, `explains` whether what was seen is it.
    """

    id: str
    laws: tuple[str, ...]
    backends: str
    """The backend, or `keras` for all whose name begins with `keras-`."""
    wrong: Wrong
    """What is seen there instead."""
    reason: str
    issue: str
    since: str
    origin: str
    """file:line of the entry."""
    where: str | None = None
    when: Mapping[str, str | tuple[str, ...] | Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    wants: tuple[str, ...] = ("value",)
    call_forms: tuple[int, ...] = ()
    """Of a call: which evaluations go wrong; no call form stands for all."""
    dtypes: tuple[str, ...] = ()
    """Of a call: the dtypes of its arrays; none stands for all."""
    memory: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ())
    """Of a call: the layouts of x, w and the cotangent; none stands for all."""
    intermittent: str = ""
    """Why it does not show every time; empty where it does, and the entry is strict."""
    rejects: tuple[str, ...] = ()
    """Of the law `rejects`: the kinds of settings that mean nothing; none stands for all."""
    costs: tuple[str, ...] = ()
    """Of the law `cost`: what takes too long."""
    finding: str = ""
    """The id of the finding that it belongs to."""
    folder: str = ""
    """The folder of specs that holds the cases it is about; empty: those of every day."""

    def concerns(
        self,
        settings: Settings,
        want: str,
        call_form: int,
        target: KnownTarget,
        dtype: str = "float32",
        memory: Sequence[str] = (),
    ) -> bool:
        """Whether this difference is expected of a call with these settings on this target."""
        if self.laws or want not in self.wants or (self.call_forms and call_form not in self.call_forms):
            return False
        if (self.dtypes and dtype not in self.dtypes) or not self._on_processor(target, dtype):
            return False
        laid = (*memory, "", "", "")
        if any(named and (how or "contiguous") not in named for named, how in zip(self.memory, laid, strict=False)):
            return False
        return self._holds(settings) and self.about(target)

    def ends(self, target: KnownTarget) -> bool:
        """Whether it is of calls that end the process of this target, whatever its version."""
        return not self.laws and self.wrong.verdict == "crashed" and self._is_of(target)

    def may_end(self, settings: Settings, want: str, dtype: str, target: KnownTarget) -> bool:
        """Whether such a call may end the process, whatever its form, where `ends` says it of the target."""
        if want not in self.wants or (self.dtypes and dtype not in self.dtypes):
            return False
        return self._on_processor(target, dtype) and self._holds(settings)

    def applies(
        self,
        law_id: str,
        settings: Settings,
        target: KnownTarget,
        kind: str = "",
        dtype: str = "",
        cost: str | None = None,
    ) -> bool:
        """Whether this difference is expected of a law on these settings and this target; `kind` is what the settings
        that mean nothing are of, `dtype` that of the arrays, and these are the valid ones then; `cost` is what is
        timed."""
        if (self.dtypes and dtype not in self.dtypes) or not self._on_processor(target, dtype):
            return False
        if law_id not in self.laws or (self.rejects and kind not in self.rejects):
            return False
        if self.costs and cost not in self.costs:
            return False
        return self._holds(settings) and self.about(target)

    def _holds(self, settings: Settings) -> bool:
        """Whether the entry is about these settings."""
        return self.where is None or _holds(self.where, settings)

    def about(self, target: KnownTarget) -> bool:
        """Whether the target is one that this entry speaks of."""
        if not self._is_of(target) or not any(self._on_processor(target, dtype) for dtype in self.dtypes or ("",)):
            return False
        return "version" not in self.when or _matches(str(self.when["version"]), target.version)

    def _is_of(self, target: KnownTarget) -> bool:
        """The same, whatever the target's version, and the processor."""
        if target.backend != self.backends and not target.backend.startswith(f"{self.backends}-"):
            return False
        for name in ("backend", "mode"):
            if name in self.when and getattr(target, name) not in self.when[name]:
                return False
        devices = self.when.get("device", ())
        return not devices or bool({target.device, target.device.split(":")[0]} & set(devices))

    def _on_processor(self, target: KnownTarget, dtype: str) -> bool:
        """Whether the processor has the instruction sets that it is to have, and lacks those that it is to lack; what
        one dtype alone needs is looked at where arrays are of that dtype."""
        asked = (self.when.get("isa", ()), self.when.get("lacks", ()))
        isa, lacks = (each.get(dtype, ()) if isinstance(each, Mapping) else each for each in asked)
        return target.isa.issuperset(isa) and not (lacks and target.isa.issuperset(lacks))

    def explains(self, finding: Finding) -> bool:
        """Whether the finding on a law, or on a call, is the one that is expected here."""
        return self.wrong.is_seen_in(finding)


@lru_cache(maxsize=1 << 16)
def _holds(where: str, settings: Settings) -> bool:
    """Whether the condition is true of the settings: looked at once, whatever is asked of them, and on which target."""
    return _expression(where).holds(settings)


@cache
def _expression(where: str) -> Expression:
    return Expression(where)


@cache
def _matches(specifiers: str, version: str) -> bool:
    try:
        return SpecifierSet(specifiers).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def load_known(folder: Path, laws: Collection[str] = ()) -> list[Known]:
    """The entries of every *.yaml and */known.yaml in a folder; SpecErrors with all that is wrong.

    An entry is about the backend that its file, or where that is `known.yaml` its folder, is called by. Law ids are
    checked where given.
    """
    lines: list[str] = []
    entries: list[Known] = []
    for path in known_files(folder):
        try:
            entries += read_known(path, laws)
        except SpecErrors as error:
            lines += error.errors
    first: dict[str, Known] = {}
    for entry in entries:
        other = first.setdefault(entry.id, entry)
        if other is not entry:
            found = f"found {entry.id!r}, which {other.origin} has already"
            lines.append(f"{entry.origin}:1: id: {found}; accepted an id of its own")
    if lines:
        raise SpecErrors(lines)
    return entries


def known_files(folder: Path) -> list[Path]:
    """The files of known differences in a folder: `NAME.yaml` and `NAME/known.yaml`."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/known.yaml")])


def is_known_file(path: Path) -> bool:
    """Whether a file says by its first key that it holds known differences."""
    return path.is_file() and re.search(r"^known:", path.read_text(errors="replace"), re.MULTILINE) is not None


def read_known(path: Path, laws: Collection[str] = ()) -> list[Known]:
    """The entries of one file; SpecErrors with all that is wrong in it."""
    sheet = Sheet.read(path)
    _, forms = forms_of(sheet, KnownFile, "known", KnownForm)
    entries = []
    seen: dict[str, int] = {}
    for index, form in forms.items():
        keys: Keys = ("known", index)
        if form is None:
            continue
        if form.id in seen:
            there = f"known[{seen[form.id]}]"
            sheet.fault((*keys, "id"), f"found {form.id!r}, which {there} has already; accepted an id of its own")
        seen.setdefault(form.id, index)
        _check_kind(sheet, keys, form)
        _check(sheet, keys, form, laws)
        _check_rejects(sheet, keys, form)
        asked = form.asked or AskedForm()
        entries.append(
            Known(
                id=form.id, laws=_laws(form), backends=_backends_of(path), where=form.where, when=_when(form.when),
                wrong=_wrong(form.wrong), reason=form.reason, issue=form.issue,
                since=form.since, origin=f"{sheet.name}:{sheet.root.find(keys).place.line}",
                wants=tuple(asked.want), call_forms=tuple(asked.call_form or ()), dtypes=tuple(asked.dtype or ()),
                memory=_memory(asked.memory),
                intermittent=form.intermittent or "", rejects=tuple(form.rejects or ()),
                costs=tuple(form.cost or ()), finding=form.finding or "", folder=form.folder or "",
            )
        )  # fmt: skip
    if sheet.faults:
        raise SpecErrors(sheet.lines())
    return entries


def _backends_of(path: Path) -> str:
    """The backend that a file is about: `NAME.yaml`, or `NAME/known.yaml`."""
    return path.absolute().parent.name if path.name == "known.yaml" else path.stem


def _laws(form: KnownForm) -> tuple[str, ...]:
    return _listed(form.law)


def _memory(form: MemoriesForm | None) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    said = form or MemoriesForm()
    return tuple(said.x or ()), tuple(said.w or ()), tuple(said.g or ())


def _wrong(form: WrongForm) -> Wrong:
    return Wrong(
        form.verdict or form.outcome or "differs", _listed(form.kind), tuple(form.cause or ()), _listed(form.exception),
        form.message or "", tuple(form.shape or ()), form.dtype or "",
    )  # fmt: skip


def _listed(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _when(form: WhenForm | None) -> dict[str, Any]:
    given = {} if form is None else form.model_dump(exclude_unset=True)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _check_kind(sheet: Sheet, keys: Keys, form: KnownForm) -> None:
    """An entry is about laws and has a verdict, or about the call and has an outcome; never a mixture."""
    about, other = ("verdict", "outcome") if form.law is not None else ("outcome", "verdict")
    says = "with `law`" if form.law is not None else "without `law`"
    if getattr(form.wrong, about) is None:
        sheet.fault((*keys, "wrong"), f"an entry {says} needs `wrong.{about}`")
    if getattr(form.wrong, other) is not None:
        sheet.fault((*keys, "wrong", other), f"an entry {says} excludes `wrong.{other}`: use `wrong.{about}`")
    if "differs" in (form.wrong.verdict, form.wrong.outcome) and form.wrong.kind is None:
        kinds = ", ".join(FINDING_KINDS)
        sheet.fault((*keys, "wrong"), f"`differs` needs `kind`: one of {kinds}, or a list of them")
    if (form.wrong.verdict == "error" or form.wrong.outcome == "raised") and not (
        form.wrong.exception or form.wrong.message
    ):
        sheet.fault(
            (*keys, "wrong"), f"`{form.wrong.verdict or form.wrong.outcome}` needs `exception`, `message`, or both"
        )
    if (
        form.law is not None
        and form.asked is not None
        and not (form.rejects and form.asked.model_fields_set == {"dtype"})
    ):
        sheet.fault((*keys, "asked"), "`asked` cannot be combined with `law`, but for `asked.dtype` with `rejects`")


def _check(sheet: Sheet, keys: Keys, form: KnownForm, laws: Collection[str]) -> None:
    """What the model cannot see: expressions, regular expressions, versions and law ids that mean nothing."""
    try:
        if form.where is not None:
            condition = Expression(form.where)
            for sample in _SAMPLES:
                condition.holds(sample)
    except ExpressionError as error:
        sheet.fault((*keys, "where"), str(error), error.offset)
    try:
        re.compile(form.wrong.message or "")
    except (re.error, RecursionError) as error:
        sheet.fault((*keys, "wrong", "message"), f"found {error}, accepted a regular expression")
    try:
        SpecifierSet(form.when.version or "" if form.when else "")
    except InvalidSpecifier:
        text = f"found {form.when and form.when.version!r}, accepted PEP 440 specifiers such as '>=3.0,<4'"
        sheet.fault((*keys, "when", "version"), text)
    for index, law in enumerate(_laws(form)):
        if laws and law not in laws:
            place = (*keys, "law") if isinstance(form.law, str) else (*keys, "law", index)
            sheet.fault(place, f"found {law!r}, accepted {near(law, laws)}")


def _check_rejects(sheet: Sheet, keys: Keys, form: KnownForm) -> None:
    """Kinds of settings, and of costs, go with the law about them, and are those that there are."""
    if form.rejects and not (_laws(form) and set(_laws(form)) <= {"rejects", "abstract", "mode", "device"}):
        sheet.fault((*keys, "rejects"), "`rejects` needs `law: rejects`, abstract, mode or device")
    if (form.cost is not None) != (_laws(form) == ("cost",)):
        sheet.fault((*keys, "cost"), "`cost` and `law: cost` need each other")
    for index, kind in enumerate(form.rejects or ()):
        if kind not in kinds():
            sheet.fault((*keys, "rejects", index), f"found {kind!r}, accepted {near(kind, kinds())}")


@cache
def kinds() -> tuple[str, ...]:
    """The kinds of settings that mean nothing, as specs/rejects.yaml has them."""
    listed = Sheet.read(ROOT / "specs" / "rejects.yaml").root.plain()["rejects"]
    return tuple(str(entry["id"]) for entry in listed)


_SAMPLES = tuple(Settings(input=(4,) * rank, kernel=(3,) * rank) for rank in (1, 2, 3))
"""Settings on which every condition needs an answer, so that one that has none is found when the file is read."""
