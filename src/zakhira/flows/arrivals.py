"""Coins that arrive in intake are credited once, when they have enough confirmations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zakhira.custody.coin import Coin
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper
from zakhira.flows.machinery import Machinery
from zakhira.flows.payments import Output, PoolPayment, recorded_payments
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure
from zakhira.ledger.entry import Lot
from zakhira.programme.model import Programme
from zakhira.settlement.entries import royalty_entry

ARRIVAL = "arrival"
"""Kind of the records of credited coins; the id is the outpoint."""
ROYALTY = "royalty"
"""The purpose on the papers of these coins."""


class ArrivalDiffers(OutsideFailure):
    """A coin arrived at a reserved address with another amount than its pool was to pay."""

    code = "ZK-FLOWS-002"


@dataclass(frozen=True)
class Expected:
    """What an intake address was reserved for."""

    payment: PoolPayment
    output: Output


def expected_arrivals(payments: tuple[PoolPayment, ...]) -> Mapping[str, Expected]:
    """The royalty outputs of all signed payments, by script."""
    return {o.script_hex: Expected(p, o) for p in payments for o in p.outputs if o.is_royalty}


def credit_arrivals(machinery: Machinery, programme: Programme, now: datetime) -> int:
    """Credit every confirmed coin in intake that was announced and not credited yet; return the satoshis credited.

    Coins that nobody announced are left alone: they show as a difference between node and ledger.

    Raises:
        ArrivalDiffers: a coin's amount is not the announced one.
    """
    expected = expected_arrivals(recorded_payments(machinery.books))
    height, _ = machinery.chain.tip()
    credited = 0
    for coin in machinery.chain.coins(programme.policy.vault("intake").id):
        announced = expected.get(coin.script_hex)
        if announced and height - coin.height + 1 >= programme.policy.confirmations:
            credited += _credit(machinery, programme, coin, announced, now)
    return credited


def _credit(machinery: Machinery, programme: Programme, coin: Coin, announced: Expected, now: datetime) -> int:
    key = f"arrival/{coin.outpoint}"
    if machinery.books.done(key) is not None:
        return 0
    if coin.amount_sats != announced.output.amount_sats:
        raise ArrivalDiffers(
            f"{coin.outpoint} holds {coin.amount_sats} sat, payment {announced.payment.id} was to bring "
            f"{announced.output.amount_sats} sat.",
            "Ask the pool; the coin stays uncredited until its papers agree.",
        )
    source = f"royalty of {announced.output.licensee}, day {announced.payment.day}, paid by {announced.payment.pool}"
    licensee, mined_on = announced.output.licensee, announced.payment.day
    entry = royalty_entry(
        licensee, mined_on, Lot(coin.outpoint, source), coin.amount_sats, programme.policy.community_share, now
    )
    body: Json = {
        "day": mined_on,
        "payment": announced.payment.id,
        "amount_sats": coin.amount_sats,
        "height": coin.height,
    }
    # Only a coin of which a paper says where it is from stands behind the claim that comes with it.
    paper = CoinPaper(coin.outpoint, ANNOUNCED, ROYALTY, (coin.outpoint,), None, source, announced.payment.id)
    records = (Record(ARRIVAL, coin.outpoint, body), paper.record)
    machinery.books.commit(Write(key, "watcher", "credit arrival", now, entries=(entry,), records=records))
    return coin.amount_sats
