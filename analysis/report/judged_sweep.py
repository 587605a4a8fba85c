"""A sweep with its verdict: what `adamant run` and `adamant report` tell, as one object."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.data.tables import SweepTables, load
from analysis.report.terminal import render_table
from analysis.report.written_report import write_report
from analysis.verdict.findings import Verdict
from analysis.verdict.judgement import judge
from trainables.mlflow_contract import finding_tag


@dataclass(frozen=True)
class JudgedSweep:
    """The runs of a sweep and what they show.

    Attributes:
        tables: The runs as pandas frames.
        verdicts: One for each workload.
        confirm_link: Address of the confirmations in an MLflow UI that serves them; None where there is none.
    """

    tables: SweepTables
    verdicts: tuple[Verdict, ...]
    confirm_link: str | None = None

    @classmethod
    def load(cls, name: str, tracking_uri: str | None = None, confirm_link: str | None = None) -> JudgedSweep:
        """Read a sweep from MLflow and judge it. Raises InputError as :func:`analysis.load`."""
        tables = load(name, tracking_uri)
        return cls(tables, tuple(judge(records) for records in tables.records), confirm_link)

    @property
    def name(self) -> str:
        """Return the sweep's name."""
        return self.tables.sweep.name

    @property
    def verdict(self) -> Verdict:
        """Return the verdict; of a sweep over several workloads that of the first, see ``verdicts``."""
        return self.verdicts[0]

    @property
    def unsettled(self) -> list[str]:
        """Return the arms that are neither better, worse nor equivalent; of several workloads as ``adam on digits``."""
        return [
            f"{arm.name} on {verdict.workload}" if verdict.workload else arm.name
            for verdict in self.verdicts
            for arm in verdict.arms
            if not arm.is_settled
        ]

    @property
    def tags(self) -> dict[str, str]:
        """Return what the summary run says of each arm but the baseline, see `finding_tag` of MLflow's contract."""
        return {
            finding_tag(arm.name, verdict.workload): arm.finding
            for verdict in self.verdicts
            for arm in verdict.arms
            if arm.finding != "baseline"
        }

    @property
    def trials(self) -> pd.DataFrame:
        """Return a row for each trial, see :class:`analysis.SweepTables`."""
        return self.tables.trials

    @property
    def confirmations(self) -> pd.DataFrame:
        """Return a row for each confirmation."""
        return self.tables.confirmations

    @property
    def curves(self) -> pd.DataFrame:
        """Return a row for each evaluation."""
        return self.tables.curves

    def report(self, folder: str | Path) -> Path:
        """Write the report into a folder, and return its page."""
        return write_report(self.tables, self.verdicts, folder, self.confirm_link)

    def __str__(self) -> str:
        """Return the table and the sentences of `adamant report`."""
        return render_table(self.verdicts)

    def _repr_html_(self) -> str:
        """Show a notebook the same, in the width that it was laid out in."""
        return f"<pre>{html.escape(str(self))}</pre>"
