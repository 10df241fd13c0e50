"""Plots as SVG: a plot's data in, a picture as text out; matplotlib is loaded when the first one is drawn."""

from zakhira.adapters.plots.draw import draw_plot
from zakhira.adapters.plots.frame import framed_svg
from zakhira.adapters.plots.png import draw_png

__all__ = ["draw_plot", "draw_png", "framed_svg"]
