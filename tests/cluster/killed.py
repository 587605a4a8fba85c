"""A command whose process kills itself in one of its calls, so that each moment can be tried, and tried again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.conftest import REPOSITORY

_PROGRAM = """
import os, signal, sys

left = int(os.environ["CALLS"])

def counting(owner, name):
    original = getattr(owner, name)
    def counted(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    setattr(owner, name, counted)

{imports}
for owner, name in {calls}:
    counting(owner, name)
{command}
print(int(os.environ["CALLS"]) - left)
"""


def killed_after(count: int, imports: str, calls: str, command: str, *arguments: str) -> None:
    """Run ``command`` in a process that dies in the call after so many ``calls``, a list of owners and names."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(imports=imports, calls=calls, command=command), *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "CALLS": str(count)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, f"it makes {ended.stdout.strip()} calls; {ended.stderr}"
