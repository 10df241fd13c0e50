"""The paper of a coin that nobody has judged yet, from its address and its company: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.custody.address_look import address_look
from zakhira.custody.spend_refusals import BadPayment
from zakhira.custody.standardness import dust_limit_sats
from zakhira.flows.coin_papers import ANNOUNCED, SUSPENSE, CoinPaper
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.reservations import FOR_ARRIVAL, Reservation

REUSE = "reuse"
"""The address had been paid before, more often than it was reserved for."""
LATE = "late"
"""The address was replaced, or its vault retired, before the coin came."""
OTHER_AMOUNT = "other amount"
"""Not what was expected."""
DUST = "dust"
"""Below what nodes relay, or worth less than the fee to spend it: often sent to be noticed, or to link addresses."""
POISONING = "poisoning"
"""In its company stands an address that looks like one that we know and is another: copy nothing from it."""
STRAY = "stray"
"""Paid by a stranger to an address that a spend of ours reserved for itself."""
PAST = "past"
"""It came to a vault before the vault was imported, and was spent before."""

WORTH_SPENDING_SATS = 1_000
"""Spending a coin of a 3-of-5 costs about 105 vB: below this, fees of 10 sat/vB eat it all [E]."""


@dataclass(frozen=True)
class Circumstances:
    """What is known beside the coin."""

    reservation: Reservation | None
    is_vault_retired: bool
    earlier_arrivals: int
    """coins that came to the same address before"""
    company: tuple[str, ...]
    """addresses that its transaction shows beside ours"""
    known_looks: dict[str, str]
    """known addresses by how they look"""


def appraise(coin: WatchedCoin, around: Circumstances) -> CoinPaper:
    """The coin's paper: announced if somebody reserved the address for a payment and nothing is suspicious."""
    flags = tuple(_flags(coin, around))
    found = around.reservation
    lots = (coin.outpoint,)
    if found is None or found.kind != FOR_ARRIVAL or {DUST, POISONING} & set(flags):
        source = f"nobody announced it, to {coin.vault} {coin.branch}/{coin.place}"
        if found is not None:
            source += f", an address reserved for {found.payer} ({found.purpose})"
        return CoinPaper(coin.outpoint, SUSPENSE, "", lots, None, source, "", flags)
    source = f"{found.payer}, {found.purpose}{_deal_words(found)}"
    return CoinPaper(coin.outpoint, ANNOUNCED, found.purpose, lots, found.hold_until, source, found.key, flags)


def _flags(coin: WatchedCoin, around: Circumstances) -> list[str]:
    found, flags = around.reservation, []
    if _is_dust(coin):
        flags.append(DUST)
    if lookalikes(around.company, around.known_looks):
        flags.append(POISONING)
    if found is not None and found.kind != FOR_ARRIVAL:
        flags.append(STRAY)
    if around.earlier_arrivals >= max(1, 0 if found is None else found.renew_after):
        flags.append(REUSE)
    is_replaced = found is not None and 0 <= found.replaced_at < coin.height
    if around.is_vault_retired or is_replaced:
        flags.append(LATE)
    if found is not None and found.expected_sats not in {None, coin.amount_sats}:
        flags.append(OTHER_AMOUNT)
    return flags


def _is_dust(coin: WatchedCoin) -> bool:
    try:
        limit_sats = dust_limit_sats(coin.script_hex)
    except BadPayment:  # no vault has such a script
        limit_sats = 0
    return coin.amount_sats < max(limit_sats, WORTH_SPENDING_SATS)


def lookalikes(company: tuple[str, ...], known_looks: dict[str, str]) -> tuple[str, ...]:
    """Addresses of the company that look like one that is known and are another."""
    return tuple(found for found in company if known_looks.get(address_look(found), found) != found)


def _deal_words(found: Reservation) -> str:
    if found.deal is None:
        return ""
    deal = found.deal
    price = "" if deal.price is None else f" at {deal.price}"
    return f": {deal.number} of {deal.on.isoformat()} with {deal.counterparty}{price}"
