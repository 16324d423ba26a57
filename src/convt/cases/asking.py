"""What a case asks beside its settings, from the form of a file; what does not go together is a DataError."""

from __future__ import annotations

from convt.cases.asked import COTANGENT, CROSSED, MIXED, Asked
from convt.cases.build import DataError
from convt.cases.model import ArrayForm, CaseForm, EvaluationForm


def asked_of(form: EvaluationForm | None) -> Asked | None:
    """What a case asks beside its settings; None where every law may ask."""
    if form is None:
        return None
    memory = (form.memory.x, form.memory.w, form.memory.g)
    return Asked(form.want, form.dtype, memory, form.call_form, form.numbers)


def check_asked(form: CaseForm, batch: int) -> None:
    """DataError where a case that says what is asked of it says more than the law `crossed` judges."""
    if form.laws not in ([], [CROSSED]):
        raise DataError(f"`asked` excludes laws other than {CROSSED}: leave `laws` out", ("laws",))
    given = [getattr(form, name) for name in ("input", "kernel")]
    if any(isinstance(each, ArrayForm) and each.data is not None for each in given) or isinstance(form.bias, list):
        raise DataError("`asked` excludes literal data: give shapes alone", ("asked",))
    for name in ("expect", "refuted", "claim", "resize"):
        found = getattr(form, name)
        if found is not None and not (name == "expect" and found.model_fields_set == {"size"}):
            more = ": give `expect.size` alone" if name == "expect" else ""
            raise DataError(f"`asked` excludes `{name}`{more}", (name,))
    if form.asked is not None:
        _check_want(form.asked, form.bias is not False, batch)


def _check_want(asked: EvaluationForm, biased: bool, batch: int) -> None:
    """DataError where what is wanted does not go with the rest of what is said."""
    want = asked.want
    if want.endswith("-b") and not biased:
        raise DataError(f"`want: {want}` needs `bias: true`", ("asked", "want"))
    if want == "unbatched" and batch != 1:
        raise DataError("`want: unbatched` needs a batch of 1", ("asked", "want"))
    if want in MIXED and asked.dtype != "float32":
        raise DataError(f"`want: {want}` needs `dtype: float32`", ("asked", "dtype"))
    if asked.memory.g != "contiguous" and want not in COTANGENT:
        raise DataError(f"`memory.g` needs a derivative with a cotangent, not `want: {want}`", ("asked", "memory", "g"))
