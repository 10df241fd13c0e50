"""A spend of the treasury as the books keep it: one record a spend, a newer version for each step of its life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from zakhira.controls.approval import Approval, Execution, Veto
from zakhira.controls.engine.decision import Decision
from zakhira.controls.spend_state import SpendState, is_over
from zakhira.custody.coin import Address, ChangeOutput, Coin, Instruction
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.instruction_text import instruction_of
from zakhira.custody.spend import HeldCoin
from zakhira.flows.decision_text import decision_json, decision_of
from zakhira.flows.movement_record import DONE, ENDED, WAITING
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.word_text import (
    approval_json,
    approval_of,
    execution_json,
    execution_of,
    veto_json,
    veto_of,
)
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text

TREASURY_SPEND = "treasury spend"
"""Kind of the records of spends; the id is the instruction's."""
SPEND_BYTES = "spend bytes"
"""Kind of the records of a version's PSBT and transaction; the id is the transaction's."""

PAYMENT, MOVE, HOME, CHILD = "payment", "move", "home", "child"
"""What a spend is for: to pay, to move coins between our vaults, to take another spend's coin home, to hasten another.

All but a payment spend the named coins whole: what the outputs leave is the fee.
"""

Fields = Mapping[str, Json]


@dataclass(frozen=True)
class SpentCoin:
    """A coin of a version: what the node and its paper say of it, and what spending it weighs."""

    coin: Coin
    place: Address
    purpose: str
    lots: tuple[str, ...]
    hold_until: date | None
    input_weight: int
    is_unconfirmed: bool = False
    """an output of a spend of ours that is not in a block yet"""

    @property
    def held(self) -> HeldCoin:
        """The coin as the PSBT's builder wants it."""
        return HeldCoin(self.coin, self.place)

    @property
    def spendable(self) -> SpendableCoin:
        """The coin as selection wants it."""
        return SpendableCoin(
            outpoint=self.coin.outpoint,
            amount_sats=self.coin.amount_sats,
            purpose=self.purpose,
            lot_hold_until=self.hold_until,
            height=0 if self.is_unconfirmed else self.coin.height,
            input_weight=self.input_weight,
            is_own_unconfirmed_change=self.is_unconfirmed,
            vault=self.place.vault,
            lot=self.lots[0] if len(self.lots) == 1 else "",
        )


@dataclass(frozen=True)
class BuiltVersion:
    """One transaction of a spend; its bytes lie in a record of their own (:func:`version_bytes`)."""

    txid: str
    coins: tuple[SpentCoin, ...]
    change: ChangeOutput | None
    fee_sats: int
    weight: int
    """at most, until the transaction is signed; then its own"""
    purpose: str
    hold_until: date | None
    handed_out: bool = False
    signers: tuple[str, ...] = ()
    """whose signatures have come back so far"""
    dropped: tuple[str, ...] = ()
    """fields that signers added and that were not taken over"""
    is_signed: bool = False
    """the quorum is there and the transaction is final"""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The outpoints."""
        return tuple(item.coin.outpoint for item in self.coins)

    @property
    def lots(self) -> tuple[str, ...]:
        """All lots of the coins, each once."""
        return tuple(sorted({lot for item in self.coins for lot in item.lots}))


@dataclass(frozen=True)
class VersionBytes:
    """The PSBT of a version with the signatures that have come back, and the transaction once it is final."""

    txid: str
    psbt: str
    raw_hex: str = ""

    @property
    def record(self) -> Record:
        """The record of these bytes."""
        return Record(SPEND_BYTES, self.txid, {"psbt": self.psbt, "raw_hex": self.raw_hex})


@dataclass(frozen=True)
class Confirmation:
    """The block that holds a version, and how often this spend was booked before (reorganisations)."""

    txid: str
    height: int
    block_hash: str


@dataclass(frozen=True)
class TreasurySpend:
    """A spend and how far it is; what is not there yet is empty."""

    instruction: Instruction
    kind: str
    proposal_signature: str
    state: SpendState
    at: datetime
    """of the last step"""
    coins_for: str = ""
    """the purpose of the coins that pay; empty: whatever single purpose they have"""
    lots: tuple[str, ...] = ()
    """the lots that may pay; empty: any"""
    places: tuple[Address, ...] = ()
    """our own addresses among the payments"""
    approvals: tuple[Approval, ...] = ()
    decision: Decision | None = None
    decided_at: datetime | None = None
    rejection: Veto | None = None
    execution: Execution | None = None
    """the second person's word, once it was the amount of the instruction"""
    mismatches: tuple[Execution, ...] = ()
    """what was entered at execution and was something else"""
    recorded_at: Mapping[str, datetime] = field(default_factory=dict)
    """when each yes and the second person's word was first recorded (UTC), by its signature; books of earlier versions
    say it of none"""
    versions: tuple[BuiltVersion, ...] = ()
    confirmation: Confirmation | None = None
    bookings: int = 0
    """entries that were made for it, reversals among them"""
    ended_by: str = ""
    """id of our spend, or of the foreign transaction, that spent one of its coins"""
    note: str = ""

    @property
    def id(self) -> str:
        """The instruction's id."""
        return self.instruction.id

    def with_recorded(self, signature: str, at: datetime) -> Mapping[str, datetime]:
        """When words were first recorded, this one among them; one that was recorded before keeps its moment."""
        return {signature: at, **self.recorded_at}

    @property
    def last(self) -> BuiltVersion:
        """The newest version; a spend that was never built has none."""
        assert self.versions, "a spend that is built has a version"
        return self.versions[-1]

    @property
    def out(self) -> tuple[BuiltVersion, ...]:
        """The versions that are in other hands."""
        return tuple(version for version in self.versions if version.handed_out)

    @property
    def paid_sats(self) -> int:
        """The sum of the payments."""
        return sum(payment.amount_sats for payment in self.instruction.payments)

    @property
    def highest_fee_sats(self) -> int:
        """What the transactions of it may cost at most; 0 until one is built."""
        return max((version.fee_sats for version in self.versions), default=0)

    @property
    def lot_purposes(self) -> tuple[str, ...]:
        """The purposes of the newest version's coins."""
        return tuple(sorted({item.purpose for version in self.versions[-1:] for item in version.coins}))

    @property
    def movement_state(self) -> str:
        """How an allowed spend counts in rolling windows."""
        return ENDED if is_over(self.state) else DONE if self.state is SpendState.CONFIRMED else WAITING

    def version(self, txid: str) -> BuiltVersion | None:
        """The version that is this transaction."""
        return next((version for version in self.versions if version.txid == txid), None)

    @property
    def record(self) -> Record:
        """The record of this step."""
        body: Json = {
            "instruction": self.instruction.as_json(),
            "kind": self.kind,
            "proposal_signature": self.proposal_signature,
            "state": self.state.value,
            "at": utc_text(self.at),
            "coins_for": self.coins_for,
            "lots": list(self.lots),
            "places": [_address_json(place) for place in self.places],
            "approvals": [approval_json(approval) for approval in self.approvals],
            "decision": decision_json(self.decision) if self.decision else None,
            "decided_at": utc_text(self.decided_at) if self.decided_at else "",
            "rejection": veto_json(self.rejection),
            "execution": execution_json(self.execution),
            "mismatches": [execution_json(entered) for entered in self.mismatches],
            "recorded_at": {signature: utc_text(at) for signature, at in sorted(self.recorded_at.items())},
            "versions": [_version_json(version) for version in self.versions],
            "confirmation": _confirmation_json(self.confirmation),
            "bookings": self.bookings,
            "ended_by": self.ended_by,
            "note": self.note,
        }
        return Record(TREASURY_SPEND, self.id, body)


def _address_json(place: Address) -> Json:
    return {
        "vault": place.vault,
        "branch": place.branch,
        "index": place.index,
        "address": place.address,
        "script_hex": place.script_hex,
    }


def _confirmation_json(told: Confirmation | None) -> Json:
    return None if told is None else {"txid": told.txid, "height": told.height, "block_hash": told.block_hash}


def _coin_json(item: SpentCoin) -> Json:
    return {
        "outpoint": item.coin.outpoint,
        "amount_sats": item.coin.amount_sats,
        "height": item.coin.height,
        "block_hash": item.coin.block_hash,
        "place": _address_json(item.place),
        "purpose": item.purpose,
        "lots": list(item.lots),
        "hold_until": _day_text(item.hold_until),
        "input_weight": item.input_weight,
        "is_unconfirmed": item.is_unconfirmed,
    }


def _version_json(version: BuiltVersion) -> Json:
    change = version.change
    return {
        "txid": version.txid,
        "coins": [_coin_json(item) for item in version.coins],
        "change": {"place": _address_json(change.address), "amount_sats": change.amount_sats} if change else None,
        "fee_sats": version.fee_sats,
        "weight": version.weight,
        "purpose": version.purpose,
        "hold_until": _day_text(version.hold_until),
        "handed_out": version.handed_out,
        "signers": list(version.signers),
        "dropped": list(version.dropped),
        "is_signed": version.is_signed,
    }


def _day_text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _day(value: Json) -> date | None:
    return date.fromisoformat(str(value)) if value else None


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(cast("list[str]", value))


def _address(value: Json) -> Address:
    told = cast("Fields", value)
    return Address(
        vault=str(told["vault"]),
        branch=cast("int", told["branch"]),
        index=cast("int", told["index"]),
        address=str(told["address"]),
        script_hex=str(told["script_hex"]),
    )


def _confirmation(value: Json) -> Confirmation | None:
    if value is None:
        return None
    told = cast("Fields", value)
    return Confirmation(str(told["txid"]), cast("int", told["height"]), str(told["block_hash"]))


def _coin(value: Json) -> SpentCoin:
    told = cast("Fields", value)
    place = _address(told["place"])
    return SpentCoin(
        coin=Coin(
            str(told["outpoint"]),
            cast("int", told["amount_sats"]),
            place.script_hex,
            cast("int", told["height"]),
            str(told["block_hash"]),
        ),
        place=place,
        purpose=str(told["purpose"]),
        lots=_texts(told["lots"]),
        hold_until=_day(told["hold_until"]),
        input_weight=cast("int", told["input_weight"]),
        is_unconfirmed=bool(told["is_unconfirmed"]),
    )


def _version(value: Json) -> BuiltVersion:
    told = cast("Fields", value)
    change = cast("Fields | None", told["change"])
    return BuiltVersion(
        txid=str(told["txid"]),
        coins=tuple(_coin(item) for item in cast("list[Json]", told["coins"])),
        change=ChangeOutput(_address(change["place"]), cast("int", change["amount_sats"])) if change else None,
        fee_sats=cast("int", told["fee_sats"]),
        weight=cast("int", told["weight"]),
        purpose=str(told["purpose"]),
        hold_until=_day(told["hold_until"]),
        handed_out=bool(told["handed_out"]),
        signers=_texts(told["signers"]),
        dropped=_texts(told["dropped"]),
        is_signed=bool(told["is_signed"]),
    )


def _recorded_at(told: Fields) -> Fields:
    return cast("Fields", told.get("recorded_at", {}))


def spend_of(body: Json) -> TreasurySpend:
    """The spend that :attr:`TreasurySpend.record` wrote."""
    told = cast("Fields", body)
    instruction, rejection = instruction_of(told["instruction"]), cast("Fields | None", told["rejection"])
    decision, execution = cast("Fields | None", told["decision"]), cast("Fields | None", told.get("execution"))
    return TreasurySpend(
        instruction=instruction,
        kind=str(told["kind"]),
        proposal_signature=str(told["proposal_signature"]),
        state=SpendState(told["state"]),
        at=parse_utc(str(told["at"])),
        coins_for=str(told["coins_for"]),
        lots=_texts(told["lots"]),
        places=tuple(_address(item) for item in cast("list[Json]", told["places"])),
        approvals=tuple(approval_of(item) for item in cast("list[Fields]", told["approvals"])),
        decision=decision_of(decision) if decision else None,
        decided_at=parse_utc(str(told["decided_at"])) if told["decided_at"] else None,
        rejection=veto_of(rejection, instruction.hash) if rejection else None,
        execution=execution_of(execution) if execution else None,
        mismatches=tuple(execution_of(item) for item in cast("list[Fields]", told.get("mismatches", []))),
        recorded_at={signature: parse_utc(str(at)) for signature, at in _recorded_at(told).items()},
        versions=tuple(_version(item) for item in cast("list[Json]", told["versions"])),
        confirmation=_confirmation(told["confirmation"]),
        bookings=cast("int", told["bookings"]),
        ended_by=str(told["ended_by"]),
        note=str(told["note"]),
    )


def version_bytes(books: Books, txid: str) -> VersionBytes:
    """The bytes of a version that is recorded."""
    told = cast("Fields", books.latest(SPEND_BYTES, txid))
    return VersionBytes(txid, str(told["psbt"]), str(told["raw_hex"]))
