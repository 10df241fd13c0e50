"""Lines, transformers and links of a network between the buses that become zones."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.adapters.pypsa.library import Network

LARGEST_MW = 1e6
"""The most that a programme's line may carry; a network may say infinity."""

MOST_LOST_SHARE = 0.99
"""A line of a programme loses less than everything."""
_COMPONENTS = (("lines", "s_nom", "s_max_pu"), ("transformers", "s_nom", "s_max_pu"), ("links", "p_nom", "p_max_pu"))


@dataclass(frozen=True)
class NetworkLine:
    """What connects two buses, each pair once: ``limit_mw`` in its better direction.

    ``loss_share`` is that of its links, by capacity; None where lines alone connect, whose loss PyPSA does not state.
    """

    bus_a: str
    bus_b: str
    limit_mw: float
    loss_share: float | None


@dataclass
class _Pair:
    """Capacity by direction, and what of the links' capacity is lost."""

    there_mw: float = 0.0
    back_mw: float = 0.0
    linked_mw: float = 0.0
    lost_mw: float = 0.0


def lines_between(network: Network, buses: list[str]) -> tuple[NetworkLine, ...]:
    """Every pair of ``buses`` that something active connects, in the network's order."""
    pairs: dict[tuple[str, str], _Pair] = {}
    for component, nominal, limit in _COMPONENTS:
        static = getattr(network, component)
        for _, row in static[static.active].iterrows():
            ends = (str(row.bus0), str(row.bus1))
            size_mw = float(row[f"{nominal}_opt"] if row[f"{nominal}_extendable"] else row[nominal])
            power_mw = min(size_mw * float(row[limit]), LARGEST_MW)
            if ends[0] == ends[1] or not set(ends) <= set(buses) or not power_mw > 0:
                continue
            key = ends[::-1] if ends[::-1] in pairs else ends
            pair = pairs.setdefault(key, _Pair())
            is_link = component == "links"
            both_ways = not is_link or float(row.p_min_pu) < 0
            pair.there_mw += power_mw if both_ways or key == ends else 0.0
            pair.back_mw += power_mw if both_ways or key != ends else 0.0
            if is_link:
                pair.linked_mw += power_mw
                pair.lost_mw += power_mw * min(max(1.0 - float(row.efficiency), 0.0), MOST_LOST_SHARE)
    return tuple(_line(ends, pair) for ends, pair in pairs.items())


def _line(ends: tuple[str, str], pair: _Pair) -> NetworkLine:
    loss = pair.lost_mw / pair.linked_mw if pair.linked_mw > 0 else None
    return NetworkLine(*ends, min(max(pair.there_mw, pair.back_mw), LARGEST_MW), loss)
