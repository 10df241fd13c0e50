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
_START: list[WatchDrill] = []


def start() -> WatchDrill:
    """A funded drill that follows, made once."""
    if not _START:
        drill = twin_drill(INTAKE)
        for number in range(PLACES - 1):
            drill.reserve(f"reserved {number}")
        follow_chain(drill.treasury)
        _START.append(drill)
    return deepcopy(_START[0])


class Watching(RuleBasedStateMachine):
    """What may happen to a chain and to its watcher."""

    def __init__(self) -> None:
        super().__init__()
        self.drill = start()
        self.is_level = True

    @rule(at=st.integers(0, PLACES - 1), side=st.integers(0, 1), sats=st.sampled_from([600, 50_000, 20_000_000]))
    def pay(self, at: int, side: int, sats: int) -> None:
        """Somebody pays a place, reserved or not."""
        self.drill.pay((place(INTAKE, at, side).address, sats))

    @rule(count=st.integers(1, 5))
    def mine(self, count: int) -> None:
        """Blocks come."""
        self.drill.mine(count)
        self.is_level = False

    @rule(depth=st.integers(1, 6))
    def reorganise(self, depth: int) -> None:
        """Another miner's branch wins; it may go below the first block that was followed."""
        twin_chain(self.drill).reorganise(depth)
        self.is_level = False

    @rule(choice=st.integers(0, 10))
    def steal(self, choice: int) -> None:
        """A stranger's transaction with one of our coins waits to be mined."""
        state = twin_chain(self.drill).state
        taken = {f"{spend.txid.hex()}:{spend.vout}" for t in state.mempool.values() for spend in t.vin}
        ours = sorted(o for o, out in state.unspent.items() if out.script in _SCRIPTS and o not in taken)
        if ours:
            outpoint = ours[choice % len(ours)]
            txid, _, index = outpoint.partition(":")
            spend = TransactionInput(bytes.fromhex(txid), int(index))
            output = TransactionOutput(
                state.unspent[outpoint].amount_sats - 500, Script(script_of(pool_address("thief")))
            )
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
    def follow(self) -> None:
        """The watcher works."""
        follow_chain(self.drill.treasury)
        self.is_level = True

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
    def the_books_hold(self) -> None:
        """What is shown is what was written; when the watcher is done it is what the chain shows."""
        assert self.drill.treasury.books.breaks() == ()
        if self.is_level:
            chain, fold = twin_chain(self.drill), twin_books(self.drill).fold
            assert fold.tip == (chain.state.tip.height, chain.state.tip.hash)
            first = min(fold.blocks)
            expected = {o: c for o, c in oracle_coins(chain, _SCRIPTS).items() if c.height >= first}
            assert fold.coins == expected


class TestWatching(Watching.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes it
    """A quick run of the machine."""

    settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


@pytest.mark.torture
class TestWatchingLong(Watching.TestCase):  # type: ignore[misc, valid-type]
    """A long run."""

    settings = settings(max_examples=400, stateful_step_count=60, deadline=None)
