"""The page's colours can be read in both schemes: contrast computed from its own variables."""

from __future__ import annotations

import re

import pytest

from convt.content import ROOT
from convt.results.vocabulary import STANDINGS


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes() -> dict[str, dict[str, str]]:
    """The colours of the light and of the dark scheme, by variable."""
    css = (ROOT / "reports" / "templates" / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\n\s*\}", css, re.S)
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for name, block in zip(("light", "dark"), blocks, strict=True)
    }


PAIRS = [
    *((name, ground) for name in STANDINGS for ground in ("bg", "panel", f"{name}-bg")),
    *((name, ground) for name in ("ink", "muted", "link") for ground in ("bg", "panel")),
    *(("ink", f"{name}-bg") for name in ("known", "not-run")), ("muted", "not-run-bg"), ("ink", "code-bg"),
    ("link", "known-bg"),
    ("stamp-ink", "stamp-a"), ("stamp-ink", "stamp-b"), ("muted", "known-bg"),
    ("ink", "heat"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS, ids=lambda part: part)
def test_text_has_contrast_of_4_5(scheme: str, ink: str, ground: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[ink], colours[ground]) >= 4.5


def test_both_schemes_name_the_same_colours() -> None:
    light, dark = schemes().values()
    assert set(light) == set(dark)
