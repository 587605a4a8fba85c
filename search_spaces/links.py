"""Addresses in the MLflow UI, for whoever shows them: they follow from where the runs are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000
SEARCH_VIEW, CONFIRM_VIEW = "search", "confirm"


def ui_address(tracking_uri: str) -> str:
    """The UI over a tracking URI: the server itself, or what `adamant ui` serves on this machine."""
    return tracking_uri.rstrip("/") if tracking_uri.startswith("http") else f"http://{UI_HOST}:{UI_PORT}"


def run_link(ui: str, experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    return f"{ui}/#/experiments/{experiment_id}/runs/{run_id}"


def compare_link(ui: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The page that sets runs side by side. MLflow shows up to 30 to 50 well."""
    runs, experiments = (quote(json.dumps(list(names))) for names in (run_ids, [experiment_id]))
    return f"{ui}/#/compare-runs?runs={runs}&experiments={experiments}"


def view_link(ui: str, experiment_id: str, sweep_id: str, view: str) -> str:
    """The chart page of a sweep's runs in one of its two views, which `cluster.links` keeps with the experiment."""
    query = urlencode({"compareRunsMode": "CHART", "viewStateShareKey": f"{sweep_id}-{view}"}, quote_via=quote)
    return f"{ui}/#/experiments/{experiment_id}/runs?{query}"
