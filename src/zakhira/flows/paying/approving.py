"""Yes and no of officers to a payout."""

from __future__ import annotations

from dataclasses import replace

from zakhira.flows.paying.campaign_record import load_open_campaign
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import listed_addresses
from zakhira.flows.paying.matter import Matter, ask, is_approved, with_approval, with_veto
from zakhira.flows.paying.payout_record import PAYOUT, PayoutRecord, load_payout
from zakhira.flows.paying.preparing import Prepared
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.settlement.payouts.state import PayoutState, PayoutStep, next_state


def load_prepared(desk: PayoutDesk, payout_id: str) -> tuple[Prepared, Matter]:
    """A payout with its rows, its campaign, and what the policy is asked about it.

    Raises:
        UnknownPayout, PayoutForged, CampaignNotOpen: as their names say.
    """
    payout, batch = load_payout(desk, payout_id)
    campaign = load_open_campaign(desk, payout.campaign).campaign
    return Prepared(payout, batch, campaign), payout.matter(campaign, batch, listed_addresses(desk))


def approve_payout(desk: PayoutDesk, payout_id: str, officer: OfficerKey) -> PayoutRecord:
    """The officer's yes to exactly this batch, by its hash; the same yes again changes nothing.

    Raises:
        IllegalPayoutStep: it is past that, or refused.
        what :func:`zakhira.flows.paying.matter.with_approval` tells.
    """
    step = begin_step(desk)
    prepared, matter = load_prepared(desk, payout_id)
    before = prepared.payout
    if before.state not in {PayoutState.PREPARED, PayoutState.APPROVED}:
        next_state(before.state, PayoutStep.APPROVAL_COMPLETED)
    words = with_approval(desk, matter, before.words, officer, step.at)
    after = replace(before, words=words)
    if before.state is PayoutState.PREPARED and is_approved(ask(desk, matter, words, step.at)):
        after = replace(after, state=next_state(before.state, PayoutStep.APPROVAL_COMPLETED))
    if after != before:
        commit_step(desk, step, officer.officer, f"payout approved: {payout_id}", (), (after.record,))
    return after


def refuse_payout(desk: PayoutDesk, payout_id: str, officer: OfficerKey, reason: str) -> PayoutRecord:
    """The officer's no; it ends a payout of which nothing went out.

    Raises:
        IllegalPayoutStep: rows are out: stop it instead.
        PayoutWordNotTaken: the no would not count.
    """
    step = begin_step(desk)
    prepared, matter = load_prepared(desk, payout_id)
    before = prepared.payout
    if before.state is PayoutState.REFUSED:
        return before
    state = next_state(before.state, PayoutStep.PAYOUT_REFUSED)
    words = with_veto(desk, matter, before.words, officer, reason, step.at)
    after = replace(before, state=state, words=words)
    commit_step(desk, step, officer.officer, f"payout refused: {payout_id}", (), (after.record,))
    return after


def is_payout(desk: PayoutDesk, name: str) -> bool:
    """Whether there is a payout of this id."""
    return desk.books.latest(PAYOUT, name) is not None
