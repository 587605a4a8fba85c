"""Figures hold the right numbers, say what is missing, and can be read, whatever became of a sweep's runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import analysis
from analysis.chart import Band, Bars, Chart, Heat, Line, Panel, Picture, Points, Rule
from analysis.draw_plotly import to_plotly
from analysis.figures.contour import contour
from analysis.figures.critical_difference import critical_difference
from analysis.figures.differences import differences
from analysis.figures.importance import importance, importance_of
from analysis.figures.loss_curves import loss_curves
from analysis.figures.parallel_coordinates import parallel_coordinates
from analysis.figures.pareto import pareto
from analysis.figures.performance_profiles import performance_profiles
from analysis.figures.picture_grid import picture_grid
from analysis.figures.response import response
from analysis.figures.rungs import rungs
from analysis.figures.schedules import schedules
from analysis.figures.targets import targets
from analysis.figures.tuning_curves import tuning_curves
from analysis.runs import SweepRecords
from analysis.tables import SweepTables
from analysis.tuning_curves import tuning_curve
from optimizers import InputError
from search_spaces import ARM_COLOURS, arm_colour, arm_space, parse_sweep
from tests.analysis.drawn_words import overlaps

if TYPE_CHECKING:
    from tests.analysis.conftest import Make, Store

START = datetime(2026, 1, 1, tzinfo=UTC)
SWEEP = """
name: questions
question: Do they?
workload: {name: mlp/digits, epochs: 9, batch_size: 64}
metric: {name: val/loss, goal: minimize, target: 0.5}
baseline: adam
arms:
  adam:
    optimizer: adam
    parameters:
      lr: {distribution: log_uniform, min: 1e-5, max: 1e-1}
  betas:
    optimizer: moment_adam
    parameters:
      lr: {distribution: log_uniform, min: 1e-5, max: 1e-1}
      beta2: {distribution: one_minus_log_uniform, min: 0.9, max: 0.9999}
      beta1_schedule: {values: [constant, linear]}
      beta1_schedule.to: {distribution: uniform, min: 0, max: 0.9, when: {beta1_schedule: linear}}
      gate: {values: [none, cautious]}
  lost: {optimizer: sgd, parameters: {lr: {distribution: log_uniform, min: 1e-3, max: 1}}}
search: {trials: 16}
scheduler: {type: asha, grace: 1, eta: 3}
confirm: {top_k: 1, seeds: [1, 2]}
"""
OF_TABLES: dict[str, Callable[[SweepTables], Chart]] = {
    "contour": lambda tables: contour(tables, "beta2", "lr"),
    "importance": importance,
    "loss_curves": loss_curves,
    "parallel_coordinates": parallel_coordinates,
    "pareto": pareto,
    "response": response,
    "rungs": rungs,
    "schedules": schedules,
    "targets": targets,
    "tuning_curves": tuning_curves,
}


def run(trial_id: str, outcome: str = "finished", value: float = math.nan, **more: Any) -> dict[str, Any]:
    identity = {"run_id": trial_id, "trial_id": trial_id, "arm": trial_id.partition("/")[0], "workload": "mlp/digits"}
    fate = {"outcome": outcome, "value": value, "started": START, "seconds": 1.0}
    return identity | {"study": 1, "seed": 0, "optimizer": "adam"} | fate | more


def curve(trial_id: str, role: str, **metrics: list[float]) -> list[dict[str, Any]]:
    """Evaluations after 100, 200, ... steps; metrics with two underscores for a slash."""
    identity = {key: run(trial_id)[key] for key in ("run_id", "trial_id", "arm", "workload", "study", "seed")}
    values = {name.replace("__", "/"): numbers for name, numbers in metrics.items()}
    count = len(next(iter(values.values())))
    return [
        {**identity, "role": role, "step": 100 * epoch, "epoch": epoch, "seconds": 0.5 * epoch}
        | {name: numbers[epoch - 1] for name, numbers in values.items()}
        for epoch in range(1, count + 1)
    ]


def tables_of(
    trials: Iterable[dict[str, Any]],
    confirmations: Iterable[dict[str, Any]] = (),
    curves: Iterable[dict[str, Any]] = (),
    sweep: str = SWEEP,
) -> SweepTables:
    confirmed = (
        pd.DataFrame(list(confirmations)) if confirmations else pd.DataFrame([run("adam/0") | {"confirm_of": ""}])[:0]
    )
    told = pd.DataFrame(list(curves)) if curves else pd.DataFrame(curve("adam/0", "trial", val__loss=[1.0]))[:0]
    records = SweepRecords(parse_sweep(sweep), "questions-1", "test/accuracy", "maximize", (), ())
    return SweepTables((records,), pd.DataFrame(list(trials)), confirmed, told, "")


def layers(panel: Panel, kind: type) -> list[Any]:
    return [layer for layer in panel.layers if isinstance(layer, kind)]


def drawn(panel: Panel, label: str, kind: type = Line) -> Any:
    [found] = [layer for layer in layers(panel, kind) if layer.label == label]
    return found


def trials_in(panel: Panel) -> dict[str, list[tuple[float, float]]]:
    """The lines of a panel by what they tell of themselves, those that are drawn as one with gaps apart."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in layers(panel, Line):
        for x, y, told in zip(line.x, line.y, line.hover, strict=True):
            if not math.isnan(x):
                found.setdefault(told.partition(":")[0], []).append((x, y))
    return found


# Learning curves and schedules


@pytest.fixture
def confirmed() -> SweepTables:
    """Two seeds of adam, and one of a worse configuration; of betas one that diverged and one that finished."""
    trials = [run("adam/0", value=0.3), run("adam/1", value=0.2), run("betas/0", value=0.4), run("lost/0", "failed")]
    confirmations = [
        run("adam/confirm/0", value=0.1, seed=1, confirm_of="adam/1"),
        run("adam/confirm/1", value=0.3, seed=2, confirm_of="adam/1"),
        run("adam/confirm/9", value=9.0, seed=1, confirm_of="adam/0"),
        run("betas/confirm/0", value=0.2, seed=1, confirm_of="betas/0"),
        run("betas/confirm/1", "diverged", seed=2, confirm_of="betas/0"),
    ]
    constant = {"optim__beta2": [0.999, 0.999], "optim__update_norm": [3.0, 2.0]}
    curves = [
        *curve(
            "adam/confirm/0",
            "confirm",
            val__loss=[1.0, 0.1],
            train__loss=[0.9, 0.05],
            optim__beta1=[0.9, 0.9],
            **constant,
        ),
        *curve(
            "adam/confirm/1",
            "confirm",
            val__loss=[3.0, 0.3],
            train__loss=[1.1, 0.07],
            optim__beta1=[0.9, 0.9],
            **constant,
        ),
        *curve("adam/confirm/9", "confirm", val__loss=[9.0, 9.0], train__loss=[9.0, 9.0]),
        *curve(
            "betas/confirm/0",
            "confirm",
            val__loss=[2.0, 0.2],
            train__loss=[1.0, 0.1],
            optim__beta1=[0.8, 0.5],
            **constant,
        ),
        *curve("betas/confirm/1", "confirm", val__loss=[50.0], train__loss=[40.0]),
    ]
    return tables_of(trials, confirmations, curves)


def test_curves_are_means_over_finished_runs_of_the_best_configuration_in_a_band_from_min_to_max(
    confirmed: SweepTables,
) -> None:
    chart = loss_curves(confirmed)
    assert [panel.title for panel in chart.panels] == ["train/loss", "val/loss"]
    val = chart.panels[1]
    mean = drawn(val, "adam")
    assert list(mean.x) == [1, 2]
    assert list(mean.y) == pytest.approx([2.0, 0.2])
    assert mean.colour == arm_colour(confirmed.sweep, "adam") == ARM_COLOURS[0]
    [band, _] = layers(val, Band)
    assert (list(band.low), list(band.high)) == ([1.0, 0.1], [3.0, 0.3])
    assert list(drawn(val, "betas").y) == [2.0, 0.2], "what diverged is not in the mean"
    [alone] = layers(val, Points)
    assert (list(alone.x), list(alone.y), alone.symbol) == ([1], [50.0], "cross")
    assert val.y.scale == "log"
    assert val.y.range is not None
    assert val.y.range[1] < 50, "a run that went off does not make the others unreadable"
    assert "1 of betas (diverged)" in chart.caption
    assert "lost (not confirmed)" in chart.caption
    assert "1 to 2 finished runs" in chart.caption


def test_curves_over_steps_or_seconds_of_any_metric_with_accuracies_in_percent(confirmed: SweepTables) -> None:
    curves = confirmed.curves.assign(**{"val/accuracy": 0.5})
    chart = loss_curves(replace(confirmed, curves=curves), ["val/accuracy"], by="seconds")
    [panel] = chart.panels
    assert panel.y.label == "val/accuracy (%)"
    assert list(drawn(panel, "adam").x) == [0.5, 1.0]
    assert list(drawn(panel, "adam").y) == [50, 50]
    assert list(drawn(loss_curves(confirmed, by="step").panels[0], "adam").x) == [100, 200]
    with pytest.raises(InputError, match='not over "day"'):
        loss_curves(confirmed, by="day")
    with pytest.raises(InputError, match="no confirmation run has a curve of val/fid"):
        loss_curves(confirmed, ["val/fid"])


def test_one_seed_has_no_band_to_speak_of(confirmed: SweepTables) -> None:
    alone = confirmed.confirmations[confirmed.confirmations["seed"] == 1]
    chart = loss_curves(replace(confirmed, confirmations=alone))
    assert "mean over 1 finished run." in chart.caption
    assert "band" not in chart.caption


def test_schedules_are_those_of_the_best_configuration(confirmed: SweepTables) -> None:
    chart = schedules(confirmed)
    [panel] = chart.panels
    assert panel.title == "beta1"
    assert list(drawn(panel, "betas").y) == [0.8, 0.5]
    assert list(drawn(panel, "adam").y) == [0.9, 0.9]
    assert "beta2 0.999 (adam and betas)" in chart.caption
    assert "update_norm" not in chart.caption, "it is no setting"
    assert "lost (no finished run)" in chart.caption


def test_a_beta_near_one_is_drawn_by_its_distance_from_one(confirmed: SweepTables) -> None:
    moved = confirmed.curves["optim/beta2"].where(confirmed.curves["arm"] == "adam", 0.9999)
    chart = schedules(replace(confirmed, curves=confirmed.curves.assign(**{"optim/beta2": moved})))
    panel = chart.panels[1]
    assert (panel.y.label, panel.y.scale) == ("1 − beta2", "log")
    assert list(drawn(panel, "betas").y) == pytest.approx([1e-4, 1e-4])


# Searches


def betas(number: int, value: float, outcome: str = "finished", **chosen: Any) -> dict[str, Any]:
    """A trial of betas as the tables have it: a schedule with settings has a ``.kind``, and "none" is nothing."""
    chosen = {"lr": 1e-3, "beta2": 0.99, "beta1_schedule": "constant", "gate": None} | chosen
    return run(f"betas/{number}", outcome, value) | {f"optimizer.{name}": setting for name, setting in chosen.items()}


LINEAR: dict[str, Any] = {"beta1_schedule": None, "beta1_schedule.kind": "linear"}


@pytest.fixture
def searched() -> SweepTables:
    trials = [
        betas(0, 0.5, gate="cautious"),
        betas(1, 2.0, "pruned", beta2=0.999),
        betas(2, math.nan, "diverged", lr=0.1),
        betas(3, math.nan, "failed"),
        betas(4, 0.1, "finished", lr=1e-2, **LINEAR | {"beta1_schedule.to": 0.2}),
        run("adam/0", value=0.3) | {"optimizer.lr": 1e-4},
        run("lost/0", "failed") | {"optimizer.lr": 0.5},
    ]
    return tables_of(trials)


def test_responses_show_each_trial_at_its_value_and_how_it_ended(searched: SweepTables) -> None:
    chart = response(searched, ["lr", "beta2", "beta1_schedule", "gate", "beta1_schedule.to"])
    lr, beta2, schedule, gate, to = chart.panels
    assert (lr.x.scale, beta2.x.label, beta2.x.scale) == ("log", "1 − beta2", "log")
    whole, stopped, diverged = (
        [points for points in layers(lr, Points) if points.symbol == symbol] for symbol in ("circle", "ring", "cross")
    )
    assert {points.label: list(zip(points.x, points.y, strict=True)) for points in whole} == {
        "adam": [(1e-4, 0.3)],
        "betas": [(1e-3, 0.5), (1e-2, 0.1)],
    }
    assert [list(points.y) for points in stopped] == [[2.0]]
    assert [list(points.x) for points in diverged] == [[0.1]]
    assert diverged[0].y[0] > 2.0, "at the worst end, where no value is"
    assert sorted(x for points in layers(beta2, Points) for x in points.x) == pytest.approx([0.001, 0.01, 0.01, 0.01])
    assert schedule.x.ticks == {0: "constant", 1: "linear"}
    assert sorted(round(x) for points in layers(schedule, Points) for x in points.x) == [0, 0, 0, 1]
    assert gate.x.ticks == {0: "none", 1: "cautious"}
    assert sorted(round(x) for points in layers(gate, Points) for x in points.x) == [0, 0, 0, 1], "none is a choice"
    assert [list(points.x) for points in layers(to, Points)] == [[0.2]], "only where it was active"
    assert "2 without a value" in chart.caption
    assert [key.label for key in chart.key] == ["adam", "betas", "lost", "stopped early", "diverged"]
    with pytest.raises(InputError, match='No arm searches "beta3"'):
        response(searched, ["beta3"])


def test_responses_leave_out_what_hardly_any_trial_has(searched: SweepTables) -> None:
    chart = response(searched)
    assert [panel.x.label for panel in chart.panels] == ["lr", "1 − beta2", "beta1_schedule", "gate"]
    assert "fewer than 4 trials, and not shown: beta1_schedule.to" in chart.caption


def plane(lr: float, beta2: float) -> float:
    return 2 + 0.1 * math.log10(lr) - 0.05 * math.log10(1 - beta2)


def test_contours_lie_between_the_trials_and_on_what_they_found() -> None:
    grid = [(lr, beta2) for lr in (1e-4, 1e-3, 1e-2) for beta2 in (0.9, 0.99, 0.999)]
    trials = [betas(n, plane(lr, beta2), lr=lr, beta2=beta2) for n, (lr, beta2) in enumerate(grid)]
    [panel] = contour(tables_of([*trials, betas(9, 5.0, "pruned", lr=1e-1)]), "beta2", "lr").panels
    [heat] = layers(panel, Heat)
    assert (heat.x.min(), heat.x.max()) == pytest.approx((1e-3, 1e-1)), "1 - beta2"
    assert (heat.y.min(), heat.y.max()) == pytest.approx((1e-4, 1e-2)), "not out to where a trial was stopped"
    inside = np.isfinite(heat.z)
    assert inside.mean() > 0.9
    wanted = np.array([[plane(lr, 1 - x) for x in heat.x] for lr in heat.y])
    assert heat.z[inside] == pytest.approx(wanted[inside]), "a plane on these axes is interpolated exactly"
    assert sorted(len(points.x) for points in layers(panel, Points)) == [1, 9]


def test_few_trials_are_shown_without_contours(searched: SweepTables) -> None:
    [panel] = contour(searched, "beta2", "lr").panels
    assert layers(panel, Heat) == []
    assert sum(len(points.x) for points in layers(panel, Points)) == 4
    with pytest.raises(InputError, match="No arm searches both lr and alpha"):
        contour(searched, "lr", "alpha")


def test_trials_on_a_line_have_no_contours() -> None:
    trials = [betas(n, 1.0 + n, lr=10.0 ** -(n / 2 + 1)) for n in range(9)]
    [panel] = contour(tables_of(trials), "beta2", "lr").panels
    assert layers(panel, Heat) == []


@pytest.fixture(scope="module")
def decided_by_lr() -> pd.DataFrame:
    """40 trials of betas whose value depends on the learning rate alone; 12 have a linear schedule."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(40):
        lr = 10 ** random.uniform(-5, -1)
        chosen: dict[str, Any] = {"lr": lr, "beta2": 1 - 10 ** random.uniform(-4, -1)}
        chosen |= {"gate": "cautious" if random.random() < 0.5 else None}
        chosen |= {**LINEAR, "beta1_schedule.to": random.uniform(0, 0.9)} if number < 12 else {}
        rows.append(betas(number, (math.log10(lr) + 3) ** 2, **chosen))
    return pd.DataFrame(rows)


def test_what_alone_decides_is_what_matters(decided_by_lr: pd.DataFrame) -> None:
    sweep = parse_sweep(SWEEP)
    found = importance_of(decided_by_lr, arm_space(sweep.arms["betas"]), sweep)
    assert found.trials == {"lr": 40, "beta2": 40, "beta1_schedule": 40, "gate": 40, "beta1_schedule.to": 12}
    for shares in (found.variance, found.best):
        always = [share for name, share in shares.items() if name != "beta1_schedule.to"]
        assert sum(always) == pytest.approx(1)
        assert shares["lr"] > 0.8
        assert shares["beta1_schedule.to"] < 0.5


def test_importance_says_who_has_too_few_trials(decided_by_lr: pd.DataFrame) -> None:
    trials: list[Any] = [
        *decided_by_lr.to_dict("records"),
        *(run(f"adam/{n}", value=n) | {"optimizer.lr": 10.0**-n} for n in (2, 3)),
    ]
    chart = importance(tables_of(trials))
    assert [panel.title for panel in chart.panels] == ["betas, 40 trials: variance", "betas, 40 trials: among the best"]
    [bars] = layers(chart.panels[0], Bars)
    assert list((chart.panels[0].y.ticks or {}).values())[-1] == "lr", "what matters most stands on top"
    assert bars.lengths[-1] == max(bars.lengths)
    assert "beta1_schedule.to (12)" in (chart.panels[0].y.ticks or {}).values()
    assert "adam (it searches one parameter) and lost (it has no trial with a value)" in chart.caption
    with pytest.raises(InputError, match=r"betas \(9 trials with a value, 10 are needed\)"):
        importance(tables_of(trials[:9]))


def test_a_trial_is_a_line_through_its_hyperparameters(searched: SweepTables) -> None:
    chart = parallel_coordinates(searched)
    adam, panel = chart.panels
    names = list((panel.x.ticks or {}).values())
    assert names == ["lr", "1 − beta2", "beta1_schedule", "gate", "beta1_schedule.to", "val/loss"]
    by_trial = {trial: [y for _, y in points] for trial, points in trials_in(panel).items()}
    assert set(by_trial) == {"betas/0", "betas/1", "betas/4"}
    assert by_trial["betas/4"][0] == 1.0, "the greatest learning rate"
    assert by_trial["betas/0"][:2] == [0.0, 1.0]
    assert [name for name, heights in by_trial.items() if heights[3] == 1] == ["betas/0"], "gate: cautious"
    assert by_trial["betas/0"][4] < 0, "under the axis where it was not active"
    assert by_trial["betas/4"][-1] == 0.0, "the best of all"
    assert layers(panel, Line)[-1].hover[0].startswith("betas/4"), "and on top of the others"
    assert (adam.x.ticks or {})[0] == "lr"
    assert "lost (no trial has a value)" in chart.caption


def test_rungs_count_who_came_and_who_went_on() -> None:
    trials = [
        run("adam/0", value=0.1),
        run("adam/1", "pruned", 1.0),
        run("adam/2", "pruned", 0.9),
        run("adam/3", "diverged"),
    ]
    curves = [
        *curve("adam/0", "trial", val__loss=[1.0 / epoch for epoch in range(1, 10)]),
        *curve("adam/1", "trial", val__loss=[1.0]),
        *curve("adam/2", "trial", val__loss=[1.0, 0.95, 0.9]),
        *curve("adam/3", "trial", val__loss=[1.0, 5.0]),
        *curve("adam/confirm/0", "confirm", val__loss=[0.01] * 9),
    ]
    chart = rungs(tables_of(trials, curves=curves))
    [panel] = chart.panels
    assert [(rule.at, rule.label) for rule in layers(panel, Rule)] == [(1, "4 → 3"), (3, "2 → 1")]
    assert panel.title == "adam: 1 finished, 2 pruned, 1 diverged"
    shown = trials_in(panel)
    assert {trial: len(points) for trial, points in shown.items()} == {
        "adam/0": 9,
        "adam/1": 1,
        "adam/2": 3,
        "adam/3": 2,
    }
    grey, coloured = layers(panel, Line)
    assert (set(grey.hover), coloured.colour) == ({"adam/1: pruned", "adam/2: pruned"}, ARM_COLOURS[0])
    ends = {points.symbol: points.x.tolist() for points in layers(panel, Points)}
    assert ends == {"square": [1, 3], "cross": [2]}
    assert "betas (no trial has a curve) and lost (no trial has a curve)" in chart.caption


def test_without_rungs_only_curves_are_shown() -> None:
    curves = curve("adam/0", "trial", val__loss=[1.0, 0.5])
    chart = rungs(tables_of([run("adam/0", value=0.5)], curves=curves, sweep=SWEEP.replace("asha", "none")))
    assert layers(chart.panels[0], Rule) == []


def test_the_front_is_what_no_trial_of_the_arm_beats() -> None:
    sweep = SWEEP.replace("baseline:", "tradeoffs: [{name: summary/train_seconds}]\nbaseline:").replace("asha", "none")
    points = [(0.1, 9.0), (0.2, 5.0), (0.3, 6.0), (0.4, 1.0)]
    trials = [run(f"adam/{n}", value=value) | {"summary/train_seconds": s} for n, (value, s) in enumerate(points)]
    trials += [run("betas/0", "pruned", 0.01) | {"summary/train_seconds": 0.1}]
    chart = pareto(tables_of(trials, sweep=sweep))
    [panel] = chart.panels
    front = drawn(panel, "adam")
    assert (list(front.x), list(front.y), front.stepped) == ([1.0, 5.0, 9.0], [0.4, 0.2, 0.1], True)
    [inner] = [points for points in layers(panel, Points) if points.symbol == "ring"]
    assert (list(inner.x), list(inner.y)) == ([6.0], [0.3])
    assert panel.x.label == "seconds of training"
    assert "betas (no finished trial)" in chart.caption
    with pytest.raises(InputError, match="questions has no tradeoffs"):
        pareto(tables_of(trials))


# Answers


def test_tuning_curves_hold_their_numbers(searched: SweepTables) -> None:
    trials = [run(f"adam/{n}", value=value) for n, value in enumerate([0.5, 0.2, 0.4, 0.3])]
    trials += [run("adam/4", "pruned", 0.01), run("betas/0", "pruned", 0.1)]
    chart = tuning_curves(tables_of(trials))
    [panel] = chart.panels
    line, wanted = drawn(panel, "adam"), tuning_curve([0.5, 0.2, 0.4, 0.3, math.nan], minimize=True)
    assert list(line.x) == [1, 2, 3, 4, 5]
    assert list(line.y) == list(wanted.median)
    [band] = layers(panel, Band)
    assert np.isfinite([*band.low, *band.high]).all(), "open ends reach the edge of the panel"
    assert "betas (no finished trial) and lost (no finished trial)" in chart.caption


def test_a_share_of_runs_reaches_the_target_and_a_miss_never_does() -> None:
    steps = {"adam/confirm/0": 100.0, "adam/confirm/1": 300.0, "betas/confirm/0": 200.0, "betas/confirm/1": math.inf}
    confirmations = [
        run(name, confirm_of=f"{name.partition('/')[0]}/0") | {"summary/steps_to_target": count, "summary/steps": 900.0}
        for name, count in steps.items()
    ]
    confirmations.append(run("lost/confirm/0", "failed", confirm_of="lost/0") | {"summary/steps_to_target": math.nan})
    chart = targets(tables_of([run("adam/0", value=1.0), run("betas/0", value=1.0)], confirmations))
    [panel] = chart.panels
    adam, betas_ = drawn(panel, "adam"), drawn(panel, "betas")
    assert list(adam.x) == [0, 100, 300, 900]
    assert np.round(adam.y / 10).tolist() == [0, 5, 10, 10]
    assert np.round(betas_.y / 10).tolist() == [0, 5, 5], "it ends where half of the runs have missed"
    assert "lost (no confirmation has ended)" in chart.caption
    with pytest.raises(InputError, match="has no metric"):
        targets(tables_of([], confirmations, sweep=SWEEP.replace(", target: 0.5", "")))


def test_profiles_are_shares_of_workloads_at_ratios_to_the_fastest() -> None:
    sweep = parse_sweep(
        SWEEP.replace(
            "workload: {name: mlp/digits, epochs: 9, batch_size: 64}",
            "workloads: {one: {name: mlp/digits, epochs: 9}, two: {name: mlp/digits, epochs: 3}}",
        )
    )
    steps = {"one": {"adam": 100.0, "betas": 200.0, "lost": math.inf}, "two": {"adam": 300.0, "betas": 100.0}}
    runs = [
        run(f"{arm}/confirm/0", workload=name) | {"summary/steps_to_target": count, "confirm_of": f"{arm}/0"}
        for name, of_arm in steps.items()
        for arm, count in of_arm.items()
    ]
    records = tuple(
        SweepRecords(sweep.on(name), "", "test/accuracy", "maximize", (), (), workload=name, workloads=2)
        for name in steps
    )
    empty = pd.DataFrame([run("adam/0")])[:0]
    tables = SweepTables(records, empty, pd.DataFrame(runs), empty, "")
    chart = performance_profiles(tables)
    [panel] = chart.panels
    adam = drawn(panel, "adam")
    assert list(adam.x)[:3] == [1, 2, 3]
    assert np.round(adam.y / 10).tolist() == [5, 5, 10, 10]
    assert np.round(drawn(panel, "lost").y / 10).tolist() == [0, 0, 0, 0]
    assert overlaps(chart) == []
    with pytest.raises(InputError, match="one workload"):
        performance_profiles(tables.on("one"))
    for name, figure in OF_TABLES.items():
        with pytest.raises(InputError, match=r"take tables.on\(name\), with a name of one and two"):
            assert figure(tables), name


def test_ranks_are_joined_where_they_are_not_shown_to_differ() -> None:
    from analysis.ranks import critical_difference as difference_of

    found = difference_of({"adam": 1.3, "betas": 1.7, "lost": 3.0}, 12)
    chart = critical_difference(found, parse_sweep(SWEEP))
    [panel] = chart.panels
    assert [float(points.x[0]) for points in layers(panel, Points)] == [1.3, 1.7, 3.0]
    joined = [tuple(line.x) for line in layers(panel, Line) if line.width == 4]
    assert found.groups == (("adam", "betas"),)
    assert joined == [(1.3, 1.7)]
    assert overlaps(chart) == []


def test_differences_are_in_points_with_their_intervals(make: type[Make]) -> None:
    scores = {"adam": [0.90, 0.91, 0.92], "scheduled": [0.95, 0.96, 0.965], "single": [0.5]}
    verdict = analysis.judge(make.confirmed(scores))
    chart = differences(verdict)
    [panel] = chart.panels
    assert panel.x.label == "difference (points)"
    assert [rule.at for rule in layers(panel, Rule)] == [0]
    centers = [float(points.x[0]) for points in layers(panel, Points)]
    assert centers == pytest.approx([4.8333, -40], abs=1e-3)
    difference = verdict.arms[1].difference
    assert difference is not None
    assert difference.interval is not None
    shown = layers(panel, Line)[0]
    assert list(shown.x) == pytest.approx([100 * difference.interval.low, 100 * difference.interval.high])
    assert "better is right" in chart.caption
    assert "Without an interval: single" in chart.caption
    assert overlaps(chart) == []
    with pytest.raises(InputError, match="No differences to adam"):
        differences(analysis.judge(make.confirmed({"adam": [0.9], "scheduled": []})))


def test_pictures_stand_by_arm_and_moment(tmp_path: Path) -> None:
    sweep = parse_sweep(SWEEP)
    file = tmp_path / "one.png"
    Image.new("RGB", (12, 6), (255, 0, 0)).save(file)
    grey = np.full((6, 12), 7, dtype=np.uint8)
    chart = picture_grid(sweep, {"betas": {"epoch 1": file, "epoch 5": grey}, "adam": {"epoch 5": grey}})
    assert chart.columns == 2
    pictures = [layers(panel, Picture)[0].pixels for panel in chart.panels]
    assert [panel.y.label for panel in chart.panels] == ["adam", "", "betas", ""]
    assert pictures[0].min() == 255, "adam has no picture of epoch 1"
    assert pictures[2][0, 0].tolist() == [255, 0, 0]
    assert pictures[3][0, 0] == 7
    assert chart.size[0] == 2 * chart.size[1]
    assert "lost (no picture)" in chart.caption
    assert overlaps(chart) == []
    assert len(to_plotly(chart).layout.images) == 4
    with pytest.raises(InputError, match="no run has logged any"):
        picture_grid(sweep, {"adam": {}})
    file.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        picture_grid(sweep, {"adam": {"epoch 1": file}})


# Whatever became of the runs


def test_no_figure_fails_or_lies_on_an_eventful_sweep(store: Store, eventful: SweepRecords) -> None:
    store.write(replace(eventful, sweep=eventful.sweep.model_copy(update={"name": "eventful"})))
    tables = analysis.load("eventful", store.uri)
    shown, why = {}, {}
    for name, figure in OF_TABLES.items():
        try:
            shown[name] = figure(tables)
        except InputError as error:
            why[name] = str(error)
    assert set(shown) == {"rungs", "targets", "tuning_curves"}
    assert "lost" in shown["tuning_curves"].caption
    assert why["response"].startswith("No ")
    assert all(reason.startswith("No ") and reason.endswith(".") for reason in why.values())
    for name, chart in shown.items():
        assert overlaps(chart) == [], name
        assert to_plotly(chart).to_json()


def test_figures_of_a_sweep_without_runs_say_so(store: Store, make: type[Make]) -> None:
    store.write(make.sweep([], [], name="no-runs"))
    tables = analysis.load("no-runs", store.uri)
    for name, figure in OF_TABLES.items():
        with pytest.raises(InputError, match=r"^No .*\.$"):
            assert figure(tables), name


def test_words_can_be_read_in_every_figure(confirmed: SweepTables, searched: SweepTables) -> None:
    for tables in (confirmed, searched):
        for name, figure in OF_TABLES.items():
            try:
                chart = figure(tables)
            except InputError:
                continue
            assert overlaps(chart) == [], name
