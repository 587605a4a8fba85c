"""Figures of the answer; and all figures, whatever became of a sweep's runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import analysis
from analysis.charts.chart import Band, Chart, Line, Picture, Points, Rule
from analysis.charts.draw_plotly import to_plotly
from analysis.data.runs import SweepRecords
from analysis.data.tables import SweepTables
from analysis.figures.contour import contour
from analysis.figures.critical_difference import critical_difference
from analysis.figures.differences import differences
from analysis.figures.importance import importance
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
from analysis.statistics.order_statistics import tuning_curve
from optimizers import InputError
from search_spaces import parse_sweep
from tests.analysis.drawn_words import overlaps
from tests.analysis.figure_tables import (
    SWEEP,
    confirmed,
    drawn,
    layers,
    run,
    searched,
    tables_of,
)

if TYPE_CHECKING:
    from tests.analysis.conftest import Make, Store

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


@pytest.fixture(name="confirmed")
def of_confirmations() -> SweepTables:
    return confirmed()


@pytest.fixture(name="searched")
def of_searches() -> SweepTables:
    return searched()


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
    assert "Taken as independent draws, which those of tpe are not" in chart.caption
    at_random = tuning_curves(tables_of(trials, sweep=SWEEP.replace("search: {", "search: {method: random, ")))
    assert "Trials are independent draws" in at_random.caption


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
    from analysis.statistics.ranks import critical_difference as difference_of

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
    assert "Intervals hold the noise of seeds, not that of the search" in chart.caption
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


def test_no_figure_fails_or_lies_on_an_eventful_sweep(store: Store, eventful: SweepRecords) -> None:
    named = parse_sweep(yaml.safe_dump({**eventful.sweep.file.plain(), "name": "eventful"}))
    store.write(replace(eventful, sweep=named))
    tables = analysis.load("eventful", store.uri)
    shown, why = {}, {}
    for name, figure in OF_TABLES.items():
        try:
            shown[name] = figure(tables)
        except InputError as error:
            why[name] = str(error)
    assert set(shown) == {"parallel_coordinates", "response", "rungs", "targets", "tuning_curves"}
    assert "lost" in shown["tuning_curves"].caption
    assert why["contour"].startswith("No ")
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
