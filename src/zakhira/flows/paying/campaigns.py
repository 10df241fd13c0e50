"""A campaign is put forward, approved as a rule would be, and funded in the moment in which it opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.decision import Verdict
from zakhira.controls.engine.question import Stage
from zakhira.flows.paying.campaign_record import (
    CAMPAIGN,
    OPEN,
    PROPOSED,
    REFUSED,
    CampaignRecord,
    load_campaign,
)
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.matter import ask, not_allowed, with_approval, with_veto
from zakhira.flows.paying.refusals import CampaignTaken
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.settlement.payouts.campaign import Campaign
from zakhira.settlement.payouts.entries import campaign_accounts, funding_entry


def propose_campaign(desk: PayoutDesk, campaign: Campaign, officer: OfficerKey) -> CampaignRecord:
    """Record a campaign as put forward; the same terms again give what is there.

    Raises:
        CampaignTaken: the id stands for other terms.
        PayoutNotAllowed: the policy lets this officer put no such thing forward.
    """
    step = begin_step(desk)
    if desk.books.latest(CAMPAIGN, campaign.id) is not None:
        there = load_campaign(desk, campaign.id)
        if there.campaign != campaign:
            raise CampaignTaken(
                f"Campaign {campaign.id} has other terms.",
                "Terms never change: give the new campaign an id of its own.",
            )
        return there
    expires_at = step.at + timedelta(hours=desk.in_force.version.policy.approval_hours)
    made = CampaignRecord(campaign, officer.officer, step.at, expires_at)
    made = replace(made, signature=officer.sign(PROPOSAL_DOMAIN, made.hash))
    decision = ask(desk, made.matter, made.words, step.at, Stage.PROPOSE)
    if decision.verdict is Verdict.REFUSED:
        raise not_allowed(made.matter, decision)
    commit_step(desk, step, officer.officer, f"campaign put forward: {campaign.id}", (), (made.record,))
    return made


def approve_campaign(desk: PayoutDesk, campaign_id: str, officer: OfficerKey) -> CampaignRecord:
    """The officer's yes; with the last one that the policy asks for, the campaign opens and its fund is filled.

    Raises:
        what :func:`zakhira.flows.paying.matter.with_approval` tells; Overdrawn and others: the books refuse the fund.
    """
    step = begin_step(desk)
    before = load_campaign(desk, campaign_id)
    if before.state != PROPOSED:
        return before
    words = with_approval(desk, before.matter, before.words, officer, step.at)
    after = replace(before, words=words)
    if not ask(desk, before.matter, words, step.at).allowed:
        if after != before:
            commit_step(desk, step, officer.officer, f"campaign approved: {campaign_id}", (), (after.record,))
        return after
    opened = replace(after, state=OPEN)
    desk.books.open_accounts(campaign_accounts(opened.campaign))
    entry = funding_entry(opened.campaign, step.at)
    commit_step(desk, step, officer.officer, f"campaign opened: {campaign_id}", (), (opened.record,), (entry,))
    return opened


def refuse_campaign(desk: PayoutDesk, campaign_id: str, officer: OfficerKey, reason: str) -> CampaignRecord:
    """The officer's no, as long as the campaign is not open."""
    step = begin_step(desk)
    before = load_campaign(desk, campaign_id)
    if before.state != PROPOSED:
        return before
    words = with_veto(desk, before.matter, before.words, officer, reason, step.at)
    after = replace(before, state=REFUSED, words=words)
    commit_step(desk, step, officer.officer, f"campaign refused: {campaign_id}", (), (after.record,))
    return after
