"""A function that runs in a new interpreter, with the user's code of a sweep, and gives its result back."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle

LINES_TOLD = 5


class ChildProcess:
    """Runs ``function(*arguments)``, which is imported there by its name, in a folder of its own.

    ``code`` is importable there as it is here. Used as a context manager, it is ended at the end, whatever it does.
    """

    def __init__(
        self, code: CodeBundle, function: Callable[..., Any], *arguments: Any, environment: dict[str, str] | None = None
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory()
        folder = Path(self._temporary.name)
        self._result, self._log = folder / "result", folder / "log"
        # As here, but for the current folder.
        path = os.pathsep.join(one for one in sys.path if one)
        asked = pickle.dumps(code) + pickle.dumps((function, arguments))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "trainables.tune.child_process", str(self._result)],
                cwd=folder, env={**os.environ, "PYTHONPATH": path, **(environment or {})},
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and its log says why
            self._process.stdin.write(asked)
            self._process.stdin.close()

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._temporary.cleanup()

    def result(self, timeout_s: float | None = None) -> Any:
        """Return the function's result. Raises InputError where it does.

        Raises ChildProcessError, with the last lines that it printed, where the process ends otherwise, or has not
        ended in time.
        """
        try:
            ended = f"it ended with code {self._process.wait(timeout_s)}"
        except subprocess.TimeoutExpired:
            ended = f"it has not ended after {timeout_s:g} s"
        if not self._result.is_file():
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LINES_TOLD:]
            raise ChildProcessError(f"{ended}; it printed last: {' | '.join(lines) or 'nothing'}")
        result, problems = pickle.loads(self._result.read_bytes())
        if problems:
            raise InputError(*problems)
        return result


def _main(result: Path) -> None:
    user_code.load(pickle.load(sys.stdin.buffer))
    function, arguments = pickle.load(sys.stdin.buffer)
    try:
        found = pickle.dumps((function(*arguments), ()))
    except InputError as error:
        found = pickle.dumps((None, error.problems))
    temporary = result.with_suffix(".tmp")
    temporary.write_bytes(found)
    temporary.rename(result)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
