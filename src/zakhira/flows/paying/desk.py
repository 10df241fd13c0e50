"""What use cases of payouts are handed, and the authority in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from zakhira.controls.acts.authority import Authority
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.ports.authority import SpendAuthority
from zakhira.flows.ports.bank import BankFiles
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.programme.model import Policy


class Halts(Protocol):
    """What reconciliation has against payouts."""

    def __call__(self, books: Books, preparer: str = "", /) -> Sequence[str]:
        """Why none may go out, in sentences; what ``preparer`` accepted lifts nothing."""


def no_halts(_: Books, __: str = "", /) -> Sequence[str]:
    """Nothing is off: for desks that reconcile nothing."""
    return ()


@dataclass(frozen=True)
class PayoutDesk:
    """Books, the ledger's answers and who decides; no node, so that a stop needs none.

    ``policy`` is what the programme file says now, ``now`` the moment (UTC). ``halts`` says why reconciliation lets no
    payout go out, in sentences.
    """

    books: Books
    ledger: LedgerBooks
    authority: SpendAuthority
    policy: Policy
    now: datetime
    halts: Halts = no_halts
    bank: BankFiles | None = None
    """how orders to a bank are written: what it would not take is told before anybody approves it"""

    @property
    def in_force(self) -> Authority:
        """Versions of the policy, freezes and keys as of now; raises AuthorityForged."""
        return authority_of(self.books, self.policy, self.now)
