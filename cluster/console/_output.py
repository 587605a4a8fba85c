"""Standard output and error that may go away: what they do not take is dropped, and nothing ends because of it."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Dropping(io.FileIO):
    """A file descriptor whose first error on writing is kept; what comes after it is dropped."""

    error: OSError | None = None

    def write(self, data: Buffer) -> int | None:
        if self.error is None:
            try:
                while (written := super().write(data)) is None:  # it does not block, and is full
                    select.select([], [self], [])
                return written
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


_replaced: dict[str, _Dropping] = {}


def drop_what_cannot_be_written() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` of this process, unless somebody else has replaced them already."""
    # A descriptor that was closed from the start would be given to the next file that is opened, such as a database.
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(free)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as this process
        elif stream is getattr(sys, f"__{name}__"):
            raw = _Dropping(stream.fileno(), "wb", closefd=False)
            text = io.TextIOWrapper(
                io.BufferedWriter(raw),
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, text)
            _replaced[name] = raw


def lost_output() -> OSError | None:
    """Return why standard output was not written to its end; None where it was, or where its reader had enough."""
    if "stdout" not in _replaced:
        return None
    sys.stdout.flush()
    error = _replaced["stdout"].error
    return None if error is not None and error.errno == errno.EPIPE else error
