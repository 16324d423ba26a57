"""The configuration of a model in an HDF5 file: one attribute, as text."""

from __future__ import annotations

from typing import Any

from convt.capture.children.common import Answer, Refused

MOST_TEXT = 64_000_000


def find(question: dict[str, Any]) -> Answer:
    try:
        import h5py
    except ImportError as error:
        raise Refused(
            "h5py is not installed here, and an HDF5 file needs it; --python names a Python that has it"
        ) from error
    try:
        with h5py.File(question["target"], "r") as file:
            found = file.attrs.get("model_config")
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise Refused(f"found no HDF5 file that can be read ({' '.join(str(error).split())[:200]})") from error
    if found is None:
        raise Refused("found weights without a model in it, accepted a file that model.save wrote")
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    if len(text) > MOST_TEXT:
        raise Refused(f"found a configuration of {len(text):,} characters, accepted {MOST_TEXT:,}")
    answer = Answer()
    answer.more["config"] = text
    return answer
