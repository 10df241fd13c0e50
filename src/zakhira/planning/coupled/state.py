"""The iterate: values, slacks and duals, all strictly positive, with what is still open in the balances."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zakhira.planning.coupled.layout import Layout
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Targets:
    """What the products of a step shall be: flat vectors at the lower and upper bounds, [column], and [limit]."""

    lower: Floats | float
    upper: Floats | float
    x: Floats | float
    row: Floats | float


@dataclass(frozen=True)
class Direction:
    """A step in every part of a :class:`State`."""

    value: Floats
    slack: Floats
    lower_dual: Floats
    upper_dual: Floats
    x: Floats
    x_dual: Floats
    row_slack: Floats
    row_dual: Floats
    price: Floats
    worth: Floats

    def plus(self, other: Direction, share: float) -> Direction:
        """This step and a share of another."""
        return Direction(
            value=self.value + share * other.value,
            slack=self.slack + share * other.slack,
            lower_dual=self.lower_dual + share * other.lower_dual,
            upper_dual=self.upper_dual + share * other.upper_dual,
            x=self.x + share * other.x,
            x_dual=self.x_dual + share * other.x_dual,
            row_slack=self.row_slack + share * other.row_slack,
            row_dual=self.row_dual + share * other.row_dual,
            price=self.price + share * other.price,
            worth=self.worth + share * other.worth,
        )


@dataclass
class State:
    """Values and duals by which a step is computed.

    ``value`` and ``slack`` to the upper bound of each local variable (flat) with their duals; capacities ``x`` [column]
    and ``row_slack`` [limit] with theirs; ``price`` [zone, hour]; ``worth`` of stored energy [battery, hour].

    ``gain`` is ``A' y``; ``plug_gap``, ``store_gap`` and ``row_gap`` are what the balances and limits still lack.
    """

    layout: Layout
    value: Floats
    slack: Floats
    lower_dual: Floats
    upper_dual: Floats
    x: Floats
    x_dual: Floats
    row_slack: Floats
    row_dual: Floats
    price: Floats
    worth: Floats
    gain: Floats = field(init=False)
    plug_gap: Floats = field(init=False)
    store_gap: Floats = field(init=False)
    row_gap: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Compute anew what depends on the values and prices."""
        plug, store = self.layout.balance(self.value)
        self.plug_gap, self.store_gap = -plug, -store
        self.row_gap = self.layout.capacity - self.layout.rows @ self.x - self.row_slack
        self.gain = self.layout.gain(self.price, self.worth)

    @property
    def pairs(self) -> int:
        """The number of products of a value and its dual."""
        return 2 * len(self.value) + len(self.x) + len(self.row_slack)

    def product(self) -> float:
        """The sum of all products of a value and its dual."""
        inner = float(self.value @ self.lower_dual + self.slack @ self.upper_dual)
        return inner + float(self.x @ self.x_dual + self.row_slack @ self.row_dual)

    def product_after(self, step: Direction, primal: float, dual: float) -> float:
        """The sum of products after a step."""
        total = float((self.value + primal * step.value) @ (self.lower_dual + dual * step.lower_dual))
        total += float((self.slack + primal * step.slack) @ (self.upper_dual + dual * step.upper_dual))
        total += float((self.x + primal * step.x) @ (self.x_dual + dual * step.x_dual))
        return total + float((self.row_slack + primal * step.row_slack) @ (self.row_dual + dual * step.row_dual))

    def longest(self, step: Direction) -> tuple[float, float]:
        """How far the values and the duals can go along a step, at most 1. See :meth:`lengths`."""
        return self.lengths(step, None, (1.0,))[0]

    def lengths(
        self, step: Direction, change: Direction | None, shares: tuple[float, ...]
    ) -> list[tuple[float, float]]:
        """For each share of a change added to a step: how far values and duals can go before one is 0, at most 1."""
        primal = [self._steep(name, step, change, shares) for name in ("value", "slack", "x", "row_slack")]
        dual = [self._steep(name, step, change, shares) for name in ("lower_dual", "upper_dual", "x_dual", "row_dual")]
        return [
            (min(_reach(steep, share) for steep in primal), min(_reach(steep, share) for steep in dual))
            for share in shares
        ]

    def _steep(
        self, name: str, step: Direction, change: Direction | None, shares: tuple[float, ...]
    ) -> tuple[Floats, Floats]:
        """The relative steps, and their changes, of what would reach 0 before a step of 1 at one of the shares."""
        before = getattr(self, name)
        relative = getattr(step, name) / before
        if change is None:
            steep = relative[relative < -1.0]
            return steep, np.zeros(len(steep))
        turn = getattr(change, name) / before
        least = np.minimum(turn * max(shares), turn * min(shares))
        least += relative
        at = np.flatnonzero(least < -1.0)
        return relative[at], turn[at]

    def move(self, step: Direction, primal: float, dual: float) -> None:
        """Take a step."""
        self.value += primal * step.value
        self.slack += primal * step.slack
        self.x += primal * step.x
        self.row_slack += primal * step.row_slack
        self.lower_dual += dual * step.lower_dual
        self.upper_dual += dual * step.upper_dual
        self.x_dual += dual * step.x_dual
        self.row_dual += dual * step.row_dual
        self.price += dual * step.price
        self.worth += dual * step.worth
        self.refresh()


def _reach(steep: tuple[Floats, Floats], share: float) -> float:
    """The largest multiple of a step, at most 1, that keeps every value at 0 or above."""
    return -1.0 / min(float(np.min(steep[0] + share * steep[1], initial=-1.0)), -1.0)


def start(layout: Layout, x: Floats) -> State:
    """Every local variable in the middle of its box, all products equal, at capacities ``x`` that keep the limits."""
    upper = layout.upper.copy()
    zones, classes, _ = layout.shapes[0]
    capacity = np.bincount(layout.pair, weights=x, minlength=zones * classes).reshape(zones, classes)
    use = layout.part(upper, 0)
    use += layout.run_share * capacity[:, :, None]
    value = 0.5 * upper
    row_slack = np.maximum(layout.capacity - layout.rows @ x, 1e-9 * np.maximum(np.abs(layout.capacity), 1e-3))
    product = float(np.mean(value))
    price = np.broadcast_to(layout.start_price, (zones, layout.hours)).copy()
    worth = np.broadcast_to(layout.start_price, layout.shapes[5]).copy()
    duals = product / value
    return State(
        layout=layout,
        value=value,
        slack=value.copy(),
        lower_dual=duals,
        upper_dual=duals.copy(),
        x=x.copy(),
        x_dual=product / x,
        row_slack=row_slack,
        row_dual=product / row_slack,
        price=price,
        worth=worth,
    )
