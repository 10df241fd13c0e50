"""A reader's own node, asked and never told: what a verification needs from it, without any wallet.

Every node can say which block is at a height, what a transaction in a given block paid, and what is unspent now. *When*
a coin was spent needs ``-blockfilterindex`` (``scanblocks``; with ``getdescriptoractivity`` from Core 29 on), or else a
reading of every block since, which is done for a bounded number of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bitcoin_core_rpc import BitcoinCoreRpcClient, BtcRpcTypeError, BtcRpcValueError, RPCErrorCode

from zakhira.adapters.bitcoind.node import chain_of
from zakhira.adapters.bitcoind.rpc import DEFAULT_TIMEOUT_S, Call, KeepAlive, Rpc
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.flows.ports.chain_errors import BadNodeAddress, NodeFailed, WrongChain
from zakhira.proofs.node_view import CreatedOutput, NodeCannotAnswer, SpendSearch

READ_LIMIT_BLOCKS = 5_000
"""Blocks that are read one by one at most: a month with a block every ten minutes, and its funding [E]."""
_SCAN_TIMEOUT_S = 600.0
"""``scanblocks`` over a year of mainnet takes minutes on a slow disk [E]."""
_INDEX_WAIT_S = 30.0
_INDEX = "basic block filter index"
_BATCH = 50
_OFFER_INDEX = "Start the node with -blockfilterindex=1 and without -prune, and wait until the index is built."
_OFFER_BLOCKS = "Ask a node that holds all blocks (no -prune)."


def connect(
    url: str, cookie: Path | None = None, *, chain: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
) -> BitcoindView:
    """A view of the node at ``http://user:password@host:port``, or ``http://host:port`` with its cookie file.

    Raises:
        BadNodeAddress: the address is none, or there is no way to sign in, or there are two.
        NodeUnreachable, NodeRefused: it does not answer, or not to this caller.
        WrongChain: ``chain`` is given and the node is on another one.
    """
    return BitcoindView(open_rpc(url, cookie, chain=chain, timeout_s=timeout_s))


def open_rpc(
    url: str, cookie: Path | None = None, *, chain: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Rpc:
    """A connection to a node that answers; raises what :func:`connect` raises."""
    rpc = Rpc(_client(url, cookie, timeout_s))
    found = chain_of(rpc)
    if chain is not None and found != chain:
        raise WrongChain(f"The node at {rpc.where} is on the chain {found}, not {chain}.", f"Name a node on {chain}.")
    return rpc


def _client(url: str, cookie: Path | None, timeout_s: float) -> BitcoinCoreRpcClient:
    remedy = "Write http://USER:PASSWORD@HOST:PORT, or http://HOST:PORT and name the node's cookie file."
    try:
        split = urlsplit(url)
        user, password = split.username, split.password
        bare = split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        raise BadNodeAddress("The node's address cannot be read.", remedy) from None
    if (user is None) == (cookie is None) or (user is None) != (password is None):
        raise BadNodeAddress("Either a user with a password or a cookie file opens a node; one of the two.", remedy)
    try:
        return BitcoinCoreRpcClient(
            bare,
            user=None if user is None else unquote(user),
            password=None if password is None else unquote(password),
            cookie_path=cookie,
            timeout=timeout_s,
            **({"transport": KeepAlive()} if split.scheme == "http" else {}),
        )
    except (BtcRpcValueError, BtcRpcTypeError) as error:
        raise BadNodeAddress(f"The node's address cannot be used: {error}.", remedy) from None


class BitcoindView:
    """Implements :class:`zakhira.proofs.node_view.NodeView` over RPC, without a wallet; changes nothing."""

    def __init__(self, rpc: Rpc, read_limit_blocks: int = READ_LIMIT_BLOCKS) -> None:
        self._rpc = rpc
        self._read_limit_blocks = read_limit_blocks

    def version(self) -> str:
        """The node's own name of its software, such as ``/Satoshi:29.4.0/Knots:20260508/``."""
        return str(self._rpc.call("getnetworkinfo")["subversion"])

    def chain_name(self) -> str:
        """main, test, signet or regtest."""
        return chain_of(self._rpc)

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height, or None above the tip."""
        try:
            return str(self._rpc.call("getblockhash", [height]))
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.INVALID_PARAMETER:
                raise
            return None

    def created_output(self, outpoint: str, block_hash: str) -> CreatedOutput | None:
        """The output as the transaction in that block made it; None if the best chain's block holds no such output.

        Raises:
            NodeCannotAnswer: the node has thrown the block away.
        """
        txid, index = _split(outpoint)
        try:
            found = self._rpc.call("getrawtransaction", [txid, True, block_hash])
        except NodeFailed as error:
            if error.rpc_code == RPCErrorCode.MISC_ERROR:
                raise NodeCannotAnswer(f"The node does not hold block {block_hash}.", _OFFER_BLOCKS) from None
            if error.rpc_code not in {RPCErrorCode.INVALID_ADDRESS_OR_KEY, RPCErrorCode.INVALID_PARAMETER}:
                raise
            return None
        if not found["in_active_chain"] or index >= len(found["vout"]):
            return None
        output = found["vout"][index]
        return CreatedOutput(to_sats(output["value"]), str(output["scriptPubKey"]["hex"]), "getrawtransaction")

    def is_unspent(self, outpoint: str) -> bool:
        """Whether the output is in the confirmed set of unspent outputs now; the mempool does not count."""
        txid, index = _split(outpoint)
        return self._rpc.call("gettxout", [txid, index, False]) is not None

    def spent_heights(self, scripts: Mapping[str, str], from_height: int) -> SpendSearch:
        """Where these outputs (outpoint to script in hex) were spent, from this height to the tip.

        Raises:
            NodeCannotAnswer: there is no block filter index, and too many blocks to read, or blocks thrown away.
        """
        tip = int(self._rpc.call("getblockcount"))
        if not scripts or from_height > tip:
            return SpendSearch({}, "no block to search")
        if self._index_is_built(tip):
            return self._search_index(scripts, from_height, tip)
        count = tip - from_height + 1
        if count > self._read_limit_blocks:
            raise NodeCannotAnswer(
                f"The node has no block filter index, and {count} blocks are too many to read one by one "
                f"(limit {self._read_limit_blocks}).",
                _OFFER_INDEX,
            )
        hashes = self._rpc.batch([("getblockhash", [height]) for height in range(from_height, tip + 1)])
        return SpendSearch(self._read_blocks(scripts, map(str, hashes)), "getblock, every block")

    def _index_is_built(self, tip: int) -> bool:
        """Whether filters reach up to ``tip``: ``scanblocks`` passes over blocks without a filter and says nothing."""
        deadline = time.monotonic() + _INDEX_WAIT_S
        while True:
            index = self._rpc.call("getindexinfo").get(_INDEX)
            if index is None:
                return False
            if index["synced"] and int(index["best_block_height"]) >= tip:
                return True
            if time.monotonic() > deadline:
                raise NodeCannotAnswer(
                    f"The node still builds its block filter index (block {index['best_block_height']} of {tip}).",
                    "Wait until it is built, and verify again.",
                )
            time.sleep(0.1)

    def _search_index(self, scripts: Mapping[str, str], from_height: int, tip: int) -> SpendSearch:
        wanted = [{"desc": f"raw({script})"} for script in sorted(set(scripts.values()))]
        scan = self._rpc.call("scanblocks", ["start", wanted, from_height, tip], timeout_s=_SCAN_TIMEOUT_S)
        if not scan["completed"]:
            raise NodeCannotAnswer("The node's scan of its blocks was stopped by somebody.", "Verify again.")
        relevant = [str(block) for block in scan["relevant_blocks"]]
        if not relevant:
            return SpendSearch({}, "scanblocks")
        try:
            found = self._rpc.call("getdescriptoractivity", [relevant, wanted, False], timeout_s=_SCAN_TIMEOUT_S)
        except NodeFailed as error:
            if error.rpc_code != RPCErrorCode.METHOD_NOT_FOUND:
                raise self._without_blocks(error) from None
            return SpendSearch(self._read_blocks(scripts, relevant), "scanblocks and getblock")
        spends = (item for item in found["activity"] if item["type"] == "spend")
        heights = {f"{item['prevout_txid']}:{item['prevout_vout']}": int(item["height"]) for item in spends}
        return SpendSearch(
            {outpoint: heights[outpoint] for outpoint in scripts if outpoint in heights},
            "scanblocks and getdescriptoractivity",
        )

    def _read_blocks(self, scripts: Mapping[str, str], hashes: Iterable[str]) -> dict[str, int]:
        calls: list[Call] = [("getblock", [found, 2]) for found in hashes]
        heights: dict[str, int] = {}
        for start in range(0, len(calls), _BATCH):
            for block in self._rpc.try_batch(calls[start : start + _BATCH]):
                if isinstance(block, NodeFailed):
                    raise self._without_blocks(block)
                heights |= {spent: int(block["height"]) for spent in _spent_in(block) if spent in scripts}
        return heights

    @staticmethod
    def _without_blocks(error: NodeFailed) -> NodeFailed | NodeCannotAnswer:
        if error.rpc_code == RPCErrorCode.MISC_ERROR:
            return NodeCannotAnswer(f"The node does not hold a block that is needed: {error.message}", _OFFER_BLOCKS)
        return error


def _split(outpoint: str) -> tuple[str, int]:
    txid, _, index = outpoint.partition(":")
    return txid, int(index)


def _spent_in(block: Mapping[str, Any]) -> Iterable[str]:
    for transaction in block["tx"]:
        for spent in transaction["vin"]:
            if "txid" in spent:
                yield f"{spent['txid']}:{spent['vout']}"
