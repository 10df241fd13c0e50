"""Ids and seeded randomness that a replay gives again (C7)."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_id(*parts: str | int) -> str:
    """A stable id of 32 hex digits from its parts; order and boundaries count."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def seeded_rng(seed: int, *labels: str | int) -> np.random.Generator:
    """A random stream of its own for each seed and labels, independent of the order in which streams are asked for."""
    return np.random.default_rng(int(derive_id(seed, *labels), 16))
