"""The one thing that a signer signs which is no spend: a BIP-322 message, whose transaction can never be valid."""

from __future__ import annotations

import hashlib

from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from zakhira.custody.checks import SIGHASH_ALL, SIGHASH_DEFAULT, place_in_vault
from zakhira.custody.decoded import Decoded, DecodedInput
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.refusals import NotAMessage
from zakhira.custody.signing import sign_scopes
from zakhira.programme.model import Vault

MESSAGE_FIELD = b"\x09"
"""PSBT_GLOBAL_GENERIC_SIGNED_MESSAGE (BIP-322, registered in BIP-174)."""
MAX_MESSAGE_BYTES = 10_000
"""A challenge has a few hundred bytes; what is longer was not made by a programme."""
_OP_RETURN = "6a"


def to_spend_txid(message: bytes, script_hex: str) -> str:
    """The id of BIP-322's virtual ``to_spend``: it spends no existing output, so it is on no chain."""
    tag = hashlib.sha256(b"BIP0322-signed-message").digest()
    digest = hashlib.sha256(tag + tag + message).digest()
    vin = [TransactionInput(bytes(32), 0xFFFFFFFF, script_sig=Script(b"\x00\x20" + digest), sequence=0)]
    vout = [TransactionOutput(0, Script(bytes.fromhex(script_hex)))]
    txid: bytes = Transaction(version=0, vin=vin, vout=vout, locktime=0).txid()
    return txid.hex()


def _require(holds: bool, what: str) -> None:  # noqa: FBT001  # reads as a sentence at each call
    if not holds:
        raise NotAMessage(f"This is not a message to sign: {what}.", "Sign nothing; it could be a payment.")


def _is_ours(given: DecodedInput, vault: Vault, chain: str) -> bool:
    found = place_in_vault(vault, given.key_origins, chain)
    return found is not None and (found[2].script_hex, found[2].witness_script_hex) == (
        given.script_hex,
        given.witness_script_hex,
    )


def check_message(decoded: Decoded, message: bytes | None, vaults: tuple[Vault, ...], chain: str) -> None:
    """Require BIP-322's ``to_sign`` for an address of these vaults and nothing else; raises NotAMessage."""
    _require(message is not None and len(message) <= MAX_MESSAGE_BYTES, "it carries no message, or a very long one")
    _require(decoded.version == 0 and decoded.locktime == 0, "its version and lock time are not 0")
    _require(len(decoded.inputs) == 1 and len(decoded.outputs) == 1, "it has more than one input or output")
    _require(decoded.instruction_hash == "", "it carries an instruction to spend")
    given, output = decoded.inputs[0], decoded.outputs[0]
    _require((output.amount_sats, output.script_hex) == (0, _OP_RETURN), "its output is not an empty OP_RETURN")
    _require(given.sequence == 0 and given.amount_sats == 0, "its input has a sequence or an amount")
    allowed = {None, SIGHASH_DEFAULT if given.is_taproot else SIGHASH_ALL}
    _require(given.sighash in allowed and not given.is_final, "it is final or asks for another sighash")
    expected = to_spend_txid(message or b"", given.script_hex)
    _require(given.outpoint == f"{expected}:0", "its input is not the virtual one of the message")
    _require(any(_is_ours(given, vault, chain) for vault in vaults), "its address is of none of the signer's vaults")


def sign_message(psbt_base64: str, vaults: tuple[Vault, ...], chain: str, seed: bytes) -> str:
    """Decode twice, require a BIP-322 message over an address of these vaults, and add the seed's signature.

    Raises:
        NotAMessage: it could be something else.
        KeyOutsideVault: the seed has no key in it.
        DecodersDisagree, Undecodable: as their names say.
    """
    decoded = decode_psbt(psbt_base64, chain)
    check_message(decoded, parse_psbt(psbt_base64).unknown.get(MESSAGE_FIELD), vaults, chain)
    return sign_scopes(psbt_base64, decoded, seed, chain)
