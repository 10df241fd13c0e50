"""What stands behind claims in coin, for the twin of the books: coins of its chain against claims of its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from zakhira.flows.coin_papers import COIN_PAPER
from zakhira.flows.ports.backing_records import CREDITS_RESUMED
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.coin_fold import ChainFold
from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.money import Commodity
from zakhira.ledger.balances import tally
from zakhira.ledger.chart import DEMAND, SUSPENSE, TERM, claim_of
from zakhira.ledger.faults import ClaimsAboveBacking, CreditsHalted
from zakhira.ledger.fold import LedgerFold


@dataclass(frozen=True)
class CoinStock:
    """Proven coins and claims, in satoshi. ``depth`` None: nothing is held against anything.

    It knows no encumbrance, no hold and no spend of ours on its way: those are the database's.
    """

    depth: int | None
    deep: frozenset[str] = frozenset()
    """coins that were deep enough once and whose block is on the followed chain"""
    judged: frozenset[str] = frozenset()
    """coins of which a paper says where they are from"""
    proven: int = 0
    unjudged: int = 0
    suspense: int = 0
    demand: int = 0
    term: int = 0
    is_halted: bool = False

    @property
    def backing(self) -> Backing:
        """The same as the port tells it."""
        return Backing(
            Commodity.BTC,
            proven=self.proven,
            own_change=0,
            suspense=self.suspense + self.unjudged,
            encumbered=0,
            held=0,
            outgoing=0,
            demand=self.demand,
            term=self.term,
            is_halted=self.is_halted,
        )

    @property
    def gap(self) -> int:
        """By how much claims are above what stands behind them; below 0 there is room."""
        available = self.backing.available
        owed = self.demand + self.term
        return owed - available if owed else min(-available, 0)

    def after(self, ledger: LedgerFold, write: Write, chain: ChainFold) -> CoinStock:
        """The stock after a write on these books, with the chain as it is then.

        Raises:
            CreditsHalted: claims rise while the credits are halted.
            ClaimsAboveBacking: claims rise above what stands behind them.
        """
        added = self._claims(ledger, write)
        made = replace(
            self,
            suspense=self.suspense + added[SUSPENSE],
            demand=self.demand + added[DEMAND],
            term=self.term + added[TERM],
        )
        if self.depth is None:
            return made
        made = _counted(made, write, chain, self.depth)
        is_ours = (made.demand, made.term) != (self.demand, self.term)
        if self.is_halted and made.demand + made.term > self.demand + self.term:
            raise CreditsHalted("Credits in BTC are halted.", "See why: zakhira ledger backing DIR")
        if is_ours and made.gap > 0 and made.gap > self.gap:
            raise ClaimsAboveBacking(
                f"{made.demand + made.term} sat would be owed, and {made.backing.available} sat stand behind it.",
                "Credit less, or wait until further coins are proven; nothing was written.",
            )
        if made.gap <= 0 and any(record.kind == CREDITS_RESUMED for record in write.records):
            return replace(made, is_halted=False)
        return replace(made, is_halted=self.is_halted or made.gap > max(0, self.gap))

    def _claims(self, ledger: LedgerFold, write: Write) -> dict[str, int]:
        """What the entries add to claims of each class, in satoshi."""
        added = {DEMAND: 0, TERM: 0, SUSPENSE: 0}
        for code, units in tally(write.entries).accounts.items():
            claim = claim_of(ledger.accounts[code].spec)
            if claim:
                added[claim] -= units
        return added


def _counted(stock: CoinStock, write: Write, chain: ChainFold, depth: int) -> CoinStock:
    """The stock with the coins as they are on the chain after a write."""
    papers = {
        record.id: cast("Mapping[str, str]", record.body) for record in write.records if record.kind == COIN_PAPER
    }
    lost = {name for name, body in papers.items() if body["state"] == "lost"}
    judged = (stock.judged | papers.keys()) - lost
    deepest = max(chain.blocks, default=0) - depth + 1
    deep = frozenset(name for name, coin in chain.coins.items() if name in stock.deep or coin.height <= deepest)
    unspent = {name: chain.coins[name].amount_sats for name in deep if not chain.coins[name].spent_by}
    unjudged = sum(amount for name, amount in unspent.items() if name not in judged)
    return replace(stock, deep=deep, judged=judged, proven=sum(unspent.values()), unjudged=unjudged)
