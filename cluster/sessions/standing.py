"""How a sweep stands, as its driver tells it in a file of the sweep's folder while it works and when it ends.

The studies say what was recorded. What they cannot say is here: which process works on the sweep, how long it will
still take, what it waits for, and how it ended. Nothing is resumed from it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cluster.console.progress import ArmState
from cluster.sessions.driver_process import DriverProcess
from optimizers.files import sealed, text_of, unsealed, write_text

if TYPE_CHECKING:
    from cluster.storage.sweep_folder import SweepFolder

STANDING_FILE = "standing.json"
# A driver tells at least this often that it lives; one of another machine that does not for so long is taken for dead.
ALIVE_EVERY_S, SILENT_S = 15.0, 90.0


class State(StrEnum):
    """How a sweep stands: it is worked on, or waits for machines or its turn; or how the last session ended."""

    RUNNING = "running"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"
    DONE = "done"
    FAILED = "failed"


LIVE = (State.RUNNING, State.WAITING)


@dataclass(frozen=True)
class Standing:
    """What a driver has told.

    Attributes:
        state: As the driver saw it, see `is_driven`.
        told: When, in seconds since 1970.
        seconds: Of all sessions so far.
        seconds_left: As estimated; None while that cannot be told, and once the driver has ended.
        reason: What the sweep waits for, or why it failed; "" otherwise.
        failures: The last runs that failed, each with its reason.
    """

    sweep_id: str
    driver: DriverProcess
    state: State
    told: float
    seconds: float
    arms: tuple[ArmState, ...] = ()
    seconds_left: float | None = None
    reason: str = ""
    failures: tuple[str, ...] = ()

    @property
    def is_driven(self) -> bool:
        """Return whether the driver still works on the sweep, as far as this machine can know."""
        if self.state not in LIVE:
            return False
        return self.driver.is_alive if self.driver.is_here else time.time() - self.told < SILENT_S

    @property
    def totals(self) -> tuple[int, int]:
        """Return how many runs have ended, and how many were asked for."""
        return totals(self.arms)


def totals(arms: Sequence[ArmState]) -> tuple[int, int]:
    """Return how many runs of the arms have ended, and how many were asked for."""
    done = sum(arm.done for arm in arms)
    return done, done + sum(arm.left for arm in arms)


def write_standing(folder: SweepFolder, standing: Standing) -> None:
    """Put it in place of what is there. Raises OSError where that cannot be."""
    write_text(folder.path / STANDING_FILE, sealed(asdict(standing)), durable=False)


def read_standing(folder: SweepFolder, sweep_id: str) -> Standing | None:
    """Return what was told last of the sweep of that id; None where nothing was that can be read."""
    from pydantic import TypeAdapter

    try:
        kept = unsealed(text_of(folder.path / STANDING_FILE), older="")
        read = TypeAdapter(Standing).validate_python(kept, extra="forbid")
    except (OSError, ValueError):
        return None
    return read if read.sweep_id == sweep_id else None
