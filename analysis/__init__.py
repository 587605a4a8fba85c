"""What it means: reads a sweep's runs from MLflow and says what holds, with intervals, and what does not.

    sweep = JudgedSweep.load("quickstart", "sqlite:///adamant-runs/mlflow.db")
    print(sweep)                                                  # table and sentences
    sweep.report("quickstart-report")

For a look of one's own, the same runs as pandas frames: `sweep.trials`, `sweep.confirmations`, `sweep.curves`; and
`analysis.figures`, of `sweep.tables`.

Names are imported when first used, so that importing `analysis` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.data.runs import RunRecord, SweepRecords, read_sweep
    from analysis.data.tables import SweepTables, load
    from analysis.report.judged_sweep import JudgedSweep
    from analysis.report.terminal import render_table
    from analysis.report.written_report import write_report
    from analysis.verdict.as_data import to_json
    from analysis.verdict.findings import ArmVerdict, Verdict
    from analysis.verdict.judgement import judge

__all__ = [
    "ArmVerdict",
    "JudgedSweep",
    "RunRecord",
    "SweepRecords",
    "SweepTables",
    "Verdict",
    "judge",
    "load",
    "read_sweep",
    "render_table",
    "to_json",
    "write_report",
]

_MODULES = {
    "data.runs": ("RunRecord", "SweepRecords", "read_sweep"),
    "data.tables": ("SweepTables", "load"),
    "report.judged_sweep": ("JudgedSweep",),
    "report.terminal": ("render_table",),
    "report.written_report": ("write_report",),
    "verdict.as_data": ("to_json",),
    "verdict.findings": ("ArmVerdict", "Verdict"),
    "verdict.judgement": ("judge",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
