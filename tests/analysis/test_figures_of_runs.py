"""Figures of single runs: learning curves and schedules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.charts.chart import Band, Points
from analysis.data.tables import SweepTables
from analysis.figures.loss_curves import loss_curves
from analysis.figures.schedules import schedules
from optimizers import InputError
from search_spaces import ARM_COLOURS, arm_colour
from tests.analysis.figure_tables import confirmed, drawn, layers


@pytest.fixture(name="confirmed")
def of_confirmations() -> SweepTables:
    return confirmed()


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
