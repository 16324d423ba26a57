"""YAML 1.2 with the place of every value: safe, bounded, and with all its errors at once.

The text is read event by event from PyYAML's C parser, never with a constructor, so that no tag can build an object,
and so that size, depth and aliases are bounded first. Source: YAML 1.2.2, section 10.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from convt.cases.errors import Fault, Keys, Place, SpecErrors, shown_path, spell

MOST_BYTES = 1_000_000
MOST_NODES = 100_000
MOST_DEPTH = 24
MOST_DIGITS = 18

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SYNTAX = "YAML syntax"


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place; aliases share the node of their anchor."""

    value: Any
    """A scalar, a list of nodes, or a dict of nodes."""
    place: Place
    text_at: Place | None = None
    """Where the text of a string begins, where it stands on one line without escapes."""
    keys: dict[str, Place] = field(default_factory=dict)
    weight: int = 1
    """How many nodes this one is, aliases written out."""
    depth: int = 1

    def plain(self) -> Any:
        """The value as plain lists, dicts and scalars."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value

    def find(self, keys: Keys) -> Node:
        """The node at the end of `keys`, or the last one on the way that exists."""
        node = self
        for key in keys:
            inner = node.value
            held = inner.get(key) if isinstance(inner, dict) else None
            if isinstance(inner, list) and isinstance(key, int) and key < len(inner):
                held = inner[key]
            if not isinstance(held, Node):
                break
            node = held
        return node


class _Fatal(Exception):
    """A fault after which the rest of the file has no meaning."""


class _Composer:
    """Nodes from events; faults that leave the rest readable are collected in `faults`."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.root: Node | None = None
        self._open: list[tuple[Node, str | None]] = []
        self._key: list[str | None] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0
        self._count = 0

    def keys(self) -> Keys:
        """The way to the value that comes next."""
        keys: list[str | int] = []
        for (node, _), key in zip(self._open, self._key, strict=True):
            if isinstance(node.value, list):
                keys.append(len(node.value))
            elif key is not None:
                keys.append(key)
        return tuple(keys)

    def fault(self, place: Place, text: str) -> None:
        self.faults.append(Fault(place, spell(self.keys()), text))

    def stop(self, place: Place, text: str) -> _Fatal:
        self.fault(place, text)
        return _Fatal()

    def take(self, event: yaml.Event) -> None:
        """One event more."""
        place = _place(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self.stop(place, "found a second document, accepted one a file")
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, place)
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, place)

    def _node(self, event: Any, place: Place) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise self.stop(place, f"found more than {MOST_NODES:,} values, accepted {MOST_NODES:,}")
        if self._wants_key():
            self._take_key(event, place)
            return
        if event.tag is not None:
            self.fault(place, f"found the tag {_tag(event.tag)}, accepted plain values without tags")
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, place)
            if event.anchor:
                self._anchors[event.anchor] = node
            self._add(node)
            return
        if len(self._open) >= MOST_DEPTH:
            raise self.stop(place, f"found {MOST_DEPTH + 1} levels of nesting, accepted {MOST_DEPTH}")
        if event.anchor:
            self._anchors[event.anchor] = None  # an alias to it from inside would be endless
        self._open.append((Node([] if isinstance(event, yaml.SequenceStartEvent) else {}, place), event.anchor))
        self._key.append(None)

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0].value, dict) and self._key[-1] is None

    def _take_key(self, event: Any, place: Place) -> None:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            raise self.stop(place, "found a key that is no word, accepted the name of a field")
        node, key = self._open[-1][0], str(event.value)
        self._key[-1] = key
        if key in node.keys:
            self.fault(place, f"found the key again, first on line {node.keys[key].line}, accepted once")
        node.keys[key] = place

    def _alias(self, event: Any, place: Place) -> None:
        if self._wants_key():
            raise self.stop(place, "found an alias as a key, accepted the name of a field")
        if event.anchor not in self._anchors:
            raise self.stop(place, f"found the alias *{event.anchor}, accepted one whose anchor stands above")
        node = self._anchors[event.anchor]
        if node is None:
            raise self.stop(place, f"found the alias *{event.anchor} inside its own anchor, accepted one outside it")
        if len(self._open) + node.depth > MOST_DEPTH:
            raise self.stop(place, f"found more than {MOST_DEPTH} levels of nesting, accepted {MOST_DEPTH}")
        self._count += node.weight
        if self._count > MOST_NODES:
            raise self.stop(place, f"found aliases that write out to more than {MOST_NODES:,} values, accepted fewer")
        self._add(node)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1][0]
        parent.weight += node.weight
        parent.depth = max(parent.depth, node.depth + 1)
        if isinstance(parent.value, list):
            parent.value.append(node)
        else:
            parent.value.setdefault(self._key[-1], node)
            self._key[-1] = None

    def _close(self) -> None:
        node, anchor = self._open.pop()
        self._key.pop()
        if anchor:
            self._anchors[anchor] = node
        self._add(node)

    def _scalar(self, event: Any, place: Place) -> Node:
        text, start, end = event.value, event.start_mark, event.end_mark
        quoted = not event.implicit[0]
        shift = 1 if quoted else 0
        simple = start.line == end.line and end.column - start.column == len(text) + 2 * shift
        text_at = Place(place.line, place.column + shift) if simple else None
        if quoted:
            return Node(text, place, text_at)
        value, refused = resolve(text)
        if refused:
            self.fault(place, refused)
        return Node(value, place, text_at)


def resolve(text: str) -> tuple[Any, str | None]:
    """The value of a plain scalar by the core schema, and why it is refused, if it is.

    Leading zeros are refused: `010` is 8 to a YAML 1.1 reader and 10 to a YAML 1.2 one.
    """
    if text in _WORDS:
        value = _WORDS[text]
        return value, "found no value: give one, or leave the field out" if value is None else None
    if _INTEGER.fullmatch(text):
        digits = text.lstrip("+-")
        if len(digits) > MOST_DIGITS:
            return 0, f"found a number of {len(digits)} digits, accepted up to {MOST_DIGITS}"
        if digits[0] == "0" and len(digits) > 1:
            plain = digits.lstrip("0") or "0"
            return int(text), f"found {text}, accepted {plain} for a decimal number, 0o{plain} for an octal one"
        return int(text), None
    if _BASED.fullmatch(text):
        if len(text) > MOST_DIGITS:
            return 0, f"found a number of {len(text) - 2} digits, accepted up to {MOST_DIGITS - 2}"
        return int(text, 0), None
    if _FLOAT.fullmatch(text):
        return float(text), None
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1)), None
    return text, None


def read(path: Path) -> tuple[Node, list[Fault]]:
    """The root node of a file and the faults that leave it readable; SpecErrors where they do not."""
    file = shown_path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SpecErrors([_at_start(file, f"found {path.stat().st_size:,} bytes, accepted up to {MOST_BYTES:,}")])
        content = path.read_bytes()
    except OSError as error:
        raise SpecErrors([_at_start(file, f"found {error.strerror}, accepted a readable file")]) from None
    root, faults = compose(content)
    if root is None:
        raise SpecErrors([fault.line(file) for fault in faults])
    return root, faults


def compose(content: bytes) -> tuple[Node | None, list[Fault]]:
    """The root node of a document and its faults; None where a fault leaves no meaning."""
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        return None, [_in_text(before, f"found the byte 0x{content[error.start]:02x}, accepted UTF-8")]
    if found := _UNPRINTABLE.search(text):
        name = f"U+{ord(found[0]):04X}"
        return None, [_in_text(text[: found.start()], f"found the control character {name}, accepted printable text")]
    composer = _Composer()
    try:
        for event in _events(text):
            composer.take(event)
    except _Fatal:
        return None, composer.faults
    except yaml.MarkedYAMLError as error:
        # what is never closed is best looked for where it begins
        unclosed = "end of stream" in (error.problem or "")
        mark = (error.context_mark if unclosed else None) or error.problem_mark or error.context_mark
        place = _place(mark) if mark else Place(1, 1)
        return None, [*composer.faults, Fault(place, _SYNTAX, _syntax(error, text, place))]
    if composer.root is None or composer.root.value is None:
        return None, [Fault(Place(1, 1), "file", "found no content, accepted a mapping of fields")]
    return composer.root, composer.faults


def _events(text: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(text, Loader=_LOADER))


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _in_text(before: str, text: str) -> Fault:
    lines = before.split("\n")
    return Fault(Place(len(lines), len(lines[-1]) + 1), "file", text)


def _at_start(file: str, text: str) -> str:
    return Fault(Place(1, 1), "file", text).line(file)


def _syntax(error: yaml.MarkedYAMLError, text: str, place: Place) -> str:
    """What the parser says, in the form of all errors."""
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if line[place.column - 1 : place.column] == "\t":
        return "found a tab, accepted spaces"
    context = f" {error.context}" if error.context else ""
    problem = (error.problem or "no YAML").removeprefix("found ")
    if problem.startswith("did not find expected "):
        return f"found something else{context}, accepted {problem.removeprefix('did not find expected ')}"
    if problem.startswith("mapping values"):
        return "found ': ' where no value may stand, accepted one value a field"
    return f"found {problem}{context}, accepted YAML 1.2"
