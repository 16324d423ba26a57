"""The content: backends, specs, laws, templates and history, as a package whose folder is found, not named.

In a wheel it stands in `convt/_content`; in a checkout it is the repository's own root. `__path__` is the only
difference between the two: `convt.content.backends.jax.adapter` is the same module either way.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("_content")
PACKED = _FOLDER.is_dir()
"""Whether this is an installed package, and no checkout."""
ROOT = _FOLDER if PACKED else Path(__file__).parents[2]
"""The folder that holds `backends`, `specs`, `tests` and `reports`."""
__path__ = [str(ROOT)]
