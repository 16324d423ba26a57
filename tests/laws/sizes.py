"""Laws of shapes."""

from __future__ import annotations

from collections.abc import Mapping

from backends.interface import Outcome, Probe
from specs.case import Case
from tests.laws.base import PASS, Judgement, Law
from tests.laws.compare import same_shape


class OutputShape(Law):
    """The output's shape follows the size law, and abstract evaluation says the same."""

    id = "output-shape"
    source = "section 3; arXiv:1603.07285, relationship 14"

    def probes(self, case: Case) -> dict[str, Probe]:
        data = case.data()
        return {
            "value": Probe(case.settings, data.x, data.w, data.b),
            "shape": Probe(case.settings, data.x, data.w, data.b, want="shape"),
        }

    def judge(self, case: Case, got: Mapping[str, Outcome]) -> Judgement:
        value = got["value"].value
        computed = same_shape(value.shape, case.settings.y_shape)
        abstract = got["shape"].shape
        if computed is not PASS or abstract is None:
            return computed
        return same_shape(abstract, case.settings.y_shape, "abstract shape")
