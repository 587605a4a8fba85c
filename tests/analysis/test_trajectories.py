"""Figures of paths: one panel an optimizer, each with its outcome, and files that are what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.trajectories import draw_paths, draw_steps, make_folder, outcome
from optimizers import InputError
from tests.conftest import CommandLine


@dataclass(frozen=True)
class Walked:
    optimizer: str
    lr: float = 0.1
    points: np.ndarray = field(default_factory=lambda: np.array([[1.0, 1.0], [0.5, 0.2], [0.0, 0.0]]))
    loss: float = 0.0
    steps: int | None = None
    diverged: bool = False
    error: str = ""


@dataclass(frozen=True)
class Bowl:
    name: str = "bowl"
    formula: str = "x^2 + y^2"
    minima: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    start: tuple[float, float] = (1.0, 1.0)
    window: tuple[tuple[float, float], tuple[float, float]] = ((-1.0, 2.0), (-1.0, 2.0))
    heights: np.ndarray = field(
        default_factory=lambda: np.add.outer(np.linspace(-1, 2, 40) ** 2, np.linspace(-1, 2, 40) ** 2) + 1e-9
    )


PATHS = [
    Walked("adam", steps=1234),
    Walked("sgd", loss=0.0123),
    Walked("wild", loss=math.inf, diverged=True),
    Walked("broken", points=np.array([[1.0, 1.0]]), loss=math.nan, error="RuntimeError: wants a matrix"),
    Walked("far", loss=12345.6),
    Walked("nadam", steps=1),
    Walked("radam", steps=2),
]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is written to a file."""
    figures: list[Figure] = []
    write = Figure.savefig

    def remember(figure: Figure, *args: object, **options: object) -> None:
        figures.append(figure)
        write(figure, *args, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def test_outcomes_in_words() -> None:
    said = [outcome(path) for path in PATHS]
    assert said == [
        "1,234 steps", "never, f = 0.012", "diverges", "cannot run", "never, f = 12,346", "1 step", "2 steps"
    ]  # fmt: skip


def test_every_path_has_a_panel_with_its_outcome_and_its_line(tmp_path: Path, saved: list[Figure]) -> None:
    file = draw_paths(Bowl(), PATHS, "How it was done.", tmp_path / "bowl.png")
    assert file.read_bytes().startswith(b"\x89PNG")
    (figure,) = saved
    panels = [axes for axes in figure.axes if axes.get_title() and axes.get_title() != "f"]
    assert [axes.get_title().split("\n")[0] for axes in panels] == [path.optimizer for path in PATHS]
    assert panels[1].get_title() == "sgd\nnever, f = 0.012, lr 0.1"
    assert any(np.array_equal(line.get_xydata(), PATHS[0].points) for line in panels[0].lines)
    assert "RuntimeError: wants a matrix" in [text.get_text().replace("\n", " ") for text in panels[3].texts]
    (title,) = figure.texts
    assert title.get_text().startswith("bowl: f = x^2 + y^2\nHow it was done.")


def test_the_table_has_a_cell_for_every_optimizer_and_function(tmp_path: Path, saved: list[Figure]) -> None:
    file = draw_steps({"bowl": PATHS, "again": PATHS}, "How it was done.", tmp_path / "steps.png")
    assert file.read_bytes().startswith(b"\x89PNG")
    cells = [text.get_text() for text in saved[0].axes[0].texts]
    assert len(cells) == 2 * len(PATHS)
    assert cells[0] == "1,234 steps (lr 0.1)"


def test_a_figure_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        make_folder(tmp_path / "file" / "figures")
    with pytest.raises(InputError, match=r"steps\.png.* cannot be written"):
        draw_steps({"bowl": PATHS}, "", tmp_path / "nowhere" / "steps.png")


def test_the_command_writes_a_figure_for_each_function_and_the_table(command_line: CommandLine) -> None:
    ended = command_line(
        "trajectories", "beale", "himmelblau", "--optimizer", "adam", "--optimizer", "sgd", "--out", "here"
    )
    assert ended.returncode == 0, ended.stderr
    files = ["here/trajectories-beale.png", "here/trajectories-himmelblau.png", "here/trajectories-steps.png"]
    assert ended.stdout.split() == files
    assert all((command_line.folder / file).stat().st_size > 10_000 for file in files)
    refused = command_line("trajectories", "beal")
    assert refused.returncode == 2
    assert 'Did you mean "beale"' in refused.stderr
    assert not (command_line.folder / "trajectories").exists()
