"""What files of earlier releases call by other names: the only place that knows them. Applied where a file is read."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from convt.results.records import Header, KnownInfo, LawInfo
from convt.results.targets import TargetInfo

LAWS = {"spelling": "call-form"}
"""Former id of a law -> its id."""

PROBES = {"another spelling": "another call form", "folded": "block sums"}
"""Former name of a probe -> its name. Messages name probes, and the digests of a run file's bits are still made with
the former names, so that they stay equal for equal bits."""


FIELDS = ("spec",)
"""Fields of a header that no release reads any more: a digest of the specification's bytes."""


def law(name: str) -> str:
    """A law's id of today."""
    return LAWS.get(name, name)


def message(text: str) -> str:
    """A message with the probe that its first line names, by its name of today: at its beginning, or after `by`."""
    for former, name in PROBES.items():
        for before in ("", "out by "):
            if text.startswith(before + former):
                return before + name + text[len(before + former) :]
    return text


def header(data: dict[str, Any]) -> Header:
    """The header of a file. Files of 0.1 tell no versions of laws and oracles: those are 1."""
    told = {name: value for name, value in data.items() if name not in ("kind", *FIELDS)}
    for name, cls in (("targets", TargetInfo), ("laws", LawInfo), ("known", KnownInfo)):
        if name in told:
            known = {item.name for item in fields(cls) if item.metadata.get("kept", True)}
            told[name] = tuple(cls(**_only(cls, item, known)) for item in told[name])
    told["laws"] = tuple(replace(it, id=law(it.id)) for it in told["laws"])
    return Header(**told)


def _only(cls: type[Any], item: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The fields of an item of the header; TypeError where it has one that a file cannot have."""
    unknown = sorted(set(item) - known)
    if unknown:
        raise TypeError(f"{cls.__name__} has no {', '.join(unknown)}")
    return item
