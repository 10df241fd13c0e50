"""Choices of coins weighed against each other by the waste metric: with change, and without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from zakhira.custody.branch_and_bound import Candidates, Window, search
from zakhira.custody.coin_request import CoinRequest, Selection, SpendableCoin
from zakhira.custody.fee import VBYTES_PER_KVB, FeeTerms, fee_for_weight, input_fee, require_fee
from zakhira.custody.refusals import TooHeavy
from zakhira.custody.spend_refusals import FeeAboveCeiling
from zakhira.custody.standardness import frame_weight
from zakhira.custody.weight import SEGWIT_SCALE

RANDOM_DRAWS = 8
"""Draws of coins at random beside the search: an estimate (E); each costs one shuffle."""

Order = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Frame:
    """The parts of a request that do not depend on the coins; fees in whole satoshi, rounded up."""

    request: CoinRequest
    count_limit: int
    """The most inputs that there can be: the bytes of their count are paid for from the start."""

    @cached_property
    def weight(self) -> int:
        """Weight of everything but the inputs, without change."""
        return frame_weight(self.count_limit, self.request.output_script_bytes)

    @cached_property
    def change_weight(self) -> int:
        """What a change output adds; more than the output alone where the count of outputs grows by a byte or two."""
        sizes = (*self.request.output_script_bytes, self.request.change.script_bytes)
        return frame_weight(self.count_limit, sizes) - self.weight

    @cached_property
    def least_sats(self) -> int:
        """What the coins' values (after the fees of their inputs) must reach: payments and the fee of the frame.

        The last virtual byte of the transaction is counted whole, whatever the inputs weigh.
        """
        rounding = SEGWIT_SCALE - 1
        return self.request.target_sats + input_fee(self.request.terms.rate_sat_per_kvb, self.weight + rounding)

    @cached_property
    def change_cost_sats(self) -> int:
        """Waste of making change: its output now, and spending it later."""
        return self.change_fee_sats + self.request.change.later_fee_sats(self.request.terms)

    @cached_property
    def change_fee_sats(self) -> int:
        """What the change output costs now."""
        return input_fee(self.request.terms.rate_sat_per_kvb, self.change_weight)

    @cached_property
    def change_from_sats(self) -> int:
        """The sum of values from which there is change; below it the excess goes to the fee, so it is bounded."""
        return self.least_sats + self.change_fee_sats + self.request.change.least_sats(self.request.terms)

    @property
    def most_input_weight(self) -> int:
        """What the inputs may weigh beside the frame and a change output."""
        return self.request.max_weight - self.weight - self.change_weight


class Purse:
    """The coins that may be chosen freely, in falling order of what they are worth after the fee of spending them."""

    def __init__(self, coins: Sequence[SpendableCoin], terms: FeeTerms) -> None:
        # By outpoint first, so that the order in which coins are told never changes the choice.
        ordered = sorted(coins, key=lambda coin: coin.outpoint)
        amounts = np.array([coin.amount_sats for coin in ordered], dtype=np.int64)
        weights = np.array([coin.input_weight for coin in ordered], dtype=np.int64)
        fees = _input_fees(terms.rate_sat_per_kvb, weights)
        values, penalties = amounts - fees, fees - _input_fees(terms.long_term_sat_per_kvb, weights)
        order = np.lexsort((penalties, -values))
        order = order[values[order] > 0]
        self.coins = [ordered[at] for at in order.tolist()]
        self.values = values[order]
        self.penalties = penalties[order]
        self.weights = weights[order]
        self.value_sats = int(self.values.sum())
        self.not_worth_sats = int(amounts.sum()) - int(amounts[order].sum())

    def biggest_first(self) -> Iterator[Order]:
        """The coins by value; and by value for their weight, where they do not all weigh the same."""
        yield np.arange(len(self.coins))
        if self.weights.size and self.weights.min() < self.weights.max():
            yield np.argsort(-(self.values / self.weights), kind="stable")

    def first_that_reach(self, aim_sats: int, order: Order) -> Order | None:
        """As many coins in this order as reach the aim; None if all of them do not."""
        count = int(np.searchsorted(np.cumsum(self.values[order]), aim_sats)) + 1
        return order[:count] if count <= len(order) else None

    def smallest_that_reaches(self, aim_sats: int) -> Order | None:
        """The smallest coin that is worth the aim alone."""
        count = int(np.searchsorted(-self.values, -aim_sats, side="right"))
        return np.array([count - 1], dtype=np.intp) if count else None


def _input_fees(rate_sat_per_kvb: int, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """:func:`zakhira.custody.fee.input_fee` of each weight."""
    fees: npt.NDArray[np.int64] = -(-rate_sat_per_kvb * weights // (VBYTES_PER_KVB * SEGWIT_SCALE))
    return fees


class Weighing:
    """The named coins and a purse, weighed for one request: which choice wastes least."""

    def __init__(self, frame: Frame, named: Sequence[SpendableCoin], purse: Purse, purpose: str) -> None:
        terms = frame.request.terms
        self.frame, self.request, self.named, self.purse, self.purpose = frame, frame.request, named, purse, purpose
        now = [input_fee(terms.rate_sat_per_kvb, coin.input_weight) for coin in named]
        later = [input_fee(terms.long_term_sat_per_kvb, coin.input_weight) for coin in named]
        self.named_value_sats = sum(coin.amount_sats for coin in named) - sum(now)
        self.named_penalty_sats = sum(now) - sum(later)
        self.named_weight = sum(coin.input_weight for coin in named)
        self.lacking_sats = frame.least_sats - self.named_value_sats
        """What the purse must add; 0 or less where the named coins do."""

    def best(self, rng: np.random.Generator) -> Selection:
        """The choice of least waste; on equal waste without change, then fewer coins, then the smaller sum.

        Raises:
            TooHeavy: no choice keeps to the weight.
            FeeAboveCeiling: every choice pays more than the ceilings.
        """
        too_dear: list[tuple[int, FeeAboveCeiling]] = []
        kept: list[Selection] = []
        for choice in self._choices(rng):
            try:
                require_fee(choice.fee_sats, choice.weight, self.request.terms.limits)
            except FeeAboveCeiling as error:
                too_dear.append((choice.fee_sats, error))
            else:
                kept.append(choice)
        if kept:
            return min(kept, key=_rank)
        if too_dear:
            raise min(too_dear, key=lambda item: item[0])[1]
        raise self._too_heavy()

    def _choices(self, rng: np.random.Generator) -> Iterator[Selection]:
        if self.lacking_sats <= 0:
            yield from self._weigh(np.empty(0, dtype=np.intp), "named", is_exhausted=False)
            return
        room = self.frame.most_input_weight - self.named_weight
        if self.purse.coins and room > 0:
            yield from self._without_change(room)
        with_change_sats = self.frame.change_from_sats - self.named_value_sats
        draws = [rng.permutation(len(self.purse.coins)) for _ in range(RANDOM_DRAWS)]
        for aim_sats in (self.lacking_sats, with_change_sats):
            one = self.purse.smallest_that_reaches(aim_sats)
            if one is not None:
                yield from self._weigh(one, "one coin", is_exhausted=False)
            for method, orders in (("largest first", self.purse.biggest_first()), ("random draw", iter(draws))):
                for order in orders:
                    positions = self.purse.first_that_reach(aim_sats, order)
                    if positions is not None:
                        yield from self._weigh(positions, method, is_exhausted=False)

    def _without_change(self, room: int) -> Iterator[Selection]:
        purse, terms = self.purse, self.request.terms
        # What may go to the fee before its rate is above the ceiling, for the lightest transaction that can be.
        lightest = self.frame.weight + self.named_weight + int(purse.weights.min())
        spare_sats = fee_for_weight(terms.limits.rate_limit_sat_per_kvb, lightest) - fee_for_weight(
            terms.rate_sat_per_kvb, lightest
        )
        below_change_sats = self.frame.change_from_sats - self.frame.least_sats - 1
        window = Window(self.lacking_sats, self.lacking_sats + min(below_change_sats, spare_sats), room)
        candidates = Candidates(purse.values.tolist(), purse.penalties.tolist(), purse.weights.tolist())
        found = search(candidates, window, self.request.tries)
        if found.positions is not None:
            yield from self._weigh(np.array(found.positions), "branch and bound", is_exhausted=found.is_exhausted)

    def _weigh(self, positions: Order, method: str, *, is_exhausted: bool) -> Iterator[Selection]:
        """The transaction that these coins of the purse make beside the named ones; nothing if it is too heavy."""
        frame, purse, request = self.frame, self.purse, self.request
        coins = (*self.named, *(purse.coins[at] for at in positions.tolist()))
        value_sats = self.named_value_sats + int(purse.values[positions].sum())
        penalty_sats = self.named_penalty_sats + int(purse.penalties[positions].sum())
        inputs_weight = self.named_weight + int(purse.weights[positions].sum())
        has_change = value_sats >= frame.change_from_sats
        sizes = (*request.output_script_bytes, *([request.change.script_bytes] if has_change else []))
        weight = frame_weight(len(coins), sizes) + inputs_weight
        if weight > request.max_weight:
            return
        rest_sats = sum(coin.amount_sats for coin in coins) - request.target_sats
        fee_sats = fee_for_weight(request.terms.rate_sat_per_kvb, weight) if has_change else rest_sats
        extra_sats = frame.change_cost_sats if has_change else value_sats - frame.least_sats
        yield Selection(
            coins=tuple(sorted(coins, key=lambda coin: coin.outpoint)),
            purpose=self.purpose,
            change_sats=rest_sats - fee_sats,
            fee_sats=fee_sats,
            weight=weight,
            hold_until=latest_hold(coins),
            waste_sats=penalty_sats + extra_sats,
            method=method,
            is_exhausted=is_exhausted,
        )

    def _too_heavy(self) -> TooHeavy:
        """How much could be paid at once instead, with the biggest coins."""
        room = self.frame.most_input_weight - self.named_weight
        count = int(np.searchsorted(np.cumsum(self.purse.weights), room, side="right")) if room > 0 else 0
        return TooHeavy(
            f"{self.request.target_sats} sat in {len(self.request.output_script_bytes)} payments cannot be gathered "
            f"within a weight of {self.request.max_weight}: the {len(self.named) + count} biggest coins that fit are "
            f"worth {self.named_value_sats + int(self.purse.values[:count].sum())} sat after their fees.",
            "Pay less at once, or first gather small coins into fewer, bigger ones.",
        )


def latest_hold(coins: Sequence[SpendableCoin]) -> date | None:
    """The latest hold among coins: where lots merge, what comes back carries it."""
    return max((coin.lot_hold_until for coin in coins if coin.lot_hold_until is not None), default=None)


def _rank(choice: Selection) -> tuple[int, bool, int, int, str]:
    total_sats = sum(coin.amount_sats for coin in choice.coins)
    return choice.waste_sats, choice.change_sats > 0, len(choice.coins), total_sats, choice.coins[0].outpoint
