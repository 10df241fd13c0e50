"""Signatures say their own dates: what the watchtower had not read at its last look is never older than that look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import COLD
from governing_drill import GoverningDrill, key_of
from tower_drill import PAYEE, POLICY, THIEF, Tower, make_terms, signed_spend
from zakhira.custody.coin import Payment
from zakhira.flows.governing.acts import AUTHORITY_ACT
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.officers import revoke
from zakhira.kernel.money import sats
from zakhira.programme.policy import Quorum, Rule, Window
from zakhira.simulator.books import SimulatedBooks
from zakhira.watch.alarm import AlarmKind, News

RULE = Rule(
    id="cold-payments",
    clause="Treasury rules, 5",
    actions=("spend",),
    propose_roles=("operations",),
    quorums=(Quorum(1, ("treasury",)), Quorum(1, ("audit",))),
)
DAY = 24 * 3600


def ruled(**told: object) -> Tower:
    """A watch whose policy has one rule."""
    made = Tower(make_terms(policy=replace(POLICY, rules=(replace(RULE, **told),))))  # type: ignore[arg-type]
    made.look()
    return made


def governed() -> tuple[Tower, GoverningDrill]:
    """A watch that reads the acts of books, and the officers who write them."""
    books = SimulatedBooks()
    chamber = GoverningDrill(books, POLICY)
    found_policy(books, POLICY, chamber.now)
    tower = Tower(make_terms(), now=chamber.now)
    tell_acts(tower, chamber)
    tower.look()
    return tower, chamber


def tell_acts(tower: Tower, chamber: GoverningDrill) -> None:
    """The source says what the books have."""
    tower.source.acts = dict(chamber.books.records(AUTHORITY_ACT))


def alarms(tower: Tower) -> set[AlarmKind]:
    """What holds, without what is about no coin."""
    return set(tower.raised()) - {AlarmKind.FROZEN, AlarmKind.KEY_OVERDUE}


def looks(tower: Tower, seconds: int) -> None:
    """The watch looks every 20 seconds."""
    for _ in range(seconds // 20):
        tower.look(20)


def move(tower: Tower, raw: str, where: str, seconds: float = 1.0) -> None:
    """The transaction comes through the mempool, or is handed to a miner and is first seen in its block."""
    tower.now += timedelta(seconds=seconds - 1)
    if where == "mempool":
        tower.node.send(raw)
    else:
        tower.node.mine(tower.now, raw)
    tower.look()


both_ways = pytest.mark.parametrize("where", ["mempool", "block"])


@both_ways
def test_an_expired_spend(where: str) -> None:
    """Forty days after its approval, under the eyes of the watch."""
    tower = ruled()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    tower.look(40 * DAY)
    looks(tower, 60)
    move(tower, signed_spend(instruction, held), where)
    assert alarms(tower) == {AlarmKind.REFUSED_BY_POLICY}


@both_ways
@pytest.mark.parametrize("read_before", [True, False])
def test_a_spend_that_is_written_today_with_last_months_dates(where: str, read_before: bool) -> None:  # noqa: FBT001 - drawn
    """Everything genuine and dated 20 days back, in the books a look before it moves or at the same one."""
    tower = ruled()
    held = tower.fund(COLD, 5_000_000)
    tower.look()
    tower.look(30 * DAY)
    now, tower.now = tower.now, tower.now - timedelta(days=20)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.now = now
    if read_before:
        tower.look()
    move(tower, signed_spend(instruction, held), where)
    assert alarms(tower) == {AlarmKind.REFUSED_BY_POLICY}


def test_payments_dated_at_other_hours_count_in_the_window_of_now() -> None:
    """Four payments of 0.05 BTC, each dated four hours before the next, in one block: the window lets one through."""
    tower = ruled(windows=(Window(hours=2, per="programme", limit=sats(6_000_000)),))
    held = tower.fund(COLD, *[5_000_000] * 4)
    tower.look()
    tower.look(DAY)
    now, raws = tower.now, []
    for number, coin in enumerate(held):
        tower.now = now - timedelta(hours=4 * (number + 1))
        instruction = tower.instruction(f"pay-{number}", (coin,))
        tower.say(instruction, "amina", "chand")
        raws.append(signed_spend(instruction, (coin,)))
    tower.now = now
    tower.node.mine(tower.now, *raws)
    assert [kind for _, kind in tower.news()] == [AlarmKind.REFUSED_BY_POLICY] * 3


def test_payments_of_other_days_that_are_found_together_count_on_their_days() -> None:
    """The same limit, kept day by day while the watch was down: found together, and no alarm."""
    tower = ruled(windows=(Window(hours=24, per="programme", limit=sats(6_000_000)),))
    held = tower.fund(COLD, *[5_000_000] * 3)
    tower.look()
    for number, coin in enumerate(held):
        tower.now += timedelta(days=2)
        instruction = tower.instruction(f"pay-{number}", (coin,))
        tower.say(instruction, "amina", "chand")
        tower.node.mine(tower.now, signed_spend(instruction, (coin,)))
    tower.restart()
    tower.look(DAY)
    assert alarms(tower) == set()


@both_ways
@pytest.mark.parametrize("gap", [20, 61])
def test_a_frozen_reserve(where: str, gap: int) -> None:
    """Approved before the freeze, moved after it: whether the watch looks every 20 seconds or missed a minute."""
    tower, chamber = governed()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    chamber.now = tower.now
    freeze(chamber.chamber, "a letter that smells", key_of("chand"))
    tell_acts(tower, chamber)
    looks(tower, 600)
    move(tower, signed_spend(instruction, held), where, gap)
    assert alarms(tower) == {AlarmKind.REFUSED_BY_POLICY}


@both_ways
@pytest.mark.parametrize("act", ["freeze", "revocation"])
def test_a_stop_while_the_watch_was_down(where: str, act: str) -> None:
    """Mined before it, by its block's time: no alarm. Still in the mempool after it: it may have come later."""
    tower, chamber = governed()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    raw = signed_spend(instruction, held)
    if where == "block":
        tower.node.mine(tower.now + timedelta(minutes=5), raw)
    else:
        tower.node.send(raw)
    chamber.now = tower.now + timedelta(hours=3)
    if act == "freeze":
        freeze(chamber.chamber, "a letter that smells", key_of("chand"))
    else:
        revoke(chamber.chamber, "chand", "stolen", key_of("chand"))
    tell_acts(tower, chamber)
    tower.restart()
    tower.look(6 * 3600)
    assert alarms(tower) == (set() if where == "block" else {AlarmKind.REFUSED_BY_POLICY})


@both_ways
def test_a_key_that_was_revoked_signs_with_an_older_date(where: str) -> None:
    """Stolen, revoked, and used afterwards under a date of before."""
    tower, chamber = governed()
    held = tower.fund(COLD, 5_000_000)
    tower.look()
    tower.look(3 * DAY)
    chamber.now = tower.now
    revoke(chamber.chamber, "chand", "stolen", key_of("amina"))
    tell_acts(tower, chamber)
    looks(tower, 600)
    now, tower.now = tower.now, tower.now - timedelta(hours=20)
    instruction = tower.instruction("pay-1", held, to=THIEF)
    tower.say(instruction, "amina", "chand")
    tower.now = now
    move(tower, signed_spend(instruction, held), where)
    assert AlarmKind.REFUSED_BY_POLICY in alarms(tower)


@pytest.mark.parametrize(("dated_back", "told"), [(True, {AlarmKind.REFUSED_BY_POLICY}), (False, set())])
def test_a_delay_runs_from_when_the_approvals_were_there(dated_back: bool, told: set[AlarmKind]) -> None:  # noqa: FBT001 - drawn
    """Two hours are to be waited: approvals that come now and say that they are two hours old were not waited for."""
    tower = ruled(delay_hours=2)
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction)
    tower.look()
    if not dated_back:
        tower.say(instruction, "amina", "chand")
    looks(tower, 2 * 3600)
    now, tower.now = tower.now, instruction.proposed_at
    tower.say(instruction, "amina", "chand")
    tower.now = now
    if not dated_back:
        tower.source.spends = dict(tower.state.signed)
    move(tower, signed_spend(instruction, held), "mempool", 60)
    assert alarms(tower) == told


def test_an_honest_spend_of_the_day_on_which_the_watch_was_down() -> None:
    """Proposed, approved, sent and mined meanwhile; read and found at one look, with the delay of the rule: silence."""
    tower = ruled(delay_hours=2)
    held = tower.fund(COLD, 5_000_000)
    tower.look()
    tower.now += timedelta(hours=3)
    instruction = replace(tower.instruction("pay-1", held), expires_at=tower.now + timedelta(hours=4))
    tower.say(instruction, "amina", "chand")
    tower.node.mine(tower.now + timedelta(hours=3), signed_spend(instruction, held))
    tower.restart()
    assert tower.news(DAY) == []


def test_a_new_watch_over_an_old_reserve() -> None:
    """A hundred and twenty blocks are caught up with in steps; spends of old times are no news in any of them."""
    tower = Tower(make_terms(policy=replace(POLICY, rules=(RULE,))))
    for number in range(3):
        held = tower.fund(COLD, 5_000_000)
        instruction = tower.instruction(f"pay-{number}", held)
        tower.say(instruction, "amina", "chand")
        tower.node.mine(tower.now, signed_spend(instruction, held))
        for _ in range(40):
            tower.node.mine(tower.now)
        tower.now += timedelta(days=30)
    for _ in range(4):
        assert tower.news() == []
    assert {spend.spend_id for spend in tower.state.spends.values()} == {"pay-0", "pay-1", "pay-2"}


def test_signatures_that_are_read_only_after_the_movement() -> None:
    """The coin moves, a reading says nothing of it, then genuine signatures with dates of before: told, not passed."""
    tower = ruled()
    held = tower.fund(COLD, 5_000_000)
    made_at = tower.now
    tower.look()
    instruction = replace(tower.instruction("pay-1", held), proposed_at=made_at)
    raw = signed_spend(instruction, held)
    tower.node.send(raw)
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]
    tower.look(60)
    now, tower.now = tower.now, made_at
    tower.say(instruction, "amina", "chand")
    tower.now = now
    assert tower.news() == [(News.RAISED, AlarmKind.READ_AFTERWARDS), (News.ENDED, AlarmKind.NO_INSTRUCTION)]
    assert "read only after it was seen" in tower.raised()[AlarmKind.READ_AFTERWARDS]
    tower.node.mine(tower.now, raw)
    assert tower.news() == [(News.CHANGED, AlarmKind.READ_AFTERWARDS)]
    assert tower.news() == []
    assert tower.news(8 * DAY) == [(News.ENDED, AlarmKind.READ_AFTERWARDS)]
    tower.say(replace(instruction, purpose="something else"), "amina", "chand")
    assert tower.news() == [(News.RAISED, AlarmKind.INSTRUCTION_CHANGED)]


def test_signatures_that_could_not_be_read_before() -> None:
    """The source is away while an honest spend is made and moves; with the signatures the alarm is over for good."""
    tower = ruled()
    held = tower.fund(COLD, 5_000_000)
    tower.look()
    tower.source.away = True
    tower.look(600)
    instruction = replace(tower.instruction("pay-1", held), payments=(Payment(PAYEE, 4_999_000),))
    tower.say(instruction, "amina", "chand")
    tower.node.send(signed_spend(instruction, held))
    tower.look(60)
    assert AlarmKind.NO_INSTRUCTION in alarms(tower)
    tower.source.away = False
    tower.look(60)
    assert alarms(tower) == set()


@pytest.mark.parametrize(("hours", "told"), [(46, {AlarmKind.REFUSED_BY_POLICY}), (49, set())])
def test_acts_that_a_folder_brings_hours_later(hours: int, told: set[AlarmKind]) -> None:
    """A change that was moved and approved three hours before its files came: no alarm, and its lock runs from then."""
    tower, chamber = governed()
    chamber.now = tower.now
    chamber.approve(chamber.change(lambda policy: replace(policy, clause="Treasury rules, 4.3")), "amina", "chand")
    later = next(iter(chamber.state.motions.values())).motion.to
    assert later is not None
    for _ in range(3):
        tower.look(3600)
    tell_acts(tower, chamber)
    assert tower.news() == []
    tower.look(hours * 3600)
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=later)
    tower.node.send(signed_spend(instruction, held))
    assert {kind for _, kind in tower.news()} == told
