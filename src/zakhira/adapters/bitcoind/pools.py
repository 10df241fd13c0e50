"""Pools on the private chain: funding by mining to them, and signed payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bitcoin_core_rpc import RPCErrorCode
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS

from zakhira.adapters.bitcoind.private_blocks import PrivateBlocks
from zakhira.adapters.bitcoind.rpc import RESCAN_TIMEOUT_S, Rpc
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.adapters.bitcoind.wallets import Wallets
from zakhira.custody.coin import Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain_errors import FundingDiffers, NodeFailed

PREFIX = "pool-"


class Pools:
    """The pools' wallets on one node. Each has one key, known to all (``chain_pool.pool_key``)."""

    def __init__(self, rpc: Rpc, wallets: Wallets, blocks: PrivateBlocks) -> None:
        self._rpc = rpc
        self._wallets = wallets
        self._blocks = blocks

    def fund(self, needs_sats: Mapping[str, int], now: datetime) -> None:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.fund_pools`."""
        plan = chain_pool.funding_plan(needs_sats)
        for pool in sorted(set(plan) - {""}):
            self._wallet(pool)
        payees = [chain_pool.pool_address(pool) if pool else chain_pool.nobody_address() for pool in plan]
        there = self._blocks.payees(1, min(len(plan), self._blocks.height()))
        for height, (found, wanted) in enumerate(zip(there, payees, strict=False), start=1):
            if found != wanted:
                raise FundingDiffers(
                    f"Block {height} of the private chain pays {found}, not {wanted}: it was begun for other needs.",
                    "Use another output folder, or the arguments with which it was begun.",
                )
        spacing = timedelta(seconds=chain_pool.FUNDING_BLOCK_SECONDS)
        first = now - len(plan) * spacing
        moments = [first + height * spacing for height in range(1, len(plan) + 1)]
        self._blocks.mine(list(zip(payees, moments, strict=True))[len(there) :])

    def sign_payment(self, pool: str, payments: Sequence[Payment], fee_rate_sat_per_vb: int) -> str:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.sign_pool_payment`."""
        wallet = self._wallet(pool)
        coins = [
            chain_pool.PoolCoin(f"{item['txid']}:{item['vout']}", to_sats(item["amount"]), item["confirmations"] > 0)
            for item in self._rpc.call("listunspent", [0], wallet=wallet)
        ]
        unsigned = chain_pool.build_pool_payment(pool, payments, coins, fee_rate_sat_per_vb)
        signed = self._rpc.call("signrawtransactionwithwallet", [unsigned.serialize().hex()], wallet=wallet)
        if not signed["complete"]:
            raise NodeFailed(f"The wallet of pool {pool} did not sign: {signed.get('errors')}.", "Start the run anew.")
        return str(signed["hex"])

    def _wallet(self, pool: str) -> str:
        name = PREFIX + pool
        wallet = self._wallets.ensure(name, private_keys=True)
        try:
            self._give_key(wallet, pool)
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.MISC_ERROR:
                raise
            # A node that was killed between a key and its descriptor has the key, and does not take it a second time.
            self._wallets.leave(name)
            wallet = self._wallets.ensure(name, private_keys=True)
            self._give_key(wallet, pool)
        return wallet

    def _give_key(self, wallet: str, pool: str) -> None:
        """Give a wallet its pool's key, if it has none."""
        if self._rpc.call("listdescriptors", wallet=wallet)["descriptors"]:
            return
        key = chain_pool.pool_key(pool).wif(NETWORKS["regtest"])
        request = {"desc": str(add_checksum(f"wpkh({key})")), "timestamp": 0}
        answer = self._rpc.call("importdescriptors", [[request]], wallet=wallet, timeout_s=RESCAN_TIMEOUT_S)[0]
        if not answer["success"]:
            error = answer["error"]
            raise NodeFailed(f"The node refuses pool {pool}'s key: {error['message']}.", "", int(error["code"]))
