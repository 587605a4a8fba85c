"""What the front door prints of rows: as wide as the terminal, and in whole lines where there is none."""

from __future__ import annotations

import os
import sys
from itertools import accumulate
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from optimizers.shown_text import shown, shown_line

Row = dict[str, Any]
# Characters of a column below which sentences fall apart.
READABLE = 24
UNLIMITED = sys.maxsize
INDENT = 4


def print_rows(console: Console, rows: list[Row], left: int = 0) -> None:
    """Rows as a table, ``left`` characters from the edge; one below the other where a column would be too narrow."""
    rows = [
        {column: value if isinstance(value, list) else shown_line(value) for column, value in one.items()}
        for one in rows
    ]
    width, needed = _width(console), list(_needed(rows))[-1] + left
    if width == UNLIMITED:
        _print_text(console, "\n".join(_lines(rows)), left)
    elif needed <= width:
        console.print(Padding(_table(rows), (0, 0, 0, left), expand=False), highlight=False, markup=False)
    else:
        for one in rows:
            first, *others = _columns(rows)
            _print_text(console, str(one[first]), left)
            for column in others:
                _print_text(console, f"{column}: {one[column]}", left + INDENT)


def print_list(console: Console, rows: list[Row], more: str) -> None:
    """Rows as a table of the columns, from the left, that this width has room for; if not all, ``more`` shows them."""
    columns = _columns(rows)
    fitting = max(2, sum(needed <= _width(console) for needed in _needed(rows)))
    print_rows(console, [{column: one[column] for column in columns[:fitting]} for one in rows])
    if fitting < len(columns):
        console.print(f"\n{more}", highlight=False, markup=False, soft_wrap=True)


def print_row(console: Console, row: Row) -> None:
    """All of one row, each value below its title."""
    for title, value in row.items():
        console.print(f"[bold]{title.replace('_', ' ')}[/bold]")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print_rows(console, value, INDENT)
        else:
            _print_text(console, "\n".join(map(str, value)) if isinstance(value, list) else str(value), INDENT)
        console.print()


def _width(console: Console) -> int:
    """Of a terminal, or as the environment asks for; a pipe or a file takes lines of any length."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else UNLIMITED


def _print_text(console: Console, text: str, left: int) -> None:
    text = shown(text)
    if _width(console) == UNLIMITED:
        console.print(indent(text, " " * left), highlight=False, markup=False, soft_wrap=True)
    else:
        console.print(Padding(text, (0, 0, 0, left), expand=False), highlight=False, markup=False)


def _columns(rows: list[Row]) -> list[str]:
    """Those of a table; a list in a row would not fit and is left out."""
    return [column for column, value in rows[0].items() if not isinstance(value, list)]


def _widths(rows: list[Row]) -> list[int]:
    return [max(len(column), *(len(str(one[column])) for one in rows)) for column in _columns(rows)]


def _needed(rows: list[Row]) -> accumulate[int]:
    """The least width of a table of the first column, of the first two, and so on."""
    first, *others = _widths(rows)
    return accumulate([first, *(min(width, READABLE) + 2 for width in others)])


def _lines(rows: list[Row]) -> list[str]:
    columns, widths = _columns(rows), _widths(rows)
    cells = [columns, *([str(one[column]) for column in columns] for one in rows)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _table(rows: list[Row]) -> Table:
    columns = _columns(rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0], overflow="fold")
    for one in rows:
        table.add_row(*(str(one[column]) for column in columns))
    return table
