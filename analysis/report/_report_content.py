"""What a report says of a sweep: question, answer, how it was measured, figures, configurations, every run."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from analysis.data.tables import SweepTables
from analysis.figures import gallery
from analysis.report._document import (
    Block,
    Bullets,
    Cell,
    Code,
    Document,
    Figure,
    Folded,
    Heading,
    Link,
    Paragraph,
    Table,
)
from analysis.verdict import verdict_tables
from analysis.verdict.configurations import as_arm, as_python, rest_of
from analysis.verdict.findings import ArmVerdict, Verdict
from analysis.verdict.formatting import MetricFormat
from analysis.verdict.protocol import protocol, space_cells
from search_spaces.schema.words import plural
from search_spaces.stores.addresses import is_server
from search_spaces.tracking.codec import section
from search_spaces.tracking.links import (
    COMPARED,
    CONFIRM_VIEW,
    SEARCH_VIEW,
    compare_link,
    run_link,
    ui_address,
    view_link,
)
from trainables.mlflow_contract import Section, Tag


def report_document(tables: SweepTables, verdicts: Sequence[Verdict]) -> Document:
    """The report of a sweep from its tables and its verdicts, one for each workload."""
    sweep = tables.sweep
    several = len(verdicts) > 1
    blocks: list[Block] = [Paragraph([sweep.question], lead=True), Paragraph(_links(tables))]
    if several:
        blocks += [
            Heading(2, f"Over {plural(len(verdicts), 'workload')}"),
            Table(*verdict_tables.standing_cells(verdicts)),
            *_figures(gallery.over_workloads(tables, verdicts)),
        ]
    for verdict, workload in zip(verdicts, tables.workloads, strict=True):
        part = tables.on(workload)
        blocks += [Heading(2, workload)] if several else []
        blocks += _of_workload(part, verdict, 3 if several else 2)
    return Document(sweep.name, [*blocks, *_environment(tables, verdicts[0])])


def _links(tables: SweepTables) -> list[Cell]:
    ui, records = ui_address(tables.tracking_uri), tables.records[0]
    links: list[Cell] = ["In MLflow: "]
    for text, view in (("trials", SEARCH_VIEW), ("confirmations", CONFIRM_VIEW)):
        links += [Link(text, view_link(ui, records.experiment_id, records.sweep_id, view)), ", "]
    minimize = tables.sweep.metric.goal == "minimize"
    best = tables.trials.dropna(subset=["value"]).sort_values("value", ascending=minimize)["run_id"].head(COMPARED)
    if len(best) > 1:
        links += [Link(f"best {len(best)} side by side", compare_link(ui, records.experiment_id, list(best))), ", "]
    links += [Link("this sweep's summary", run_link(ui, records.experiment_id, records.summary_id)), "."]
    return links if is_server(tables.tracking_uri) else [*links, ' They open while "adamant ui" serves the runs.']


def _of_workload(tables: SweepTables, verdict: Verdict, level: int) -> list[Block]:
    prefix = f"{verdict.workload}-" if verdict.workload else ""
    front = (
        [Heading(level, "Pareto front"), Table(*verdict_tables.front_cells(verdict))] if verdict.sweep.tradeoffs else []
    )
    return [
        Heading(level, "Verdict"),
        Paragraph([f"{verdict_tables.budget(verdict)}."]),
        Table(*verdict_tables.verdict_cells(verdict)),
        Bullets(verdict.sentences, lead=True),
        *(Paragraph([words]) for words in [verdict_tables.effects_in_words(verdict)] if words),
        *_figures(gallery.of_verdict(tables, verdict), prefix),
        *front,
        Heading(level, "Protocol and budget"),
        Bullets(
            [
                *protocol(verdict),
                *filter(None, [verdict_tables.steps_in_words(verdict)]),
                *verdict_tables.time_taken(verdict),
            ]
        ),
        Folded("What each arm searched", [Table(*space_cells(verdict.sweep))]),
        Heading(level, "Best configurations"),
        *(block for arm in verdict.arms for block in _best(arm, verdict, level + 1)),
        Heading(level, "Figures"),
        *_figures(gallery.of_workload(tables), prefix),
        Heading(level, "Hyperparameters"),
        *_figures(gallery.of_hyperparameters(tables), prefix, exploratory=True),
        Heading(level, "Runs"),
        Table(*verdict_tables.outcome_cells(verdict)),
        *_every_run(tables, verdict),
    ]


def _figures(found: Iterable[gallery.Drawn], prefix: str = "", exploratory: bool = False) -> list[Block]:
    """Those that can be drawn, and then why the others cannot."""
    drawn = list(found)
    missing = [one.missing for one in drawn if one.missing]
    charts = [(prefix + one.name, one.chart) for one in drawn if one.chart is not None]
    figures: list[Block] = [Figure(name, chart, exploratory) for name, chart in charts]
    return [*figures, Folded("Figures that are not shown", [Bullets(missing)])] if missing else figures


def _best(arm: ArmVerdict, verdict: Verdict, level: int) -> list[Block]:
    if arm.best is None or arm.best.value is None:
        return [Heading(level, arm.name), Paragraph(["No finished trial."])]
    metric = verdict.sweep.metric.name
    code = as_python(verdict.sweep.arms[arm.name].space, arm.best.params)
    trained = ", ".join(f"{name} {value}" for name, value in rest_of(arm.best.params).items())
    return [
        Heading(level, arm.name),
        Paragraph(
            [f"{arm.best.trial_id}, {metric} {MetricFormat(metric).value(arm.best.value)}. Trained with {trained}."]
        ),
        *([Code("python", code)] if code else []),
        Code("yaml", as_arm(arm.name, verdict.sweep.arms[arm.name].space, arm.best.params)),
    ]


def _every_run(tables: SweepTables, verdict: Verdict) -> list[Block]:
    """Each run with a link and the command that trains it again."""
    ui, experiment = ui_address(tables.tracking_uri), tables.records[0].experiment_id
    searched, scored = (MetricFormat(name) for name in (verdict.sweep.metric.name, verdict.score_metric))

    def table(runs: pd.DataFrame, number: MetricFormat, column: str) -> Table:
        rows = [
            [
                Link(run["trial_id"], run_link(ui, experiment, run["run_id"])),
                run["outcome"],
                _written(run.get(column, math.nan), number),
                _seconds(run["seconds"]),
                str(run["seed"]),
                _hyperparameters(run),
            ]
            for run in runs.to_dict("records")
        ]
        return Table(["run", "outcome", number.metric, "wall time", "seed", "hyperparameters"], rows)

    parts = (
        (f"All {plural(len(tables.trials), 'trial')}", tables.trials, searched, "value"),
        (
            f"All {plural(len(tables.confirmations), 'confirmation')}",
            tables.confirmations,
            scored,
            verdict.score_metric,
        ),
    )
    folded = [Folded(title, [table(runs, number, column)]) for title, runs, number, column in parts if len(runs)]
    return [
        *folded,
        Paragraph(["To train one of them again, by the name that it has here:"]),
        Code("sh", shlex.join(["adamant", "replay", f"{tables.sweep.name}/{_shown_run(tables)}"])),
    ]


def _shown_run(tables: SweepTables) -> str:
    """Name of a run to repeat: the first confirmation, else the first trial."""
    for runs in (tables.confirmations, tables.trials):
        if len(runs):
            return str(runs["trial_id"].iloc[0])
    return "ARM/NUMBER"


def _written(value: float, number: MetricFormat) -> str:
    return number.value(value) if math.isfinite(value) else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if math.isfinite(seconds) else ""


def _hyperparameters(run: Mapping) -> str:
    own = section(run, Section.OPTIMIZER)
    return ", ".join(f"{name} {_short(value)}" for name, value in own.items() if not _missing(value))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _repeating(verdict: Verdict) -> list[Block]:
    """The digest of what was found, and how to see that another run finds the same."""
    digest = verdict.digest
    if digest is None:
        return []
    doubts = [f"It need not be the same: {doubt}." for doubt in digest.doubts]
    return [
        Heading(2, "Running it again"),
        Paragraph(
            [
                f"Everything that was found, to the last digit, has the SHA-256 {digest.sha256}. A run of the sweep "
                "below finds the same, on any number of workers, also where it is interrupted"
                + (f", on processors of the same kind ({digest.processors})." if digest.processors else ".")
            ]
        ),
        *([Bullets(doubts)] if doubts else []),
        Code("sh", f"adamant run sweep.yaml --expect {digest.short}"),
    ]


def _environment(tables: SweepTables, verdict: Verdict) -> list[Block]:
    records = tables.records[0]
    commit = records.environment.get(Tag.GIT_COMMIT)
    versions = [[name, version] for name, version in records.environment.items() if name != Tag.GIT_COMMIT]
    return [
        *_repeating(verdict),
        Heading(2, "Environment"),
        Paragraph([f"Sweep {verdict.sweep_id}" + (f", commit {commit}." if commit else ".")]),
        *([Table(["package", "version"], versions)] if versions else []),
        Folded("The sweep, with everything that it leaves out filled in", [Code("yaml", records.source.rstrip())]),
    ]
