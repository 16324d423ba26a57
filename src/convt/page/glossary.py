"""The words of the field, each in one sentence: docs/glossary.md and the page's tooltips come from here."""

from __future__ import annotations

TERMS = {
    "case": "One operation with all its settings, under a name that never changes.",
    "law": "One statement that must hold, such as `the output has n*s positions`.",
    "target": "Who is asked: a backend, in a mode, on a device, such as `pytorch/compile@cuda`.",
    "probe": "One evaluation: a case, its numbers, and what is wanted of them (the value, a gradient, the shape).",
    "verdict": "What a law says of a case on a target: pass, differs, error, unsupported, not-run or suite-bug.",
    "outcome": "What one evaluation ends with: a value, unsupported, an exception, a crash, a timeout, or not run.",
    "oracle": "An independent computation of the right answer; three of them must agree before anybody is judged.",
    "tolerance": "The largest error that rounding explains, computed per element; the unused part is the headroom.",
    "ulp": "The distance between two neighbouring numbers of a dtype: the unit of a rounding error.",
    "known difference": "A failure that an entry in `known.yaml` predicts: where it happens, what is seen, and why.",
    "call form": "One of the ways to write the same operation in a framework, such as a layer or a function.",
    "invalid call": "A call with a setting that has no meaning; the framework has to refuse it and name the setting.",
    "stress environment": "Memory, threads or processor features chosen to bring out faults that come and go.",
    "stride": "How many output positions lie between the contributions of two neighbouring inputs.",
    "dilation": "The distance between two neighbouring taps of the kernel.",
    "output padding": "Positions added at the end of an axis, to choose one of the sizes that one input can come from.",
    "crop": "Positions cut from the two ends of an axis of the full result; frameworks call it padding.",
    "adjoint": "The operation on the other side of a dot product: <conv(x), y> = <x, conv_transpose(y)>.",
    "block sums": "Sums over blocks of a result that is too large to be compared number by number.",
    "liar": "A backend made to be wrong in one way, which shows that a law notices it.",
    "cover": "Few cases in which every pair, or triple, of properties of all of them occurs.",
    "digest": "A short number that is the same for equal content, so that contents are compared without keeping them.",
    "profile": "How much a run looks at: which cases, how many generated ones, and which modes.",
    "strict": "Of known differences: one that explains nothing, or whose law holds after all, fails the run.",
    "minimal example": "The smallest settings and numbers, found by shrinking, that still show the difference.",
}
"""At most twenty-five."""


def tip(term: str) -> str:
    """The sentence for a tooltip; KeyError for a word that has none."""
    return TERMS[term].replace("`", "")


def glossary_page() -> str:
    """docs/glossary.md."""
    lines = [f"- **{term}**: {meaning}" for term, meaning in TERMS.items()]
    head = "<!-- written by python -m tests.suite.project.documents from src/convt/page/glossary.py; do not edit -->"
    return "\n".join(["# Glossary", "", head, "", *lines, ""])
