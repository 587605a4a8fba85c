"""The journal of studies: Optuna's file of one line an operation, in which a line is whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file


class WholeLines(JournalFileBackend):
    """Takes back what a full disk has cut off, so that others who write to the journal do not go on in mid-line.

    Optuna's own method gives the lock back before that can be done.
    """

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs).encode()
        with get_lock_file(self._lock):
            try:
                with open(self._file_path, "ab") as file:
                    file.write(lines)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                drop_torn_line(Path(self._file_path))
                raise


def drop_torn_line(path: Path) -> None:
    """Drop the half line that a cut-off write leaves, which would make the next one unreadable."""
    content = path.read_bytes() if path.exists() else b""
    if not content:
        return
    first, *_ = content.split(b"\n", 1)
    if not first.startswith(b'{"op_code"'):
        raise ValueError("its first line is none of a journal")
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    if whole:
        # Optuna takes an unreadable last line for one that is still being written, until others follow it.
        json.loads(whole.rsplit(b"\n", 2)[-2])
