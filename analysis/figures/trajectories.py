"""Figures of optimizers' paths over known functions, and of the steps that they took."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.charts.style import GRID, INK, SOFT
from optimizers import InputError
from search_spaces import ARM_COLOURS
from search_spaces.schema.words import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 5
# Inches: one panel, the gap beside it, the title above it, and what lies around the panels.
PANEL, GAP, TITLE = 1.75, 0.12, 0.42
LEFT, BAR, FOOT, LINE = 0.35, 0.55, 0.25, 0.16
LETTERS_PER_INCH = 12
DOTS_PER_INCH = 110
LEVELS = 14
GROUND, PATH = "Blues_r", ARM_COLOURS[1]


class DrawnPath(Protocol):
    """One optimizer's way, as ``trainables.workloads.function_walks.Trajectory`` has it."""

    @property
    def optimizer(self) -> str: ...
    @property
    def lr(self) -> float: ...
    @property
    def points(self) -> np.ndarray: ...
    @property
    def loss(self) -> float: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def diverged(self) -> bool: ...
    @property
    def error(self) -> str: ...


class DrawnFunction(Protocol):
    """What the ways are drawn on, as ``trainables.workloads.function_walks.Landscape`` has it."""

    @property
    def name(self) -> str: ...
    @property
    def formula(self) -> str: ...
    @property
    def minima(self) -> tuple[tuple[float, float], ...]: ...
    @property
    def start(self) -> tuple[float, float]: ...
    @property
    def window(self) -> tuple[tuple[float, float], tuple[float, float]]: ...
    @property
    def heights(self) -> np.ndarray: ...


def make_folder(folder: Path) -> None:
    """The folder for the figures. Raises InputError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'Folder "{folder}" for the figures cannot be made: {error.strerror}.') from error


def outcome(path: DrawnPath) -> str:
    """How a way ended: "671 steps", "never, f = 0.0082", "diverges" or "cannot run"."""
    if path.error:
        return "cannot run"
    if path.diverged:
        return "diverges"
    if path.steps is not None:
        return plural(path.steps, "step")
    return f"never, f = {path.loss:.2g}" if path.loss < 100 else f"never, f = {path.loss:,.0f}"


def draw_paths(function: DrawnFunction, paths: Sequence[DrawnPath], caption: str, file: Path) -> Path:
    """One panel an optimizer: its way over the logarithm of the function. Returns the file.

    Raises InputError when the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows, columns = math.ceil(len(paths) / COLUMNS), max(3, min(COLUMNS, len(paths)))
    width = LEFT + columns * (PANEL + GAP) + BAR
    title = [
        f"{function.name}: f = {function.formula}",
        *_wrapped(caption, width),
        "Ring: start. Cross: minimum. Dot: end.",
    ]
    head = LINE * (len(title) + 1)
    height = head + rows * (PANEL + TITLE) + FOOT
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    # Laid out in inches: matplotlib's own layout takes longer than everything else together.
    figure.subplots_adjust(
        left=LEFT / width,
        right=1 - (BAR + GAP) / width,
        bottom=FOOT / height,
        top=1 - (head + TITLE) / height,
        wspace=GAP / PANEL,
        hspace=TITLE / PANEL,
    )
    levels = _levels(function.heights)
    for panel, path in zip(panels.flat, paths, strict=False):
        _draw_ground(panel, function, levels)
        _draw_path(panel, path)
    for panel in panels.flat[len(paths) :]:
        panel.axis("off")
    for panel in panels.flat[max(0, len(paths) - columns) : len(paths)]:
        panel.tick_params(labelbottom=True)
    beside_first_row = (1 - BAR / width, 1 - (head + TITLE + PANEL) / height, 0.12 / width, PANEL / height)
    _draw_bar(figure.add_axes(beside_first_row), levels)
    figure.text(0.5, 1 - LINE / 2 / height, "\n".join(title), ha="center", va="top", fontsize=9)
    return _save(figure, file)


def draw_steps(table: Mapping[str, Sequence[DrawnPath]], caption: str, file: Path) -> Path:
    """A table, optimizers by functions, of the steps that were taken; ``table`` has each function's paths.

    Returns the file. Raises InputError when it cannot be written.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    names = [path.optimizer for path in next(iter(table.values()))]
    steps = np.array([[path.steps or math.nan for path in paths] for paths in table.values()]).T
    # Without pyplot, so that drawing needs no display and leaves nothing behind.
    title = _wrapped(caption, width := 1.8 + 1.75 * len(table))
    figure = Figure(figsize=(width, 0.6 + LINE * len(title) + 0.3 * len(names)), layout="constrained")
    panel = figure.subplots()
    colours = _colours("Blues").with_extremes(bad=GRID)
    panel.imshow(steps, cmap=colours, norm=LogNorm(10, 20_000), aspect="auto")
    for column, paths in enumerate(table.values()):
        for row, path in enumerate(paths):
            text = f"{outcome(path)} (lr {path.lr:g})"
            colour = INK if path.steps else SOFT
            panel.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    panel.set_xticks(range(len(table)), labels=list(table))
    panel.set_yticks(range(len(names)), labels=names)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_xticks(np.arange(len(table) + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    panel.grid(which="minor", color="white", linewidth=2)
    panel.tick_params(which="minor", length=0)
    figure.suptitle("\n".join(title), fontsize=9)
    return _save(figure, file)


def _wrapped(text: str, inches: float) -> list[str]:
    return textwrap.wrap(text, int(inches * LETTERS_PER_INCH))


def _colours(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name]


def _levels(heights: np.ndarray) -> np.ndarray:
    """Evenly spaced in the logarithm, from what all but a hundredth of the window exceeds to its highest point."""
    return np.geomspace(np.quantile(heights, 0.01), heights.max(), LEVELS)


def _draw_ground(panel: Axes, function: DrawnFunction, levels: np.ndarray) -> None:
    (left, right), (bottom, top) = function.window
    rows, columns = function.heights.shape
    across, up = np.linspace(left, right, columns), np.linspace(bottom, top, rows)
    panel.contourf(across, up, function.heights, levels, cmap=GROUND, norm=_norm(levels), extend="both")
    panel.set(xlim=(left, right), ylim=(bottom, top), box_aspect=1)
    panel.tick_params(labelsize=6, length=2)
    panel.locator_params(nbins=4, prune="both")
    panel.plot(*zip(*function.minima, strict=True), "x", color=INK, markersize=5, markeredgewidth=1.2, zorder=4)


def _draw_path(panel: Axes, path: DrawnPath) -> None:
    panel.plot(*path.points.T, color=PATH, linewidth=0.8, marker=".", markersize=2.2, markeredgewidth=0, zorder=3)
    panel.plot(*path.points[-1], "o", color=PATH, markersize=4.5, markeredgecolor=INK, markeredgewidth=0.7, zorder=5)
    panel.plot(*path.points[0], "o", color="white", markersize=4.5, markeredgecolor=INK, markeredgewidth=0.9, zorder=5)
    panel.set_title(f"{path.optimizer}\n{outcome(path)}, lr {path.lr:g}", fontsize=7)
    if path.error:
        reason, box = textwrap.fill(path.error, width=32, max_lines=6), {"facecolor": "white", "pad": 2, "linewidth": 0}
        panel.text(
            0.5, 0.5, reason, transform=panel.transAxes, ha="center", va="center", fontsize=6, bbox=box, zorder=6
        )


def _draw_bar(axes: Axes, levels: np.ndarray) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.ticker import LogLocator

    Colorbar(axes, ScalarMappable(_norm(levels), _colours(GROUND)))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if levels[-1] < 100 * levels[0] else (1,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.tick_params(labelsize=7)
    axes.set_title("f", fontsize=8)


def _norm(levels: np.ndarray) -> Any:
    from matplotlib.colors import LogNorm

    return LogNorm(levels[0], levels[-1])


def _save(figure: Figure, file: Path) -> Path:
    try:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    except OSError as error:
        raise InputError(f'Figure "{file}" cannot be written: {error.strerror}.') from error
    return file
