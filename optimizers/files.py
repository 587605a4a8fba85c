"""Files that are there whole or not at all, also after a power cut, and contents that tell if they were damaged."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_DIGEST = "digest"
_COMMENT = "# sha256 of what follows: "
# What a file system answers that cannot write a folder out by itself.
_NOT_POSSIBLE = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)

# The record of a long trial has some megabytes.
MOST_BYTES = 1 << 28


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


def aside(path: Path) -> Path:
    """A name beside `path`, which nothing has yet, for what is damaged there and is kept."""
    names = (path.with_name(f"{path.name}.damaged{number}") for number in ("", *range(2, 10_000)))
    return next(name for name in names if not name.exists())


def text_of(path: Path) -> str:
    """The text of a file. ValueError for a pipe, a device and a file that is larger than any that is written here.

    Whoever wrote a folder can have put anything there: a pipe is waited for without an end, a device has none.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise ValueError("it is not a regular file, or it is too large")
    return path.read_text(encoding="utf-8")


def sealed(contents: Mapping[str, Any], indent: int | None = None) -> str:
    """The contents as JSON, with a digest of them as the first key."""
    return json.dumps({_DIGEST: _digest(contents), **contents}, indent=indent)


def unsealed(text: str, older: str) -> dict[str, Any]:
    """The contents of what `sealed` returned. ValueError when they are not those that were sealed.

    `older` is the first key of contents that were written without a digest, which are returned as they are.
    """
    try:
        contents = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(contents, dict):
        raise ValueError("it is not a mapping")
    if next(iter(contents), None) == older:
        return contents
    if contents.pop(_DIGEST, None) != _digest(contents):
        raise ValueError("its contents do not match its digest")
    return contents


def sealed_text(text: str) -> str:
    """The text after a line that holds a digest of it, a comment in YAML."""
    return f"{_COMMENT}{sha256_of(text.encode())}\n{text}"


def check_sealed_text(text: str) -> None:
    """Raise ValueError for what is not as `sealed_text` returned it; a text without such a line is good."""
    first, _, rest = text.partition("\n")
    if first.startswith(_COMMENT) and first.removeprefix(_COMMENT) != sha256_of(rest.encode()):
        raise ValueError("its contents do not match the digest in its first line")


def sealed_bytes(contents: bytes) -> bytes:
    """The contents after a digest of them."""
    return hashlib.sha256(contents).digest() + contents


def unsealed_bytes(contents: bytes) -> bytes:
    """The contents of what `sealed_bytes` returned. ValueError when they are not those that were sealed."""
    size = hashlib.sha256().digest_size
    if hashlib.sha256(contents[size:]).digest() != contents[:size]:
        raise ValueError("its contents do not match its digest")
    return contents[size:]


def sha256_of(contents: bytes) -> str:
    """The SHA-256 of the contents in hexadecimal digits."""
    return hashlib.sha256(contents).hexdigest()


def _digest(contents: Mapping[str, Any]) -> str:
    return sha256_of(json.dumps(contents).encode())
