"""Downloading a data set, in such a way that a failure leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from optimizers import InputError
from optimizers.errors import one_line


@contextmanager
def downloaded(root: Path, data: str, download: Callable[[str], object], remedy: str) -> Iterator[Path]:
    """Yield a temporary folder that `download` has filled.

    InputError, which says `remedy` as well: the download failed.
    """
    with tempfile.TemporaryDirectory() as temporary:
        try:
            download(temporary)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{root}: {data} is not there and could not be downloaded ({one_line(error)}); {remedy}, or name "
                "another folder with --data"
            ) from None
        yield Path(temporary)
