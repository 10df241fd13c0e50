"""Addresses of vaults reserved for a named payer and purpose, given out only when three programs derive them alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from zakhira.custody.address_look import address_look
from zakhira.custody.coin import Address
from zakhira.custody.descriptor import CHANGE, RECEIVE, derive_address, vault_descriptor
from zakhira.custody.refusals import UnknownVault
from zakhira.custody.vault_state import IN_USE, VaultRecord, put_in_use, record_json, record_of, require_usable
from zakhira.flows.accepted_vaults import require_accepted
from zakhira.flows.addresses import AddressesDiffer
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.chain_errors import WrongChain
from zakhira.flows.treasury import VAULT, Treasury, next_vault_key
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import Amount, parse_amount

RESERVATION = "reservation"
"""Kind of the records of reserved addresses; the id is the script in hex."""
RESERVATION_KEY = "reservation key"
"""Kind of the records that lead from the idempotency key of a reservation to its script."""
LAST_PLACE = "last place"
"""Kind of the records of the last place that was given out; the id is ``vault/branch``."""
ADDRESS_LOOK = "address look"
"""Kind of the records of known addresses by how they look: what a hurried eye compares."""

_PURPOSE = re.compile(r"[a-z0-9][a-z0-9 -]{0,63}")
"""A purpose is the last part of a ledger account."""

FOR_ARRIVAL, FOR_SPEND = "arrival", "spend"
"""What an address is reserved for: somebody who pays in, or a spend of ours (change, moves between vaults)."""


class ReservationDiffers(InvalidInput):
    """A reservation's key comes again for another vault, payer, purpose or paper."""

    code = "ZK-FLOWS-010"


class BlankReservation(InvalidInput):
    """A reservation without payer, purpose or key, or with an amount or a number of payouts that is none."""

    code = "ZK-FLOWS-011"


@dataclass(frozen=True)
class Deal:
    """The paper of a purchase or a forfeiture: with whom, for what price, under which order or case, of which day."""

    counterparty: str
    price: Amount | None
    """in money; None for a forfeiture"""
    number: str
    """of the order or the case"""
    on: date

    def as_json(self) -> Json:
        """Plain data for the books."""
        return {
            "counterparty": self.counterparty,
            "price": "" if self.price is None else str(self.price),
            "number": self.number,
            "on": self.on.isoformat(),
        }


@dataclass(frozen=True)
class Reservation:
    """An address with what it was reserved for. It is never given to anybody else."""

    address: Address
    key: str
    kind: str
    payer: str
    purpose: str
    reserved_by: str
    from_height: int
    """the node's tip when it was reserved: no block up to it can pay the address"""
    expected_sats: int | None = None
    hold_until: date | None = None
    renew_after: int = 0
    """payouts after which the next question gives another address; 0: one payment is expected"""
    deal: Deal | None = None
    replaces: str = ""
    """the earlier address of the same key (text) that should not be paid any more"""
    replaced_at: int = -1
    """the node's tip when this address was replaced; -1 while it is in force"""

    @property
    def record(self) -> Record:
        """The record of this reservation."""
        place = self.address
        body: Json = {
            "vault": place.vault,
            "branch": place.branch,
            "place": place.index,
            "address": place.address,
            "key": self.key,
            "for": self.kind,
            "payer": self.payer,
            "purpose": self.purpose,
            "reserved_by": self.reserved_by,
            "from_height": self.from_height,
            "expected_sats": self.expected_sats,
            "hold_until": self.hold_until.isoformat() if self.hold_until else "",
            "renew_after": self.renew_after,
            "deal": None if self.deal is None else self.deal.as_json(),
            "replaces": self.replaces,
            "replaced_at": self.replaced_at,
        }
        return Record(RESERVATION, place.script_hex, body)


@dataclass(frozen=True)
class _Wish:
    """What an address is asked for."""

    key: str
    kind: str
    payer: str
    purpose: str
    reserved_by: str
    expected_sats: int | None = None
    hold_until: date | None = None
    renew_after: int = 0
    deal: Deal | None = None

    def matches(self, vault: str, branch: int, found: Reservation) -> bool:
        """Whether this is what ``found`` was reserved for."""
        return (
            (vault, branch, self.kind, self.payer, self.purpose, self.expected_sats)
            == (found.address.vault, found.address.branch, found.kind, found.payer, found.purpose, found.expected_sats)
        ) and (self.hold_until, self.renew_after, self.deal) == (found.hold_until, found.renew_after, found.deal)


def reserve_address(  # what is asked of a reservation, by name
    treasury: Treasury,
    vault_id: str,
    payer: str,
    purpose: str,
    *,
    key: str,
    by: str,
    expected_sats: int | None = None,
    hold_until: date | None = None,
    renew_after: int = 0,
    deal: Deal | None = None,
) -> Reservation:
    """The next unused receiving address of a vault, for this payer and purpose; the same key gives it again.

    With ``renew_after`` payouts to the address behind it, the next question gives another one, and its ``replaces``
    says which address the payer must stop using. ``deal`` is the paper of a purchase or a forfeiture.

    Raises:
        UnknownVault, VaultNotTested, VaultRetired, VaultNotAccepted: the vault hands out no address.
        AddressesDiffer, DecodersDisagree: node, rust-bitcoin and embit do not derive it alike.
        ReservationDiffers: the key was used for something else.
        BlankReservation: a text is blank or a number is none.
        WrongChain: the node is on another chain.
    """
    wish = _Wish(key, FOR_ARRIVAL, payer, purpose, by, expected_sats, hold_until, renew_after, deal)
    return _reserve(treasury, vault_id, RECEIVE, wish)


def reserve_change(treasury: Treasury, vault_id: str, spend_id: str, number: int = 0) -> Address:
    """The address on branch 1 to which change ``number`` of a spend comes back; safe to repeat."""
    wish = _Wish(f"change/{spend_id}/{number}", FOR_SPEND, spend_id, "change", "spends")
    return _reserve(treasury, vault_id, CHANGE, wish).address


def reserve_home(treasury: Treasury, vault_id: str, spend_id: str, number: int = 0) -> Address:
    """The receiving address of a vault to which a spend of ours moves coins; safe to repeat."""
    wish = _Wish(f"home/{spend_id}/{vault_id}/{number}", FOR_SPEND, spend_id, "move between vaults", "spends")
    return _reserve(treasury, vault_id, RECEIVE, wish).address


def is_purpose(text: str) -> bool:
    """Whether this may be a purpose: small letters, digits, spaces and hyphens, up to 64."""
    return _PURPOSE.fullmatch(text) is not None


def reservation(books: Books, script_hex: str) -> Reservation | None:
    """What an address, given as its script, was reserved for; None if it never was."""
    body = books.latest(RESERVATION, script_hex)
    return None if body is None else reservation_of(script_hex, body)


def reservations(books: Books) -> Mapping[str, Reservation]:
    """Every reserved address by its script, replaced ones too, in the order of reservation."""
    return {script: reservation_of(script, body) for script, body in books.records(RESERVATION).items()}


def reservation_of(script_hex: str, body: Json) -> Reservation:
    """The reservation that :attr:`Reservation.record` wrote."""
    told = cast("Mapping[str, Json]", body)
    place = Address(
        str(told["vault"]), cast("int", told["branch"]), cast("int", told["place"]), str(told["address"]), script_hex
    )
    return Reservation(
        address=place,
        key=str(told["key"]),
        kind=str(told["for"]),
        payer=str(told["payer"]),
        purpose=str(told["purpose"]),
        reserved_by=str(told["reserved_by"]),
        from_height=cast("int", told["from_height"]),
        expected_sats=cast("int | None", told["expected_sats"]),
        hold_until=date.fromisoformat(str(told["hold_until"])) if told["hold_until"] else None,
        renew_after=cast("int", told["renew_after"]),
        deal=_deal_of(cast("Mapping[str, str] | None", told["deal"])),
        replaces=str(told["replaces"]),
        replaced_at=cast("int", told["replaced_at"]),
    )


def _deal_of(told: Mapping[str, str] | None) -> Deal | None:
    if told is None:
        return None
    price = parse_amount(told["price"]) if told["price"] else None
    return Deal(told["counterparty"], price, told["number"], date.fromisoformat(told["on"]))


def look_record(known: str, whose: str) -> Record:
    """The record of an address that we know, under how it looks."""
    return Record(ADDRESS_LOOK, address_look(known), {"address": known, "whose": whose})


def _reserve(treasury: Treasury, vault_id: str, branch: int, wish: _Wish) -> Reservation:
    _require_sense(wish)
    found = _by_key(treasury.books, wish.key)
    if found is None:
        return _give(treasury, vault_id, branch, wish, None)
    if not wish.matches(vault_id, branch, found):
        raise ReservationDiffers(
            f"The key {wish.key!r} was used for {found.payer} and {found.purpose} at {found.address.address}.",
            "Give each reservation a key of its own.",
        )
    place = found.address
    if found.renew_after and len(treasury.coins.coins_at(place.vault, place.branch, place.index)) >= found.renew_after:
        return _give(treasury, vault_id, branch, wish, found)
    return found


def _require_sense(wish: _Wish) -> None:
    blank = [name for name in ("key", "payer", "purpose", "reserved_by") if not getattr(wish, name).strip()]
    if blank:
        raise BlankReservation(f"The reservation has no {' and no '.join(blank)}.", "Say who pays, and for what.")
    if not is_purpose(wish.purpose):
        raise BlankReservation(
            f"The purpose {wish.purpose!r} is none.", "Write it in small letters, digits, spaces and hyphens, up to 64."
        )
    if wish.renew_after < 0 or (wish.expected_sats is not None and wish.expected_sats <= 0):
        raise BlankReservation(
            f"An expected amount of {wish.expected_sats} sat, or {wish.renew_after} payouts, is none.",
            "Leave it out, or give a number above 0.",
        )


def _by_key(books: Books, key: str) -> Reservation | None:
    body = books.latest(RESERVATION_KEY, key)
    return None if body is None else reservation(books, str(cast("Mapping[str, Json]", body)["script"]))


def _give(treasury: Treasury, vault_id: str, branch: int, wish: _Wish, earlier: Reservation | None) -> Reservation:
    """Take a place, then bind it to the key: two who ask at once get two places, and both are told the first bound."""
    if treasury.node.chain_name() != treasury.chain:
        raise WrongChain(f"The node is on {treasury.node.chain_name()}, not on {treasury.chain}.", "Use another node.")
    made = _take_place(treasury, vault_id, branch, wish, earlier)
    records = [Record(RESERVATION_KEY, wish.key, {"script": made.address.script_hex})]
    if earlier is not None:
        records.append(replace(earlier, replaced_at=made.from_height).record)
    generation = "" if earlier is None else earlier.address.script_hex
    key = f"reservation/{wish.key}/{generation}"
    try:
        treasury.books.commit(Write(key, wish.reserved_by, "reserve address", treasury.now, records=tuple(records)))
    except KeyReused:
        bound = _by_key(treasury.books, wish.key)
        assert bound is not None, "the write that was first bound the key"
        return bound
    return made


def _take_place(
    treasury: Treasury, vault_id: str, branch: int, wish: _Wish, earlier: Reservation | None
) -> Reservation:
    books = treasury.books
    height, _ = treasury.node.tip()
    while True:
        body = books.latest(VAULT, vault_id)
        if body is None:
            raise UnknownVault(f"There is no vault {vault_id!r}.", "Create it first.")
        vault = record_of(cast("Mapping[str, Json]", body))
        require_usable(vault)
        if branch == RECEIVE:
            require_accepted(authority_now(treasury), vault)
        address = _next_address(treasury, vault, branch)
        made = Reservation(
            address,
            wish.key,
            wish.kind,
            wish.payer,
            wish.purpose,
            wish.reserved_by,
            height,
            wish.expected_sats,
            wish.hold_until,
            wish.renew_after,
            wish.deal,
            "" if earlier is None else earlier.address.address,
        )
        name = f"{vault_id}/{branch}"
        records = [
            made.record,
            Record(LAST_PLACE, name, {"place": address.index}),
            look_record(address.address, f"{name}/{address.index}"),
        ]
        if vault.state != IN_USE and not _is_put_in_use(treasury, vault, wish.reserved_by):
            continue
        key = f"place/{name}/{address.index}"
        try:
            books.commit(Write(key, wish.reserved_by, "take place", treasury.now, records=tuple(records)))
        except KeyReused:
            continue  # somebody else was faster: the place after that one
        return made


def _is_put_in_use(treasury: Treasury, vault: VaultRecord, by: str) -> bool:
    """Write that the vault is in use; no if it was changed in the meantime, retired for example."""
    record = Record(VAULT, vault.vault.id, record_json(put_in_use(vault)))
    try:
        treasury.books.commit(Write(next_vault_key(vault), by, "put in use", treasury.now, records=(record,)))
    except KeyReused:
        return False
    return True


def _next_address(treasury: Treasury, vault: VaultRecord, branch: int) -> Address:
    """The place behind the last one that was given out or ever paid, derived by three programs."""
    name = vault.vault.id
    body = treasury.books.latest(LAST_PLACE, f"{name}/{branch}")
    given = -1 if body is None else cast("int", cast("Mapping[str, Json]", body)["place"])
    place = max(given, treasury.coins.last_places().get((name, branch), -1)) + 1
    address = derive_address(vault.vault, branch, place, treasury.chain)
    from_node = treasury.node.derive_address(vault_descriptor(vault.vault), branch, place)
    if from_node != address.address:
        raise AddressesDiffer(
            f"The node derives {from_node} at {branch}/{place} of {name}, the decoders {address.address}.",
            "Use no address of this vault; check the node.",
        )
    return address
