"""Keys of a drill, derived from a phrase that anybody may read: never for coins that are worth something.

Officers' keys are Ed25519 (RFC 8032); signers' keys are BIP-32 at m/48h/1h/0h/2h (BIP-48, P2WSH, test networks).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from embit.script import p2wpkh

ACCOUNT_PATH = "m/48h/1h/0h/2h"
SEED_BYTES = 32


def _seed(phrase: str, *labels: str) -> bytes:
    info = "\x1f".join(("zakhira drill", *labels)).encode()
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=None, info=info).derive(phrase.encode())


def officer_key(phrase: str, officer: str) -> Ed25519PrivateKey:
    """The drill's private key of an officer."""
    return Ed25519PrivateKey.from_private_bytes(_seed(phrase, "officer", officer))


def officer_public_key(phrase: str, officer: str) -> str:
    """The officer's public key in 64 hex digits, as the programme file holds it."""
    return officer_key(phrase, officer).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def signer_seed(phrase: str, vault: str, signer: str) -> bytes:
    """The BIP-32 seed of a drill's signer for one vault."""
    return _seed(phrase, "signer", vault, signer)


def signer_xpub(phrase: str, vault: str, signer: str) -> str:
    """The account key with its origin, ``[fingerprint/48h/1h/0h/2h]tpub...``, as the programme file holds it."""
    root = HDKey.from_seed(signer_seed(phrase, vault, signer), version=NETWORKS["regtest"]["xprv"])
    account = root.derive(ACCOUNT_PATH).to_public()
    return f"[{root.my_fingerprint.hex()}/48h/1h/0h/2h]{account.to_base58(version=NETWORKS['regtest']['xpub'])}"


def licensee_address(phrase: str, licensee: str) -> str:
    """The address that a drill's licensee is paid at: P2WPKH on regtest, at m/84h/1h/0h/0/0 (BIP-84)."""
    root = HDKey.from_seed(_seed(phrase, "licensee", licensee), version=NETWORKS["regtest"]["xprv"])
    address: str = p2wpkh(root.derive("m/84h/1h/0h/0/0")).address(NETWORKS["regtest"])
    return address
