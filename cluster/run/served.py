"""What a running MLflow UI holds: links to the newest sweeps, at the address at which it is served."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from search_spaces.tracking.links import CONFIRM_VIEW, SEARCH_VIEW, run_link, view_link
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Role, Tag, tagged

# The others are in MLflow's own list.
SHOWN_SWEEPS = 3
TIMEOUT_S = 5.0
# Without the proxy that the environment may name, which does not lead to this machine's own servers.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def links(base: str, experiment_id: str, sweep_id: str, summary_id: str) -> list[str]:
    """The lines that lead from a terminal to a sweep's runs, its trials first."""
    search, confirm = (view_link(base, experiment_id, sweep_id, view) for view in (SEARCH_VIEW, CONFIRM_VIEW))
    return [
        f"Search runs: {search}",
        f"Confirmation runs: {confirm}",
        f"Summary, with the best runs side by side: {run_link(base, experiment_id, summary_id)}",
    ]


def answers(base: str) -> bool:
    """Whether the server is up."""
    try:
        with direct.open(f"{base}/health", timeout=TIMEOUT_S):
            return True
    except OSError:
        return False


def links_of_newest(base: str) -> list[str]:
    """Of each of the newest sweeps, its name and its links."""
    found = _ask(base, "experiments/search", {
        "filter": f"name LIKE '{EXPERIMENT_PREFIX}%'",
        "order_by": ["last_update_time DESC"], "max_results": SHOWN_SWEEPS,
    })  # fmt: skip
    lines = []
    for experiment in found.get("experiments", []):
        at = experiment["experiment_id"]
        summaries = _ask(base, "runs/search", {
            "experiment_ids": [at], "filter": tagged(Tag.SWEEP_ROLE, Role.SUMMARY),
            "order_by": ["attributes.start_time DESC"], "max_results": 1,
        })  # fmt: skip
        for run in summaries.get("runs", []):
            tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
            lines += [f"{tags[Tag.SWEEP_NAME]}:", *links(base, at, tags[Tag.SWEEP_ID], run["info"]["run_id"])]
    return lines


def _ask(base: str, what: str, asked: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base}/api/2.0/mlflow/{what}", json.dumps(asked).encode(), headers)
    with direct.open(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)
