"""The page of one layer: whole by itself, its drawings and calls in it, nothing of the layer's text as markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from convt.explaining.facts import explain
from convt.explaining.heat_map import MOST, heat_map
from convt.explaining.layer_page import render_layer_page, write_layer_page
from convt.translation.dialect import dialects

DOUBLING = "torch.nn.ConvTranspose2d(1, 3, 3, stride=2, padding=1, output_padding=1)"
VOID = {"meta", "link", "br", "img", "input"}


class Tags(HTMLParser):
    """Every element with its attributes; `open` is empty at the end of a page whose elements are all closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    assert not parser.open
    return parser.seen


@pytest.mark.parametrize(
    ("layer", "extents"),
    [
        (DOUBLING, (4, 4)), (DOUBLING, None), ("nn.Conv1d(1, 1, 3)", (2,)), ("nn.Conv3d(1, 2, 3)", (5, 6, 7)),
        ("nn.ConvTranspose2d(1, 1, 1, stride=3)", (40, 50)), ("nn.ConvTranspose1d(1, 1, 60000)", (60000,)),
        ("nn.ConvTranspose2d(1, 1, (3, 5), stride=(2, 1))", (3, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_a_page_is_whole_by_itself(layer: str, extents: tuple[int, ...] | None) -> None:
    seen = tags(render_layer_page(explain(layer, extents)))
    assert "script" not in {tag for tag, _ in seen}
    for tag, attributes in seen:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    ids = [attributes["id"] for _, attributes in seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(attributes.get("href") or "").lstrip("#") for tag, attributes in seen if tag == "a"}
    assert targets <= set(ids)
    assert ("html", {"lang": "en"}) in seen
    for tag, attributes in seen:
        if tag == "svg":
            assert attributes["role"] == "img"


def test_the_page_has_the_formula_the_drawing_the_map_and_every_framework() -> None:
    page = render_layer_page(explain(DOUBLING, (4, 4)))
    assert "takes 4x4 to 8x8" in page
    assert "out = (4-1)*2 + 3 - 1 - 1 + 1 = 8" in page
    assert page.count("<svg") == 2
    for dialect in dialects().values():
        assert dialect.title.replace("'", "&#39;") in page
    assert page.count('<pre tabindex="0">') >= 1


def test_a_call_that_is_not_the_whole_layer_has_its_program_beside_it() -> None:
    page = render_layer_page(explain(DOUBLING, (4, 4)))
    assert "y = y[:, 1:9, 1:9, :]" in page  # Keras crops a full result of 9x9
    assert page.count("the whole layer as a program") == 1
    assert "as a program" not in render_layer_page(explain(DOUBLING))


def test_without_an_input_the_page_says_so() -> None:
    page = render_layer_page(explain(DOUBLING))
    assert "--input gives the numbers" in page
    assert "takes n to 2n" in page
    assert "Drawn for an input of 5x5" in page


def test_the_map_shows_every_count_in_its_place() -> None:
    counts = [[1, 2, 0], [3, 12, 5]]
    svg = heat_map(counts, "title")
    cells = re.findall(r'<rect (class="[^"]*"(?: fill-opacity="([\d.]+)")?)[^>]*/><text[^>]*>(\d+)</text>', svg)
    assert [int(number) for *_, number in cells] == [1, 2, 0, 3, 12, 5]
    assert [shade for _, shade, _ in cells] == ["0.08", "0.17", "", "0.25", "1.00", "0.42"]
    assert 'class="hole"' in svg
    assert "are drawn" not in svg


def test_a_large_map_is_cut_and_says_so() -> None:
    svg = heat_map([[1] * 100] * 50, "title")
    assert svg.count("<rect") == MOST * MOST
    assert "32 of 50 rows and 32 of 100 columns are drawn." in svg


def test_a_map_says_what_its_numbers_are() -> None:
    transposed, forward = (
        render_layer_page(explain(layer, (4, 4))) for layer in (DOUBLING, "nn.Conv2d(1, 1, 3, padding=1)")
    )
    for page, says in ((transposed, "Taps that land on each output"), (forward, "How often each input is read")):
        assert f"<figcaption>{says}, both axes together: the stronger the colour, the more.</figcaption>" in page


def test_what_a_layer_says_is_never_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = DOUBLING.replace("1)", "1, device='<script>alert(1)</script>')")
    page = render_layer_page(explain(hostile, (4, 4)))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    monkeypatch.setattr("convt.page.page.Environment", _unescaped)  # and the check can fail
    assert "<script" in render_layer_page(explain(hostile, (4, 4)))


def _unescaped(**given: object) -> object:
    from jinja2 import Environment

    return Environment(**{**given, "autoescape": False})  # type: ignore[arg-type]  # noqa: S701


def test_a_page_is_written_beside_its_place_and_moved(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "layer.html"
    write_layer_page(explain(DOUBLING, (4, 4)), out)
    assert out.read_text().startswith("<!doctype html>")
    assert [path.name for path in out.parent.iterdir()] == ["layer.html"]
