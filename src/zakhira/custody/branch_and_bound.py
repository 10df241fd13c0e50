"""Branch and bound for coins whose sum needs no change, at the least waste (Erhardt 2016)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidates:
    """Coins in falling order of value. All lists have one entry per coin.

    ``values_sats`` is what a coin brings after the fee of spending it (above 0); ``penalties_sats`` what spending it
    now costs above spending it later, below 0 when fees are low; ``weights`` what its input weighs.
    """

    values_sats: Sequence[int]
    penalties_sats: Sequence[int]
    weights: Sequence[int]


@dataclass(frozen=True)
class Window:
    """What the chosen values must sum to, and what their inputs may weigh."""

    least_sats: int
    most_sats: int
    most_weight: int


@dataclass(frozen=True)
class Found:
    """The best coins (positions, rising), or none; whether every combination was looked at or ruled out."""

    positions: tuple[int, ...] | None
    waste_sats: int
    is_exhausted: bool


class _Search:
    """Depth first, biggest coin first. A branch ends where its sum cannot reach the window or cannot beat the best.

    Each step takes the next coin that still fits under the window's top, found by bisection, so that coins that are too
    big cost nothing. A coin that was left out leaves out its equals as well: they would give the same sums again.
    """

    def __init__(self, coins: Candidates, window: Window) -> None:
        self.values, self.penalties, self.weights = coins.values_sats, coins.penalties_sats, coins.weights
        self.window = window
        self.count = len(self.values)
        self.rising = [-value for value in self.values]
        self.rest_sats = [0] * (self.count + 1)
        self.next_other = [self.count] * self.count
        for at in reversed(range(self.count)):
            self.rest_sats[at] = self.rest_sats[at + 1] + self.values[at]
            if at + 1 < self.count:
                self.next_other[at] = self.next_other[at + 1] if self._is_equal(at, at + 1) else at + 1
        self.least_penalty_sats = min(self.penalties, default=0)
        self.least_weight = min(self.weights, default=0)
        self.path: list[int] = []
        self.sum_sats = self.penalty_sats = self.weight = 0
        self.best: tuple[int, ...] | None = None
        self.best_waste_sats = 0

    def _is_equal(self, one: int, other: int) -> bool:
        return (self.values[one], self.penalties[one], self.weights[one]) == (
            self.values[other],
            self.penalties[other],
            self.weights[other],
        )

    def _can_win(self, at: int) -> bool:
        """Whether coins from ``at`` on may still reach the window, within the weight, at less waste than the best."""
        lacking_sats = self.window.least_sats - self.sum_sats
        if lacking_sats <= 0:
            # Inside the window already: another coin helps only where spending now is cheaper than later.
            return self.least_penalty_sats < 0 and self.weight + self.least_weight <= self.window.most_weight
        if self.rest_sats[at] < lacking_sats:
            return False
        least_coins = -(-lacking_sats // self.values[at])
        if self.weight + least_coins * self.least_weight > self.window.most_weight:
            return False
        if self.best is None or self.least_penalty_sats < 0:
            return True
        return self.penalty_sats + least_coins * self.least_penalty_sats < self.best_waste_sats

    def _take(self, at: int) -> None:
        self.path.append(at)
        self.sum_sats += self.values[at]
        self.penalty_sats += self.penalties[at]
        self.weight += self.weights[at]
        excess_sats = self.sum_sats - self.window.least_sats
        waste_sats = self.penalty_sats + excess_sats
        if excess_sats >= 0 and (self.best is None or waste_sats < self.best_waste_sats):
            self.best, self.best_waste_sats = tuple(self.path), waste_sats

    def _drop(self) -> int:
        at = self.path.pop()
        self.sum_sats -= self.values[at]
        self.penalty_sats -= self.penalties[at]
        self.weight -= self.weights[at]
        return at

    def run(self, tries: int) -> Found:
        at = 0
        for _ in range(tries):
            at = bisect_left(self.rising, self.sum_sats - self.window.most_sats, at)
            if at < self.count and self._can_win(at):
                if self.weight + self.weights[at] <= self.window.most_weight:
                    self._take(at)
                at += 1
            elif self.path:
                at = self.next_other[self._drop()]
            else:
                return Found(self.best, self.best_waste_sats, is_exhausted=True)
        return Found(self.best, self.best_waste_sats, is_exhausted=False)


def search(coins: Candidates, window: Window, tries: int) -> Found:
    """The coins whose values sum into the window at the least waste: penalties plus the sum's excess over its foot.

    After ``tries`` steps the best so far is returned with ``is_exhausted`` False. The window's foot is above 0.

    Source: M. Erhardt, An Evaluation of Coin Selection Strategies (2016), and the waste metric of Bitcoin Core.
    """
    assert window.least_sats > 0, "nothing is to be gathered"
    return _Search(coins, window).run(tries)
