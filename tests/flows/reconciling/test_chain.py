"""Vaults' coins against the ledger: what explains itself, what does not, and that the table always ties."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from treasury_drill import FAST, TreasuryDrill, officer, order, twin_chain_of, twin_treasury
from watch_drill import POOL
from zakhira.custody.coin import Payment
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper, vault_account
from zakhira.flows.following import follow_chain
from zakhira.flows.ports.books import Write
from zakhira.flows.reconciling.chain import LATE_BLOCKS, chain_findings
from zakhira.flows.reconciling.difference import Findings
from zakhira.flows.reservations import reserve_address
from zakhira.flows.spending.building import build
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.sending import broadcast
from zakhira.kernel.errors import OutsideFailure, Refused
from zakhira.kernel.money import sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec

GHOST = "ab" * 32 + ":0"


@pytest.fixture
def drill() -> TreasuryDrill:
    """Two judged coins in intake."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000)
    return made


def look(drill: TreasuryDrill) -> Findings:
    """What is found now; whatever it is, it ties."""
    findings = chain_findings(drill.treasury)
    assert findings.untied() == ()
    return findings


def arrive(drill: TreasuryDrill, amount_sats: int) -> None:
    """An announced coin in the mempool."""
    made = reserve_address(drill.treasury, "intake", POOL, "royalty", key=f"coin {amount_sats}", by="dara")
    drill.chain.broadcast(drill.chain.sign_pool_payment(POOL, [Payment(made.address.address, amount_sats)], 2))


def only_follow(drill: TreasuryDrill, blocks: int) -> None:
    """Blocks that are followed, and nothing judged or booked of them."""
    height, _ = drill.chain.tip()
    drill.chain.mine_to(height + blocks, drill.now)
    follow_chain(drill.treasury)


def explanations(findings: Findings) -> list[str]:
    """Why each explained difference is none."""
    return [item.explanation for item in findings.explained]


def test_what_is_judged_agrees(drill: TreasuryDrill) -> None:
    """Every coin has its lot."""
    findings = look(drill)
    assert findings.differences == ()
    assert [(line.subject, str(line.world), line.compared) for line in findings.lines] == [
        ("intake", "0.08000000 BTC", 2),
        ("cold", "0.00000000 BTC", 0),
    ]


def test_a_coin_waits_for_depth_and_then_for_judging(drill: TreasuryDrill) -> None:
    """Explained by what it waits for; judged, it is no difference any more; left lying, it is one."""
    arrive(drill, 2_000_000)
    only_follow(drill, 1)
    assert explanations(look(drill)) == ["not deep enough yet: 1 of 2 confirmations"]
    only_follow(drill, 1)
    assert explanations(look(drill)) == ["not judged yet"]
    only_follow(drill, LATE_BLOCKS)
    late = look(drill)
    assert [str(item.gap) for item in late.unexplained] == ["0.02000000 BTC"]
    assert late.unexplained[0].what == "The ledger lacks a coin that the chain has."
    drill.follow()
    assert look(drill).differences == ()


def test_a_spend_on_its_way_is_explained_on_both_sides(drill: TreasuryDrill) -> None:
    """In a block, its coin is gone and its change is there, and the ledger waits for depth."""
    drill.sent(order("pay-1", 1_000_000))
    assert look(drill).differences == ()
    only_follow(drill, 1)
    findings = look(drill)
    assert len(findings.explained) == 2
    assert findings.unexplained == ()
    assert all("pay-1 is on its way: 1 of " in text for text in explanations(findings))
    only_follow(drill, LATE_BLOCKS + 4)
    assert len(look(drill).unexplained) == 2
    drill.follow()
    assert look(drill).differences == ()


def test_a_reorganisation_is_explained_until_it_is_judged(drill: TreasuryDrill) -> None:
    """A credited coin that the chain lost, and a confirmed spend that lost its block."""
    twin_chain_of(drill).reorganise(4)
    follow_chain(drill.treasury)
    assert explanations(look(drill)) == ["taken away by a reorganisation, which is not judged yet"] * 2
    drill.follow()
    assert look(drill).unexplained == ()
    drill.mine(4)
    assert look(drill).differences == ()
    drill.sent(order("pay-1", 1_000_000))
    drill.mine(4)
    twin_chain_of(drill).reorganise(4)
    follow_chain(drill.treasury)
    findings = look(drill)
    assert findings.unexplained == ()
    assert any("took away the block of spend pay-1" in text for text in explanations(findings))


def book(drill: TreasuryDrill, outpoint: str, units: int) -> None:
    """An entry that nothing on the chain stands behind."""
    books = drill.parts.books
    books.open_accounts((AccountSpec("equity:forged", "BTC", "equity"),))
    lot = Lot(outpoint, "forged")
    postings = (Posting(vault_account("intake"), sats(units), lot), Posting("equity:forged", sats(-units), lot))
    entry = Entry(f"forged {outpoint} {units}", drill.now, "Forged", "nothing", postings)
    books.commit(Write(f"forge {outpoint} {units}", "mallory", "forge", drill.now, entries=(entry,)))


def test_a_lot_without_a_coin_is_a_difference(drill: TreasuryDrill) -> None:
    """Somebody with the application's rights has booked a coin that is not there, or more of one that is."""
    book(drill, GHOST, 700)
    real = drill.parts.books.lots(vault_account("intake"))[0]
    book(drill, real.lot.outpoint, 1)
    found = {item.key: item for item in look(drill).unexplained}
    assert set(found) == {GHOST, real.lot.outpoint}
    assert found[GHOST].what == "The ledger has a coin that is not on the followed chain."
    assert (found[GHOST].world.units, found[GHOST].books.units) == (0, 700)
    assert found[real.lot.outpoint].gap.units == -1


def test_a_paper_without_an_entry_is_a_difference(drill: TreasuryDrill) -> None:
    """The coin counts as judged, and the ledger never heard of it."""
    arrive(drill, 2_000_000)
    only_follow(drill, 2)
    (waiting,) = look(drill).explained
    paper = CoinPaper(waiting.key, ANNOUNCED, "royalty", (waiting.key,), None, "forged", "")
    drill.parts.books.commit(Write("forge", "mallory", "forge", drill.now, records=(paper.record,)))
    assert [item.key for item in look(drill).unexplained] == [waiting.key]


def test_before_the_first_block_nothing_is_known() -> None:
    """And nothing is said: no case is opened or closed on it."""
    drill = twin_treasury()
    twin_chain_of(drill).reorganise(1)
    findings = chain_findings(drill.treasury)
    assert findings.is_whole or findings.notes


class ReconcileMachine(RuleBasedStateMachine):
    """Coins, spends, blocks and reorganisations, followed wholly or in part: the table ties in every case.

    A follower that keeps up leaves nothing unexplained.
    """

    drill: TreasuryDrill
    number: int

    @initialize()
    def begin(self) -> None:
        """Three coins."""
        self.drill = twin_treasury()
        self.drill.receive(5_000_000, 4_000_000, 2_000_000)
        self.number = 0

    @rule(amount=st.integers(1, 30))
    def arrive(self, amount: int) -> None:
        """A coin in the mempool, small or large."""
        self.number += 1
        with suppress(OutsideFailure):
            arrive(self.drill, amount * 1_000_000 + self.number)

    @rule(is_signed=st.booleans())
    def spend(self, *, is_signed: bool) -> None:
        """A payment, sent or only built."""
        self.number += 1
        name = f"pay-{self.number}"
        with suppress(Refused, OutsideFailure):
            propose(self.drill.treasury, order(name, 1_000_000), officer("dara"))
            self.drill.approved(name)
            build(self.drill.treasury, name, FAST)
            if is_signed:
                self.drill.sign(name)
                broadcast(self.drill.treasury, name)

    @rule(count=st.integers(1, 4))
    def mine(self, count: int) -> None:
        """Blocks, followed, booked and judged."""
        self.drill.mine(count)
        assert chain_findings(self.drill.treasury).unexplained == ()

    @rule(count=st.integers(1, 2))
    def mine_and_only_follow(self, count: int) -> None:
        """Blocks of which nothing is booked yet."""
        only_follow(self.drill, count)

    @rule(depth=st.integers(1, 4))
    def reorganise(self, depth: int) -> None:
        """The last blocks are replaced."""
        twin_chain_of(self.drill).reorganise(depth)
        self.drill.follow()
        assert chain_findings(self.drill.treasury).unexplained == ()

    @invariant()
    def it_ties(self) -> None:
        """World - books is the sum of the differences, vault by vault."""
        if hasattr(self, "drill"):
            assert chain_findings(self.drill.treasury).untied() == ()


ReconcileMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestReconcileMachine = ReconcileMachine.TestCase
