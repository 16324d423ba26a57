"""From what a model runs to cases: one a distinct setting, named and explained by its layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convt.capture.cutting import cut, for_every_law, for_oracles, for_sums
from convt.capture.seen import DTYPES, Captured, LeftOut, Seen, Weights
from convt.cases.asked import CROSSED, Asked
from convt.cases.case import LAYERS, Case, Expect
from convt.conv.settings import Settings

MOST_CASES = 1000
"""Settings a file; a spec file has bounds on its size."""
MOST_NAMES = 6
MODEL, LAYER, WHOLE = 20, 28, 80
"""The lengths of a case's name and of what it is made of."""
DERIVED = ("value", "grad-x", "grad-w")
"""What is asked in a dtype or memory of its own where the model may be trained."""


@dataclass(frozen=True, eq=False)
class Made:
    """A case of the file, and the numbers of its kernel where they are kept."""

    case: Case
    weights: Weights | None = None


def cases_of(captured: Captured, model: str) -> list[Made]:
    """A case for each distinct setting in the order of the model, then one for each dtype and memory format beside the
    usual. What no case can say joins what is left out."""
    grouped: dict[Settings, list[Seen]] = {}
    for seen in captured.seen:
        grouped.setdefault(seen.settings, []).append(seen)
    named = _Names(model)
    made: list[Made] = []
    for at, (it, layers) in enumerate(grouped.items()):
        if at >= MOST_CASES:
            reason = f"more than {MOST_CASES:,} distinct settings, which one spec file holds"
            captured.left += [LeftOut(seen.name, reason) for seen in layers]
            continue
        plain = _plain(it, layers, named)
        if not plain:
            reason = f"no part of it can be judged: kernel {list(it.kernel)}, {it.channels_in} channels"
            captured.left += [LeftOut(seen.name, reason) for seen in layers]
            continue
        made += [*plain, *_asked(it, layers, plain[0].case.id, captured.trains)]
    return made


def distinct(captured: Captured) -> int:
    """How many settings the convolutions have."""
    return len({seen.settings for seen in captured.seen})


def _plain(it: Settings, layers: Sequence[Seen], named: _Names) -> list[Made]:
    """The case of these settings in float32, or of what can be judged of them; none where nothing can. Where real
    numbers are kept of a kernel that is not judged whole, a case of the law `accuracy` is about it."""
    judged = it if for_every_law(it) else cut(it, for_sums)
    judged = judged or cut(it, for_every_law)
    if judged is None:
        return []
    name = named.of(layers[0].name, it)
    case = Case(name, judged, about=about(it, judged, layers), expect=Expect(size=judged.output))
    if not for_every_law(judged):
        case = replace(case, laws=(LAYERS,))
    real = next((seen for seen in layers if seen.weights is not None), None)
    if real is None:
        return [Made(case)]
    if not case.laws and judged.w_shape == it.w_shape:
        return [Made(case, real.weights)]
    small = cut(it, for_oracles, channels=False)
    if small is None:
        return [Made(case)]
    text = about(it, small, [real], "with its own weights, ")
    weighed = Case(_with(name, "weights"), small, about=text, laws=("accuracy",), expect=Expect(size=small.output))
    return [Made(case), Made(weighed, real.weights)]


def _with(name: str, suffix: str) -> str:
    """A case's name with more at its end."""
    return f"{name[: WHOLE - len(suffix) - 1].rstrip('-')}-{suffix}"


def _asked(it: Settings, layers: Sequence[Seen], case_id: str, trains: bool) -> list[Made]:
    """The cases of these settings in another dtype or memory format than float32 and contiguous."""
    found: dict[tuple[str, bool], list[Seen]] = {}
    for seen in layers:
        dtype = seen.dtype if seen.dtype in DTYPES else "float32"
        if (dtype, seen.channels_last) != ("float32", False):
            found.setdefault((dtype, seen.channels_last), []).append(seen)
    small = cut(it, for_oracles) if found else None
    if small is None or 0 in small.x_shape + small.y_shape:
        return []
    made = []
    for (dtype, last), those in found.items():
        for want in DERIVED if trains else DERIVED[:1]:
            layout = "channels-last" if last else "contiguous"
            memory = (layout, layout, layout if want != "value" else "contiguous")
            suffix = "-".join(word for word in (dtype, "last" * last, want) if word not in ("float32", "", "value"))
            text = about(it, small, those, f"{dtype}{', channels last' if last else ''}: ")
            case = Case(
                _with(case_id, suffix), small, about=text, laws=(CROSSED,),
                asked=Asked(want, dtype, memory), expect=Expect(size=small.output),
            )  # fmt: skip
            made.append(Made(case))
    return made


def about(whole: Settings, judged: Settings, layers: Sequence[Seen], before: str = "") -> str:
    """Which layers they are and how often, and the layer's own size where it is cut."""
    names = list(dict.fromkeys(_printable(seen.name) for seen in layers))
    shown = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
    times = f", run {len(layers)} times" if len(layers) > len(names) else ""
    count = f"{len(names)} layers, " if len(names) > 1 else ""
    sizes = f"{_by(whole.input)} to {_by(whole.output)}"
    text = f"{before}{count}{shown}{times}: {whole.channels_in} to {whole.channels_out} channels, {sizes}"
    if judged == whole:
        return f"{text}, as in the model."
    parts = []
    if judged.batch != whole.batch:
        parts.append(f"{judged.batch} of {whole.batch} items")
    if (judged.channels_in, judged.channels_out) != (whole.channels_in, whole.channels_out):
        parts.append(f"{judged.channels_in} to {judged.channels_out} channels")
    if judged.input != whole.input:
        parts.append(f"{_by(judged.input)} to {_by(judged.output)}")
    return f"{text}; cut here to {', '.join(parts)}."


def _printable(name: str) -> str:
    """A layer's name for a line of text."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80] or "without a name"


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def slug(name: str, most: int, tail: bool = False) -> str:
    """Words of a-z and 0-9 joined by hyphens; of a long name the beginning, or the tail."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if len(words) > most:
        words = words[-most:] if tail else words[:most]
        rest = words.partition("-")[2] if tail else words.rpartition("-")[0]
        words = (rest if len(rest) > most // 2 else words).strip("-")
    return words


class _Names:
    """The names of the cases: model, layer, settings; more of the settings where that is not enough."""

    def __init__(self, model: str) -> None:
        start = slug(model, MODEL) or "model"
        self._model = start if start[0].isalpha() else f"m-{start}"[:MODEL].rstrip("-")
        self._taken: set[str] = set()

    def of(self, layer: str, it: Settings) -> str:
        words = [self._model, slug(layer, LAYER, tail=True), f"{it.channels_in}to{it.channels_out}"]
        words += [f"k{_axes(it.kernel)}"] + ([f"s{_axes(it.stride)}"] if set(it.stride) != {1} else [])
        words += [f"d{_axes(it.dilation)}"] if set(it.dilation) != {1} else []
        stem = "-".join(filter(None, words))[:66].rstrip("-")
        for more in ("", f"n{_axes(it.input)}", it.digest[:8]):
            name = f"{stem}-{more}"[:WHOLE].rstrip("-") if more else stem
            if name not in self._taken:
                break
        self._taken.add(name)
        return name


def _axes(sizes: Sequence[int]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else _by(sizes)
