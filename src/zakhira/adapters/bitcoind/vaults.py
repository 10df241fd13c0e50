"""Vaults as watch-only descriptor wallets: watching, addresses, coins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from zakhira.adapters.bitcoind.rpc import RESCAN_TIMEOUT_S, Rpc
from zakhira.adapters.bitcoind.wallets import Wallets
from zakhira.custody.coin import Coin
from zakhira.flows.ports.chain_descriptor import same_spelling, split_branches
from zakhira.flows.ports.chain_errors import NodeFailed, VaultDiffers, VaultNotWatched
from zakhira.kernel.money import SATS_PER_BTC

PREFIX = "vault-"
GAP = 1000
"""Places watched beyond the last one that was used: bitcoind's own default key pool."""


def to_sats(amount: Decimal) -> int:
    """A node's amount in bitcoin as whole satoshi."""
    scaled = amount * SATS_PER_BTC
    assert scaled == scaled.to_integral_value(), "a node's amounts have eight decimals"
    return int(scaled)


@dataclass(frozen=True)
class _Branch:
    descriptor: str
    since: int
    end: int
    """One beyond the last place that is watched."""


class Vaults:
    """The vaults that one node watches. Addresses are given out by the books, never by the node's wallet."""

    def __init__(self, rpc: Rpc, wallets: Wallets) -> None:
        self._rpc = rpc
        self._wallets = wallets
        self._branches: dict[str, list[_Branch]] = {}

    def watch(self, vault: str, descriptor: str, since: datetime) -> None:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.watch_vault`."""
        wanted = split_branches(descriptor)
        wallet = self._wallets.ensure(PREFIX + vault, private_keys=False)
        present = {same_spelling(item["desc"]) for item in self._listed(wallet)}
        others = present - {same_spelling(branch) for branch in wanted}
        if others:
            raise VaultDiffers(
                f"The node watches {min(others)} under the name {vault}, not {wanted[0]}.",
                "Use another output folder for a programme with other keys.",
            )
        start = int(since.timestamp())
        missing = [_Branch(branch, start, GAP) for branch in wanted if same_spelling(branch) not in present]
        self._import(wallet, missing)
        self._branches.pop(vault, None)

    def address(self, vault: str, branch: int, index: int) -> str:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.reserve_check`."""
        watched = self._watched(vault)[branch]
        if index >= watched.end:
            wallet = self._wallet(vault)
            grown = _Branch(watched.descriptor, watched.since, max(2 * watched.end, index + GAP))
            self._import(wallet, [grown])
            self._branches[vault][branch] = grown
        return str(self._rpc.call("deriveaddresses", [watched.descriptor, [index, index]])[0])

    def coins(self, vault: str) -> tuple[Coin, ...]:
        """See :meth:`zakhira.flows.ports.chain.ChainReader.coins`."""
        wallet = self._wallet(vault)
        listed = self._rpc.call("listunspent", [1], wallet=wallet)
        txids = sorted({str(item["txid"]) for item in listed})
        answers = self._rpc.batch([("gettransaction", [txid]) for txid in txids], wallet=wallet)
        seen = dict(zip(txids, answers, strict=True))
        coins = [_coin(item, seen[item["txid"]]) for item in listed if "blockhash" in seen[item["txid"]]]
        return tuple(sorted(coins, key=lambda coin: (coin.height, coin.outpoint)))

    def _wallet(self, vault: str) -> str:
        wallet = self._wallets.find(PREFIX + vault)
        if wallet is None:
            raise VaultNotWatched(f"The node does not watch a vault {vault!r}.", "Have it watched first.")
        return wallet

    def _watched(self, vault: str) -> list[_Branch]:
        if vault not in self._branches:
            listed = self._listed(self._wallet(vault))
            ordered = sorted(listed, key=lambda item: "/1/*" in item["desc"])
            if len(ordered) != len(("receive", "change")):
                raise VaultNotWatched(f"The node watches only part of vault {vault!r}.", "Have it watched again.")
            self._branches[vault] = [
                _Branch(str(item["desc"]), int(item["timestamp"]), int(item["range"][1]) + 1) for item in ordered
            ]
        return self._branches[vault]

    def _listed(self, wallet: str) -> list[Mapping[str, Any]]:
        return list(self._rpc.call("listdescriptors", wallet=wallet)["descriptors"])

    def _import(self, wallet: str, branches: list[_Branch]) -> None:
        requests = [
            {"desc": branch.descriptor, "timestamp": branch.since, "range": [0, branch.end - 1], "active": False}
            for branch in branches
        ]
        if not requests:
            return
        for answer in self._rpc.call("importdescriptors", [requests], wallet=wallet, timeout_s=RESCAN_TIMEOUT_S):
            if not answer["success"]:
                error = answer["error"]
                raise NodeFailed(
                    f"The node does not watch the descriptor: {error['message']}.",
                    "Check the vault's keys.",
                    int(error["code"]),
                )


def _coin(item: Mapping[str, Any], transaction: Mapping[str, Any]) -> Coin:
    return Coin(
        outpoint=f"{item['txid']}:{item['vout']}",
        amount_sats=to_sats(item["amount"]),
        script_hex=str(item["scriptPubKey"]),
        height=int(transaction["blockheight"]),
        block_hash=str(transaction["blockhash"]),
    )
