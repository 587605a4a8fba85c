"""A sweep that gets studies, round by round, until its comparisons are decided or its time is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console

from cluster.run.ended import EndedSweep
from cluster.run.on_screen import print_lines
from cluster.run.sweeps import resume_sweep
from cluster.storage.rounds import Rounds
from search_spaces.schema.words import duration, listing, plural
from search_spaces.sweep.growth import Growth

Unsettled = Callable[[EndedSweep], Sequence[str]]
"""Judges a sweep that has ended; the names of the arms of which it is not decided how they compare."""


@contextmanager
def until_decided(
    session: AbstractContextManager[EndedSweep],
    unsettled: Unsettled,
    storage: str,
    address: str | None,
    console: Console,
) -> Iterator[EndedSweep]:
    """Yield the sweep of a session ended, after the last of its rounds; one without rounds after this session.

    Each round is a session of its own, so whatever interrupts one, a resume goes on with it. Raises as
    :func:`cluster.run.sweeps.resume_sweep`.
    """
    while True:
        with session as ended:
            rounds = ended.rounds
            goes_on = rounds is not None and not ended.code and _goes_on(rounds, unsettled(ended), console)
            if rounds is None or not goes_on:
                yield ended
                return
        growth = Growth(studies=rounds.further_studies)
        session = resume_sweep(ended.name, storage, address, console, growth, trusted=True)


def _goes_on(rounds: Rounds, unsettled: Sequence[str], console: Console) -> bool:
    """Say what a look has shown; return whether another round follows."""
    more, left = rounds.further_studies, rounds.left_s
    goes_on = bool(unsettled and more) and (left is None or rounds.next_s <= left)
    if not unsettled:
        said = "decided."
    else:
        said = f"not decided for {listing(unsettled)}"
        if goes_on:
            said += f"; {plural(more, 'study')} more an arm, in about {duration(rounds.next_s)}."
        elif more and left is not None and rounds.at_most_s is not None:
            said += (
                f", and {plural(more, 'study')} more an arm would take about {duration(rounds.next_s)}, where "
                f"{duration(left)} of {duration(rounds.at_most_s)} are left: this is the end."
            )
        else:
            said += ", and this was the last planned look: this is the end."
    at = f"Look {len(rounds.taken)} of {len(rounds.planned)}, after {plural(rounds.taken[-1], 'study')} of each arm"
    print_lines(console, [f"\n{at}: {said}"])
    return goes_on
