"""A run on one screen, as text or as JSON; of several runs what they visit together."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from convt.results.coverage import ORDERS, Coverage, by_target, merged
from convt.results.mine import mine_of
from convt.results.runfile import Run, TargetInfo
from convt.results.tally import Tally, count, headline, plural
from convt.results.vocabulary import FAILING, NOTABLE, STANDINGS, SYMBOLS

WIDTH = 100
LINES = 40
COUNTED = tuple(reversed(STANDINGS))


def summary_text(run: Run) -> str:
    """At most 40 lines of at most 100 columns, and 13 of what was visited; the denominator beside every count."""
    tally = count(run)
    lines = [*_top(run, tally), "", *_targets(run, tally)]
    laws = _laws(run, tally)
    known = _known(run, tally)
    lines_left = LINES - len(lines) - len(known) - 1
    if len(laws) > lines_left:
        left = len(laws) - lines_left + 1
        laws = [*laws[: lines_left - 1], f"  ... and {left} more lines: see --format json or the page"]
    visited = _visited({name: record.counts for name, record in run.coverage.items()})
    return "\n".join([*lines, *laws, *known, *visited])


def _top(run: Run, tally: Tally) -> list[str]:
    header, footer = run.header, run.footer
    total = len(run.verdicts)
    counts = [f"{tally.total[name]:,} {name}" for name in COUNTED if tally.total[name]]
    of = [(run.cases, "case"), (header.laws, "law"), (header.targets, "target")]
    facts = f"{', '.join(plural(len(each), noun) for each, noun in of)}, {footer.seconds:.1f} s"
    where = f"{header.started}, profile {header.profile}, seed {header.seed}"
    mine = mine_of(run)
    said = [*([mine.says] if mine else []), headline(run, tally), f"{facts}; {where}"]
    said += [f"{total:,} verdicts: {', '.join(counts) or 'none'}"]
    return [line for text in said for line in _wrap(text, "")][:12]


def _wrap(text: str, first: str, rest: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _targets(run: Run, tally: Tally) -> list[str]:
    """One line a target: version, passes of all, and what else there is."""
    targets = run.header.targets
    wide = min(max((len(target.name) for target in targets), default=0), 32)
    lines = []
    for target in targets:
        counts = tally.by_target[target.name]
        said = _breakdown(counts)
        if target.missing is not None:
            said = f"NOT RUN: {target.missing}"
        line = f"  {target.name:<{wide}}  {_version(target):<20} {said}"
        lines.append(_cut(line))
    return ["targets", *_fewer(lines)]


def _fewer(lines: list[str], limit: int = 12) -> list[str]:
    if len(lines) > limit:
        return [*lines[: limit - 1], f"  ... and {len(lines) - limit + 1} more targets: see --format json or the page"]
    return lines


def _visited(targets: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[str]:
    """A line a target: the pairs and triples of values that it was asked and answered, of those that are possible."""
    lines = []
    for name, counts in targets.items():
        said = " and ".join(_counted(what, it) for what, it in counts.items())
        lines.append(_cut(f"  {name} visits {said}"))
    return (
        ["what meets what (in brackets: only in calls that the framework cannot express)", *_fewer(lines)]
        if lines
        else []
    )


def _counted(what: str, it: Mapping[str, int]) -> str:
    refused = f" ({it['refused']:,})" if it["refused"] else ""
    return f"{it['visited']:,} of {it['possible']:,} {what}{refused}"


def together_text(runs: Sequence[Run], triples: bool) -> str:
    """What several runs visit together, a line a target; where `triples`, those that no target visits, too."""
    covered = by_target(run.coverage for run in runs)
    lines = [f"{run.path}: {_headline(run)}" for run in runs]
    lines += _visited({name: it.counts for name, it in covered.items()})
    if not covered:
        return "\n".join([*lines, "none of these runs counted what it visits"])
    nobody = merged(list(covered.values()))
    few = {name: int((nobody.missing[name] & ~nobody.refused[name]).sum()) for name in ORDERS}
    lines.append(f"no target was asked {few['pairs']:,} pairs and {few['triples']:,} triples")
    shown = nobody.never("triples") if triples else {}
    lines += [f"  {a}, {b}: {', '.join(those)}" for a, others in shown.items() for b, those in others.items()]
    return "\n".join(lines)


def _headline(run: Run) -> str:
    mine = mine_of(run)
    return " ".join([*([mine.says] if mine else []), headline(run, count(run))])


def together_json(runs: Sequence[Run], triples: bool) -> dict[str, Any]:
    """The same as data: `format` 1, `runs` (path to what `summary_json` says of it), and `coverage` of all of them."""
    return {
        "format": 1,
        "runs": {str(run.path): summary_json(run, triples) for run in runs},
        "coverage": coverage_json(by_target(run.coverage for run in runs), triples),
    }


def coverage_json(covered: Mapping[str, Coverage], triples: bool) -> dict[str, Any] | None:
    """The pairs and triples of values of different dimensions that met in what targets answered; None: not counted.

    targets    by name: `pairs` and `triples`, each with `possible`, `visited`, `refused` (met only in calls that the
               adapter says the framework cannot express), and by name what is `missing` (asked nowhere: a value to
               values, of triples to values to values) and what was `only_refused`
    nowhere    the same over all targets: what no target visits

    Triples are named where `triples` says so; else they are counted.
    """
    if not covered:
        return None
    return {
        "targets": {name: _named(it, triples) for name, it in covered.items()},
        "nowhere": _named(merged(list(covered.values())), triples),
    }


def _named(it: Coverage, triples: bool) -> dict[str, Any]:
    found: dict[str, Any] = {name: dict(counts) for name, counts in it.counts.items()}
    for name in ORDERS if triples else ("pairs",):
        found[name] |= {"missing": it.never(name), "only_refused": it.only_refused(name)}
    return found


def _version(target: TargetInfo) -> str:
    return next((f"{name} {version}" for name, version in target.versions.items()), "version unknown")


def _breakdown(counts: Counter[str]) -> str:
    total = sum(counts.values())
    others = [f"{counts[name]:,} {name}" for name in STANDINGS if counts[name] and name != "pass"]
    return ", ".join([f"{counts['pass']:,} of {total:,} pass", *others]) if total else "nothing executed"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def _laws(run: Run, tally: Tally) -> list[str]:
    """A line a law where something is wrong, then the laws that hold wherever they were asked."""
    lines: list[str] = []
    holding: list[str] = []
    silent: list[str] = []
    for law in run.header.laws:
        wrong, asked = [], 0
        for target in run.header.targets:
            counts = tally.by_law.get((law.id, target.name), Counter())
            total = sum(counts.values())
            asked += total
            bad = [f"{counts[name]:,} {name}" for name in NOTABLE if counts[name]]
            if bad:
                wrong.append(f"{target.name} {', '.join(bad)} of {total:,}")
        if wrong:
            lines.extend(_wrap("; ".join(wrong), f"  {law.id:<14} ", " " * 17))
        else:
            (holding if asked else silent).append(law.id)
    if holding:
        lines.extend(_wrap(", ".join(holding), f"  {SYMBOLS['pass']} wherever asked and answered: ", "    "))
    if silent:
        lines.extend(_wrap(", ".join(silent), "  not executed: ", "    "))
    return ["laws", *lines]


def _known(run: Run, tally: Tally) -> list[str]:
    """A line a known difference, apart from everything else."""
    if not tally.known:
        return []
    lines = []
    for name, records in sorted(tally.known.items()):
        targets = ", ".join(sorted({record.target for record in records}))
        lines.append(_cut(f"  {name}: {len(records):,} of {len(run.verdicts):,} verdicts, on {targets}"))
    limit = 8
    if len(lines) > limit:
        lines = [*lines[: limit - 1], f"  ... and {len(lines) - limit + 1} more: see --format json or the page"]
    return ["known differences", *lines]


def summary_json(run: Run, triples: bool = False) -> dict[str, Any]:
    """The same as data, with these keys for ever:

    format     1
    run        started, spec (empty: 0.1 told a digest), seed, profile, command, platform, seconds, exit, oracles (their
               version)
    cases      their number
    verdicts   counts: pass, unsupported, not-run, known, error, differs, suite-bug, total. `known` are the verdicts
               that a known difference explains; they are not counted again under `differs` or `error`
    targets    a list: name, ran, missing (the reason, or null), versions, flags, verdicts (counts)
    laws       a list: id, statement, targets (name to counts); cover, where it was asked of a cover of its cases: how
               many properties that occur together among all do so there, else 0; cover_above, the same on targets
               that stand above another target's engine
    known      known difference to its number of verdicts
    mine       the user's own layers, or null where the run has none: cases (how many), says (the sentence), targets
               (name to the layers under right, differs, fails, not-judged, not-run, inexpressible; known, layer to
               the known difference that explains it, which stands under differs or fails all the same; laws, layer
               to the laws that do not hold)
    failing    the ids of the cases with a verdict differs, error or suite-bug that nothing explains
    coverage   what was visited: see `coverage_json`; null where the run counted nothing. `triples`: name them
    """
    tally, header, mine = count(run), run.header, mine_of(run)
    about = {name: getattr(header, name) for name in ("started", "seed", "profile", "command", "platform", "oracles")}
    return {
        "format": 1,
        "run": {"spec": "", **about, "seconds": run.footer.seconds, "exit": run.footer.exit},
        "cases": len(run.cases),
        "verdicts": _counts(tally.total),
        "targets": [
            {
                "name": target.name, "ran": target.missing is None, "missing": target.missing,
                "versions": target.versions, "flags": target.flags, "verdicts": _counts(tally.by_target[target.name]),
            }
            for target in header.targets
        ],
        "laws": [
            {
                "id": law.id, "statement": law.statement, "cover": law.cover, "cover_above": law.cover_above,
                "targets": {t.name: _counts(tally.by_law[law.id, t.name]) for t in header.targets},
            }
            for law in header.laws
        ],
        "known": {name: len(records) for name, records in sorted(tally.known.items())},
        "mine": mine.data() if mine else None,
        "failing": tally.cases_with(*FAILING),
        "coverage": coverage_json(by_target([run.coverage]), triples),
    }  # fmt: skip


def _counts(counts: Counter[str]) -> dict[str, int]:
    return {**{name: counts[name] for name in COUNTED}, "total": sum(counts.values())}
