"""The unspent coins of each vault on the followed chain against the lots of its account, outpoint by outpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from zakhira.controls.spend_state import OUT_STATES
from zakhira.flows.coin_papers import COIN_PAPER, LOST, OwnTransaction, own_transaction, paper_of, vault_account
from zakhira.flows.following import COIN_REMOVAL
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import CoinStore, FollowedSpan
from zakhira.flows.reconciling.difference import Difference, Findings, Line, Part
from zakhira.flows.reconciling.reading import read_record
from zakhira.flows.spending.spend_line import SpendLine, spend_lines
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.flows.unexplained_spends import unexplained_spends
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, sats

LATE_BLOCKS = 6
"""Blocks by which judging and booking may lag behind the depth that they wait for: an hour [E]. Then it is a case."""
_PAGE = 5_000


def chain_findings(treasury: Treasury) -> Findings:
    """Hold every vault's coins against the ledger. The chain should have been followed and judged before.

    Explained are coins that are not deep enough or not judged yet, and spends of ours on their way. A difference that a
    second look does not show again was a write in between, and is none.
    """
    span = treasury.coins.span()
    if span is None:
        return Findings(Part.CHAIN, (), (), ("No block is followed yet.",), is_whole=False)
    first = _look(treasury, span)
    if not first.unexplained:
        return first
    again = treasury.coins.span()
    return first if again is None else _look(treasury, again)


def _look(treasury: Treasury, span: FollowedSpan) -> Findings:
    lines_of = spend_lines(treasury.books)
    look = _Look(treasury, span, lines_of, _unbooked(treasury, lines_of))
    lines, differences = [], list[Difference]()
    for vault in vault_records(treasury.books):
        there = {coin.outpoint: coin for coin in _unspent(treasury.coins, vault)}
        held = {item.lot.outpoint: item.amount for item in treasury.books.lots(vault_account(vault))}
        world = sats(sum(coin.amount_sats for coin in there.values()))
        books = sats(sum(amount.units for amount in held.values()))
        lines.append(Line(vault, world, books, len(there.keys() | held.keys())))
        differences += look.vault(vault, there, held)
    return Findings(Part.CHAIN, tuple(lines), tuple(differences))


def _unspent(coins: CoinStore, vault: str) -> Iterator[WatchedCoin]:
    after = (-1, "")
    while page := coins.page(vault, after, _PAGE):
        yield from page
        after = (page[-1].height, page[-1].outpoint)


def _unbooked(treasury: Treasury, lines: Mapping[str, SpendLine]) -> dict[str, str]:
    """Coins of which the ledger still counts a spend that the followed chain does not have any more."""
    followed = treasury.coins.followed_hashes(sorted({line.height for line in lines.values() if line.height}))
    found = {
        outpoint: f"the block of spend {line.id}"
        for line in lines.values()
        if line.height and followed.get(line.height) != line.block_hash
        for outpoint in line.outpoints
    }
    for spend in unexplained_spends(treasury.books):
        coin = treasury.coins.coin(spend.outpoint)
        if coin is not None and coin.spent_by != spend.spent_by:
            found[spend.outpoint] = f"the transaction {spend.spent_by} of a stranger"
    return found


@dataclass(frozen=True)
class _Look:
    """One look at all vaults: the tip, and the spends by id."""

    treasury: Treasury
    span: FollowedSpan
    spends: Mapping[str, SpendLine]
    unbooked: Mapping[str, str]
    """coins whose spend a reorganisation took away, which is not booked yet: what spent them"""

    def vault(self, vault: str, there: Mapping[str, WatchedCoin], held: Mapping[str, Amount]) -> Iterator[Difference]:
        """The differences of one vault, by outpoint."""
        for outpoint in sorted(there.keys() | held.keys()):
            coin = there.get(outpoint)
            world = sats(coin.amount_sats if coin else 0)
            books = held.get(outpoint, sats(0))
            if world == books:
                continue
            if coin is None:
                what, why = self._not_on_chain(outpoint)
            elif not books.units:
                what, why = self._not_in_books(coin)
            else:
                what, why = "The chain and the ledger have different amounts of one coin.", ""
            yield Difference(Part.CHAIN, outpoint, vault, what, world, books, why)

    def _not_in_books(self, coin: WatchedCoin) -> tuple[str, str]:
        deep = coin.confirmations_at(self.span.height)
        own = own_transaction(self.treasury.books, _txid(coin.outpoint))
        if own is not None and coin.outpoint not in self.unbooked:
            return "The ledger lacks a coin that a spend of ours made.", self._on_its_way(
                own, _txid(coin.outpoint), deep
            )
        needed = self.treasury.depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
        what = "The ledger lacks a coin that the chain has."
        if deep < needed:
            return what, f"not deep enough yet: {deep} of {needed} confirmations"
        body = self.treasury.books.latest(COIN_PAPER, coin.outpoint)
        if coin.outpoint in self.unbooked:
            return what, f"a reorganisation took away {self.unbooked[coin.outpoint]}, which is not booked yet"
        is_judged = body is not None and paper_of(coin.outpoint, body).state != LOST
        if not is_judged and deep < needed + LATE_BLOCKS:
            return what, "not judged yet"
        return what, ""

    def _not_on_chain(self, outpoint: str) -> tuple[str, str]:
        coin = self.treasury.coins.coin(outpoint)
        if coin is None:
            return "The ledger has a coin that is not on the followed chain.", self._removed(outpoint)
        if not coin.spent_by:
            return f"The ledger has a coin in this vault that the chain has in {coin.vault}.", ""
        deep = self.span.height - coin.spent_height + 1
        own = own_transaction(self.treasury.books, coin.spent_by)
        if own is None:
            return f"The ledger has a coin that {coin.spent_by} spent, which is none of our spends.", ""
        return f"The ledger has a coin that our spend {own.spend} spent.", self._on_its_way(own, coin.spent_by, deep)

    def _on_its_way(self, own: OwnTransaction, txid: str, deep: int) -> str:
        """Why a spend of ours is in a block and not in the ledger; nothing where it should be by now."""
        line = self.spends.get(own.spend)
        if line is None or line.state not in OUT_STATES:
            return ""
        version = load_spend(self.treasury, own.spend).version(txid)
        if version is None:
            return ""
        needed = self.treasury.depth.needed(sum(item.coin.amount_sats for item in version.coins), is_coinbase=False)
        if deep >= needed + LATE_BLOCKS:
            return ""
        return f"spend {own.spend} is on its way: {deep} of {needed} confirmations"

    def _removed(self, outpoint: str) -> str:
        """Whether a reorganisation took the coin, and that is not carried into the ledger yet."""
        body = self.treasury.books.latest(COIN_REMOVAL, outpoint)
        if body is not None and read_record(COIN_REMOVAL, outpoint, body, _is_open):
            return "taken away by a reorganisation, which is not judged yet"
        own = own_transaction(self.treasury.books, _txid(outpoint))
        line = self.spends.get(own.spend) if own else None
        if line is not None and line.height:
            followed = self.treasury.coins.followed_hashes([line.height]).get(line.height)
            if followed != line.block_hash:
                return f"a reorganisation took the block of spend {line.id}, which is not booked yet"
        return ""


def _is_open(body: Json) -> bool:
    return bool(cast("Mapping[str, Json]", body)["is_open"])


def _txid(outpoint: str) -> str:
    return outpoint.partition(":")[0]
