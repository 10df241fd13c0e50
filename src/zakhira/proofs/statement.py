"""What a pack states: the reserve at a block, its coins, the proofs of control and an extract of the ledger."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import NotUtc, parse_utc
from zakhira.proofs.reading import (
    HASH,
    MAX_HEIGHT,
    MAX_INDEX,
    NOTE,
    OUTPOINT,
    Malformed,
    amount_sats,
    integer,
    record,
    rows,
    signed_sats,
    text,
)

PACK_FORMAT = "zakhira-pack/1"
NETWORK_FEES = "expenses:network-fees"
COVERAGE_DECIMALS = 4

STATEMENT_FILE = "statement.json"
COINS_FILE = "coins.json"
PROOFS_FILE = "proofs.json"
LEDGER_FILE = "ledger.json"
MANIFEST_FILE = "manifest.json"
SIGNATURES_FILE = "signatures.json"
LISTED_FILES = (STATEMENT_FILE, COINS_FILE, PROOFS_FILE, LEDGER_FILE)
"""the files that the manifest lists"""
PACK_FILES = (*LISTED_FILES, MANIFEST_FILE, SIGNATURES_FILE)

_CHAIN = re.compile(r"main|test|signet|regtest")
_KIND = re.compile(r"asset|liability|income|expense")
_COVERAGE = re.compile(r"(?:0|[1-9]\d*)\.\d{4}|")
_FORMAT = re.compile(re.escape(PACK_FORMAT))


@dataclass(frozen=True)
class Statement:
    """The reserve of one vault at one block. Amounts are in sats."""

    programme_id: str
    programme_digest: str
    chain: str
    height: int
    block_hash: str
    time: str
    vault: str
    descriptor: str
    coins: int
    total_sats: int
    claims_sats: int
    coverage: str
    """total over claims, cut to four decimals; empty without claims"""
    ledger_account: str
    ledger_sats: int
    challenge: str

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        return {"format": PACK_FORMAT, **{name: getattr(self, name) for name in _STATEMENT_KEYS}}


_STATEMENT_KEYS = tuple(Statement.__dataclass_fields__)


@dataclass(frozen=True)
class PackCoin:
    """A coin of the reserve: where it is on the chain and where its address stands in the descriptor."""

    outpoint: str
    amount_sats: int
    address: str
    branch: int
    index: int
    height: int
    block_hash: str

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        return {name: getattr(self, name) for name in _COIN_KEYS}


_COIN_KEYS = tuple(PackCoin.__dataclass_fields__)


@dataclass(frozen=True)
class ControlProof:
    """A BIP-322 signature over the challenge by the keys of one address."""

    address: str
    signature: str

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        return {"address": self.address, "signature": self.signature}


@dataclass(frozen=True)
class PackPosting:
    """A posting in bitcoin with its lot: positive debits, negative credits."""

    account: str
    amount_sats: int
    outpoint: str
    source: str

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        return {name: getattr(self, name) for name in _POSTING_KEYS}


_POSTING_KEYS = tuple(PackPosting.__dataclass_fields__)


@dataclass(frozen=True)
class PackEntry:
    """The bitcoin part of one entry of the ledger."""

    id: str
    at: str
    narration: str
    evidence: str
    postings: tuple[PackPosting, ...]

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        head: dict[str, Json] = {name: getattr(self, name) for name in _ENTRY_KEYS if name != "postings"}
        return {**head, "postings": [posting.as_json() for posting in self.postings]}


_ENTRY_KEYS = tuple(PackEntry.__dataclass_fields__)


@dataclass(frozen=True)
class LedgerExtract:
    """The bitcoin accounts (code to kind), their entries in order, and their balances in sats."""

    accounts: Mapping[str, str]
    entries: tuple[PackEntry, ...]
    balances: Mapping[str, int]

    def as_json(self) -> dict[str, Json]:
        """Plain data for the canonical encoding."""
        return {
            "accounts": dict(self.accounts),
            "entries": [entry.as_json() for entry in self.entries],
            "balances": dict(self.balances),
        }


def sum_balances(accounts: Iterable[str], entries: Iterable[PackEntry]) -> dict[str, int]:
    """Every account's balance in sats, recomputed; an account that no posting names has 0."""
    balances = dict.fromkeys(accounts, 0)
    for entry in entries:
        for posting in entry.postings:
            balances[posting.account] = balances.get(posting.account, 0) + posting.amount_sats
    return balances


def sum_lots(account: str, entries: Iterable[PackEntry]) -> dict[str, int]:
    """What is left of each lot (outpoint) on an account, in sats; lots that are used up are absent."""
    lots: dict[str, int] = {}
    for entry in entries:
        for posting in entry.postings:
            if posting.account == account:
                lots[posting.outpoint] = lots.get(posting.outpoint, 0) + posting.amount_sats
    return {outpoint: left for outpoint, left in lots.items() if left}


def sum_claims(extract: LedgerExtract) -> int:
    """What the programme owes in bitcoin, in sats: the liabilities, whose balances are credits."""
    return -sum(extract.balances[code] for code, kind in extract.accounts.items() if kind == "liability")


def coverage_text(total_sats: int, claims_sats: int) -> str:
    """Total over claims, cut (never rounded up) to four decimals; empty without claims."""
    if claims_sats == 0:
        return ""
    whole, part = divmod(total_sats * 10**COVERAGE_DECIMALS // claims_sats, 10**COVERAGE_DECIMALS)
    return f"{whole}.{part:0{COVERAGE_DECIMALS}d}"


def challenge_text(programme_id: str, chain: str, height: int, block_hash: str, coins_file: bytes) -> str:
    """The text that the keys of every address sign: it binds the proof to programme, block and list of coins."""
    return "\n".join(
        (
            "Zakhira proof of reserve, version 1",
            f"programme: {programme_id}",
            f"chain: {chain}",
            f"block: {height} {block_hash}",
            f"coins: sha256 {hashlib.sha256(coins_file).hexdigest()}",
        )
    )


def read_statement(value: Json, where: str = STATEMENT_FILE) -> Statement:
    """Read a statement strictly; raises Malformed."""
    body = record(value, where, ("format", *_STATEMENT_KEYS))
    text(body["format"], f"{where} format", _FORMAT)
    moment = text(body["time"], f"{where} time")
    try:
        parse_utc(moment)
    except NotUtc as error:
        raise Malformed(f"{where} time: {error.message}", error.remedy) from None
    return Statement(
        programme_id=text(body["programme_id"], f"{where} programme_id"),
        programme_digest=text(body["programme_digest"], f"{where} programme_digest"),
        chain=text(body["chain"], f"{where} chain", _CHAIN),
        height=integer(body["height"], f"{where} height", 0, MAX_HEIGHT),
        block_hash=text(body["block_hash"], f"{where} block_hash", HASH),
        time=moment,
        vault=text(body["vault"], f"{where} vault"),
        descriptor=text(body["descriptor"], f"{where} descriptor"),
        coins=integer(body["coins"], f"{where} coins", 0, MAX_INDEX),
        total_sats=amount_sats(body["total_sats"], f"{where} total_sats"),
        claims_sats=amount_sats(body["claims_sats"], f"{where} claims_sats"),
        coverage=text(body["coverage"], f"{where} coverage", _COVERAGE),
        ledger_account=text(body["ledger_account"], f"{where} ledger_account"),
        ledger_sats=amount_sats(body["ledger_sats"], f"{where} ledger_sats"),
        challenge=text(body["challenge"], f"{where} challenge"),
    )


def _read_coin(value: Json, where: str) -> PackCoin:
    body = record(value, where, _COIN_KEYS)
    return PackCoin(
        outpoint=text(body["outpoint"], f"{where} outpoint", OUTPOINT),
        amount_sats=amount_sats(body["amount_sats"], f"{where} amount_sats"),
        address=text(body["address"], f"{where} address"),
        branch=integer(body["branch"], f"{where} branch", 0, 1),
        index=integer(body["index"], f"{where} index", 0, MAX_INDEX),
        height=integer(body["height"], f"{where} height", 0, MAX_HEIGHT),
        block_hash=text(body["block_hash"], f"{where} block_hash", HASH),
    )


def read_coins(value: Json) -> tuple[PackCoin, ...]:
    """Read the list of coins strictly; raises Malformed."""
    return rows(value, COINS_FILE, _read_coin)


def _read_proof(value: Json, where: str) -> ControlProof:
    body = record(value, where, ("address", "signature"))
    return ControlProof(text(body["address"], f"{where} address"), text(body["signature"], f"{where} signature"))


def read_proofs(value: Json) -> tuple[ControlProof, ...]:
    """Read the proofs of control strictly; raises Malformed."""
    return rows(value, PROOFS_FILE, _read_proof)


def _read_posting(value: Json, where: str) -> PackPosting:
    body = record(value, where, _POSTING_KEYS)
    return PackPosting(
        account=text(body["account"], f"{where} account"),
        amount_sats=signed_sats(body["amount_sats"], f"{where} amount_sats"),
        outpoint=text(body["outpoint"], f"{where} outpoint", OUTPOINT),
        source=text(body["source"], f"{where} source", NOTE),
    )


def _read_entry(value: Json, where: str) -> PackEntry:
    body = record(value, where, _ENTRY_KEYS)
    return PackEntry(
        id=text(body["id"], f"{where} id"),
        at=text(body["at"], f"{where} at"),
        narration=text(body["narration"], f"{where} narration", NOTE),
        evidence=text(body["evidence"], f"{where} evidence", NOTE),
        postings=rows(body["postings"], f"{where} postings", _read_posting),
    )


def read_ledger(value: Json, where: str = LEDGER_FILE) -> LedgerExtract:
    """Read the extract of the ledger strictly; raises Malformed."""
    body = record(value, where, ("accounts", "entries", "balances"))
    accounts, balances = body["accounts"], body["balances"]
    if not isinstance(accounts, dict) or not isinstance(balances, dict) or set(accounts) != set(balances):
        raise Malformed(f"{where}: accounts and balances are not of the same accounts.", "Fetch the pack again.")
    return LedgerExtract(
        accounts={code: text(kind, f"{where} {code}", _KIND) for code, kind in accounts.items()},
        entries=rows(body["entries"], f"{where} entries", _read_entry),
        balances={code: signed_sats(units, f"{where} {code}") for code, units in balances.items()},
    )
