"""Claims never stand above the coins behind them: what the database counts, refuses, records and lets in again."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from backing_bench import (
    AT,
    COMMUNITY,
    FAR,
    LICENSEE,
    SAVINGS,
    SHALLOW,
    SUSPENSE,
    Bench,
    credit,
    depth_record,
    intake_entry,
    movement_record,
    own_record,
    paper_record,
    pledge_record,
    resume_record,
    txid,
)
from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.flows.coin_papers import LOST
from zakhira.flows.coin_papers import SUSPENSE as IN_SUSPENSE
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import NotToResume
from zakhira.flows.ports.coin_store import Depth
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.kernel.money import sats
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import ClaimsAboveBacking, CreditsHalted


@pytest.fixture
def bench(books: PostgresBooks) -> Bench:
    """Books with a chain at height 0."""
    return Bench(books)


def deficits(bench: Bench) -> list[int]:
    """By how much claims stood above what was there, the oldest first."""
    return [one.by for one in reversed(PostgresBacking(bench.books).deficits())]


def test_a_claim_needs_a_coin(bench: Bench) -> None:
    """Nothing is credited on nothing, the last satoshi of a proven coin may be, and not one more."""
    with pytest.raises(ClaimsAboveBacking, match=r"claims of 1 in BTC would stand above the 0 .* by 1"):
        bench.books.commit(credit(1))
    bench.coin(1, 100)
    bench.books.commit(credit(60))
    bench.books.commit(credit(40, SAVINGS))
    with pytest.raises(ClaimsAboveBacking, match=r"claims of 101 in BTC would stand above the 100 .* by 1"):
        bench.books.commit(credit(1))
    assert (bench.now.demand, bench.now.term, bench.now.available) == (60, 40, 100)
    assert bench.books.breaks() == ()


def test_between_two_claims_nothing_is_credited(bench: Bench) -> None:
    """From one holder to another, from demand to term and back: what is owed stays the same, also at the limit."""
    bench.coin(1, 100)
    bench.books.commit(credit(100))
    bench.books.commit(credit(30, LICENSEE, by=COMMUNITY))
    bench.books.commit(credit(30, SAVINGS, by=LICENSEE))
    bench.books.commit(credit(10, COMMUNITY, by=SAVINGS))
    assert (bench.now.demand, bench.now.term) == (80, 20)


def test_six_blocks_deep_unless_the_watcher_says_otherwise(bench: Bench) -> None:
    """A coin counts from its sixth confirmation on; with a table by amount from what that says; a coinbase later."""
    bench.coin(1, 100, deep=5)
    assert bench.now.proven == 0
    bench.blocks(1)
    assert bench.now.proven == 100
    bench.act(depth_record(Depth((0, 50), (1, 8), 100)))
    assert bench.now.proven == 0
    bench.coin(2, 49, deep=1)
    assert bench.now.proven == 49
    bench.blocks(1)
    assert bench.now.proven == 149
    assert bench.books.breaks() == ()


def test_what_nobody_judged_stands_behind_nothing(bench: Bench) -> None:
    """A proven coin without a paper, in suspense, and lost and back again: there, and behind no claim."""
    bench.act(events=(bench.next_block(), bench.created(1, 100)))
    bench.blocks(5)
    assert (bench.now.proven, bench.now.suspense, bench.now.available) == (100, 100, 0)
    bench.act(paper_record(f"{txid(1)}:0", state=IN_SUSPENSE), entries=(intake_entry(1, 100, SUSPENSE),))
    assert (bench.now.proven, bench.now.suspense, bench.now.available) == (100, 100, 0)
    settled = Entry("settled", AT, "Settled", "minute", two(SUSPENSE, "income:royalty", 100))
    bench.act(paper_record(f"{txid(1)}:0"), entries=(settled,))
    assert (bench.now.suspense, bench.now.available) == (0, 100)
    bench.act(paper_record(f"{txid(1)}:0", state=LOST))
    assert (bench.now.suspense, bench.now.available) == (100, 0)


def two(debited: str, credited: str, amount_sats: int) -> tuple[Posting, ...]:
    """Two postings."""
    return Posting(debited, sats(amount_sats)), Posting(credited, sats(-amount_sats))


def test_held_coins_back_no_claim_on_demand(bench: Bench) -> None:
    """Under a hold a coin stands behind savings that wait, and behind nothing that may be asked for today."""
    bench.coin(1, 100, hold_until=FAR)
    assert (bench.now.available, bench.now.available_on_demand) == (100, 0)
    with pytest.raises(ClaimsAboveBacking, match="payable on demand would stand above the 0 that are free of holds"):
        bench.books.commit(credit(1))
    bench.books.commit(credit(100, SAVINGS))
    with pytest.raises(ClaimsAboveBacking, match="payable on demand"):
        bench.books.commit(credit(1, COMMUNITY, by=SAVINGS))
    with pytest.raises(ClaimsAboveBacking):
        bench.books.commit(credit(1, SAVINGS))


def test_a_hold_that_is_put_on_is_our_own_act(bench: Bench) -> None:
    """A coin that claims on demand stand upon cannot be put under a hold."""
    found = bench.coin(1, 100)
    bench.books.commit(credit(1))
    with pytest.raises(ClaimsAboveBacking, match="payable on demand"):
        bench.act(paper_record(found, FAR))
    assert bench.now.held == 0


def test_pledged_coins_back_nothing(bench: Bench) -> None:
    """An encumbrance is refused where claims need the coins, and only the watcher lifts one."""
    bench.coin(1, 100)
    bench.books.commit(credit(60))
    with pytest.raises(ClaimsAboveBacking):
        bench.act(pledge_record("loan", 41))
    bench.act(pledge_record("loan", 40))
    with pytest.raises(ClaimsAboveBacking):
        bench.books.commit(credit(1))
    bench.act(pledge_record("loan", 40, is_released=True))
    assert bench.now.encumbered == 0
    bench.books.commit(credit(40))
    assert bench.books.breaks() == ()


def test_an_ordinary_payment_is_no_deficit(bench: Bench) -> None:
    """Allowed, in a block, deep: at no step is anything missing, counted twice, or free to be credited."""
    bench.coin(1, 100)
    bench.books.commit(credit(69))
    with pytest.raises(ClaimsAboveBacking):
        bench.act(movement_record("s1", 30, 2))
    bench.act(movement_record("s1", 30, 1), own_record(txid(7), "s1"))
    assert (bench.now.outgoing, bench.now.available) == (31, 69)
    block = bench.next_block()
    bench.act(events=(block, bench.created(7, 69, index=1), bench.spent(1, 7)))
    assert (bench.now.proven, bench.now.own_change, bench.now.outgoing, bench.now.available) == (0, 69, 0, 69)
    bench.blocks(5)
    assert (bench.now.proven, bench.now.own_change, bench.now.available) == (69, 0, 69)
    bench.act(movement_record("s1", 30, 1, state="done"))
    assert (bench.now.outgoing, bench.now.available) == (0, 69)
    with pytest.raises(ClaimsAboveBacking):
        bench.books.commit(credit(1))
    assert deficits(bench) == []
    assert bench.books.breaks() == ()


def test_a_payment_that_a_reorganisation_takes_back(bench: Bench) -> None:
    """Before and after the desk's booking: the coins are back, they are on their way again, and nothing is free."""
    bench.coin(1, 100)
    bench.books.commit(credit(69))
    bench.act(movement_record("s1", 30, 1), own_record(txid(7), "s1"))
    block = bench.next_block()
    bench.act(events=(block, bench.created(7, 69, index=1), bench.spent(1, 7)))
    bench.act(movement_record("s1", 30, 1, state="done"))
    bench.back(bench.unspend(1, 7), bench.removed(7, 1))
    assert (bench.now.proven, bench.now.outgoing, bench.now.available) == (100, 31, 69)
    with pytest.raises(ClaimsAboveBacking):
        bench.books.commit(credit(1))
    assert deficits(bench) == []
    assert bench.books.breaks() == ()


def test_a_spend_that_ends_frees_its_coins_and_one_that_revives_does_not_ask(bench: Bench) -> None:
    """Refused: the coins are free again. Taken up again by a reorganisation: recorded, not refused."""
    bench.coin(1, 100)
    bench.act(movement_record("s1", 30, 1), own_record(txid(7), "s1"))
    bench.act(movement_record("s1", 30, 1, state="ended"))
    bench.books.commit(credit(100))
    bench.act(movement_record("s1", 30, 1))
    assert (bench.now.outgoing, bench.now.deficit, bench.now.is_halted) == (31, 31, True)
    assert deficits(bench) == [31]


def test_change_counts_for_no_more_than_was_taken(bench: Bench) -> None:
    """A transaction that is called ours lifts nothing: coins of others in it wait until they are deep."""
    bench.coin(1, 100)
    bench.act(own_record(txid(7), "s1"), own_record(txid(8), "s2"))
    block = bench.next_block()
    bench.act(events=(block, bench.created(7, 170), bench.created(8, 50), bench.spent(1, 7)))
    assert (bench.now.proven, bench.now.own_change, bench.now.available) == (0, 100, 100)
    bench.blocks(5)
    # Ours is known by what it took; the other one, which took nothing of ours, waits for its paper.
    assert (bench.now.proven, bench.now.suspense, bench.now.available) == (220, 50, 170)


def test_shallow_coins_do_not_become_change(bench: Bench) -> None:
    """A coin that is not proven is not made so by being moved."""
    bench.coin(1, 100, deep=1)
    bench.act(own_record(txid(7), "s1"))
    block = bench.next_block()
    bench.act(events=(block, bench.created(7, 99), bench.spent(1, 7)))
    assert bench.now.available == 0


def test_change_of_change_counts(bench: Bench) -> None:
    """A spend that spends what another one left, before either is deep."""
    bench.coin(1, 100)
    bench.act(own_record(txid(7), "s1"), own_record(txid(8), "s2"))
    block = bench.next_block()
    bench.act(events=(block, bench.created(7, 99), bench.spent(1, 7)))
    block = bench.next_block()
    bench.act(events=(block, bench.created(8, 98), bench.spent(7, 8)))
    assert (bench.now.own_change, bench.now.available) == (98, 98)


def test_a_reorganisation_above_a_proven_coin_takes_nothing(bench: Bench) -> None:
    """The tip falls back by two and rises again: the coin was deep, and its block is still there."""
    bench.coin(1, 100)
    bench.books.commit(credit(100))
    bench.back()
    bench.back()
    assert bench.now.available == 100
    bench.branch = "b"
    block = bench.next_block()
    bench.act(events=(replace(block, previous_hash=f"a{bench.height - 1:063x}"),))
    assert deficits(bench) == []
    assert bench.books.breaks() == ()


def test_a_theft_is_recorded_and_halts_credits(bench: Bench) -> None:
    """The write that holds the theft holds the deficit. Then nothing comes in from outside the claims."""
    bench.coin(1, 60)
    bench.coin(2, 40)
    bench.books.commit(credit(80))
    bench.theft(2)
    assert (bench.now.deficit, bench.now.is_halted) == (20, True)
    (found,) = PostgresBacking(bench.books).deficits()
    assert (found.claims, found.available, found.by) == (80, 60, 20)
    bench.theft(1)
    assert deficits(bench) == [20, 80]
    with pytest.raises(Refused):
        bench.books.commit(credit(1))
    bench.books.commit(credit(5, LICENSEE, by=COMMUNITY))
    bench.books.commit(credit(-75))
    bench.books.commit(credit(-5, LICENSEE))
    assert (bench.now.deficit, bench.now.is_halted) == (0, True)
    assert deficits(bench) == [20, 80, 0]
    bench.coin(3, 10)
    with pytest.raises(CreditsHalted):
        bench.books.commit(credit(1))
    assert bench.books.breaks() == ()


def test_credits_come_back_when_the_coins_are(bench: Bench) -> None:
    """Not while anything is missing, not by words about another deficit, and then at once."""
    bench.coin(1, 100)
    bench.books.commit(credit(80))
    bench.theft(1)
    with pytest.raises(NotToResume, match="still above what stands behind them, by 80"):
        bench.act(resume_record(1))
    bench.back(bench.unspend(1, 900_001))
    assert (bench.now.deficit, bench.now.is_halted) == (0, True)
    with pytest.raises(CreditsHalted):
        bench.books.commit(credit(1))
    with pytest.raises(NotToResume, match="about deficit 7"):
        bench.act(resume_record(7))
    bench.act(resume_record(1))
    assert not bench.now.is_halted
    bench.books.commit(credit(20))
    with pytest.raises(NotToResume, match="not halted"):
        bench.act(resume_record(1))


def test_a_deep_reorganisation_takes_a_coin_away(bench: Bench) -> None:
    """A coin that was proven leaves the followed chain: a deficit, until it is deep again elsewhere."""
    bench.coin(1, 100, deep=6)
    bench.books.commit(credit(100))
    for _ in range(5):
        bench.back()
    assert bench.now.deficit == 0
    bench.back(bench.removed(1))
    assert (bench.now.deficit, bench.now.is_halted) == (100, True)
    bench.coin(1, 100)
    assert (bench.now.deficit, bench.now.is_halted) == (0, True)
    assert deficits(bench) == [100, 0]
    assert bench.books.breaks() == ()


def test_in_a_deficit_coins_may_still_be_moved_home(bench: Bench) -> None:
    """What moves between our own vaults is no outgoing spend: a rescue is never refused. Paying out is."""
    bench.coin(1, 60)
    bench.coin(2, 40)
    bench.books.commit(credit(100))
    bench.theft(2)
    body = cast("dict[str, Json]", movement_record("rescue", 60).body)
    bench.act(Record("movement", "rescue", {**body, "action": "move"}))
    with pytest.raises(ClaimsAboveBacking):
        bench.act(movement_record("payment", 1))


def test_one_write_is_judged_as_a_whole(bench: Bench) -> None:
    """Facts of the chain, a paper and a claim in one write: the claim stands on the coin that comes with it."""
    bench.act(depth_record(SHALLOW))
    block = bench.next_block()
    entry = credit(100).entries
    bench.act(paper_record(f"{txid(1)}:0"), entries=entry, events=(block, bench.created(1, 100)))
    assert (bench.now.available, bench.now.demand) == (100, 100)


def test_a_write_that_raises_claims_is_ours_whatever_else_it_holds(bench: Bench) -> None:
    """A theft and a credit in one write: refused, and the theft alone is recorded."""
    bench.coin(1, 100)
    block = bench.next_block()
    stolen = bench.spent(1, 900)
    with pytest.raises(ClaimsAboveBacking):
        bench.act(entries=credit(1).entries, events=(block, stolen))
    bench.act(events=(block, stolen))
    assert bench.now.proven == 0


def test_a_refused_write_leaves_nothing(bench: Bench) -> None:
    """Neither entry nor record nor audit entry."""
    before = len(bench.books.audit_entries())
    write: Write = credit(1, key="too much")
    with pytest.raises(ClaimsAboveBacking):
        bench.books.commit(write)
    assert bench.books.done("too much") is None
    assert len(bench.books.audit_entries()) == before
