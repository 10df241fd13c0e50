"""What analysis and Cedar refuse of a change, and what a program that is cut off anywhere leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from governing_drill import LOCK, REASON, GoverningDrill, begin, key_of, with_fee_limit
from zakhira.controls.analysis.finding import Severity
from zakhira.flows.governing import refusals
from zakhira.flows.governing.acts import recorded_acts
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import propose_change
from zakhira.flows.governing.officers import revoke
from zakhira.flows.ports.books import Receipt, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable, KeyReused
from zakhira.programme.model import Policy
from zakhira.programme.policy import Quorum, Rule
from zakhira.simulator.books import BooksFaults, SimulatedBooks

CHANGE = Rule("change", "1", ("policy-change", "thaw"), quorums=(Quorum(2, ("treasury",)), Quorum(1, ("audit",))))
ALONE = Rule("pay", "2", ("spend",), propose_roles=("operations",))
"""One officer alone spends."""


def governed(*rules: Rule, authorization: str = "") -> GoverningDrill:
    """A drill whose first version has these rules."""
    return begin(policy=replace(begin().policy, rules=rules, authorization=authorization))


def test_faults_are_refused_and_warnings_are_accepted_by_name_alone() -> None:
    """One officer who spends alone is a fault; a short lock is a warning of the changed policy alone."""
    drill = begin()
    faulty = replace(drill.policy, rules=(CHANGE, ALONE))
    with pytest.raises(refusals.PolicyFaulty, match="ZK-FLOWS-134"):
        propose_change(drill.chamber, faulty, REASON, key_of("dara"), despite=Severity.WARNING)
    warned = replace(drill.policy, change_lock_hours=1)
    with pytest.raises(refusals.PolicyFaulty, match="--despite-warnings"):
        propose_change(drill.chamber, warned, REASON, key_of("dara"))
    assert not drill.state.motions
    assert propose_change(drill.chamber, warned, REASON, key_of("dara"), despite=Severity.WARNING).is_pending


def test_a_warning_that_was_accepted_before_is_no_reason_again() -> None:
    """The version in force has it already."""
    drill = begin(policy=replace(begin().policy, change_lock_hours=1))
    to = with_fee_limit(60_000)(drill.state.version.policy)
    assert propose_change(drill.chamber, to, REASON, key_of("dara")).is_pending


def test_cedar_text_that_cannot_be_read_never_comes_into_force() -> None:
    """It would stop every decision."""
    drill = begin()
    permits = replace(drill.policy, authorization='permit(principal, action == Action::"revoke", resource);')
    with pytest.raises(refusals.PolicyFaulty, match="may only forbid"):
        propose_change(drill.chamber, permits, REASON, key_of("dara"))
    with pytest.raises(refusals.PolicyFaulty, match="may only forbid"):
        drill.propose(permits)  # whatever analysis finds is accepted there: the act itself does not count
    with pytest.raises(refusals.PolicyFaulty, match="may only forbid"):
        begin(policy=permits)
    to = replace(drill.policy, authorization="permit(everything);")
    with pytest.raises(refusals.PolicyFaulty, match="ZK-CONTROLS-022"):
        propose_change(drill.chamber, to, REASON, key_of("dara"), despite=Severity.WARNING)


def test_who_revokes_and_who_freezes_is_asked_of_cedar() -> None:
    """Whoever changes the policy revokes keys of others, everybody their own; a programme may say more."""
    drill = governed(replace(CHANGE, propose_roles=("treasury",)))
    with pytest.raises(refusals.NotPermitted, match="dara may not revoke"):
        revoke(drill.chamber, "amina", REASON, key_of("dara"))
    revoke(drill.chamber, "dara", REASON, key_of("dara"))
    revoke(drill.chamber, "bilal", REASON, key_of("chand"))
    text = 'forbid(principal in Role::"operations", action == Action::"freeze", resource);'
    drill = governed(CHANGE, authorization=text)
    with pytest.raises(refusals.NotPermitted, match="ZK-FLOWS-137"):
        freeze(drill.chamber, REASON, key_of("dara"))
    assert freeze(drill.chamber, REASON, key_of("chand")).can_be_thawed


def changing(drill: GoverningDrill) -> None:
    """A change from its beginning to its lock; repeated, it goes on where it was."""

    def edit(policy: Policy) -> Policy:
        return with_fee_limit(60_000)(policy)

    drill.approve(drill.change(edit), "amina", "chand")


def stopping(drill: GoverningDrill) -> None:
    """A freeze and a revocation."""
    freeze(drill.chamber, REASON, key_of("amina"))
    revoke(drill.chamber, "amina", REASON, key_of("chand"))


@pytest.mark.parametrize("work", [changing, stopping])
@pytest.mark.parametrize("fault", ["unreachable_on", "acknowledgement_lost_on", "delivered_twice_on"])
def test_cut_off_at_every_call_and_done_again(work: Callable[[GoverningDrill], None], fault: str) -> None:
    """The books fail once, at each call in turn: the same commands again come to the same acts, each once."""
    whole = begin()
    first = whole.books
    assert isinstance(first, SimulatedBooks)
    before = first.calls
    work(whole)
    expected = [type(act.act) for act in recorded_acts(whole.books)]
    for call in range(before + 1, first.calls):
        books = SimulatedBooks(BooksFaults())
        drill = begin(books)
        getattr(books.faults, fault).add(call)
        with suppress(DatabaseUnreachable):
            work(drill)
        if fault != "delivered_twice_on":
            with suppress(refusals.MotionOver):  # the quorum was complete before the program was cut off
                work(drill)
        books.faults = BooksFaults()
        assert [type(act.act) for act in recorded_acts(books)] == expected
        drill.now += LOCK
        assert drill.state.version.number == (2 if work is changing else 1)


class AlwaysSlower(SimulatedBooks):
    """Somebody else takes every step first."""

    def commit(self, write: Write) -> Receipt:
        """Only what is no step."""
        if write.key.startswith("spend step/"):
            raise KeyReused("taken", "again")
        return super().commit(write)


def test_an_act_that_never_gets_its_turn_says_so() -> None:
    """After many tries, and with nothing written."""
    drill = begin(AlwaysSlower())
    with pytest.raises(refusals.AuthorityMoved, match="ZK-FLOWS-121"):
        freeze(drill.chamber, REASON, key_of("chand"))
    assert not drill.state.freezes
