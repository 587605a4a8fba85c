"""The origin's findings, held against sweeps in which they come out in every way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.data.runs import SweepRecords
from analysis.data.tables import SweepTables
from analysis.figures.origin_findings import FINDINGS, origin_findings, origin_in_words
from search_spaces import parse_sweep

OPTIMIZERS = {"plain": "adam", "custom": "origin_adam", "rms": "rmsprop", "grad": "adagrad"}
TRAIN = {"plain": (0.008, 0.009), "custom": (0.001, 0.001), "rms": (0.010, 0.011), "grad": (0.090, 0.0895)}
TEST = {"plain": (0.181, 0.180), "custom": (0.130, 0.131), "rms": (0.215, 0.212), "grad": (0.110, 0.112)}


def tables(
    train: Mapping[str, Sequence[float]], test: Mapping[str, Sequence[float]], workload: str = "mlp/mnist"
) -> SweepTables:
    """Losses of the seeds 1, 2, ... at the end; the validation loss falls to half of the test loss in between."""
    arms = "".join(f"  {arm}: {{optimizer: {OPTIMIZERS[arm]}}}\n" for arm in test)
    sweep = parse_sweep(
        f"name: again\nworkload: {{name: {workload}, epochs: 3}}\nmetric: {{name: val/loss, goal: minimize}}\n"
        f"baseline: {next(iter(test))}\narms:\n{arms}search: {{trials: 1}}\n"
    )
    runs = [
        {
            "run_id": f"{arm}-{seed}",
            "arm": arm,
            "optimizer": OPTIMIZERS[arm],
            "study": 1,
            "seed": seed,
            "outcome": "finished",
            "confirm_of": f"{arm}/0",
            "train/loss": train[arm][seed - 1],
            "test/loss": loss,
        }
        for arm, losses in test.items()
        for seed, loss in enumerate(losses, start=1)
    ]
    curves = [
        {"run_id": run["run_id"], "study": 1, "seed": run["seed"], "step": step, "val/loss": part * run["test/loss"]}
        for run in runs
        for step, part in ((10, 1.0), (20, 0.5), (30, 1.0))
    ]
    trials = pd.DataFrame({"trial_id": [f"{arm}/0" for arm in test], "value": 0.1})
    records = SweepRecords(sweep, "again-1", "test/accuracy", "maximize", (), ())
    return SweepTables((records,), trials, pd.DataFrame(runs), pd.DataFrame(curves), "")


def test_a_sweep_like_the_origin_finds_it_all_again() -> None:
    found = origin_findings(tables(TRAIN, TEST))
    assert len(found) == len(FINDINGS["mlp/mnist"])
    assert set(found["again"]) == {"yes"}
    first = found.to_dict("records")[0]
    assert (first["there"], first["here"], first["seeds"]) == ("below 0.01 and 0.09", "0.0085 and 0.0897", 2)
    assert "from 0.0902 up to 0.18" in set(found["here"])


def test_the_other_way_round_is_the_opposite_and_noise_is_neither() -> None:
    swapped = {**TEST, "custom": (0.200, 0.2005), "rms": (0.13, 0.24)}
    again = origin_findings(tables(TRAIN, swapped)).set_index("the origin found")["again"]
    assert again["test/loss of Adam_custom ends below Adam's"] == "the opposite"
    assert again["test/loss of Adam ends below RMSprop's"] == "not shown"
    said = origin_in_words(tables(TRAIN, swapped))
    assert said[0] == "Here each net was trained for 3 epochs, on 2 seeds."
    opposite = (
        "The opposite came out: test/loss of Adam_custom ends below Adam's (here 0.2 and 0.18, there 0.13 and 0.18)."
    )
    assert opposite in said


def test_what_cannot_be_measured_is_counted_and_not_guessed() -> None:
    one_seed = {arm: losses[:1] for arm, losses in TEST.items()}
    assert set(origin_findings(tables(TRAIN, one_seed))["again"]) == {"not measured"}
    without = {arm: losses for arm, losses in TEST.items() if arm != "custom"}
    assert origin_in_words(tables(TRAIN, without))[-1] == "Not measured by this sweep: 4 of 9 findings."
    assert origin_in_words(tables(TRAIN, TEST, "mlp/digits")) == (
        "The origin trained mlp/mnist and cnn/cifar10, so it found nothing on mlp/digits.",
    )
