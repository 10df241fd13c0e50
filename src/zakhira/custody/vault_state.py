"""A vault's life as a record: designed, tested (every key has test-signed), in use, retired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import cast

from zakhira.custody.vault_refusals import VaultNotTested, VaultRetired, WrongVaultState
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.programme.model import Vault
from zakhira.programme.vault_text import vault_json, vault_of

DESIGNED, TESTED, IN_USE, RETIRED = "designed", "tested", "in use", "retired"
STATES = (DESIGNED, TESTED, IN_USE, RETIRED)


@dataclass(frozen=True)
class ProofOfLife:
    """That a signer's key signed a challenge of this vault, on which day."""

    signer: str
    on: date
    challenge_hash: str


@dataclass(frozen=True)
class VaultRecord:
    """A vault with its life so far; each change gives a new record, to be written as a new version."""

    vault: Vault
    chain: str
    created_by: str
    created_at: datetime
    state: str = DESIGNED
    test_signed: tuple[ProofOfLife, ...] = ()
    successor: str = ""
    """of a retired vault: where its coins went; empty if it never held any"""

    @property
    def signers(self) -> tuple[str, ...]:
        """Everybody whose key stands in the vault, main path first, each once."""
        recovery = self.vault.recovery.keys if self.vault.recovery else ()
        return tuple(dict.fromkeys(key.signer for key in (*self.vault.keys, *recovery)))

    @property
    def untested(self) -> tuple[str, ...]:
        """Signers whose key has not test-signed yet."""
        done = {item.signer for item in self.test_signed}
        return tuple(signer for signer in self.signers if signer not in done)


def with_test_sign(record: VaultRecord, proof: ProofOfLife) -> VaultRecord:
    """The record with one more key shown to work; the last one makes a designed vault tested.

    A later proof of the same signer renews it (proof of life); the state never goes back.

    Raises:
        WrongVaultState: the vault is retired, or has no such signer.
    """
    if record.state == RETIRED or proof.signer not in record.signers:
        what = "is retired" if record.state == RETIRED else f"has no signer {proof.signer}"
        raise WrongVaultState(f"Vault {record.vault.id} {what}.", "Name a signer of a vault that is not retired.")
    others = tuple(item for item in record.test_signed if item.signer != proof.signer)
    signed = tuple(sorted((*others, proof), key=lambda item: record.signers.index(item.signer)))
    after = replace(record, test_signed=signed)
    return replace(after, state=TESTED) if record.state == DESIGNED and not after.untested else after


def require_usable(record: VaultRecord) -> None:
    """Nothing, if the vault may hand out addresses.

    Raises:
        VaultNotTested: a key has not test-signed; the message names the signers.
        VaultRetired: the vault is retired; the message names its successor.
    """
    if record.state == RETIRED:
        where = f" Its coins go to {record.successor}." if record.successor else ""
        raise VaultRetired(f"Vault {record.vault.id} is retired.{where}", "Use its successor.")
    if record.untested:
        names = ", ".join(record.untested)
        raise VaultNotTested(
            f"In vault {record.vault.id} {len(record.untested)} of {len(record.signers)} keys have not test-signed: "
            f"{names}.",
            "Let them test-sign first.",
        )


def put_in_use(record: VaultRecord) -> VaultRecord:
    """The record of a vault that hands out its first address; raises what :func:`require_usable` raises."""
    require_usable(record)
    return replace(record, state=IN_USE)


def retire(record: VaultRecord, successor: str) -> VaultRecord:
    """The record of a vault that takes no more coins. Late payments to it are still watched and swept.

    Raises:
        WrongVaultState: it is retired already, is its own successor, or was in use and no successor is named.
    """
    if record.state == RETIRED:
        raise WrongVaultState(f"Vault {record.vault.id} is retired already.", "Name another vault.")
    if successor == record.vault.id or (record.state == IN_USE and not successor):
        raise WrongVaultState(f"Vault {record.vault.id} needs another vault as its successor.", "Name it.")
    return replace(record, state=RETIRED, successor=successor)


def record_json(record: VaultRecord) -> dict[str, Json]:
    """The record as plain data for the books (kind ``vault``)."""
    return {
        "vault": vault_json(record.vault),
        "chain": record.chain,
        "created_by": record.created_by,
        "created_at": utc_text(record.created_at),
        "state": record.state,
        "test_signed": [
            {"signer": item.signer, "on": item.on.isoformat(), "challenge_hash": item.challenge_hash}
            for item in record.test_signed
        ],
        "successor": record.successor,
    }


def record_of(body: Mapping[str, Json]) -> VaultRecord:
    """The record that :func:`record_json` wrote."""
    return VaultRecord(
        vault=vault_of(cast("dict[str, Json]", body["vault"])),
        chain=str(body["chain"]),
        created_by=str(body["created_by"]),
        created_at=parse_utc(str(body["created_at"])),
        state=str(body["state"]),
        test_signed=tuple(
            ProofOfLife(item["signer"], date.fromisoformat(item["on"]), item["challenge_hash"])
            for item in cast("list[dict[str, str]]", body["test_signed"])
        ),
        successor=str(body["successor"]),
    )
