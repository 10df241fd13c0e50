"""The twin's chain as the watcher follows it: looked through transaction by transaction, with faults on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from embit.descriptor import Descriptor
from embit.hashes import hash160, sha256
from embit.networks import NETWORKS
from embit.transaction import Transaction, TransactionInput

from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_descriptor import split_branches
from zakhira.flows.ports.follow import (
    MAX_COMPANY,
    BlockNotKept,
    FetchedBlock,
    Finds,
    FoundOutput,
    FoundSpend,
    NodeCoin,
    Wanted,
)
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_block import SimulatedBlock, read_block, txid_of
from zakhira.simulator.chain_state import spent_by

_REGTEST = NETWORKS["regtest"]
_PUBLIC_KEY_BYTES = 33


class SimulatedFollower:
    """Implements :class:`zakhira.flows.ports.follow.FollowedNode` over the twin's chain."""

    def __init__(self, chain: SimulatedChain) -> None:
        self._chain = chain
        self._seen: set[str] = set()
        self.catching_up = False

    def chain_name(self) -> str:
        """Always regtest."""
        return self._chain.chain_name()

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""
        return self._chain.tip()

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """The best chain's hashes at these heights; fewer where the chain ends below ``last``."""
        with self._chain.faults.call("block_hashes"):
            return tuple(block.hash for block in self._chain.state.best[first : last + 1])

    def is_catching_up(self) -> bool:
        """What a test has set."""
        with self._chain.faults.call("is_catching_up"):
            return self.catching_up

    def blocks(self, hashes: Sequence[str]) -> Iterator[FetchedBlock]:
        """These blocks in order; a call each."""
        for found in hashes:
            with self._chain.faults.call("blocks"):
                if found not in self._chain.state.seen:
                    raise BlockNotKept(f"The chain does not hold block {found}.", "Follow another node.")
                block = _SeenBlock(self._chain.state.seen[found])
            yield block

    def block_times(self, hashes: Sequence[str]) -> tuple[datetime, ...]:
        """The times in the headers of these blocks."""
        with self._chain.faults.call("block_times"):
            unknown = [found for found in hashes if found not in self._chain.state.seen]
            if unknown:
                raise BlockNotKept(f"The chain does not hold block {unknown[0]}.", "Ask a node that has it.")
            return tuple(datetime.fromtimestamp(self._chain.state.seen[found].time_s, UTC) for found in hashes)

    def sightings(self, wanted: Wanted) -> Finds:
        """Unconfirmed transactions that concern us and were not there at the last call."""
        with self._chain.faults.call("sightings"):
            waiting = self._chain.state.mempool
            fresh = [transaction for txid, transaction in waiting.items() if txid not in self._seen]
            self._seen = set(waiting)
            return find_in(fresh, wanted)

    def node_coin(self, outpoint: str) -> NodeCoin | None:
        """The coin if it is confirmed and unspent."""
        with self._chain.faults.call("node_coin"):
            held = self._chain.state.unspent.get(outpoint)
            if held is None or held.block is None:
                return None
            return NodeCoin(outpoint, held.amount_sats, held.script.hex(), held.block.height, held.is_coinbase)

    def derive_address(self, descriptor: str, branch: int, index: int) -> str:
        """The address that embit derives."""
        with self._chain.faults.call("derive_address"):
            single = Descriptor.from_string(split_branches(descriptor)[branch])
            return str(single.derive(index).address(_REGTEST))

    def wait_for_block(self, known_hash: str, timeout_s: float) -> bool:
        """Whether the tip is another; nothing ever happens in the twin while somebody waits."""
        assert timeout_s >= 0
        return self.tip()[1] != known_hash


class _SeenBlock:
    """A block of the twin."""

    def __init__(self, block: SimulatedBlock) -> None:
        self._block = block

    @property
    def hash(self) -> str:
        """Its hash."""
        return self._block.hash

    @property
    def previous_hash(self) -> str:
        """The hash of the block below it."""
        return self._block.previous

    def scan(self, wanted: Wanted) -> Finds:
        """What it does to what is wanted."""
        return find_in(self._block.transactions, wanted, coinbase=self._block.transactions[0])


def seen_block(block: Block) -> FetchedBlock:
    """A recorded block's bytes to be looked through. Raises BadBlock."""
    return _SeenBlock(read_block(bytes.fromhex(block.raw_hex), block.height))


def find_in(transactions: Iterable[Transaction], wanted: Wanted, coinbase: Transaction | None = None) -> Finds:
    """What these transactions do to what is wanted, read by embit."""
    outputs: list[FoundOutput] = []
    spends: list[FoundSpend] = []
    company: dict[str, tuple[bytes, ...]] = {}
    for transaction in transactions:
        txid = txid_of(transaction)
        own = {output.outpoint for output in outputs}
        for spend, outpoint in zip(transaction.vin, spent_by(transaction), strict=True):
            raw = bytes(spend.txid)[::-1] + int(spend.vout).to_bytes(4, "little")
            if raw in wanted.outpoints or outpoint in own:
                spends.append(FoundSpend(outpoint, txid))
        scripts = [bytes(output.script_pubkey.data) for output in transaction.vout]
        paid = [
            FoundOutput(f"{txid}:{index}", output.value, script, transaction is coinbase)
            for index, (output, script) in enumerate(zip(transaction.vout, scripts, strict=True))
            if script in wanted.scripts
        ]
        outputs += paid
        if paid:
            ours = {output.script for output in paid}
            others = [*scripts, *(script for spend in transaction.vin for script in _payer(spend))]
            company[txid] = tuple(dict.fromkeys(script for script in others if script not in ours))[:MAX_COMPANY]
    return Finds(tuple(outputs), tuple(spends), company)


def _payer(spend: TransactionInput) -> Iterator[bytes]:
    """The script that an input's witness gives away (BIP-141)."""
    items = [bytes(item) for item in spend.witness.items] if spend.witness else []
    if len(items) == len(("signature", "key")) and len(items[1]) == _PUBLIC_KEY_BYTES:
        yield b"\x00\x14" + bytes(hash160(items[1]))
    elif len(items) > 1:
        yield b"\x00\x20" + bytes(sha256(items[-1]))
