"""Which found difference explains another form, and what is left of it where none does.

A found, shrunk difference explains a form of the same sort when

1. the form has every feature of the shrunk one, to its level or beyond;
2. the form needs no feature that stands alone (a bias, groups, a keyword, ..) beyond those: without that feature it
   still shows the difference. Geometry is left out of this, because a condition such as `kernel > stride` ties several;
3. the difference is gone as soon as one of the shrunk one's features is lowered below its level, in every way.

Where 3 fails, the lowered form shows a difference that the found ones do not explain. Where 2 fails, the form does,
as long as it goes on needing that feature. A difference that shows only where a found one of its sort shows as well
cannot be told from it, and is not looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from convt.upgrade.forms import FLAGS, HEADROOM, SIZES, Form, lowered, mended, spelled_out
from convt.upgrade.questions import FRACTIONS, INTEGERS
from convt.upgrade.sides import Looker, Shown

MOST = 192
"""The most forms that are asked to see whether something is left."""


@dataclass(frozen=True)
class Rest:
    """A form whose difference no found one explains, and the features that it has to go on needing."""

    shown: Shown
    needs: tuple[str, ...] = ()


class Attribution:
    """The differences found so far, and the question whether they explain another one."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._found: list[Shown] = []

    def add(self, shown: Shown) -> None:
        """Keep a found difference; where it ends a process, forms with its features are not asked any more."""
        self._found.append(shown)
        if shown.fatal:
            self._looker.avoided.append(shown.form)

    def alike(self, shown: Shown) -> list[Shown]:
        """The found differences of the same sort whose features the form has."""
        but = _unread(shown)
        return [it for it in self._found if it.sort == shown.sort and shown.form.contains(it.form, but)]

    def plainer(self, shown: Shown) -> Shown:
        """The same operation in pairs, where that shows the difference too: then no keyword is needed for it, and
        where the plain call in pairs shows it, no other call form."""
        spelled = spelled_out(shown.form) or shown.form
        if shown.fatal:
            return shown
        if shown.question.track.call_form:
            by_pairs = [it for it in self._looker.look([spelled], [INTEGERS])[0] if it.mark == shown.mark]
            if by_pairs:
                return by_pairs[0]
        return shown if spelled is shown.form else self._looker.shows([spelled], shown)[0] or shown

    def prepare(self, many: Sequence[Shown]) -> None:
        """Ask at once what `rest_of` wants to know about many."""
        wanted: dict[object, tuple[list[Form], Shown]] = {}
        for shown in many:
            if shown.fatal:
                continue
            found = self.alike(shown)
            forms = [*_without_flags(shown.form, found), *_escapes(shown, found)]
            spelled = spelled_out(shown.form)
            forms += [spelled] if spelled is not None else []
            wanted.setdefault(shown.question.track, ([], shown))[0].extend(forms)
        for forms, like in wanted.values():
            self._looker.shows(list(dict.fromkeys(forms)), like)

    def rest_of(self, shown: Shown) -> Rest | None:
        """What the found differences leave unexplained of one; None where they explain it."""
        found = self.alike(shown)
        if not found:
            return Rest(shown)
        if shown.fatal:
            return None  # each further question might end a process
        needed = self._needed(shown, found)
        if needed and not any(all(it.form.levels[flag] for flag in needed) for it in found):
            return Rest(shown, tuple(needed))
        left = _escapes(shown, found)
        still = [it for it in self._looker.shows(left, shown) if it is not None]
        return Rest(max(still, key=lambda it: it.form.key)) if still else None

    def keeps(self, needs: Sequence[str], like: Shown) -> Callable[[Sequence[Form]], list[bool]]:
        """Whether forms show a difference of that sort, and need each of these features for it."""

        def shows(forms: Sequence[Form]) -> list[bool]:
            have = [form for form in forms if all(form.levels[flag] for flag in needs)]
            without = {form: [_without(form, flag) for flag in needs] for form in have}
            asked = [*have, *(it for ways in without.values() for way in ways for it in way)]
            answers = dict(zip(asked, self._looker.shows(asked, like), strict=True))

            def holds(form: Form) -> bool:
                shown = form in without and answers[form] is not None
                return shown and all(self._gone(way, like) for way in without[form])

            return [holds(form) for form in forms]

        return shows

    def _needed(self, shown: Shown, found: Sequence[Shown]) -> list[str]:
        """The features that stand alone, beyond those of the found ones, without which the difference is gone."""
        if shown.mark.kind == "bits":
            return []
        needed = []
        for flag in _beyond(shown.form, found):
            ways = _without(shown.form, flag)
            if self._gone(ways, shown):
                needed.append(flag)
        return needed

    def _gone(self, ways: Sequence[Form], like: Shown) -> bool:
        """Whether no way of doing without a feature shows the difference, on whatever numbers, and one of them could
        have shown it: where every number is 0, it could not."""
        tracks = [INTEGERS, FRACTIONS] if like.question.track == FRACTIONS else [like.question.track]
        found = [it for its in self._looker.look(ways, tracks) for it in its]
        return not any(it.mark == like.mark for it in found) and not all(self._looker.silent(way) for way in ways)


def _beyond(form: Form, found: Iterable[Shown]) -> list[str]:
    """The features that stand alone, which the form has and one of the found ones does not. The size that `same` is
    given is geometry: it is a way to ask for another crop."""
    flags = [flag for flag in FLAGS if flag != "output size" or not form.levels["same"]]
    return [flag for flag in flags if form.levels[flag] and any(not it.form.levels[flag] for it in found)]


def _without(form: Form, flag: str) -> list[Form]:
    """The form without a feature; where that gave room, also with more room by a longer input."""
    ways = lowered(form, flag, 0)
    if flag not in ("output padding", "output size", "same", "valid"):
        return ways
    longer = (replace(way, axes=tuple(axis._replace(n=axis.n + 1) for axis in way.axes)) for way in ways)
    return [*ways, *(it for way in longer if (it := mended(way)) is not None)]


def _without_flags(form: Form, found: Sequence[Shown]) -> list[Form]:
    return [way for flag in _beyond(form, found) for way in _without(form, flag)]


def _unread(shown: Shown) -> Collection[str]:
    """The features that say nothing about the cause: which sums round otherwise depends on sizes of every sort."""
    return SIZES if shown.mark.kind == "bits" else HEADROOM


def _escapes(shown: Shown, found: Sequence[Shown]) -> list[Form]:
    return escapes(shown.form, [it.form for it in found], _unread(shown))


def escapes(form: Form, found: Sequence[Form], but: Collection[str] = HEADROOM) -> list[Form]:
    """The form with as little as possible lowered, so that it has the features of no found one any more."""
    free: dict[Form, None] = {}
    seen = {form}
    open_ = [form]
    while open_ and len(free) < MOST:
        it = open_.pop(0)
        holder = next((other for other in found if it.contains(other, but)), None)
        if holder is None:
            free[it] = None
            continue
        for name, level in holder.levels.items():
            for below in range(level - 1, -1, -1) if name not in but else ():
                for way in lowered(it, name, below):
                    if way not in seen:
                        seen.add(way)
                        open_.append(way)
    return list(free)
