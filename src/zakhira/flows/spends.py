"""Spends as the books keep them: one record a spend, a newer version for each step of its life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from zakhira.controls.approval import Approval
from zakhira.controls.spend_state import SpendState
from zakhira.custody.coin import Address, Instruction
from zakhira.custody.instruction_text import instruction_of
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.word_text import approval_json, approval_of
from zakhira.kernel.canonical import Json

SPEND = "spend"
"""Kind of the records of spends."""

Fields = Mapping[str, Json]


@dataclass(frozen=True)
class Spend:
    """A spend and how far it is. What is not there yet is empty; ``height`` is 0 until it is confirmed."""

    instruction: Instruction
    destination: Address
    day: int
    state: SpendState
    approvals: tuple[Approval, ...] = ()
    psbt: str = ""
    signers: tuple[str, ...] = ()
    raw_hex: str = ""
    txid: str = ""
    height: int = 0
    fee_sats: int = 0
    """what the built transaction pays; 0 until it is built"""

    @property
    def record(self) -> Record:
        """The record of this step."""
        place = self.destination
        body: Json = {
            "instruction": self.instruction.as_json(),
            "destination": {
                "vault": place.vault,
                "branch": place.branch,
                "index": place.index,
                "address": place.address,
                "script_hex": place.script_hex,
            },
            "day": self.day,
            "state": self.state.value,
            "approvals": [approval_json(approval) for approval in self.approvals],
            "psbt": self.psbt,
            "signers": list(self.signers),
            "raw_hex": self.raw_hex,
            "txid": self.txid,
            "height": self.height,
            "fee_sats": self.fee_sats,
        }
        return Record(SPEND, self.instruction.id, body)


def _text(fields: Fields, name: str) -> str:
    return str(fields[name])


def _address(fields: Fields) -> Address:
    return Address(
        vault=_text(fields, "vault"),
        branch=cast("int", fields["branch"]),
        index=cast("int", fields["index"]),
        address=_text(fields, "address"),
        script_hex=_text(fields, "script_hex"),
    )


def spend_of(body: Json) -> Spend:
    """Read a spend back from its record."""
    fields = cast("Fields", body)
    return Spend(
        instruction=instruction_of(fields["instruction"]),
        destination=_address(cast("Fields", fields["destination"])),
        day=cast("int", fields["day"]),
        state=SpendState(fields["state"]),
        approvals=tuple(approval_of(item) for item in cast("list[Fields]", fields["approvals"])),
        psbt=str(fields["psbt"]),
        signers=tuple(cast("list[str]", fields["signers"])),
        raw_hex=str(fields["raw_hex"]),
        txid=str(fields["txid"]),
        height=cast("int", fields["height"]),
        fee_sats=cast("int", fields["fee_sats"]),
    )


def recorded_spends(books: Books) -> tuple[Spend, ...]:
    """Every spend at its latest step, in the order in which they were proposed."""
    return tuple(spend_of(body) for body in books.records(SPEND).values())
