"""Rounds of faults: each at a random moment of a sweep, which in the end is to be as one that was not disturbed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.audit.audit_findings import Kind, State
from cluster.faults.disturbed_sweep import DisturbedSweep
from cluster.faults.fault import Fault, Moment, NotNowError, UnexpectedError
from cluster.faults.recovery import Remedy, recover
from cluster.polling import holds_within

# A fault that finds nothing to be done to waits for another moment, and gives way to another fault in the end.
TRIES, PAUSE_S = 20, 0.5
# How long a sweep may take to go on, or to end: at least so long, and so many times as long as an undisturbed one.
PATIENCE_S, PATIENCE = 240.0, 4.0
# Of the time that an undisturbed sweep takes: within this share of it the next fault is done.
SHARE = 0.3


@dataclass
class Done:
    """A fault that was done, and what became of it."""

    fault: Fault
    told: str
    remedy: Remedy = Remedy.NOTHING
    seconds: float = 0.0
    unexpected: str = ""


@dataclass
class Ended:
    """A sweep that has ended, with what was done to it, and what ``adamant check`` says of it."""

    done: list[Done]
    found: dict[str, Any]
    same: bool

    def count(self, kind: Kind) -> int:
        """Return how much is not as it should be in this way."""
        damaged = [one for one in self.found.get("findings", ()) if one["state"] != State.NOTED]
        return sum(one["kind"] == kind for one in damaged)

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost or there twice, and it has found what it should."""
        return self.same and bool(self.found.get("whole")) and not any(one.unexpected for one in self.done)


@dataclass
class Campaign:
    """Does ``faults``, drawn by ``chance``, to sweeps in ``folder``; ``say`` tells of each.

    ``tracking_uris`` are those of sweeps in turn: "" stands for the database beside a sweep. ``make`` makes the sweep
    in a folder of its own, with a common data cache and a tracking URI.
    """

    folder: Path
    faults: Sequence[Fault]
    chance: random.Random
    say: Callable[[str], None]
    tracking_uris: Sequence[str] = ("",)
    make: Callable[[Path, Path, str], DisturbedSweep] = DisturbedSweep
    undisturbed: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def run(self, rounds: int) -> Iterator[Ended]:
        """Yield each sweep as it has ended, until so many faults were done. Raises UnexpectedError before the first."""
        self._run_undisturbed()
        left, number = rounds, 0
        while left > 0:
            number += 1
            uri = self.tracking_uris[number % len(self.tracking_uris)]
            sweep = self.make(self.folder / f"sweep-{number}", self.folder / "cache", uri)
            ended = self._disturb(sweep, left)
            left -= len(ended.done)
            yield ended

    @property
    def _patience_s(self) -> float:
        return max(PATIENCE_S, PATIENCE * self.seconds)

    def _run_undisturbed(self) -> None:
        began = time.monotonic()
        sweep = self.make(self.folder / "undisturbed", self.folder / "cache", self.tracking_uris[0])
        try:
            code = sweep.start().wait()
        finally:
            sweep.kill()
        self.seconds = time.monotonic() - began
        self.undisturbed = sweep.check()
        if code or not self.undisturbed.get("whole"):
            raise UnexpectedError(f"the undisturbed sweep ended with {code}; see {sweep.work}")
        self.say(f"undisturbed: {self.seconds:.0f} s, digest {self.undisturbed['digest'][:12]}")

    def _disturb(self, sweep: DisturbedSweep, most: int) -> Ended:
        """Disturb a sweep until it has ended."""
        done: list[Done] = []
        sweep.start()
        try:
            while len(done) < most and (one := self._round(sweep)) is not None:
                done.append(one)
                told = one.unexpected or f"{one.remedy.name.lower()}, {one.seconds:.1f} s"
                self.say(f"{sweep.work.name}: {one.fault.name} ({one.told}): {told}")
                if one.unexpected:
                    break
            self._end(sweep, done)
        finally:
            sweep.kill()
        if any(one.fault.shows_in_check for one in done):
            sweep.check("--repair")
        found = sweep.check()
        may_fail = found.get("failures") and any(one.fault.may_fail for one in done)
        same = bool(may_fail) or found.get("digest") == self.undisturbed["digest"]
        ended = Ended(done, found, same)
        self.say(f"{sweep.work.name}: {'the same' if ended.is_good else 'NOT the same'} after {len(done)} faults")
        return ended

    def _round(self, sweep: DisturbedSweep) -> Done | None:
        """Do a fault at a random moment, and have the sweep go on; None where it has ended before."""
        possible = [one for one in self.faults if sweep.tracking_uri or not one.needs_server]
        for _ in range(TRIES):
            fault = self.chance.choice(possible)
            if not self._moment_of(fault, sweep):
                return None
            began = time.monotonic()
            try:
                done = Done(fault, fault.do(sweep, self.chance))
                done.remedy = recover(sweep, self._patience_s)
            except NotNowError:
                if not sweep.is_running:
                    recover(sweep, self._patience_s)
                continue
            except UnexpectedError as error:
                done = Done(fault, "", unexpected=str(error))
            done.seconds = time.monotonic() - began
            return done
        return None

    def _moment_of(self, fault: Fault, sweep: DisturbedSweep) -> bool:
        """Wait for the moment of a fault; return whether it has come."""
        if fault.moment == Moment.REPORT:
            holds_within(self._patience_s, lambda: sweep.folder.report.exists() or not sweep.is_running, PAUSE_S / 10)
        else:
            wait = self.chance.uniform(0.0, SHARE * self.seconds)
            holds_within(wait, lambda: not sweep.is_running, PAUSE_S)
        if not sweep.is_running:
            return False
        if fault.moment == Moment.BETWEEN:
            sweep.kill()
        return True

    def _end(self, sweep: DisturbedSweep, done: Sequence[Done]) -> None:
        """Have the sweep end by itself."""
        deadline = time.monotonic() + self._patience_s
        while sweep.code != 0 and not any(one.unexpected for one in done) and time.monotonic() < deadline:
            if not sweep.is_running:
                recover(sweep, self._patience_s)
            time.sleep(PAUSE_S)
