"""A seeded twin of the private chain, in memory: real transaction and block bytes, and faults on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from embit.base import EmbitError
from embit.descriptor import Descriptor
from embit.networks import NETWORKS
from embit.script import Script, Witness, address_to_scriptpubkey, p2pkh_from_p2wpkh
from embit.transaction import Transaction

from zakhira.custody.coin import Coin, Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_descriptor import same_spelling, split_branches
from zakhira.flows.ports.chain_errors import (
    BlockMissing,
    ChainDiverged,
    FundingDiffers,
    TransactionRejected,
    VaultDiffers,
    VaultNotWatched,
)
from zakhira.flows.ports.chain_timing import block_time_s, even_moments
from zakhira.simulator.chain_block import BadBlock, SimulatedBlock, read_block, txid_of
from zakhira.simulator.chain_faults import FaultPlan
from zakhira.simulator.chain_state import ChainState, NotAccepted, spent_by, virtual_bytes

_REGTEST = NETWORKS["regtest"]
_WINDOW_S = 7200
"""A wallet looks at blocks up to two hours older than its birthday (Bitcoin Core, TIMESTAMP_WINDOW)."""


@dataclass(frozen=True)
class _Vault:
    branches: tuple[Descriptor, Descriptor]
    spelling: tuple[str, str]
    since_s: int


class SimulatedChain:
    """Implements :class:`zakhira.flows.ports.chain.PrivateChain` without a node.

    It watches those places of a vault that were asked for with ``reserve_check``, which is all that the port promises.
    ``faults`` decides which calls fail; ``state`` is open to tests that reorganise it or let it lose blocks.
    """

    def __init__(self, faults: FaultPlan | None = None) -> None:
        self.faults = faults or FaultPlan()
        self.state = ChainState()
        self._vaults: dict[str, _Vault] = {}
        self._watched: dict[bytes, str] = {}
        self._pools: set[str] = set()

    def chain_name(self) -> str:
        """Always regtest."""
        with self.faults.call("chain_name"):
            return "regtest"

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""
        with self.faults.call("tip"):
            return self.state.tip.height, self.state.tip.hash

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height, or None above the tip."""
        with self.faults.call("block_hash"):
            return self._hash_at(height)

    def confirmations(self, txid: str, block_hash: str | None = None) -> int:
        """Blocks on top of and with a transaction of a vault or a pool, or of the given block."""
        with self.faults.call("confirmations"):
            return self._confirmations(txid, block_hash)

    def coins(self, vault: str) -> tuple[Coin, ...]:
        """The confirmed, unspent coins of a watched vault; each twice where the fault plan repeats them."""
        with self.faults.call("coins"):
            since_s = self._vault(vault).since_s - _WINDOW_S
            coins = [
                Coin(outpoint, output.amount_sats, output.script.hex(), output.block.height, output.block.hash)
                for outpoint, output in self.state.spendable()
                if self._watched.get(output.script) == vault and output.block and output.block.time_s >= since_s
            ]
            ordered = tuple(sorted(coins, key=lambda coin: (coin.height, coin.outpoint)))
            return ordered * 2 if self.faults.repeat_coins else ordered

    def set_time(self, now: datetime) -> None:
        """Drive the clock."""
        with self.faults.call("set_time"):
            self.state.clock_s = int(now.timestamp())

    def mine_to(self, height: int, now: datetime) -> tuple[Block, ...]:
        """Mine until the tip is at ``height``; the new blocks."""
        with self.faults.call("mine_to"):
            tip = self.state.tip
            moments = even_moments(max(0, height - tip.height), tip.time_s, now)
            return tuple(_as_block(block) for block in self._mine([("", moment) for moment in moments]))

    def blocks(self, first: int, last: int) -> tuple[Block, ...]:
        """Raw blocks of the best chain, both heights included."""
        with self.faults.call("blocks"):
            if not first >= 0 or last > self.state.tip.height:
                raise BlockMissing(f"The chain has no block {last}.", "Restore the recorded blocks first.")
            return tuple(_as_block(block) for block in self.state.best[first : last + 1])

    def restore(self, blocks: Sequence[Block]) -> None:
        """Submit recorded blocks again until the best chain holds the last of them."""
        with self.faults.call("restore"):
            for block in blocks:
                if block.hash not in self.state.seen:
                    self._submit(block)
            if blocks and self._hash_at(blocks[-1].height) != blocks[-1].hash:
                raise ChainDiverged(
                    f"The chain (tip {self.state.tip.height}, {self.state.tip.hash}) is another than the recorded one "
                    f"(tip {blocks[-1].height}, {blocks[-1].hash}).",
                    "This is a reorganisation: find out who mined the other branch before anything else is moved.",
                )

    def fund_pools(self, needs_sats: Mapping[str, int], now: datetime) -> None:
        """Make sure each pool holds at least this much, mature."""
        with self.faults.call("fund_pools"):
            plan = chain_pool.funding_plan(needs_sats)
            self._pools |= set(plan) - {""}
            there = self.state.best[1 : len(plan) + 1]
            for block, pool in zip(there, plan, strict=False):
                if bytes(block.transactions[0].vout[0].script_pubkey.data) != _payee(pool):
                    raise FundingDiffers(
                        f"Block {block.height} of the private chain does not pay {pool or 'nobody'}.",
                        "Use another output folder, or the arguments with which it was begun.",
                    )
            spacing = timedelta(seconds=chain_pool.FUNDING_BLOCK_SECONDS)
            orders = [(pool, now - (len(plan) - height) * spacing) for height, pool in enumerate(plan, start=1)]
            self._mine(orders[len(there) :])

    def sign_pool_payment(self, pool: str, payments: Sequence[Payment], fee_rate_sat_per_vb: int) -> str:
        """A signed transaction (hex) of the pool with exactly these outputs and change last."""
        with self.faults.call("sign_pool_payment"):
            self._pools.add(pool)
            held = {o: output for o, output in self.state.spendable() if output.script == _payee(pool)}
            coins = [chain_pool.PoolCoin(o, output.amount_sats, output.block is not None) for o, output in held.items()]
            transaction = chain_pool.build_pool_payment(pool, payments, coins, fee_rate_sat_per_vb)
            key = chain_pool.pool_key(pool)
            for index, outpoint in enumerate(spent_by(transaction)):
                code = p2pkh_from_p2wpkh(Script(held[outpoint].script))
                digest = transaction.sighash_segwit(index, code, held[outpoint].amount_sats)
                signature = key.sign(digest).serialize() + b"\x01"
                transaction.vin[index].witness = Witness([signature, key.get_public_key().sec()])
            return str(transaction.serialize().hex())

    def watch_vault(self, vault: str, descriptor: str, since: datetime) -> None:
        """Watch a vault; safe to repeat."""
        with self.faults.call("watch_vault"):
            receive, change = split_branches(descriptor)
            spelling = (same_spelling(receive), same_spelling(change))
            if vault in self._vaults and self._vaults[vault].spelling != spelling:
                raise VaultDiffers(
                    f"Another descriptor is watched under the name {vault}.",
                    "Use another output folder for a programme with other keys.",
                )
            branches = (Descriptor.from_string(receive), Descriptor.from_string(change))
            self._vaults.setdefault(vault, _Vault(branches, spelling, int(since.timestamp())))

    def reserve_check(self, vault: str, branch: int, index: int) -> str:
        """The address at this place, watched from then on."""
        with self.faults.call("reserve_check"):
            place = self._vault(vault).branches[branch].derive(index)
            script = place.script_pubkey()
            self._watched[bytes(script.data)] = vault
            return str(script.address(_REGTEST))

    def broadcast(self, raw_hex: str) -> str:
        """Take a transaction into the mempool and return its txid."""
        with self.faults.call("broadcast"):
            transaction = _parse(raw_hex)
            txid = txid_of(transaction)
            if txid in self.state.mempool or txid in self.state.places:
                return txid
            try:
                self.state.accept(transaction)
            except NotAccepted as error:
                raise TransactionRejected(
                    f"The chain does not take transaction {txid}: {error}.",
                    "Nothing was sent. Check its inputs, its signatures and its fee.",
                    str(error),
                ) from None
            return txid

    def vsize(self, raw_hex: str) -> int:
        """Virtual bytes of a transaction."""
        with self.faults.call("vsize"):
            return virtual_bytes(_parse(raw_hex))

    def reorganise(self, depth: int) -> None:
        """Replace the last ``depth`` blocks by one more, without transactions, that another miner made."""
        elsewhere = _payee("another miner")
        times = [block.time_s for block in self.state.best[len(self.state.best) - depth :]]
        self.state.cut(depth)
        for time_s in (*times, times[-1]):
            self.state.mine(elsewhere, time_s, with_mempool=False)

    def _vault(self, vault: str) -> _Vault:
        if vault not in self._vaults:
            raise VaultNotWatched(f"The chain does not watch a vault {vault!r}.", "Have it watched first.")
        return self._vaults[vault]

    def _hash_at(self, height: int) -> str | None:
        return self.state.best[height].hash if 0 <= height <= self.state.tip.height else None

    def _confirmations(self, txid: str, block_hash: str | None) -> int:
        block = self.state.places.get(txid)
        if block is None or (
            block.hash != block_hash if block_hash is not None else not self._concerns_us(txid, block)
        ):
            return 0
        return self.state.tip.height - block.height + 1

    def _concerns_us(self, txid: str, block: SimulatedBlock) -> bool:
        """Whether a wallet of ours would know the transaction: it pays, or spends from, a vault or a pool."""
        ours = {*self._watched, *(_payee(pool) for pool in self._pools)}
        transaction = next(t for t in block.transactions if txid_of(t) == txid)
        if any(bytes(output.script_pubkey.data) in ours for output in transaction.vout):
            return True
        made = {txid_of(t): t for b in self.state.best[: block.height + 1] for t in b.transactions}
        sources = (made[o.partition(":")[0]].vout[int(o.partition(":")[2])] for o in spent_by(transaction))
        return block.transactions[0] is not transaction and any(bytes(s.script_pubkey.data) in ours for s in sources)

    def _mine(self, orders: Sequence[tuple[str, datetime]]) -> list[SimulatedBlock]:
        mined = []
        for pool, moment in orders:
            self.state.clock_s = int(moment.timestamp())
            mined.append(self.state.mine(_payee(pool), self.state.clock_s))
        return mined

    def _submit(self, block: Block) -> None:
        try:
            self.state.submit(read_block(bytes.fromhex(block.raw_hex), block.height))
        except (BadBlock, ValueError) as error:
            raise ChainDiverged(
                f"The recorded block {block.height} ({block.hash}) is not taken: {error}.",
                "The record and the chain do not fit: use the folder of this very run, or start a new one.",
            ) from None
        self.state.clock_s = max(self.state.clock_s, block_time_s(block))


def _payee(pool: str) -> bytes:
    address = chain_pool.pool_address(pool) if pool else chain_pool.nobody_address()
    return bytes(address_to_scriptpubkey(address).data)


def _as_block(block: SimulatedBlock) -> Block:
    return Block(block.height, block.hash, block.raw.hex())


def _parse(raw_hex: str) -> Transaction:
    try:
        transaction = cast("Transaction", Transaction.parse(bytes.fromhex(raw_hex)))
        if transaction.serialize() == bytes.fromhex(raw_hex):
            return transaction
    except (EmbitError, RuntimeError, ValueError, IndexError):
        pass
    raise TransactionRejected("These bytes are no transaction.", "Finalise it again.", "decode")
