"""What MLflow is told of a sweep before any of its runs: its views, and the summary run with its file and its code."""

from __future__ import annotations

from cluster.storage.sweep_folder import Manifest, SweepFolder
from cluster.tracking.mlflow_views import view_tags
from cluster.tracking.run_description import RunDescription
from cluster.tracking.tracker import Tracker
from search_spaces import Sweep
from trainables.mlflow_contract import CODE_FOLDER, SWEEP_FILE


def announce(tracker: Tracker, summary: RunDescription, folder: SweepFolder, sweep: Sweep, manifest: Manifest) -> None:
    """Make the summary run, unless it is there, with the views of the experiment."""
    tracker.tag_experiment(view_tags(manifest.sweep_id, sweep))
    tracker.log(summary, [])
    tracker.artifact(summary, folder.path / SWEEP_FILE)
    if folder.code.is_dir():
        tracker.artifact(summary, folder.code, CODE_FOLDER)
