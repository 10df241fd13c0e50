"""The twin's mempool as a spend asks it: estimates as a test sets them, and replacement by the rules of BIP-125."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from embit.base import EmbitError
from embit.transaction import Transaction

from zakhira.custody.anchor import is_data_script
from zakhira.custody.bump import LESS_THAN_FEERATE_RULE, MempoolRules, Package
from zakhira.custody.fee import fee_for_weight, rate_of
from zakhira.custody.weight import SEGWIT_SCALE
from zakhira.flows.ports.chain_errors import NodeFailed, TransactionRejected
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_block import txid_of
from zakhira.simulator.chain_state import NotAccepted, spent_by, virtual_bytes

MAX_DATA_SCRIPT_BYTES = 83
"""What nodes relay unless told otherwise (Bitcoin Core to 29 and Knots, -datacarriersize)."""
_Step = Callable[[Mapping[str, Transaction], str], set[str]]


class SimulatedMempool:
    """Implements :class:`zakhira.flows.ports.mempool.Mempool` over the twin's chain.

    ``estimates`` (blocks to sat/kvB), ``rules`` and ``data_script_limit`` (the longest output script with data that is
    relayed, in bytes) are what a test sets; ``lose`` forgets a transaction, as a full mempool does.
    """

    def __init__(self, chain: SimulatedChain, estimates: Mapping[int, int] | None = None) -> None:
        self._chain = chain
        self.estimates = dict(estimates or {})
        self.rules = MempoolRules()
        self.data_script_limit = MAX_DATA_SCRIPT_BYTES

    def fee_estimates(self, target_blocks: int) -> Mapping[int, int]:
        """What a test has set, for the target and faster ones."""
        with self._chain.faults.call("fee_estimates"):
            return {target: rate for target, rate in self.estimates.items() if target <= target_blocks}

    def mempool_rules(self) -> MempoolRules:
        """What a test has set."""
        with self._chain.faults.call("mempool_rules"):
            return self.rules

    def refusal(self, raw_hex: str) -> str:
        """Why the mempool would not take it; empty where it would, or has it already."""
        with self._chain.faults.call("refusal"):
            transaction = _parse(raw_hex)
            before = dict(self._chain.state.mempool)
            try:
                self._take(transaction)
            except NotAccepted as error:
                return str(error)
            self._chain.state.mempool = before
            return ""

    def broadcast(self, raw_hex: str) -> str:
        """Take it into the mempool, in the place of what it replaces, and return the txid."""
        with self._chain.faults.call("broadcast"):
            transaction = _parse(raw_hex)
            try:
                self._take(transaction)
            except NotAccepted as error:
                raise TransactionRejected(
                    f"The chain does not take transaction {txid_of(transaction)}: {error}.",
                    "Nothing was sent. Check its inputs, its signatures and its fee.",
                    str(error),
                ) from None
            return txid_of(transaction)

    def package(self, txid: str) -> Package | None:
        """The unconfirmed transactions that this one hangs together with; None where it is not in the mempool."""
        with self._chain.faults.call("package"):
            waiting = self._chain.state.mempool
            if txid not in waiting:
                return None
            parents, children = self._family(txid, _parents), self._family(txid, _children)
            sizes = {name: virtual_bytes(waiting[name]) for name in parents | children}
            fees = {name: self._fee_sats(waiting[name]) for name in parents | children}
            return Package(
                ancestors=len(parents),
                ancestor_fee_sats=sum(fees[name] for name in parents),
                ancestor_vbytes=sum(sizes[name] for name in parents),
                parent_rate_sat_per_kvb=rate_of(fees[txid], SEGWIT_SCALE * sizes[txid]),
                descendants=len(children),
                descendant_vbytes=sum(sizes[name] for name in children),
                descendant_fee_sats=sum(fees[name] for name in children),
            )

    def raw_transactions(self, txids: Sequence[str], blocks: Mapping[str, str]) -> Mapping[str, str]:
        """Whole transactions (hex) by id; ``blocks`` names the block of each that is confirmed."""
        with self._chain.faults.call("raw_transactions"):
            return {txid: self._find(txid, blocks.get(txid)).serialize().hex() for txid in txids}

    def lose(self, txid: str) -> None:
        """Forget a transaction and all that spends from it."""
        for name in self._family(txid, _children):
            self._chain.state.mempool.pop(name, None)

    def _find(self, txid: str, block_hash: str | None) -> Transaction:
        state = self._chain.state
        seen = state.seen.get(block_hash or "")
        inside = seen.transactions if seen else tuple(state.mempool.values())
        for transaction in inside:
            if txid_of(transaction) == txid:
                return transaction
        raise NodeFailed(f"The chain does not hold transaction {txid} there.", "Name its block.", -5)

    def _take(self, transaction: Transaction) -> None:
        """Accept it or raise NotAccepted; the mempool is as it was in that case."""
        state, txid = self._chain.state, txid_of(transaction)
        if txid in state.mempool or txid in state.places:
            return
        scripts = [bytes(output.script_pubkey.data) for output in transaction.vout]
        if any(is_data_script(script.hex()) and len(script) > self.data_script_limit for script in scripts):
            raise NotAccepted("scriptpubkey")
        before = dict(state.mempool)
        spends = set(spent_by(transaction))
        direct = [name for name, other in before.items() if spends & set(spent_by(other))]
        evicted = {child for name in direct for child in self._family(name, _children)}
        fees = {name: self._fee_sats(before[name]) for name in evicted}
        for name in evicted:
            del state.mempool[name]
        try:
            state.accept(transaction)
            if evicted:
                self._require_replaces(transaction, [before[name] for name in direct], fees)
        except NotAccepted:
            state.mempool = before
            raise

    def _require_replaces(
        self, transaction: Transaction, direct: Sequence[Transaction], fees: Mapping[str, int]
    ) -> None:
        fee_sats, vbytes = self._fee_sats(transaction), virtual_bytes(transaction)
        relay_sats = fee_for_weight(self.rules.incremental_relay_sat_per_kvb, SEGWIT_SCALE * vbytes)
        if fee_sats < sum(fees.values()) + relay_sats:
            raise NotAccepted("insufficient fee")
        if any(fee_sats * virtual_bytes(other) <= fees[txid_of(other)] * vbytes for other in direct):
            raise NotAccepted(f"insufficient fee (rule {LESS_THAN_FEERATE_RULE})")

    def _fee_sats(self, transaction: Transaction) -> int:
        state = self._chain.state
        held = 0
        for outpoint in spent_by(transaction):
            txid, _, index = outpoint.partition(":")
            parent = state.mempool.get(txid)
            held += int(parent.vout[int(index)].value) if parent else state.unspent[outpoint].amount_sats
        return held - sum(int(output.value) for output in transaction.vout)

    def _family(self, txid: str, step: _Step) -> set[str]:
        """The transaction and all waiting ones that are reached from it, step by step."""
        found, todo = {txid}, [txid]
        while todo:
            for name in step(self._chain.state.mempool, todo.pop()) - found:
                found.add(name)
                todo.append(name)
        return found


def _parents(waiting: Mapping[str, Transaction], txid: str) -> set[str]:
    return {outpoint.partition(":")[0] for outpoint in spent_by(waiting[txid])} & set(waiting)


def _children(waiting: Mapping[str, Transaction], txid: str) -> set[str]:
    return {
        name for name, other in waiting.items() if any(outpoint.startswith(f"{txid}:") for outpoint in spent_by(other))
    }


def _parse(raw_hex: str) -> Transaction:
    try:
        transaction = Transaction.parse(bytes.fromhex(raw_hex))
        if transaction.serialize() == bytes.fromhex(raw_hex):
            return transaction
    except (EmbitError, RuntimeError, ValueError, IndexError):
        pass
    raise TransactionRejected("These bytes are no transaction.", "Finalise it again.", "decode")
