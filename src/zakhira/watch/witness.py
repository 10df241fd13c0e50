"""A transaction as the chain has it, read like a PSBT: what it spends and pays, and whose keys signed it."""

from __future__ import annotations

from collections.abc import Mapping

from zakhira.custody.checks import LEAF_VERSION, SIGHASH_ALL
from zakhira.custody.coin import RECOVERY
from zakhira.custody.decoded import NO_TAPROOT, Decoded, DecodedInput, DecodedOutput, DecodedTransaction, Taproot
from zakhira.custody.descriptor import Place
from zakhira.custody.read_by_embit import address_by_embit
from zakhira.custody.signatures import SCHNORR_BYTES, SignatureCheck
from zakhira.programme.model import Vault
from zakhira.watch.places import OwnPlace, Places
from zakhira.watch.state import VaultCoin

_SCRIPT, _CONTROL_BLOCK = 2, 1
"""From the end of a taproot witness (BIP-341): the script, and last the control block."""
_X_ONLY_DIGITS = 64


def decoded_spend(
    transaction: DecodedTransaction, coins: Mapping[str, VaultCoin], places: Places, instruction_hash: str
) -> Decoded:
    """What the transaction does, in the form that a spend is checked in; ``coins`` are those of ours.

    What no witness tells (which instruction it carries) is taken as told: the caller asks whether all the rest fits.
    """
    return Decoded(
        version=transaction.version,
        locktime=transaction.locktime,
        inputs=tuple(
            _input(outpoint, sequence, coins.get(outpoint), places) for outpoint, sequence in transaction.inputs
        ),
        outputs=tuple(_output(script_hex, amount_sats, places) for script_hex, amount_sats in transaction.outputs),
        instruction_hash=instruction_hash,
        unknown_fields=(),
        txid=transaction.txid,
    )


def _input(outpoint: str, sequence: int, coin: VaultCoin | None, places: Places) -> DecodedInput:
    if coin is None:
        return DecodedInput(outpoint, sequence, None, "", "", None, (), (), None, is_final=False)
    place = places.derived(OwnPlace(coin.vault, coin.branch, coin.index))
    leaves = tuple(sorted((leaf.control_block_hex, leaf.script_hex + LEAF_VERSION) for leaf in place.leaves))
    taproot = Taproot(place.internal_key, leaves=leaves, origins=place.origins) if place.is_taproot else NO_TAPROOT
    return DecodedInput(
        outpoint=outpoint,
        sequence=sequence,
        amount_sats=coin.amount_sats,
        script_hex=coin.script_hex,
        witness_script_hex=place.witness_script_hex,
        sighash=None,
        origins=() if place.is_taproot else place.origins,
        signatures=(),
        previous=None,
        is_final=False,
        taproot=taproot,
    )


def _output(script_hex: str, amount_sats: int, places: Places) -> DecodedOutput:
    address = address_by_embit(bytes.fromhex(script_hex), places.chain)
    own = places.of(script_hex)
    if own is None:
        return DecodedOutput(address, script_hex, amount_sats, ())
    place = places.derived(own)
    if place.is_taproot:
        taproot = Taproot(place.internal_key, origins=place.origins)
        return DecodedOutput(address, script_hex, amount_sats, (), taproot=taproot)
    return DecodedOutput(address, script_hex, amount_sats, place.origins, place.witness_script_hex)


def signing_keys(
    transaction: DecodedTransaction, decoded: Decoded, coins: Mapping[str, VaultCoin], places: Places
) -> tuple[frozenset[str], bool]:
    """The signers whose keys signed inputs of ours, and whether every signature in them was told apart.

    In P2WSH each signature is verified against the keys of its script; one that covers less than everything belongs to
    nobody. In taproot the place in the witness tells the key (BIP-342, ``multi_a``); the network verified it, and
    64 bytes alone cover everything (BIP-341).
    """
    check = SignatureCheck(decoded)
    found: set[str] = set()
    complete = True
    for number, (outpoint, _) in enumerate(transaction.inputs):
        coin = coins.get(outpoint)
        if coin is None:
            continue
        place = places.derived(OwnPlace(coin.vault, coin.branch, coin.index))
        witness = transaction.witnesses[number]
        keys, whole = _taproot_keys(witness) if place.is_taproot else _ecdsa_keys(check, number, witness, place)
        complete = complete and whole and bool(keys)
        found |= {_signer(places.vaults[coin.vault], place, key) for key in keys}
    return frozenset(found), complete


def _ecdsa_keys(check: SignatureCheck, number: int, witness: tuple[str, ...], place: Place) -> tuple[list[str], bool]:
    signatures = [bytes.fromhex(item) for item in witness[:-1] if item]
    left = [key for key, _, _ in place.origins]
    found: list[str] = []
    for signature in signatures:
        covers_all = signature[-1] == SIGHASH_ALL
        key = next((key for key in left if covers_all and check.is_ecdsa(number, key, signature)), None)
        if key is not None:
            left.remove(key)
            found.append(key)
    return found, len(found) == len(signatures)


def _taproot_keys(witness: tuple[str, ...]) -> tuple[list[str], bool]:
    if len(witness) <= _SCRIPT:
        return [], False
    script, stack = witness[-_SCRIPT], list(reversed(witness[:-_SCRIPT]))
    keys = _pushed_keys(script)
    signed = [key for key, signature in zip(keys, stack, strict=False) if signature]
    covers_all = all(len(signature) == 2 * SCHNORR_BYTES for signature in stack if signature)
    return signed, len(keys) == len(stack) and covers_all


def _pushed_keys(script_hex: str) -> list[str]:
    """The keys that a ``multi_a`` script pushes, in its order: 32 bytes each, and nothing else of that length."""
    keys, at = [], 0
    while at < len(script_hex):
        length = int(script_hex[at : at + 2], 16)
        at += 2
        if length == _X_ONLY_DIGITS // 2:
            keys.append(script_hex[at : at + _X_ONLY_DIGITS])
        # Numbers (of the threshold and the lock) are pushed with 1 to 5 bytes; what is above 75 is no push.
        at += 2 * length if length <= 75 else 0  # noqa: PLR2004 - the last opcode that pushes its own number of bytes
    return keys


def _signer(vault: Vault, place: Place, key: str) -> str:
    """Who holds the key, by the origin that it was derived from."""
    fingerprint, path = next((mark, steps) for known, mark, steps in place.origins if known == key)
    steps = [f"{step - (1 << 31)}h" if step >> 31 else str(step) for step in path[:-2]]
    mark = "[" + "/".join((fingerprint, *steps))
    everybody = (*vault.keys, *(vault.recovery.keys if vault.recovery else ()))
    return next((known.signer for known in everybody if known.xpub.partition("]")[0] == mark), fingerprint)


def signers_of_path(vault: Vault, path: str) -> frozenset[str]:
    """Who may sign on a path of a vault."""
    keys = vault.recovery.keys if path == RECOVERY and vault.recovery else vault.keys
    return frozenset(key.signer for key in keys)
