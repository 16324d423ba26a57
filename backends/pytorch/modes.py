"""The modes of PyTorch: how the same call is run, or what is made of its layer first."""

from __future__ import annotations

from convt.adapter.backend import ABSTRACT, RESIZES, Program
from convt.adapter.form import Form

from .calls import Words
from .made import MADE
from .programs import Compiled, Exported, Scripted, Text

RUN = {"compile": Compiled, "export": Exported, "script": Scripted}
MODES = ("eager", *RUN, *MADE)


def program(form: Form, words: Words, mode: str, device: str, compiler: str) -> Program:
    """The program of a form whose call is said by these words. `compiler` is torch.compile's backend.

    Of a call that means nothing nothing is made: the layer itself is to refuse it.
    """
    want = form.want
    if want in RESIZES:
        return Text(form, words, device, compiler).resize(form)
    if want in ABSTRACT:
        return Text(form, words, "meta" if want == "shape" else device, compiler).abstract(want)
    by: dict[str, type[Text]] = {**RUN, **(MADE if form.invalid is None else {})}
    return by.get(mode, Text)(form, words, device, compiler).program(want)
