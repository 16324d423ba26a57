"""Standard input, output and error as a command needs them: open, and never the reason why it stops."""

from __future__ import annotations

import io
import os
import sys


class _Patient(io.FileIO):
    """A file that nobody may read any more, as after `| head -1`: what is written then is dropped. A full disk is told
    once; what is still to be written when the program ends is dropped too."""

    full = False

    def write(self, data: object) -> int:
        try:
            if not self.full:
                return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            pass
        except OSError:
            self.full = True
            raise
        return memoryview(data).nbytes  # type: ignore[arg-type]


def secure() -> None:
    """Open the standard streams that are closed, on nothing; write what the terminal cannot show as `?`, and stay
    silent where the reader is gone. Streams that somebody replaced, such as pytest's, are left as they are."""
    for descriptor in range(3):  # before any other file is opened, which would get the number of a closed stream
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # it was closed when Python started
            setattr(sys, name, _patient(descriptor, "utf-8", "\n"))
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            stream.flush()
            setattr(sys, name, _patient(descriptor, stream.encoding, None, stream.line_buffering, stream.write_through))


def _patient(descriptor: int, encoding: str, newline: str | None, *buffered: bool) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_Patient(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding, "replace", newline, *buffered)
