"""What flows ask of a Bitcoin node. The bitcoind adapter and the simulator's chain both answer.

What they raise stands in :mod:`zakhira.flows.ports.chain_errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from zakhira.custody.coin import Coin, Payment


@dataclass(frozen=True)
class Block:
    """A block of the private chain, whole, so that a node that lost it can be given it again."""

    height: int
    hash: str
    raw_hex: str


class ChainReader(Protocol):
    """A node that is asked, never told.

    Every method may raise NodeUnreachable, NodeRefused, WrongChain or NodeFailed.
    """

    def chain_name(self) -> str:
        """main, test, signet or regtest."""

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height, or None above the tip."""

    def confirmations(self, txid: str, block_hash: str | None = None) -> int:
        """Blocks on top of and with the transaction: 0 in the mempool or unknown.

        Looks only into the wallets of vaults and pools, or into the given block.
        """

    def coins(self, vault: str) -> tuple[Coin, ...]:
        """The confirmed, unspent coins of a watched vault, by height and outpoint.

        A coin that a transaction in the mempool spends is not among them. Raises VaultNotWatched.
        """


class PrivateChain(ChainReader, Protocol):
    """The node of a drill: a regtest chain that the programme drives itself."""

    def set_time(self, now: datetime) -> None:
        """Drive the node's clock (mocktime)."""

    def mine_to(self, height: int, now: datetime) -> tuple[Block, ...]:
        """Mine until the tip is at ``height``, with block times up to ``now``.

        Blocks that are there already are not mined again. Returns the new blocks, in order; nothing if the tip is at
        ``height`` or above.
        """

    def blocks(self, first: int, last: int) -> tuple[Block, ...]:
        """Raw blocks of the best chain, both heights included. Raises BlockMissing above the tip."""

    def restore(self, blocks: Sequence[Block]) -> None:
        """Submit recorded blocks again, in order, until the best chain holds the last of them; known ones are skipped.

        Blocks above the recorded tip stay. A tip on another branch is a reorganisation: raises ChainDiverged if the
        recorded chain cannot become the best.
        """

    def fund_pools(self, needs_sats: Mapping[str, int], now: datetime) -> None:
        """Make sure each pool's wallet holds at least this much, mature, by mining to it from height 1.

        Deterministic in height for the same needs (``chain_pool.funding_plan``); safe to repeat, also when it was cut
        off half-way. Raises PoolsUnfundable when regtest's whole supply would not do, FundingDiffers when the chain was
        begun for other needs.
        """

    def sign_pool_payment(self, pool: str, payments: Sequence[Payment], fee_rate_sat_per_vb: int) -> str:
        """A signed transaction (hex) of the pool's wallet with exactly these outputs, in order, and change last.

        It is not broadcast and nothing is locked: until it is broadcast, asking again gives the same transaction, so
        broadcast it before the pool's next one is signed. Unconfirmed change of the same pool may be spent. Raises
        BadPayment or PoolShort.
        """

    def watch_vault(self, vault: str, descriptor: str, since: datetime) -> None:
        """Make a watch-only wallet for the vault (``<0;1>/*`` descriptor with checksum); safe to repeat.

        It sees coins in blocks from ``since`` on. Raises BadDescriptor, or VaultDiffers if another descriptor is
        watched under this name.
        """

    def reserve_check(self, vault: str, branch: int, index: int) -> str:
        """The address that the node itself derives at this place of the vault's descriptor.

        From then on the place is watched, however far out it is. Raises VaultNotWatched.
        """

    def broadcast(self, raw_hex: str) -> str:
        """Check with testmempoolaccept, send, and return the txid.

        A transaction that is already known or confirmed is not an error. Raises TransactionRejected with the node's
        reason.
        """

    def vsize(self, raw_hex: str) -> int:
        """Virtual bytes of a transaction. Raises TransactionRejected for bytes that are none."""
