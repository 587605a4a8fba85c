"""All runs that MLflow finds, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000


def all_runs(client: MlflowClient, experiment_id: str, where: str = "", *, deleted: bool = False) -> list[Run]:
    """Return every run of an experiment that a filter finds; and, if asked for, the ``deleted`` ones."""
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], where, view, max_results=PAGE, page_token=token)
        found += page
        if not (token := page.token):
            return found
