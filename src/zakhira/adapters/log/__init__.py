"""Structured logs: JSON lines, with every secret taken out before anything is written."""
