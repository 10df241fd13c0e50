"""What reconciliation has against payouts, asked with the programme's amounts and the officers in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zakhira.flows.governing.acts import authority_of
from zakhira.flows.ports.books import Books
from zakhira.flows.reconciling.halts import HaltTerms, payout_halts
from zakhira.programme.model import Programme


def halt_terms(books: Books, programme: Programme, now: datetime) -> HaltTerms:
    """From which amounts payouts halt, and whose word counts at ``now`` (UTC)."""
    return HaltTerms(programme.reconciliation, authority_of(books, programme.policy, now))


@dataclass(frozen=True)
class ReconciledHalts:
    """The sentences that a payout desk asks for; see ``flows.paying.desk.Halts``."""

    programme: Programme
    now: datetime

    def __call__(self, books: Books, preparer: str = "", /) -> Sequence[str]:
        """Why no payout that ``preparer`` prepared may go out."""
        return payout_halts(books, halt_terms(books, self.programme, self.now), preparer)
