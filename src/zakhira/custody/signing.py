"""Signatures added, gathered and made final (BIP-143, BIP-174). Keys come in as seeds and are not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import bdkpython
from embit import ec
from embit.bip32 import HDKey
from embit.networks import NETWORKS
from embit.script import Script
from embit.transaction import SIGHASH, Transaction

from zakhira.custody.checks import SIGHASH_ALL, check_against, coins_as_told, vault_named
from zakhira.custody.coin import Instruction
from zakhira.custody.decoded import Decoded, DecodedInput, DecodedTransaction
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.descriptor import EMBIT_ERRORS
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.refusals import (
    DifferentTransaction,
    ForeignSignature,
    InvalidSignature,
    KeyOutsideVault,
    TooFewSignatures,
    WrongSighash,
)
from zakhira.programme.model import Policy


def root_fingerprint(seed: bytes) -> str:
    """The fingerprint of a seed's master key (BIP-32), 8 hex digits."""
    return bytes(HDKey.from_seed(seed).my_fingerprint).hex()


def sign_scopes(psbt_base64: str, decoded: Decoded, seed: bytes, chain: str) -> str:
    """Add the seed's signature to every input; the caller has checked what the bytes do.

    Raises:
        KeyOutsideVault: an input has no key of this seed, or another one at that path.
    """
    root = HDKey.from_seed(seed, version=NETWORKS[chain]["xprv"])
    fingerprint = bytes(root.my_fingerprint).hex()
    psbt = parse_psbt(psbt_base64)
    tx = psbt.tx
    for number, given in enumerate(decoded.inputs):
        ours = [(key, path) for key, mark, path in given.origins if mark == fingerprint]
        if not ours:
            raise KeyOutsideVault(
                f"No key of signer {fingerprint} is in the script of {given.outpoint}.", "Ask another."
            )
        key_hex, path = ours[0]
        key = root.derive(list(path))
        if key.sec().hex() != key_hex:
            raise KeyOutsideVault(f"The key of {given.outpoint} is not the one at its path.", "Sign nothing.")
        digest = _digest(tx, number, given)
        psbt.inputs[number].partial_sigs[key.get_public_key()] = key.sign(digest).serialize() + bytes([SIGHASH_ALL])
    text: str = psbt.to_base64()
    return text


def _digest(tx: Transaction, number: int, given: DecodedInput) -> bytes:
    """What a signature of this input covers (BIP-143, SIGHASH_ALL)."""
    script = Script(bytes.fromhex(given.witness_script_hex))
    digest: bytes = tx.sighash_segwit(number, script, given.amount_sats, sighash=SIGHASH.ALL)
    return digest


def check_and_sign(psbt_base64: str, instruction: Instruction, policy: Policy, chain: str, seed: bytes) -> str:
    """What a signer does with bytes once the approvals are in order: decode twice, hold against the instruction, sign.

    Raises:
        SigningRefused: one subclass for each difference.
    """
    decoded = decode_psbt(psbt_base64, chain)
    check_against(decoded, instruction, coins_as_told(decoded), policy, chain)
    marks = {key.xpub[1:9] for key in vault_named(policy, instruction.from_vault).keys}
    if root_fingerprint(seed) not in marks:
        raise KeyOutsideVault(f"This signer holds no key of vault {instruction.from_vault}.", "Ask its signers.")
    signed = sign_scopes(psbt_base64, decoded, seed, chain)
    _require_same_transaction(decoded, decode_psbt(signed, chain))
    return signed


def _unsigned_part(decoded: Decoded) -> Decoded:
    """The decoded bytes without what signers may add."""
    return replace(decoded, inputs=tuple(replace(given, signatures=()) for given in decoded.inputs))


def _require_same_transaction(base: Decoded, other: Decoded) -> None:
    same = (base.version, base.locktime, base.outputs, base.txid) == (
        other.version,
        other.locktime,
        other.outputs,
        other.txid,
    )
    if not same or [given.outpoint for given in base.inputs] != [given.outpoint for given in other.inputs]:
        raise DifferentTransaction(
            f"Sent out was transaction {base.txid}, returned is {other.txid}.", "Treat that signer as compromised."
        )


def _check_signature(tx: Transaction, number: int, given: DecodedInput, key_hex: str, signature: bytes) -> None:
    if key_hex not in {key for key, _, _ in given.origins}:
        raise ForeignSignature(
            f"{given.outpoint} was signed by {key_hex}, which its script does not name.", "Ask again."
        )
    if not signature or signature[-1] != SIGHASH_ALL:
        raise WrongSighash(f"A signature of {given.outpoint} does not cover everything.", "Ask that signer again.")
    try:
        parsed = ec.Signature.parse(signature[:-1])
        key = ec.PublicKey.parse(bytes.fromhex(key_hex))
        valid = parsed.serialize() == signature[:-1] and key.verify(parsed, _digest(tx, number, given))
    except EMBIT_ERRORS:
        valid = False
    if not valid:
        raise InvalidSignature(
            f"The signature of {given.outpoint} by {key_hex} does not verify.", "Ask that signer again."
        )


def combine_signatures(base_psbt: str, returned_psbts: Sequence[str], chain: str) -> str:
    """The base with the signatures of the returned ones, each verified; nothing else is taken over.

    Raises:
        DifferentTransaction, ForeignSignature, WrongSighash, InvalidSignature, DecodersDisagree: as their names say.
    """
    base = decode_psbt(base_psbt, chain)
    merged = parse_psbt(base_psbt)
    tx = merged.tx
    for returned_psbt in returned_psbts:
        returned = decode_psbt(returned_psbt, chain)
        _require_same_transaction(base, returned)
        for number, (given, signed) in enumerate(zip(base.inputs, returned.inputs, strict=True)):
            for key_hex, signature_hex in signed.signatures:
                signature = bytes.fromhex(signature_hex)
                _check_signature(tx, number, given, key_hex, signature)
                merged.inputs[number].partial_sigs[ec.PublicKey.parse(bytes.fromhex(key_hex))] = signature
    text: str = merged.to_base64()
    if _unsigned_part(decode_psbt(text, chain)) != _unsigned_part(base):
        raise DifferentTransaction("Gathering signatures changed the PSBT.", "Report this with both PSBTs.")
    return text


def _finalised_hex(psbt_base64: str) -> str:
    result = bdkpython.Psbt(psbt_base64).finalize()
    if not result.could_finalize:
        reasons = "; ".join(map(str, result.errors or ())) or "no reason given"
        raise TooFewSignatures(f"The spend cannot be made final: {reasons}.", "Ask further signers.")
    return bytes(result.psbt.extract_tx_unchecked_fee_rate().serialize()).hex()


def finalise(psbt_base64: str, chain: str) -> str:
    """The signed transaction (hex), decoded twice again and found to be the PSBT's.

    Raises:
        TooFewSignatures: the quorum is not reached.
        DifferentTransaction: the final transaction is not the one that was signed.
    """
    decoded = decode_psbt(psbt_base64, chain)
    raw_hex = _finalised_hex(psbt_base64)
    final = decode_transaction(raw_hex)
    if _frame(final) != (
        decoded.version,
        decoded.locktime,
        tuple((given.outpoint, given.sequence) for given in decoded.inputs),
        tuple((output.script_hex, output.amount_sats) for output in decoded.outputs),
        decoded.txid,
    ):
        raise DifferentTransaction(f"The final transaction {final.txid} is not {decoded.txid}.", "Do not send it.")
    return raw_hex


def _frame(final: DecodedTransaction) -> tuple[object, ...]:
    return final.version, final.locktime, final.inputs, final.outputs, final.txid
