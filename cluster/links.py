"""Links into the MLflow UI."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from search_spaces import Sweep

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000


def runs_link(tracking_uri: str, experiment_id: str, sweep_id: str, sweep: Sweep) -> str:
    """The chart page of a sweep's runs, best first."""
    base = tracking_uri.rstrip("/") if tracking_uri.startswith("http") else f"http://{UI_HOST}:{UI_PORT}"
    best = f"metrics.`summary/best_{sweep.metric.name.replace('/', '_')}`"
    query = urlencode(
        {
            "compareRunsMode": "CHART",
            "orderByKey": best,
            "orderByAsc": "true" if sweep.metric.goal == "minimize" else "false",
            "searchFilter": f"tags.`sweep.id` = '{sweep_id}'",
        },
        quote_via=quote,
    )
    return f"{base}/#/experiments/{experiment_id}/runs?{query}"
