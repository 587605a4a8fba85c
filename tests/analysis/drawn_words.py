"""Whether the words of a chart can be read: none on another, none cut off."""

from __future__ import annotations

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from analysis.charts.chart import Chart
from analysis.charts.draw_matplotlib import draw


def overlaps(chart: Chart) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other or leave the figure, as matplotlib has set them."""
    figure = draw(chart)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    words = [word for word in figure.findobj(Text) if word.get_text().strip() and word.get_visible()]
    # The box around slanted words is much larger than they are.
    straight = [word for word in words if word.get_rotation() % 90 == 0]
    boxes = [(word.get_text(), word.get_window_extent(canvas.get_renderer())) for word in straight]
    width, height = canvas.get_width_height()
    outside = [
        (name, "the edge") for name, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    # A pixel of two lines may touch.
    touching = [
        (one[0], two[0])
        for one, two in itertools.combinations(boxes, 2)
        if min(one[1].x1, two[1].x1) - max(one[1].x0, two[1].x0) > 1
        and min(one[1].y1, two[1].y1) - max(one[1].y0, two[1].y0) > 2
    ]
    return outside + touching
