"""A run's chain followed in the books: each coin of ours once, also where earlier books hold blocks alone."""

from __future__ import annotations

from dataclasses import replace

from flows.conftest import SimulatedRun, request_of, simulated_run, small
from zakhira.flows.chain_keeping import BLOCKS, record_blocks, recorded_blocks
from zakhira.flows.coin_papers import COIN_PAPER, OWN_TRANSACTION
from zakhira.flows.ports.backing_records import PROOF_DEPTH
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.spends import recorded_spends
from zakhira.kernel.canonical import Json
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.coin_store import SimulatedCoins


def test_the_followed_coins_are_those_of_the_node(undisturbed_run: SimulatedRun) -> None:
    """Every unspent coin of both vaults, and no other."""
    policy = small()[0].policy
    seen = {
        coin.outpoint: coin.amount_sats
        for vault in policy.vaults
        for coin in undisturbed_run.machinery.coins.page(vault.id, limit=1000)
    }
    assert seen == {
        coin.outpoint: coin.amount_sats for vault in policy.vaults for coin in undisturbed_run.chain.coins(vault.id)
    }
    assert undisturbed_run.books.latest(PROOF_DEPTH, "BTC") == {
        "amounts_sats": [0],
        "confirmations": [policy.confirmations],
        "coinbase_confirmations": 100,
    }


def test_every_coin_has_a_paper_or_a_sweep_of_ours_made_it(undisturbed_run: SimulatedRun) -> None:
    """What stands behind claims is known by where it is from."""
    books = undisturbed_run.books
    own = set(books.records(OWN_TRANSACTION))
    assert own == {spend.txid for spend in recorded_spends(books)}
    papers = books.records(COIN_PAPER)
    for outpoint in undisturbed_run.machinery.coins.unspent_outpoints():
        assert outpoint in papers or outpoint.partition(":")[0] in own


def test_books_that_hold_blocks_alone_are_caught_up() -> None:
    """A run of an earlier version recorded blocks and followed nothing: the next blocks bring all of them."""
    run = simulated_run()
    run.start(days=1)
    programme, old = small()[0], SimulatedBooks()
    old.open_accounts(programme.accounts)
    recorded = recorded_blocks(run.books)
    body: Json = [{"height": block.height, "hash": block.hash, "raw_hex": block.raw_hex} for block in recorded[:-1]]
    old.commit(Write("old", "chain", "record blocks", run.books.entries()[0].at, records=(Record(BLOCKS, "1", body),)))
    machinery = replace(run.machinery, books=old, coins=SimulatedCoins(old))
    last = recorded[-1].height
    record_blocks(machinery, programme, "new", last - 1, last, request_of(1).programme.run_start, ())
    span = machinery.coins.span()
    assert span is not None
    assert (span.first_height, span.height, span.hash) == (1, last, recorded[-1].hash)
