"""What a sweep costs beyond its training: the ready sweep `quickstart` against its own trials in a bare loop."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median

from benchmarks.recorded_sweep import recorded_trials
from benchmarks.report import Goal, median_and_range, table
from benchmarks.sandbox import ADAMANT, Sandbox, core_count, sandbox
from benchmarks.timeline import first_start, share_with, span

ROUNDS = 3
SWEEP = "quickstart"
# The last trials of a sweep end one by one, and ASHA's trials are short; a core that never came up would show as 0.
LEAST_SHARE_WITH_ALL_CORES = 0.5


@dataclass(frozen=True)
class Round:
    """Seconds of one sweep and of its trials in a bare loop, and the share of the sweep with a trial on every core."""

    trials: int
    start_up: float
    sweep: float
    after: float
    all_cores: float
    bare: float
    different: int


def main() -> list[Goal]:
    """Interleave sweeps and bare loops, print what they took, and return the goals."""
    with sandbox() as box:
        rounds = [_round(box) for _ in range(ROUNDS)]
    trials = [each.trials for each in rounds]
    print(
        f"`adamant run {SWEEP}`, {min(trials)} to {max(trials)} trials, {ROUNDS} rounds: sweep, bare loop, sweep, ..."
    )
    print("Seconds, median [least, greatest]:\n")
    rows = [
        ("sweep, first trial's start to last one's end", [each.sweep for each in rounds]),
        ("the same trials and steps, bare loop", [each.bare for each in rounds]),
        ("ratio", [each.sweep / each.bare for each in rounds]),
        ("start-up, command to first training step", [each.start_up for each in rounds]),
        ("end, last trial's end to end of command", [each.after for each in rounds]),
        (f"share of the sweep with {core_count()} trials at once", [each.all_cores for each in rounds]),
    ]
    print(table(("", "one round"), [(what, median_and_range(values)) for what, values in rows]), end="\n\n")
    different = sum(each.different for each in rounds)
    print(f"Trials whose last metrics differ between sweep and bare loop: {different} of {sum(trials)}.")
    used = min(each.all_cores for each in rounds) >= LEAST_SHARE_WITH_ALL_CORES
    print(f"Every core's actor was used in every round: {'yes' if used else 'NO'}.")
    goals = [
        Goal("sweep / bare loop", median(each.sweep / each.bare for each in rounds), "at most", 2.0),
        Goal("start-up of a sweep", median(each.start_up for each in rounds), "at most", 15.0, "s"),
    ]
    print(*goals, sep="\n")
    return goals


def _round(box: Sandbox) -> Round:
    storage = box.folder()
    command = box.run(ADAMANT, "run", SWEEP, "--storage", str(storage))
    trials = recorded_trials(storage / SWEEP)
    intervals = [trial.interval for trial in trials]
    bare = json.loads(box.run_module("benchmarks.bare_loop", str(storage / SWEEP)).output)
    start_up = first_start(intervals) - command.started
    return Round(
        trials=len(trials),
        start_up=start_up,
        sweep=span(intervals),
        after=command.seconds - start_up - span(intervals),
        all_cores=share_with(core_count(), intervals),
        bare=bare["seconds"],
        different=bare["different"],
    )
