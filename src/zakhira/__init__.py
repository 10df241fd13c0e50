"""Zakhira: a strategic Bitcoin reserve fed by surplus power, from megawatt to proof."""

__version__ = "0.1.0"
