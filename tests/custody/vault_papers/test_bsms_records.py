"""BSMS (BIP-129): the vectors of both rounds, sealed and in the clear, and signers that sign for their key."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from embit.bip32 import HDKey
from embit.util import secp256k1

from register_drill import REGISTER
from vector_readings import load
from zakhira.adapters.drill_keys import signer_seed
from zakhira.custody.refusals import MalformedDescriptor, MalformedKey, PrivateKeyInVault, UnsupportedDescriptor
from zakhira.custody.vault_papers.bsms import read_bsms
from zakhira.custody.vault_papers.bsms_key import message_hash, read_key_record
from zakhira.custody.vault_papers.bsms_seal import _mac, _turn, parse_token, seal, unseal
from zakhira.custody.vault_papers.paper import Taking
from zakhira.custody.vault_papers.refusals import BadToken, OtherPaper, SealBroken
from zakhira.custody.vault_refusals import BadKeyRecord, UnreadableWalletFile

SETUPS = {setup["mode"]: setup for setup in load("129")["setups"]}
SEALED = load("129_sealed")
MAIN = Taking("setup", "cold", "main")
PLAIN_KEYS = "NO_ENCRYPTION with Public Keys"


def signed_record(description: str = "Amina's Coldcard", *, header: int = 31, flip: bool = False) -> str:
    """A key record as a device of the drill signs it; ``flip`` makes the signature's s high, as some programs do."""
    root = HDKey.from_seed(signer_seed("a phrase that anybody may read", "cold", "cold-1"))
    account = root.derive("m/48h/1h/0h/2h")
    told = f"BSMS 1.0\n00\n{REGISTER[0].xpub}\n{description}"
    signature = account.key.sign(message_hash(told.encode()))
    compact = secp256k1.ecdsa_signature_serialize_compact(signature._sig)
    if flip:
        order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
        compact = compact[:32] + (order - int.from_bytes(compact[32:], "big")).to_bytes(32, "big")
    return f"{told}\n{base64.b64encode(bytes([header]) + compact).decode()}"


@pytest.mark.parametrize("mode", ["NO_ENCRYPTION", "STANDARD"])
def test_vectors_of_signers_and_coordinators(mode: str) -> None:
    """Each signature verifies, and the descriptor record's first address is the one that we derive."""
    setup = SETUPS[mode]
    for number, text in enumerate(setup["keys"], start=1):
        record = read_key_record(text)
        assert (record.is_signed, record.description) == (True, f"Signer {number} key")
        assert record.key.text in "\n".join(setup["keys"]).replace("'", "h")
    paper = read_bsms(setup["record"], MAIN)
    assert (paper.vault.threshold, len(paper.vault.keys)) == (2, 2)
    assert paper.first_address == setup["record"].split("\n")[3]


def test_vectors_of_bare_public_keys_are_refused_by_name() -> None:
    """A vault of ours is of extended keys: the records of bare keys are read by no reader here."""
    setup = SETUPS[PLAIN_KEYS]
    for text in setup["keys"]:
        with pytest.raises(MalformedKey):
            read_key_record(text)
    with pytest.raises(MalformedDescriptor):
        read_bsms(setup["record"], MAIN)


def sealed_vectors() -> list[tuple[str, str, str, str]]:
    """Token, the same in decimal, plain text, sealed text."""
    standard: dict[str, Any] = SEALED["standard"]
    plain = SETUPS["STANDARD"]
    found = [*zip(plain["keys"], standard["keys"], strict=True), (plain["record"], standard["record"])]
    rows = [(standard["token"], standard["token_decimal"], text, sealed) for text, sealed in found]
    rows += [(v["token"], v["token_decimal"], v["plain"], v["sealed"]) for v in SEALED["extended"]]
    return rows


@pytest.mark.parametrize(("token", "decimal", "plain", "sealed"), sealed_vectors())
def test_vectors_of_encryption(token: str, decimal: str, plain: str, sealed: str) -> None:
    """STANDARD and EXTENDED: the very bytes of the BIP, and back, by the token in hex and in decimal."""
    assert seal(plain, bytes.fromhex(token)) == sealed
    assert unseal(sealed, token) == unseal(sealed, decimal) == plain


def test_vectors_of_derived_keys() -> None:
    """The keys of encryption and of authentication that the BIP gives for its tokens."""
    for vector in (SEALED["standard"], *SEALED["extended"]):
        key = hashlib.pbkdf2_hmac("sha512", b"No SPOF", bytes.fromhex(vector["token"]), 2048, 32)
        assert (key.hex(), hashlib.sha256(key).hexdigest()) == (vector["encryption_key"], vector["hmac_key"])


def test_a_nested_descriptor_of_the_extended_setup_is_none_of_ours() -> None:
    """The BIP's third setup is P2SH-P2WSH; its keys are read, its wallet is not a vault."""
    keys = [read_key_record(v["sealed"], v["token"]) for v in SEALED["extended"]]
    assert all(key.is_signed for key in keys)
    body = f"sh(wsh(sortedmulti(2,{','.join(key.key.text + '/**' for key in keys)})))"
    with pytest.raises(UnsupportedDescriptor):
        read_bsms(f"BSMS 1.0\n{body}\n/0/*,/1/*\n34", MAIN)


@pytest.mark.parametrize("header", [27, 31, 32, 35, 39, 42])
def test_a_signer_s_signature_in_any_program_s_header(header: int) -> None:
    """The header says which kind of address the program thought of; the signature is the key's all the same."""
    assert read_key_record(signed_record(header=header)).is_signed
    assert read_key_record(signed_record(header=header, flip=True)).is_signed


def test_an_unsigned_record_is_taken_and_marked() -> None:
    """Sparrow leaves the signature out by default: nothing vouches for the key, and the reader says so."""
    record = read_key_record("\n".join(signed_record().split("\n")[:4]))
    assert not record.is_signed


BAD_RECORDS = {
    "another description": (signed_record().replace("Amina", "Imran"), BadKeyRecord),
    "another key": (signed_record().replace(REGISTER[0].xpub, REGISTER[1].xpub), BadKeyRecord),
    "another fingerprint": (signed_record().replace("[ce3dfc2c", "[00000000"), BadKeyRecord),
    "a signature of BIP-322": (signed_record().rsplit("\n", 1)[0] + "\n" + "AkcwRA==" * 20, BadKeyRecord),
    "a header that is none": (signed_record(header=43), BadKeyRecord),
    "no base64": (signed_record()[:-3] + "***", BadKeyRecord),
    "a signature of zeros": (
        signed_record().rsplit("\n", 1)[0] + "\n" + base64.b64encode(b"\x1f" + bytes(64)).decode(),
        BadKeyRecord,
    ),
    "a signature out of range": (
        signed_record().rsplit("\n", 1)[0] + "\n" + base64.b64encode(b"\x1f" + b"\xff" * 64).decode(),
        BadKeyRecord,
    ),
    "a long description": (signed_record("x" * 81), BadKeyRecord),
    "a token that is none": (signed_record().replace("\n00\n", "\n0g\n"), BadKeyRecord),
    "a line too many": (signed_record() + "\nmore", BadKeyRecord),
    "another version": (signed_record().replace("BSMS 1.0", "BSMS 1.1"), UnreadableWalletFile),
    "a descriptor record": (SETUPS["STANDARD"]["record"], OtherPaper),
}


@pytest.mark.parametrize(("text", "error"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_record_that_was_changed_is_refused(text: str, error: type[Exception]) -> None:
    """A key, its origin or its description that the key did not sign."""
    with pytest.raises(error):
        read_key_record(text)


def test_a_private_key_in_a_record_is_not_repeated() -> None:
    """Some signer exported the wrong one."""
    secret = HDKey.from_seed(b"1" * 32).to_base58()
    with pytest.raises(PrivateKeyInVault) as caught:
        read_key_record(f"BSMS 1.0\n00\n[00000000]{secret}\nkey")
    assert secret[:12] not in str(caught.value)


@pytest.mark.parametrize("token", ["", "xyz", "-1", "1.5", str(2**128), "a5" * 9, "0x10", "\u0661\u0662"])
def test_tokens_that_are_none(token: str) -> None:
    """Neither hex of 64 or 128 bits nor a decimal number within them; the token is not repeated."""
    with pytest.raises(BadToken) as caught:
        parse_token(token)
    assert len(token) < 3 or token not in str(caught.value)


def test_a_sealed_text_that_is_no_text() -> None:
    """Sealed with the right token by somebody who put something else inside."""
    token, data = bytes(8), b"\xff\xfe"
    mac = _mac(token, data)
    with pytest.raises(SealBroken, match="not text"):
        unseal((mac + _turn(token, mac, data)).hex(), token.hex())
    sealed = seal("BSMS 1.0", token)
    with pytest.raises(SealBroken):
        unseal(sealed, "11" * 8)
    assert unseal(sealed, "00" * 8) == "BSMS 1.0"
