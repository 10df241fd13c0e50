"""The agreement that is asked for before anything moves: books, node and second node tell the same."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.flows.ports.chain_errors import WrongChain
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import FollowedSpan
from zakhira.flows.ports.follow import ChainWitness, NodeCatchingUp, NodeCoin
from zakhira.flows.treasury import Treasury
from zakhira.kernel.errors import OutsideFailure


class NotFollowed(OutsideFailure):
    """The books do not follow the node's tip: it was never followed, it moved on, or the past is read again."""

    code = "ZK-FLOWS-020"


class NodesNotLevel(OutsideFailure):
    """The second node is a block ahead or behind on the same chain; a moment later it may be level."""

    code = "ZK-FLOWS-021"


class NodesDiffer(OutsideFailure):
    """The second node is on another chain, or too far ahead or behind."""

    code = "ZK-FLOWS-022"


class CoinsDiffer(OutsideFailure):
    """A coin is not the same on the nodes and in the books: spent, unknown, or with another amount or script."""

    code = "ZK-FLOWS-023"


LEVEL_BLOCKS = 1
"""A block takes seconds to reach every node: this much apart is called not level, more is called different [E]."""


def require_ready(treasury: Treasury) -> None:
    """Nothing, if the node is on our chain and has all blocks that it knows of.

    Raises:
        WrongChain, NodeCatchingUp: as their names say.
    """
    _require_chain(treasury.node, treasury.chain, "The node")
    if treasury.node.is_catching_up():
        raise NodeCatchingUp(
            "The node knows of blocks that it does not have yet.", "Wait until it has caught up, and ask again."
        )


def require_agreement(treasury: Treasury, outpoints: Sequence[str]) -> None:
    """Nothing, if tip and these coins are the same in the books, on the node and on the second node, if there is one.

    Coins are asked of the nodes' own sets of unspent coins; a spend that only waits in a mempool does not count.

    Raises:
        WrongChain, NodeCatchingUp, NotFollowed, NodesNotLevel, NodesDiffer, CoinsDiffer: as their names say.
    """
    require_ready(treasury)
    span = require_followed(treasury)
    if treasury.second is not None:
        _require_chain(treasury.second, treasury.chain, "The second node")
        _require_level(treasury.node, treasury.second, span)
    for outpoint in outpoints:
        coin = treasury.coins.coin(outpoint)
        if coin is None or coin.spent_by:
            what = "are not there" if coin is None else f"were spent by {coin.spent_by}"
            raise CoinsDiffer(f"In the books the coins at {outpoint} {what}.", "Choose other coins.")
        _require_same(coin, treasury.node, "the node")
        if treasury.second is not None:
            _require_same(coin, treasury.second, "the second node")
    if require_followed(treasury) != span or (treasury.second is not None and treasury.second.tip()[1] != span.hash):
        raise NotFollowed("The tip moved while coins were compared.", "Ask again.")


def _require_chain(node: ChainWitness, chain: str, who: str) -> None:
    found = node.chain_name()
    if found != chain:
        raise WrongChain(f"{who} is on {found}, not on {chain}.", "Use a node of the right chain.")


def require_followed(treasury: Treasury) -> FollowedSpan:
    """The followed chain, if it ends where the node's does; raises NotFollowed."""
    span, (height, tip) = treasury.coins.span(), treasury.node.tip()
    if span is None or span.hash != tip:
        told = "nothing" if span is None else f"block {span.height} ({span.hash})"
        raise NotFollowed(f"The books follow {told}, the node is at {height} ({tip}).", "Follow the chain first.")
    return span


def _require_level(node: ChainWitness, second: ChainWitness, span: FollowedSpan) -> None:
    height, tip = second.tip()
    if tip == span.hash:
        return
    told = f"The second node is at {height} ({tip}), the first at {span.height} ({span.hash})"
    lower, upper = (second, node) if height < span.height else (node, second)
    shared = min(height, span.height)
    is_one_chain = height != span.height and lower.block_hashes(shared, shared) == upper.block_hashes(shared, shared)
    if is_one_chain and abs(height - span.height) <= LEVEL_BLOCKS:
        raise NodesNotLevel(f"{told}.", "Ask again in a minute: a block is on its way.")
    how = "far apart on one chain" if is_one_chain else "on different chains"
    raise NodesDiffer(f"{told}: they are {how}.", "Move nothing; find out which node is cut off or lied to.")


def _require_same(coin: WatchedCoin, node: ChainWitness, who: str) -> None:
    found = node.node_coin(coin.outpoint)
    expected = NodeCoin(coin.outpoint, coin.amount_sats, coin.script_hex, coin.height, coin.is_coinbase)
    if found == expected:
        return
    if found is None:
        raise CoinsDiffer(f"For {who} there are no coins at {coin.outpoint}.", "Move nothing; look into that node.")
    names = ("amount_sats", "script_hex", "height", "is_coinbase")
    told = [
        f"{name} {getattr(found, name)} instead of {getattr(expected, name)}"
        for name in names
        if getattr(found, name) != getattr(expected, name)
    ]
    raise CoinsDiffer(
        f"For {who} the coins at {coin.outpoint} have {', '.join(told)}.", "Move nothing; one of the two is lying."
    )
