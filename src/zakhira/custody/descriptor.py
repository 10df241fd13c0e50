"""Descriptors of vaults, and addresses that two libraries derive alike (BIP-380, BIP-341, BIP-389)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bdkpython
from embit import ec
from embit.base import EmbitError
from embit.bip32 import HDKey
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum
from embit.hashes import tagged_hash
from embit.misc import secp256k1
from embit.networks import NETWORKS
from embit.script import Script, address_to_scriptpubkey

from zakhira.custody.coin import MAIN, RECOVERY, Address
from zakhira.custody.decoded import P2TR_PREFIX, Origin
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
from zakhira.custody.template import NUMS, Shape, descriptor_body, read_shape, shape_of
from zakhira.programme.model import Recovery, Vault, VaultKey

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


@dataclass(frozen=True)
class Leaf:
    """A script of a taproot output and the proof that it belongs there (BIP-341), in hex."""

    path: str
    """``main`` or ``recovery``"""
    script_hex: str
    control_block_hex: str
    leaf_hash: str


@dataclass(frozen=True)
class Place:
    """One address of a descriptor with what spends it, in hex.

    ``origins`` is sorted: public key (33 bytes, in taproot the 32 of x alone), fingerprint, path.
    """

    address: str
    script_hex: str
    witness_script_hex: str
    """of P2WSH; empty in taproot"""
    origins: tuple[Origin, ...]
    internal_key: str = ""
    """of taproot: the point of which nobody knows the secret"""
    merkle_root: str = ""
    leaves: tuple[Leaf, ...] = ()
    """of taproot: the main script and, if the vault has one, the recovery"""
    leaf_hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """of taproot: for each public key of ``origins`` the hashes of the leaves that name it"""

    @property
    def is_taproot(self) -> bool:
        """Whether it is spent by a leaf of a tree."""
        return bool(self.leaves)

    def leaf(self, path: str) -> Leaf:
        """The leaf of a path; the caller knows that there is one."""
        return next(leaf for leaf in self.leaves if leaf.path == path)


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


def _check_keys(texts: tuple[str, ...], threshold: int, vault: str) -> dict[tuple[bytes, bytes], str]:
    """The keys of one quorum, each by what it derives; raises as :func:`vault_descriptor` says."""
    if not 1 <= threshold <= len(texts) <= MAX_KEYS:
        raise BadVault(
            f"Vault {vault} asks for {threshold} of {len(texts)} keys.",
            f"Use a threshold of at least 1, and at most {MAX_KEYS} keys.",
        )
    keys = {text: _check_key(text, vault) for text in texts}
    by_material = {(key.sec(), key.chain_code): text for text, key in keys.items()}
    if len(by_material) < len(texts):
        raise RepeatedKey(f"Vault {vault} names a key twice.", "Give each signer a key of its own.")
    if len({key.version for key in keys.values()}) > 1:
        raise WrongNetworkKey(f"Vault {vault} mixes xpub and tpub.", "Use keys of one network.")
    return by_material


def _check_shape(shape: Shape, vault: str) -> None:
    main = _check_keys(shape.keys, shape.threshold, vault)
    if not shape.recovery_keys and not shape.recovery_threshold:
        return
    recovery = _check_keys(shape.recovery_keys, shape.recovery_threshold, vault)
    if any(main.get(material, text) != text for material, text in recovery.items()):
        raise RepeatedKey(f"Vault {vault} names a key under two origins.", "Write each key alike everywhere.")
    if len({text[text.index("]") + 1] for text in (*shape.keys, *shape.recovery_keys)}) > 1:
        raise WrongNetworkKey(f"Vault {vault} mixes xpub and tpub.", "Use keys of one network.")


@lru_cache(maxsize=256)
def vault_descriptor(vault: Vault) -> str:
    """The vault's descriptor with both branches and its checksum, as its template writes it (see custody.template).

    Raises:
        BadVault, BadTimelock, RepeatedKey, HardenedStep, WrongNetworkKey, MalformedKey, PrivateKeyInVault: as their
            names say.
    """
    shape = shape_of(vault)
    _check_shape(shape, vault.id)
    text: str = add_checksum(descriptor_body(shape))
    return text


def read_descriptor(descriptor: str) -> Shape:
    """A descriptor with its checksum as one of the templates.

    Raises:
        UnsupportedDescriptor: it uses what no template has.
        MalformedDescriptor: it is written otherwise, or its checksum is missing or wrong.
        what :func:`vault_descriptor` raises of keys, quorums and locks.
    """
    body, mark, _ = descriptor.partition("#")
    shape = read_shape(body)
    if not mark or add_checksum(body) != descriptor:
        raise MalformedDescriptor("A descriptor's checksum is missing or wrong.", "Copy the descriptor again.")
    _check_shape(shape, "of the descriptor")
    return shape


def vault_of_descriptor(descriptor: str, vault: str, purpose: str, signers: Mapping[str, str] | None = None) -> Vault:
    """The vault that a descriptor stands for.

    ``signers`` names the signer of each key by its text ``[fingerprint/path]xpub``; a key without a name is called by
    its fingerprint. Raises what :func:`read_descriptor` raises.
    """
    shape, names = read_descriptor(descriptor), signers or {}

    def named(texts: tuple[str, ...]) -> tuple[VaultKey, ...]:
        return tuple(VaultKey(names.get(text, text[1:9]), text) for text in texts)

    recovery = None
    if shape.recovery_keys:
        recovery = Recovery(shape.recovery_threshold, named(shape.recovery_keys), shape.after_blocks)
    return Vault(vault, purpose, shape.threshold, named(shape.keys), shape.template, recovery, shape.held_until_height)


_KEYCHAINS = (bdkpython.KeychainKind.EXTERNAL, bdkpython.KeychainKind.INTERNAL)
"""rust-miniscript's names of the branches."""
_BRANCHED_KEY = re.compile(r"\[([0-9a-f]{8}[^\]]*)\]([1-9A-HJ-NP-Za-km-z]+)/<(\d+);(\d+)>/\*")
"""A key as descriptors of ours write it: origin, extended key and the steps of the two branches."""


def _branch_body(body: str, side: int) -> str:
    """The descriptor of one branch, its keys already derived to there: each address then takes one step, not two."""

    def derived(match: re.Match[str]) -> str:
        step = int(match[3 + side])
        return f"[{match[1]}/{step}]{HDKey.from_base58(match[2]).child(step).to_base58()}/*"

    return _BRANCHED_KEY.sub(derived, body)


@lru_cache(maxsize=64)
def _parse(descriptor: str, chain: str) -> tuple[tuple[Any, ...], Any]:
    """The branches of a descriptor as embit reads them, and rust-miniscript's wallet of both.

    embit derives the keys of the branches for both. rust-miniscript derives the first address of each branch from the
    whole descriptor as well: were a key or its chain code another one, that address would be too. A wallet, because it
    derives an address in a third of the time that a lone descriptor takes.
    """
    read_descriptor(descriptor)
    body, network = descriptor.partition("#")[0], bdk_network(chain)
    kind = bdkpython.NetworkKind.MAIN if chain == "main" else bdkpython.NetworkKind.TEST
    try:
        whole = bdkpython.Descriptor(descriptor, kind)
        whole.sanity_check()
        bodies = [_branch_body(body, side) for side in (RECEIVE, CHANGE)]
        by_embit = tuple(Descriptor.from_string(text) for text in bodies)
        wallet = bdkpython.Wallet(
            *(bdkpython.Descriptor(text, kind) for text in bodies), network, bdkpython.Persister.new_in_memory(), 1
        )
        firsts = [
            (str(one.derive_address(0, network)), str(wallet.peek_address(_KEYCHAINS[side], 0).address))
            for side, one in enumerate(whole.to_single_descriptors())
        ]
    except (
        bdkpython.DescriptorError,
        bdkpython.MiniscriptError,
        bdkpython.CreateWithPersistError,
        *EMBIT_ERRORS,
    ) as error:
        raise MalformedDescriptor(f"A decoder refuses the descriptor: {error}.", "Check its keys.") from None
    for from_whole, from_branch in firsts:
        if from_whole != from_branch:
            raise DecodersDisagree(
                f"From the whole descriptor the first address is {from_whole}, from its branch {from_branch}.",
                "Use no address of this vault; report both.",
            )
    return by_embit, wallet


def _origin(key: Any, text: str) -> Origin:  # noqa: ANN401  # embit ships no types
    return text, bytes(key.origin.fingerprint).hex(), tuple(key.origin.derivation)


def _wsh_place(derived: Any, address: str, script_hex: str) -> Place:  # noqa: ANN401  # embit ships no types
    origins = sorted(_origin(key, key.sec().hex()) for key in derived.keys)
    return Place(address, script_hex, derived.witness_script().data.hex(), tuple(origins))


def _tweaked(internal: bytes, root: bytes) -> Any:  # noqa: ANN401  # embit ships no types
    """The output key Q = P + t*G (BIP-341). embit's own ``taproot_tweak`` forgets whether Q is odd."""
    tweak = tagged_hash("TapTweak", internal + root)
    return ec.PublicKey(secp256k1.ec_pubkey_add(secp256k1.ec_pubkey_parse(b"\x02" + internal), tweak))


def _taproot_place(derived: Any, address: str, script_hex: str) -> Place:  # noqa: ANN401  # embit ships no types
    """The leaves with their control blocks: version with the output's parity, internal key, sibling (BIP-341)."""
    tree = derived.taptree.tree
    scripts = [tree.serialize()] if not isinstance(tree, tuple) else [part.tree.serialize() for part in tree]
    hashes = [tagged_hash("TapLeaf", script) for script in scripts]
    root = hashes[0] if len(hashes) == 1 else tagged_hash("TapBranch", b"".join(sorted(hashes)))
    internal = bytes.fromhex(NUMS)
    tweaked = _tweaked(internal, root)
    if script_hex != P2TR_PREFIX + tweaked.xonly().hex():
        raise DecodersDisagree(f"The tree of {address} does not make its output.", "Use no address of this vault.")
    parity = tweaked.sec()[0] & 1
    leaves = tuple(
        Leaf(
            path,
            Script.parse(script[1:]).data.hex(),
            (bytes([script[0] | parity]) + internal + b"".join(h for h in hashes if h != own)).hex(),
            own.hex(),
        )
        for path, script, own in zip((MAIN, RECOVERY), scripts, hashes, strict=False)
    )
    keys = [key for key in derived.keys if key.origin is not None]
    origins = tuple(sorted(_origin(key, key.xonly().hex()) for key in keys))
    named = tuple(
        (key, tuple(sorted(leaf.leaf_hash for leaf in leaves if f"20{key}" in leaf.script_hex)))
        for key, _, _ in origins
    )
    return Place(address, script_hex, "", origins, NUMS, root.hex(), leaves, named)


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
    by_embit, by_bdk = _parse(descriptor, chain)
    derived = by_embit[branch].derive(index)
    other = by_bdk.peek_address(_KEYCHAINS[branch], index).address
    script_hex = derived.script_pubkey().data.hex()
    address: str = derived.address(network)
    if (address, script_hex) != (str(other), other.script_pubkey().to_bytes().hex()):
        raise DecodersDisagree(
            f"At branch {branch}, index {index} one library derives {address} and the other {other}.",
            "Use no address of this vault; report both.",
        )
    build = _taproot_place if derived.taptree else _wsh_place
    return build(derived, address, script_hex)


def derive_address(vault: Vault, branch: int, index: int, chain: str) -> Address:
    """The vault's address at a branch (0 receives, 1 is change) and index, derived twice and found equal.

    Raises what :func:`vault_descriptor` and :func:`derive_place` raise.
    """
    place = derive_place(vault_descriptor(vault), branch, index, chain)
    return Address(vault.id, branch, index, place.address, place.script_hex)
