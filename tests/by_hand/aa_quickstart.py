"""Real sweeps of quickstart's size whose two arms are the same: how often is one called better?

``python -m tests.by_hand.aa_quickstart COUNT``, from the repository. A sweep searches all its arms with the same seeds,
so equal arms of one sweep find the same. Here each arm is a sweep of its own with other seeds, and five studies of each
are judged as one sweep. A study follows from its own seeds alone: five of many are those of a sweep of five.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from scipy import stats

import adamant
from analysis.data.runs import RunRecord, SweepRecords, read_sweep
from analysis.verdict.judgement import judge
from search_spaces import Sweep, load_sweep
from tests.conftest import REPOSITORY

STUDIES = 5
FIRST_SEEDS = {"adam": 100_000, "again": 200_000}


def searched(arm: str, count: int, folder: Path) -> SweepRecords:
    """Run the searches and confirmations of one arm for so many sweeps."""
    overrides = [
        f"name={arm}",
        'arms={"adam": {"optimizer": "adam", "space": ["lr"]}}',
        f"search.studies={STUDIES * count}",
        f"search.seed={FIRST_SEEDS[arm]}",
    ]
    adamant.run("quickstart", overrides=overrides, storage=folder)
    (records,) = read_sweep(arm, f"sqlite:///{folder}/mlflow.db")
    return records


def part(runs: tuple[RunRecord, ...], arm: str, number: int, sweep: Sweep) -> Iterator[RunRecord]:
    """The runs of an arm in the sweep of that number, counted from 0."""
    for run in runs:
        study = run.study - STUDIES * number
        if 1 <= study <= STUDIES:
            of = run.confirm_of and f"{arm}:{run.confirm_of}"
            seed = sweep.confirm.of_study(study)[0] if of else run.seed
            yield replace(run, arm=arm, study=study, trial_id=f"{arm}:{run.trial_id}", confirm_of=of, seed=seed)


def main(count: int) -> int:
    """Print each sweep's difference, and how many claim one."""
    began, claims = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as made:
        arms = {arm: searched(arm, count, Path(made) / "runs") for arm in FIRST_SEEDS}
        same = '{"adam": {"optimizer": "adam", "space": ["lr"]}, "again": {"optimizer": "adam", "space": ["lr"]}}'
        sweep = load_sweep("quickstart", [f"arms={same}"])
        for number in range(count):
            trials, confirmations = (
                tuple(run for arm in arms for run in part(getattr(arms[arm], runs), arm, number, sweep))
                for runs in ("trials", "confirmations")
            )
            verdict = judge(replace(arms["adam"], sweep=sweep, trials=trials, confirmations=confirmations, digest=None))
            judged = verdict.arms[1]
            assert judged.difference is not None
            assert judged.difference.interval is not None
            told = (judged.difference.mean, judged.difference.interval.low, judged.difference.interval.high)
            print(number, *(f"{100 * value:+.2f}" for value in told), judged.finding)
            claims += judged.shows_difference
    share = stats.binomtest(claims, count).proportion_ci(method="exact")
    told = f"{claims} of {count} sweeps claim a difference, {claims / count:.1%} [{share.low:.1%}, {share.high:.1%}]"
    print(f"{told}; {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    sys.exit(main(int(sys.argv[1])))
