"""The journal of studies: Optuna's file of one line an operation, in which a line is whole or not there.

Each line ends with a digest of the rest of it, a key that Optuna itself does not look at. Lines without one, of another
program or of a version before, are taken as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file

from search_spaces.stores.journal_lines import sealed_line, unsealed_line


class WholeLines(JournalFileBackend):
    """Seals what it writes, and refuses what was damaged since.

    Takes back what a full disk has cut off, so that others who write to the journal do not go on in mid-line. Optuna's
    own method gives the lock back before that can be done.
    """

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the operations from that number on. Raises OSError at a damaged one."""
        number = log_number_from
        try:
            for log in super().read_logs(log_number_from):
                yield unsealed_line(log)
                number += 1
        except ValueError as error:
            raise OSError(f"line {number + 1} of {self._file_path} is damaged ({error})") from None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(f"{sealed_line(log)}\n" for log in logs).encode()
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
