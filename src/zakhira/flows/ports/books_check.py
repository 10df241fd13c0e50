"""What every kind of books checks alike: texts before they are written, and the whole store afterwards."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zakhira.controls.audit import AuditEntry, verify_chain
from zakhira.flows.ports.books import LotBalance, Record, Write, content_bytes, input_hash
from zakhira.flows.ports.books_errors import UnstorableText
from zakhira.flows.ports.coin_events import BrokenChainEvent, CoinEvent, WatchedCoin
from zakhira.flows.ports.coin_fold import ChainFold, fold_breaks
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Amount
from zakhira.ledger.balances import Tally, lots_left, require_covered, tally
from zakhira.ledger.checks import require_valid
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec

MAX_EXACT_INT = 2**53 - 1
"""The largest integer of canonical JSON (RFC 8785): a larger number in a body was a float."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class StoredWrite:
    """One write as it is stored: its audit entry and what it wrote, in order."""

    audit: AuditEntry
    entries: tuple[Entry, ...]
    records: tuple[Record, ...]
    coin_events: tuple[CoinEvent, ...] = ()


@dataclass(frozen=True)
class ShownChain:
    """What a store shows of the followed chain: its blocks by height, and every coin on it."""

    blocks: Mapping[int, str] = field(default_factory=dict)
    coins: tuple[WatchedCoin, ...] = ()


def encode_body(body: Json) -> str:
    """JSON of a record's body in which floats stay floats and integers integers."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def decode_body(text: str) -> Json:
    """Read what :func:`encode_body` wrote, also after the database has written numbers in its own way."""
    value: Json = json.loads(text, parse_int=_number)
    return value


def _number(digits: str) -> int | float:
    value = int(digits)
    return value if abs(value) <= MAX_EXACT_INT else float(digits)


def require_storable(write: Write) -> str:
    """Return the input hash of the write if every text of it can be stored and every name says something.

    Raises:
        UnstorableText: a text holds NUL, or a key, an actor, an action, a kind or an id is blank.
        NotCanonical, NotUtc: see :func:`content_bytes`.
    """
    names = {"key": write.key, "actor": write.actor, "action": write.action}
    for number, record in enumerate(write.records, 1):
        names |= {f"kind of record {number}": record.kind, f"id of record {number}": record.id}
    for name, text in names.items():
        if not text.strip():
            raise UnstorableText(f"The {name} of write {write.key!r} is blank.", "Give it a text.")
    content = content_bytes(write.entries, write.records, write.coin_events)
    if (b"\\u0000" in content and _NUL.search(content)) or "\0" in write.key + write.actor + write.action:
        raise UnstorableText(f"A text of write {write.key!r} holds the character NUL.", "Leave it out.")
    return hashlib.sha256(content).hexdigest()


def find_breaks(
    writes: Iterable[StoredWrite],
    accounts: Mapping[str, AccountSpec],
    balances: Mapping[str, Amount],
    lots: Iterable[LotBalance],
    chain_shown: ShownChain | None = None,
) -> tuple[str, ...]:
    """Everything in the store that does not follow from its writes, in sentences; nothing if all is well.

    Each write's content is hashed anew and held against its audit entry, each entry is checked anew, no lot may be
    overdrawn after any write, the chain must hold, ``balances`` and ``lots`` must be the sums, and ``chain_shown`` what
    the events of the blockchain come to.
    """
    breaks: list[str] = []
    chain: list[AuditEntry] = []
    sums = Tally()
    fold = ChainFold()
    for write in writes:
        chain.append(write.audit)
        breaks += _write_breaks(write, accounts, sums) + _event_breaks(write, fold)
        sums.add(write.entries)
    breaks += [f"audit entry {found.sequence} ({found.key}): {found.what}." for found in verify_chain(chain)]
    for code in sorted(accounts.keys() | sums.accounts.keys() | balances.keys()):
        units, shown = sums.accounts.get(code, 0), balances.get(code)
        if shown is None or shown.units != units:
            breaks.append(f"balance of {code}: the postings sum to {units}, the store says {shown}.")
    if lots_left(sums) != tuple(sorted(lots, key=lambda lot: (lot.account, lot.lot.outpoint))):
        breaks.append("lots: what the store says is left is not what the postings sum to.")
    followed = chain_shown or ShownChain()
    return (*breaks, *fold_breaks(fold, followed.blocks, followed.coins))


def _write_breaks(write: StoredWrite, accounts: Mapping[str, AccountSpec], before: Tally) -> list[str]:
    breaks = []
    name = f"write {write.audit.sequence} ({write.audit.key})"
    if input_hash(write.entries, write.records, write.coin_events) != write.audit.content_hash:
        breaks.append(f"{name}: its content is not what its audit entry says.")
    try:
        require_valid(write.entries, accounts)
        require_covered(before, tally(write.entries), accounts)
    except ZakhiraError as error:
        breaks.append(f"{name}: {error.message}")
    return breaks


def _event_breaks(write: StoredWrite, fold: ChainFold) -> list[str]:
    try:
        fold.add(write.coin_events)
    except BrokenChainEvent as error:
        return [f"write {write.audit.sequence} ({write.audit.key}): {error.message}"]
    return []
