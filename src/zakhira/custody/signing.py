"""Signatures added, gathered and made final (BIP-143, BIP-174, BIP-342). Keys come in as seeds and are not kept."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from embit.bip32 import HDKey
from embit.networks import NETWORKS

from zakhira.custody.bdk_psbt import bdk_psbt
from zakhira.custody.checks import SIGHASH_ALL, check_against, coins_as_told, vault_named
from zakhira.custody.coin import Instruction
from zakhira.custody.decoded import Decoded, DecodedInput, DecodedTransaction, Origin
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.gathering import gather, without_signatures
from zakhira.custody.psbt_fields import IN_PARTIAL_SIG, IN_TAP_SCRIPT_SIG
from zakhira.custody.psbt_maps import Map, read_maps, write_maps
from zakhira.custody.refusals import DifferentTransaction, KeyOutsideVault, TooFewSignatures
from zakhira.custody.signatures import Digests, leaf_scripts
from zakhira.custody.signer_keys import fingerprint_of, key_holders, quorum_of
from zakhira.programme.model import Policy


def root_fingerprint(seed: bytes) -> str:
    """The fingerprint of a seed's master key (BIP-32), 8 hex digits."""
    return bytes(HDKey.from_seed(seed).my_fingerprint).hex()


class _SeedKeys:
    """The keys of a seed; the account and branch above the last step are derived once."""

    def __init__(self, seed: bytes, chain: str) -> None:
        self._root = HDKey.from_seed(seed, version=NETWORKS[chain]["xprv"])
        self.fingerprint = bytes(self._root.my_fingerprint).hex()
        self._parents: dict[tuple[int, ...], HDKey] = {}

    def key_at(self, origin: Origin, outpoint: str) -> HDKey:
        """The private key of an origin; raises KeyOutsideVault if its public key is another one."""
        public_key, _, path = origin
        if path[:-1] not in self._parents:
            self._parents[path[:-1]] = self._root.derive(list(path[:-1]))
        key = self._parents[path[:-1]].derive(list(path[-1:]))
        if key.sec().hex()[-len(public_key) :] != public_key:
            raise KeyOutsideVault(f"The key of {outpoint} is not the one at its path.", "Sign nothing.")
        return key


def _signed_fields(number: int, given: DecodedInput, keys: _SeedKeys, ours: Iterable[Origin], digests: Digests) -> Map:
    """The signatures of one input by these keys of the seed: in taproot one for each leaf that names the key."""
    found: list[tuple[bytes, bytes]] = []
    for origin in ours:
        key, public_key = keys.key_at(origin, given.outpoint).key, bytes.fromhex(origin[0])
        if not given.is_taproot:
            signature = key.sign(digests.ecdsa(number)).serialize() + bytes([SIGHASH_ALL])
            found.append((IN_PARTIAL_SIG + public_key, signature))
            continue
        for leaf, (script, _) in leaf_scripts(given).items():
            if origin[0] in script:
                signature = key.schnorr_sign(digests.schnorr(number, leaf)).serialize()
                found.append((IN_TAP_SCRIPT_SIG + public_key + bytes.fromhex(leaf), signature))
    return tuple(found)


def sign_scopes(
    psbt_base64: str, decoded: Decoded, seed: bytes, chain: str, only: Sequence[Collection[str]] | None = None
) -> str:
    """Add the seed's signatures to every input, and change no other byte; the caller has checked what the bytes do.

    ``only`` names for each input the public keys (hex) of the path that is spent by; without it the seed signs with
    every key that it has in the script.

    Raises:
        KeyOutsideVault: an input has no key of this seed, or another one at that path.
        NoInputAmount: an input does not say what its coin holds.
    """
    keys, digests = _SeedKeys(seed, chain), Digests(decoded)
    maps = read_maps(base64.b64decode(psbt_base64, validate=True))
    inputs = []
    for number, (given, entries) in enumerate(zip(decoded.inputs, maps.inputs, strict=True)):
        ours = [origin for origin in given.key_origins if origin[1] == keys.fingerprint]
        if only is not None:
            ours = [origin for origin in ours if origin[0] in only[number]]
        added = _signed_fields(number, given, keys, ours, digests)
        if not added:
            raise KeyOutsideVault(
                f"No key of signer {keys.fingerprint} is in the script of {given.outpoint}.", "Ask another."
            )
        names = {key for key, _ in added}
        inputs.append((*(entry for entry in entries if entry[0] not in names), *added))
    return base64.b64encode(write_maps(replace(maps, inputs=tuple(inputs)))).decode()


def check_and_sign(psbt_base64: str, instruction: Instruction, policy: Policy, chain: str, seed: bytes) -> str:
    """What a signer does with bytes once the approvals are in order: decode twice, hold against the instruction, sign.

    It signs with its key of the instruction's path alone. What it has signed is decoded twice again.

    Raises:
        SigningRefused: one subclass for each difference.
    """
    decoded = decode_psbt(psbt_base64, chain)
    check_against(decoded, instruction, coins_as_told(decoded), policy, chain)
    vault, path = vault_named(policy, instruction.from_vault), instruction.path
    if root_fingerprint(seed) not in {fingerprint_of(key) for key in quorum_of(vault, path)[1]}:
        raise KeyOutsideVault(
            f"This signer holds no key of the {path} path of vault {vault.id}.", "Ask the signers of that path."
        )
    only = [key_holders(vault, path, given.key_origins).keys() for given in decoded.inputs]
    signed = sign_scopes(psbt_base64, decoded, seed, chain, only)
    if without_signatures(decode_psbt(signed, chain)) != without_signatures(decoded):
        raise DifferentTransaction("Signing changed the PSBT.", "Keep both and report them.")
    return signed


def combine_signatures(base_psbt: str, returned_psbts: Iterable[bytes | str], chain: str) -> str:
    """The base with the signatures of the returned PSBTs; :func:`gathering.gather` says what else came back."""
    return gather(base_psbt, returned_psbts, chain).psbt


def _finalised_hex(psbt_base64: str) -> str:
    result = bdk_psbt(psbt_base64).finalize()
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
