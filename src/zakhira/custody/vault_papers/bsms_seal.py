"""The encryption of BSMS records by a shared token (BIP-129, section Encryption): STANDARD and EXTENDED.

Key = PBKDF2-HMAC-SHA512("No SPOF", token, 2048 rounds, 256 bits); MAC = HMAC-SHA256(SHA256(key), hex token || record);
the record is AES-256-CTR with the MAC's first 16 bytes as its counter block, and is sent as hex of MAC || ciphertext.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from zakhira.custody.vault_papers.refusals import BadToken, SealBroken

TOKEN_BYTES = (8, 16)
"""BIP-129: a nonce of 64 bits (STANDARD) or of 128 bits (EXTENDED)."""
NO_TOKEN = "00"  # noqa: S105  # BIP-129's mark of a record in the clear
_ROUNDS, _KEY_BYTES, _MAC_BYTES, _IV_BYTES = 2048, 32, 32, 16
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def is_sealed(text: str) -> bool:
    """Whether a text looks like an encrypted record: hex of a MAC and something behind it."""
    joined = "".join(text.split())
    return len(joined) > 2 * _MAC_BYTES and _HEX.fullmatch(joined) is not None


def parse_token(text: str) -> bytes:
    """A token from hex (16 or 32 letters) or from a decimal number, as BIP-129 recommends to tell it.

    Sixteen or 32 letters are hex; any other count of digits is a decimal number, in 64 bits if it fits.

    Raises:
        BadToken: it is neither; the token is not repeated.
    """
    told = "".join(text.split())
    if len(told) in {2 * size for size in TOKEN_BYTES} and _HEX.fullmatch(told):
        return bytes.fromhex(told)
    if told.isascii() and told.isdigit() and len(told) <= 39 and int(told) < 2**128:  # noqa: PLR2004  # 128 bits
        return int(told).to_bytes(TOKEN_BYTES[0] if int(told) < 2**64 else TOKEN_BYTES[1], "big")
    raise BadToken("The token is neither hex of 64 or 128 bits nor a decimal number.", "Ask the coordinator for it.")


def _keys(token: bytes) -> tuple[bytes, bytes]:
    """The keys of encryption and of authentication."""
    key = hashlib.pbkdf2_hmac("sha512", b"No SPOF", token, _ROUNDS, _KEY_BYTES)
    return key, hashlib.sha256(key).digest()


def _mac(token: bytes, record: bytes) -> bytes:
    return hmac.new(_keys(token)[1], token.hex().encode() + record, hashlib.sha256).digest()


def _turn(token: bytes, mac: bytes, data: bytes) -> bytes:
    """AES-256-CTR, which is its own way back."""
    turner = Cipher(algorithms.AES256(_keys(token)[0]), modes.CTR(mac[:_IV_BYTES])).encryptor()
    return turner.update(data) + turner.finalize()


def seal(record: str, token: bytes) -> str:
    """The record encrypted, in hex."""
    data = record.encode()
    mac = _mac(token, data)
    return (mac + _turn(token, mac, data)).hex()


def unseal(text: str, token: str) -> str:
    """The record of a sealed text.

    Raises:
        BadToken: there is no token, or it is none.
        SealBroken: the token does not open it, or it was changed.
    """
    if not token:
        raise BadToken("The record is encrypted.", "Give the token of its session.")
    key = parse_token(token)
    data = bytes.fromhex("".join(text.split()))
    mac, sealed = data[:_MAC_BYTES], data[_MAC_BYTES:]
    record = _turn(key, mac, sealed)
    if not hmac.compare_digest(_mac(key, record), mac):
        raise SealBroken("The token does not open the record.", "Check token and file; the record may be altered.")
    try:
        return record.decode()
    except UnicodeDecodeError:
        raise SealBroken("The record is not text.", "Ask for the record again.") from None
