"""How a chart shows itself, in a notebook and outside of one."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from analysis.charts.chart import Chart


def show(chart: Chart) -> None:
    """Show the chart under a notebook's cell, and elsewhere in a browser."""
    from analysis.charts.draw_plotly import to_plotly

    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython():
        sys.modules["IPython"].display.display(chart)
    else:
        to_plotly(chart).show()


def bundle(chart: Chart) -> dict[str, Any]:
    """Both ways to draw it: a reader that knows plotly takes plotly's, any other the picture."""
    from analysis.charts.draw_matplotlib import as_png
    from analysis.charts.draw_plotly import to_plotly

    return {
        "application/vnd.plotly.v1+json": json.loads(to_plotly(chart).to_json() or "{}"),
        "image/png": base64.b64encode(as_png(chart)).decode(),
        "text/plain": f"{chart.title}\n{chart.caption}",
    }
