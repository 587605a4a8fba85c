"""Addresses in the MLflow UI, for whoever shows them: they follow from where the runs are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from search_spaces.addresses import is_server, without_userinfo

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000
SEARCH_VIEW, CONFIRM_VIEW = "search", "confirm"
# MLflow's page for comparing runs is slow with more.
COMPARED = 30
# Without it MLflow opens its pages for language models, in which runs are called evaluations.
_TRAINING = {"workflowType": "machine_learning"}


def ui_address(tracking_uri: str) -> str:
    """The UI over a tracking URI: the server itself, without user and password, or what `adamant ui` serves here."""
    return without_userinfo(tracking_uri) if is_server(tracking_uri) else f"http://{UI_HOST}:{UI_PORT}"


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    """The page of one run.

    Here and below ``base`` is the address of the UI, or nothing for a link that stands on one of the UI's own pages.
    """
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?{urlencode(_TRAINING)}".removeprefix("/")


def compare_link(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The page that has runs side by side, their parameters and metrics."""
    lists = {"runs": list(run_ids), "experiments": [experiment_id]}
    query = {name: json.dumps(ids, separators=(",", ":")) for name, ids in lists.items()} | _TRAINING
    return f"{base}/#/compare-runs?{urlencode(query, quote_via=quote)}".removeprefix("/")


def view_link(base: str, experiment_id: str, sweep_id: str, view: str) -> str:
    """The chart page of a sweep's runs in one of its two views, which ``cluster.views`` keeps with the experiment."""
    query = {**_TRAINING, "compareRunsMode": "CHART", "viewStateShareKey": f"{sweep_id}-{view}"}
    return f"{base}/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}".removeprefix("/")
