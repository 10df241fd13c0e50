"""Recognise a key or a column whose name is right but whose unit is missing or another."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.programme.dictionary import Attribute

_WORDS = """
w kw mw gw tw wh kwh mwh gwh twh j kj mj th ph eh gpu s sec second seconds minute minutes min 5min h hour hours day
days week weeks month months year years usd pkr eur rs rupees cents paisa btc sat sats msat vb kvb per share percent
pct bps ratio c k f celsius kelvin deg degrees rad block blocks signers jobs
"""
UNIT_WORDS = frozenset(_WORDS.split())
"""Words that may stand in the unit at the end of a name: those of the data dictionary, and others that people use."""


def unit_mistake(name: str, attributes: Iterable[Attribute]) -> Attribute | None:
    """The attribute that ``name`` means but for its unit (``max_kw`` or ``max`` for ``max_mw``), or None."""
    for attribute in attributes:
        if not attribute.suffix or not attribute.stem or name == attribute.name:
            continue
        rest = name.removeprefix(attribute.stem)
        if rest == name:
            continue
        if rest == "" or (rest[0] == "_" and set(rest[1:].split("_")) <= UNIT_WORDS):
            return attribute
    return None
