"""What it means: reads a sweep's runs from MLflow and says what holds, with intervals, and what does not.

    records = load("quickstart", "sqlite:///mlflow.db")
    verdict = judge(records)
    print(render_table(verdict))
    write_report(verdict, "quickstart-report")

Names are imported when first used, so that importing `analysis` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.report import render_table, to_json, write_report
    from analysis.runs import RunRecord, SweepRecords, load
    from analysis.verdict import ArmVerdict, Verdict, judge

__all__ = [
    "ArmVerdict",
    "RunRecord",
    "SweepRecords",
    "Verdict",
    "judge",
    "load",
    "render_table",
    "to_json",
    "write_report",
]

_MODULES = {
    "report": ("render_table", "to_json", "write_report"),
    "runs": ("RunRecord", "SweepRecords", "load"),
    "verdict": ("ArmVerdict", "Verdict", "judge"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
