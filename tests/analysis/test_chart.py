"""Charts as data: both ways to draw them show every layer, at the same places, and no words on top of others."""

from __future__ import annotations

import base64
import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from analysis.charts._layout import spread
from analysis.charts.chart import (
    Axis,
    Band,
    Bars,
    Chart,
    ColourBar,
    Heat,
    Key,
    Layer,
    Line,
    Panel,
    Picture,
    Points,
    Rule,
    Text,
)
from analysis.charts.draw_matplotlib import draw, save
from analysis.charts.draw_plotly import to_plotly
from analysis.charts.style import INK, readable, shade
from analysis.charts.ticks import covering, texts, ticks
from optimizers import InputError
from search_spaces import ARM_COLOURS
from tests.analysis.drawn_words import overlaps

BLUE = ARM_COLOURS[0]
X = [1.0, 2.0, 3.0]
LAYERS: dict[str, Layer] = {
    "line": Line(X, [1.0, math.nan, 3.0], BLUE, "adam", hover="adam/0"),
    "steps": Line(X, [1.0, 2.0, 3.0], BLUE, dash="dotted", stepped=True),
    "band": Band(X, [1.0, 1.0, math.nan], [2.0, 3.0, 4.0], BLUE),
    "stepped band": Band(X, [1.0, 1.0, 2.0], [2.0, 3.0, 4.0], BLUE, stepped=True),
    **{
        f"{symbol} points": Points(X, X, BLUE, symbol, hover=["a", "b", "c"])
        for symbol in ("circle", "ring", "cross", "square", "diamond", "triangle")
    },
    "points in several colours": Points(X, X, [BLUE, INK, BLUE]),
    "bars": Bars(X, [0.5, -1.0, 2.0], BLUE),
    "contours": Heat(X, [1.0, 2.0], np.array([[1.0, 2.0, 3.0], [2.0, math.nan, 4.0]])),
    "vertical rule": Rule("x", 2.0, INK, "16 → 5"),
    "horizontal rule": Rule("y", 2.0, INK, "target"),
    "text": Text(2.0, 2.0, "a < b & $5", INK, "center"),
    "grey picture": Picture(np.zeros((4, 6), dtype=np.uint8)),
    "picture": Picture(np.zeros((4, 6, 3), dtype=np.uint8)),
}
BAR = ColourBar("val/loss", 1.0, 4.0)


def chart_of(*layers: Layer, scale: str = "linear", **changes) -> Chart:
    axes = Axis("epochs", scale), Axis("loss", scale)  # pyright: ignore[reportArgumentType]
    return Chart("A title", [Panel(*axes, layers, "panel", BAR)], caption="What is shown.", **changes)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("name", LAYERS)
def test_both_ways_draw_every_layer(name: str, scale: str) -> None:
    chart = chart_of(LAYERS[name], scale=scale)
    figure = draw(chart)
    FigureCanvasAgg(figure).draw()
    plotted = to_plotly(chart)
    drawn = [*plotted.data[:-1], *plotted.layout.shapes, *plotted.layout.images, *plotted.layout.annotations]
    bare = to_plotly(chart_of(scale=scale))
    assert len(drawn) > len([*bare.data[:-1], *bare.layout.annotations])
    assert plotted.to_json(), "what cannot be written as JSON cannot be shown in a page"


def test_both_ways_put_panels_axes_and_numbers_at_the_same_places() -> None:
    panels = [
        Panel(Axis("epochs"), Axis("loss", "log"), [Line(X, [1.0, 10.0, 100.0], BLUE, "adam")], "one"),
        Panel(Axis("steps"), Axis("accuracy (%)"), [Points(X, [90.0, 95.0, 97.0], BLUE)], "two"),
        Panel(Axis("kind", ticks={0: "linear", 1: "cosine"}), Axis("loss"), [Points([0, 1], [1, 2], BLUE)]),
    ]
    chart = Chart("Three", panels, columns=2)
    figure, plotted = draw(chart), to_plotly(chart)
    FigureCanvasAgg(figure).draw()
    assert tuple(figure.get_size_inches() * 100) == pytest.approx((plotted.layout.width, plotted.layout.height), abs=1)
    for number, axes in enumerate(figure.axes):
        suffix = "" if number == 0 else str(number + 1)
        x, y = plotted.layout[f"xaxis{suffix}"], plotted.layout[f"yaxis{suffix}"]
        box = axes.get_position()
        assert (*x.domain, *y.domain) == pytest.approx((box.x0, box.x1, box.y0, box.y1))
        limits = np.log10(axes.get_ylim()) if y.type == "log" else axes.get_ylim()
        assert y.range == pytest.approx(limits)
        assert list(x.ticktext) == [text.get_text() for text in axes.get_xticklabels()]
        assert list(y.tickvals) == pytest.approx(axes.get_yticks())


def test_labels_of_lines_that_end_together_do_not_overlap() -> None:
    lines = [Line(X, [3.0, 2.0, 1.0 + 1e-6 * place], BLUE, f"a_rather_long_arm_{place}") for place in range(27)]
    chart = Chart("All baselines", [Panel(Axis("epochs"), Axis("val/loss"), lines, "val/loss")] * 2, columns=2)
    assert overlaps(chart) == []


def test_words_keep_apart_in_a_chart_with_everything() -> None:
    panels = [
        Panel(
            Axis("kind", ticks=dict.fromkeys(range(5), "exponential_decay"), range=(-0.5, 4.5)),
            Axis("a label", ticks={1.0: "memory_shares", 2.0: "scheduled"}),
            [Points([0, 4], [1, 2], BLUE), Rule("x", 2, INK, "16 → 5"), Line([0, 1], [1, 2], BLUE, "early")],
            "A panel's title",
            BAR,
        )
    ] * 4
    key = [Key(f"arm_number_{place}", BLUE, "ring") for place in range(14)]
    assert overlaps(Chart("A long title " * 12, panels, 2, "A caption that goes on. " * 20, key)) == []


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.05))
def test_spread_keeps_labels_apart_in_order_and_in_place_where_it_can(wanted: list[float], gap: float) -> None:
    places = spread(wanted, gap, 0.0, 1.0)
    ordered = sorted(places)
    assert all(after - before >= gap - 1e-9 for before, after in itertools.pairwise(ordered))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    for (one, at), (two, other) in itertools.combinations(zip(wanted, places, strict=True), 2):
        assert one == two or (one < two) == (at < other)
    if all(after - before >= gap for before, after in itertools.pairwise(sorted(wanted))):
        assert places == pytest.approx(wanted)


def test_two_labels_for_one_place_move_by_half_each() -> None:
    assert spread([0.5, 0.5], 0.1, 0.0, 1.0) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 1.0, 0.2], 0.1, 0.0, 1.0) == pytest.approx([0.9, 1.0, 0.2])


@pytest.mark.parametrize("colour", ARM_COLOURS)
def test_words_in_an_arms_colour_can_be_read_on_white(colour: str) -> None:
    parts = [int(readable(colour)[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    assert 1.05 / (np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05) >= 4.45


def test_shades_run_from_dark_to_light_on_the_bars_own_scale() -> None:
    bar = ColourBar("val/loss", 0.01, 100.0, "log")
    assert shade(0.01, bar) == "#440154"
    assert shade(100.0, bar) == shade(1e9, bar) == "#BDDF26"
    assert shade(1.0, bar) == shade(0.5, ColourBar("", 0.0, 1.0)), "the middle of the decades"
    assert shade(math.nan, bar) == shade(-1.0, bar) == "#B4B4B4"


@pytest.mark.parametrize(
    ("limits", "scale", "wanted"),
    [
        ((0.0, 1.0), "linear", ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((0.0, 21_000.0), "linear", ["0", "5,000", "10,000", "15,000", "20,000"]),
        ((-0.3, 0.3), "linear", ["−0.2", "0", "0.2"]),
        ((1e-5, 1e-1), "log", ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]),
        ((0.05, 2.0), "log", ["0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ((0.21, 0.29), "log", ["0.22", "0.24", "0.26", "0.28"]),
    ],
)
def test_axes_show_round_numbers(limits: tuple[float, float], scale: str, wanted: list[str]) -> None:
    shown = ticks(limits, scale, 5)  # pyright: ignore[reportArgumentType]
    assert list(shown.values()) == wanted
    assert all(limits[0] * (1 - 1e-9) - 1e-12 <= place <= limits[1] * (1 + 1e-9) for place in shown)


def test_tiny_numbers_are_written_short() -> None:
    assert texts([2.5e-7], "linear") == ["2.5e-07"]


def test_a_range_covers_what_has_a_place_on_the_axis_and_nothing_else() -> None:
    low, high = covering(np.array([math.nan, -1.0, 0.1, 10.0, math.inf]), "log")
    assert 0.05 < low < 0.1
    assert 10 < high < 20
    assert covering(np.array([math.nan]), "linear") == (0.0, 1.0)
    low, high = covering(np.array([5.0, 5.0]), "linear")
    assert low < 5 < high


def test_a_label_stands_at_the_last_point_that_can_be_drawn() -> None:
    line = Line([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 0.0, math.nan], BLUE, "cut")
    chart = Chart("", [Panel(Axis("x"), Axis("y", "log"), [line, Line(X, [math.nan] * 3, BLUE, "nothing")])])
    words = {word.text for word in to_plotly(chart).layout.annotations}
    assert "cut" in words
    assert "nothing" not in words, "a name without a line would point at nothing"


def test_words_are_words_and_no_markup() -> None:
    chart = Chart("a < b & $x^2$ costs $5", [Panel(Axis("<i>x</i>"), Axis("y"), [Line(X, X, BLUE)])])
    shown = [word.text for word in to_plotly(chart).layout.annotations]
    assert "a &lt; b &amp; $x^2$ costs $5" in shown
    assert "&lt;i&gt;x&lt;/i&gt;" in shown
    assert "a < b & $x^2$ costs $5" in [word.get_text() for word in draw(chart).texts]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_chart_is_saved_as_what_the_name_says(tmp_path: Path, kind: str) -> None:
    path = save(chart_of(LAYERS["line"]), tmp_path / f"chart.{kind}")
    assert path.read_bytes()[:5] == {"png": b"\x89PNG\r", "svg": b"<?xml", "pdf": b"%PDF-"}[kind]


@pytest.mark.parametrize("name", ["missing/chart.png", "chart.unknown"])
def test_what_cannot_be_saved_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r'Figure ".*" cannot be written'):
        save(chart_of(LAYERS["line"]), tmp_path / name)


def test_contours_without_a_colour_bar_are_refused() -> None:
    chart = Chart("", [Panel(Axis("x"), Axis("y"), [LAYERS["contours"]])])
    for drawn in (draw, to_plotly):
        with pytest.raises(InputError, match="colour bar"):
            drawn(chart)


def test_a_notebook_shows_a_chart_with_plotly_or_as_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    InteractiveShell.instance()
    try:
        chart = chart_of(LAYERS["line"])
        formats, _ = DisplayFormatter().format(chart)
        with capture_output() as captured:
            chart.show()
    finally:
        InteractiveShell.clear_instance()
    assert len(formats["application/vnd.plotly.v1+json"]["data"]) == 2
    assert Image.open(io.BytesIO(base64.b64decode(formats["image/png"]))).width == to_plotly(chart).layout.width
    assert formats["text/plain"] == "A title\nWhat is shown."
    assert [shown.data for shown in captured.outputs] == [formats]
