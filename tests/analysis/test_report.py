"""The verdict as a table, as Markdown and as data, from a real store to files."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
import yaml

import analysis
from analysis.data._curves import no_curves
from analysis.data.found_digest import read_digest
from analysis.data.tables import tables_of
from analysis.report._document import Link, Paragraph
from analysis.report._report_content import report_document
from analysis.verdict.configurations import as_python
from optimizers import InputError
from search_spaces import parse_sweep

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from tests.analysis.conftest import Make, Store

LINK = "http://127.0.0.1:5000/#/experiments/1/runs"

EVENTFUL_TABLE = """\
betas   Do scheduled betas help?
mlp/digits, 3 trials an arm, 20 epochs, confirmed on 5 seeds

arm         best val/loss   test accuracy         against adam        finding                P(better)   steps to 0.08
adam        0.071           97.0 % [96.8, 97.2]   baseline                                               403
scheduled   0.069           97.6 % [97.4, 97.7]   +0.5 [+0.2, +0.8]   configuration better   1.00        never
memory      0.08            none                                      not compared
lost        none            none                                      not compared

"""


@pytest.fixture(scope="module")
def verdict(eventful: SweepRecords) -> analysis.Verdict:
    return analysis.judge(eventful)


@pytest.fixture(scope="module")
def eventful_tables(eventful: SweepRecords) -> analysis.SweepTables:
    """Without a curve."""
    return tables_of((eventful,), no_curves(), "")


def test_table(verdict: analysis.Verdict):
    rendered = analysis.render_table([verdict])
    assert rendered.startswith(EVENTFUL_TABLE)
    assert rendered.removeprefix(EVENTFUL_TABLE).splitlines() == [
        *verdict.sentences,
        "Trials: adam 2 finished, 1 pruned; scheduled 2 finished, 1 pruned; "
        "memory 1 finished, 1 failed, 1 running; lost 2 diverged, 1 failed.",
    ]


def test_table_without_target_with_two_configurations_and_a_plain_score(make: type[Make]):
    scores = {"adam": [84.3, 85.1, 84.0], "sgd": [83.1, 83.4, 82.9]}
    records = make.confirmed(scores, score="test/perplexity", target=None, top_k=2, planned=1, seeds=(1, 2, 3))
    lines = analysis.render_table([analysis.judge(records)]).splitlines()
    assert lines[1] == "mlp/digits, 1 trial an arm, 20 epochs, best 2 of each confirmed on 3 seeds"
    header = re.split(r" {2,}", lines[3])
    assert header == ["arm", "best val/loss", "test perplexity", "against adam", "finding", "P(better)"]
    assert lines[5].startswith("sgd    0.1             83.1 [82.")


def test_from_the_store_to_files(store: Store, eventful: SweepRecords, make: type[Make], tmp_path: Path):
    """The whole way, as the command goes it."""
    records = make.confirmed(
        {"adam": [0.97, 0.972, 0.968], "scheduled": [0.98, 0.981, 0.979]}, name="whole-way", seeds=(1, 2, 3)
    )
    store.write(records)
    sweep = analysis.load("whole-way", store.uri)
    verdict = analysis.judge(*sweep.records)
    page = analysis.write_report(sweep, [verdict], tmp_path / "deep" / "report", link=LINK)
    data = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(analysis.to_json([verdict], LINK)))
    markdown = (page.parent / "report.md").read_text(encoding="utf-8")
    html = page.read_text(encoding="utf-8")
    for text in (markdown, html):
        assert all(sentence in text for sentence in analysis.judge(records).sentences)
        assert "not that of the search: a second search may find other configurations." in text
        for run_id in sweep.trials["run_id"]:
            assert f"#/experiments/{sweep.records[0].experiment_id}/runs/{run_id}" in text
    assert 'They open while "adamant ui" serves the runs.' in markdown
    assert re.findall(r"(?:src|href)=[\"'](?!http://127|data:)", html) == [], "the page asks for nothing"
    figures = re.findall(r"!\[.*\]\((figures/.*\.png)\)", markdown)
    assert "figures/differences.png" in figures
    assert sorted(figures) == sorted(f"figures/{path.name}" for path in (page.parent / "figures").iterdir())


def test_of_runs_with_a_server_the_links_are_the_servers_and_open_always(eventful: SweepRecords):
    trials_alone = replace(eventful, confirmations=())  # the server is not asked for pictures of confirmations
    tables = tables_of((trials_alone,), no_curves(), "http://mlflow.example.org")
    _, links, *_ = report_document(tables, [analysis.judge(trials_alone)]).blocks
    assert isinstance(links, Paragraph)
    assert {cell.address.partition("#")[0] for cell in links.cells if isinstance(cell, Link)} == {
        "http://mlflow.example.org/"
    }
    assert links.cells[-1] == "."


def test_data(verdict: analysis.Verdict):
    data = json.loads(json.dumps(analysis.to_json([verdict]), allow_nan=False))
    assert " ".join(data) == (
        "schema_version sweep budget wall_seconds planned_wall_seconds tradeoffs metric score subject baseline "
        "comparison_level equivalence_level digest looks interval_covers arms sentences runs_link"
    )
    assert data["schema_version"] == 2
    assert data["budget"] == {
        "steps": None,
        "trials_per_arm": 3,
        "studies": 1,
        "epochs": 20,
        "batch_size": 64,
        "confirmed_per_arm": 1,
        "confirmation_seeds": [1, 2, 3, 4, 5],
    }
    assert data["interval_covers"] == ["seeds"]
    assert data["score"] == {"name": "test/accuracy", "goal": "maximize", "smallest_difference": None}
    assert (data["subject"], data["looks"]) == ("configurations", None)
    assert [arm["finding"] for arm in data["arms"]] == [
        "baseline", "configuration_better", "not_compared", "not_compared",
    ]  # fmt: skip
    adam, scheduled, memory, lost = data["arms"]
    assert adam["best"] == {
        "trial_id": "adam/1",
        "value": 0.071,
        "parameters": {"optimizer.lr": 0.002, "optimizer.amsgrad": False},
        "tradeoffs": [],
    }
    assert (adam["best_value"], adam["front"]) == (0.071, [])
    assert scheduled["scores"][0] == {"rank": 1, "seed": 1, "value": 0.976}
    assert scheduled["missing_scores"] == [{"rank": 1, "seed": 3, "reason": "diverged"}]
    assert scheduled["difference"]["seeds"] == [1, 2, 4, 5]
    assert scheduled["difference"]["interval"]["level"] == pytest.approx(0.98333, abs=1e-5)
    assert scheduled["difference"]["detectable"] == pytest.approx(0.0057, abs=0.0001)
    assert (adam["steps_to_target"], scheduled["steps_to_target"], memory["steps_to_target"]) == (
        403,
        "never",
        None,
    )
    assert lost["best"] is lost["mean"] is lost["interval"] is lost["difference"] is None
    assert scheduled["effect_size"] == pytest.approx(0.00525 / (13.25e-6 / 7) ** 0.5)
    assert adam["effect_size"] is lost["effect_size"] is None
    assert data["runs_link"] is None


def test_markdown(verdict: analysis.Verdict, eventful_tables: analysis.SweepTables, tmp_path: Path):
    analysis.write_report(eventful_tables, [verdict], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# betas\n\nDo scheduled betas help?\n\n")
    assert "mlp/digits, 3 trials an arm, 20 epochs, confirmed on 5 seeds." in text
    assert (
        "| scheduled | 0.069 | 97.6 % [97.4, 97.7] | +0.5 [+0.2, +0.8] | configuration better | 1.00 | never |" in text
    )
    assert "Difference over the spread between seeds (rough from few seeds): scheduled +3.82." in text
    assert "| arm | runs | finished | pruned | diverged | failed | interrupted | running |" in text
    assert "| scheduled | confirmations | 4 | 0 | 1 | 0 | 0 | 0 |" in text
    assert "### lost\n\nNo finished trial." in text
    assert "**Figures that are not shown**" in text


def test_the_best_configurations_can_be_pasted(
    verdict: analysis.Verdict, eventful_tables: analysis.SweepTables, tmp_path: Path
):
    """The code builds the optimizer, and the arm is one that a sweep takes."""
    analysis.write_report(eventful_tables, [verdict], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    programs = [block.split("```")[0] for block in text.split("```python\n")[1:]]
    built: dict = {"model": torch.nn.Linear(2, 1)}
    exec(programs[0], built)
    assert built["optimizer"].defaults["lr"] == 0.002
    arms = [yaml.safe_load(block.split("```")[0]) for block in text.split("```yaml\n")[1:]]
    assert arms[0]["arms"]["adam"]["parameters"] == {"amsgrad": {"value": False}, "lr": {"value": 0.002}}
    sweep = {**eventful_tables.sweep.file.plain(), "arms": arms[0]["arms"]}
    assert parse_sweep(yaml.safe_dump(sweep)).arms["adam"].space.parameters["lr"].value == 0.002
    assert arms[1]["arms"]["scheduled"]["parameters"]["beta1_schedule"] == {"value": "linear"}


@pytest.mark.parametrize("name", ["lr=1); __import__('os').system('x'); (y", "x\ny", "lambda", "a b", ""])
def test_a_recorded_name_that_is_none_is_written_into_no_program(make: type[Make], name: str):
    space = make.sweep([], [], arms=("adam",)).sweep.arms["adam"].space
    assert as_python(space, {"optimizer.lr": 0.1}) is not None
    assert as_python(space, {"optimizer.lr": 0.1, f"optimizer.{name}": 1}) is None


@pytest.mark.parametrize("digest", ["x", "0" * 63, "0" * 64 + "\n; rm", "<b>"])
def test_a_digest_that_is_none_is_refused(digest: str):
    with pytest.raises(InputError, match=r"Run r: tag digest is not a SHA-256"):
        read_digest({"digest": digest}, "r")


@pytest.mark.parametrize("value", [1e-5, 64, True, None, "none", "1e-3", [0.1, 0.2], ""])
def test_parameters_are_what_they_were(make: type[Make], value):
    verdict = analysis.judge(make.sweep([make.trial("adam", 0, 0.1, it=value)], [], arms=("adam",)))
    best = analysis.to_json([verdict])["arms"][0]["best"]
    assert best["parameters"]["optimizer.it"] == value
    assert type(best["parameters"]["optimizer.it"]) is type(value)


def test_an_infinite_parameter_is_a_text_in_json(make: type[Make]):
    verdict = analysis.judge(make.sweep([make.trial("adam", 0, 0.1, it=math.inf)], [], arms=("adam",)))
    data = json.loads(json.dumps(analysis.to_json([verdict]), allow_nan=False))
    assert data["arms"][0]["best"]["parameters"]["optimizer.it"] == "inf"


def test_a_report_is_replaced_as_a_whole(
    verdict: analysis.Verdict, eventful_tables: analysis.SweepTables, tmp_path: Path
):
    old = tmp_path / "report.json"
    old.write_text("old", encoding="utf-8")
    with old.open(encoding="utf-8") as reader:
        analysis.write_report(eventful_tables, [verdict], tmp_path)
        assert reader.read() == "old"  # whoever reads sees the old file to its end
    assert json.loads(old.read_text(encoding="utf-8"))["schema_version"] == 2
    assert sorted(os.listdir(tmp_path)) == ["figures", "report.html", "report.json", "report.md"]


def test_a_folder_that_cannot_be_written_is_named(
    verdict: analysis.Verdict, eventful_tables: analysis.SweepTables, tmp_path: Path
):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r'Report folder ".*file" cannot be written'):
        analysis.write_report(eventful_tables, [verdict], blocked)
    (tmp_path / "report.json").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        analysis.write_report(eventful_tables, [verdict], tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
