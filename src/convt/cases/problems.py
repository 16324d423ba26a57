"""What the model refuses, as faults with places: the border between pydantic's errors and ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from convt.cases.errors import Fault, Keys, Place, near, show, shown_path, spell
from convt.cases.finding_forms import FORMS as FINDING_FORMS
from convt.cases.marks import Node, read
from convt.cases.model import FORMS, Form
from convt.cases.reject_forms import FORMS as REJECT_FORMS

Entry = TypeVar("Entry", bound=Form)
_ACCEPTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "int_type": lambda _: "an integer",
    "float_type": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "string_type": lambda _: "text (in quotes where it looks like a number)",
    "list_type": lambda _: "a list",
    "model_type": lambda _: "a mapping of fields",
    "greater_than_equal": lambda told: f"{told['ge']} or more",
    "less_than_equal": lambda told: f"up to {told['le']:,}",
    "less_than": lambda told: f"less than {told['lt']:,}",
    "too_short": lambda told: f"{told['min_length']} or more items",
    "too_long": lambda told: f"up to {told['max_length']} items",
    "string_too_short": lambda told: f"{told['min_length']} or more characters",
    "string_too_long": lambda told: f"up to {told['max_length']} characters",
    "string_pattern_mismatch": lambda _: "words of a-z and 0-9 joined by hyphens, the first beginning with a letter",
    "literal_error": lambda told: str(told["expected"]),
}
"""What is accepted, by the type of pydantic's error and its context."""


@dataclass
class Sheet:
    """One file as read: its name for messages, its nodes, and the faults found so far."""

    name: str
    root: Node
    faults: list[Fault]

    def __post_init__(self) -> None:
        self.unread = {fault.where for fault in self.faults}
        """The fields whose value could not be read; faults inside them follow from that."""

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """The file; SpecErrors where it is no YAML that can be read."""
        return cls(shown_path(path), *read(path))

    def fault(self, keys: Keys, text: str, shift: int | None = None) -> None:
        """A fault at the value to which `keys` lead, or `shift` characters into its text."""
        node = self.root.find(keys)
        place = node.place
        if shift is not None and node.text_at is not None:
            place = Place(node.text_at.line, node.text_at.column + shift)
        self.faults.append(Fault(place, spell(keys), text))

    def lines(self) -> list[str]:
        """The faults in the file's order; of several about one value the first found, which the others follow from."""
        first: dict[str, Fault] = {}
        for fault in self.faults:
            around = [fault.where[:at] for at, sign in enumerate(fault.where) if sign in ".["]
            if not self.unread.intersection(around):
                first.setdefault(fault.where, fault)
        return [fault.line(self.name) for fault in sorted(first.values())]


def forms_of(
    sheet: Sheet, whole: type[Form], name: str, entry: type[Entry]
) -> tuple[dict[str, Any], dict[int, Entry | None]]:
    """The head of a file and its entries under `name` by index; None, and faults on the sheet, where one is wrong."""
    plain = sheet.root.plain()
    wrong: set[int] = set()
    try:
        whole.model_validate(plain)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            keys = _keys(one["loc"])
            sheet.faults.append(_fault(dict(one), keys, sheet.root))
            if len(keys) > 1 and keys[0] == name and isinstance(keys[1], int):
                wrong.add(keys[1])
    if not isinstance(plain, dict):
        return {}, {}
    entries = plain.get(name)
    listed = entries if isinstance(entries, list) else []
    forms = {index: None if index in wrong else entry.model_validate(item) for index, item in enumerate(listed)}
    return {key: value for key, value in plain.items() if isinstance(value, str)}, forms


def _keys(location: tuple[str | int, ...]) -> Keys:
    """Pydantic's path without the tags of unions."""
    return tuple(key for key in location if not (isinstance(key, str) and key.startswith("<")))


def _fault(error: dict[str, Any], keys: Keys, root: Node) -> Fault:
    node = root.find(keys)
    if error["type"] == "missing":
        return Fault(node.place, spell(keys), "missing required field")
    if error["type"] == "extra_forbidden":
        parent = root.find(keys[:-1])
        place = parent.keys.get(str(keys[-1]), parent.place)
        return Fault(place, spell(keys), f"found an unknown field, accepted {near(str(keys[-1]), _siblings(keys))}")
    known = _ACCEPTED.get(error["type"])
    accepted = known(error.get("ctx", {})) if known else str(error["msg"])
    found = show(error["input"])
    if error["type"] in ("too_short", "too_long"):
        found = f"{len(error['input'])} items"
    elif error["type"] in ("string_too_short", "string_too_long"):
        found = f"{len(error['input'])} characters"
    return Fault(node.place, spell(keys), f"found {found}, accepted {accepted}")


def _siblings(keys: Keys) -> list[str]:
    """The fields that the form around `keys` has."""
    names = [key for key in keys[:-1] if isinstance(key, str)]
    forms = FORMS | REJECT_FORMS | FINDING_FORMS
    name = names[-1] if names else "file"
    return list(forms.get(f"{names[0]}.{name}" if names else name, forms[name]).model_fields)


def complaint(message: str) -> str:
    """The message of a SettingsError, `X; Y is accepted`, in the form of all errors."""
    if message.startswith("`"):  # a relation between fields
        return message
    found, _, accepted = message.rpartition("; ")
    for ending in (" is accepted", " are accepted"):
        if found and accepted.endswith(ending):
            return f"found {found}, accepted {accepted.removesuffix(ending)}"
    if " does not divide " in message:
        found, of = message.split(" does not divide ")
        return f"found {found}, accepted a divisor of {of}"
    return f"found {found}: {accepted}" if found else message
