"""Labels out and in: what our papers say of addresses, transactions, coins and keys, as other wallets read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import cast

from zakhira.custody.labels import MAX_LABEL_CHARACTERS, Label, read_labels, write_labels
from zakhira.flows.coin_papers import LOST, OWN_TRANSACTION, SUSPENSE, CoinPaper, coin_papers
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.reservations import reservations
from zakhira.flows.treasury import Treasury, vault_records
from zakhira.kernel.canonical import Json
from zakhira.kernel.ids import derive_id
from zakhira.programme.model import Vault

COIN_LABEL = "label"
"""Kind of the records of labels that somebody brought in; the id is type and reference."""


@dataclass(frozen=True)
class ImportedLabels:
    """What an import came to."""

    written: int
    """new, or another than before"""
    known: int
    """said already"""


def export_labels(treasury: Treasury, vault: str = "") -> bytes:
    """The labels of one vault, or of all, as a file of BIP-329.

    Addresses are labelled by what they were reserved for, coins and transactions by their papers, keys by their
    signers; a label that somebody brought in goes before ours. Coins that are in suspense or held are marked as not
    spendable.
    """
    books = treasury.books
    own: dict[tuple[str, str], Label] = {}
    for label in (*_address_labels(books, vault), *_coin_labels(treasury, vault), *_key_labels(books, vault)):
        own.setdefault((label.type, label.ref), label)
    brought = {(label.type, label.ref): label for label in brought_labels(books)}
    found = [_merged(label, brought.get(place)) for place, label in own.items()]
    if not vault:
        found += [label for place, label in brought.items() if place not in own]
    return write_labels(found)


def import_labels(treasury: Treasury, data: bytes, by: str, file: str = "labels") -> ImportedLabels:
    """Take labels of another wallet into the books: all of them, or none; safe to repeat.

    A label is a remark: it changes no paper, no purpose and no hold.

    Raises:
        Faults, TooManyLabels: see :func:`zakhira.custody.labels.read_labels`.
    """
    labels = read_labels(data, file)
    before = treasury.books.bodies(COIN_LABEL, [_id(label) for label in labels])
    new = [label for label in labels if before.get(_id(label)) != _body(label)]
    if new:
        key = _free_key(treasury.books, derive_id(*(label.line for label in new)))
        records = tuple(Record(COIN_LABEL, _id(label), _body(label)) for label in new)
        treasury.books.commit(Write(key, by, "import labels", treasury.now, records=records))
    return ImportedLabels(len(new), len(labels) - len(new))


def brought_labels(books: Books) -> tuple[Label, ...]:
    """The labels that were brought in, in the order in which they first came."""
    return tuple(_label_of(cast("Mapping[str, Json]", body)) for body in books.records(COIN_LABEL).values())


def _free_key(books: Books, name: str) -> str:
    """The key of the next import of just these labels: the same words may come back after others."""
    keys = (f"labels/{name}/{number}" for number in count(1))
    return next(key for key in keys if books.done(key) is None)


def _merged(ours: Label, brought: Label | None) -> Label:
    """Somebody's words, with what we know of origin and whether it may be spent."""
    return ours if brought is None else Label(ours.type, ours.ref, brought.label, ours.origin, ours.spendable)


def _id(label: Label) -> str:
    return f"{label.type}/{label.ref}"


def _body(label: Label) -> Json:
    return {
        "type": label.type,
        "ref": label.ref,
        "label": label.label,
        "origin": label.origin,
        "spendable": label.spendable,
    }


def _label_of(body: Mapping[str, Json]) -> Label:
    spendable = cast("bool | None", body["spendable"])
    return Label(str(body["type"]), str(body["ref"]), str(body["label"]), str(body["origin"]), spendable)


def _words(*parts: str) -> str:
    return "; ".join(part for part in parts if part)[:MAX_LABEL_CHARACTERS]


def _origin(vault: Vault) -> str:
    """The vault's descriptor in the abbreviated form of BIP-329: no keys, origins alone."""
    origins = ",".join(f"[{key.xpub.partition('[')[2].partition(']')[0]}]" for key in vault.keys)
    kind = "tr" if vault.template.startswith("tr") else "wsh"
    name = "multi_a" if kind == "tr" else "sortedmulti"
    return f"{kind}({name}({vault.threshold},{origins}))"


def _address_labels(books: Books, vault: str) -> list[Label]:
    return [
        Label("addr", item.address.address, _words(f"{item.payer}: {item.purpose}", item.key))
        for item in reservations(books).values()
        if vault in {"", item.address.vault}
    ]


def _key_labels(books: Books, vault: str) -> list[Label]:
    return [
        Label("xpub", key.xpub.rpartition("]")[2], _words(key.signer, f"vault {name}"))
        for name, item in vault_records(books).items()
        if vault in {"", name}
        for key in (*item.vault.keys, *(item.vault.recovery.keys if item.vault.recovery else ()))
    ]


def _coin_labels(treasury: Treasury, vault: str) -> list[Label]:
    labels: list[Label] = []
    vaults = {name: item.vault for name, item in vault_records(treasury.books).items()}
    sent = treasury.books.records(OWN_TRANSACTION)
    for paper in coin_papers(treasury.books).values():
        coin = treasury.coins.coin(paper.outpoint)
        if coin is None or paper.state == LOST or vault not in {"", coin.vault}:
            continue
        txid = paper.outpoint.partition(":")[0]
        words = _words(paper.source, ", ".join(paper.flags))
        origin = _origin(vaults[coin.vault])
        labels.append(Label("tx", txid, words, origin))
        labels.append(Label("output", paper.outpoint, words, spendable=_may_be_spent(treasury, paper)))
        if coin.spent_by and coin.spent_by in sent:
            body = cast("Mapping[str, Json]", sent[coin.spent_by])
            labels.append(Label("tx", coin.spent_by, _words(f"spend {body['spend']}", str(body["purpose"])), origin))
    return labels


def _may_be_spent(treasury: Treasury, paper: CoinPaper) -> bool:
    is_held = paper.hold_until is not None and paper.hold_until > treasury.now.date()
    return paper.state != SUSPENSE and not is_held
