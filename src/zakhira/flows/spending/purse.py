"""The coins of a vault that a spend may choose from: followed, judged, settled, and nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from zakhira.custody.checks import vault_named
from zakhira.custody.coin import Address, Coin
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.descriptor import derive_address
from zakhira.custody.weight import input_weight
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, OWN, CoinPaper, coin_papers, paper_of
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.spending.maturity import is_open, not_mature
from zakhira.flows.spending.refusals import CoinsTaken
from zakhira.flows.spending.spend import SpentCoin, TreasurySpend
from zakhira.flows.spending.spend_line import spend_lines, taken_coins
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.programme.model import Vault

ALL_COINS = 10_000_000
"""More coins than a vault will ever have: a page without an end."""
USABLE = frozenset({ANNOUNCED, OWN})


@dataclass(frozen=True)
class Purse:
    """Coins of one vault with their papers."""

    vault: Vault
    coins: Mapping[str, tuple[WatchedCoin, CoinPaper]]
    heights: Mapping[str, int]
    """the height of each coin that lies deep enough; 0 for the others"""
    weight: int
    """of one input of the vault on the path"""

    def spendable(self, lots: Collection[str] = ()) -> list[SpendableCoin]:
        """The coins as selection wants them; coins that do not lie deep enough yet count as unconfirmed."""
        wanted = frozenset(lots)
        name = self.vault.id
        return [
            SpendableCoin(
                outpoint,
                coin.amount_sats,
                paper.purpose,
                paper.hold_until,
                self.heights[outpoint],
                self.weight,
                vault=name,
                lot=_lot_of(paper, wanted),
            )
            for outpoint, (coin, paper) in self.coins.items()
        ]

    def spent(self, outpoints: Iterable[str], chain: str) -> tuple[SpentCoin, ...]:
        """These coins as a version records them."""
        return tuple(self._spent(outpoint, chain) for outpoint in outpoints)

    def _spent(self, outpoint: str, chain: str) -> SpentCoin:
        coin, paper = self.coins[outpoint]
        return SpentCoin(
            Coin(outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.block_hash),
            _place(self.vault, coin.branch, coin.place, chain),
            paper.purpose,
            paper.lots,
            paper.hold_until,
            self.weight,
        )


@cache
def _place(vault: Vault, branch: int, index: int, chain: str) -> Address:
    return derive_address(vault, branch, index, chain)


def _lot_of(paper: CoinPaper, wanted: frozenset[str]) -> str:
    """The lot that selection looks at: of a coin of several lots the one that is not wanted, if there is one."""
    others = [lot for lot in paper.lots if lot not in wanted]
    return others[0] if others else paper.lots[0]


def open_purse(
    treasury: Treasury, vault_id: str, path: str, named: Collection[str] = (), own: Collection[str] = ()
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
    pairs = _named(treasury, vault_id, named) if named else _all(treasury, vault_id)
    span = treasury.coins.span()
    tip = span.height if span else -1
    coins = {coin.outpoint: (coin, paper) for coin, paper in pairs if coin.outpoint not in foreign}
    if not named:
        coins = _open_coins(vault, path, coins, tip)
    depth = treasury.depth
    heights = {
        outpoint: coin.height
        if coin.confirmations_at(tip) >= depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
        else 0
        for outpoint, (coin, _) in coins.items()
    }
    return Purse(vault, coins, heights, input_weight(vault, path))


def _open_coins(
    vault: Vault, path: str, coins: Mapping[str, tuple[WatchedCoin, CoinPaper]], tip: int
) -> dict[str, tuple[WatchedCoin, CoinPaper]]:
    """Those that the path is open for; raises NotMature if there are others alone."""
    found = {outpoint: item for outpoint, item in coins.items() if is_open(vault, path, item[0].height, tip)}
    if coins and not found:
        oldest = min((coin for coin, _ in coins.values()), key=lambda coin: coin.height)
        raise not_mature(vault, oldest.outpoint, oldest.height, tip)
    return found


def _all(treasury: Treasury, vault_id: str) -> Iterable[tuple[WatchedCoin, CoinPaper]]:
    papers = coin_papers(treasury.books)
    for coin in treasury.coins.page(vault_id, limit=ALL_COINS):
        paper = papers.get(coin.outpoint)
        if paper is not None and paper.state in USABLE:
            yield coin, paper


def _named(treasury: Treasury, vault_id: str, outpoints: Collection[str]) -> Iterable[tuple[WatchedCoin, CoinPaper]]:
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
