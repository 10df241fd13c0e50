"""Checks that only a node can answer: the reader's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zakhira.custody.descriptor import derive_place
from zakhira.proofs.checking import Case, CheckFails, CheckImpossible
from zakhira.proofs.node_view import NodeCannotAnswer
from zakhira.proofs.statement import COINS_FILE, STATEMENT_FILE, PackCoin

T = TypeVar("T")


def _asked(question: Callable[[], T]) -> T:
    """The node's answer; what it cannot answer makes the check impossible here."""
    try:
        return question()
    except NodeCannotAnswer as error:
        raise CheckImpossible(f"{error.message} {error.remedy}") from None


def check_chain(case: Case) -> str:
    """The node is on the chain of the pack."""
    stated, found = case.pack.statement.chain, _asked(case.node.chain_name)
    if stated != found:
        raise CheckImpossible(f"{STATEMENT_FILE} is about {stated}, the node is on {found}: ask a node on {stated}.")
    return f"Both are on {found}."


def check_block(case: Case) -> str:
    """The block of the pack is in the node's best chain."""
    stated = case.pack.statement
    found = _asked(lambda: case.node.block_hash(stated.height))
    if found is None:
        raise CheckImpossible(f"The node's chain does not reach block {stated.height} yet: let it synchronise.")
    if found != stated.block_hash:
        raise CheckFails(f"{STATEMENT_FILE}: block {stated.height} is {stated.block_hash}, at the node {found}.")
    return f"Block {stated.height} is {found}."


def _check_coin(case: Case, coin: PackCoin) -> str:
    """The node feature that showed the coin."""
    stated = case.pack.statement
    if coin.height > stated.height:
        raise CheckFails(f"{COINS_FILE}: {coin.outpoint} came at block {coin.height}, after block {stated.height}.")
    if _asked(lambda: case.node.block_hash(coin.height)) != coin.block_hash:
        raise CheckFails(f"{COINS_FILE}: block {coin.block_hash} of {coin.outpoint} is not in the node's best chain.")
    created = _asked(lambda: case.node.created_output(coin.outpoint, coin.block_hash))
    if created is None:
        raise CheckFails(f"{COINS_FILE}: {coin.outpoint} is not in block {coin.block_hash}.")
    place = derive_place(stated.descriptor, coin.branch, coin.index, stated.chain)
    if created.amount_sats != coin.amount_sats:
        raise CheckFails(
            f"{COINS_FILE}: {coin.outpoint} holds {created.amount_sats} sat at the node, not {coin.amount_sats} sat."
        )
    if created.script_hex != place.script_hex:
        raise CheckFails(f"{COINS_FILE}: {coin.outpoint} pays another script than {coin.address} at the node.")
    return created.feature


def check_coins(case: Case) -> str:
    """Every coin is in its block, with its amount and its address."""
    features = sorted({_check_coin(case, coin) for coin in case.pack.coins})
    asked = f" The node answered by {', '.join(features)}." if features else ""
    return f"{len(case.pack.coins)} coins.{asked}"


def _spent_since(case: Case, gone: list[PackCoin]) -> tuple[dict[str, int], str]:
    stated = case.pack.statement
    scripts = {
        coin.outpoint: derive_place(stated.descriptor, coin.branch, coin.index, stated.chain).script_hex
        for coin in gone
    }
    search = _asked(lambda: case.node.spent_heights(scripts, min(coin.height for coin in gone)))
    lost = sorted(outpoint for outpoint in scripts if outpoint not in search.heights)
    if lost:
        raise CheckImpossible(
            f"{lost[0]} is spent, and the node did not find where ({search.feature}). Ask again: its chain may move."
        )
    return {outpoint: search.heights[outpoint] for outpoint in sorted(scripts)}, search.feature


def _is_unspent(case: Case, coin: PackCoin) -> bool:
    return _asked(lambda: case.node.is_unspent(coin.outpoint))


def check_unspent(case: Case) -> str:
    """Every coin was unspent at the block of the pack; where it moved since, that is said."""
    stated = case.pack.statement
    gone = [coin for coin in case.pack.coins if not _is_unspent(case, coin)]
    detail = f"{len(case.pack.coins) - len(gone)} of {len(case.pack.coins)} coins are unspent now."
    if gone:
        heights, feature = _spent_since(case, gone)
        early = [outpoint for outpoint, height in heights.items() if height <= stated.height]
        if early:
            raise CheckFails(
                f"{COINS_FILE}: {early[0]} was spent at block {heights[early[0]]}, not after block {stated.height}."
            )
        case.moved.update(heights)
        moves = "; ".join(f"{outpoint} has moved since, at block {height}" for outpoint, height in heights.items())
        detail += f" Unspent at block {stated.height}: {moves}. The node answered by {feature}."
    if _asked(lambda: case.node.block_hash(stated.height)) != stated.block_hash:
        raise CheckFails(f"Block {stated.height} left the node's best chain during the verification.")
    return detail
