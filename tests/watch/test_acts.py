"""Changes of the policy, freezes and revocations: the watchtower takes them from signatures, never from a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from custody_drill import COLD, make_vault
from governing_drill import LOCK, GoverningDrill, accept_vault, key_of
from tower_drill import POLICY, Tower, make_terms, signed_spend
from watch_drill import all_signed, keep_vaults
from zakhira.flows.governing.acts import AUTHORITY_ACT
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.freezing import freeze
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Policy
from zakhira.programme.vault_text import vault_hash
from zakhira.simulator.books import SimulatedBooks
from zakhira.watch.alarm import AlarmKind, News


def other_purpose(policy: Policy) -> Policy:
    """A policy that lets less through: a fee of at most 4,000 sat."""
    return replace(policy, clause="Treasury rules, 4.3")


@pytest.fixture
def chamber() -> GoverningDrill:
    """Books with the drill's policy as their first version."""
    books = SimulatedBooks()
    drill = GoverningDrill(books, POLICY)
    found_policy(books, POLICY, drill.now)
    return drill


def watch_over(chamber: GoverningDrill) -> Tower:
    """A watch that reads the acts of these books, at their time."""
    tower = Tower(make_terms(), now=chamber.now)
    tell_acts(tower, chamber)
    return tower


def tell_acts(tower: Tower, chamber: GoverningDrill) -> None:
    """The source says what the books have."""
    tower.source.acts = dict(chamber.books.records(AUTHORITY_ACT))


def test_a_policy_that_its_quorum_changed(chamber: GoverningDrill) -> None:
    """Signed, locked for two days, in force: approvals that name the new version count from then on."""
    tower = watch_over(chamber)
    assert tower.news() == []
    chamber.changed(other_purpose)
    tower.now = chamber.now
    tell_acts(tower, chamber)
    assert tower.news() == []
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=chamber.state.version.policy)
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == []


def test_a_policy_whose_lock_is_not_over(chamber: GoverningDrill) -> None:
    """Two days less an hour after the quorum the old version holds still: approvals under the new one do not count."""
    tower = watch_over(chamber)
    tower.look()
    chamber.approve(chamber.change(other_purpose), "amina", "chand")
    later = next(iter(chamber.state.motions.values())).motion.to
    tower.now = chamber.now + LOCK - timedelta(hours=1)
    tell_acts(tower, chamber)
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=later)
    tower.node.send(signed_spend(instruction, held))
    assert (News.RAISED, AlarmKind.REFUSED_BY_POLICY) in tower.news()
    assert "another version" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]


def test_an_act_that_nobody_signed(chamber: GoverningDrill) -> None:
    """An approval of the change whose signature is another's."""
    tower = watch_over(chamber)
    tower.look()
    chamber.approve(chamber.change(other_purpose), "amina", "chand")
    tell_acts(tower, chamber)
    tower.now = chamber.now
    name = max(tower.source.acts)
    body = tower.source.acts[name]
    told = cast("dict[str, dict[str, Json]]", body)
    tower.source.acts[name] = {**told, "act": {**told["act"], "signature": "00" * 64}}
    assert tower.news() == [(News.RAISED, AlarmKind.POLICY_UNPROVEN)]


def test_a_first_version_that_is_another(chamber: GoverningDrill) -> None:
    """The books were founded anew with another policy than the copy."""
    books = SimulatedBooks()
    found_policy(books, other_purpose(POLICY), chamber.now)
    tower = Tower(make_terms(), now=chamber.now)
    tower.source.acts = dict(books.records(AUTHORITY_ACT))
    assert tower.news() == [(News.RAISED, AlarmKind.POLICY_UNPROVEN)]


def test_a_vault_that_was_accepted_and_that_the_copy_lacks(chamber: GoverningDrill) -> None:
    """A motion that succeeds a vault of the start is borne out, and told; renewed, the copy has the vault."""
    heir = make_vault("cold-next", "cold", 3, 5)
    tower = watch_over(chamber)
    assert tower.news() == []
    keep_vaults(chamber.books, all_signed(heir), all_signed(COLD))
    chamber.wait(minutes=1)
    accept_vault(chamber.books, chamber.policy, chamber.now, heir.id, succeeds=COLD.id)
    tower.now = chamber.now
    tell_acts(tower, chamber)
    assert tower.news() == [(News.RAISED, AlarmKind.VAULT_UNKNOWN)]
    assert vault_hash(heir)[:12] in tower.raised()[AlarmKind.VAULT_UNKNOWN]
    renewed = Tower(replace(make_terms(), vaults=(*make_terms().vaults, all_signed(heir))), now=chamber.now)
    tell_acts(renewed, chamber)
    assert renewed.news() == []


def test_a_freeze(chamber: GoverningDrill) -> None:
    """Told as a notice; a spend that moves all the same is an alarm."""
    tower = watch_over(chamber)
    tower.look()
    held = tower.fund(COLD, 5_000_000)
    chamber.now = tower.now
    freeze(chamber.chamber, "a letter that smells", key_of("chand"))
    tell_acts(tower, chamber)
    assert tower.news() == [(News.RAISED, AlarmKind.FROZEN)]
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)]
    assert "frozen by chand" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]


def test_a_change_that_is_written_with_an_old_date(chamber: GoverningDrill) -> None:
    """A quorum backdates everything by a week so that the lock seems over: it counts from when it was seen."""
    tower = watch_over(chamber)
    tower.now += timedelta(days=7)
    tower.look()
    chamber.changed(other_purpose)
    later = chamber.state.version.policy
    tell_acts(tower, chamber)
    tower.look()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=later)
    tower.node.send(signed_spend(instruction, held))
    assert (News.RAISED, AlarmKind.REFUSED_BY_POLICY) in tower.news()


@pytest.mark.parametrize("minutes", [0, 11, 600])
def test_a_change_that_appears_after_nothing_could_be_read(chamber: GoverningDrill, minutes: int) -> None:
    """Dated back by a week, and shown after the source was away: the lock of 48 hours is not over all the same."""
    tower = watch_over(chamber)
    tower.now += timedelta(days=7)
    tower.look()
    chamber.changed(other_purpose)
    later = chamber.state.version.policy
    if minutes:
        tower.source.away = True
        tower.look(minutes * 60)
        tower.source.away = False
    tell_acts(tower, chamber)
    tower.look()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=later)
    tower.node.send(signed_spend(instruction, held))
    assert (News.RAISED, AlarmKind.REFUSED_BY_POLICY) in tower.news()


def test_a_change_that_came_into_force_while_the_watch_was_down(chamber: GoverningDrill) -> None:
    """Moved, approved, locked for two days, used on the third: found at one look on the fourth, and no alarm."""
    tower = watch_over(chamber)
    tower.look()
    chamber.now = tower.now + timedelta(hours=1)
    chamber.changed(other_purpose)
    tell_acts(tower, chamber)
    tower.now = chamber.now + timedelta(hours=12)
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand", policy=chamber.state.version.policy)
    tower.node.mine(tower.now, signed_spend(instruction, held))
    tower.restart()
    assert tower.news(24 * 3600) == []
