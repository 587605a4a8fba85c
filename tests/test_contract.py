"""The names of what stands in MLflow: they stay what they were, and stand in one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_packages import MODULES, REPOSITORY
from trainables import mlflow_contract as contract
from trainables.mlflow_contract import MlflowStatus, Param, Prefix, Role, Section, Status, Tag

OWN = {REPOSITORY / "trainables" / "mlflow_contract.py", *(REPOSITORY / "search_spaces" / "tracking").glob("*.py")}
NAMES = {
    *Role,
    *Status,
    *MlflowStatus,
    *Prefix,
    *(tag for tag in Tag if "." in tag),
    contract.EXPERIMENT_PREFIX,
    contract.ARTIFACTS_FOLDER,
    contract.SWEEP_FILE,
    contract.CURVES_FILE,
    contract.TRIAL_FILE,
    contract.PICTURES_FOLDER,
}
# What a longer text, or a part of one, may not begin with or hold.
BEGINNINGS = (Prefix.SUMMARY, Prefix.OPTIMIZER, contract.SHARED_VIEW, "session.")
PARTS = ("tags.`", "/#/")
# The same words where they name something else than what MLflow holds.
KEY, COLUMN, RAY, TYPED = "a key of the sweep's file", "a column's heading", "a state of Ray's", "as a reader types it"
OTHERS = {
    "analysis/charts/draw_plotly.py": {"images": "of plotly's layout"},
    "analysis/figures/choices.py": {"trial": COLUMN},
    "analysis/notebooks/all_baselines.py": {"finished": TYPED},
    "analysis/notebooks/your_own_sweep.py": {
        "finished": TYPED,
        "curves.parquet": "a reader's own",
    },
    "analysis/verdict/verdict_tables.py": {"trial": COLUMN},
    "cluster/cli/check_command.py": {"failed": "what a test of one's own did"},
    "cluster/cli/job_commands.py": {"FAILED": RAY},
    "cluster/cli/options.py": {"storage": "the option of a command"},
    "cluster/jobs/submission.py": {"RUNNING": RAY, "summary": "in what Ray's dashboard answers"},
    "cluster/sessions/standing.py": dict.fromkeys(("running", "interrupted", "failed"), "how a whole sweep stands"),
    "search_spaces/study/searcher.py": {"FINISHED": "Tune's word for the end"},
    "search_spaces/schema/_usual_names.py": {"confirm": KEY},
    "search_spaces/schema/sweep_file.py": {"confirm": KEY},
    "search_spaces/sweep/seeds.py": {"confirm": KEY},
    "search_spaces/sweep/sweep_checks.py": {"confirm": KEY},
    "trainables/data/image_folder.py": {"images": "a noun"},
    "trainables/training/training_run.py": {"diverged": "a key of a checkpoint's"},
    "trainables/workloads/torchvision_entries.py": {"images": "a noun"},
    "trainables/workloads/vit_entries.py": {"images": "a noun"},
}


def constants(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts of a module, those of f-strings among them, but for docstrings and nouns."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "plural":
            told |= set(map(id, node.args))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node


def looked_up(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts by which tags or parameters of a run are looked up."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=of, slice=ast.Constant() as key):
                pass
            case ast.Call(func=ast.Attribute(value=of, attr="get"), args=[ast.Constant() as key, *_]):
                pass
            case ast.Compare(left=ast.Constant() as key, ops=[ast.In() | ast.NotIn()], comparators=[of]):
                pass
            case _:
                continue
        if ast.unparse(of).rpartition(".")[2] in ("tags", "params") and isinstance(key.value, str):
            yield key


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {str(node.value) for node in looked_up(tree)}
    for node in constants(tree):
        text = str(node.value)
        if text in NAMES or text.startswith(BEGINNINGS) or any(part in text for part in PARTS):
            found.add(text)
    return found


def test_no_name_of_mlflows_stands_outside_the_contract() -> None:
    modules = [path for path in (*MODULES, REPOSITORY / "adamant.py") if path not in OWN]
    found = {str(path.relative_to(REPOSITORY)): names_in(path) for path in modules}
    assert {module: names for module, names in found.items() if names} == {
        module: set(others) for module, others in OTHERS.items()
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('run.data.tags["arm"]', {"arm"}),
        ('tags.get("seed")', {"seed"}),
        ('"workers" in tags', {"workers"}),
        ('status == "finished"', {"finished"}),
        ('f"summary/best_{name}"', {"summary/best_"}),
        ("f\"tags.`sweep.id` = '{it}'\"", {"tags.`sweep.id` = '"}),
        ('f"{base}/#/experiments"', {"/#/experiments"}),
        ('frame["arm"], "the finished runs", plural(3, "trial")', set()),
    ],
)
def test_names_are_found_however_they_are_written(text: str, found: set[str], tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(f'"""summary/ in a docstring."""\nit = {text}\n', encoding="utf-8")
    assert names_in(module) == found


def test_the_names_are_those_of_every_version_before() -> None:
    """A storage folder and a database of runs are read by what stands here."""
    assert [*Role] == ["trial", "confirm", "summary"]
    assert {str(status): str(status.mlflow) for status in Status} == {
        "finished": "FINISHED",
        "pruned": "FINISHED",
        "diverged": "FAILED",
        "failed": "FAILED",
        "interrupted": "KILLED",
        "running": "RUNNING",
    }
    assert " ".join(Tag) == (
        "sweep.id sweep.name sweep.role trial.id status.reason workload git.commit versions status.incomplete "
        "arm optimizer seed config.hash trial.spec status.detail confirm.of population.parent sweep.workload "
        "sweep.study workers node device processor data.fingerprint data.note weights.sha256 "
        "score.metric score.goal score.note code digest digest.processors digest.doubts curves.sha256 "
        "plan.search_steps plan.wall_s sessions looks "
        "mlflow.note.content mlflow.runColor mlflow.experimentKind mlflow.data.context"
    )
    assert " ".join([*Param, *Section]) == "arm epochs steps evaluate_every batch_size optimizer training workload"
    assert " ".join(Prefix) == "train/ val/ test/ optim/ summary/"
    assert [contract.TRAIN_SECONDS, contract.STEPS, contract.STEPS_TO_TARGET] == [
        "summary/train_seconds", "summary/steps", "summary/steps_to_target",
    ]  # fmt: skip
    assert contract.best_of("val/loss") == "summary/best_val_loss"
    assert contract.final_of("val/loss") == "summary/final_val_loss"
    assert contract.score_tag(Tag.SCORE_GOAL, "") == "score.goal"
    assert contract.score_tag(Tag.SCORE_GOAL, "digits") == "score.goal/digits"
    assert contract.session_tag(2) == "session.2.wall_s"
    assert contract.SHARED_VIEW == "mlflow.sharedViewState."
    assert contract.EXPERIMENT_PREFIX == "adamant/"
    files = (contract.SWEEP_FILE, contract.CURVES_FILE, contract.TRIAL_FILE, contract.PICTURES_FOLDER)
    assert files == ("sweep.yaml", "curves.parquet", "trial.yaml", "images")
    assert contract.ARTIFACTS_FOLDER == "mlflow-artifacts"
