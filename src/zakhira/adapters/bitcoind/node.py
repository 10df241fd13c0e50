"""The private chain of a drill on a real bitcoind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bitcoin_core_rpc import RPCErrorCode

from zakhira.adapters.bitcoind.pools import PREFIX as POOL_PREFIX
from zakhira.adapters.bitcoind.pools import Pools
from zakhira.adapters.bitcoind.private_blocks import PrivateBlocks
from zakhira.adapters.bitcoind.rpc import Rpc
from zakhira.adapters.bitcoind.vaults import PREFIX as VAULT_PREFIX
from zakhira.adapters.bitcoind.vaults import Vaults
from zakhira.adapters.bitcoind.wallets import Wallets
from zakhira.custody.coin import Coin, Payment
from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_errors import NodeFailed, TransactionRejected, WrongChain

REGTEST = "regtest"
_KNOWN = {"txn-already-in-mempool", "txn-already-known", "txn-same-nonwitness-data-in-mempool"}
_MAYBE_SPENT = {"missing-inputs", "bad-txns-inputs-missingorspent"}
"""What a node also says of a transaction that is confirmed already."""


def chain_of(rpc: Rpc) -> str:
    """main, test, signet or regtest, as the node says."""
    return str(rpc.call("getblockchaininfo")["chain"])


class BitcoindChain:
    """Implements :class:`zakhira.flows.ports.chain.PrivateChain` on one node, which must be on regtest.

    ``remember_time`` is told the node's clock in seconds before it is set, so that a restart can set it again.

    Raises:
        WrongChain: at construction, if the node is on another chain.
    """

    def __init__(self, rpc: Rpc, remember_time: Callable[[int], None] = lambda _: None) -> None:
        self._rpc = rpc
        self._remember_time = remember_time
        self._wallets = Wallets(rpc)
        self._blocks = PrivateBlocks(rpc)
        self._vaults = Vaults(rpc, self._wallets)
        self._pools = Pools(rpc, self._wallets, self._blocks)
        chain = self.chain_name()
        if chain != REGTEST:
            raise WrongChain(
                f"The node at {rpc.where} is on the chain {chain}; a drill drives its own chain on {REGTEST}.",
                "Let the drill start its own node.",
            )

    def chain_name(self) -> str:
        """main, test, signet or regtest."""
        return chain_of(self._rpc)

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""
        info = self._rpc.call("getblockchaininfo")
        return int(info["blocks"]), str(info["bestblockhash"])

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height, or None above the tip."""
        return self._blocks.hash_at(height)

    def confirmations(self, txid: str, block_hash: str | None = None) -> int:
        """Blocks on top of and with the transaction, as the wallets or the given block tell."""
        if block_hash is not None:
            seen = self._rpc.try_batch([("getrawtransaction", [txid, True, block_hash])])
        else:
            wallets = self._wallets.find_all(VAULT_PREFIX) + self._wallets.find_all(POOL_PREFIX)
            seen = [self._rpc.try_batch([("gettransaction", [txid])], wallet=wallet)[0] for wallet in wallets]
        return max((_depth(answer) for answer in seen), default=0)

    def coins(self, vault: str) -> tuple[Coin, ...]:
        """The confirmed, unspent coins of a watched vault, by height and outpoint."""
        return self._vaults.coins(vault)

    def set_time(self, now: datetime) -> None:
        """Drive the node's clock (mocktime)."""
        self._remember(now)
        self._rpc.call("setmocktime", [int(now.timestamp())])

    def mine_to(self, height: int, now: datetime) -> tuple[Block, ...]:
        """Mine until the tip is at ``height``; the new blocks."""
        self._remember(now)
        return self._blocks.mine_to(height, now)

    def blocks(self, first: int, last: int) -> tuple[Block, ...]:
        """Raw blocks of the best chain, both heights included."""
        return self._blocks.read(first, last)

    def restore(self, blocks: Sequence[Block]) -> None:
        """Submit recorded blocks again until the best chain holds the last of them."""
        self._remember_time(self._blocks.restore(blocks))

    def fund_pools(self, needs_sats: Mapping[str, int], now: datetime) -> None:
        """Make sure each pool's wallet holds at least this much, mature."""
        self._remember(now)
        self._pools.fund(needs_sats, now)

    def sign_pool_payment(self, pool: str, payments: Sequence[Payment], fee_rate_sat_per_vb: int) -> str:
        """A signed transaction (hex) of the pool's wallet with exactly these outputs and change last."""
        return self._pools.sign_payment(pool, payments, fee_rate_sat_per_vb)

    def watch_vault(self, vault: str, descriptor: str, since: datetime) -> None:
        """Make a watch-only wallet for the vault; safe to repeat."""
        self._vaults.watch(vault, descriptor, since)

    def reserve_check(self, vault: str, branch: int, index: int) -> str:
        """The address that the node itself derives at this place, watched from then on."""
        return self._vaults.address(vault, branch, index)

    def broadcast(self, raw_hex: str) -> str:
        """Check with testmempoolaccept, send, and return the txid.

        The node's own bound on the fee rate (0.10 BTC/kvB) stays in force as a last stop against a blunder.
        """
        txid = str(self._decoded(raw_hex)["txid"])
        verdict = self._rpc.call("testmempoolaccept", [[raw_hex]])[0]
        if verdict["allowed"]:
            return str(self._rpc.call("sendrawtransaction", [raw_hex]))
        reason = str(verdict.get("reject-reason") or verdict.get("package-error") or "unknown")
        if reason in _KNOWN or (reason.split(",", maxsplit=1)[0] in _MAYBE_SPENT and self.confirmations(txid) > 0):
            return txid
        raise TransactionRejected(
            f"The node does not take transaction {txid}: {reason}.",
            "Nothing was sent. Check its inputs, its signatures and its fee.",
            reason,
        )

    def vsize(self, raw_hex: str) -> int:
        """Virtual bytes of a transaction."""
        return int(self._decoded(raw_hex)["vsize"])

    def _remember(self, now: datetime) -> None:
        self._remember_time(int(now.timestamp()))

    def _decoded(self, raw_hex: str) -> Any:  # noqa: ANN401 - JSON
        try:
            return self._rpc.call("decoderawtransaction", [raw_hex])
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.DESERIALIZATION_ERROR:
                raise
            raise TransactionRejected("These bytes are no transaction.", "Finalise it again.", "decode") from None


def _depth(answer: Any) -> int:  # noqa: ANN401 - JSON
    """The confirmations in an answer; a transaction that is not there, in conflict or on a lost branch has none."""
    if isinstance(answer, NodeFailed):
        if answer.rpc_code != RPCErrorCode.INVALID_ADDRESS_OR_KEY:
            raise answer
        return 0
    if answer.get("in_active_chain") is False:
        return 0
    return max(0, int(answer.get("confirmations", 0)))
