"""``zakhira address`` and ``zakhira labels``: addresses reserved for payers, and what is known of them as BIP-329."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path

from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.adapters.qr.symbol import frame_modules, frame_svg
from zakhira.cli.answer import Answer, Table
from zakhira.cli.custody_services import AddressOrder
from zakhira.custody.vault_state import require_usable
from zakhira.flows.reservations import FOR_ARRIVAL, Deal, Reservation, reservations, reserve_address
from zakhira.flows.vaults import vault_record
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import Commodity, parse_amount
from zakhira.wiring.amount_text import btc_text, sats_of
from zakhira.wiring.given_files import require_free
from zakhira.wiring.reserve_desk import open_archive, open_reserve
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new

_GROUP = 4
"""Letters that are compared at a time: people read an address in groups."""


class BadDeal(InvalidInput):
    """The paper of a purchase or a forfeiture lacks something, or has what the other kind has."""

    code = "ZK-WIRING-035"


class AddressDesk:
    """Implements ``cli.custody_services.AddressServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reserve(self, order: AddressOrder, *, dry_run: bool) -> Answer:
        """Reserve an address for a payer and a purpose."""
        expected = sats_of(order.expect) if order.expect else None
        deal = _deal(order)
        with open_reserve(self._settings, order.folder) as desk:
            treasury = desk.treasury
            require_usable(vault_record(treasury.books, order.vault))
            if dry_run:
                return _dry_answer(order, expected)
            made = reserve_address(
                treasury,
                order.vault,
                order.payer,
                order.purpose,
                key=_key(order),
                by=order.by,
                expected_sats=expected,
                hold_until=order.hold_until,
                renew_after=order.renew_after,
                deal=deal,
            )
        qr = _write_qr(made, order.qr) if order.qr is not None else None
        return _reserved_answer(made, qr)

    def list(self, folder: Path, vault: str) -> Answer:
        """The reserved addresses, of one vault where it is named."""
        with open_archive(self._settings, folder) as archive:
            if vault:
                vault_record(archive.books, vault)
            coins = PostgresCoins(archive.books)
            found = [
                (item, coins.coins_at(item.address.vault, item.address.branch, item.address.index))
                for item in reservations(archive.books).values()
                if item.kind == FOR_ARRIVAL and vault in {"", item.address.vault}
            ]
        rows = tuple(
            (
                item.address.address,
                f"{item.address.vault} {item.address.branch}/{item.address.index}",
                f"{item.payer}: {item.purpose}",
                btc_text(sum(coin.amount_sats for coin in paid)) if paid else "-",
                _state(item, len(paid)),
            )
            for item, paid in found
        )
        facts: dict[str, Json] = {
            "addresses": [
                {**_facts(item), "payments": len(paid), "received_sats": sum(coin.amount_sats for coin in paid)}
                for item, paid in found
            ]
        }
        columns = ("address", "vault and place", "payer and purpose", "received\nBTC", "state")
        tables = (Table("Reserved addresses", columns, rows, right=(3,)),) if rows else ()
        return Answer(tables, facts, f"Reserved: {len(rows)}{f' in {vault}' if vault else ''}.")

    def export_labels(self, folder: Path, file: Path, *, dry_run: bool) -> Answer:
        """Write labels as BIP-329."""
        from zakhira.wiring.label_files import write_labels_of

        with open_reserve(self._settings, folder) as desk:
            return write_labels_of(desk, file, dry_run=dry_run)

    def import_labels(self, folder: Path, file: Path, by: str, *, dry_run: bool) -> Answer:
        """Take labels from a file of BIP-329."""
        from zakhira.wiring.label_files import take_labels

        with open_reserve(self._settings, folder) as desk:
            return take_labels(desk, file, by, dry_run=dry_run)


def _key(order: AddressOrder) -> str:
    """The given key; else one that lasts for a payer whose address is renewed, and a new one for every other."""
    if order.key:
        return order.key
    if order.renew_after:
        return f"renewed/{derive_id(order.vault, order.payer, order.purpose)}"
    return f"once/{secrets.token_hex(16)}"


def _deal(order: AddressOrder) -> Deal | None:
    """The paper of the purchase or forfeiture; raises BadDeal."""
    told = {
        "--counterparty": order.counterparty,
        "--price": order.price,
        "--number": order.number,
        "--on": "" if order.on is None else order.on.isoformat(),
    }
    needed = {
        "purchase": ("--counterparty", "--price", "--number", "--on"),
        "forfeiture": ("--counterparty", "--number", "--on"),
        "": (),
    }[order.deal_kind]
    lacking = [name for name in needed if not told[name].strip()]
    strange = [name for name, value in told.items() if value and name not in needed]
    kind = f"A {order.deal_kind}" if order.deal_kind else "An arrival that is neither a purchase nor a forfeiture"
    if lacking:
        raise BadDeal(f"{kind} lacks {', '.join(lacking)}.", f"Give {', '.join(needed)}.")
    if strange:
        raise BadDeal(f"{kind} has no {', '.join(strange)}.", "Say --purchase or --forfeiture, or leave it out.")
    if not needed or order.on is None:
        return None
    price = parse_amount(order.price) if order.price else None
    if price is not None and (price.commodity is Commodity.BTC or price.units <= 0):
        raise BadDeal(f"The price of {order.price!r} is no amount of money above 0.", "Write it like '30250 USD'.")
    return Deal(order.counterparty, price, order.number, order.on)


def _dry_answer(order: AddressOrder, expected: int | None) -> Answer:
    facts: dict[str, Json] = {
        "dry_run": True,
        "vault": order.vault,
        "payer": order.payer,
        "purpose": order.purpose,
        "expected_sats": expected,
    }
    told = f", who pays {btc_text(expected)} BTC" if expected else ""
    sentence = f"Dry run: would reserve the next address of {order.vault} for {order.payer}{told}: {order.purpose}."
    return Answer((), facts, sentence)


def _write_qr(made: Reservation, folder: Path) -> Path:
    """The address as a code: ``BITCOIN:`` and the address in capitals (BIP-21, BIP-173) make the smallest one."""
    address = made.address.address
    title = f"Address of {made.payer} for {made.purpose}"
    about = f"Pays {address}, place {made.address.branch}/{made.address.index} of vault {made.address.vault}."
    svg = frame_svg(frame_modules((f"BITCOIN:{address.upper()}",))[0], title, about, f"... {address[-8:]}")
    path = folder / f"{address}.svg"
    folder.mkdir(parents=True, exist_ok=True)
    require_free(path, svg.encode())
    write_new(path, svg.encode())
    return path


def _in_groups(address: str) -> str:
    return " ".join(address[start : start + _GROUP] for start in range(0, len(address), _GROUP))


def _reserved_answer(made: Reservation, qr: Path | None) -> Answer:
    place = made.address
    rows = [
        ("address", place.address),
        ("to compare", _in_groups(place.address)),
        ("vault", f"{place.vault}, place {place.branch}/{place.index}"),
        ("payer", made.payer),
        ("purpose", made.purpose),
    ]
    if made.expected_sats is not None:
        rows.append(("expected", f"{btc_text(made.expected_sats)} BTC"))
    if made.hold_until is not None:
        rows.append(("held until", made.hold_until.isoformat()))
    if made.deal is not None:
        price = f" for {made.deal.price}" if made.deal.price else ""
        rows.append(("paper", f"{made.deal.counterparty}{price}, {made.deal.number} of {made.deal.on}"))
    if qr is not None:
        rows.append(("QR code", str(qr)))
    notes = ["Node, rust-bitcoin and embit derive it alike."]
    if made.renew_after:
        notes.append(f"After {made.renew_after} payments the same command gives another.")
    if made.replaces:
        notes.append(f"It replaces {made.replaces}: tell {made.payer} to stop paying that one.")
    facts: dict[str, Json] = {"dry_run": False, **_facts(made), "qr": str(qr) if qr else ""}
    sentence = f"{made.payer} pays to {place.address}"
    return Answer((Table("Reserved", ("", ""), tuple(rows), notes=tuple(notes)),), facts, sentence)


def _facts(made: Reservation) -> dict[str, Json]:
    body = asdict(made.address)
    return {
        **body,
        "key": made.key,
        "payer": made.payer,
        "purpose": made.purpose,
        "reserved_by": made.reserved_by,
        "expected_sats": made.expected_sats,
        "hold_until": made.hold_until.isoformat() if made.hold_until else "",
        "renew_after": made.renew_after,
        "deal": None if made.deal is None else made.deal.as_json(),
        "replaces": made.replaces,
        "is_replaced": made.replaced_at >= 0,
    }


def _state(made: Reservation, payments: int) -> str:
    if made.replaced_at >= 0:
        return "replaced"
    if made.renew_after:
        return f"{payments} of {made.renew_after} payments"
    return "waiting" if payments == 0 else ("paid" if payments == 1 else f"reused: {payments} payments")
