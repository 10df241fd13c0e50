"""How well founded a result is: the weakest tag among the figures that it rests on."""

from __future__ import annotations

from zakhira.programme.model import Programme

TAG_ORDER = "SDKE"
"""From the best founded to the weakest: sourced, derived, general knowledge, estimate."""
ALWAYS = frozenset({"prices", "network"})
"""Tables whose figures every result rests on."""


def weakest_tag(programme: Programme, zone: str, class_id: str) -> str:
    """The weakest tag of prices, network, the zone's and the class's figures; E where nothing is known.

    A figure's key is ``table.attribute`` or ``table.id.attribute``.
    """
    tags = [assumption.tag for assumption in programme.assumptions if _concerns(assumption.key, zone, class_id)]
    return max(tags, key=TAG_ORDER.find) if tags else TAG_ORDER[-1]


def _concerns(key: str, zone: str, class_id: str) -> bool:
    table, _, rest = key.partition(".")
    owner = rest.rpartition(".")[0]
    return table in ALWAYS or (table, owner) in {("zone", zone), ("machine", class_id), ("hall", class_id)}
