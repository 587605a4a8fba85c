"""The report in a folder: a page, Markdown with its figures, and data for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from analysis.charts.chart import Chart
from analysis.data.tables import SweepTables
from analysis.report._document import Document, Figure
from analysis.report._markdown import to_markdown
from analysis.report._page import to_html
from analysis.report._report_content import report_document
from analysis.verdict.as_data import to_json
from analysis.verdict.findings import Verdict
from optimizers import InputError
from optimizers.files import atomic_write, write_text

PAGE, MARKDOWN, DATA, FIGURES = "report.html", "report.md", "report.json", "figures"


def write_report(
    tables: SweepTables, verdicts: Sequence[Verdict], directory: str | Path, link: str | None = None
) -> Path:
    """Write the report of a sweep into `directory` (made if need be), and return the page's path.

    `report.html` needs nothing beside it; `report.md` shows the PNG files in `figures`; `report.json` is
    `analysis.to_json`. Each file is replaced as a whole, so a reader never meets half of one. Raises InputError when
    the folder cannot be written.
    """
    folder = Path(directory)
    document = report_document(tables, verdicts)
    data = json.dumps(to_json(verdicts, link), indent=2, ensure_ascii=False, allow_nan=False)
    texts = {PAGE: to_html(document), MARKDOWN: to_markdown(document, FIGURES), DATA: data + "\n"}
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        for figure in _stills(document):
            with atomic_write(folder / FIGURES / f"{figure.name}.png") as temporary:
                _save(figure.chart, temporary)
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise InputError(f'Report folder "{folder}" cannot be written: {error.strerror}.') from error
    return folder / PAGE


def _stills(document: Document) -> list[Figure]:
    return [block for block in document.blocks if isinstance(block, Figure) and not block.exploratory]


def _save(chart: Chart, path: Path) -> None:
    from analysis.charts.draw_matplotlib import save

    save(chart, path)
