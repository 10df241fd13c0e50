"""Which keys of a vault sign which path, and which signers have signed what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from embit.bip32 import HDKey

from zakhira.custody.checks import sequence_and_locktime
from zakhira.custody.coin import RECOVERY
from zakhira.custody.decoded import HARDENED, Decoded, DecodedInput, Origin
from zakhira.custody.template import TWIN_STEP
from zakhira.programme.model import Vault, VaultKey

_FINGERPRINT_ENDS = 9
"""``[`` and 8 hex digits."""


@dataclass(frozen=True)
class SignerShare:
    """A signer of a path's quorum and how many of the inputs its key has signed."""

    signer: str
    fingerprint: str
    """of its master key, 8 hex digits"""
    signed: int
    inputs: int

    @property
    def is_done(self) -> bool:
        """Whether every input has its signature."""
        return self.signed == self.inputs


def quorum_of(vault: Vault, path: str) -> tuple[int, tuple[VaultKey, ...]]:
    """How many signatures a path needs, and the keys that may give them.

    Raises:
        NoSuchPath: the vault has no such path.
    """
    sequence_and_locktime(vault, path)
    if path == RECOVERY and vault.recovery is not None:
        return vault.recovery.threshold, vault.recovery.keys
    return vault.threshold, vault.keys


def fingerprint_of(key: VaultKey) -> str:
    """The fingerprint of a vault key's master key, 8 hex digits."""
    return key.xpub[1:_FINGERPRINT_ENDS]


def _steps(text: str) -> tuple[int, ...]:
    return tuple(int(step.rstrip("h'")) + (HARDENED if step[-1] in "h'" else 0) for step in text.split("/") if step)


@lru_cache(maxsize=256)
def _by_origin(vault: Vault, path: str) -> dict[tuple[str, tuple[int, ...], bool], tuple[VaultKey, ...]]:
    """The keys of a path by fingerprint, account path, and whether they stand on the branches of a twin."""
    main = {key.xpub for key in vault.keys}
    found: dict[tuple[str, tuple[int, ...], bool], tuple[VaultKey, ...]] = {}
    for key in quorum_of(vault, path)[1]:
        origin = key.xpub[_FINGERPRINT_ENDS : key.xpub.index("]")]
        place = (fingerprint_of(key), _steps(origin), path == RECOVERY and key.xpub in main)
        found[place] = (*found.get(place, ()), key)
    return found


def _is_child(key: VaultKey, public_key: str, steps: Iterable[int]) -> bool:
    child = HDKey.from_base58(key.xpub.partition("]")[2]).derive(list(steps)).key
    return public_key in {child.sec().hex(), child.xonly().hex()}


def key_holders(vault: Vault, path: str, origins: Iterable[Origin]) -> dict[str, VaultKey]:
    """The public keys of a path (hex) among the origins of one of the vault's places, each with the vault's key.

    The caller has derived the origins (``checks.place_in_vault``): two keys that claim one account path are told apart
    by derivation.
    """
    known, holders = _by_origin(vault, path), {}
    for public_key, fingerprint, steps in origins:
        candidates = known.get((fingerprint, steps[:-2], steps[-2] >= TWIN_STEP), ()) if len(steps) > 1 else ()
        if len(candidates) > 1:
            candidates = tuple(key for key in candidates if _is_child(key, public_key, steps[-2:]))
        if candidates:
            holders[public_key] = candidates[0]
    return holders


def signers_of(given: DecodedInput) -> frozenset[str]:
    """The public keys (hex) whose signatures an input carries."""
    return frozenset(key for key, _ in given.signatures) | frozenset(key for key, _, _ in given.taproot.signatures)


def signer_shares(decoded: Decoded, vault: Vault, path: str) -> tuple[SignerShare, ...]:
    """Every signer of the path's quorum, in the vault's order, with what it has signed.

    The signatures are believed: they were verified when they were gathered.
    """
    counts = dict.fromkeys(quorum_of(vault, path)[1], 0)
    for given in decoded.inputs:
        holders, signed = key_holders(vault, path, given.key_origins), signers_of(given)
        for public_key, key in holders.items():
            counts[key] += public_key in signed
    total = len(decoded.inputs)
    return tuple(SignerShare(key.signer, fingerprint_of(key), count, total) for key, count in counts.items())


def is_quorum_reached(decoded: Decoded, vault: Vault, path: str) -> bool:
    """Whether every input has as many signatures by the path's keys as its script asks for."""
    threshold = quorum_of(vault, path)[0]
    return all(
        len(signers_of(given) & key_holders(vault, path, given.key_origins).keys()) >= threshold
        for given in decoded.inputs
    )
