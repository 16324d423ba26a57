"""What the installed frameworks say of the signatures that the dialects have by heart, from a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from convt.translation.dialect import Dialect
from convt.translation.signatures import REQUIRED, Signature

ASK = """
import importlib, inspect, json, sys
from operator import attrgetter

opened, *names = sys.argv[1:]
importlib.import_module(opened)
root = sys.modules[opened.partition(".")[0]]
found = {}
for name in names:
    of = attrgetter(name.partition(".")[2])(root)
    given = inspect.signature(of.__init__ if inspect.isclass(of) else of).parameters.values()
    found[name] = [[p.name, "REQUIRED" if p.default is p.empty else p.default] for p in given
                   if p.name != "self" and p.kind is not p.VAR_KEYWORD]
print(json.dumps(found, default=str))
"""


def installed(module: str, dialect: Dialect, variables: dict[str, str]) -> dict[str, Any]:
    """The parameters of every form, [name, default] in their order; `module` is imported for the name's beginning."""
    command = [sys.executable, "-W", "ignore", "-c", ASK, module, *dialect.forms]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def by_heart(signature: Signature) -> list[list[Any]]:
    """The same of a signature, as JSON has it."""
    given = [[name, "REQUIRED" if value is REQUIRED else value] for name, value in signature.parameters.items()]
    found: list[list[Any]] = json.loads(json.dumps(given))
    return found


def in_order(signature: Signature) -> list[str]:
    """The names alone, those without a position last: for defaults that are no plain values."""
    return [*signature.parameters, *signature.keyword_only]
