"""Tables are readable at any width: whole lines in a pipe, and no column of a few characters on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cluster.console import console_tables

SENTENCE = "/data/MNIST/raw/train-images-idx3-ubyte: this MNIST file is missing; put it there unpacked"
ROWS = [
    {"data": "MNIST, torchvision's files", "workloads": "mlp/mnist, resnet18/mnist, dcgan/mnist", "state": SENTENCE},
    {"data": "scikit-learn's 1,797 digits, 8x8; nothing to download", "workloads": "mlp/digits", "state": "there"},
]


def printed(rows: list[console_tables.Row], width: int | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a terminal of that width shows, or a pipe for None."""
    monkeypatch.delenv("COLUMNS", raising=False)
    console = Console(file=io.StringIO(), width=width or 80, force_terminal=width is not None, color_system=None)
    console_tables.print_rows(console, rows)
    return console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_pipe_gets_a_line_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    header, mnist, digits = printed(ROWS, None, monkeypatch)
    assert header.split() == ["data", "workloads", "state"]
    assert mnist.startswith("MNIST, torchvision's files  ")
    assert mnist.endswith(SENTENCE)
    assert digits.endswith("mlp/digits                              there")
    assert header.index("state") == mnist.index(SENTENCE) == digits.index("there")


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_gets_one_value_below_the_other(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(ROWS, width, monkeypatch)
    assert max(map(len, lines)) <= width
    assert lines[0].rstrip() == "MNIST, torchvision's files"
    assert any(line.startswith("    workloads: mlp/mnist,") for line in lines)
    # No fold into a column of a few characters.
    assert len(lines) <= sum(len(str(value)) for row in ROWS for value in row.values()) / (width - 4) + 8


def test_a_wide_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(ROWS, 130, monkeypatch)
    assert lines[0].split() == ["data", "workloads", "state"]
