"""One search on its way: draws, asks, explains what differs by what was found, and shrinks what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from convt.adapter.backend import Outcome, Probe
from convt.upgrade.attribute import Attribution, Rest
from convt.upgrade.draws import rounds
from convt.upgrade.forms import Form, form_of, spelled_out
from convt.upgrade.kinds import SOME, Mark, marks
from convt.upgrade.questions import DEEP, INTEGERS, Track, questions, small, tracks
from convt.upgrade.shrink import smallest
from convt.upgrade.sides import Answers, Looker, OutOfTime, Shown, Sides

REPEATS = 3
"""How often a difference is asked again before it counts: each time both sides have to say the same."""
FATAL = 8
"""In how many steps a difference that ends a process is shrunk: each of them costs a start or two."""

Report = Callable[[str], None]


class MinimalExample:
    """A difference, the other forms that were shrunk to it, and the number of drawn cases that it explains."""

    def __init__(self, shown: Shown, is_smallest: bool) -> None:
        self.shown, self.smallest, self.seen = shown, is_smallest, 0
        self.forms = [shown]
        self.also: dict[str, Shown] = {}
        """By keyword: the smallest form that says `same` or `valid` and shows this too."""

    @property
    def told(self) -> list[Shown]:
        """The forms that people see, the one with the fewest features first."""
        return sorted((self.shown, *self.also.values()), key=lambda shown: (shown.form.count, shown.form.key))


class Hunt:
    """One search on its way."""

    def __init__(self, sides: Sides, evaluator: Answers, call_forms: int, report: Report) -> None:
        self.sides = sides
        self.examples_found: list[MinimalExample] = []
        self.notes: list[str] = []
        self.tried = 0
        self._evaluator, self._call_forms, self._report = evaluator, call_forms, report
        self._looker = Looker(sides)
        self._attribution = Attribution(self._looker)
        self._unsteady: set[str] = set()
        self._open: list[Shown] = []
        """What differs in this round, the plainest first."""

    def run(self, seed: int, count: int) -> str:
        """Try that many cases; why it ended before, or an empty text."""
        try:
            for drawn in rounds(seed, count):
                forms = [form for case in drawn if not self._looker.avoids(form := form_of(case))]
                self._round(list(dict.fromkeys(forms)))
                if self.sides.lost:
                    return self.sides.lost
                self._free()
        except OutOfTime:
            self._leave()
            return "the budget is spent"
        return ""

    def _leave(self) -> None:
        """Keep, as it was drawn, what there was no time for: the plainest of each sort that nothing is found of."""
        for shown in self._open:
            if not any(it.shown.sort == shown.sort for it in self.examples_found):
                self._keep(shown, is_smallest=False).seen += 1

    def _round(self, forms: Sequence[Form]) -> None:
        """Ask everything about these forms, and explain or shrink what differs, the plainest first."""
        self._open = self._looker.look_each({form: tracks(form, self._call_forms) for form in forms})
        self.tried += len(forms)
        self._open.sort(key=lambda shown: shown.form.key)
        self._attribution.prepare(self._open)
        for shown in self._open:
            self._explain(shown)
        self._open = []

    def _explain(self, shown: Shown) -> None:
        """Shrink what no found difference explains, until all of this one is explained: in pairs where that shows it.

        Where what was found has to do with the keyword's form too, that may have a difference of its own beside it.
        """
        plainer = self._attribution.plainer(shown)
        causes: list[MinimalExample] = []
        self._exhaust(plainer, causes)
        if plainer is not shown and plainer.sort == shown.sort and self._attribution.alike(shown):
            self._exhaust(shown, causes)
        if not causes and (holder := self._holder(plainer)) is not None:
            causes.append(holder)
        for example in dict.fromkeys(causes):
            example.seen += 1
        if len(set(causes)) == 1:
            self._also(shown, causes[0])

    def _exhaust(self, shown: Shown, causes: list[MinimalExample]) -> None:
        """Shrink what is left of a difference until nothing is; `causes` hears what it comes from."""
        while (left := self._attribution.rest_of(shown)) is not None:
            if (some := self._same_numbers(left.shown)) is not None:
                causes.append(some)
                return
            if not self._steady(left.shown) or not self._take(left, causes):
                return

    def _also(self, shown: Shown, example: MinimalExample) -> None:
        """Find the smallest form with this keyword, where that stands for pairs which the difference needs."""
        keyword = shown.form.keyword
        idle = any(shown.form.contains(it.form) for it in example.forms)
        if not keyword or keyword in example.also or idle or shown.fatal:
            return

        def shows(forms: Sequence[Form]) -> list[bool]:
            pairs = {form: spelled_out(form) for form in forms if form.keyword == keyword}
            both = {
                form: it for form, it in pairs.items() if it and any(it.contains(own.form) for own in example.forms)
            }  # the same difference as in pairs, not another one of the keyword's own
            asked = list(dict.fromkeys([*both, *both.values()]))
            holds = dict(zip(asked, self._looker.shows(asked, shown), strict=True))
            return [form in both and bool(holds[form] and holds[both[form]]) for form in forms]

        if not shows([shown.form])[0]:
            return
        form, _ = smallest(shown.form, shows)
        example.also[keyword] = replace(self._known_to_show(form, shown), mark=example.shown.mark)
        twin = next((it for it in self.examples_found if it is not example and _twins(it, example)), None)
        if twin is not None:  # by this keyword they are one
            self.examples_found.remove(example)
            twin.seen += example.seen
            twin.forms += example.forms

    def _take(self, left: Rest, causes: list[MinimalExample]) -> bool:
        """Shrink a remnant and keep it, or what it turns out to be the same as; False where that is known already."""
        shown, fatal = left.shown, left.shown.fatal
        keeps = self._attribution.keeps(left.needs, shown)
        form, done = smallest(shown.form, keeps, 1, FATAL) if fatal else smallest(shown.form, keeps)
        low = self._known_to_show(form, shown)
        known = [example for example in self.examples_found if any(_same(it, low) for it in example.forms)]
        if known:
            causes.append(known[0])
            return False
        form, done = smallest(form, keeps, exchanging=True) if done and not fatal else (form, done)
        best = self._known_to_show(form, shown)
        kept = self._depending(best)
        example = self._same(kept) or self._keep(kept, done and not self.sides.lost)
        for other in (low, best):
            if not _same(other, kept):
                example.forms.append(other)
                self._attribution.add(other)
        causes.append(example)
        self.sides.check()
        return True

    def _depending(self, best: Shown) -> Shown:
        """The difference, marked where it shows with some integers only: then sizes tell little about its cause, and
        all such differences count as one."""
        if best.question.track != INTEGERS or best.fatal or self.sides.lost:
            return best
        deep = questions(best.form, INTEGERS, DEEP)
        self.sides.ask(question.probe for question in deep)
        shows = [best.mark in marks(question.probe, *self.sides.outcomes(question.probe)) for question in deep]
        if all(shows) and not self._large(best):
            return best
        return replace(best, mark=Mark(best.mark.kind, SOME))

    def _large(self, shown: Shown) -> bool:
        """Whether the difference is gone with small numbers, so that large ones are its cause."""
        asked = small(shown.form)
        self.sides.ask(question.probe for question in asked)
        return not any(shown.mark in marks(it.probe, *self.sides.outcomes(it.probe)) for it in asked)

    def _same_numbers(self, shown: Shown) -> MinimalExample | None:
        """The trophy of what depends on the numbers, where there is one and large numbers are this one's cause too."""
        if shown.question.track != INTEGERS or shown.fatal:
            return None
        like = replace(shown, mark=Mark(shown.mark.kind, SOME))
        example = next((it for it in self.examples_found if it.shown.sort == like.sort), None)
        return example if example is not None and self._large(shown) else None

    def _same(self, best: Shown) -> MinimalExample | None:
        """The trophy that a shrunk difference turns out to be."""
        if best.mark.detail == SOME:
            return next((it for it in self.examples_found if it.shown.sort == best.sort), None)
        return self._holder(best) if self._attribution.rest_of(best) is None else None

    def _known_to_show(self, form: Form, shown: Shown) -> Shown:
        """The difference on a form that is known to show it; asks nothing, so that a spent budget does not matter."""
        if form == shown.form:
            return shown
        for question in questions(form, shown.question.track):
            pair = self.sides.known(question.probe)
            if pair is not None and shown.mark in marks(question.probe, *pair):
                return Shown(form, shown.mark, question)
        return shown

    def _steady(self, shown: Shown) -> bool:
        """Whether both sides say the same again and again; where one does not, that is the difference."""
        if shown.fatal or self.sides.lost:
            return True
        probe = shown.question.probe
        again = [_repeat(probe, at) for at in range(1, REPEATS + 1)]
        self.sides.ask(again)
        pairs = [self.sides.outcomes(it) for it in (probe, *again)]
        if all(shown.mark in marks(probe, *pair) for pair in pairs):
            return True
        answers = {"before": {_bits(pair[0]) for pair in pairs}, "after": {_bits(pair[1]) for pair in pairs}}
        changing = [side for side, its in answers.items() if len(its) > 1]
        if len(changing) == 1:
            self._unsteadily(changing[0], shown)
        elif changing:
            self._note("both sides give some probes other answers from one time to the next")
        return False

    def _unsteadily(self, side: str, shown: Shown) -> None:
        if side not in self._unsteady:
            self._unsteady.add(side)
            mark = Mark("unsteady", side)
            form, done = smallest(shown.form, lambda forms: self._change(forms, shown.question.track, side))
            self._keep(Shown(form, mark, questions(form, shown.question.track)[0]), done)
        for example in self.examples_found:
            example.seen += example.shown.mark == Mark("unsteady", side)

    def _change(self, forms: Sequence[Form], track: Track, side: str) -> list[bool]:
        """Whether one side, and not the other, gives a form's first question other answers when it is asked again."""
        probes = {form: questions(form, track)[0].probe for form in forms}
        again = {form: [_repeat(probe, at) for at in range(2 * REPEATS + 2)] for form, probe in probes.items()}
        self.sides.ask(it for its in again.values() for it in its)
        found = []
        for form in forms:
            pairs = [self.sides.outcomes(it) for it in again[form]]
            changing = [name for at, name in enumerate(("before", "after")) if len({_bits(it[at]) for it in pairs}) > 1]
            found.append(changing == [side])
        return found

    def _holder(self, shown: Shown) -> MinimalExample | None:
        alike = self._attribution.alike(shown)
        return next((it for it in reversed(self.examples_found) if any(own in alike for own in it.forms)), None)

    def _keep(self, shown: Shown, is_smallest: bool) -> MinimalExample:
        example = MinimalExample(shown, is_smallest)
        self.examples_found.append(example)
        self._attribution.add(shown)
        self._report(f"{len(self.examples_found)}. {shown.mark.kind} after {self.tried:,} cases")
        return example

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _free(self) -> None:
        """Forget what nobody asks again: everything but the smallest cases."""
        kept = {shown.question.probe.key for it in self.examples_found for shown in it.told}
        forget = getattr(self._evaluator, "forget", None)
        keys = self.sides.forget(kept)
        if forget is not None:
            forget(keys)


def _same(one: Shown, other: Shown) -> bool:
    return one.form == other.form and one.sort == other.sort


def _twins(one: MinimalExample, other: MinimalExample) -> bool:
    """Whether two differences are one by a keyword: their smallest forms that say it are the same."""
    return any(_same(it, its) for it in one.told for its in other.also.values())


def _repeat(probe: Probe, at: int) -> Probe:
    return replace(probe, repeat=at)


def _bits(outcome: Outcome) -> tuple[str, object, str]:
    return (outcome.kind, outcome.shape, outcome.digest)
