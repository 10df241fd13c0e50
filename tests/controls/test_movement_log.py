"""Movements in memory are summed as a plain loop over all of them sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officer_drill import NOW
from zakhira.controls.engine.movement_log import SCOPES, MovementLog
from zakhira.controls.engine.movements import Moved, Movement
from zakhira.kernel.interval import NotUtc
from zakhira.kernel.money import Commodity

HOUR = timedelta(hours=1)
NAMES = ("a", "b")


@dataclass(frozen=True)
class Matter:
    """An allowed matter with its destinations."""

    hours: int
    action: str
    commodity: Commodity
    vault: str
    purpose: str
    parts: tuple[tuple[str, int], ...]
    lots: tuple[str, ...]

    def movements(self, number: int) -> list[Movement]:
        """A movement for each destination."""
        at = NOW + self.hours * HOUR
        return [
            Movement(f"m{number}", at, self.action, self.commodity, units, self.vault, place, self.purpose, self.lots)
            for place, units in self.parts
        ]


MATTERS = st.lists(
    st.builds(
        Matter,
        hours=st.integers(-3, 3),
        action=st.sampled_from(["spend", "move"]),
        commodity=st.sampled_from([Commodity.BTC, Commodity.PKR]),
        vault=st.sampled_from(NAMES),
        purpose=st.sampled_from(NAMES),
        parts=st.dictionaries(st.sampled_from(NAMES), st.integers(1, 100), min_size=1).map(
            lambda found: tuple(found.items())
        ),
        lots=st.lists(st.sampled_from(NAMES), max_size=3).map(tuple),
    ),
    max_size=8,
)


@dataclass
class Plain:
    """The same by reading everything each time."""

    movements: list[Movement] = field(default_factory=list)

    def moved(
        self,
        commodity: Commodity,
        since: datetime,
        until: datetime,
        scope: str,
        key: str,
        but: str,
        actions: tuple[str, ...],
    ) -> Moved:
        """Add up what fits."""
        found = []
        for movement in self.movements:
            in_scope = {
                "vault": movement.vault == key,
                "destination": movement.destination == key,
                "purpose": movement.purpose == key,
                "programme": True,
                "lot purpose": movement.action == "spend" and key in movement.lot_purposes,
            }[scope]
            in_scope = in_scope and (not actions or movement.action in actions)
            if in_scope and movement.commodity is commodity and movement.id != but and since < movement.at <= until:
                found.append(movement)
        return Moved(sum(movement.units for movement in found), len({movement.id for movement in found}))


@given(
    first=MATTERS,
    then=MATTERS,
    gone=st.sets(st.integers(0, 8), max_size=2),
    asks=st.lists(
        st.tuples(
            st.sampled_from([Commodity.BTC, Commodity.PKR]),
            st.integers(-4, 4),
            st.integers(-4, 4),
            st.sampled_from(SCOPES),
            st.sampled_from(NAMES),
            st.sampled_from(["", "m0", "m1", "m9"]),
            st.sampled_from([(), ("spend",), ("move", "spend"), ("payout",)]),
        ),
        min_size=1,
        max_size=10,
    ),
)
def test_sums_agree_with_reading_everything(
    first: list[Matter],
    then: list[Matter],
    gone: set[int],
    asks: list[tuple[Commodity, int, int, str, str, str, tuple[str, ...]]],
) -> None:
    """Built at once, appended to in and out of order with sums asked for in between, and matters taken out."""
    plain = Plain([movement for number, matter in enumerate(first) for movement in matter.movements(number)])
    log = MovementLog(plain.movements)

    def agree() -> None:
        assert len(log) == len(plain.movements)
        for commodity, since, until, scope, key, but, actions in asks:
            span = (NOW + since * HOUR, NOW + until * HOUR)
            expected = plain.moved(commodity, *span, scope, key, but, actions)
            assert log.moved(commodity, *span, scope=scope, key=key, but=but, actions=actions) == expected

    agree()
    for number, matter in enumerate(then, len(first)):
        for movement in matter.movements(number):
            log.append(movement)
            plain.movements.append(movement)
        agree()
    for number in gone:
        log.remove(f"m{number}")
        plain.movements = [kept for kept in plain.movements if kept.id != f"m{number}"]
    agree()


def test_instants_are_in_utc() -> None:
    """A movement without a zone has no place in time."""
    naive = datetime(2026, 1, 5)  # noqa: DTZ001 - a naive instant is the case here
    movement = Movement("m", naive, "spend", Commodity.BTC, 1, "v", "d", "p")
    with pytest.raises(NotUtc):
        MovementLog([movement])
    with pytest.raises(NotUtc):
        MovementLog().append(movement)
