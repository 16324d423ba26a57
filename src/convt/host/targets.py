"""Who is asked: `backend[/mode][@device][#environment]` as a value, and what a started target says about itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

DEVICES = ("cpu", "cuda", "mps", "tpu", "xpu")
"""The kinds of device that the backends here can name; one of several is `cuda:1`."""

FORM = "backend[/mode][@device][#environment], such as pytorch, jax/eager, pytorch/compile@cuda:0 or keras-torch#before"
TARGET = re.compile(r"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?:/([\w-]+))?(?:@([a-z]+(?::\d+)?))?(?:#([\w.-]+))?")


class TargetError(ValueError):
    """A target that cannot be: the message carries what was found, what is accepted, and the near names."""

    def __init__(self, field: str, found: str, accepted: Iterable[str]) -> None:
        names = list(accepted)
        self.field, self.found, self.accepted = field, found, tuple(names)
        self.near = tuple(difflib.get_close_matches(found, names, n=3, cutoff=0.6))
        hint = f"; near: {', '.join(self.near)}" if self.near else ""
        super().__init__(f"{field}: found {found!r}, accepted {', '.join(names) or 'nothing'}{hint}")


@dataclass(frozen=True)
class Target:
    """One backend in one mode, on one device, in one environment.

    `mode` is empty where only the target's own process can say what its default is.
    """

    backend: str
    mode: str = ""
    device: str = "cpu"
    environment: str = ""
    default_mode: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What people read and type: the default mode and `@cpu` go without saying."""
        mode = f"/{self.mode}" if self.mode not in ("", self.default_mode) else ""
        device = f"@{self.device}" if self.device != "cpu" else ""
        environment = f"#{self.environment}" if self.environment else ""
        return f"{self.backend}{mode}{device}{environment}"


def parts_of(name: str) -> tuple[str, str, str, str]:
    """(backend, mode, device, environment) as a target's name spells them; the default mode is empty."""
    matched = TARGET.fullmatch(name)
    if matched is None:
        raise TargetError("target", name, [FORM])
    backend, mode, device, environment = (part or "" for part in matched.groups())
    return backend, mode, device or "cpu", environment


def environment_of(name: str) -> str:
    """The environment in a target's name; empty for the host's own."""
    return name.partition("#")[2]


@dataclass(frozen=True)
class TargetInfo:
    """What a target says about itself once its process runs, or why it cannot.

    `missing`: the framework, or the device, is not there; every probe is `not-run`. `failed`: it is there and did not
    start, or ended so often that nobody asks it any more; every further probe is `not-run` too, and that is a fault.
    """

    name: str
    backend: str
    mode: str
    device: str
    environment: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    call_forms: tuple[str, ...] = ("",)
    modes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    script_imports: str = ""
    interpreter: str = ""
    missing: str | None = None
    failed: str | None = None

    @property
    def runs(self) -> bool:
        """Whether probes are answered."""
        return self.missing is None and self.failed is None
