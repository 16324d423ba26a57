"""Who is asked: `backend[/mode][@device][#environment]` as a value, and what a target says about itself.

Standard library only: a target's own process reads this too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

DEVICES = ("cpu", "cuda", "mps", "tpu", "xpu")
"""The kinds of device that the backends here can name; one of several is `cuda:1`."""

DEVICE = re.compile(r"[a-z]+(:\d+)?")

FORM = "backend[/mode][@device][#environment], such as pytorch, jax/eager, pytorch/compile@cuda:0 or keras-torch#before"
NAME = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?:/([\w-]+))?(?:@([a-z]+(?::\d+)?))?(?:#([\w.-]+))?")
"""What a user may type."""


class TargetError(ValueError):
    """A target that cannot be: the message carries what was found, what is accepted, and the near names."""

    def __init__(self, field: str, found: str, accepted: Iterable[str], why: str = "") -> None:
        """`why`: what is wrong with what was found, where the name alone does not tell."""
        names = list(accepted)
        self.field, self.found, self.accepted = field, found, tuple(names)
        self.near = tuple(difflib.get_close_matches(found, names, n=3, cutoff=0.6))
        hint = f"; near: {', '.join(self.near)}" if self.near else ""
        super().__init__(f"{field}: found {found!r}{why}, accepted {', '.join(names) or 'nothing'}{hint}")


@dataclass(frozen=True)
class Target:
    """One backend in one mode, on one device, in one environment.

    `mode` is empty where the name leaves it out: only the target's own process can always say what its default is.
    """

    backend: str
    mode: str = ""
    device: str = "cpu"
    environment: str = ""
    default_mode: str = field(default="", compare=False)

    @classmethod
    def of(cls, name: str) -> Target:
        """The parts that a target's name spells: the only place where a name is taken apart. Checks nothing."""
        asked, _, environment = name.partition("#")
        where, _, device = asked.partition("@")
        backend, _, mode = where.partition("/")
        return cls(backend, mode, device or "cpu", environment)

    @property
    def name(self) -> str:
        """What people read and type: the default mode and `@cpu` go without saying."""
        mode = f"/{self.mode}" if self.mode not in ("", self.default_mode) else ""
        device = f"@{self.device}" if self.device != "cpu" else ""
        environment = f"#{self.environment}" if self.environment else ""
        return f"{self.backend}{mode}{device}{environment}"

    @property
    def plain(self) -> Target:
        """The same target in the host's own environment."""
        return replace(self, environment="")


def plain(name: str) -> str:
    """A target's name without its environment."""
    return Target.of(name).plain.name


PROCESS = {"kept": False}
"""Of a field that concerns the process alone: no run file has it."""


@dataclass(frozen=True)
class TargetInfo:
    """What a target says about itself once its process runs, or why it cannot; a run file tells the first eight fields.

    `missing`: the framework, or the device, is not there; every probe is `not-run`. In a run file it is the reason why
    a target did not run, whatever that was. `failed`: it is there and did not start, or ended so often that nobody asks
    it any more; every further probe is `not-run` too, and that is a fault.
    """

    name: str
    backend: str
    mode: str
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    """Package to version, the framework first."""
    flags: dict[str, str] = field(default_factory=dict)
    missing: str | None = None
    environment: str = ""
    """The environment in which it ran, such as `before`; empty for the host's own."""
    call_forms: tuple[str, ...] = field(default=("",), metadata=PROCESS)
    modes: tuple[str, ...] = field(default=(), metadata=PROCESS)
    devices: tuple[str, ...] = field(default=(), metadata=PROCESS)
    script_imports: str = field(default="", metadata=PROCESS)
    interpreter: str = field(default="", metadata=PROCESS)
    failed: str | None = field(default=None, metadata=PROCESS)

    @property
    def runs(self) -> bool:
        """Whether probes are answered."""
        return self.missing is None and self.failed is None
