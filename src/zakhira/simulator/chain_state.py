"""The twin's chain: branches, the best one's unspent outputs, and a mempool; pure but for its own memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from embit.transaction import Transaction

from zakhira.flows.ports.chain_pool import MATURITY_BLOCKS, subsidy_sats
from zakhira.simulator.chain_block import BadBlock, SimulatedBlock, genesis, make_block, txid_of
from zakhira.simulator.chain_script import is_satisfied

MIN_RELAY_SAT_PER_VB = 1
MAX_FEE_SAT_PER_KVB = 10_000_000
"""0.10 BTC/kvB: what a node's ``sendrawtransaction`` takes at most unless told otherwise."""


class NotAccepted(Exception):
    """The mempool does not take a transaction; the text is Bitcoin Core's reject reason."""


@dataclass(frozen=True)
class Output:
    """An unspent output. ``block`` is None while its transaction is in the mempool."""

    amount_sats: int
    script: bytes
    block: SimulatedBlock | None
    is_coinbase: bool


def virtual_bytes(transaction: Transaction) -> int:
    """Virtual bytes (BIP-141)."""
    whole = len(transaction.serialize())
    witnesses = 2 + sum(len(spend.witness.serialize()) for spend in transaction.vin) if transaction.is_segwit else 0
    return -(-(4 * (whole - witnesses) + witnesses) // 4)


def spent_by(transaction: Transaction) -> list[str]:
    """The outpoints that a transaction spends."""
    return [f"{spend.txid.hex()}:{spend.vout}" for spend in transaction.vin]


class ChainState:
    """All blocks ever seen, the best branch, what it leaves unspent, and what waits to be mined."""

    def __init__(self) -> None:
        first = genesis()
        self.seen: dict[str, SimulatedBlock] = {first.hash: first}
        self.best: list[SimulatedBlock] = [first]
        self.unspent: dict[str, Output] = {}
        self.places: dict[str, SimulatedBlock] = {}
        """The best branch's block that holds each transaction."""
        self.mempool: dict[str, Transaction] = {}
        self.clock_s = first.time_s

    @property
    def tip(self) -> SimulatedBlock:
        """The best block."""
        return self.best[-1]

    def median_time_s(self) -> int:
        """The median time of the last eleven blocks: the next one must be later (BIP-113)."""
        times = sorted(block.time_s for block in self.best[-11:])
        return times[len(times) // 2]

    def spendable(self) -> Iterator[tuple[str, Output]]:
        """Outputs that a transaction may spend now: unspent, mature, and not spent in the mempool."""
        taken = {outpoint for transaction in self.mempool.values() for outpoint in spent_by(transaction)}
        for outpoint, output in (*self.unspent.items(), *self._waiting()):
            if outpoint not in taken and self._is_mature(output):
                yield outpoint, output

    def accept(self, transaction: Transaction) -> None:
        """Take a transaction into the mempool.

        Raises:
            NotAccepted: with the reason in Bitcoin Core's words.
        """
        available = {**self.unspent, **dict(self._waiting())}
        taken = {outpoint for waiting in self.mempool.values() for outpoint in spent_by(waiting)}
        spends = spent_by(transaction)
        if not spends or not transaction.vout:
            raise NotAccepted("bad-txns-vin-empty")
        if any(outpoint not in available for outpoint in spends):
            raise NotAccepted("missing-inputs")
        if taken & set(spends):
            raise NotAccepted("txn-mempool-conflict")
        self._check_amounts(transaction, [available[outpoint] for outpoint in spends])
        self.mempool[txid_of(transaction)] = transaction

    def mine(self, payee: bytes, time_s: int, *, with_mempool: bool = True) -> SimulatedBlock:
        """Mine one block on the best one with all that waits."""
        waiting = tuple(self.mempool.values()) if with_mempool else ()
        fees = sum(self._fee(transaction) for transaction in waiting)
        at = max(time_s, self.median_time_s() + 1)
        block = make_block(self.tip, payee, subsidy_sats(self.tip.height + 1) + fees, waiting, at)
        self.seen[block.hash] = block
        self._connect(block)
        return block

    def submit(self, block: SimulatedBlock) -> None:
        """Take a block of any branch; a longer branch becomes the best.

        Raises:
            BadBlock: it does not fit on a block that is known.
        """
        parent = self.seen.get(block.previous)
        if parent is None or parent.height + 1 != block.height:
            raise BadBlock("prev-blk-not-found")
        self.seen[block.hash] = block
        if block.height > self.tip.height:
            self._switch_to(block)

    def cut(self, depth: int) -> None:
        """Take the last blocks off the best branch; their transactions wait again."""
        self._rebuild(self.best[: len(self.best) - depth])

    def forget(self, depth: int) -> None:
        """Lose the last blocks and the mempool, as a node does that was killed before it wrote them."""
        lost = self.best[len(self.best) - depth :]
        self.cut(depth)
        self.mempool.clear()
        for block in lost:
            del self.seen[block.hash]

    def _waiting(self) -> Iterator[tuple[str, Output]]:
        for txid, transaction in self.mempool.items():
            for index, output in enumerate(transaction.vout):
                yield f"{txid}:{index}", Output(output.value, bytes(output.script_pubkey.data), None, False)

    def _is_mature(self, output: Output) -> bool:
        if not output.is_coinbase or output.block is None:
            return True
        return self.tip.height + 1 - output.block.height >= MATURITY_BLOCKS

    def _check_amounts(self, transaction: Transaction, spent: list[Output]) -> None:
        if not all(self._is_mature(output) for output in spent):
            raise NotAccepted("bad-txns-premature-spend-of-coinbase")
        fee = sum(output.amount_sats for output in spent) - sum(output.value for output in transaction.vout)
        size_vb = virtual_bytes(transaction)
        if fee < 0:
            raise NotAccepted("bad-txns-in-belowout")
        if fee < MIN_RELAY_SAT_PER_VB * size_vb:
            raise NotAccepted("min relay fee not met")
        if fee * 1000 > MAX_FEE_SAT_PER_KVB * size_vb:
            raise NotAccepted("max-fee-exceeded")
        for index, output in enumerate(spent):
            if not is_satisfied(transaction, index, output.script, output.amount_sats):
                raise NotAccepted("mandatory-script-verify-flag-failed")

    def _fee(self, transaction: Transaction) -> int:
        available = {**self.unspent, **dict(self._waiting())}
        held = sum(available[outpoint].amount_sats for outpoint in spent_by(transaction))
        return held - int(sum(output.value for output in transaction.vout))

    def _connect(self, block: SimulatedBlock) -> None:
        for transaction in block.transactions:
            txid, is_coinbase = txid_of(transaction), transaction is block.transactions[0]
            for outpoint in () if is_coinbase else spent_by(transaction):
                if self.unspent.pop(outpoint, None) is None:
                    raise BadBlock("bad-txns-inputs-missingorspent")
            self.places[txid] = block
            self.mempool.pop(txid, None)
            for index, output in enumerate(transaction.vout):
                script = bytes(output.script_pubkey.data)
                if not script.startswith(b"\x6a"):
                    self.unspent[f"{txid}:{index}"] = Output(output.value, script, block, is_coinbase)
        self.best.append(block)

    def _switch_to(self, block: SimulatedBlock) -> None:
        if block.previous == self.tip.hash:
            self._connect(block)
            return
        branch = [block]
        while branch[-1].height > 0:
            branch.append(self.seen[branch[-1].previous])
        self._rebuild(branch[::-1])

    def _rebuild(self, branch: list[SimulatedBlock]) -> None:
        """Make ``branch`` the best one; what it no longer holds waits again where it still can."""
        waiting = [t for block in self.best for t in block.transactions[1:]] + list(self.mempool.values())
        self.best, self.unspent, self.places, self.mempool = branch[:1], {}, {}, {}
        for block in branch[1:]:
            self._connect(block)
        for transaction in waiting:
            if txid_of(transaction) not in self.places:
                try:
                    self.accept(transaction)
                except NotAccepted:
                    continue
