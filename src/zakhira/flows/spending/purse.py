"""The coins of a vault that a spend may choose from: followed, judged, settled, and nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from zakhira.custody.checks import vault_named
from zakhira.custody.coin import RECOVERY, Address, Coin
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.descriptor import derive_address
from zakhira.custody.weight import input_weight
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, OWN, CoinPaper, paper_of
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.spending.maturity import is_open, not_mature
from zakhira.flows.spending.refusals import CoinsTaken
from zakhira.flows.spending.spend import SpentCoin, TreasurySpend
from zakhira.flows.spending.spend_line import spend_lines, taken_coins
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.programme.model import Vault

USABLE = (ANNOUNCED, OWN)
_SEVERAL_LOTS = "several lots"


@dataclass(frozen=True)
class Purse:
    """Coins of one vault as selection wants them; those that do not lie deep enough count as unconfirmed."""

    treasury: Treasury
    vault: Vault
    weight: int
    """of one input of the vault on the path"""
    coins: tuple[SpendableCoin, ...]

    def spent(self, outpoints: Collection[str]) -> tuple[SpentCoin, ...]:
        """These coins, in this order, with all that a version records of them."""
        found = {coin.outpoint: (coin, paper) for coin, paper in _told(self.treasury, self.vault.id, outpoints)}
        return tuple(self._spent(*found[outpoint]) for outpoint in outpoints)

    def _spent(self, coin: WatchedCoin, paper: CoinPaper) -> SpentCoin:
        return SpentCoin(
            Coin(coin.outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.block_hash),
            _place(self.vault, coin.branch, coin.place, self.treasury.chain),
            paper.purpose,
            paper.lots,
            paper.hold_until,
            self.weight,
        )


@cache
def _place(vault: Vault, branch: int, index: int, chain: str) -> Address:
    return derive_address(vault, branch, index, chain)


def open_purse(
    treasury: Treasury,
    vault_id: str,
    path: str,
    *,
    named: Collection[str] = (),
    own: Collection[str] = (),
    lots: Collection[str] = (),
) -> Purse:
    """The coins of a vault: all that may be chosen, or the named ones alone.

    Coins in suspense, lost or not judged yet are never among them, and neither are coins of other spends under way;
    those of ``own`` spends are (the spend itself, and the one that it takes home). On the recovery path coins that are
    too young for it are not chosen; a named one is left to the builder, which refuses it.

    Raises:
        CoinsTaken: a named coin is part of another spend that is under way.
        NotMature: the vault has coins, and all are too young for the recovery path.
        UnknownVault: there is no such vault.
    """
    vault = vault_named(policy_in_force(treasury), vault_id)
    lines = spend_lines(treasury.books)
    # Whatever takes one of them home competes for the same coins on purpose.
    allowed = {*own, *(line.id for line in lines.values() if line.replaces in own)}
    foreign = {outpoint: others for outpoint, ids in taken_coins(lines).items() if (others := set(ids) - allowed)}
    clash = sorted(set(named) & set(foreign))
    if clash:
        raise CoinsTaken(
            f"The coin {clash[0]} is part of {', '.join(sorted(foreign[clash[0]]))}.",
            "Name other coins, or end that spend first.",
        )
    weight = input_weight(vault, path)
    coins = _named(treasury, vault_id, weight, named) if named else _all(treasury, vault_id, weight, lots)
    free = tuple(coin for coin in coins if coin.outpoint not in foreign)
    return Purse(treasury, vault, weight, free if named or path != RECOVERY else _open_coins(treasury, vault, free))


def _open_coins(treasury: Treasury, vault: Vault, coins: tuple[SpendableCoin, ...]) -> tuple[SpendableCoin, ...]:
    """Those that the recovery path is open for; raises NotMature if there are others alone."""
    span = treasury.coins.span()
    tip_height = span.height if span else -1
    found = tuple(coin for coin in coins if coin.height and is_open(vault, RECOVERY, coin.height, tip_height))
    if coins and not found:
        oldest = min(coins, key=lambda coin: coin.height or tip_height + 1)
        raise not_mature(vault, oldest.outpoint, oldest.height or tip_height + 1, tip_height)
    return found


def _all(treasury: Treasury, vault_id: str, weight: int, lots: Collection[str]) -> Iterator[SpendableCoin]:
    """Every usable coin. A vault may have a hundred thousand: what only chosen coins need is read later."""
    wanted = frozenset(lots)
    days: dict[str, date | None] = {"": None}
    for outpoint, amount_sats, height, purpose, hold, lot, is_of_lots in treasury.coins.papered(
        vault_id, COIN_PAPER, USABLE, treasury.depth, tuple(lots)
    ):
        if hold not in days:
            days[hold] = date.fromisoformat(hold)
        shown = lot if is_of_lots or lot not in wanted else _SEVERAL_LOTS
        yield SpendableCoin(
            outpoint,
            amount_sats,
            purpose,
            days[hold],
            height,
            weight,
            False,
            vault_id,
            shown,
        )


def _named(treasury: Treasury, vault_id: str, weight: int, outpoints: Collection[str]) -> Iterator[SpendableCoin]:
    span, depth = treasury.coins.span(), treasury.depth
    tip = span.height if span else -1
    for coin, paper in _told(treasury, vault_id, outpoints):
        is_deep = coin.confirmations_at(tip) >= depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
        yield SpendableCoin(
            coin.outpoint,
            coin.amount_sats,
            paper.purpose,
            paper.hold_until,
            coin.height if is_deep else 0,
            weight,
            vault=vault_id,
            lot=paper.lots[0] if len(paper.lots) == 1 else _SEVERAL_LOTS,
        )


def _told(treasury: Treasury, vault_id: str, outpoints: Collection[str]) -> Iterable[tuple[WatchedCoin, CoinPaper]]:
    """Coins with their papers, as far as they are unspent, of this vault and usable."""
    bodies = treasury.books.bodies(COIN_PAPER, list(outpoints))
    for outpoint in outpoints:
        coin, body = treasury.coins.coin(outpoint), bodies.get(outpoint)
        if coin is None or body is None or coin.vault != vault_id or coin.spent_by:
            continue
        paper = paper_of(outpoint, body)
        if paper.state in USABLE:
            yield coin, paper


def own_ids(spend: TreasurySpend) -> frozenset[str]:
    """The spends whose coins this one may use: itself, and the one that it takes home."""
    return frozenset({spend.id, spend.instruction.replaces} - {""})
