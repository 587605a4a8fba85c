"""Output that nobody takes: dropped for a reader who has had enough, an error for what was to be kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.conftest import REPOSITORY

LIST = f'"{sys.executable}" "{REPOSITORY / "adamant.py"}" list optimizers --json'


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        ("| true", 0, ""),  # a pipe that is closed at once
        (">&-", 0, ""),
        ("2>&-", 0, None),
        (">/dev/full", 1, "error: [Errno 28] No space left on device\n"),
    ],
)
def test_a_command_whose_output_is_not_taken(redirection: str, code: int, said: str | None) -> None:
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{LIST} {redirection}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == code
    assert ended.stderr == (said or "")
    assert bool(ended.stdout) == (said is None)


def test_a_descriptor_that_was_closed_from_the_start_is_given_to_no_file() -> None:
    program = (
        "import os; from cluster.console._output import drop_what_cannot_be_written; drop_what_cannot_be_written(); "
        "os._exit(open(os.devnull).fileno())"
    )
    command = f'"{sys.executable}" -c "{program}" <&- >&-'
    ended = subprocess.run(["bash", "-c", command], cwd=REPOSITORY, env=os.environ, check=False)
    assert ended.returncode > 2


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    """Whoever shares it can have made it so, and then a write that finds it full fails."""
    program = (
        "import os; from cluster.console._output import drop_what_cannot_be_written; os.set_blocking(1, False); "
        "drop_what_cannot_be_written(); [print('x' * 99) for _ in range(5000)]"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], bufsize=0, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        time.sleep(1)
        rest, said = process.communicate()
    assert said == b""
    assert len(first + rest) == 500_000
