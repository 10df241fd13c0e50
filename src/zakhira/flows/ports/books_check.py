"""What every kind of books checks alike: texts before they are written, and the whole store afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from zakhira.controls.chain.audit import EMPTY_CHAIN, ChainBreak, ChainCheck, ChainHead, Seal
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence, EvidenceCheck
from zakhira.flows.ports.books import LotBalance, StoredWrite, Write, content_bytes
from zakhira.flows.ports.books_errors import UnstorableText
from zakhira.flows.ports.coin_events import BrokenChainEvent, WatchedCoin
from zakhira.flows.ports.coin_fold import ChainFold, fold_breaks
from zakhira.flows.ports.ledger_books import ACCOUNT
from zakhira.flows.ports.ledger_records import changes_of
from zakhira.flows.ports.spend_history import history_breaks
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Amount
from zakhira.ledger.account_record import HeldAccount, account_of
from zakhira.ledger.balances import lots_left
from zakhira.ledger.fold import NO_CHANGES, LedgerFold
from zakhira.programme.model import AccountSpec

MAX_EXACT_INT = 2**53 - 1
"""The largest integer of canonical JSON (RFC 8785): a larger number in a body was a float."""

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class ShownSeals:
    """What a store shows of its audit chain: the seals by position, and where it says that they end."""

    seals: Sequence[Seal] = ()
    head: ChainHead | None = EMPTY_CHAIN
    """None where the store does not tell it any more"""
    settled_through: int = 0
    """every write up to this number was sealed, the store says"""


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
        BadAccountRecord, VaultAccount, BadHolder, BadPeriodRecord: a record of an account or a period.
    """
    if not all(text.strip() for text in _names(write)):
        blank = next(name for name, text in zip(_name_words(write), _names(write), strict=True) if not text.strip())
        raise UnstorableText(f"The {blank} of write {write.key!r} is blank.", "Give it a text.")
    content = content_bytes(write.entries, write.records, write.coin_events)
    has_nul = b"\\" in content and b"\\u0000" in content and _NUL.search(content)
    if has_nul or "\0" in write.key + write.actor + write.action:
        raise UnstorableText(f"A text of write {write.key!r} holds the character NUL.", "Leave it out.")
    changes_of(write.records)
    return hashlib.sha256(content).hexdigest()


def _names(write: Write) -> list[str]:
    """Every text of the write that must say something."""
    return [write.key, write.actor, write.action, *[name for one in write.records for name in (one.kind, one.id)]]


def _name_words(write: Write) -> list[str]:
    numbers = range(1, len(write.records) + 1)
    return ["key", "actor", "action", *[f"{what} of record {number}" for number in numbers for what in ("kind", "id")]]


def find_breaks(
    writes: Sequence[StoredWrite],
    accounts: Mapping[str, AccountSpec],
    balances: Mapping[str, Amount],
    lots: Iterable[LotBalance],
    seals: ShownSeals,
    chain_shown: ShownChain | None = None,
    evidence: Evidence = NO_EVIDENCE,
) -> tuple[str, ...]:
    """Everything in the store that does not follow from its writes, in sentences; nothing if all is well.

    ``writes`` stand by number. Each write's content and header are hashed anew and held against its audit entry, each
    entry is checked anew, nothing may be overdrawn or above a ceiling after any write, posted to what is frozen or
    closed, or taken back twice; the audit chain must hold, ``balances`` and ``lots`` must be the sums, and
    ``chain_shown`` what the events of the blockchain come to. No record undoes an officer's no.
    """
    breaks: list[str] = []
    contents: dict[int, bytes] = {}
    ledger, fold = _ledger_before(writes, accounts), ChainFold()
    sums = ledger.sums
    for write in writes:
        contents[write.audit.sequence] = hashlib.sha256(write.content).hexdigest().encode()
        breaks += _header_breaks(write, contents[write.audit.sequence])
        breaks += _write_breaks(write, ledger) + _event_breaks(write, fold)
    breaks += _seal_breaks(writes, contents, seals, evidence)
    for code in sorted(accounts.keys() | sums.accounts.keys() | balances.keys()):
        units, shown = sums.accounts.get(code, 0), balances.get(code)
        if shown is None or shown.units != units:
            breaks.append(f"balance of {code}: the postings sum to {units}, the store says {shown}.")
    if lots_left(sums) != tuple(sorted(lots, key=lambda lot: (lot.account, lot.lot.outpoint))):
        breaks.append("lots: what the store says is left is not what the postings sum to.")
    followed = chain_shown or ShownChain()
    return (*breaks, *fold_breaks(fold, followed.blocks, followed.coins), *history_breaks(writes))


def _seal_breaks(
    writes: Sequence[StoredWrite], contents: Mapping[int, bytes], shown: ShownSeals, evidence: Evidence
) -> list[str]:
    by_number = {write.audit.sequence: write.audit for write in writes}
    check, known = ChainCheck(), EvidenceCheck(evidence)
    found: list[ChainBreak] = []
    for seal in shown.seals:
        if seal.previous_hash != check.head.hash:
            found.append(ChainBreak(seal.position, "", "it does not carry the hash of the link before it"))
        entry = by_number.pop(seal.sequence, None)
        if entry is None:
            found.append(ChainBreak(seal.position, "", f"write {seal.sequence}, which it seals, is not there"))
            check.skip(ChainHead(seal.position, seal.hash))
            continue
        check.add(b"%d" % seal.position, seal.hash.encode(), entry.header, contents[seal.sequence])
        known.add(seal.position, seal.hash, entry.key, entry.at)
    breaks = [str(one) for one in (*found, *check.finish(), *known.finish(check.head.position))]
    if shown.head is None:
        breaks.append(f"the head of the chain is gone, its last link is {tuple(check.head)}.")
    elif shown.head != check.head:
        breaks.append(f"the head of the chain is {tuple(shown.head)}, its last link {tuple(check.head)}.")
    lost = [entry for entry in by_number.values() if entry.sequence <= shown.settled_through]
    return breaks + [
        f"write {entry.sequence} ({entry.key}): it was sealed once and its seal is gone." for entry in lost
    ]


def _header_breaks(write: StoredWrite, content: bytes) -> list[str]:
    audit = write.audit
    name = f"write {audit.sequence} ({audit.key})"
    breaks = []
    if content.decode() != audit.content_hash:
        breaks.append(f"{name}: its content is not what its audit entry says.")
    if hashlib.sha256(audit.header).hexdigest() != audit.leaf_hash:
        breaks.append(f"{name}: its leaf hash is not the hash of its header.")
    return breaks


def _ledger_before(writes: Sequence[StoredWrite], accounts: Mapping[str, AccountSpec]) -> LedgerFold:
    """The ledger before any write. What an account that has records was bound by before the first is not known."""
    held = {code: HeldAccount(spec) for code, spec in accounts.items()}
    first: dict[str, HeldAccount] = {}
    for write in writes:
        for record in write.records:
            if record.kind == ACCOUNT and record.id not in first:
                with contextlib.suppress(ZakhiraError):  # told as a break where it stands
                    first[record.id] = account_of(record.id, record.body)
    for code, account in first.items():
        if code in held:
            spec = replace(held[code].spec, overdraft="allowed", ceiling=None)
            held[code] = HeldAccount(spec, account.holder)
    return LedgerFold(held)


def _write_breaks(write: StoredWrite, ledger: LedgerFold) -> list[str]:
    """What the ledger would have refused of a write; it is taken in all the same, as it is there."""
    breaks = []
    changes = NO_CHANGES
    try:
        changes = changes_of(write.records)
        ledger.require(write.entries, changes)
    except ZakhiraError as error:
        breaks.append(f"write {write.audit.sequence} ({write.audit.key}): {error.message}")
    with contextlib.suppress(ZakhiraError):  # an account that changed into another: told above
        ledger.add(write.entries, changes)
    return breaks


def _event_breaks(write: StoredWrite, fold: ChainFold) -> list[str]:
    try:
        fold.add(write.coin_events)
    except BrokenChainEvent as error:
        return [f"write {write.audit.sequence} ({write.audit.key}): {error.message}"]
    return []
