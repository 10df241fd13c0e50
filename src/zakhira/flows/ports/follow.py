"""A node as the watcher and the checks before a spend follow it: blocks, sightings, single coins, addresses.

The bitcoind adapter and the simulator's chain both answer. Every method may raise NodeUnreachable, NodeRefused or
NodeFailed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from zakhira.kernel.errors import OutsideFailure

MAX_COMPANY = 64
"""Scripts remembered beside a payment: a look-alike hides in a small transaction, not among hundreds [E]."""


class UnreadableBlock(OutsideFailure):
    """The node gave bytes that are not the block that was asked for."""

    code = "ZK-CHAIN-050"


class BlockNotKept(OutsideFailure):
    """The node no longer holds a block that is needed (it prunes), or does not know it."""

    code = "ZK-CHAIN-051"


class NodeCatchingUp(OutsideFailure):
    """The node knows headers of a longer chain whose blocks it does not have yet: what it says now is of the past."""

    code = "ZK-CHAIN-052"


@dataclass(frozen=True)
class Wanted:
    """What is looked for: scripts that pay us, and our unspent outpoints as 36 bytes (txid in inner order, index).

    Both may grow while blocks are read.
    """

    scripts: Collection[bytes]
    outpoints: AbstractSet[bytes]


@dataclass(frozen=True)
class FoundOutput:
    """An output that pays a wanted script."""

    outpoint: str
    amount_sats: int
    script: bytes
    is_coinbase: bool


@dataclass(frozen=True)
class FoundSpend:
    """An input that spends a wanted outpoint, or one that the same block created."""

    outpoint: str
    spent_by: str


@dataclass(frozen=True)
class Finds:
    """What a block, or the mempool, does to what is wanted, in the order of the bytes.

    ``company`` holds, for each transaction that pays us, the other scripts that it shows: further outputs, and payers
    as far as their inputs tell (P2PKH, P2WPKH, P2WSH), up to ``MAX_COMPANY``.
    """

    outputs: tuple[FoundOutput, ...] = ()
    spends: tuple[FoundSpend, ...] = ()
    company: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


class FetchedBlock(Protocol):
    """A block whose bytes are at hand; it can be looked through again when more is wanted."""

    @property
    def hash(self) -> str:
        """Its hash."""

    @property
    def previous_hash(self) -> str:
        """The hash of the block below it."""

    def scan(self, wanted: Wanted) -> Finds:
        """What it does to what is wanted. Raises UnreadableBlock."""


@dataclass(frozen=True)
class NodeCoin:
    """An unspent output as a node's own coin set has it."""

    outpoint: str
    amount_sats: int
    script_hex: str
    height: int
    is_coinbase: bool


class ChainWitness(Protocol):
    """A node that is asked for its tip, its blocks' hashes and single coins."""

    def chain_name(self) -> str:
        """main, test, signet or regtest."""

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """The best chain's hashes at these heights, both included; fewer where the chain ends below ``last``."""

    def node_coin(self, outpoint: str) -> NodeCoin | None:
        """The coin if it is confirmed and unspent (a spend in the mempool does not count), or None."""


class AddressDeriver(Protocol):
    """A node that derives addresses of descriptors without watching them."""

    def derive_address(self, descriptor: str, branch: int, index: int) -> str:
        """The address of a ``<0;1>/*`` descriptor at this place. Raises BadDescriptor."""


class FollowedNode(ChainWitness, AddressDeriver, Protocol):
    """The node that the watcher follows."""

    def is_catching_up(self) -> bool:
        """Whether the node knows of headers above its best block whose blocks it has not taken in yet."""

    def blocks(self, hashes: Sequence[str]) -> Iterator[FetchedBlock]:
        """These blocks in order, fetched a bounded number of bytes ahead. Raises BlockNotKept, UnreadableBlock."""

    def block_times(self, hashes: Sequence[str]) -> tuple[datetime, ...]:
        """The times (UTC) in the headers of these blocks, in order. Raises BlockNotKept."""

    def sightings(self, wanted: Wanted) -> Finds:
        """Unconfirmed transactions that concern us and were not there at the last call."""

    def wait_for_block(self, known_hash: str, timeout_s: float) -> bool:
        """Wait until the best block is another than ``known_hash``; False when the time is over."""
