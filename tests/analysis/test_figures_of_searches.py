"""Figures of searches: where trials stood, what they found, what became of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.charts.chart import Bars, Heat, Line, Points, Rule
from analysis.data.tables import SweepTables
from analysis.figures.contour import contour
from analysis.figures.importance import importance, importance_of
from analysis.figures.parallel_coordinates import parallel_coordinates
from analysis.figures.pareto import pareto
from analysis.figures.response import response
from analysis.figures.rungs import rungs
from optimizers import InputError
from search_spaces import ARM_COLOURS, parse_sweep
from tests.analysis.figure_tables import (
    LINEAR,
    SWEEP,
    betas,
    curve,
    drawn,
    layers,
    run,
    searched,
    tables_of,
    trials_in,
)


@pytest.fixture(name="searched")
def of_searches() -> SweepTables:
    return searched()


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
        chosen |= {"gate": "cautious" if random.random() < 0.5 else "none"}
        chosen |= {**LINEAR, "beta1_schedule.to": random.uniform(0, 0.9)} if number < 12 else {}
        rows.append(betas(number, (math.log10(lr) + 3) ** 2, **chosen))
    return pd.DataFrame(rows)


def test_what_alone_decides_is_what_matters(decided_by_lr: pd.DataFrame) -> None:
    sweep = parse_sweep(SWEEP)
    found = importance_of(decided_by_lr, sweep.arms["betas"].space, sweep)
    assert found.trials == {"lr": 40, "beta2": 40, "beta1_schedule": 40, "gate": 40, "beta1_schedule.to": 12}
    for shares in (found.variance, found.best):
        always = [share for name, share in shares.items() if name != "beta1_schedule.to"]
        assert sum(always) == pytest.approx(1)
        assert shares["lr"] > 0.8
    assert "beta1_schedule.to" not in found.variance, "it has no share of a whole in which it often is not"
    assert found.best["beta1_schedule.to"] < 0.5


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
