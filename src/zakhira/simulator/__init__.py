"""Seeded in-memory twins of the outside things, with faults, behind the same ports."""
