"""What a campaign and its payouts come to in the ledger: a fund is filled, and each row takes from it once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec
from zakhira.settlement.payouts.batch import PayoutRow
from zakhira.settlement.payouts.campaign import Campaign, Way


def participant_account(payee: str, commodity: str) -> str:
    """Code of a participant's account in a commodity."""
    return f"liabilities:participants:{payee}:{commodity}"


def campaign_accounts(campaign: Campaign) -> tuple[AccountSpec, ...]:
    """The accounts that a campaign needs: a fund is a liability, whose floor is 0 and whose ceiling is the budget."""
    asset = campaign.asset.value
    fund = AccountSpec(campaign.fund, asset, "liability", ceiling=campaign.budget)
    cost = AccountSpec(campaign.cost, asset, "expense")
    if campaign.way is Way.COIN:
        return fund, cost
    tax = AccountSpec(campaign.tax, asset, "liability")
    ordered = (AccountSpec(campaign.ordered, asset, "liability"),) if campaign.way is Way.BANK else ()
    return fund, cost, tax, *ordered


def funding_entry(campaign: Campaign, at: datetime) -> Entry:
    """The fund is filled with the whole budget: from then on it is owed."""
    postings = (Posting(campaign.cost, campaign.budget), Posting(campaign.fund, -campaign.budget))
    what = f"Campaign {campaign.id} is funded: {campaign.title}"
    return Entry(derive_id("entry", "campaign", campaign.id), at, what, f"campaign {campaign.id}", postings)


def credited_account(campaign: Campaign, payee: str) -> str:
    """Where a row's amount goes: the payee's account, what a bank is to pay, or back to the cost of a spend's own."""
    if campaign.way is Way.ACCOUNTS:
        return participant_account(payee, campaign.asset.value)
    return campaign.ordered if campaign.way is Way.BANK else campaign.cost


def row_entry_id(payout_id: str, payee: str) -> str:
    """The one id that the entry of a payee in a payout can have: the books take no id twice."""
    return derive_id("entry", "payout", payout_id, payee)


def row_entries(campaign: Campaign, payout_id: str, rows: Sequence[PayoutRow], at: datetime) -> tuple[Entry, ...]:
    """An entry for each row: the fund owes less, the payee (and the tax office) is owed more."""
    found = []
    for row in rows:
        postings = [Posting(campaign.fund, row.takes), Posting(credited_account(campaign, row.payee), -row.amount)]
        if row.tax is not None:
            postings.append(Posting(campaign.tax, -row.tax))
        narration = f"{row.reason}: payout {payout_id} to {row.payee}"
        entry_id = row_entry_id(payout_id, row.payee)
        found.append(Entry(entry_id, at, narration, f"payout {payout_id}", tuple(postings)))
    return tuple(found)
