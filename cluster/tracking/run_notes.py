"""What MLflow shows as the description of a run: Markdown for a reader who has nothing but its page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cluster.storage.sweep_folder import DATA, DATABASE, Manifest
from cluster.tracking.run_description import RunDescription
from cluster.tracking.tracker import Tracker
from optimizers.shown_text import code_block, markdown
from search_spaces import Sweep
from search_spaces.schema.yaml_source import dump_yaml
from search_spaces.stores.addresses import sqlite_address, without_password
from search_spaces.tracking.links import COMPARED, CONFIRM_VIEW, SEARCH_VIEW, compare_link, view_link
from trainables.mlflow_contract import Role, Tag, best_of, tagged

# A description holds 8,000 characters, which are some 190 ids.
COMPARED_IN_ALL = 150


def with_note(run: RunDescription, sweep: Sweep, manifest: Manifest, storage: Path) -> RunDescription:
    """Return a run that is written with a note on its page, see :func:`run_note`."""
    return replace(run, note=lambda run_id: run_note(run, sweep, replay_command(manifest, storage, run_id)))


def run_note(run: RunDescription, sweep: Sweep, replay: str) -> str:
    """Of a trial or a confirmation: what it is part of, how to repeat it, and its whole configuration as YAML."""
    of, role = run.tags.get(Tag.CONFIRM_OF), run.tags[Tag.SWEEP_ROLE]
    what = f"Confirmation of `{of}` with seed {run.tags[Tag.SEED]}" if role == Role.CONFIRM else "Trial"
    return "\n\n".join(
        [
            f"{what} of the arm **{markdown(run.tags[Tag.ARM])}** in the sweep **{sweep.name}**. "
            f"{markdown(sweep.question)}",
            "Train it again and compare every value to the last digit:",
            code_block(replay),
            "All that determines it:",
            code_block(configuration(run), "yaml"),
        ]
    )


def configuration(run: RunDescription) -> str:
    """All that determines a run, as YAML; what is empty is left out."""
    spec = json.loads(run.tags[Tag.TRIAL_SPEC])
    return dump_yaml({key: value for key, value in spec.items() if value not in ({}, None)})


def summary_note(sweep: Sweep, manifest: Manifest, storage: Path, tracker: Tracker) -> str:
    """Of the summary run: where its runs can be seen and compared, the question, and what to type for the report.

    The links have no address, so that they work wherever the UI is served.
    """
    at, sweep_id = tracker.experiment_id(), manifest.sweep_id
    report = ["adamant", "report", sweep.name, "--storage", str(storage), "--out", f"{sweep.name}-report"]
    views = {"all trials": SEARCH_VIEW, "the confirmations by arm": CONFIRM_VIEW}
    compare = {title: compare_link("", at, runs) for title, runs in _to_compare(sweep, tracker).items() if runs}
    see = {title: view_link("", at, sweep_id, view) for title, view in views.items()}
    # Links first: what is longer than some five lines MLflow folds up, and lays a veil over its end that takes clicks.
    return f"""Compare {_linked(compare)}. See {_linked(see)}.

**{markdown(sweep.question)}**

The verdict, as files: `{shlex.join(report)}`"""


def _linked(links: Mapping[str, str]) -> str:
    return ", ".join(f"[{title}]({link})" for title, link in links.items())


def _to_compare(sweep: Sweep, tracker: Tracker) -> dict[str, list[str]]:
    """Ids of the runs that are worth a page side by side, by its title; the confirmations seed by seed."""
    most = min(COMPARED, COMPARED_IN_ALL // (len(sweep.by_workload) + 1))
    pages = {}
    for workload in sweep.by_workload:
        contest, of = sweep.on(workload), f" and {tagged(Tag.SWEEP_WORKLOAD, workload)}" if workload else ""
        way = "ASC" if contest.metric.goal == "minimize" else "DESC"
        best = tracker.find(
            f"{tagged(Tag.SWEEP_ROLE, Role.TRIAL)}{of}", f"metrics.`{best_of(contest.metric.name)}` {way}", most
        )
        pages[f"the best {len(best)} trials{workload and f' on {workload}'}"] = best
    confirmations = tracker.find(tagged(Tag.SWEEP_ROLE, Role.CONFIRM), f"tags.{Tag.SEED} ASC", most)
    return {**pages, f"{len(confirmations)} confirmations": confirmations}


def replay_command(manifest: Manifest, storage: Path, run_id: str) -> str:
    """What to type, in any folder, to repeat a run."""
    options = _where(manifest, storage)
    if manifest.data_root != str(storage / DATA):
        options += ["--data", manifest.data_root]
    return shlex.join(["adamant", "replay", run_id, *options])


def how_to_see(manifest: Manifest, storage: Path) -> str:
    """What to type to see the runs where nothing serves them yet."""
    return f"To see the runs: {shlex.join(['adamant', 'ui', *_where(manifest, storage)])} (it prints the links)"


def _where(manifest: Manifest, storage: Path) -> list[str]:
    """Options of a command that is to find the runs; an address that holds a password is shown without it."""
    options = ["--storage", str(storage)]
    if manifest.tracking_uri != sqlite_address(storage / DATABASE) and not manifest.names_variable:
        options += ["--tracking-uri", without_password(manifest.tracking_uri)]
    return options
