"""What a job runs on a cluster's head: ``python -m cluster.job sweep.yaml [options of adamant run]``.

It keeps the sweep's driver going: one that dies (out of memory, or killed) is started again, and goes on where it
stood. One that ends by itself ends the job, as does SIGTERM.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import typer

from cluster.console.command_line import BAD_INPUT, FAILED, INTERRUPTED
from cluster.polling import holds_within
from cluster.ports import listens
from cluster.services.head_services import CLIENT_FILE
from cluster.source_tree import SOURCE_ROOT
from cluster.storage.sweep_folder import STUDY_VARIABLE, TRACKING_VARIABLE

ENDINGS = (0, FAILED, BAD_INPUT, INTERRUPTED)
# One that dies this often within a while would go on dying.
MOST_DEATHS, WITHIN_S = 5, 3600.0
PAUSE_S = 2.0
SERVICES_PATIENCE_S = 900.0


def main(arguments: list[str]) -> int:
    """Run the driver until it ends by itself; returns its exit code."""
    os.environ.update(_services())
    adamant = SOURCE_ROOT / "adamant.py"
    command = [sys.executable, str(adamant), "run", *arguments, "--or-resume", "--address", "auto"]
    deaths: list[float] = []
    stopped = _forwarded_signals()
    while True:
        _wait_for_services(stopped)
        if stopped.asked:
            return INTERRUPTED
        stopped.driver = subprocess.Popen(command)
        if stopped.asked:  # between the two lines above
            stopped.driver.terminate()
        code = stopped.driver.wait()
        if code in ENDINGS or stopped.asked:
            return INTERRUPTED if stopped.asked else code
        now = time.monotonic()
        deaths = [*(death for death in deaths if now - death < WITHIN_S), now]
        if len(deaths) > MOST_DEATHS:
            typer.echo(f"error: {len(deaths)} drivers died within an hour, the last one by {_cause(code)}", err=True)
            return FAILED
        typer.echo(f"The driver died by {_cause(code)}; another one goes on.")
        time.sleep(PAUSE_S)


def _services() -> dict[str, str]:
    """Where this head's services are, with the passwords; empty where it has none, or where they are told already."""
    file = CLIENT_FILE.expanduser()
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    told = dict(line.split("=", 1) for line in lines if line)
    return {name: value for name, value in told.items() if name not in os.environ}


def _wait_for_services(stopped: _Stopped) -> None:
    """A driver begins by asking the database and the server, which may be away for a while; then it can wait itself."""
    addresses = [os.environ.get(variable) for variable in (TRACKING_VARIABLE, STUDY_VARIABLE)]
    places = [urlsplit(address) for address in addresses if address and "://" in address]

    def away() -> list[str]:
        return [
            f"{place.hostname}:{place.port}"
            for place in places
            if place.hostname and place.port and not listens(place.port, place.hostname)
        ]

    if there := away():
        typer.echo(f"Nothing answers at {', '.join(there)}; the driver begins when the runs and the studies are there.")
        holds_within(SERVICES_PATIENCE_S, lambda: stopped.asked or not away(), PAUSE_S)


class _Stopped:
    """Whether the job was asked to end, and the driver to whom that is passed on."""

    driver: subprocess.Popen[bytes] | None = None
    asked = False


def _forwarded_signals() -> _Stopped:
    stopped = _Stopped()

    def forward(number: int, _frame: object) -> None:
        stopped.asked = True
        if stopped.driver is not None:
            stopped.driver.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    return stopped


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
