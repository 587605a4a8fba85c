"""The notebooks as a user runs them: from a clean kernel, over a real sweep, and over what is left of one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import analysis
from tests.conftest import REPOSITORY, slow

if TYPE_CHECKING:
    from tests.conftest import FrontDoor

NOTEBOOKS = sorted((REPOSITORY / "analysis" / "notebooks").glob("*.py"))
NAMES = [path.stem for path in NOTEBOOKS]
CHANGED = "your_own_sweep, changed"
OWN_CELL = 'print("own:", dict(tables.trials["outcome"].value_counts()))'


@pytest.fixture(scope="session")
def damaged(recorded: tuple[FrontDoor, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of the recorded sweep: of `orders` no trial finished, of `scheduled` one confirmation is left, runs of
    `sgd` are gone, and one of `memory` still runs."""
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copy(recorded[0].runs / "mlflow.db", folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("adamant/recorded")
    assert experiment is not None

    def runs(arm: str, role: str) -> list[Run]:
        query = f"tags.arm = '{arm}' and tags.`sweep.role` = '{role}'"
        return list(client.search_runs([experiment.experiment_id], query))

    for run in runs("orders", "trial"):
        client.set_tag(run.info.run_id, "status.reason", "failed")
        client.set_terminated(run.info.run_id, "FAILED")
    for run in [*runs("orders", "confirm"), *runs("scheduled", "confirm")[1:], *runs("sgd", "trial")[:8]]:
        client.delete_run(run.info.run_id)
    client.update_run(runs("memory", "confirm")[0].info.run_id, status="RUNNING")
    return uri


@pytest.fixture(scope="session")
def executed(
    recorded: tuple[FrontDoor, str], damaged: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], NotebookNode]]:
    """A function that executes a notebook once, by this Python, in a folder of its own."""
    folder = tmp_path_factory.mktemp("notebooks")
    homes = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "ADAMANT_CACHE")

    @cache
    def execute(name: str) -> NotebookNode:
        notebook, uri = jupytext.read((NOTEBOOKS[0].parent / name.partition(",")[0]).with_suffix(".py")), damaged
        if name == CHANGED:
            notebook.cells.insert(-2, new_code_cell(OWN_CELL))
        else:
            uri = recorded[0].tracking_uri
        place = folder / name
        place.mkdir()
        metadata = {"metadata": {"path": str(place)}}
        client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=metadata)
        return client.execute(env={**os.environ, "ADAMANT_TRACKING_URI": uri})

    with pytest.MonkeyPatch.context() as patch:
        for name in homes:
            patch.setenv(name, str(folder / name.lower()))
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("ADAMANT_SWEEP", "recorded")
        yield execute


def texts(cell: Any) -> str:
    """What a person reads under a cell."""
    outputs = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return "\n".join(outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_each_notebook_is_a_pair_without_outputs(path: Path) -> None:
    source, paired = jupytext.read(path), json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    advice = f"run: jupytext --sync {path.name}, or, to leave out outputs: jupytext --to ipynb {path.name}"

    def content(cells: list[Any]) -> list[tuple[str, str]]:
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]

    assert content(source.cells) == content(paired["cells"]), advice
    code = [cell for cell in paired["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), advice
    assert paired["metadata"].keys() <= {"kernelspec", "jupytext"}, advice


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_each_notebook_is_short_begins_with_a_question_and_ends_with_an_answer(path: Path) -> None:
    cells = jupytext.read(path).cells
    assert 8 <= len(cells) <= 15
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.splitlines()[0].endswith("?")
    assert cells[-2].source.startswith("## The answer")
    assert "answer(" in cells[-1].source


@pytest.mark.cluster
@pytest.mark.parametrize("name", [name if name == "your_own_sweep" else slow(name) for name in NAMES])
def test_each_notebook_runs_from_a_clean_kernel_and_ends_with_the_verdict(
    name: str, executed: Callable[[str], NotebookNode], recorded: tuple[FrontDoor, str]
) -> None:
    notebook = executed(name)
    tables = analysis.load("recorded", recorded[0].tracking_uri)
    verdict = analysis.judge(tables.records[0])
    said = texts(notebook.cells[-1])
    assert said.splitlines()[0] == tables.sweep.question
    assert all(sentence in said for sentence in verdict.sentences)
    assert all(arm.name in said for arm in verdict.arms)
    assert _conclusion(name, tables) in said
    errors = [
        texts(cell)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for o in cell.outputs
        if o.get("name") == "stderr"
    ]
    assert not errors


def _conclusion(name: str, tables: analysis.SweepTables) -> str:
    """Beside the verdict, what each question's answer must say; from the tables, in another way than the notebook's."""
    finished = tables.trials[tables.trials["outcome"] == "finished"]
    best = finished.loc[finished.groupby("arm")["value"].idxmin()].set_index("arm")
    means = tables.confirmations.groupby("arm")["test/accuracy"].mean()
    return {
        "origin_figures": "The origin trained mlp/mnist and cnn/cifar10",
        "beta_schedules": f"The best of scheduled is {best.loc['scheduled', 'trial_id']}, ",
        "moment_orders": f": order {best.loc['orders', 'optimizer.order']:.3g}, ",
        "memory": f": alpha {best.loc['memory', 'optimizer.alpha']:.3g}, ",
        "all_baselines": f"By mean test/accuracy of what was confirmed: {means.idxmax()} {100 * means.max():.1f} %, ",
        "your_own_sweep": f"By mean test/accuracy of what was confirmed: {means.idxmax()} {100 * means.max():.1f} %, ",
    }[name]


@pytest.mark.slow
@pytest.mark.cluster
def test_a_changed_notebook_keeps_working_where_runs_failed_are_gone_or_still_run(
    executed: Callable[[str], NotebookNode], damaged: str
) -> None:
    notebook = executed(CHANGED)
    tables = analysis.load("recorded", damaged)
    said = texts(notebook.cells[-1])
    assert all(sentence in said for sentence in analysis.judge(tables.records[0]).sentences)
    assert "orders has no finished trial (16 failed), so it is not compared." in said
    assert "memory has unfinished runs (1 running), so this verdict is preliminary." in said
    assert "scheduled has no score for seed" in said
    own = next(cell for cell in notebook.cells if cell.source == OWN_CELL)
    assert "'failed': np.int64(16)" in texts(own)


@pytest.mark.cluster
def test_what_a_notebook_takes_away_holds_the_tables(
    executed: Callable[[str], NotebookNode], recorded: tuple[FrontDoor, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    executed("your_own_sweep")
    folder = next(tmp_path_factory.getbasetemp().glob("notebooks*/your_own_sweep/recorded-tables"))
    tables = analysis.load("recorded", recorded[0].tracking_uri)
    assert list(pd.read_csv(folder / "trials.csv")["trial_id"]) == list(tables.trials["trial_id"])
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "curves.parquet"), tables.curves)
    assert (folder / "loss-curves.png").stat().st_size > 10_000
