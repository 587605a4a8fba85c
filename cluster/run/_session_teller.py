"""Tells in the sweep's folder, while a session of work goes on and when it ends, how the sweep stands."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from cluster.sessions.driver_process import DriverProcess
from cluster.sessions.standing import ALIVE_EVERY_S, LIVE, Standing, State, read_standing, write_standing
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers.errors import first_line

if TYPE_CHECKING:
    from cluster.run._display import Display

LOOK_S = 1.0


class SessionTeller:
    """Writes the standing whenever it has changed, at most once a second, from a thread of its own."""

    def __init__(self, folder: SweepFolder, manifest: Manifest) -> None:
        before = read_standing(folder, manifest.sweep_id)
        self._folder, self._began = folder, time.monotonic()
        self._seconds_before = before.seconds if before else 0.0
        self._told = Standing(
            manifest.sweep_id,
            DriverProcess.current(),
            State.RUNNING,
            time.time(),
            self._seconds_before,
            arms=before.arms if before else (),
            failures=before.failures if before else (),
        )
        self._display: Display | None = None
        self._failed = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, name="standing", daemon=True)

    def __enter__(self) -> SessionTeller:
        self._tell(self._told)
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _where: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._tell(self._ended(error))

    def watch(self, display: Display) -> None:
        """Tell from now on what a display shows."""
        self._display = display

    def fail(self, reason: str) -> None:
        """Have the session end as failed; told at once, as the process may be about to end."""
        self._failed = reason
        self._tell(self._ended(None))

    def _keep_telling(self) -> None:
        while not self._over.wait(LOOK_S):
            now = self._now()
            alike = replace(now, told=self._told.told, seconds=self._told.seconds) == self._told
            if not self._failed and (not alike or now.told - self._told.told >= ALIVE_EVERY_S):
                self._tell(now)

    def _now(self) -> Standing:
        standing = replace(self._told, told=time.time(), seconds=self._seconds_before + time.monotonic() - self._began)
        return standing if self._display is None else self._display.shown_in(standing)

    def _ended(self, error: BaseException | None) -> Standing:
        """How the sweep stands when the session ends by that error, or by itself."""
        state, reason = State.DONE, self._failed
        if isinstance(error, Exception):
            reason = reason or first_line(error)
        elif error is not None:
            state = State.INTERRUPTED
        if reason:
            state = State.FAILED
        return replace(self._now(), state=state, reason=reason, seconds_left=None)

    def _tell(self, standing: Standing) -> None:
        if standing.state not in LIVE:
            standing = replace(standing, arms=tuple(replace(arm, running=0) for arm in standing.arms))
        self._told = standing
        # Where it cannot be written the sweep has greater cares, or none: nothing is resumed from it.
        with suppress(OSError):
            write_standing(self._folder, standing)
