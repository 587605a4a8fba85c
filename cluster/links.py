"""Links into the MLflow UI."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from search_spaces import Sweep

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000


# Okabe and Ito's colours, which colour-blind readers can tell apart.
ARM_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
# The views that a link can name, kept by MLflow as experiment tags under this prefix, as its own "Share" button does.
VIEW_TAG = "mlflow.sharedViewState."
SEARCH_VIEW, CONFIRM_VIEW = "search", "confirm"


def arm_colour(sweep: Sweep, arm: str) -> str:
    """The colour of all curves of an arm (tag ``mlflow.runColor``)."""
    return ARM_COLOURS[list(sweep.arms).index(arm) % len(ARM_COLOURS)]


def view_tags(sweep_id: str, sweep: Sweep) -> dict[str, str]:
    """Experiment tags that hold the two views: every trial in its arm's colour, and confirmations as means by arm."""
    by_arm = {"aggregateFunction": "average", "groupByKeys": [{"mode": "tag", "groupByData": "arm"}]}
    common = {"runsHiddenMode": "SHOWALL", **_order(sweep)}
    return {
        f"{VIEW_TAG}{sweep_id}-{SEARCH_VIEW}": json.dumps({**common, "searchFilter": _filter(sweep_id, "trial")}),
        f"{VIEW_TAG}{sweep_id}-{CONFIRM_VIEW}": json.dumps(
            {**common, "searchFilter": _filter(sweep_id, "confirm"), "groupBy": by_arm}
        ),
    }


def view_link(tracking_uri: str, experiment_id: str, sweep_id: str, view: str) -> str:
    """The chart page of a sweep's runs in one of the two views."""
    base = tracking_uri.rstrip("/") if tracking_uri.startswith("http") else f"http://{UI_HOST}:{UI_PORT}"
    query = urlencode({"compareRunsMode": "CHART", "viewStateShareKey": f"{sweep_id}-{view}"}, quote_via=quote)
    return f"{base}/#/experiments/{experiment_id}/runs?{query}"


def _filter(sweep_id: str, role: str) -> str:
    return f"tags.`sweep.id` = '{sweep_id}' and tags.`sweep.role` = '{role}'"


def _order(sweep: Sweep) -> dict[str, object]:
    best = f"metrics.`summary/best_{sweep.metric.name.replace('/', '_')}`"
    return {"orderByKey": best, "orderByAsc": sweep.metric.goal == "minimize"}
