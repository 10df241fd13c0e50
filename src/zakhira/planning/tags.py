"""How well founded a result is: the weakest tag among the figures that it rests on."""

from __future__ import annotations

import re

from zakhira.programme.model import Assumption, Programme

TAG_ORDER = "SDKE"
"""From the best founded to the weakest: sourced, derived, general knowledge, estimate."""
ALWAYS = frozenset({"prices", "network"})
"""Tables whose figures every result rests on."""
_SEPARATORS = re.compile(r"[.\[\]/:\s]+")


def weakest_tag(programme: Programme, zone: str, class_id: str) -> str:
    """The weakest tag of prices, network, the zone's and the class's figures; E where nothing is known.

    A figure belongs to a zone or class when its key names the table and the id, or the place in the file from 0.
    """
    tags = [a.tag for a in programme.assumptions if _concerns(a, programme, zone, class_id)]
    return max(tags, key=TAG_ORDER.find) if tags else TAG_ORDER[-1]


def _concerns(assumption: Assumption, programme: Programme, zone: str, class_id: str) -> bool:
    table, *rest = [part for part in _SEPARATORS.split(assumption.key) if part]
    if table in ALWAYS:
        return True
    names = {
        "zone": (zone, [item.id for item in programme.zones]),
        "machine": (class_id, [item.id for item in programme.machines]),
        "hall": (class_id, [item.id for item in programme.halls]),
    }
    if table not in names or not rest:
        return False
    wanted, ids = names[table]
    return rest[0] == wanted or (wanted in ids and rest[0] == str(ids.index(wanted)))
