"""``adamant run|resume``: sweeps from their first trial to their verdict, which another room gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli import options
from cluster.console.command_line import clear_errors
from cluster.console.shared_console import console
from cluster.run.on_screen import print_lines
from cluster.storage.destinations import check_output_file
from search_spaces.stores.default_names import DEFAULT_STORAGE

if TYPE_CHECKING:
    from cluster.run.ended import EndedSweep
    from cluster.run.until_decided import Unsettled

Tell = Callable[["EndedSweep", Path | None, str | None], int]
"""Tells the verdict of a sweep that has ended: also as JSON into a file, and whether it has the expected digest."""
Command = Callable[..., None]


def sweep_commands(unsettled: Unsettled, tell: Tell) -> tuple[Command, Command]:
    """Return the commands that run a sweep and go on with one, which judge it by these two; the code is ``tell``'s."""

    def conclude(
        session: AbstractContextManager[EndedSweep],
        storage: str,
        address: str | None,
        json_file: Path | None,
        expect: str | None,
    ) -> int:
        from cluster.run.until_decided import until_decided

        with until_decided(session, unsettled, storage, address, console) as ended:
            return ended.code or tell(ended, json_file, expect)

    @clear_errors
    def run_(
        sweep: Annotated[str, typer.Argument(help="A sweep file, or the name of a ready sweep.")],
        set_: options.Set = None,
        size: options.Size = None,
        more: options.More = None,
        more_studies: options.MoreStudies = None,
        more_seeds: options.MoreSeeds = None,
        until: options.UntilDecided = None,
        at_most: options.AtMost = None,
        most_studies: options.MostStudies = None,
        from_: options.From = None,
        probe: options.Probe = False,
        tracking_uri: options.TrackingUri = None,
        study_storage: options.StudyStorage = None,
        or_resume: options.OrResume = False,
        storage: options.Storage = DEFAULT_STORAGE,
        data: options.Data = None,
        address: options.Address = None,
        json_file: options.JsonFile = None,
        trust: options.Trust = False,
        expect: options.Expect = None,
    ) -> int:
        """Run a sweep: search, confirmation, verdict."""
        print_lines(console, [f"{sweep}: reading the sweep, and checking what it needs ..."])
        from cluster.cli.run_session import RoundOptions, growing_session, new_session
        from cluster.run.sweeps import Places
        from search_spaces.sweep.growth import Growth

        _check_options(json_file, expect)
        places = Places(storage, tracking_uri, study_storage, data)
        if growth := Growth(more or 0, more_studies or 0, more_seeds or 0):
            excluded = (set_, size, from_, probe, tracking_uri, study_storage, data, until, at_most, most_studies)
            session = growing_session(sweep, growth, places, address, trust=trust, excluded=excluded)
        else:
            session = new_session(
                *(sweep, set_ or [], size, places, address),
                started_from=from_, probe=probe, or_resume=or_resume, trust=trust,
                rounds=RoundOptions(until, at_most, most_studies),
            )  # fmt: skip
        return conclude(session, storage, address, json_file, expect)

    @clear_errors
    def resume_(
        name: options.SweepName,
        storage: options.Storage = DEFAULT_STORAGE,
        address: options.Address = None,
        json_file: options.JsonFile = None,
        trust: options.Trust = False,
        expect: options.Expect = None,
    ) -> int:
        """Go on with a sweep that was interrupted or killed."""
        print_lines(console, [f"{name}: looking up where it stands ..."])
        from cluster.run.sweeps import resume_sweep

        _check_options(json_file, expect)
        session = resume_sweep(name, storage, address, console, trusted=trust)
        return conclude(session, storage, address, json_file, expect)

    return run_, resume_


def _check_options(json_file: Path | None, expect: str | None) -> None:
    from cluster.run.expectation import check_expected

    check_expected(expect)
    if json_file is not None:
        check_output_file("--json", json_file)
