"""A payout as the books keep it: what is signed, its rows beside it, and how far it is out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from zakhira.controls.engine.question import Destination
from zakhira.flows.movement_record import DONE, ENDED, WAITING, MovementRecord
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.matter import Matter, Words, require_signed, words_json, words_of
from zakhira.flows.paying.refusals import PayoutForged, UnknownPayout
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Amount, Commodity
from zakhira.settlement.payouts.batch import Batch, rows_json, rows_of
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.entries import credited_account, row_entry_id
from zakhira.settlement.payouts.release import Part, parts_of
from zakhira.settlement.payouts.state import PayoutState

PAYOUT = "payout"
"""Kind of the records of payouts; the id is the payout's."""
PAYOUT_ROWS = "payout rows"
"""Kind of the records of their rows, written once; the database lets each row take from the fund once, and no other."""
PAYOUT_ACTION = "payout"


@dataclass(frozen=True)
class PayoutRecord:
    """A payout with its state. ``released`` counts the rows that are out, in the order of the batch."""

    id: str
    campaign: str
    campaign_hash: str
    batch_hash: str
    rows: int
    total: Amount
    tax: Amount
    source: str
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    signature: str = ""
    state: PayoutState = PayoutState.PREPARED
    words: Words = field(default_factory=Words)
    released: int = 0
    part_at: datetime | None = None
    """when the last part went out (UTC)"""
    rejected: tuple[str, ...] = ()
    """payees whose transfers a bank refused: their amounts are in the fund again"""

    @property
    def statement(self) -> dict[str, Json]:
        """What is signed: whoever changes a row changes the hash of the batch."""
        return {
            "id": self.id,
            "campaign": self.campaign,
            "campaign_hash": self.campaign_hash,
            "batch_hash": self.batch_hash,
            "rows": self.rows,
            "asset": self.total.commodity.value,
            "total": str(self.total.units),
            "tax": str(self.tax.units),
            "source": self.source,
            "proposed_by": self.proposer,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
        }

    @property
    def hash(self) -> str:
        """What every word names."""
        return content_hash(self.statement)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of its release."""
        return parts_of(self.rows)

    @property
    def next_part(self) -> Part | None:
        """The part that goes out next; None when all are out."""
        return next((part for part in self.parts if part.start >= self.released), None)

    def matter(self, campaign: Campaign, batch: Batch, addresses: Mapping[str, str]) -> Matter:
        """What the policy is asked: each payee is a destination, by address where coins are paid."""
        destinations = tuple(Destination(addresses.get(row.payee, row.payee), row.takes) for row in batch.rows)
        return Matter(
            PAYOUT_ACTION,
            f"payout {self.id}",
            self.hash,
            self.proposer,
            self.proposed_at,
            self.expires_at,
            self.signature,
            self.total,
            destinations,
            campaign.id,
            campaign.vault,
        )

    @property
    def record(self) -> Record:
        """The record of this state."""
        body: Json = {
            **self.statement,
            "signature": self.signature,
            "state": self.state.value,
            "words": words_json(self.words),
            "released": self.released,
            "part_at": utc_text(self.part_at) if self.part_at else "",
            "rejected": list(self.rejected),
        }
        return Record(PAYOUT, self.id, body)


def rows_record(payout_id: str, campaign: Campaign, batch: Batch) -> Record:
    """The rows as they are kept beside the payout: each with the one entry that it may become, and where it goes."""
    rows = [
        {
            **cast("dict[str, Json]", told),
            "entry": row_entry_id(payout_id, row.payee),
            "to": credited_account(campaign, row.payee),
        }
        for row, told in zip(batch.rows, rows_json(batch.rows), strict=True)
    ]
    return Record(PAYOUT_ROWS, payout_id, {"campaign": campaign.id, "rows": cast("list[Json]", rows)})


def movement_record(payout: PayoutRecord, campaign: Campaign, matter: Matter, at: datetime) -> Record:
    """What it counts as in rolling windows, from the moment at which the second person has read the same total."""
    return MovementRecord(
        id=matter.id,
        at=at,
        action=PAYOUT_ACTION,
        commodity=payout.total.commodity,
        vault=campaign.vault,
        purpose=campaign.id,
        parts=tuple((place.address, place.amount.units) for place in matter.destinations),
        state={PayoutState.RELEASED: DONE, PayoutState.REFUSED: ENDED}.get(payout.state, WAITING),
    ).record


def payout_of(told: Mapping[str, Json], earlier: tuple[Json, ...] = ()) -> PayoutRecord:
    """The state that :attr:`PayoutRecord.record` wrote."""
    asset = Commodity(told["asset"])
    found = PayoutRecord(
        id=str(told["id"]),
        campaign=str(told["campaign"]),
        campaign_hash=str(told["campaign_hash"]),
        batch_hash=str(told["batch_hash"]),
        rows=cast("int", told["rows"]),
        total=Amount(int(str(told["total"])), asset),
        tax=Amount(int(str(told["tax"])), asset),
        source=str(told["source"]),
        proposer=str(told["proposed_by"]),
        proposed_at=parse_utc(str(told["proposed_at"])),
        expires_at=parse_utc(str(told["expires_at"])),
        signature=str(told["signature"]),
        state=PayoutState(told["state"]),
        released=cast("int", told["released"]),
        part_at=parse_utc(str(told["part_at"])) if told["part_at"] else None,
        rejected=tuple(cast("list[str]", told["rejected"])),
    )
    words = words_of(told["words"], found.hash, (cast("Mapping[str, Json]", body)["words"] for body in earlier))
    return PayoutRecord(**{**vars(found), "words": words})


def load_payout(desk: PayoutDesk, payout_id: str) -> tuple[PayoutRecord, Batch]:
    """A payout and its rows, held against their hash and the proposer's signature.

    Raises:
        UnknownPayout: there is none of this id. PayoutForged: it is not what was signed.
    """
    versions = desk.books.versions(PAYOUT, payout_id)
    if not versions:
        raise UnknownPayout(f"There is no payout {payout_id!r}.", "See which there are: zakhira payout status DIR")
    payout = payout_of(cast("Mapping[str, Json]", versions[-1]), versions[:-1])
    batch = load_batch(desk, payout_id)
    if (batch.hash, batch.total, len(batch.rows)) != (payout.batch_hash, payout.total, payout.rows):
        raise PayoutForged(
            f"The rows of payout {payout_id} are not those that were put forward.",
            "Approve nothing. Somebody has written to the database: find out who, and restore a backup.",
        )
    require_signed(desk, payout.matter(_NO_CAMPAIGN, batch, {}))
    return payout, batch


def load_batch(desk: PayoutDesk, payout_id: str) -> Batch:
    """The rows of a payout as they are kept."""
    body = cast("Mapping[str, Json]", desk.books.latest(PAYOUT_ROWS, payout_id))
    return Batch(rows_of(body["rows"]))


_NONE = Amount(0, Commodity.PKR)
_NO_CAMPAIGN = Campaign("", "", _NONE, _NONE, _NONE, _NONE, Way.ACCOUNTS, (), 0)
"""A signature covers the hash alone, whatever the campaign is."""
