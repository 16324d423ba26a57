"""Layers by chance, said in one framework's words and translated to another's, and both run: do they compute the same?

Every framework runs in a process of its own, which gets source text and arrays and gives arrays back.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from convt.conv.data import exact
from convt.conv.oracles import reference
from convt.conv.settings import Settings, SettingsError
from convt.translation.dialect import Dialect, Spoken, Unsayable, dialects
from convt.translation.kernels import KernelLayout, own_layout
from convt.translation.layer import LayerError, layer_of
from convt.translation.translating import Translation, port, read, translate

UNOPTIMIZED = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
"""JAX compiles each program, and is the slowest of all by that: what a call means needs no fast code."""
ENGINES: dict[str, tuple[str, dict[str, str]]] = {
    "torch": ("torch", {}),
    "tensorflow": ("tensorflow", {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}),
    "jax": ("jax", UNOPTIMIZED),
    "flax": ("flax", UNOPTIMIZED),
    "equinox": ("equinox", UNOPTIMIZED),
    "onnx": ("onnxruntime", {"ORT_DISABLE_TELEMETRY": "1"}),
    "keras@torch": ("torch", {"KERAS_BACKEND": "torch"}),
    "keras@tensorflow": ("tensorflow", {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}),
    "keras@jax": ("jax", {"KERAS_BACKEND": "jax"} | UNOPTIMIZED),
}
"""Who runs programs: a dialect, for Keras with its engine; the package that it needs, and variables of its process."""

CHILD = """
import pickle, sys
import numpy as np

OURS, path = sys.argv[1:]
if OURS == "torch":
    import torch
out = open(path + ".out", "wb", buffering=0)
for text, names in pickle.loads(open(path, "rb").read()):
    try:
        if OURS == "torch":  # what `port` makes stays numpy's
            names["x"] = torch.from_numpy(names["x"])
        exec(compile(text, "<program>", "exec"), names)
        y = names["y"]
        answer = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"[:400]
    out.write(pickle.dumps(answer))
"""


class Run(Protocol):
    """A program, the arrays that it uses, and what must come out."""

    @property
    def it(self) -> Settings: ...

    @property
    def words(self) -> str:
        """The layer's text."""

    @property
    def text(self) -> str:
        """The program's."""

    @property
    def names(self) -> dict[str, Any]: ...

    @property
    def expected(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Job:
    """One translation to be run: what it is of, and what must come out."""

    it: Settings
    words: str
    """The layer's text from which it was read."""
    translation: Translation
    names: dict[str, Any]
    """The arrays that the program uses."""
    expected: np.ndarray
    """In the order of axes of the program's own y."""

    @property
    def text(self) -> str:
        return self.translation.program()


def missing(engine: str) -> list[str]:
    """The packages that an engine needs and that are not installed."""
    return [name for name in (engine.split("@")[0], ENGINES[engine][0]) if importlib.util.find_spec(name) is None]


def layers(seed: int, count: int) -> Iterator[Settings]:
    """Settings by chance: 1-D to 3-D, both operations, every way to say the border."""
    chance = random.Random(seed)
    while count:
        try:
            it = _layer(chance)
        except SettingsError:
            continue
        if 0 in it.output or max(it.output) > 40:
            continue
        count -= 1
        yield it


def _layer(chance: random.Random) -> Settings:
    rank, groups = chance.choice((1, 1, 2, 2, 2, 3)), chance.choice((1, 1, 1, 2, 3))
    wide = chance.random() < 0.4

    def per_axis(values: Sequence[int]) -> tuple[int, ...]:
        return tuple(chance.choices(values, k=rank)) if wide else (chance.choice(values),) * rank

    said: dict[str, Any] = {
        "op": chance.choice(("conv_transpose", "conv_transpose", "conv")), "input": per_axis(range(1, 8)),
        "kernel": per_axis(range(1, 6)), "stride": per_axis((1, 1, 2, 2, 3, 4)), "dilation": per_axis((1, 1, 1, 2, 3)),
        "groups": groups, "channels_in": groups * chance.randint(1, 2), "channels_out": groups * chance.randint(1, 2),
        "bias": chance.random() < 0.5, "batch": chance.choice((1, 1, 2)),
    }  # fmt: skip
    border = chance.choice(("same", "valid", "one number", "pairs"))
    if border in ("same", "valid"):
        said["padding"] = border
    else:
        los = per_axis(range(4))
        his = los if border == "one number" else per_axis(range(4))
        said["padding"] = tuple(zip(los, his, strict=True))
    if said["op"] == "conv_transpose" and border != "same" and chance.random() < 0.4:
        said["output_padding"] = per_axis(range(4))
    elif said["op"] == "conv_transpose" and chance.random() < 0.3:
        plain = Settings(**said)
        said["output_size"] = tuple(out + chance.randint(-2, 2) for out in plain.output)
    return Settings(**said)


def texts(it: Settings) -> Iterator[tuple[str, KernelLayout]]:
    """The layer in the words of every framework that says it in one call, and how that call wants its kernel."""
    for dialect in dialects().values():
        for kind in dialect.kinds:
            try:
                said = dialect.say(it, kind)
            except Unsayable:
                continue
            yield said.source(it), said.kernel


def jobs(it: Settings, engines: Iterable[str]) -> Iterator[tuple[str, Job]]:
    """The layer translated from every framework's words to every engine's: (engine, what it is to run), each once."""
    arrays = exact(it)
    expected = reference(it, arrays.x, arrays.w, arrays.b)
    spread = own_layout(it).spread(arrays.w, it.groups)
    seen: set[tuple[str, str, bytes]] = set()
    own = Spoken(layer_of(it), "convt.Settings", own_layout(it), channels_last=False)
    written = ((text, read(text), layout) for text, layout in texts(it))
    for words, spoken, layout in (("the settings", own, own.kernel), *written):
        again = spoken.layer.settings(it.input, channels_in=it.channels_in, batch=it.batch)
        again = again if again.bias == it.bias else again.replace(bias=it.bias)  # a function adds it outside
        weights = [layout.gather(spread)] + ([] if arrays.b is None else [arrays.b])
        for engine in engines:
            dialect = dialects()[engine.split("@")[0]]
            try:
                translation = translate(again, dialect)
            except LayerError:
                if translatable(dialect):
                    raise
                continue
            state = port(weights, spoken, translation)
            key = (engine, translation.program(), pickle.dumps(state))  # the arrays too: a wrong one is another job
            if key in seen:
                continue
            seen.add(key)
            state, bias = state if translation.plan.bias_last else (state, None)
            x, y = arrays.x, expected
            if translation.said.channels_last:
                x, y = np.moveaxis(x, 1, -1), np.moveaxis(y, 1, -1)
            names = {"x": np.ascontiguousarray(x), "state": state, "bias": bias}
            yield engine, Job(it, words, translation, names, y)


def translatable(dialect: Dialect) -> bool:
    """Whether every layer can be said in these words, perhaps with something around the call."""
    return dialect.name not in ("yaml",)


def answers(engine: str, asked: Sequence[Run]) -> list[np.ndarray | str]:
    """What the programs compute, each `y` or the words of its exception; from a process that runs all of them.

    Without AVX-512, with which oneDNN leaves columns of one channel unwritten (see docs/findings.md): what a
    translation means is asked here, not what a processor makes of it.
    """
    found: list[np.ndarray | str] = []
    while len(found) < len(asked):
        some, ended = _run(engine, asked[len(found) :])
        assert some or ended, f"{engine} answered nothing"
        found += [*some, ended] if ended else some
    return found


def _run(engine: str, asked: Sequence[Run]) -> tuple[list[np.ndarray | str], str]:
    """What one process answers, and how it ended where a program ended it; empty where it answered all."""
    _, variables = ENGINES[engine]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs"
        path.write_bytes(pickle.dumps([(job.text, job.names) for job in asked]))
        command = [sys.executable, "-c", CHILD, "torch" if engine == "torch" else "arrays", str(path)]
        env = {**os.environ, **variables, "ONEDNN_MAX_CPU_ISA": "AVX2"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        out, some = Path(f"{path}.out"), []
        assert out.exists(), f"{engine} did not start: {done.stderr[-2000:]}"
        with out.open("rb") as file:
            while file.tell() < out.stat().st_size:
                some.append(pickle.load(file))  # noqa: S301  our own
    words = done.stderr.strip()[:300]
    return some, f"the process ended with {done.returncode}: {words}" if len(some) < len(asked) else ""


def wrong(asked: Sequence[Run], found: Sequence[np.ndarray | str]) -> list[str]:
    """What did not come out as it must, in sentences."""
    said = []
    for job, y in zip(asked, found, strict=True):
        if isinstance(y, str):
            problem = y
        elif y.shape != job.expected.shape:
            problem = f"shape {y.shape}, not {job.expected.shape}"
        elif not np.array_equal(y, job.expected):
            problem = f"{np.count_nonzero(y != job.expected)} of {y.size} numbers differ"
        else:
            continue
        said.append(f"{job.words}\n{job.text}\n-> {problem}; {job.it}")
    return said
