"""What becomes of coins that arrive: announced, in suspense, flagged, lost and back, or spent by strangers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput

from custody_drill import COLD, INTAKE
from watch_drill import DEPTH, WatchDrill, place, script_of, twin_books, twin_chain, twin_drill
from zakhira.custody.address_look import address_look, script_address
from zakhira.flows.arrival_judging import judge_arrivals, unexplained_spends
from zakhira.flows.coin_appraisal import DUST, LATE, OTHER_AMOUNT, POISONING, REUSE, STRAY
from zakhira.flows.coin_entries import accounts_of, arrival_entry
from zakhira.flows.coin_papers import (
    ANNOUNCED,
    LOST,
    OWN,
    SUSPENSE,
    SUSPENSE_ACCOUNT,
    UNEXPLAINED_ACCOUNT,
    CoinPaper,
    OwnTransaction,
    arrivals_account,
    coin_papers,
    vault_account,
)
from zakhira.flows.following import follow_chain, unconfirmed
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.reservations import Deal, reserve_change, reserve_home
from zakhira.kernel.money import Amount, Commodity
from zakhira.simulator.books import BooksFaults

ROYALTIES = arrivals_account("royalty")
HELD = vault_account("intake")


def arrived(drill: WatchDrill, *payments: tuple[str, int], blocks: int = 4) -> dict[str, CoinPaper]:
    """Pay, bury, follow and judge; every paper."""
    drill.pay(*payments)
    drill.mine(blocks)
    follow_chain(drill.treasury)
    judge_arrivals(drill.treasury)
    return dict(coin_papers(drill.treasury.books))


def sums(drill: WatchDrill) -> dict[str, int]:
    """The balances that are not zero, in satoshi."""
    assert drill.treasury.books.breaks() == ()
    return {code: amount.units for code, amount in drill.treasury.books.balances().items() if amount.units}


def steal(drill: WatchDrill, outpoint: str) -> str:
    """A transaction that is none of ours spends a coin: the twin's next block takes it without looking at scripts."""
    chain = twin_chain(drill)
    txid, _, index = outpoint.partition(":")
    value = chain.state.unspent[outpoint].amount_sats - 1000
    spend = TransactionInput(bytes.fromhex(txid), int(index))
    theft = Transaction(vin=[spend], vout=[TransactionOutput(value, Script(script_of(pool_address("thief"))))])
    chain.state.mempool[theft.txid().hex()] = theft
    return str(theft.txid().hex())


def test_an_announced_coin_is_income_of_its_purpose() -> None:
    """A coin at a reserved address is credited, once, when it lies deep enough for its amount."""
    drill = twin_drill()
    deal = Deal("A Mining Co.", Amount(5_000_000, Commodity.USD), "order 17", date(2026, 1, 2))
    found = drill.reserve("first", hold_until=date(2046, 1, 5), deal=deal)
    large = drill.reserve("second")
    drill.pay((found.address.address, 9_000_000), (large.address.address, 20_000_000))
    drill.mine(2)
    follow_chain(drill.treasury)
    judged = judge_arrivals(drill.treasury)
    assert (judged.announced, judged.suspense, judged.flagged) == (1, 0, ())
    (paper,) = coin_papers(drill.treasury.books).values()
    assert (paper.state, paper.purpose, paper.hold_until) == (ANNOUNCED, "royalty", date(2046, 1, 5))
    assert paper.lots == (paper.outpoint,)
    assert paper.reference == "first"
    assert paper.source == "pool-1, royalty: order 17 of 2026-01-02 with A Mining Co. at 50000.00 USD"
    assert sums(drill) == {HELD: 9_000_000, ROYALTIES: -9_000_000}
    drill.mine(2)
    follow_chain(drill.treasury)
    assert judge_arrivals(drill.treasury).announced == 1
    assert judge_arrivals(drill.treasury).announced == 0
    assert sums(drill) == {HELD: 29_000_000, ROYALTIES: -29_000_000}


def test_nobody_announced_it() -> None:
    """A coin at an address that nobody reserved goes to suspense, and so does one that a stranger pays to a spend."""
    drill = twin_drill()
    drill.reserve("first")
    change = reserve_change(drill.treasury, "intake", "spend-1")
    home = reserve_home(drill.treasury, "cold", "spend-1")
    follow_chain(drill.treasury)
    papers = arrived(drill, (place(INTAKE, 7).address, 50_000), (change.address, 60_000), (home.address, 70_000))
    assert {(p.state, p.flags) for p in papers.values()} == {(SUSPENSE, ()), (SUSPENSE, (STRAY,))}
    assert sums(drill) == {HELD: 110_000, vault_account("cold"): 70_000, SUSPENSE_ACCOUNT: -180_000}


def test_other_amounts_reuse_and_dust_are_flagged() -> None:
    """Another amount and a second payment are credited and flagged; dust goes to suspense."""
    drill = twin_drill()
    one = drill.reserve("one", expected_sats=40_000)
    two = drill.reserve("two")
    follow_chain(drill.treasury)
    arrived(drill, (one.address.address, 41_000), (two.address.address, 50_000))
    papers = arrived(drill, (two.address.address, 51_000), (two.address.address, 600))
    states = {drill.treasury.coins.coin(outpoint).amount_sats: (p.state, p.flags) for outpoint, p in papers.items()}  # type: ignore[union-attr]
    assert states == {
        41_000: (ANNOUNCED, (OTHER_AMOUNT,)),
        50_000: (ANNOUNCED, ()),
        51_000: (ANNOUNCED, (REUSE,)),
        600: (SUSPENSE, (DUST, REUSE)),
    }


def test_late_payments_to_old_addresses_are_caught() -> None:
    """A pool's address is replaced after its payouts, a vault is retired: what still comes is credited and flagged."""
    drill = twin_drill()
    first = drill.reserve("pool", renew_after=2)
    follow_chain(drill.treasury)
    arrived(drill, (first.address.address, 50_000))
    assert drill.reserve("pool", renew_after=2) == first
    arrived(drill, (first.address.address, 51_000))
    second = drill.reserve("pool", renew_after=2)
    assert second.address != first.address
    assert second.replaces == first.address.address
    assert drill.reserve("pool", renew_after=2) == second
    papers = arrived(drill, (first.address.address, 52_000), (second.address.address, 53_000))
    drill.retire(INTAKE, "cold")
    papers = arrived(drill, (second.address.address, 54_000))
    states = {drill.treasury.coins.coin(outpoint).amount_sats: p.flags for outpoint, p in papers.items()}  # type: ignore[union-attr]
    assert states == {50_000: (), 51_000: (), 52_000: (REUSE, LATE), 53_000: (), 54_000: (LATE,)}
    assert all(paper.state == ANNOUNCED for paper in papers.values())


def lookalike(address: str) -> str:
    """Another address that looks the same to a hurried eye: its middle is another, its checksum is not looked at."""
    known = script_of(address)
    for number in range(1 << 22):
        script = known[:5] + number.to_bytes(4, "big") + known[9:]
        found = script_address(script, "regtest")
        if found and address_look(found)[:4] == address_look(address)[:4] and found != address:
            return found
    raise AssertionError


def test_address_poisoning_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small coin comes with an address beside it that looks like one that we know: suspense, and told."""
    drill = twin_drill()
    known = drill.reserve("known")
    follow_chain(drill.treasury)
    # A full look-alike takes the attacker 2^40 tries; the test compares the first characters alone.
    monkeypatch.setattr("zakhira.flows.reservations.address_look", lambda address: address_look(address)[:4])
    monkeypatch.setattr("zakhira.flows.arrival_judging.address_look", lambda address: address_look(address)[:4])
    monkeypatch.setattr("zakhira.flows.coin_appraisal.address_look", lambda address: address_look(address)[:4])
    copied = drill.reserve("copied")
    papers = arrived(drill, (known.address.address, 5_000), (lookalike(copied.address.address), 600))
    (paper,) = papers.values()
    assert (paper.state, paper.flags) == (SUSPENSE, (POISONING,))


def test_known_payers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who paid an announced coin is known from then on, and an address that looks like it is flagged."""
    drill = twin_drill()
    first, second = drill.reserve("first"), drill.reserve("second")
    follow_chain(drill.treasury)
    monkeypatch.setattr("zakhira.flows.reservations.address_look", lambda address: address_look(address)[:4])
    monkeypatch.setattr("zakhira.flows.arrival_judging.address_look", lambda address: address_look(address)[:4])
    monkeypatch.setattr("zakhira.flows.coin_appraisal.address_look", lambda address: address_look(address)[:4])
    payee = place(COLD, 9).address
    arrived(drill, (first.address.address, 50_000))
    arrived(drill, (second.address.address, 50_000), (payee, 60_000))
    third = drill.reserve("third")
    stranger = "bcrt1qzyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3lgth6c"
    arrived(drill, (third.address.address, 70_000), (stranger, 80_000))
    fourth = drill.reserve("fourth")
    papers = arrived(drill, (fourth.address.address, 71_000), (lookalike(stranger), 600))
    flagged = [paper for paper in papers.values() if paper.reference in {"", "fourth"} and POISONING in paper.flags]
    assert [paper.state for paper in flagged] == [SUSPENSE]


def test_outputs_of_our_spends_are_left_to_the_spends() -> None:
    """A transaction with a record of its own gets no paper here, however deep it lies."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    txid = drill.pay((found.address.address, 50_000))
    own = OwnTransaction(txid, "spend-1", "royalty", (), None)
    drill.treasury.books.commit(Write("own", "dara", "build", drill.now, records=(own.record,)))
    drill.mine(4)
    follow_chain(drill.treasury)
    judged = judge_arrivals(drill.treasury)
    assert (judged.announced, judged.suspense) == (0, 0)
    assert coin_papers(drill.treasury.books) == {}


def test_a_coin_that_is_lost_and_comes_back() -> None:
    """A reorganisation takes a credited coin away: reversed; it is mined again: credited again. Twice over."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    arrived(drill, (found.address.address, 50_000), blocks=2)
    for _ in range(2):
        twin_chain(drill).reorganise(3)
        follow_chain(drill.treasury)
        judged = judge_arrivals(drill.treasury)
        (paper,) = coin_papers(drill.treasury.books).values()
        assert (judged.lost, paper.state) == ((paper.outpoint,), LOST)
        assert sums(drill) == {}
        assert judge_arrivals(drill.treasury).lost == ()
        drill.mine(2)
        follow_chain(drill.treasury)
        assert judge_arrivals(drill.treasury).announced == 1
        assert sums(drill) == {HELD: 50_000, ROYALTIES: -50_000}
        drill.mine()
        follow_chain(drill.treasury)


def test_a_coin_that_is_back_before_anybody_judges() -> None:
    """Taken away and mined again in one go: nothing is reversed."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    arrived(drill, (found.address.address, 50_000), blocks=2)
    twin_chain(drill).reorganise(2)
    drill.mine(2)
    follow_chain(drill.treasury)
    judged = judge_arrivals(drill.treasury)
    assert (judged.lost, judged.announced) == ((), 0)
    assert sums(drill) == {HELD: 50_000, ROYALTIES: -50_000}


def test_every_write_may_be_the_last() -> None:
    """The database goes away at each call in turn, before or after it did the work: the end is the same."""

    def play(drill: WatchDrill) -> None:
        follow_chain(drill.treasury)
        judge_arrivals(drill.treasury)

    def begin() -> WatchDrill:
        drill = twin_drill()
        found = drill.reserve("first")
        follow_chain(drill.treasury)
        drill.pay((found.address.address, 50_000), (place(INTAKE, 3).address, 60_000))
        drill.mine(4)
        return drill

    start = begin()
    whole = deepcopy(start)
    before = twin_books(whole).calls
    play(whole)
    calls = twin_books(whole).calls - before
    assert calls > 10  # a play with fewer calls would test nothing
    for number in range(1, calls + 1):
        for name in ("unreachable_on", "acknowledgement_lost_on"):
            drill = deepcopy(start)
            twin = twin_books(drill)
            twin.faults = BooksFaults(**{name: {twin.calls + number}})
            with pytest.raises(Exception, match="Ask again"):
                play(drill)
            drill.treasury = replace(drill.treasury, now=drill.now)
            play(drill)
            assert sums(drill) == {HELD: 110_000, ROYALTIES: -50_000, SUSPENSE_ACCOUNT: -60_000}


def test_a_spend_that_nobody_can_explain() -> None:
    """A credited coin is spent by a stranger: seen in the mempool, booked with its first block, loud, and only once."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    (outpoint,) = arrived(drill, (found.address.address, 50_000))
    txid = steal(drill, outpoint)
    assert unconfirmed(drill.treasury).unexplained == ((outpoint, txid),)
    drill.mine()
    follow_chain(drill.treasury)
    (spend,) = judge_arrivals(drill.treasury).unexplained
    assert (spend.outpoint, spend.spent_by, spend.amount_sats, spend.is_booked) == (outpoint, txid, 50_000, True)
    assert unexplained_spends(drill.treasury.books) == (spend,)
    assert sums(drill) == {ROYALTIES: -50_000, UNEXPLAINED_ACCOUNT: 50_000}
    drill.mine()
    follow_chain(drill.treasury)
    assert judge_arrivals(drill.treasury).unexplained == ()


def test_an_unexplained_spend_is_taken_back_and_happens_again() -> None:
    """A reorganisation undoes the theft, and the thief tries again: each time an entry of its own."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    (outpoint,) = arrived(drill, (found.address.address, 50_000))
    for _ in range(2):
        steal(drill, outpoint)
        drill.mine()
        follow_chain(drill.treasury)
        assert len(judge_arrivals(drill.treasury).unexplained) == 1
        twin_chain(drill).reorganise(1)
        follow_chain(drill.treasury)
        assert judge_arrivals(drill.treasury).taken_back == (outpoint,)
        assert unexplained_spends(drill.treasury.books) == ()
        assert sums(drill) == {HELD: 50_000, ROYALTIES: -50_000}


def test_stolen_before_it_was_credited() -> None:
    """A coin that is spent by a stranger before it lies deep enough is credited and taken in one write."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    txid = drill.pay((found.address.address, 50_000))
    drill.mine()
    steal(drill, f"{txid}:0")
    drill.mine()
    follow_chain(drill.treasury)
    judged = judge_arrivals(drill.treasury)
    assert len(judged.unexplained) == 1
    assert sums(drill) == {ROYALTIES: -50_000, UNEXPLAINED_ACCOUNT: 50_000}
    assert len(drill.treasury.books.entries()) == 2  # in, and out
    twin_chain(drill).reorganise(2)
    follow_chain(drill.treasury)
    judged = judge_arrivals(drill.treasury)
    assert judged.taken_back == judged.lost == (f"{txid}:0",)
    assert sums(drill) == {}


def test_stolen_while_the_ledger_does_not_hold_it() -> None:
    """Change of ours that the spend has not booked yet is stolen: recorded at once, booked when the ledger holds it."""
    drill = twin_drill()
    change = reserve_change(drill.treasury, "intake", "spend-1")
    follow_chain(drill.treasury)
    txid = drill.pay((change.address, 50_000))
    own = OwnTransaction(txid, "spend-1", "royalty", ("ab" * 32 + ":0",), None)
    books = drill.treasury.books
    books.commit(Write("own", "dara", "build", drill.now, records=(own.record,)))
    drill.mine()
    outpoint = f"{txid}:0"
    steal(drill, outpoint)
    drill.mine()
    follow_chain(drill.treasury)
    (spend,) = judge_arrivals(drill.treasury).unexplained
    assert (spend.outpoint, spend.is_booked) == (outpoint, False)
    assert sums(drill) == {}
    paper = CoinPaper(outpoint, OWN, "royalty", own.lots, None, "change of spend-1", "spend-1")
    entries = arrival_entry("intake", 50_000, paper, 0, drill.now)
    books.open_accounts(accounts_of("intake", paper))
    books.commit(Write("late", "dara", "book", drill.now, entries=entries, records=(paper.record,)))
    assert judge_arrivals(drill.treasury).unexplained == ()
    assert unexplained_spends(books)[0].is_booked
    assert sums(drill) == {SUSPENSE_ACCOUNT: -50_000, UNEXPLAINED_ACCOUNT: 50_000}


def test_unconfirmed_coins_are_shown_and_never_counted() -> None:
    """What waits in the mempool is told with its place, and nothing is written of it."""
    drill = twin_drill()
    found = drill.reserve("first")
    follow_chain(drill.treasury)
    before = len(drill.treasury.books.audit_entries())
    drill.pay((found.address.address, 50_000))
    seen = unconfirmed(drill.treasury)
    assert [(one.vault, one.branch, one.place, one.amount_sats) for one in seen.arrivals] == [("intake", 0, 0, 50_000)]
    assert judge_arrivals(drill.treasury).announced == 0
    assert len(drill.treasury.books.audit_entries()) == before
    assert drill.treasury.coins.status("intake", DEPTH).pending.count == 0


def test_nothing_is_followed_yet() -> None:
    """Judging before the first block finds nothing."""
    drill = twin_drill()
    assert judge_arrivals(drill.treasury).announced == 0
    assert unexplained_spends(drill.treasury.books) == ()
