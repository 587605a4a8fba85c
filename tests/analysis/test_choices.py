"""What the best trials chose, from a sweep written by hand in which every number is known."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.data.runs import SweepRecords
from analysis.data.tables import SweepTables
from analysis.figures.choices import best_trials, choices, choices_in_words
from search_spaces import parse_sweep

SWEEP = """
name: known
workload: {name: mlp/digits, epochs: 2}
metric: {name: val/loss, goal: minimize}
baseline: adam
arms:
  adam:      {optimizer: adam, space: [lr]}
  orders:    {optimizer: moment_adam, space: [moment_orders]}
  fourth:    {optimizer: moment_adam, parameters: {order: {value: 4}}}
  scheduled: {optimizer: moment_adam, space: [beta_schedules]}
  lost:      {optimizer: moment_adam, space: [moment_orders]}
search: {trials: 8}
"""


def trial(arm: str, number: int, value: float, outcome: str = "finished", **settings: object) -> dict[str, object]:
    chosen = {f"optimizer.{name}": setting for name, setting in settings.items()}
    return {"trial_id": f"{arm}/{number}", "arm": arm, "outcome": outcome, "value": value, **chosen}


def tables() -> SweepTables:
    trials = [trial("adam", 0, 0.3, lr=0.01)]
    orders = [(0.5, 2.0), (0.2, 3.0), (0.25, 6.0), (0.9, 1.5), (0.8, 9.0)]
    trials += [trial("orders", number, value, order=order) for number, (value, order) in enumerate(orders)]
    trials += [trial("orders", number, 0.1, "pruned", order=12.0) for number in (5, 6)]
    trials += [trial("orders", 7, math.nan, "diverged", order=16.0)]
    trials += [trial("fourth", 0, 0.4, order=4)]
    linear = {"beta1_schedule.kind": "linear", "beta1_schedule.to": 0.5, "beta2_schedule": "constant"}
    trials += [trial("scheduled", 0, 0.4, beta1_schedule="constant", beta2_schedule="constant")]
    trials += [trial("scheduled", 1, 0.35, **linear)]
    trials += [trial("scheduled", 2, 0.6, "pruned", **linear) for _ in range(6)]
    trials += [trial("lost", 0, math.nan, "failed")]
    records = SweepRecords(parse_sweep(SWEEP), "known-1", "test/accuracy", "maximize", (), ())
    return SweepTables((records,), pd.DataFrame(trials), pd.DataFrame(), pd.DataFrame(), "")


def test_the_best_trials_are_the_best_quarter_of_all_among_those_trained_to_the_end() -> None:
    assert list(best_trials(tables(), "orders")["trial_id"]) == ["orders/1", "orders/2"], "2 of 8, none of the pruned"
    assert best_trials(tables(), "lost").empty


def test_choices_are_ranges_of_numbers_and_counts_of_words_beside_the_default() -> None:
    rows = choices(tables(), ["order", "beta1_schedule"]).to_dict("records")
    found = {(row["arm"], row["hyperparameter"]): row for row in rows}
    orders = found["orders", "order"]
    assert (orders["trial"], orders["value"], orders["best"]) == ("orders/1", 0.2, "3")
    assert (orders["best trials"], orders["all trials"], orders["default"]) == ("3 to 6", "1.5 to 16", "2")
    assert found["fourth", "order"]["best trials"] == "fixed"
    assert found["scheduled", "beta1_schedule"]["best trials"] == "linear (1), constant (1)", "best first"
    assert found["scheduled", "beta1_schedule.to"]["best trials"] == "0.5, unused (1)"
    assert ("scheduled", "beta1_schedule.tau") not in found, "no best trial decays"
    assert not [arm for arm, _ in found if arm == "lost"]


def test_sentences_name_each_arm_its_best_trial_and_the_baselines() -> None:
    assert choices_in_words(tables(), ["order"]) == (
        "The best of orders is orders/1, val/loss 0.2 (adam's best 0.3): order 3. "
        "The best 2 of its 8 trials: order 3 to 6, by default 2.",
        "The best of fourth is fourth/0, val/loss 0.4 (adam's best 0.3): order 4.",
        "lost has no finished trial, so there is no best configuration of it.",
    )
    assert choices_in_words(tables(), ["alpha"]) == ("No arm searches alpha.",)


@pytest.mark.parametrize(
    ("value", "written"), [(0.99987, "0.99987"), (0.9, "0.9"), (0.999, "0.999"), (1.5e-4, "0.00015")]
)
def test_a_beta_keeps_the_digits_that_tell_it_from_1(value: float, written: str) -> None:
    made = tables()
    made.trials.loc[made.trials["trial_id"] == "orders/1", "optimizer.beta2"] = value
    rows = choices(made, ["beta2"]).to_dict("records")
    assert [row["best"] for row in rows if row["arm"] == "orders"] == [written]
