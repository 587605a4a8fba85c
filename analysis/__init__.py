"""What it means: reads a sweep's runs from MLflow and says what holds, with intervals, and what does not.

    verdicts = [judge(records) for records in read_sweep("quickstart", "sqlite:///mlflow.db")]
    print(render_table(verdicts))
    write_report(verdicts, "quickstart-report")

A sweep has a verdict for each of its workloads. For a look of one's own, the same runs as pandas frames:

    sweep = load("quickstart", "sqlite:///mlflow.db")
    sweep.trials, sweep.confirmations, sweep.curves

Names are imported when first used, so that importing `analysis` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.as_data import to_json
    from analysis.report import render_table, write_report
    from analysis.runs import RunRecord, SweepRecords, read_sweep
    from analysis.tables import SweepTables, load
    from analysis.verdict import ArmVerdict, Verdict, judge

__all__ = [
    "ArmVerdict",
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
    "as_data": ("to_json",),
    "report": ("render_table", "write_report"),
    "runs": ("RunRecord", "SweepRecords", "read_sweep"),
    "tables": ("SweepTables", "load"),
    "verdict": ("ArmVerdict", "Verdict", "judge"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
