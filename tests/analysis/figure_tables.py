"""Small tables for tests of figures, as `analysis.load` makes them, and a look into the charts drawn from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from analysis.charts.chart import Line, Panel
from analysis.data.runs import SweepRecords
from analysis.data.tables import SweepTables
from search_spaces import parse_sweep

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


def betas(number: int, value: float, outcome: str = "finished", **chosen: Any) -> dict[str, Any]:
    """A trial of betas as the tables have it: a schedule with settings has a ``.kind``."""
    chosen = {"lr": 1e-3, "beta2": 0.99, "beta1_schedule": "constant", "gate": "none"} | chosen
    return run(f"betas/{number}", outcome, value) | {f"optimizer.{name}": setting for name, setting in chosen.items()}


LINEAR: dict[str, Any] = {"beta1_schedule": None, "beta1_schedule.kind": "linear"}


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
