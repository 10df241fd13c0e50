"""Coins chosen for payments: one vault, one purpose, no coin under a hold, the least waste."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from zakhira.custody.coin_request import CoinRequest, Selection, SpendableCoin
from zakhira.custody.least_waste import Frame, Purse, Weighing
from zakhira.custody.refusals import NothingToSpend, TooHeavy
from zakhira.custody.spend_refusals import CoinOnHold, MixedPurposes, NotEnoughCoins, Shortfall, UnusableInput


def choose_coins(coins: Iterable[SpendableCoin], request: CoinRequest, rng: np.random.Generator) -> Selection:
    """The coins for these payments at the least waste; on equal waste without change, then fewer coins.

    Looked at: combinations without change (branch and bound), the biggest coins first, the smallest single coin that
    does, and random draws. Change that is not worth having goes to the fee. The same coins (in any order), request and
    random stream give the same choice. The vault's own unconfirmed change is taken only where confirmed coins will not
    do.

    Raises:
        NotEnoughCoins: the spendable coins do not cover payments and fee; says where the rest is.
        MixedPurposes: no purpose is given and the coins have several, or named coins do.
        CoinOnHold, UnusableInput, NothingToSpend: a named coin may not or cannot be taken, or is named twice.
        TooHeavy: the coins cover it, yet not within ``max_weight``.
        FeeAboveCeiling: every choice pays more than the ceilings.
    """
    told = tuple(coin for coin in coins if coin.vault == request.vault)
    if request.may_spend_unconfirmed_change:
        try:
            return _choose(told, replace(request, may_spend_unconfirmed_change=False), rng)
        except (NotEnoughCoins, TooHeavy, UnusableInput):
            pass
    return _choose(told, request, rng)


def is_held(coin: SpendableCoin, on: date) -> bool:
    """Whether a coin's hold still runs: it is free from the day of the hold itself."""
    return coin.lot_hold_until is not None and on < coin.lot_hold_until


def _choose(told: Sequence[SpendableCoin], request: CoinRequest, rng: np.random.Generator) -> Selection:
    named = _named_coins(told, request)
    purpose = _purpose_of(named or told, request)
    sorted_out = _sort_out(told, purpose, request)
    may_add = request.may_add_coins or not request.inputs
    free = [coin for coin in sorted_out.usable if coin.outpoint not in request.inputs] if may_add else []
    weights = [coin.input_weight for coin in (*named, *free)]
    fitting = max(1, request.max_weight // min(weights, default=1))
    purse = Purse(free, request.terms)
    weighing = Weighing(Frame(request, min(len(weights), fitting)), named, purse, purpose)
    if weighing.lacking_sats > purse.value_sats or not (named or purse.coins):
        raise _shortage(weighing, sorted_out)
    return weighing.best(rng)


@dataclass
class _SortedOut:
    """The coins that may be taken, and the sums of those that may not, by the reason."""

    usable: list[SpendableCoin] = field(default_factory=list)
    on_hold: Counter[date] = field(default_factory=Counter)
    purposes: Counter[str] = field(default_factory=Counter)
    unconfirmed_sats: int = 0
    other_lots_sats: int = 0


def _is_settled(coin: SpendableCoin, request: CoinRequest) -> bool:
    return coin.height > 0 or (coin.is_own_unconfirmed_change and request.may_spend_unconfirmed_change)


def _sort_out(told: Iterable[SpendableCoin], purpose: str, request: CoinRequest) -> _SortedOut:
    found = _SortedOut()
    for coin in told:
        if coin.purpose != purpose:
            found.purposes[coin.purpose] += coin.amount_sats
        elif request.lots and coin.lot not in request.lots:
            found.other_lots_sats += coin.amount_sats
        elif coin.lot_hold_until is not None and is_held(coin, request.on) and not request.may_move_held:
            found.on_hold[coin.lot_hold_until] += coin.amount_sats
        elif not _is_settled(coin, request):
            found.unconfirmed_sats += coin.amount_sats
        else:
            found.usable.append(coin)
    return found


def _purpose_of(coins: Iterable[SpendableCoin], request: CoinRequest) -> str:
    """The one purpose of these coins, or the one that was asked for."""
    sums: Counter[str] = Counter()
    for coin in coins:
        if not request.lots or coin.lot in request.lots:
            sums[coin.purpose] += coin.amount_sats
    purpose = request.purpose or next(iter(sums), "")
    if set(sums) - {purpose} and (request.inputs or not request.purpose):
        listed = ", ".join(f"{sats} sat for {name or 'no purpose'}" for name, sats in sorted(sums.items()))
        asked = f" The spend is for {request.purpose}." if request.purpose else ""
        raise MixedPurposes(
            f"Coins of several purposes are never spent together: {listed}.{asked}",
            "Name one purpose, or name coins of one purpose.",
            sorted(sums.items()),
        )
    return purpose


def _named_coins(told: Iterable[SpendableCoin], request: CoinRequest) -> tuple[SpendableCoin, ...]:
    """The coins that the request names, each fit to be spent."""
    if len(set(request.inputs)) < len(request.inputs):
        raise NothingToSpend("A coin is named twice.", "Name each coin once.")
    wanted = set(request.inputs)
    by_outpoint = {coin.outpoint: coin for coin in told if coin.outpoint in wanted} if wanted else {}
    for outpoint in request.inputs:
        _require_usable(outpoint, by_outpoint.get(outpoint), request)
    return tuple(by_outpoint[outpoint] for outpoint in request.inputs)


def _require_usable(outpoint: str, coin: SpendableCoin | None, request: CoinRequest) -> None:
    if coin is None:
        raise UnusableInput(
            f"The coin {outpoint} is not among the unspent coins of vault {request.vault}.",
            "Name coins that the vault holds.",
        )
    if request.lots and coin.lot not in request.lots:
        raise UnusableInput(f"The coin {outpoint} is of lot {coin.lot}, which was not asked for.", "Name its lot.")
    if not _is_settled(coin, request):
        raise UnusableInput(f"The coin {outpoint} is not in a block yet.", "Wait until it is confirmed.")
    if is_held(coin, request.on) and not request.may_move_held:
        raise CoinOnHold(
            f"The coin {outpoint} of {coin.amount_sats} sat is on hold until {coin.lot_hold_until}.",
            "Leave it where it is, or move it inside the vaults, where its hold goes with it.",
        )


def _shortage(weighing: Weighing, found: _SortedOut) -> NotEnoughCoins:
    request, purse = weighing.request, weighing.purse
    is_fixed = bool(request.inputs) and not request.may_add_coins
    shortfall = Shortfall(
        missing_sats=weighing.lacking_sats - purse.value_sats,
        spendable_sats=weighing.named_value_sats + purse.value_sats,
        on_hold=tuple(sorted(found.on_hold.items())),
        other_purposes=tuple(sorted(found.purposes.items())),
        unconfirmed_sats=found.unconfirmed_sats,
        other_lots_sats=found.other_lots_sats,
        not_worth_sats=purse.not_worth_sats,
    )
    aim = f" for {weighing.purpose}" if weighing.purpose else ""
    which = "The named coins" if is_fixed else f"The spendable coins of vault {request.vault}{aim}"
    return NotEnoughCoins(
        f"{which} are worth {shortfall.spendable_sats} sat after the fees of spending them; "
        f"{weighing.frame.least_sats} sat are needed for the payments and the rest of the fee: "
        f"{shortfall.missing_sats} sat are missing.{shortfall}",
        "Name more coins." if is_fixed else "Pay less, pay later, or bring coins of this purpose in.",
        shortfall,
    )
