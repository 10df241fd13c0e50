"""What the watchtower asks of the world outside, as Protocols and plain data of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure


class SourceUnreadable(OutsideFailure):
    """The signed instructions cannot be read: no database, no folder, or something else in it."""

    code = "ZK-WATCH-050"


@dataclass(frozen=True)
class SeenOutput:
    """An output that pays a script of ours."""

    outpoint: str
    amount_sats: int
    script_hex: str
    is_coinbase: bool = False


@dataclass(frozen=True)
class SeenTransaction:
    """A transaction that spends a coin of ours, with its bytes."""

    txid: str
    raw_hex: str
    spends: tuple[str, ...]
    """those of its coins that are ours"""


@dataclass(frozen=True)
class SeenBlock:
    """What a block does to us. ``at`` is its header's time (UTC)."""

    height: int
    hash: str
    previous_hash: str
    at: datetime
    outputs: tuple[SeenOutput, ...] = ()
    transactions: tuple[SeenTransaction, ...] = ()


class WatchedNode(Protocol):
    """The watchtower's own node. Every method may raise an OutsideFailure."""

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """The best chain's hashes at these heights, both included; fewer where the chain ends below ``last``."""

    def block(self, height: int, block_hash: str, scripts: Collection[bytes], outpoints: AbstractSet[str]) -> SeenBlock:
        """What the block does to these scripts and outpoints, and to outputs that it makes itself."""

    def spenders(self, outpoints: Sequence[str]) -> Mapping[str, str]:
        """Who spends these in the mempool: outpoint to the id of the transaction, as far as anybody does."""

    def unconfirmed(self, txids: Sequence[str]) -> Mapping[str, str]:
        """The bytes (hex) of transactions in the mempool by id; one that has left it is left out."""


class SecondNode(Protocol):
    """Another node that is asked for its view of the chain alone."""

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """As of :class:`WatchedNode`."""


@dataclass(frozen=True)
class Heartbeat:
    """The coordinator's last sign of life, by its own clock, with the block that it had reached."""

    at: datetime
    height: int
    block_hash: str


@dataclass(frozen=True)
class SignedThings:
    """Everything that officers signed, as plain data that is yet to be verified.

    ``spends`` has for each id the instruction, the proposer's signature, approvals, vetoes and the execution; ``acts``
    what was signed about the policy: changes, freezes, thaws, revocations.
    """

    spends: Mapping[str, Json] = field(default_factory=dict)
    acts: Mapping[str, Json] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None


class SignedSource(Protocol):
    """Read access to signed instructions and to nothing else."""

    def read(self) -> SignedThings:
        """All of them as of now. Raises SourceUnreadable."""


class Notifier(Protocol):
    """A way to tell people."""

    @property
    def name(self) -> str:
        """Which one, as the settings call it."""

    def send(self, notice: Mapping[str, Json]) -> None:
        """Tell it. Raises NotDelivered, and then it is tried again later."""


class NotDelivered(OutsideFailure):
    """A notice could not be delivered."""

    code = "ZK-WATCH-053"
