"""The coins of a vault in the steps in which they are moved: bounded, of one purpose, holds stretched little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.fee import FeeTerms, fee_for_weight
from zakhira.custody.standardness import MAX_STANDARD_WEIGHT, transaction_weight
from zakhira.custody.weight import VAULT_SCRIPT_BYTES

_COUNT_WEIGHT = 8
"""What the count of inputs may grow by: from one byte to three (BIP-141 weight)."""


def move_steps(coins: Iterable[SpendableCoin], terms: FeeTerms, step_sats: int) -> Iterator[tuple[SpendableCoin, ...]]:
    """Runs of coins of one purpose within the amount (unless one coin alone is more), the weight and the fee's ceiling.

    Of coins that are joined the latest hold wins. Coins therefore go in the order of their holds, the free ones first:
    a move to another vault freezes for longer only what fills up the step in which one hold follows another.
    """
    step: list[SpendableCoin] = []
    weight = held_sats = 0
    frame = transaction_weight((), (VAULT_SCRIPT_BYTES,)) + _COUNT_WEIGHT
    for coin in sorted(coins, key=_order):
        weight, held_sats = weight + coin.input_weight, held_sats + coin.amount_sats
        is_full = (
            held_sats > step_sats
            or weight > MAX_STANDARD_WEIGHT
            or fee_for_weight(terms.rate_sat_per_kvb, weight) > terms.limits.fee_limit_sats
        )
        if step and (is_full or coin.purpose != step[0].purpose):
            yield tuple(step)
            step = []
        if not step:
            weight, held_sats = frame + coin.input_weight, coin.amount_sats
        step.append(coin)
    if step:
        yield tuple(step)


def _order(coin: SpendableCoin) -> tuple[str, date, int, str]:
    return coin.purpose, coin.lot_hold_until or date.min, coin.height, coin.outpoint
