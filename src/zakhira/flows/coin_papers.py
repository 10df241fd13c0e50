"""What is known of each coin of the vaults: why it is there, by whom, of which lots, and until when it is held.

A coin has a paper once it is judged: announced (somebody reserved the address for it), own (a spend of ours made it),
or in suspense (nobody announced it). A coin that a reorganisation took away is lost until it is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from zakhira.flows.ports.books import Books, Record
from zakhira.kernel.canonical import Json
from zakhira.ledger import chart

COIN_PAPER = "coin paper"
"""Kind of the records of judged coins; the id is the outpoint."""
OWN_TRANSACTION = "own transaction"
"""Kind of the records of transactions that a spend of ours may send; the id is the txid, known before any signature."""

ANNOUNCED, OWN, SUSPENSE, LOST = "announced", "own", "suspense", "lost"

SUSPENSE_ACCOUNT = chart.SUSPENSE_ACCOUNT
FEES_ACCOUNT = "expenses:network-fees"
UNEXPLAINED_ACCOUNT = "expenses:unexplained-spends"


def vault_account(vault: str) -> str:
    """The ledger's account of a vault."""
    return f"assets:vault:{vault}"


def arrivals_account(purpose: str) -> str:
    """Where coins that arrive for a purpose are earned."""
    return f"income:arrivals:{purpose}"


def spends_account(purpose: str) -> str:
    """Where coins that leave the vaults for a purpose are spent."""
    return f"expenses:spends:{purpose}"


@dataclass(frozen=True)
class CoinPaper:
    """What is known of one coin. ``lots`` are the outpoints as which its satoshi first arrived."""

    outpoint: str
    state: str
    purpose: str
    lots: tuple[str, ...]
    hold_until: date | None
    source: str
    """in words: who paid it, or which spend made it"""
    reference: str
    """id of the reservation or of the spend; empty in suspense"""
    flags: tuple[str, ...] = ()
    """what was noticed: reuse, late, dust, poisoning, other amount ..."""

    @property
    def record(self) -> Record:
        """The record of this paper."""
        body: Json = {
            "state": self.state,
            "purpose": self.purpose,
            "lots": list(self.lots),
            "hold_until": self.hold_until.isoformat() if self.hold_until else "",
            "source": self.source,
            "reference": self.reference,
            "flags": list(self.flags),
        }
        return Record(COIN_PAPER, self.outpoint, body)


@dataclass(frozen=True)
class OwnTransaction:
    """A transaction that a spend of ours was built as: what it makes inherits purpose, lots and hold."""

    txid: str
    spend: str
    purpose: str
    lots: tuple[str, ...]
    hold_until: date | None

    @property
    def record(self) -> Record:
        """The record of this transaction."""
        body: Json = {
            "spend": self.spend,
            "purpose": self.purpose,
            "lots": list(self.lots),
            "hold_until": self.hold_until.isoformat() if self.hold_until else "",
        }
        return Record(OWN_TRANSACTION, self.txid, body)


def _day(text: Json) -> date | None:
    return date.fromisoformat(str(text)) if text else None


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(cast("list[str]", value))


def paper_of(outpoint: str, body: Json) -> CoinPaper:
    """The paper that :attr:`CoinPaper.record` wrote."""
    told = cast("Mapping[str, Json]", body)
    return CoinPaper(
        outpoint,
        str(told["state"]),
        str(told["purpose"]),
        _texts(told["lots"]),
        _day(told["hold_until"]),
        str(told["source"]),
        str(told["reference"]),
        _texts(told["flags"]),
    )


def own_transaction(books: Books, txid: str) -> OwnTransaction | None:
    """The spend of ours that was built as this transaction, or None."""
    body = books.latest(OWN_TRANSACTION, txid)
    if body is None:
        return None
    told = cast("Mapping[str, Json]", body)
    return OwnTransaction(
        txid, str(told["spend"]), str(told["purpose"]), _texts(told["lots"]), _day(told["hold_until"])
    )


def coin_papers(books: Books) -> Mapping[str, CoinPaper]:
    """Every coin's newest paper, by outpoint."""
    return {outpoint: paper_of(outpoint, body) for outpoint, body in books.records(COIN_PAPER).items()}
