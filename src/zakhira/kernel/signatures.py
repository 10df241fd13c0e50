"""Ed25519 signatures over domain-separated messages (RFC 8032): checking, never making."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def signing_bytes(domain: str, message_hash: str) -> bytes:
    """What is signed: the domain keeps a signature for one purpose from serving another."""
    return f"zakhira/{domain}/v1:{message_hash}".encode()


def signature_is_valid(public_key_hex: str, domain: str, message_hash: str, signature_hex: str) -> bool:
    """Whether the signature over ``message_hash`` in ``domain`` was made by the key. Malformed input is a no."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex))
        key.verify(bytes.fromhex(signature_hex), signing_bytes(domain, message_hash))
    except (ValueError, InvalidSignature):
        return False
    return True
