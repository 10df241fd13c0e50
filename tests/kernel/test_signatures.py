"""A signature counts for one key, one purpose and one message."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zakhira.kernel.signatures import signature_is_valid, signing_bytes

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
SIGNATURE = KEY.sign(signing_bytes("approval", "ab" * 32)).hex()


def test_a_true_signature_is_valid() -> None:
    """The right key, domain and message."""
    assert signature_is_valid(PUBLIC, "approval", "ab" * 32, SIGNATURE)


@pytest.mark.parametrize(
    ("public", "domain", "message", "signature"),
    [
        ("00" * 32, "approval", "ab" * 32, SIGNATURE),
        (PUBLIC, "pack", "ab" * 32, SIGNATURE),
        (PUBLIC, "approval", "ac" * 32, SIGNATURE),
        (PUBLIC, "approval", "ab" * 32, "00" * 64),
        ("zz", "approval", "ab" * 32, SIGNATURE),
        (PUBLIC, "approval", "ab" * 32, "not hex"),
    ],
)
def test_anything_else_is_not(public: str, domain: str, message: str, signature: str) -> None:
    """Another key, purpose, message or signature, or malformed text, is a no and never a crash."""
    assert not signature_is_valid(public, domain, message, signature)
