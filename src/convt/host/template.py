"""What runs in a template's process: it imports a framework once, and forks itself for each process that is to have
it.

The host sends the source, so only the standard library is imported here. The framework is imported and nothing of it is
called: there are no threads and no devices yet that a fork would leave behind.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import struct
import sys
import warnings
from collections.abc import Iterable

FILTERS = list(warnings.filters)
"""The interpreter's own filters of warnings, before a framework adds to them: see `convt.host.watch.filters`."""
ANSWER = struct.Struct("<q")
BOOTSTRAP = "import sys;exec(eval(sys.stdin.readline()))"
"""execnet's first line, as an interpreter that is started for it gets it from the command line."""


def load(packages: Iterable[str]) -> None:
    """Import the packages; what cannot be imported here is said by the process that needs it."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # ends with the host's thread that started it
    sys.path[:] = [folder for folder in sys.path if folder]
    gc.disable()
    for package in packages:
        with contextlib.suppress(Exception):
            importlib.import_module(package)
    gc.freeze()


def fork_on(control: socket.socket) -> None:
    """Fork for every three descriptors that the host sends, one process at a time: its number, and when it has ended
    its exit status, are the answers. Its number stays its own until the next is asked for: the host may signal it.
    Returns in the forked process alone."""
    child = 0
    while True:
        _, sent, _, _ = control.recvmsg(1, socket.CMSG_SPACE(3 * array.array("i").itemsize))
        if not sent:
            os._exit(0)
        if child:
            os.waitpid(child, 0)
        taken = array.array("i")
        taken.frombytes(sent[0][2])
        child = os.fork()
        if child == 0:
            control.close()
            os.setsid()
            for place, descriptor in enumerate(taken):
                os.dup2(descriptor, place)
                os.close(descriptor)
            return
        for descriptor in taken:
            os.close(descriptor)
        control.sendall(ANSWER.pack(child))
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None  # it waits until there is one
        control.sendall(ANSWER.pack(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status))


if __name__ == "__main__":
    sys.argv, [_, number, *wanted] = ["-c"], sys.argv
    load(wanted)
    fork_on(socket.socket(fileno=int(number)))
    exec(BOOTSTRAP)  # noqa: S102
