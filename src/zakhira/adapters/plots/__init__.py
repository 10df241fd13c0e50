"""Plots as SVG: a plot's data in, a picture as text out; matplotlib is loaded when the first one is drawn."""

from zakhira.adapters.plots.draw import draw_plot

__all__ = ["draw_plot"]
