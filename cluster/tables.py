"""What the front door prints of rows, on a terminal."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

Row = dict[str, Any]
# Characters of a column below which sentences fall apart.
READABLE = 24


def print_rows(console: Console, rows: list[Row]) -> None:
    """Rows as a table."""
    console.print(_table(rows), highlight=False, markup=False)


def print_list(console: Console, rows: list[Row], more: str) -> None:
    """Rows as a table of the columns, from the left, that this width has room for; if not all, ``more`` shows them."""
    columns = [column for column, value in rows[0].items() if not isinstance(value, list)]
    widths = [max(len(str(one[column])) for one in rows) for column in columns]
    needed = accumulate([widths[0], *(min(width, READABLE) + 1 for width in widths[1:])])
    fitting = max(2, sum(width <= console.width for width in needed))
    print_rows(console, [{column: one[column] for column in columns[:fitting]} for one in rows])
    if fitting < len(columns):
        console.print(f"\n{more}", highlight=False, markup=False, soft_wrap=True)


def print_row(console: Console, row: Row) -> None:
    """All of one row, each value below its title."""
    for title, value in row.items():
        console.print(f"[bold]{title.replace('_', ' ')}[/bold]")
        console.print(Padding(_written(value), (0, 0, 1, 4)), highlight=False, markup=False)


def _written(value: Any) -> Table | str:
    """A value of a row: rows as a table, other lists line by line."""
    if isinstance(value, list):
        is_table = value and isinstance(value[0], dict)
        return _table(value) if is_table else "\n".join(map(str, value))
    return str(value)


def _table(rows: list[Row]) -> Table:
    """Rows as a table; a list in a row is left out, as it would not fit."""
    columns = [column for column, value in rows[0].items() if not isinstance(value, list)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0], overflow="fold")
    for one in rows:
        table.add_row(*(str(one[column]) for column in columns))
    return table
