"""Descriptors of vaults, and addresses that two libraries derive alike (BIP-380, BIP-383, BIP-389)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bdkpython
from embit.base import EmbitError
from embit.bip32 import HDKey
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS
from embit.script import address_to_scriptpubkey

from zakhira.custody.coin import Address
from zakhira.custody.refusals import (
    BadAddress,
    BadPlace,
    BadVault,
    DecodersDisagree,
    HardenedStep,
    MalformedDescriptor,
    MalformedKey,
    PrivateKeyInVault,
    RepeatedKey,
    UnknownChain,
    WrongNetworkKey,
)
from zakhira.programme.model import Vault

RECEIVE, CHANGE = 0, 1
MAX_KEYS = 16
"""BIP-383: the most keys that ``sortedmulti`` may have inside ``wsh``, with room in a standard script."""
MAX_INDEX = 2**31 - 1
"""BIP-32: the last step that is not hardened."""

EMBIT_ERRORS = (
    EmbitError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    OverflowError,
    AttributeError,
    AssertionError,
)
"""What embit raises on bytes or text that it cannot read; it documents no narrower set."""

_BDK_NETWORKS = {
    "main": bdkpython.Network.BITCOIN,
    "test": bdkpython.Network.TESTNET,
    "signet": bdkpython.Network.SIGNET,
    "regtest": bdkpython.Network.REGTEST,
}
_KEY = re.compile(
    r"\[(?P<fingerprint>[0-9a-f]{8})(?P<path>(?:/\d{1,10}[h'])*)\](?P<xpub>[1-9A-HJ-NP-Za-km-z]+)(?P<rest>.*)"
)
_DESCRIPTOR = re.compile(r"wsh\(sortedmulti\((?P<threshold>\d{1,2}),(?P<keys>[^()]+)\)\)#[a-z0-9]{8}")
_MULTIPATH = "/<0;1>/*"


@dataclass(frozen=True)
class Place:
    """One address of a descriptor with what spends it. ``origins`` is sorted: public key, fingerprint, path."""

    address: str
    script_hex: str
    witness_script_hex: str
    origins: tuple[tuple[str, str, tuple[int, ...]], ...]


def bdk_network(chain: str) -> Any:  # noqa: ANN401  # bdkpython ships no types
    """rust-bitcoin's name of a chain.

    Raises:
        UnknownChain: it is none of main, test, signet and regtest.
    """
    if chain not in _BDK_NETWORKS:
        raise UnknownChain(f"The chain {chain!r} is not known.", "Use main, test, signet or regtest.")
    return _BDK_NETWORKS[chain]


def embit_network(chain: str) -> dict[str, Any]:
    """The constants of a chain in embit; raises UnknownChain."""
    bdk_network(chain)
    network: dict[str, Any] = NETWORKS[chain]
    return network


def output_script(address: str, chain: str) -> str:
    """The script (hex) that an address stands for, as rust-bitcoin and embit both read it.

    Raises:
        BadAddress: it is no address of the chain.
        DecodersDisagree: the two read it as different scripts.
    """
    network = embit_network(chain)
    try:
        by_bdk = bdkpython.Address(address, bdk_network(chain)).script_pubkey().to_bytes().hex()
        by_embit = address_to_scriptpubkey(address)
        here = by_embit.address(network).lower() == address.lower()
    except (bdkpython.AddressParseError, *EMBIT_ERRORS) as error:
        raise BadAddress(f"{address!r} is no address of {chain}: {error}.", "Ask the payee again.") from None
    if by_embit.data.hex() != by_bdk or not here:
        raise DecodersDisagree(f"The two libraries read {address} as different scripts.", "Pay nothing to it.")
    return str(by_bdk)


def _check_key(text: str, vault: str) -> HDKey:
    """Read ``[fingerprint/path]xpub`` strictly; the text of a private key is never repeated."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise MalformedKey(
            f"A key of vault {vault} is not [fingerprint/path]xpub.", "Export the public key with its origin."
        )
    if match["xpub"][1:4] == "prv":
        raise PrivateKeyInVault(
            f"Vault {vault} holds a private key.", "Take it out at once and treat it as known to others."
        )
    if match["rest"]:
        kind = HardenedStep if re.search(r"[h']", match["rest"]) else MalformedKey
        raise kind(f"{match['rest']!r} follows a key of vault {vault}.", "End the key at its xpub: <0;1>/* is added.")
    try:
        key = HDKey.from_base58(match["xpub"])
    except EMBIT_ERRORS as error:
        raise MalformedKey(f"A key of vault {vault} does not decode: {error}.", "Export the key again.") from None
    if key.version not in {NETWORKS["main"]["xpub"], NETWORKS["test"]["xpub"]}:
        raise MalformedKey(f"A key of vault {vault} is neither xpub nor tpub.", "Export it in that form.")
    return key


def _check_keys(texts: tuple[str, ...], threshold: int, vault: str) -> None:
    if not 1 <= threshold <= len(texts) <= MAX_KEYS:
        raise BadVault(
            f"Vault {vault} asks for {threshold} of {len(texts)} keys.",
            f"Use a threshold of at least 1, and at most {MAX_KEYS} keys.",
        )
    keys = [_check_key(text, vault) for text in texts]
    if len({(key.sec(), key.chain_code) for key in keys}) < len(keys):
        raise RepeatedKey(f"Vault {vault} names a key twice.", "Give each signer a key of its own.")
    if len({key.version for key in keys}) > 1:
        raise WrongNetworkKey(f"Vault {vault} mixes xpub and tpub.", "Use keys of one network.")


@lru_cache(maxsize=256)
def vault_descriptor(vault: Vault) -> str:
    """The vault's ``wsh(sortedmulti(m,[origin]xpub/<0;1>/*,...))#checksum``.

    Raises:
        BadVault, RepeatedKey, HardenedStep, WrongNetworkKey, MalformedKey, PrivateKeyInVault: as their names say.
    """
    texts = tuple(key.xpub for key in vault.keys)
    _check_keys(texts, vault.threshold, vault.id)
    text: str = add_checksum(f"wsh(sortedmulti({vault.threshold},{','.join(key + _MULTIPATH for key in texts)}))")
    return text


@lru_cache(maxsize=64)
def _parse(descriptor: str) -> tuple[Any, tuple[Any, ...]]:
    """The descriptor as embit and as rust-miniscript read it, one per branch."""
    match = _DESCRIPTOR.fullmatch(descriptor)
    if match is None or any(not key.endswith(_MULTIPATH) for key in match["keys"].split(",")):
        raise MalformedDescriptor(
            f"{descriptor[:40]!r}... is not wsh(sortedmulti(m,[origin]xpub/<0;1>/*,...)) with its checksum.",
            "Only such vaults are supported.",
        )
    body = descriptor.partition("#")[0]
    if add_checksum(body) != descriptor:
        raise MalformedDescriptor("A descriptor's checksum is wrong.", "Copy the descriptor again.")
    texts = tuple(key.removesuffix(_MULTIPATH) for key in match["keys"].split(","))
    _check_keys(texts, int(match["threshold"]), "of the descriptor")
    kind = bdkpython.NetworkKind.MAIN if "]xpub" in body else bdkpython.NetworkKind.TEST
    try:
        branches = tuple(bdkpython.Descriptor(descriptor, kind).to_single_descriptors())
        return Descriptor.from_string(body), branches
    except (bdkpython.DescriptorError, bdkpython.MiniscriptError, *EMBIT_ERRORS) as error:
        raise MalformedDescriptor(f"A decoder refuses the descriptor: {error}.", "Check its keys.") from None


@lru_cache(maxsize=16384)
def derive_place(descriptor: str, branch: int, index: int, chain: str) -> Place:
    """The address of a descriptor at a branch and index, derived by rust-bitcoin and by embit.

    Raises:
        DecodersDisagree: the two gave different addresses or scripts.
        BadPlace: the branch is not 0 or 1, or the index is negative or above 2^31 - 1.
        UnknownChain, WrongNetworkKey, MalformedDescriptor: the chain or the descriptor will not do.
    """
    if branch not in {RECEIVE, CHANGE} or not 0 <= index <= MAX_INDEX:
        raise BadPlace(
            f"No address stands at branch {branch}, index {index}.", "Use branch 0 or 1 and an index from 0."
        )
    network = embit_network(chain)
    if ("]xpub" in descriptor) != (chain == "main"):
        raise WrongNetworkKey(
            f"The descriptor's keys are not of the chain {chain}.", "Use xpub on main, tpub elsewhere."
        )
    by_embit, by_bdk = _parse(descriptor)
    derived = by_embit.derive(index, branch_index=branch)
    other = by_bdk[branch].derive_address(index, bdk_network(chain))
    script_hex = derived.script_pubkey().data.hex()
    address: str = derived.address(network)
    if (address, script_hex) != (str(other), other.script_pubkey().to_bytes().hex()):
        raise DecodersDisagree(
            f"At branch {branch}, index {index} one library derives {address} and the other {other}.",
            "Use no address of this vault; report both.",
        )
    origins = sorted(
        (key.sec().hex(), bytes(key.origin.fingerprint).hex(), tuple(key.origin.derivation)) for key in derived.keys
    )
    return Place(address, script_hex, derived.witness_script().data.hex(), tuple(origins))


def derive_address(vault: Vault, branch: int, index: int, chain: str) -> Address:
    """The vault's address at a branch (0 receives, 1 is change) and index, derived twice and found equal.

    Raises what :func:`vault_descriptor` and :func:`derive_place` raise.
    """
    place = derive_place(vault_descriptor(vault), branch, index, chain)
    return Address(vault.id, branch, index, place.address, place.script_hex)
