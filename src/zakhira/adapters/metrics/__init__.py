"""Figures for Prometheus: samples as plain data, rendered and served."""
