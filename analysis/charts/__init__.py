"""Charts as plain data, and the two ways to draw them."""

from analysis.charts import _chart_display
from analysis.charts.chart import Display, display_with

display_with(Display(_chart_display.show, _chart_display.bundle))
