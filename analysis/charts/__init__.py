"""Charts as plain data, and the two ways to draw them."""

from analysis.charts import chart_display
from analysis.charts.chart import Display, display_with

display_with(Display(chart_display.show, chart_display.bundle))
