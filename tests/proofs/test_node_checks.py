"""What only the reader's own node can say: chain, block, coins, and whether they were unspent."""

from __future__ import annotations

import pytest

from proof_drill import HEIGHT, HELD, FakeNode, failing, verdict
from zakhira.proofs.node_view import CreatedOutput
from zakhira.proofs.verdict import NOT_VERIFIED, VERIFIED

FIRST, SECOND = (item.coin.outpoint for item in HELD)


def test_a_node_of_another_chain_cannot_say() -> None:
    """The reader's node is on mainnet: it can say neither yes nor no, and the verdict tells which node to ask."""
    found = verdict(node=FakeNode(chain="main"))
    assert found.word == NOT_VERIFIED
    told = {check.id: check.detail for check in found.impossible}
    assert told["chain"].endswith("the node is on main: ask a node on regtest.")


def test_a_block_that_left_the_best_chain_fails() -> None:
    """After a reorganisation another block stands at the pack's height."""
    node = FakeNode()
    node.hashes[HEIGHT] = "dd" * 32
    assert "block" in failing(verdict(node=node))


def test_a_node_that_is_behind_cannot_say() -> None:
    """The node has not reached the block yet: not verified, but nothing failed."""
    node = FakeNode()
    del node.hashes[HEIGHT]
    found = verdict(node=node)
    assert (found.word, found.failed) == (NOT_VERIFIED, ())
    assert "synchronise" in found.impossible[0].detail


@pytest.mark.parametrize(
    ("output", "word"),
    [
        (None, "is not in block"),
        (CreatedOutput(999_999, HELD[0].coin.script_hex, "x"), "999999 sat at the node"),
        (CreatedOutput(1_000_000, "0014" + "00" * 20, "x"), "another script"),
    ],
)
def test_coins_that_the_node_has_otherwise(output: CreatedOutput | None, word: str) -> None:
    """The coin is not there, holds another amount, or pays another script."""
    node = FakeNode()
    if output is None:
        del node.outputs[FIRST]
    else:
        node.outputs[FIRST] = output
    assert word in failing(verdict(node=node))["coins"]


def test_a_coin_that_moved_after_the_block_still_verifies_and_is_told() -> None:
    """Spent at a later height: verified for its block, and the move is said with its height."""
    found = verdict(node=FakeNode(spent={FIRST: HEIGHT + 5}))
    assert (found.word, found.moved) == (VERIFIED, {FIRST: HEIGHT + 5})
    told = next(check for check in found.checks if check.id == "unspent").detail
    assert f"{FIRST} has moved since, at block {HEIGHT + 5}" in told
    assert "scanblocks" in told


@pytest.mark.parametrize("height", [HEIGHT, HEIGHT - 1])
def test_a_coin_that_was_spent_by_the_block_fails(height: int) -> None:
    """Spent at the pack's block or before: it was not there any more."""
    assert FIRST in failing(verdict(node=FakeNode(spent={FIRST: height})))["unspent"]


@pytest.mark.parametrize(
    ("node", "check"),
    [
        (FakeNode(deaf=("created_output",)), "coins"),
        (FakeNode(deaf=("is_unspent",)), "unspent"),
        (FakeNode(deaf=("spent_heights",), spent={FIRST: HEIGHT + 1}), "unspent"),
        (FakeNode(spent={SECOND: None}), "unspent"),
    ],
)
def test_a_node_that_cannot_answer_never_verifies(node: FakeNode, check: str) -> None:
    """Without the index, on a pruned node, or with a spend that cannot be found: and it says what it needs."""
    found = verdict(node=node)
    assert (found.word, found.failed) == (NOT_VERIFIED, ())
    assert found.impossible[0].id == check
    assert found.impossible[0].detail


def test_a_reorganisation_during_the_verification_is_noticed() -> None:
    """The pack's block leaves the best chain while coins are looked at."""
    asked = 1 + len(HELD)
    assert "during the verification" in failing(verdict(node=FakeNode(reorganised_after=asked)))["unspent"]
