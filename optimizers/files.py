"""Files that are there whole or not at all, also after a power cut, and JSON that tells whether it was damaged."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_DIGEST = "digest"
# What a file system answers that cannot write a folder out by itself.
_NOT_POSSIBLE = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


@contextmanager
def atomic_write(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`, of the same suffix, for a file or a new folder, which then takes its place.

    The contents are on the disk before the rename, and the rename before this returns. After an error the temporary
    file is gone and what was at `path` stays.

    Args:
        path: What is replaced.
        durable: Wait for the disk. Without it a power cut, and nothing else, may lose the file or damage it.
    """
    # Without the name itself, which may be as long as a file system takes.
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
        if durable:
            for written in (*temporary.rglob("*"), temporary):
                _flush(written)
        temporary.replace(path)
        if durable:
            _flush(path.parent)
    finally:
        shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Put a text, as UTF-8, in place of the file, by `atomic_write`."""
    with atomic_write(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _flush(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if not (path.is_dir() and error.errno in _NOT_POSSIBLE):
            raise
    finally:
        os.close(opened)


def sealed(contents: Mapping[str, Any]) -> str:
    """The contents as JSON, with a digest of them as the first key."""
    return json.dumps({_DIGEST: _digest(contents), **contents})


def unsealed(text: str, older: str) -> dict[str, Any]:
    """The contents of what `sealed` returned. ValueError when they are not those that were sealed.

    `older` is the first key of contents that were written without a digest, which are returned as they are.
    """
    contents = json.loads(text)
    if not isinstance(contents, dict):
        raise ValueError("it is not a mapping")
    if next(iter(contents), None) == older:
        return contents
    if contents.pop(_DIGEST, None) != _digest(contents):
        raise ValueError("its contents do not match its digest")
    return contents


def _digest(contents: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
