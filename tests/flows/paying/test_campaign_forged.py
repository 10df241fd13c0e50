"""A campaign that says that it is open pays nobody unless officers' signatures say so, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from payout_drill import PayoutDrill, campaign, csv_of, officer, twin_drill
from zakhira.controls.approval import Approval
from zakhira.flows.paying.campaign_record import OPEN, CampaignRecord, load_campaign, load_open_campaign
from zakhira.flows.paying.campaigns import approve_campaign, propose_campaign
from zakhira.flows.paying.matter import Words
from zakhira.flows.paying.refusals import PayoutForged
from zakhira.flows.ports.books import Write
from zakhira.settlement.payouts.entries import campaign_accounts, funding_entry

ONE = csv_of("p-000001,20000 PKR,stipend")


def opened_by_hand(drill: PayoutDrill, words: Words) -> CampaignRecord:
    """Whoever prepares payouts has the application's login as well, and writes that the campaign is open."""
    there = load_campaign(drill.desk, campaign().id)
    forged = replace(there, state=OPEN, words=words)
    drill.books.open_accounts(campaign_accounts(campaign()))
    entry = funding_entry(campaign(), drill.now)
    drill.books.commit(Write("opened by hand", "x", "x", drill.now, (entry,), (forged.record,)))
    return forged


def refused(drill: PayoutDrill) -> None:
    """Nothing is prepared in it."""
    with pytest.raises(PayoutForged, match="officers did not approve it"):
        drill.prepared(campaign(), ONE)


@pytest.fixture
def drill() -> PayoutDrill:
    """A campaign that dara put forward."""
    made = twin_drill()
    propose_campaign(made.desk, campaign(), officer("dara"))
    return made


def given(drill: PayoutDrill, *names: str) -> tuple[Approval, ...]:
    """Genuine approvals of these officers, as a drill beside this one gathers them over the same campaign."""
    beside = twin_drill()
    propose_campaign(beside.desk, campaign(), officer("dara"))
    for name in names:
        approve_campaign(beside.desk, campaign().id, officer(name))
    return load_campaign(beside.desk, campaign().id).words.approvals


def test_nobody_approved_it(drill: PayoutDrill) -> None:
    """The proposer's own signature is genuine, and it is no approval."""
    opened_by_hand(drill, Words())
    refused(drill)


def test_one_approval_is_there_and_the_other_is_made_up(drill: PayoutDrill) -> None:
    """Amina's is genuine; chand's is missing, amina's under his name, or of an earlier second."""
    (amina,) = given(drill, "amina")
    opened_by_hand(drill, Words((amina,)))
    refused(drill)
    for number, made_up in enumerate(
        (replace(amina, officer="chand"), amina, replace(amina, at=amina.at - timedelta(seconds=1)))
    ):
        forged = replace(load_campaign(drill.desk, campaign().id), words=Words((amina, made_up)))
        drill.books.commit(Write(f"again {number}", "x", "x", drill.now, (), (forged.record,)))
        refused(drill)


def test_two_officers_of_one_role_are_not_two_roles(drill: PayoutDrill) -> None:
    """Both sign genuinely; the rule asks for one of each."""
    opened_by_hand(drill, Words(given(drill, "amina", "bilal")))
    refused(drill)


def test_what_officers_approved_stays_open(drill: PayoutDrill) -> None:
    """However long ago it was, and whoever wrote it down."""
    opened_by_hand(drill, Words(given(drill, "amina", "chand")))
    drill.now += timedelta(days=300)
    assert load_open_campaign(drill.desk, campaign().id).state == OPEN
    drill.prepared(campaign(), ONE)
