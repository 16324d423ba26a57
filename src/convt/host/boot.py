"""The first code that runs in a target's process; the host sends its source, so nothing of ours is imported at its top.

It readies the process (output to the log, signals, an end when the host is gone), makes our package importable, and
hands over to `convt.host.worker.main`.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

OLDEST = (3, 10)


def boot(channel: Any, ours: str, root: str, parent: int, arguments: tuple[Any, ...]) -> None:
    """`ours` is the folder of the package `convt`, `root` that of an outside backend (or empty), `parent` the host."""
    if sys.version_info < OLDEST:
        found, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST))
        raise RuntimeError(f"Python {found} found; {oldest} or newer is accepted")
    os.dup2(2, 1)  # what the framework prints goes to the log
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(2, all_threads=False)
    if hasattr(faulthandler, "register"):  # not on Windows
        faulthandler.register(signal.SIGUSR1, 2, all_threads=False)  # the host asks a hanging process where it is
    _end_with(parent)
    sys.path[:] = ([root] if root else []) + [folder for folder in sys.path if folder]
    _expose("convt", Path(ours))
    from convt.host.worker import main

    main(channel, *arguments)


def _end_with(parent: int) -> None:
    """End this process and its children when the host is gone, however it went."""
    if sys.platform == "linux":  # at once, and even while a call holds the interpreter
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        if hasattr(os, "killpg"):
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _expose(name: str, folder: Path) -> None:
    """Make one package of ours importable, and nothing else that stands beside it: that belongs to the host."""
    init = Path(folder, "__init__.py")
    found = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    if found is None or found.loader is None:
        raise ImportError(f"{name}: nothing to import in {folder}")
    sys.modules[name] = package = importlib.util.module_from_spec(found)
    found.loader.exec_module(package)


if __name__ == "__channelexec__":  # execnet's name for it, with `channel` beside it
    channel: Any = globals()["channel"]
    boot(channel, *channel.receive())
