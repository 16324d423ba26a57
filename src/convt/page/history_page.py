"""The history page: for each case that ever changed, the releases in which it did. One file, from disk, no script."""

from __future__ import annotations

from pathlib import Path

from convt.page.history_views import MOST_LINKS, SeriesView, read_history, series_of
from convt.page.page import page_environment
from convt.results.tally import plural


def write_history(folder: Path, out: Path) -> None:
    """Write the page of every release in `folder`; RunFileError where there is none, or one cannot be read."""
    text = render_history(series_of(read_history(folder)))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(out)


def render_history(series: list[SeriesView]) -> str:
    """The page."""
    template = page_environment().get_template("history.html")
    return template.render(series=series, headline=headline(series), most=MOST_LINKS)


def headline(series: list[SeriesView]) -> str:
    """What the page says, in a sentence or two."""
    releases = sum(view.judged for view in series)
    moved = [f"{view.changed:,} of {view.cases:,} on {view.target}" for view in series if view.changed]
    still = [view.target for view in series if not view.changed and view.judged > 1]
    said = f"{plural(releases, 'release')} judged. "
    said += f"Cases that changed: {', '.join(moved)}." if moved else "No case ever changed."
    return said + (f" None on {', '.join(still)}." if moved and still else "")
