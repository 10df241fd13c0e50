"""Records of the register's vaults for tests of papers, one for each request, with every key test-signed."""

from __future__ import annotations

import os
from pathlib import Path

from register_drill import CHAIN, MADE_AT, MADE_ON, REGISTER, REQUESTS
from zakhira.custody.key_register import RegisteredKey
from zakhira.custody.vault_creation import VaultRequest, design_vault
from zakhira.custody.vault_papers.kinds import PAPER_KINDS
from zakhira.custody.vault_papers.paper import PaperRequest, Taking
from zakhira.custody.vault_state import ProofOfLife, VaultRecord, with_test_sign

GOLDEN = Path(__file__).resolve().parent / "golden"
SIGNERS = {key.xpub: key.signer for key in REGISTER}


def record_of(request: VaultRequest, register: tuple[RegisteredKey, ...] = REGISTER) -> VaultRecord:
    """The vault of a request, ready for use."""
    record = VaultRecord(design_vault(request, register, CHAIN).vault, CHAIN, "dara", MADE_AT)
    for signer in record.signers:
        record = with_test_sign(record, ProofOfLife(signer, MADE_ON, "00" * 32))
    return record


RECORDS = {name: record_of(request) for name, request in REQUESTS.items()}

MULTISIG_ALONE = {"coldcard", "sparrow", "specter"}
CARRIED = [
    (name, kind)
    for name, request in REQUESTS.items()
    for kind in PAPER_KINDS
    if not (request.template != "sortedmulti" and kind in MULTISIG_ALONE)
    and not (request.template == "taproot" and kind == "wallet-policy")
]
REFUSED = [(name, kind) for name in REQUESTS for kind in PAPER_KINDS if (name, kind) not in CARRIED]
"""Vault and kind: what a format has words for, and what it has none for."""


def request_of(name: str, token: str = "") -> PaperRequest:
    """What the papers of a vault are written from."""
    return PaperRequest(RECORDS[name], REGISTER, start_height=800_000, token=token)


def taking_of(name: str, token: str = "") -> Taking:
    """What the reader of its papers knows."""
    vault = RECORDS[name].vault
    return Taking(vault.id, vault.purpose, CHAIN, SIGNERS, token)


def golden(path: str, written: bytes) -> bytes:
    """The bytes of a golden file; with ``ZAKHIRA_UPDATE_GOLDEN=1`` it is written anew first."""
    file = GOLDEN / path
    if os.environ.get("ZAKHIRA_UPDATE_GOLDEN") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written)
    return file.read_bytes()
