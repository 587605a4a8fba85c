"""UTF-8 everywhere, whatever the locale says: in arguments, names of files, and what this and other processes write."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from typer.core import TyperGroup


class Utf8Group(TyperGroup):
    """Commands that run in Python's UTF-8 mode, which Ray's processes inherit."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        # An option such as -X utf8=0 wins over the variable, however often the command starts again.
        if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
            # The terminal keeps the encoding that it understands.
            os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": getattr(sys.stdout, "encoding", "utf-8")}
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # What its encoding lacks is written as an escape.
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **kwargs)
