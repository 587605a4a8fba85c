"""The views that links into the MLflow UI name (see ``search_spaces.tracking.links``).

A view is kept as a tag of the experiment, as MLflow's own "Share" button does. A version of MLflow that does not know a
view shows its standard page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import trainables
from search_spaces import Sweep
from search_spaces.tracking.links import CONFIRM_VIEW, SEARCH_VIEW, view_key
from trainables.mlflow_contract import (
    SHARED_VIEW,
    STEPS_TO_TARGET,
    TRAIN_SECONDS,
    Prefix,
    Role,
    Section,
    Tag,
    best_of,
    final_of,
    tagged,
)


def view_tags(sweep_id: str, sweep: Sweep) -> dict[str, str]:
    """Experiment tags of the two views: every trial, and every confirmation, listed by arm; each in its arm's colour.

    Curves stay those of runs. A mean by arm, which MLflow draws of a group, has no colour that can be set: a group's is
    kept in each reader's browser, and nothing that lies with the experiment changes it. Of trials it would mislead too:
    most are stopped early, so that their mean falls with every rung by the bad ones that it loses.
    """
    tags = [*([] if "" in sweep.by_workload else [Tag.SWEEP_WORKLOAD]), Tag.ARM]
    by_arm = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": tag} for tag in tags]}
    search = _view(sweep_id, sweep, Role.TRIAL, [Prefix.VALIDATION, Prefix.TRAIN, Prefix.SUMMARY, Prefix.OPTIMIZER])
    confirm = _view(
        sweep_id, sweep, Role.CONFIRM, [Prefix.VALIDATION, Prefix.TRAIN, Prefix.TEST, Prefix.SUMMARY, Prefix.OPTIMIZER]
    )
    confirm |= {"groupBy": by_arm, "useGroupedValuesInCharts": False}
    return {
        # Without it MLflow takes an experiment for one of language models.
        Tag.EXPERIMENT_KIND: "custom_model_development",
        f"{SHARED_VIEW}{view_key(sweep_id, SEARCH_VIEW)}": json.dumps(search),
        f"{SHARED_VIEW}{view_key(sweep_id, CONFIRM_VIEW)}": json.dumps(confirm),
    }


def _view(sweep_id: str, sweep: Sweep, role: Role, sections: list[Prefix]) -> dict[str, Any]:
    """All runs of a role, the best first, with their curves above everything else; other charts MLflow adds itself.

    The columns are for MLflow's table, a click away.
    """
    entries = [(trainables.get(workload.name), workload.options) for workload in sweep.by_workload.values()]
    scores = [entry.score_with(options)[0] for entry, options in entries] if role == Role.CONFIRM else []
    named = [name for entry, options in entries for name in (*entry.metrics_with(options), *entry.train_losses)]
    curves = list(dict.fromkeys(named))
    return {
        "searchFilter": f"{tagged(Tag.SWEEP_ID, sweep_id)} and {tagged(Tag.SWEEP_ROLE, role)}",
        "orderByKey": f"metrics.`{best_of(sweep.metric.name)}`",
        "orderByAsc": sweep.metric.goal == "minimize",
        "selectedColumns": _columns(sweep, dict.fromkeys(scores)),
        "runsHiddenMode": "SHOW_ALL",
        "isAccordionReordered": True,
        "compareRunSections": [_section(name) for name in sections],
        "compareRunCharts": [_curve_chart(metric) for metric in curves],
    }


def _columns(sweep: Sweep, scores: Iterable[str]) -> list[str]:
    metric = sweep.metric.name
    columns = {
        "tags": [Tag.ARM, Tag.SEED, Tag.STATUS_REASON],
        "params": [f"{Section.OPTIMIZER}.lr"],
        "metrics": [*scores, best_of(metric), final_of(metric), STEPS_TO_TARGET, TRAIN_SECONDS],
    }
    return [f"{kind}.`{name}`" for kind, names in columns.items() for name in names]


def _section(metrics: Prefix) -> dict[str, Any]:
    name = metrics.removesuffix("/")
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
