"""What a confirmed spend comes to in the ledger and on the papers of its outputs, and how that is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from zakhira.custody.anchor import is_data_script
from zakhira.custody.coin import Address
from zakhira.custody.decoders import decode_psbt
from zakhira.flows.coin_papers import (
    COIN_PAPER,
    FEES_ACCOUNT,
    OWN,
    CoinPaper,
    paper_of,
    spends_account,
    vault_account,
)
from zakhira.flows.reservations import RESERVATION, reservation_of
from zakhira.flows.spending.spend import BuiltVersion, TreasurySpend, version_bytes
from zakhira.flows.treasury import Treasury
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec


@dataclass(frozen=True)
class Booking:
    """The entry of a confirmed version, the papers of what it made for us, and the accounts that it needs."""

    entry: Entry
    papers: tuple[CoinPaper, ...]
    accounts: tuple[AccountSpec, ...]


def book(treasury: Treasury, spend: TreasurySpend, version: BuiltVersion, at: datetime) -> Booking:
    """Coins out; payments, change, moves and the fee in, each output as a lot of its own.

    What comes to our vaults inherits purpose and lots of the coins, and the latest of their holds.
    """
    instruction = spend.instruction
    words = f"spend {spend.id} from {instruction.from_vault}"
    outputs = decode_psbt(version_bytes(treasury.books, version.txid).psbt, treasury.chain).outputs
    ours = _own_places(treasury, spend, version, [output.script_hex for output in outputs])
    postings = list(_coins_out(treasury, version))
    papers = []
    for index, output in enumerate(outputs):
        if is_data_script(output.script_hex):
            continue  # an anchor holds nothing, so there is nothing to book
        outpoint, place = f"{version.txid}:{index}", ours.get(output.script_hex)
        account = spends_account(instruction.purpose) if place is None else vault_account(place.vault)
        postings.append(Posting(account, sats(output.amount_sats), Lot(outpoint, words)))
        if place is not None:
            papers.append(CoinPaper(outpoint, OWN, version.purpose, version.lots, version.hold_until, words, spend.id))
    paid_sats = sum(output.amount_sats for output in outputs)
    held_sats = sum(item.coin.amount_sats for item in version.coins)
    postings.append(Posting(FEES_ACCOUNT, sats(held_sats - paid_sats), Lot(f"{version.txid}:0", words)))
    entry = Entry(_entry_id(spend), at, f"Spend for {instruction.purpose}: {spend.id}", version.txid, tuple(postings))
    kinds = {FEES_ACCOUNT: "expense", spends_account(instruction.purpose): "expense"}
    codes = sorted({posting.account for posting in postings})
    return Booking(entry, tuple(papers), tuple(AccountSpec(code, "BTC", kinds.get(code, "asset")) for code in codes))


def take_back(spend: TreasurySpend, booked: Booking, at: datetime) -> Entry:
    """The same entry the other way round: a reorganisation took the block away."""
    turned = tuple(replace(posting, amount=-posting.amount) for posting in booked.entry.postings)
    return Entry(
        _entry_id(spend), at, f"Taken back by a reorganisation: spend {spend.id}", booked.entry.evidence, turned
    )


def _entry_id(spend: TreasurySpend) -> str:
    return derive_id("entry", "treasury spend", spend.id, spend.bookings)


def _coins_out(treasury: Treasury, version: BuiltVersion) -> list[Posting]:
    bodies = treasury.books.bodies(COIN_PAPER, list(version.inputs))
    found = []
    for item in version.coins:
        outpoint = item.coin.outpoint
        source = paper_of(outpoint, bodies[outpoint]).source if outpoint in bodies else "spend of ours"
        account = vault_account(item.place.vault)
        found.append(Posting(account, sats(-item.coin.amount_sats), Lot(outpoint, source)))
    return found


def _own_places(
    treasury: Treasury, spend: TreasurySpend, version: BuiltVersion, scripts: list[str]
) -> Mapping[str, Address]:
    """The outputs that are ours by script: change, moves, and any address that was ever reserved."""
    found = {
        script: reservation_of(script, body).address
        for script, body in treasury.books.bodies(RESERVATION, sorted(set(scripts))).items()
    }
    found |= {place.script_hex: place for place in spend.places}
    if version.change is not None:
        found[version.change.address.script_hex] = version.change.address
    return found
