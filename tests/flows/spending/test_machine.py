"""Any acts in any order on twins: no two valid transactions for one spend without a shared coin, nothing paid twice.

The oracle is the chain itself: what the payee got in blocks, block by block, and what the vaults hold.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from treasury_drill import (
    FAST,
    FASTER,
    PAYEE,
    SLOW,
    TreasuryDrill,
    officer,
    order,
    twin_chain_of,
    twin_mempool_of,
    twin_treasury,
)
from watch_drill import script_of
from zakhira.controls.spend_state import SpendState, is_over
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.spending.building import build
from zakhira.flows.spending.deciding import reject
from zakhira.flows.spending.hastening import bump, cancel, propose_home
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import UnknownSpend
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import HOME
from zakhira.flows.spending.step import load_spend
from zakhira.kernel.errors import OutsideFailure, Refused

NAMES = ("a", "b", "c")
AMOUNTS = dict(zip(NAMES, (1_000_001, 2_000_002, 3_000_003), strict=True))
"""Each spend's payment can be told by its amount."""
RECEIVED_SATS = 12_000_000
WISHES = {"slow": SLOW, "fast": FAST, "faster": FASTER}


class SpendMachine(RuleBasedStateMachine):
    """Three payments out of one vault, their bumps and cancellations, blocks and reorganisations."""

    drill: TreasuryDrill
    homes: int

    @initialize()
    def begin(self) -> None:
        """Four coins, and three proposals that are approved."""
        self.drill = twin_treasury()
        self.drill.receive(5_000_000, 4_000_000, 2_000_000, 1_000_000)
        self.homes = 0
        for name in NAMES:
            propose(self.drill.treasury, order(name, AMOUNTS[name]), officer("dara"))
            self.drill.approved(name)

    @rule(name=st.sampled_from(NAMES), wish=st.sampled_from(sorted(WISHES)))
    def build_it(self, name: str, wish: str) -> None:
        """Build, or be refused."""
        with suppress(Refused):
            build(self.drill.treasury, name, WISHES[wish])

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 2))
    def sign_it(self, name: str, count: int) -> None:
        """Hand out, and bring back one signature or two."""
        with suppress(Refused, NotFollowed):
            self.drill.sign(name, *range(1, count + 1))

    @rule(name=st.sampled_from(NAMES))
    def send_it(self, name: str) -> None:
        """Send, or be refused."""
        with suppress(Refused, OutsideFailure):
            broadcast(self.drill.treasury, name)

    @rule(name=st.sampled_from(NAMES), wish=st.sampled_from(sorted(WISHES)))
    def bump_it(self, name: str, wish: str) -> None:
        """Bump, or be refused."""
        with suppress(Refused, OutsideFailure):
            bump(self.drill.treasury, name, WISHES[wish])

    @rule(name=st.sampled_from(NAMES))
    def cancel_it(self, name: str) -> None:
        """By a word, or by a double-spend home that is signed and sent at once."""
        try:
            cancel(self.drill.treasury, name, "dara")
        except Refused:
            self._take_home(name)

    def _take_home(self, name: str) -> None:
        self.homes += 1
        home = f"home-{self.homes}"
        with suppress(Refused, OutsideFailure):
            propose_home(self.drill.treasury, name, order(home, 1), officer("dara"), FASTER)
            self.drill.approved(home)
            build(self.drill.treasury, home)
            self.drill.sign(home)
            broadcast(self.drill.treasury, home)

    @rule(name=st.sampled_from(NAMES))
    def reject_it(self, name: str) -> None:
        """A no, where it still counts."""
        with suppress(Refused):
            reject(self.drill.treasury, name, officer("bilal"), "no")

    @rule(count=st.integers(1, 4))
    def mine(self, count: int) -> None:
        """Blocks with all that waits."""
        self.drill.mine(count)

    @rule(depth=st.integers(1, 4))
    def reorganise(self, depth: int) -> None:
        """The last blocks are replaced by others without transactions; what was in them waits again."""
        twin_chain_of(self.drill).reorganise(depth)
        self.drill.follow()

    @rule(name=st.sampled_from(NAMES))
    def forget(self, name: str) -> None:
        """The mempool forgets a transaction."""
        spend = load_spend(self.drill.treasury, name)
        for version in spend.versions:
            twin_mempool_of(self.drill).lose(version.txid)
        with suppress(OutsideFailure):
            self.drill.follow()

    @invariant()
    def versions_exclude_each_other(self) -> None:
        """Any two versions in other hands share a coin, and so does a spend home with each of them."""
        spends = [load_spend(self.drill.treasury, name) for name in NAMES]
        for number in range(1, self.homes + 1):
            with suppress(UnknownSpend):
                spends.append(load_spend(self.drill.treasury, f"home-{number}"))
        by_id = {spend.id: spend for spend in spends}
        for spend in spends:
            rivals = [by_id[spend.instruction.replaces]] if spend.kind == HOME else []
            sets = [set(version.inputs) for item in (spend, *rivals) for version in item.out]
            assert all(one & other for one in sets for other in sets)

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """In the best chain each payment stands at most once, and where its spend is confirmed exactly once."""
        chain = twin_chain_of(self.drill)
        script = script_of(PAYEE)
        paid = Counter(
            int(output.value)
            for block in chain.state.best
            for transaction in block.transactions
            for output in transaction.vout
            if bytes(output.script_pubkey.data) == script
        )
        for name in NAMES:
            state = load_spend(self.drill.treasury, name).state
            assert paid[AMOUNTS[name]] <= 1
            if state is SpendState.CONFIRMED:
                assert paid[AMOUNTS[name]] == 1
            if is_over(state):
                assert paid[AMOUNTS[name]] == 0

    @invariant()
    def sums_hold(self) -> None:
        """What came in is in the vaults, paid, or a fee, by the ledger, and the books verify."""
        balances = self.drill.parts.books.balances()
        known = [code for code in balances if code.startswith("expenses:") and "unexplained" not in code]
        spent = sum(balances[code].units for code in known)
        income = -balances["income:arrivals:royalty"].units
        assert self.drill.reserve_sats() + spent == income
        assert self.drill.parts.books.breaks() == ()

    def teardown(self) -> None:
        """In the end blocks settle everything that was sent, and ledger and chain hold the same."""
        self.drill.mine(6)
        on_chain = sum(coin.amount_sats for coin in self.drill.parts.coins.page("intake", limit=1000))
        assert self.drill.reserve_sats() == on_chain


TestSpendMachine = SpendMachine.TestCase
TestSpendMachine.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


class LongSpendMachine(SpendMachine):
    """The same for longer."""


TestLongSpendMachine = pytest.mark.torture(LongSpendMachine.TestCase)
TestLongSpendMachine.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
