"""What an upgrade leaves behind: the page, Markdown and JSON, and the words for a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convt.page.compare_forms import render
from convt.page.page import page_environment
from convt.results.changes import Comparison
from convt.upgrade.found import Found, summary, to_json
from convt.upgrade.found import render as render_found
from convt.upgrade.installing import Pair
from convt.upgrade.request import Upgrade

SECTIONS = """
<section id="environments">
<h2>Environments</h2>
<pre class="plain">{{ environments }}</pre>
</section>
{% if searches %}<section id="search">
<h2>Search</h2>
<p class="lead">Generated cases, drawn from the seed: each difference once, as its minimal example.</p>
{% for found in searches %}
<h3>{{ found.before }} and {{ found.after }}</h3>
<p>{{ summary(found) }}</p>
{% for it in found.differences %}<details class="file"{% if it.direction == "worse" %} open{% endif %}>
<summary><b>{{ it.kind }}</b> {{ it.says }}</summary>
<pre class="plain">{{ it.yaml }}</pre>
{% for name, script in ((found.before, it.script_before), (found.after, it.script_after)) if script %}
<p class="muted">{{ name }}</p>
<pre class="plain">{{ script }}</pre>
{% endfor %}</details>
{% endfor %}{% endfor %}
</section>{% endif %}
"""


@dataclass(frozen=True)
class Told:
    """An upgrade, told: the environments, the comparison of the cases, and what the searches found."""

    pair: Pair
    compared: Comparison
    """The cases alone."""
    searches: Sequence[Found]

    @property
    def comparison(self) -> Comparison:
        """The cases, compared, with how many differences the searches found: what decides, and the headline."""
        found = Counter(difference.direction for search in self.searches for difference in search.differences)
        return replace(self.compared, found=found)

    def text(self) -> str:
        """For a terminal."""
        parts = [render(self.comparison), *(render_found(found, scripts=False) for found in self.searches)]
        return "\n\n".join(part.rstrip() for part in parts)

    def markdown(self) -> str:
        """For the summary of a CI's job."""
        header = _fenced("\n".join(self.pair.lines()))
        searched = [_fenced(render_found(found, scripts=False).rstrip()) for found in self.searches]
        return "\n\n".join([render(self.comparison, "markdown").rstrip(), header, *searched]) + "\n"

    def data(self) -> dict[str, Any]:
        """Everything, for programs."""
        sides = (self.pair.before, self.pair.after)
        environments = {
            side.name: {
                "python": side.made_of.version,
                "requirements": side.requirements,
                "versions": side.versions,
                "notes": side.notes,
            }
            for side in sides
        }
        searches = [to_json(found) for found in self.searches]
        compared = json.loads(render(self.comparison, "json"))
        told = {
            "exit": self.comparison.exit_status,
            "worse": self.comparison.worse,
            "environments": environments,
            "search": searches,
        }
        return compared | told | ({"lock": _locks(self.pair.upgrade)} if self.pair.upgrade.locked else {})

    def page(self) -> str:
        """The comparison's page, with the environments and what the searches found at its end."""
        template = page_environment().from_string(SECTIONS)
        environments = "\n".join(self.pair.lines())
        own = template.render(environments=environments, searches=self.searches, summary=summary)
        before, end, after = render(self.comparison, "html").rpartition("</main>")
        if not end:
            raise ValueError("the page of a comparison has no main part")
        return before + own + end + after

    def write(self, folder: Path) -> list[Path]:
        """Write upgrade.html, compare.md and compare.json; their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            "upgrade.html": self.page(),
            "compare.md": self.markdown(),
            "compare.json": json.dumps(self.data(), indent=1, ensure_ascii=False) + "\n",
        }
        for name, text in texts.items():
            part = folder / f"{name}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(folder / name)
        return [folder / name for name in texts]


def _locks(upgrade: Upgrade) -> dict[str, Any]:
    """What two lock files say: the files, what moved and where that stands, and what a header says beside."""
    files = {
        side: {"file": it.path, "kind": it.kind, "python": it.python, "exact_python": it.exact_python}
        for side, it in upgrade.locked.items()
    }
    moved = [
        {"package": it.package, "before": it.before, "after": it.after, "file": it.place.file, "line": it.place.line}
        for it in upgrade.moved
    ]
    places = {target: {"file": file, "line": line} for target, (file, line) in upgrade.pointed().items()}
    return files | {"moved": moved, "places": places, "notes": list(upgrade.notes)}


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"
