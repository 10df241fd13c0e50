"""What stands behind claims in coin, for the twin of the books: coins of its chain against claims of its ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    proven: int = 0
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
            suspense=self.suspense,
            encumbered=0,
            held=0,
            outgoing=0,
            demand=self.demand,
            term=self.term,
            is_halted=self.is_halted,
        )

    def after(self, ledger: LedgerFold, write: Write, chain: ChainFold) -> CoinStock:
        """The stock after a write on these books, with the chain as it is then.

        Raises:
            CreditsHalted: claims rise while the credits are halted.
            ClaimsAboveBacking: claims rise above what stands behind them.
        """
        added = self._claims(ledger, write)
        made = replace(
            self,
            proven=_proven(chain, self.depth) if write.coin_events else self.proven,
            suspense=self.suspense + added[SUSPENSE],
            demand=self.demand + added[DEMAND],
            term=self.term + added[TERM],
        )
        if self.depth is None:
            return made
        deficit = made.backing.deficit
        if made.demand > self.demand or made.demand + made.term > self.demand + self.term:
            if self.is_halted:
                raise CreditsHalted("Credits in BTC are halted.", "See why: zakhira ledger backing DIR")
            if deficit:
                raise ClaimsAboveBacking(
                    f"{made.demand + made.term} sat would be owed, and {made.backing.available} sat stand behind it.",
                    "Credit less, or wait until further coins are proven; nothing was written.",
                )
        return replace(made, is_halted=deficit > 0)

    def _claims(self, ledger: LedgerFold, write: Write) -> dict[str, int]:
        """What the entries add to claims of each class, in satoshi."""
        added = {DEMAND: 0, TERM: 0, SUSPENSE: 0}
        for code, units in tally(write.entries).accounts.items():
            claim = claim_of(ledger.accounts[code].spec)
            if claim:
                added[claim] -= units
        return added


def _proven(chain: ChainFold, depth: int | None) -> int:
    """The unspent coins of the followed chain that lie deep enough, in satoshi."""
    if depth is None or not chain.blocks:
        return 0
    deepest = max(chain.blocks) - depth + 1
    return sum(coin.amount_sats for coin in chain.coins.values() if not coin.spent_by and coin.height <= deepest)
