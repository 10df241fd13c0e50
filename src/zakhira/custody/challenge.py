"""A vault's test: a message that its signers sign, a PSBT that can never be a payment, and who is seen to have signed.

The transaction is BIP-322's ``to_sign``: its one input spends an output that is on no chain, its one output carries
nothing. Signatures of single keys are verified one by one, so that every key of a quorum is shown to work.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from embit import ec
from embit.script import Script
from embit.transaction import SIGHASH

from zakhira.custody.checks import check_input_scripts, sequence_and_locktime
from zakhira.custody.coin import Coin
from zakhira.custody.decoded import DecodedInput
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import EMBIT_ERRORS, RECEIVE, Place, derive_place, vault_descriptor
from zakhira.custody.message import MESSAGE_FIELD, check_message, to_spend_txid
from zakhira.custody.psbt_fields import input_fields
from zakhira.custody.psbt_maps import UNSIGNED_TX, PsbtMaps, UnsignedInput, UnsignedTx, write_maps, write_unsigned_tx
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.vault_refusals import ChallengeRefused
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Vault

_OP_RETURN = b"\x6a"
_SCHNORR_BYTES = 64


@dataclass(frozen=True)
class Challenge:
    """A message for the keys of one path of a vault. ``number`` makes it unlike every other; it need not be secret."""

    vault: str
    chain: str
    path: str
    address: str
    number: str
    issued_at: datetime

    @property
    def text(self) -> str:
        """What signers see and sign."""
        return (
            f"Test-signing of vault {self.vault} on {self.chain}, {self.path} path, address {self.address}, "
            f"{utc_text(self.issued_at)}, number {self.number}. This moves no coins."
        )

    @property
    def hash(self) -> str:
        """What a proof of life refers to."""
        return content_hash(self.as_json())

    def as_json(self) -> dict[str, Json]:
        """Plain data for the books."""
        return {
            "vault": self.vault,
            "chain": self.chain,
            "path": self.path,
            "address": self.address,
            "number": self.number,
            "issued_at": utc_text(self.issued_at),
        }


def _place(vault: Vault, chain: str) -> Place:
    return derive_place(vault_descriptor(vault), RECEIVE, 0, chain)


def make_challenge(vault: Vault, chain: str, path: str, number: str, issued_at: datetime) -> Challenge:
    """A challenge for the vault's first address; raises NoSuchPath."""
    sequence_and_locktime(vault, path)
    return Challenge(vault.id, chain, path, _place(vault, chain).address, number, issued_at.replace(microsecond=0))


def challenge_psbt(challenge: Challenge, vault: Vault) -> str:
    """The PSBT (base64, version 0) that the signers of the challenge's path sign, decoded twice and found harmless.

    In taproot it shows the leaf of its path alone; in P2WSH one challenge serves the keys of both paths.

    Raises:
        NotAMessage, DecodersDisagree: what was built could be something else.
    """
    place, message = _place(vault, challenge.chain), challenge.text.encode()
    spent = Coin(f"{to_spend_txid(message, place.script_hex)}:0", 0, place.script_hex, 0, "")
    given = UnsignedInput(bytes.fromhex(spent.outpoint.partition(":")[0])[::-1], 0, 0)
    tx = UnsignedTx(0, (given,), ((0, _OP_RETURN),), 0)
    global_map = ((UNSIGNED_TX, write_unsigned_tx(tx)), (MESSAGE_FIELD, message))
    maps = PsbtMaps(0, global_map, (input_fields(place, spent, challenge.path),), ((),))
    text = base64.b64encode(write_maps(maps)).decode()
    check_message(decode_psbt(text, challenge.chain), message, (vault,), challenge.chain)
    return text


def signed_message(psbt_base64: str) -> str:
    """The message that a PSBT carries; empty if it carries none that can be read. Raises Undecodable."""
    message: bytes = parse_psbt(psbt_base64).unknown.get(MESSAGE_FIELD, b"")
    return message.decode(errors="replace")


def challenge_signers(psbt_base64: str, challenge: Challenge, vault: Vault) -> tuple[str, ...]:
    """The signers whose keys are seen to have signed the challenge, in the vault's order.

    Who signed is told by the keys alone: each signature is verified, and its key derived from the vault.

    Raises:
        ChallengeRefused: it is another message, a signature is of a key that is not the vault's or does not verify,
            or there is none.
        NotAMessage, DecodersDisagree, Undecodable, WrongWitnessScript: it could be something else.
    """
    decoded = decode_psbt(psbt_base64, challenge.chain)
    message = parse_psbt(psbt_base64).unknown.get(MESSAGE_FIELD)
    if message != challenge.text.encode():
        raise ChallengeRefused("What came back is not this challenge.", "Sign the file that was written last.")
    check_message(decoded, message, (vault,), challenge.chain)
    given, place = decoded.inputs[0], _place(vault, challenge.chain)
    if given.script_hex != place.script_hex:
        raise ChallengeRefused("What came back is for another address of the vault.", "Sign the challenge again.")
    check_input_scripts(given, place)
    keys = [key for key, _ in given.signatures] + [key for key, _, _ in given.taproot.signatures]
    strangers = [key for key in keys if key not in {known for known, _, _ in place.origins}]
    if strangers or not keys:
        what = f"A signature is by {strangers[0]}, which is no key of the vault" if strangers else "Nobody signed it"
        raise ChallengeRefused(f"{what}.", "Let a signer of this vault sign it.")
    for key in keys:
        if not _is_valid(psbt_base64, given, place, challenge.path, key):
            raise ChallengeRefused(f"The signature by {key} does not verify.", "Let that signer sign again.")
    marks = {_mark(origin) for origin in place.origins if origin[0] in keys}
    everybody = (*vault.keys, *(vault.recovery.keys if vault.recovery else ()))
    return tuple(dict.fromkeys(key.signer for key in everybody if key.xpub.partition("]")[0] in marks))


def _mark(origin: tuple[str, str, tuple[int, ...]]) -> str:
    """The origin of the vault's key that this public key was derived from: ``[fingerprint/48h/...``."""
    _, fingerprint, path = origin
    steps = [f"{step - (1 << 31)}h" if step >> 31 else str(step) for step in path[:-2]]
    return "[" + "/".join((fingerprint, *steps))


def _is_valid(psbt_base64: str, given: DecodedInput, place: Place, path: str, key_hex: str) -> bool:
    tx = parse_psbt(psbt_base64).tx
    try:
        if not place.is_taproot:
            signature = bytes.fromhex(dict(given.signatures)[key_hex])
            script = Script(bytes.fromhex(place.witness_script_hex))
            digest = tx.sighash_segwit(0, script, 0, sighash=SIGHASH.ALL)
            key = ec.PublicKey.parse(bytes.fromhex(key_hex))
            return bool(key.verify(ec.Signature.parse(signature[:-1]), digest))
        leaf = place.leaf(path)
        found = [
            sig for key, leaf_hash, sig in given.taproot.signatures if (key, leaf_hash) == (key_hex, leaf.leaf_hash)
        ]
        signature = bytes.fromhex(found[0]) if found else b""
        if len(signature) != _SCHNORR_BYTES:
            return False
        digest = tx.sighash_taproot(
            0,
            [Script(bytes.fromhex(place.script_hex))],
            [0],
            ext_flag=1,
            script=Script(bytes.fromhex(leaf.script_hex)),
        )
        return bool(ec.PublicKey.from_xonly(bytes.fromhex(key_hex)).schnorr_verify(ec.SchnorrSig(signature), digest))
    except EMBIT_ERRORS:
        return False
