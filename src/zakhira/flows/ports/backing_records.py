"""Records that the backing follows from, beside papers of coins, own transactions and movements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from zakhira.flows.coin_papers import COIN_PAPER, SUSPENSE_ACCOUNT
from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity

if TYPE_CHECKING:
    from zakhira.flows.ports.books import Record, Write
    from zakhira.ledger.entry import Entry

PROOF_DEPTH = "proof depth"
"""Kind of the record that says how deep a coin must lie before it counts (id ``BTC``): the watcher's alone."""
ENCUMBRANCE = "encumbrance"
"""Kind of the records of coins that are pledged; anybody raises one, the watcher alone lifts it."""
CREDITS_RESUMED = "credits resumed"
"""Kind of the records that let credits in again after a deficit (id ``BTC``): the watcher's alone."""

Fields = Mapping[str, Json]


def depth_body(depth: Depth) -> Json:
    """The body of the record of kind ``proof depth``."""
    return {
        "amounts_sats": list(depth.amounts_sats),
        "confirmations": list(depth.confirmations),
        "coinbase_confirmations": depth.coinbase_confirmations,
    }


@dataclass(frozen=True)
class Encumbrance:
    """Coins that somebody else has a right to, so that they stand behind no claim."""

    id: str
    amount: Amount
    because: str
    is_released: bool = False

    @property
    def body(self) -> Json:
        """The body of its record."""
        return {
            "commodity": self.amount.commodity.value,
            "units": str(self.amount.units),
            "because": self.because,
            "is_released": self.is_released,
        }


def encumbrance_of(name: str, body: Json) -> Encumbrance:
    """The encumbrance that :attr:`Encumbrance.body` wrote."""
    told = cast("Fields", body)
    amount = Amount(int(str(told["units"])), Commodity(told["commodity"]))
    return Encumbrance(name, amount, str(told["because"]), bool(told["is_released"]))


def needs_watcher(write: Write) -> bool:
    """Whether a write is one that the database takes from the watcher alone.

    Facts of the chain, what follows from them (papers of coins, what is in suspense), and what lets anything go.
    """
    return bool(write.coin_events) or _lifts_any(write.records) or _is_in_suspense(write.entries)


def _is_in_suspense(entries: Sequence[Entry]) -> bool:
    return SUSPENSE_ACCOUNT in {posting.account for entry in entries for posting in entry.postings}


def _lifts_any(records: Sequence[Record]) -> bool:
    return any(
        record.kind in {COIN_PAPER, PROOF_DEPTH, CREDITS_RESUMED}
        or (record.kind == ENCUMBRANCE and cast("Fields", record.body).get("is_released") is not False)
        for record in records
    )
