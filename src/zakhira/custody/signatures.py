"""What signatures cover, and whether they verify: ECDSA in P2WSH and Schnorr in tapscript (BIP-143, BIP-340 to 342)."""

from __future__ import annotations

from functools import cached_property

from embit import ec
from embit.hashes import tagged_hash
from embit.script import Script
from embit.transaction import SIGHASH, Transaction, TransactionInput, TransactionOutput

from zakhira.custody.checks import SIGHASH_ALL
from zakhira.custody.decoded import Decoded, DecodedInput
from zakhira.custody.descriptor import EMBIT_ERRORS
from zakhira.custody.psbt_maps import write_compact
from zakhira.custody.refusals import ForeignSignature, InvalidSignature, WrongSighash
from zakhira.custody.signing_refusals import NoInputAmount

SCHNORR_BYTES = 64
"""A signature with the default sighash (BIP-341)."""
_BYTE = 2
"""hex digits"""


def leaf_scripts(given: DecodedInput) -> dict[str, tuple[str, int]]:
    """The leaves that a taproot input shows: by leaf hash (hex) the script (hex) and its version."""
    found = {}
    for _, leaf in given.taproot.leaves:
        script, version = bytes.fromhex(leaf[:-_BYTE]), int(leaf[-_BYTE:], 16)
        found[tagged_hash("TapLeaf", bytes([version]) + write_compact(len(script)) + script).hex()] = (
            leaf[:-_BYTE],
            version,
        )
    return found


class Digests:
    """What signatures over the whole of a decoded transaction cover, input by input."""

    def __init__(self, decoded: Decoded) -> None:
        self._decoded = decoded
        self._known: dict[tuple[int, str], bytes] = {}
        outpoints = [given.outpoint.partition(":") for given in decoded.inputs]
        self._tx = Transaction(
            version=decoded.version,
            vin=[
                TransactionInput(bytes.fromhex(txid), int(vout), sequence=given.sequence)
                for (txid, _, vout), given in zip(outpoints, decoded.inputs, strict=True)
            ],
            vout=[TransactionOutput(out.amount_sats, Script(bytes.fromhex(out.script_hex))) for out in decoded.outputs],
            locktime=decoded.locktime,
        )

    @cached_property
    def _spent(self) -> tuple[list[Script], list[int]]:
        """Scripts and amounts of all coins that are spent: a taproot signature covers them all (BIP-341)."""
        missing = [given.outpoint for given in self._decoded.inputs if given.amount_sats is None]
        if missing:
            raise NoInputAmount(f"The PSBT does not say what coin {missing[0]} holds.", "Have the spend built again.")
        scripts = [Script(bytes.fromhex(given.script_hex)) for given in self._decoded.inputs]
        return scripts, [given.amount_sats or 0 for given in self._decoded.inputs]

    def ecdsa(self, number: int) -> bytes:
        """Of a P2WSH input, SIGHASH_ALL (BIP-143); raises NoInputAmount."""
        if (number, "") not in self._known:
            given = self._decoded.inputs[number]
            if given.amount_sats is None:
                raise NoInputAmount(f"The PSBT does not say what coin {given.outpoint} holds.", "Have it built again.")
            script = Script(bytes.fromhex(given.witness_script_hex))
            self._known[number, ""] = self._tx.sighash_segwit(number, script, given.amount_sats, sighash=SIGHASH.ALL)
        return self._known[number, ""]

    def schnorr(self, number: int, leaf_hash: str) -> bytes:
        """Of a leaf that a taproot input shows, SIGHASH_DEFAULT, no annex (BIP-341, BIP-342); raises NoInputAmount."""
        if (number, leaf_hash) not in self._known:
            scripts, amounts = self._spent
            script, version = leaf_scripts(self._decoded.inputs[number])[leaf_hash]
            self._known[number, leaf_hash] = self._tx.sighash_taproot(
                number, scripts, amounts, ext_flag=1, script=Script(bytes.fromhex(script)), leaf_version=version
            )
        return self._known[number, leaf_hash]


class SignatureCheck:
    """Verifies signatures of one decoded transaction, each against the scripts that the transaction's own PSBT has."""

    def __init__(self, decoded: Decoded) -> None:
        self._decoded = decoded
        self._digests = Digests(decoded)

    def _require_key(self, given: DecodedInput, key_hex: str) -> None:
        if key_hex not in {key for key, _, _ in given.key_origins}:
            raise ForeignSignature(
                f"{given.outpoint} was signed by {key_hex}, which its script does not name.", "Ask again."
            )

    def require_ecdsa(self, number: int, key_hex: str, signature: bytes) -> None:
        """A P2WSH signature (DER and sighash byte).

        Raises:
            ForeignSignature, WrongSighash, InvalidSignature: as their names say.
        """
        given = self._decoded.inputs[number]
        self._require_key(given, key_hex)
        if not signature or signature[-1] != SIGHASH_ALL:
            raise WrongSighash(f"A signature of {given.outpoint} does not cover everything.", "Ask that signer again.")
        if given.is_taproot or not self.is_ecdsa(number, key_hex, signature):
            raise _invalid(given, key_hex)

    def require_schnorr(self, number: int, key_hex: str, leaf_hash: str, signature: bytes) -> None:
        """A tapscript signature (64 bytes) for a leaf that the input shows; raises as :meth:`require_ecdsa`."""
        given = self._decoded.inputs[number]
        self._require_key(given, key_hex)
        if len(signature) != SCHNORR_BYTES:
            raise WrongSighash(f"A signature of {given.outpoint} is not of 64 bytes.", "Ask for sighash DEFAULT.")
        if not given.is_taproot or not self.is_schnorr(number, key_hex, leaf_hash, signature):
            raise _invalid(given, key_hex)

    def is_ecdsa(self, number: int, key_hex: str, signature: bytes) -> bool:
        """Whether it verifies, is strict DER and has a low S (BIP-66, BIP-146)."""
        try:
            parsed = ec.Signature.parse(signature[:-1])
            key = ec.PublicKey.parse(bytes.fromhex(key_hex))
            return parsed.serialize() == signature[:-1] and bool(key.verify(parsed, self._digests.ecdsa(number)))
        except EMBIT_ERRORS:
            return False

    def is_schnorr(self, number: int, key_hex: str, leaf_hash: str, signature: bytes) -> bool:
        """Whether it verifies for the leaf."""
        if len(signature) != SCHNORR_BYTES or leaf_hash not in leaf_scripts(self._decoded.inputs[number]):
            return False
        try:
            key = ec.PublicKey.from_xonly(bytes.fromhex(key_hex))
            return bool(key.schnorr_verify(ec.SchnorrSig(signature), self._digests.schnorr(number, leaf_hash)))
        except EMBIT_ERRORS:
            return False


def _invalid(given: DecodedInput, key_hex: str) -> InvalidSignature:
    return InvalidSignature(
        f"The signature of {given.outpoint} by {key_hex} does not verify.", "Ask that signer again."
    )
