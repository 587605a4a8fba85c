"""Links into the MLflow UI, and the views behind them.

A view is kept as a tag of the experiment, as MLflow's own "Share" button does, and a link names it. A version of MLflow
that does not know a view shows its standard page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import trainables
from search_spaces import Sweep

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000
# Okabe and Ito's colours, which colour-blind readers can tell apart.
ARM_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
VIEW_TAG = "mlflow.sharedViewState."
SEARCH_VIEW, CONFIRM_VIEW = "search", "confirm"
# Without it MLflow opens its pages for language models, in which runs are called evaluations.
_TRAINING = {"workflowType": "machine_learning"}


def arm_colour(sweep: Sweep, arm: str) -> str:
    """The colour of all curves of an arm (tag ``mlflow.runColor``)."""
    return ARM_COLOURS[list(sweep.arms).index(arm) % len(ARM_COLOURS)]


def best_metric(sweep: Sweep) -> str:
    """The summary metric by which runs are sorted: the best value of the sweep's metric."""
    return f"summary/best_{sweep.metric.name.replace('/', '_')}"


def ui_address(tracking_uri: str) -> str:
    """Where a browser finds the MLflow UI: the tracking server, or what `adamant ui` serves of a database."""
    return tracking_uri.rstrip("/") if tracking_uri.startswith("http") else f"http://{UI_HOST}:{UI_PORT}"


def view_link(base: str, experiment_id: str, sweep_id: str, view: str) -> str:
    """The chart page of a sweep's runs in one of its two views.

    Here and below ``base`` is the address of the UI, or nothing for a link that stands on one of the UI's own pages.
    """
    query = {**_TRAINING, "compareRunsMode": "CHART", "viewStateShareKey": f"{sweep_id}-{view}"}
    return f"{base}/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}".removeprefix("/")


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?{urlencode(_TRAINING)}".removeprefix("/")


def compare_link(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The page that has runs side by side, their parameters and metrics; slow with more than some 50 of them."""
    lists = {"runs": list(run_ids), "experiments": [experiment_id]}
    query = {name: json.dumps(ids, separators=(",", ":")) for name, ids in lists.items()} | _TRAINING
    return f"{base}/#/compare-runs?{urlencode(query, quote_via=quote)}".removeprefix("/")


def view_tags(sweep_id: str, sweep: Sweep) -> dict[str, str]:
    """Experiment tags of the two views: every trial in its arm's colour, and the confirmations as means by arm.

    Trials are no sample to take a mean of: most are stopped early, so that a mean over them falls with every rung by
    the bad ones that it loses, and one that diverges is all there is to see of its arm's band.
    """
    tags = [*(["sweep.workload"] if sweep.workloads else []), "arm"]
    by_arm = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": tag} for tag in tags]}
    search = _view(sweep_id, sweep, "trial", ["val", "train", "summary", "optim"])
    confirm = _view(sweep_id, sweep, "confirm", ["val", "train", "test", "summary", "optim"]) | {"groupBy": by_arm}
    return {
        # Without it MLflow takes an experiment for one of language models.
        "mlflow.experimentKind": "custom_model_development",
        f"{VIEW_TAG}{sweep_id}-{SEARCH_VIEW}": json.dumps(search),
        f"{VIEW_TAG}{sweep_id}-{CONFIRM_VIEW}": json.dumps(confirm),
    }


def _view(sweep_id: str, sweep: Sweep, role: str, sections: list[str]) -> dict[str, Any]:
    """All runs of a role, the best first, with their curves above everything else; other charts MLflow adds itself.

    The columns are for MLflow's table, a click away.
    """
    entries = [(trainables.get(workload.name), workload.options) for workload in sweep.by_workload.values()]
    scores = [entry.score for entry, _ in entries] if role == "confirm" else []
    named = [name for entry, options in entries for name in (*entry.metrics_with(options), *entry.train_losses)]
    curves = list(dict.fromkeys(named))
    return {
        "searchFilter": f"tags.`sweep.id` = '{sweep_id}' and tags.`sweep.role` = '{role}'",
        "orderByKey": f"metrics.`{best_metric(sweep)}`",
        "orderByAsc": sweep.metric.goal == "minimize",
        "selectedColumns": _columns(sweep, dict.fromkeys(scores)),
        "runsHiddenMode": "SHOW_ALL",
        "isAccordionReordered": True,
        "compareRunSections": [_section(name) for name in sections],
        "compareRunCharts": [_curve_chart(metric) for metric in curves],
    }


def _columns(sweep: Sweep, scores: Iterable[str]) -> list[str]:
    metric = sweep.metric.name.replace("/", "_")
    summary = [best_metric(sweep), f"summary/final_{metric}", "summary/steps_to_target", "summary/train_seconds"]
    columns = {"tags": ["arm", "seed", "status.reason"], "params": ["optimizer.lr"], "metrics": [*scores, *summary]}
    return [f"{kind}.`{name}`" for kind, names in columns.items() for name in names]


def _section(name: str) -> dict[str, Any]:
    flags = {"display": True, "isReordered": True, "deleted": False, "isGenerated": True}
    return {"uuid": name, "name": name, "columns": 2, "cardHeight": 360, **flags}


def _curve_chart(metric: str) -> dict[str, Any]:
    """A line chart over steps; losses and distances on a logarithmic axis, as they fall over decades."""
    return {
        "uuid": metric,
        "type": "LINE",
        "metricSectionId": metric.partition("/")[0],
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "scaleType": "log" if metric.endswith(("/loss", "distance", "fid")) else "linear",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "lineSmoothness": 0,
        "runsCountToCompare": 100,
        "range": {},
        "deleted": False,
        "isGenerated": True,
    }
