"""Authority on a real PostgreSQL: changes and freezes race spends, desks race each other, and nobody writes by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from books_bench import shared_template
from governing_drill import LOCK, REASON, GoverningDrill, begin, key_of, other_key_of, with_fee_limit
from treasury_drill import FAST, TreasuryDrill, make_parts, order
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.controls.acts.public_acts import Founding, RecordedAct, SignedFreeze
from zakhira.controls.spend_state import SpendState
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.acts import act_record, recorded_acts
from zakhira.flows.governing.freezing import freeze, in_other_hands
from zakhira.flows.governing.motions import approve_motion, propose_thaw
from zakhira.flows.governing.officers import enrol, revoke
from zakhira.flows.governing.refusals import AuthorityForged
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.ports.books import Receipt, Write
from zakhira.flows.ports.books_errors import InvariantBroken
from zakhira.flows.spending.building import hand_out
from zakhira.flows.spending.deciding import approve, decide, take_approval
from zakhira.flows.spending.policy_refusals import ApprovalUnderOtherPolicy
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import SpendNotAllowed, SpendsMoved
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.programme.model import Policy
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.follow import SimulatedFollower
from zakhira.simulator.mempool import SimulatedMempool

HOUR = timedelta(hours=1)


@pytest.fixture
def dsn() -> Iterator[str]:
    """A fresh database."""
    template = shared_template()
    name = template.fresh_database()
    yield template.server.dsn(name)
    template.drop(name)


@pytest.fixture
def books(dsn: str) -> Iterator[PostgresBooks]:
    """Books in it."""
    with closing(PostgresBooks(dsn)) as made:
        yield made


@pytest.fixture
def drill(books: PostgresBooks) -> TreasuryDrill:
    """A treasury with coins, and a founded policy."""
    chain = SimulatedChain()
    parts = make_parts(books, PostgresCoins(books), SimulatedFollower(chain), SimulatedMempool(chain))
    begin(books, parts.policy)
    made = TreasuryDrill(chain, parts)
    made.now = begin().now + HOUR
    made.begin()
    made.receive(5_000_000, 3_000_000)
    return made


def governing(drill: TreasuryDrill) -> GoverningDrill:
    """The officers of the same reserve, now."""
    return GoverningDrill(drill.parts.books, drill.parts.policy, drill.now)


def test_a_change_that_comes_into_force_takes_the_approvals_of_a_spend_away(drill: TreasuryDrill) -> None:
    """Approved under the older version an hour before: not to be handed out, until the same officers say yes anew."""
    chamber = governing(drill)
    chamber.approve(chamber.change(with_fee_limit(400_000)), "amina", "chand")
    drill.now = chamber.now + LOCK - HOUR
    drill.built(order("pay-1", 1_000_000), FAST)
    old = standing_of(drill.treasury).policy_hash
    drill.now += HOUR
    assert standing_of(drill.treasury).policy_hash != old
    assert policy_in_force(drill.treasury).fee_limit_sats == 400_000
    with pytest.raises(SpendNotAllowed) as caught:
        hand_out(drill.treasury, "pay-1")
    assert "another version" in caught.value.message
    drill.approved("pay-1")
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_a_freeze_stops_every_step_and_lists_what_is_in_other_hands(drill: TreasuryDrill) -> None:
    """Proposals, approvals, hand-outs and broadcasts stop; receiving goes on; the thaw lets all of it go on."""
    drill.built(order("out-1", 1_000_000), FAST)
    drill.sign("out-1")
    drill.built(order("built-1", 500_000), FAST)
    propose(drill.treasury, order("waiting-1", 200_000), key_of("dara"))
    drill.now += HOUR
    chamber = governing(drill)
    frozen = freeze(chamber.chamber, "the payee called", key_of("chand"))
    assert [line.id for line in frozen.in_other_hands] == ["out-1"]
    for act in (
        lambda: propose(drill.treasury, order("new-1", 100_000), key_of("dara")),
        lambda: approve(drill.treasury, "waiting-1", key_of("amina")),
        lambda: hand_out(drill.treasury, "built-1"),
        lambda: broadcast(drill.treasury, "out-1"),
    ):
        with pytest.raises(SpendNotAllowed, match="frozen by chand"):
            act()
    drill.receive(70_000)
    assert drill.reserve_sats() == 8_070_000
    record = propose_thaw(replace(chamber.chamber, now=drill.now), REASON, key_of("dara"))
    chamber.now = drill.now
    chamber.approve(record, "amina", "chand")
    drill.now = chamber.now
    broadcast(drill.treasury, "out-1")
    assert hand_out(drill.treasury, "built-1")[0].state is SpendState.HANDED_OUT


def test_a_revoked_key_takes_its_yes_to_a_spend_along(drill: TreasuryDrill) -> None:
    """Amina's key is stolen after she approved: nothing is handed out, and no smaller quorum will do."""
    drill.built(order("pay-1", 1_000_000), FAST)
    drill.now += HOUR
    revoke(governing(drill).chamber, "amina", "stolen", key_of("chand"))
    with pytest.raises(SpendNotAllowed, match="frozen by chand"):
        hand_out(drill.treasury, "pay-1")
    record = propose_thaw(governing(drill).chamber, REASON, key_of("dara"))
    governing(drill).approve(record, "bilal", "chand")
    drill.now += timedelta(minutes=2)
    with pytest.raises(SpendNotAllowed, match="revoked"):
        hand_out(drill.treasury, "pay-1")
    approve(drill.treasury, "pay-1", key_of("bilal"))
    decide(drill.treasury, "pay-1")
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_a_spend_outlives_the_key_of_its_proposer(drill: TreasuryDrill) -> None:
    """Dara gets a new key by a change: what the old one proposed is still dara's, and needs its approvals anew."""
    chamber = governing(drill)
    key = other_key_of("dara")
    enrol(chamber.chamber, key)

    def edit(policy: Policy) -> Policy:
        officers = tuple(replace(o, public_key=key.public_key) if o.id == "dara" else o for o in policy.officers)
        return replace(policy, officers=officers)

    chamber.approve(chamber.change(edit, by="bilal"), "amina", "chand")
    drill.now = chamber.now + LOCK - HOUR
    drill.built(order("pay-1", 1_000_000), FAST)
    drill.now += HOUR
    assert load_spend(drill.treasury, "pay-1").instruction.proposed_by == "dara"
    with pytest.raises(SpendNotAllowed, match="another version"):
        hand_out(drill.treasury, "pay-1")
    drill.approved("pay-1")
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


class Overtaken:
    """Books at which something else is done just before the first write."""

    def __init__(self, books: PostgresBooks, first: Callable[[], object]) -> None:
        self._books, self._first = books, [first]

    def commit(self, write: Write) -> Receipt:
        """The other's act, and then this write."""
        while self._first:
            self._first.pop()()
        return self._books.commit(write)

    def __getattr__(self, name: str) -> object:
        return getattr(self._books, name)


def test_a_freeze_between_reading_and_writing_stops_a_hand_out(drill: TreasuryDrill, dsn: str) -> None:
    """One desk has looked and found no freeze; another freezes; the first one's write is refused."""
    drill.built(order("pay-1", 1_000_000), FAST)
    drill.now += HOUR
    with closing(PostgresBooks(dsn)) as other:
        chamber = Chamber(other, drill.parts.policy, drill.now)
        books = Overtaken(drill.parts.books, lambda: freeze(chamber, REASON, key_of("chand")))  # type: ignore[arg-type]  # PostgreSQL's
        overtaken = replace(drill.treasury, books=books)  # type: ignore[arg-type]  # all but the write is passed on
        with pytest.raises(SpendsMoved):
            hand_out(overtaken, "pay-1")
    with pytest.raises(SpendNotAllowed, match="frozen"):
        hand_out(drill.treasury, "pay-1")
    assert not in_other_hands(governing(drill).chamber)


def test_a_freeze_gets_through_while_spends_take_steps(drill: TreasuryDrill, dsn: str) -> None:
    """Somebody proposes just before the freeze is written: it is written all the same."""
    drill.now += HOUR
    with closing(PostgresBooks(dsn)) as other:
        treasury = replace(drill.treasury, books=other, coins=PostgresCoins(other))
        books = Overtaken(
            drill.parts.books,  # type: ignore[arg-type]  # PostgreSQL's
            lambda: propose(treasury, order("quick-1", 100_000), key_of("dara")),
        )
        chamber = Chamber(books, drill.parts.policy, drill.now)  # type: ignore[arg-type]  # as above
        freeze(chamber, REASON, key_of("amina"))
    assert standing_of(drill.treasury).freeze is not None


def test_four_desks_at_once(books: PostgresBooks, dsn: str) -> None:
    """Each officer freezes and votes over a connection of its own: every act once, in one order."""
    governing = begin(books)
    record = governing.change(with_fee_limit(60_000))
    governing.wait(minutes=1)
    problems: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with closing(PostgresBooks(dsn)) as mine:
                chamber = replace(governing.chamber, books=mine)
                freeze(chamber, REASON, key_of(name))
                if name != "dara":
                    approve_motion(chamber, record.motion.hash, key_of(name))
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("amina", "bilal", "chand", "dara")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever comes after the quorum is told that it is there.
    assert [getattr(error, "code", error) for error in problems] in ([], ["ZK-FLOWS-128"])
    assert len(governing.state.freezes) == 4
    acts = recorded_acts(books)
    assert [act.number for act in acts] == list(range(1, len(acts) + 1))
    assert books.breaks() == ()
    governing.now += LOCK
    assert governing.state.version.number == 2


def test_time_alone_brings_a_change_into_force_in_books_that_nobody_wrote_to(books: PostgresBooks, dsn: str) -> None:
    """The program ends after the last approval and begins anew when the lock is over."""
    governing = begin(books)
    governing.approve(governing.change(with_fee_limit(60_000)), "amina", "chand")
    head = len(books.audit_entries())
    books.close()
    with closing(PostgresBooks(dsn)) as again:
        later = GoverningDrill(again, governing.policy, governing.now + LOCK)
        assert later.state.version.policy.fee_limit_sats == 60_000
        assert len(again.audit_entries()) == head


def forged(number: int, kind: str) -> RecordedAct:
    """An act as somebody writes it who has the database and no key."""
    now = begin().now + HOUR
    if kind == "freeze":
        return RecordedAct(number, now, SignedFreeze("chand", "let us stop", "00" * 64, now))
    return RecordedAct(number, now, Founding(replace(begin().policy, fee_limit_sats=1)))


@pytest.mark.parametrize(("number", "kind"), [(2, "freeze"), (2, "founding"), (3, "freeze")])
def test_acts_that_were_written_by_hand_are_found(books: PostgresBooks, number: int, kind: str) -> None:
    """A signature that is none, a second founding, a gap: nothing is decided on such books."""
    governing = begin(books)
    record = act_record(forged(number, kind))
    books.commit(Write("by hand", "mallory", "forge", governing.now, records=(record,)))
    with pytest.raises(AuthorityForged, match="ZK-FLOWS-120"):
        _ = governing.state


def test_the_founding_cannot_be_written_a_second_time(books: PostgresBooks) -> None:
    """The database itself refuses a newer version of an act."""
    governing = begin(books)
    record = act_record(forged(1, "founding"))
    with pytest.raises(InvariantBroken):
        books.commit(Write("by hand", "mallory", "forge", governing.now, records=(record,)))
    assert governing.state.version.policy.fee_limit_sats == governing.policy.fee_limit_sats


def test_approvals_given_under_a_version_that_comes_back_do_not_come_back(books: PostgresBooks) -> None:
    """From A to B and back to A: who said yes under the first A says it anew, and it is taken."""
    chain = SimulatedChain()
    parts = make_parts(books, PostgresCoins(books), SimulatedFollower(chain), SimulatedMempool(chain))
    drill = TreasuryDrill(chain, replace(parts, policy=replace(parts.policy, change_lock_hours=1)))
    first = begin(books, drill.parts.policy).state.version
    drill.now = begin().now + HOUR
    drill.begin()
    drill.receive(5_000_000)
    propose(drill.treasury, order("pay-1", 1_000_000), key_of("dara"))
    for name in ("amina", "chand"):
        approve(drill.treasury, "pay-1", key_of(name))
    given = load_spend(drill.treasury, "pay-1").approvals
    chamber = governing(drill)
    for fee_limit_sats in (60_000, first.policy.fee_limit_sats):
        chamber.approve(chamber.change(with_fee_limit(fee_limit_sats)), "amina", "chand")
        chamber.wait(hours=1)
    drill.now = chamber.now
    assert (chamber.state.version.number, chamber.state.version.hash) == (3, first.hash)
    assert decide(drill.treasury, "pay-1").state is SpendState.PROPOSED
    with pytest.raises(ApprovalUnderOtherPolicy):
        take_approval(drill.treasury, "pay-1", given[0])
    for item in given:
        approve(drill.treasury, "pay-1", key_of(item.officer))
    assert decide(drill.treasury, "pay-1").state is SpendState.DECIDED
