"""Blocks, reorganisations, thefts, restarts and lost answers in any order: the books against a plain oracle."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from embit.script import Script
from embit.transaction import Transaction, TransactionInput, TransactionOutput
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from custody_drill import INTAKE
from watch_drill import WatchDrill, oracle_coins, place, script_of, twin_books, twin_chain, twin_drill
from zakhira.flows.arrival_judging import judge_arrivals, unexplained_spends
from zakhira.flows.coin_papers import LOST, coin_papers, vault_account
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.simulator.books import BooksFaults
from zakhira.simulator.chain_faults import ChainFault
from zakhira.simulator.follow import SimulatedFollower

PLACES = 4
_SCRIPTS = {script_of(place(INTAKE, at, side).address): ("intake", side, at) for at in range(PLACES) for side in (0, 1)}
OFTEN = st.sampled_from([True, True, False])
SATS = st.sampled_from([600, 50_000, 20_000_000])
_START: list[WatchDrill] = []


def start() -> WatchDrill:
    """A funded drill that follows, made once."""
    if not _START:
        drill = twin_drill(INTAKE)
        for number in range(PLACES - 1):
            drill.reserve(f"reserved {number}")
        follow_chain(drill.treasury)
        for number in range(PLACES):
            drill.pay((place(INTAKE, number).address, 50_000))
        drill.mine(3)
        follow_chain(drill.treasury)
        judge_arrivals(drill.treasury)
        _START.append(drill)
    return deepcopy(_START[0])


class Watching(RuleBasedStateMachine):
    """What may happen to a chain and to its watcher."""

    def __init__(self) -> None:
        super().__init__()
        self.drill = start()
        self.is_level = True

    @rule(
        paid=st.lists(st.tuples(st.integers(0, PLACES - 1), st.integers(0, 1), SATS), max_size=3),
        stolen=st.integers(0, 12),
        count=st.integers(1, 3),
        lost=st.integers(0, 3),
        follows=OFTEN,
    )
    def blocks(self, paid: list[tuple[int, int, int]], stolen: int, count: int, lost: int, *, follows: bool) -> None:
        """Places are paid, reserved or not, a stranger takes a coin, blocks come, are seen, and some of them go."""
        for at, side, sats in paid:
            self.drill.pay((place(INTAKE, at, side).address, sats))
        self.steal(stolen)
        self.drill.mine(count)
        self.level(follows=follows)
        if lost:
            twin_chain(self.drill).reorganise(lost)
            self.level(follows=follows)

    @rule(depth=st.integers(4, 9), follows=OFTEN)
    def reorganise(self, depth: int, *, follows: bool) -> None:
        """Another miner's branch wins; it may go below the first block that was followed."""
        twin_chain(self.drill).reorganise(depth)
        self.level(follows=follows)

    def level(self, *, follows: bool) -> None:
        """Follow, or leave the watcher behind."""
        self.is_level = follows
        if follows:
            follow_chain(self.drill.treasury)

    def steal(self, choice: int) -> None:
        """A stranger's transaction with one of our coins waits to be mined, for most choices."""
        state = twin_chain(self.drill).state
        taken = {f"{spend.txid.hex()}:{spend.vout}" for t in state.mempool.values() for spend in t.vin}
        ours = sorted(o for o, out in state.unspent.items() if out.script in _SCRIPTS and o not in taken)
        if choice < len(ours):
            txid, _, index = ours[choice].partition(":")
            spend = TransactionInput(bytes.fromhex(txid), int(index))
            amount_sats = state.unspent[ours[choice]].amount_sats - 500
            output = TransactionOutput(amount_sats, Script(script_of(pool_address("thief"))))
            theft = Transaction(vin=[spend], vout=[output])
            state.mempool[theft.txid().hex()] = theft

    @rule()
    def restart(self) -> None:
        """The watcher's process ends, and another begins."""
        self.drill.treasury = replace(self.drill.treasury, node=SimulatedFollower(twin_chain(self.drill)))

    @rule(call=st.integers(0, 30), fault=st.sampled_from(list(ChainFault)))
    def follow_with_a_node_that_goes_away(self, call: int, fault: ChainFault) -> None:
        """A call to the node fails, and the watcher with it."""
        faults = twin_chain(self.drill).faults
        faults.fail_next(fault, call)
        try:
            follow_chain(self.drill.treasury)
        except NodeUnreachable:
            pass
        else:
            self.is_level = True
        faults.calls += 100

    @rule(call=st.integers(1, 60), is_done=st.booleans(), judges=st.booleans())
    def work_with_a_database_that_goes_away(self, call: int, *, is_done: bool, judges: bool) -> None:
        """A call to the database fails, before or after it was carried out."""
        twin = twin_books(self.drill)
        calls = {twin.calls + call}
        twin.faults = BooksFaults(acknowledgement_lost_on=calls) if is_done else BooksFaults(unreachable_on=calls)
        try:
            follow_chain(self.drill.treasury)
            self.is_level = True
            if judges:
                judge_arrivals(self.drill.treasury)
        except DatabaseUnreachable:
            pass
        twin.faults = BooksFaults()

    @rule()
    def judge(self) -> None:
        """Coins are judged; then the ledger holds what is judged and not spent."""
        judge_arrivals(self.drill.treasury)
        assert judge_arrivals(self.drill.treasury).announced == 0
        books, coins = self.drill.treasury.books, twin_books(self.drill).fold.coins
        papers = {outpoint: paper for outpoint, paper in coin_papers(books).items() if paper.state != LOST}
        assert papers.keys() <= coins.keys()
        spent = {coin.outpoint for coin in coins.values() if coin.spent_by}
        assert {spend.outpoint for spend in unexplained_spends(books)} == spent
        held = sum(coins[outpoint].amount_sats for outpoint in papers if outpoint not in spent)
        balances = books.balances()
        assert vault_account("intake") not in balances or balances[vault_account("intake")].units == held

    @invariant()
    def the_books_show_the_chain(self) -> None:
        """When the watcher is done, its coins are those of the chain."""
        if self.is_level:
            chain, fold = twin_chain(self.drill), twin_books(self.drill).fold
            assert fold.tip == (chain.state.tip.height, chain.state.tip.hash)
            first = min(fold.blocks)
            expected = {o: c for o, c in oracle_coins(chain, _SCRIPTS).items() if c.height >= first}
            assert fold.coins == expected

    def teardown(self) -> None:
        """What is shown is what was written."""
        assert self.drill.treasury.books.breaks() == ()


class TestWatching(Watching.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes it
    """A quick run of the machine."""

    settings = settings(max_examples=8, stateful_step_count=15, deadline=None)


@pytest.mark.torture
class TestWatchingLong(Watching.TestCase):  # type: ignore[misc, valid-type]
    """A long run."""

    settings = settings(max_examples=400, stateful_step_count=60, deadline=None)
