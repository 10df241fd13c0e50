"""The terminal door: translates and renders, decides nothing."""
