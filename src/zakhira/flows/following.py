"""The chain followed block by block into the books, and the agreement that is asked for before anything moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zakhira.flows.ports.progress import Progress, silent
from zakhira.flows.treasury import Treasury
from zakhira.kernel.errors import OutsideFailure


class NotFollowed(OutsideFailure):
    """The books do not follow the node's tip: it was never followed, or it moved on."""

    code = "ZK-FLOWS-020"


class NodesNotLevel(OutsideFailure):
    """The second node is a block ahead or behind on the same chain; a moment later it may be level."""

    code = "ZK-FLOWS-021"


class NodesDiffer(OutsideFailure):
    """The second node is on another chain, or too far ahead or behind."""

    code = "ZK-FLOWS-022"


class CoinsDiffer(OutsideFailure):
    """A coin is not the same on the nodes and in the books: spent, unknown, or with another amount or script."""

    code = "ZK-FLOWS-023"


@dataclass(frozen=True)
class Followed:
    """What one run of the watcher came to."""

    height: int
    hash: str
    connected: int
    """blocks taken in"""
    disconnected: int
    """blocks taken back"""
    created: int
    """coins that arrived"""
    spent: int
    """coins that were spent"""


@dataclass(frozen=True)
class Sighting:
    """A coin that the mempool would bring: shown, never counted."""

    outpoint: str
    vault: str
    branch: int
    place: int
    amount_sats: int
    script_hex: str


@dataclass(frozen=True)
class Unconfirmed:
    """What waits in the mempool for the vaults."""

    arrivals: tuple[Sighting, ...]
    spends: tuple[tuple[str, str], ...]
    """outpoint of a coin of ours and the transaction that would spend it"""


def follow_chain(treasury: Treasury, progress: Progress = silent, *, start_height: int | None = None) -> Followed:
    """Take the node's new blocks into the books, taking back those that it left; safe to stop anywhere and repeat.

    The first block ever followed is at ``start_height``, or else just above the tip at which the first address was
    reserved, or the tip itself.

    Raises:
        NodeCatchingUp: the node does not have all blocks that it knows of.
        WrongChain: the node is on another chain.
    """
    raise NotImplementedError


def rescan_vault(treasury: Treasury, vault_id: str, from_height: int, progress: Progress = silent) -> Followed:
    """Look for the past of an imported vault from a height on, and take it into the books in one write."""
    raise NotImplementedError


def unconfirmed(treasury: Treasury) -> Unconfirmed:
    """What the mempool holds for the vaults now."""
    raise NotImplementedError


def require_agreement(treasury: Treasury, outpoints: Sequence[str]) -> None:
    """Nothing, if tip and these coins are the same in the books, on the node and on the second node.

    Raises:
        NodeCatchingUp, NotFollowed, NodesNotLevel, NodesDiffer, CoinsDiffer: as their names say.
    """
    raise NotImplementedError
