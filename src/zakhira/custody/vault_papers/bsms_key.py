"""BSMS key records: a signer's key with a description, signed by that very key (BIP-129, round 1).

The signature is a Bitcoin message signature over the first four lines ("legacy format accepted"); one in the form of
BIP-322 is refused by name, since the BIP does not say which address it would be for. Sparrow leaves the signature out
by default: such a record is taken, and said to prove nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from embit import ec
from embit.bip32 import HDKey
from embit.transaction import compact
from embit.util import secp256k1

from zakhira.custody.descriptor import EMBIT_ERRORS
from zakhira.custody.key_origin import KeyOrigin, parse_key
from zakhira.custody.vault_papers.bsms import open_record
from zakhira.custody.vault_papers.bsms_seal import NO_TOKEN
from zakhira.custody.vault_papers.refusals import OtherPaper
from zakhira.custody.vault_papers.text import label_of
from zakhira.custody.vault_refusals import BadKeyRecord

MAX_DESCRIPTION = 80
"""BIP-129: letters of the fourth line."""
_PREFIX = b"Bitcoin Signed Message:\n"
_SIGNATURE_BYTES = 65
_FIRST_HEADER, _LAST_HEADER = 27, 42
"""The header byte of a message signature: 27 to 34 for P2PKH, to 38 for P2SH-P2WPKH, to 42 for P2WPKH (BIP-137)."""
_TOKEN = re.compile(r"(?:[0-9a-f]{16}){1,2}")
_KEY_LINES, _SIGNED_LINES = 4, 5


@dataclass(frozen=True)
class KeyRecord:
    """A signer's key with its description; ``is_signed`` says whether the key itself signed it."""

    key: KeyOrigin
    description: str
    is_signed: bool


def message_hash(message: bytes) -> bytes:
    """What a Bitcoin message signature signs: SHA-256 twice over prefix and message, each with its length."""
    data = bytes([len(_PREFIX)]) + _PREFIX + compact.to_bytes(len(message)) + message
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def signs(public_key: bytes, message: bytes, signature: str) -> bool:
    """Whether a base64 signature with its header byte is the key's over the message.

    Raises:
        BadKeyRecord: it is no such signature; one of BIP-322 is named.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        raise BadKeyRecord("The signature of the record is not base64.", "Ask the signer for it again.") from None
    if len(raw) != _SIGNATURE_BYTES or not _FIRST_HEADER <= raw[0] <= _LAST_HEADER:
        what = "is of BIP-322's form, which is not read" if len(raw) > _SIGNATURE_BYTES else "is no message signature"
        raise BadKeyRecord(f"The signature of the record {what}.", "Let the signer sign in the legacy format.")
    try:
        found = secp256k1.ecdsa_signature_normalize(secp256k1.ecdsa_signature_parse_compact(raw[1:]))
        return bool(ec.PublicKey.parse(public_key).verify(ec.Signature(found), message_hash(message)))
    except EMBIT_ERRORS:
        return False


def read_key_record(text: str, token: str = "") -> KeyRecord:
    """The key of a record whose signature verifies.

    Raises:
        BadKeyRecord: the signature does not verify or the record has another form.
        OtherPaper: it is a descriptor record.
        BadToken, SealBroken: it is sealed and does not open.
        MalformedKey, PrivateKeyInVault: its key cannot be read; a bare public key is none that a vault can hold.
    """
    lines = open_record(text, token)
    if len(lines) > 1 and "(" in lines[1]:
        raise OtherPaper("This is a descriptor record.", "Read it as a vault; a key record has a key in line 3.")
    if len(lines) not in {_KEY_LINES, _SIGNED_LINES}:
        raise BadKeyRecord(f"A key record has 5 lines; this one has {len(lines)}.", "Ask the signer for it again.")
    if lines[1] != NO_TOKEN and _TOKEN.fullmatch(lines[1]) is None:
        raise BadKeyRecord("The second line of the record is no token.", "Ask the signer for it again.")
    if len(lines[3]) > MAX_DESCRIPTION:
        raise BadKeyRecord(f"The description has more than {MAX_DESCRIPTION} letters.", "Shorten it on the signer.")
    origin = parse_key(lines[2])
    is_signed = len(lines) == _SIGNED_LINES
    if is_signed:
        public_key = HDKey.from_base58(origin.xpub).key.sec()
        if not signs(public_key, "\n".join(lines[:_KEY_LINES]).encode(), lines[4]):
            raise BadKeyRecord("The signature is not by the key of the record.", "Take no key from it: it was changed.")
    return KeyRecord(origin, label_of(lines[3]), is_signed)
