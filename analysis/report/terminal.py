"""The verdict on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.verdict.findings import Verdict
from analysis.verdict.verdict_tables import budget, front_cells, standing_cells, time_taken, trial_counts, verdict_cells
from optimizers.shown_text import shown_line
from search_spaces.schema.words import plural


def render_table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts of a sweep, one for each of its workloads, as plain text for a terminal."""
    sweep = verdicts[0].sweep
    lines = [f"{sweep.name}   {sweep.question}".rstrip()]
    for verdict in verdicts:
        lines += ["", f"{verdict.workload}:"] if verdict.workload else []
        lines += [budget(verdict), "", *_table(*verdict_cells(verdict)), "", *verdict.sentences]
        lines.append(f"Trials: {trial_counts(verdict)}.")
        if sweep.tradeoffs:
            lines += ["", "Pareto front:", *_table(*front_cells(verdict))]
    if len(verdicts) > 1:
        lines += ["", f"Over {plural(len(verdicts), 'workload')}:", *_table(*standing_cells(verdicts))]
    digest = verdicts[0].digest
    told = [*lines, *time_taken(verdicts[0]), *([str(digest)] if digest else [])]
    return "\n".join(map(shown_line, told))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (header, *rows))
    return ["   ".join(row).rstrip() for row in padded]
