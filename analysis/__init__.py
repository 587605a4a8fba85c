"""What it means: reads a sweep's runs from MLflow and says what holds, with intervals, and what does not.

    sweep = load("quickstart", "sqlite:///adamant-runs/mlflow.db")
    verdicts = [judge(records) for records in sweep.records]      # one for each workload
    print(render_table(verdicts))
    write_report(sweep, verdicts, "quickstart-report")

For a look of one's own, the same runs as pandas frames: `sweep.trials`, `sweep.confirmations`, `sweep.curves`; and
`analysis.figures`.

Names are imported when first used, so that importing `analysis` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.as_data import to_json
    from analysis.report import write_report
    from analysis.runs import RunRecord, SweepRecords, read_sweep
    from analysis.tables import SweepTables, load
    from analysis.terminal import render_table
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
    "report": ("write_report",),
    "runs": ("RunRecord", "SweepRecords", "read_sweep"),
    "tables": ("SweepTables", "load"),
    "terminal": ("render_table",),
    "verdict": ("ArmVerdict", "Verdict", "judge"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
