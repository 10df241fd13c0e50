"""A pack drafted, proven, listed and signed: files as canonical JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from zakhira.custody.descriptor import vault_descriptor
from zakhira.custody.spend import HeldCoin, outpoint_order
from zakhira.kernel.canonical import Json, canonical_bytes
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Commodity
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec, Vault
from zakhira.proofs.statement import (
    COINS_FILE,
    LEDGER_FILE,
    LISTED_FILES,
    MANIFEST_FILE,
    PACK_FORMAT,
    PROOFS_FILE,
    SIGNATURES_FILE,
    STATEMENT_FILE,
    ControlProof,
    LedgerExtract,
    PackCoin,
    PackEntry,
    PackPosting,
    Statement,
    challenge_text,
    coverage_text,
    sum_balances,
    sum_claims,
    sum_lots,
)

PACK_DOMAIN = "pack"
"""Officers sign the manifest's hash in this domain (kernel.signatures)."""


class LedgerDiffers(Refused):
    """The ledger's account of the vault and the vault's coins are not the same."""

    code = "ZK-PROOFS-002"


class ClaimsAboveCoins(Refused):
    """The programme owes more bitcoin than the pack would prove."""

    code = "ZK-PROOFS-003"


class CoinAfterBlock(Refused):
    """A coin came after the block of the pack."""

    code = "ZK-PROOFS-004"


class ProofsIncomplete(InvalidInput):
    """The proofs of control are not exactly those of the draft's addresses."""

    code = "ZK-PROOFS-005"


class LotMissingInEntry(InvalidInput):
    """An entry posts bitcoin without its lot."""

    code = "ZK-PROOFS-006"


@dataclass(frozen=True)
class Subject:
    """What a pack is about: one vault of one programme at one block, and the ledger's account of that vault."""

    programme_id: str
    programme_digest: str
    chain: str
    height: int
    block_hash: str
    at: datetime
    vault: Vault
    ledger_account: str


@dataclass(frozen=True)
class PackDraft:
    """A pack that still lacks proofs: every address must sign the challenge."""

    files: Mapping[str, bytes]
    challenge: str
    addresses: tuple[str, ...]


def _extract_entry(entry: Entry) -> PackEntry | None:
    """The bitcoin part of an entry, or None if it has none."""
    postings = []
    for posting in entry.postings:
        if posting.amount.commodity is Commodity.BTC:
            if posting.lot is None:
                raise LotMissingInEntry(
                    f"Entry {entry.id} posts bitcoin on {posting.account} without a lot.", "Name it."
                )
            postings.append(
                PackPosting(posting.account, posting.amount.units, posting.lot.outpoint, posting.lot.source)
            )
    if not postings:
        return None
    return PackEntry(entry.id, utc_text(entry.at), entry.narration, entry.evidence, tuple(postings))


def extract_ledger(accounts: Iterable[AccountSpec], entries: Iterable[Entry]) -> LedgerExtract:
    """The bitcoin accounts with their entries and balances (sats); raises LotMissingInEntry."""
    kinds = {account.code: account.kind for account in accounts if account.commodity == Commodity.BTC.value}
    extracted = tuple(part for part in map(_extract_entry, entries) if part is not None)
    return LedgerExtract(kinds, extracted, sum_balances(kinds, extracted))


def _pack_coins(held: Sequence[HeldCoin], height: int) -> tuple[PackCoin, ...]:
    late = [item.coin.outpoint for item in held if item.coin.height > height]
    if late:
        raise CoinAfterBlock(f"Coin {late[0]} came after block {height}.", "Leave it out, or take a later block.")
    ordered = sorted(held, key=lambda item: outpoint_order(item.coin.outpoint))
    return tuple(
        PackCoin(
            item.coin.outpoint,
            item.coin.amount_sats,
            item.address.address,
            item.address.branch,
            item.address.index,
            item.coin.height,
            item.coin.block_hash,
        )
        for item in ordered
    )


def draft_pack(
    subject: Subject, held: Sequence[HeldCoin], accounts: Iterable[AccountSpec], entries: Iterable[Entry]
) -> PackDraft:
    """Draft the pack of a vault's coins. The ledger must agree lot by lot, and claims must be covered.

    Raises:
        LedgerDiffers, ClaimsAboveCoins, CoinAfterBlock, LotMissingInEntry: as their names say.
    """
    coins = _pack_coins(held, subject.height)
    extract = extract_ledger(accounts, entries)
    total_sats, claims_sats = sum(coin.amount_sats for coin in coins), sum_claims(extract)
    lots = sum_lots(subject.ledger_account, extract.entries)
    on_chain = {coin.outpoint: coin.amount_sats for coin in coins}
    if lots != on_chain:
        differing = sorted(set(lots.items()) ^ set(on_chain.items()))
        raise LedgerDiffers(
            f"{subject.ledger_account} and the coins differ in {differing[0][0]}: the ledger has "
            f"{lots.get(differing[0][0], 0)} sat, the chain {on_chain.get(differing[0][0], 0)} sat.",
            "Find the cause before anything is stated.",
        )
    if claims_sats > total_sats:
        raise ClaimsAboveCoins(f"Claims of {claims_sats} sat exceed coins of {total_sats} sat.", "Sweep coins first.")
    coins_file = canonical_bytes([coin.as_json() for coin in coins])
    challenge = challenge_text(subject.programme_id, subject.chain, subject.height, subject.block_hash, coins_file)
    statement = Statement(
        programme_id=subject.programme_id,
        programme_digest=subject.programme_digest,
        chain=subject.chain,
        height=subject.height,
        block_hash=subject.block_hash,
        time=utc_text(subject.at),
        vault=subject.vault.id,
        descriptor=vault_descriptor(subject.vault),
        coins=len(coins),
        total_sats=total_sats,
        claims_sats=claims_sats,
        coverage=coverage_text(total_sats, claims_sats),
        ledger_account=subject.ledger_account,
        ledger_sats=extract.balances.get(subject.ledger_account, 0),
        challenge=challenge,
    )
    files = {
        STATEMENT_FILE: canonical_bytes(statement.as_json()),
        COINS_FILE: coins_file,
        LEDGER_FILE: canonical_bytes(extract.as_json()),
    }
    return PackDraft(files, challenge, tuple(sorted({coin.address for coin in coins})))


def complete_pack(draft: PackDraft, proofs: Mapping[str, str]) -> dict[str, bytes]:
    """Add the BIP-322 signatures (address to ``smp...``) and the manifest; raises ProofsIncomplete."""
    if set(proofs) != set(draft.addresses):
        odd = sorted(set(proofs) ^ set(draft.addresses))
        raise ProofsIncomplete(f"The proofs do not fit the addresses: {', '.join(odd)}.", "Prove each address once.")
    listed = {
        **draft.files,
        PROOFS_FILE: canonical_bytes([ControlProof(name, proofs[name]).as_json() for name in sorted(proofs)]),
    }
    entries: dict[str, Json] = {
        name: {"sha256": hashlib.sha256(listed[name]).hexdigest(), "length": len(listed[name])} for name in LISTED_FILES
    }
    return {**listed, MANIFEST_FILE: canonical_bytes({"format": PACK_FORMAT, "files": entries})}


def manifest_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 of the manifest, in hex: what officers sign in the domain ``pack``."""
    return hashlib.sha256(files[MANIFEST_FILE]).hexdigest()


def add_signatures(files: Mapping[str, bytes], signatures: Mapping[str, str]) -> dict[str, bytes]:
    """The pack with the officers' signatures (officer to hex), sorted by officer."""
    listed = [{"officer": officer, "signature": signatures[officer]} for officer in sorted(signatures)]
    return {**files, SIGNATURES_FILE: canonical_bytes(listed)}
