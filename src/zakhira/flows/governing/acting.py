"""One act of authority: signed, checked as whoever reads it later will check it, and written in the order of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.acts.act_check import act_refusal
from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.authority_fold import settled, take_act
from zakhira.controls.acts.public_acts import Act, RecordedAct
from zakhira.flows.governing.acts import act_record, authority_of
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.refusals import AuthorityMoved, act_error
from zakhira.flows.ports.books import Books
from zakhira.flows.spending.refusals import SpendsMoved
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.programme.model import Policy

MOST_TRIES = 100
"""How often an act gives way to a step that somebody else takes at the same moment [E]: a busy desk takes some steps a
second, and a stop must get through (low 10, high 1,000)."""


@dataclass(frozen=True)
class Chamber:
    """What use cases of authority are handed: no node, so that a stop needs none.

    ``policy`` is what the programme file says now, ``now`` the moment (UTC).
    """

    books: Books
    policy: Policy
    now: datetime


Make = Callable[[Authority, datetime], "Act | None"]
"""Makes the act from the authority as it is and the moment; None where it was done before."""


def authority_in(chamber: Chamber) -> Authority:
    """Versions, motions, freezes and keys as of now; raises AuthorityForged."""
    return authority_of(chamber.books, chamber.policy, chamber.now)


def record_act(chamber: Chamber, actor: str, action: str, make: Make, *, whatever_the_clock: bool = False) -> Authority:
    """Write the act that ``make`` makes; the authority after it.

    Acts are numbered together with the steps of spends: no step is taken on an authority that is no longer there.

    Raises:
        AuthorityForged, and what :func:`zakhira.flows.governing.refusals.act_error` tells: the act does not count.
        ClockSetBack: the clock stands before the last step.
        AuthorityMoved: others were faster, again and again.
    """
    found_policy(chamber.books, chamber.policy, chamber.now)
    for _ in range(MOST_TRIES):
        step = begin_step(chamber, whatever_the_clock=whatever_the_clock)
        before = authority_of(chamber.books, chamber.policy, step.at)
        at = max(step.at, before.at)
        act = make(before, at)
        if act is None:
            return before
        recorded = RecordedAct(before.last_number + 1, at, act)
        refusal = act_refusal(before, recorded)
        if refusal is not None:
            raise act_error(refusal)
        try:
            commit_step(chamber, step, actor, action, (), (act_record(recorded),))
        except SpendsMoved:
            continue
        return settled(take_act(before, recorded), at)
    raise AuthorityMoved(f"Others took {MOST_TRIES} steps before this one.", "Do it again.")
