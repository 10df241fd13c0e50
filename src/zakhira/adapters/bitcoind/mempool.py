"""A bitcoind as it takes transactions: estimates, the mempool's rules, sending, and whole transactions by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitcoin_core_rpc import RPCErrorCode

from zakhira.adapters.bitcoind.rpc import Call, Rpc
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.custody.bump import MempoolRules, Package
from zakhira.custody.fee import rate_from_btc_per_kvb, rate_of
from zakhira.custody.weight import SEGWIT_SCALE
from zakhira.flows.ports.chain_errors import NodeFailed, TransactionRejected

ESTIMATE_TARGETS = (1, 2, 3, 6, 12, 24, 48, 144, 504, 1008)
"""Blocks for which an estimate is asked beside the target itself: a faster one serves where a slower one is missing."""
_KNOWN = {"txn-already-in-mempool", "txn-already-known", "txn-same-nonwitness-data-in-mempool"}
_MAYBE_SPENT = {"missing-inputs", "bad-txns-inputs-missingorspent"}
"""What a node also says of a transaction that is confirmed already."""
_BATCH = 200


class BitcoindMempool:
    """Implements :class:`zakhira.flows.ports.mempool.Mempool` on one node, without any wallet."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def fee_estimates(self, target_blocks: int) -> Mapping[int, int]:
        """Satoshi per kvB by the target that the node has an estimate for (``estimatesmartfee``)."""
        targets = sorted({target for target in ESTIMATE_TARGETS if target < target_blocks} | {target_blocks})
        answers = self._rpc.batch([("estimatesmartfee", [target, "economical"]) for target in targets])
        found: dict[int, int] = {}
        for answer in answers:
            if "feerate" in answer:
                # The node may answer for a slower target than it was asked: what it says is kept under that one.
                found[int(answer["blocks"])] = rate_from_btc_per_kvb(answer["feerate"])
        return found

    def mempool_rules(self) -> MempoolRules:
        """What the node asks of replacements and of the least fee (``getmempoolinfo``)."""
        info = self._rpc.call("getmempoolinfo")
        return MempoolRules(
            incremental_relay_sat_per_kvb=rate_from_btc_per_kvb(info["incrementalrelayfee"]),
            mempool_min_sat_per_kvb=rate_from_btc_per_kvb(max(info["mempoolminfee"], info["minrelaytxfee"])),
            # Core no longer tells of it once there is no other way.
            is_full_rbf=bool(info.get("fullrbf", True)),
        )

    def refusal(self, raw_hex: str) -> str:
        """Why the mempool would not take it, in the node's words; empty where it would, or has it already."""
        txid = self._txid(raw_hex)
        verdict = self._rpc.call("testmempoolaccept", [[raw_hex]])[0]
        if verdict["allowed"]:
            return ""
        reason = str(verdict.get("reject-reason") or verdict.get("package-error") or "unknown")
        maybe_confirmed = reason.split(",", maxsplit=1)[0] in _MAYBE_SPENT
        if reason in _KNOWN or (maybe_confirmed and self._has_output(txid, raw_hex)):
            return ""
        details = str(verdict.get("reject-details") or "")
        return f"{reason} ({details})" if details and details != reason else reason

    def broadcast(self, raw_hex: str) -> str:
        """Check with testmempoolaccept, send, and return the txid.

        The node's own bound on the fee rate (0.10 BTC/kvB) stays in force as a last stop against a blunder.
        """
        txid = self._txid(raw_hex)
        reason = self.refusal(raw_hex)
        if reason:
            raise TransactionRejected(
                f"The node does not take transaction {txid}: {reason}.",
                "Nothing was sent. Check its inputs, its signatures and its fee.",
                reason,
            )
        try:
            return str(self._rpc.call("sendrawtransaction", [raw_hex]))
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.VERIFY_ALREADY_IN_UTXO_SET:
                raise
            return txid

    def package(self, txid: str) -> Package | None:
        """The unconfirmed transactions that this one hangs together with; None where it is not in the mempool."""
        try:
            entry = self._rpc.call("getmempoolentry", [txid])
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.INVALID_ADDRESS_OR_KEY:
                raise
            return None
        fees = entry["fees"]
        return Package(
            ancestors=int(entry["ancestorcount"]),
            ancestor_fee_sats=to_sats(fees["ancestor"]),
            ancestor_vbytes=int(entry["ancestorsize"]),
            parent_rate_sat_per_kvb=rate_of(to_sats(fees["base"]), SEGWIT_SCALE * int(entry["vsize"])),
            descendants=int(entry["descendantcount"]),
            descendant_vbytes=int(entry["descendantsize"]),
            descendant_fee_sats=to_sats(fees["descendant"]),
        )

    def raw_transactions(self, txids: Sequence[str], blocks: Mapping[str, str]) -> Mapping[str, str]:
        """Whole transactions (hex) by id; ``blocks`` names the block of each that is confirmed."""
        found: dict[str, str] = {}
        wanted = list(dict.fromkeys(txids))
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            calls: list[Call] = [
                ("getrawtransaction", [txid, False, blocks[txid]] if txid in blocks else [txid]) for txid in part
            ]
            found |= dict(zip(part, map(str, self._rpc.batch(calls)), strict=True))
        return found

    def _txid(self, raw_hex: str) -> str:
        return str(self._decoded(raw_hex)["txid"])

    def _has_output(self, txid: str, raw_hex: str) -> bool:
        """Whether an output of it is in the node's coin set: then it is confirmed."""
        count = len(self._decoded(raw_hex)["vout"])
        for start in range(0, count, _BATCH):
            numbers = range(start, min(start + _BATCH, count))
            if any(self._rpc.batch([("gettxout", [txid, number, False]) for number in numbers])):
                return True
        return False

    def _decoded(self, raw_hex: str) -> Any:  # noqa: ANN401 - JSON
        try:
            return self._rpc.call("decoderawtransaction", [raw_hex])
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.DESERIALIZATION_ERROR:
                raise
            raise TransactionRejected("These bytes are no transaction.", "Finalise it again.", "decode") from None
