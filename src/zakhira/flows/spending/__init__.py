"""Spends of the treasury, from a proposal to the block that holds it; every step is one write and safe to repeat."""
