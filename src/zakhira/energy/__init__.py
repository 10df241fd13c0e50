"""Surplus series, the power system behind them, forecasts and tariffs."""
