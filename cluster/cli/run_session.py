"""Which session of work on a sweep ``adamant run`` asks for: a new sweep, the rest of one, or more of one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.cli.options import Until
from cluster.console.shared_console import console
from cluster.run.on_screen import print_lines
from optimizers import InputError

if TYPE_CHECKING:
    from cluster.run.ended import EndedSweep
    from cluster.run.sweeps import Places
    from cluster.storage.rounds import Rounds
    from search_spaces import Sweep
    from search_spaces.sweep.growth import Growth

FEWEST_STUDIES, ROUNDS = 2, 4
_UNPLANNED = (
    "a verdict that is looked at again after more was added errs more often than it says; looks that are planned, by "
    "--until decided, do not"
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class RoundOptions:
    """When a sweep is to be at its end: once it has run, or, ``until`` it is decided, after further rounds."""

    until: Until | None = None
    at_most: str | None = None
    most_studies: int | None = None

    @property
    def arguments(self) -> list[str]:
        """These options as arguments of ``adamant run``."""
        given = {"--until": self.until, "--at-most": self.at_most, "--most-studies": self.most_studies}
        return [text for name, value in given.items() if value is not None for text in (name, str(value))]

    def planned(self, sweep: Sweep) -> Rounds | None:
        """Return the rounds of a sweep, None where none are asked for. Raises InputError for what makes none."""
        from cluster.storage.rounds import Rounds

        if self.until is None:
            given = {"--at-most": self.at_most, "--most-studies": self.most_studies}
            if alone := [name for name, value in given.items() if value is not None]:
                raise InputError(f"{alone[0]} goes with --until decided; without that a sweep ends when it has run")
            return None
        studies = sweep.search.studies
        if studies < FEWEST_STUDIES:
            raise sweep.file.error(
                "search",
                "studies",
                "--until decided judges arms by their studies, of which each round adds as many: give at least "
                f"{FEWEST_STUDIES}, better 3, for example with --set search.studies=3",
            )
        most = ROUNDS * studies if self.most_studies is None else self.most_studies
        if most < studies:
            raise InputError(f"--most-studies {most}: the first round has {studies} already (search.studies)")
        return Rounds.of_equal_size(studies, most, None if self.at_most is None else _seconds(self.at_most))


def growing_session(
    sweep: str, growth: Growth, places: Places, address: str | None, *, trust: bool, excluded: Sequence[object]
) -> AbstractContextManager[EndedSweep]:
    """Go on with the sweep of that name, or of that file's name, with what it gets.

    Raises InputError where one of the ``excluded`` options is given, which would change what the sweep is.
    """
    from cluster.run.sweeps import refuse_other_code, resume_sweep
    from cluster.storage.sweep_folder import SweepFolder
    from search_spaces import load_sweep

    if any(excluded):
        given = next(name for name, value in _options_of(growth).items() if value)
        raise InputError(
            f"{given} goes on with the sweep as it is; only --storage, --address, --json, --trust and --expect go "
            "with it"
        )
    print_lines(console, [f"note: {_UNPLANNED}"])
    name = sweep
    if not SweepFolder(places.storage, sweep).exists:
        asked = load_sweep(sweep)
        name = asked.name
        refuse_other_code(asked, places.storage)
    return resume_sweep(name, places.storage, address, console, growth, trusted=trust)


def new_session(
    sweep: str,
    overrides: Sequence[str],
    size: str | None,
    places: Places,
    address: str | None,
    *,
    started_from: str | None,
    probe: bool,
    or_resume: bool,
    trust: bool,
    rounds: RoundOptions,
) -> AbstractContextManager[EndedSweep]:
    """Run a sweep, or go on with it where that may be and it is there.

    Raises InputError for what does not go together.
    """
    from cluster.run.sweeps import refuse_another, refuse_other_code, resume_sweep, run_sweep
    from cluster.run.warm_start import with_best_of
    from cluster.storage.sweep_folder import SweepFolder
    from cluster.storage.trust import check_trust
    from search_spaces import load_sweep

    asked = load_sweep(sweep, overrides, size)
    planned = rounds.planned(asked)
    if planned and any(asked.on(name).metric.smallest_difference is None for name in asked.by_workload):
        print_lines(
            console, ["note: without metric.smallest_difference no arm is equivalent; only a difference decides"]
        )
    check_trust(asked.code, sweep, trusted=trust)
    if or_resume and SweepFolder(places.storage, asked.name).exists:
        refuse_other_code(asked, places.storage)
        refuse_another(asked, places.storage, started_from=started_from is not None)
        return resume_sweep(asked.name, places.storage, address, console, trusted=True, rounds=planned)
    if asked.code.digest:
        asked = load_sweep(sweep, overrides, size, asked.code)
    if started_from is not None:
        asked = with_best_of(asked, started_from, places.storage)
    if probe and address is not None:
        raise InputError("--probe times this machine, not the cluster at --address; leave one of the two out")
    return run_sweep(asked, places, address, console, probe=probe, rounds=planned)


def _options_of(growth: Growth) -> dict[str, int]:
    return {"--more": growth.trials, "--more-studies": growth.studies, "--more-seeds": growth.seeds}


def _seconds(at_most: str) -> float:
    """The seconds of a time such as 90m, 12h or 1d12h."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", at_most)
    seconds = math.fsum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != at_most or not 0 < seconds < math.inf:
        raise InputError(f"--at-most {at_most}: must be a time with its unit, such as 90m, 12h or 2d")
    return seconds
