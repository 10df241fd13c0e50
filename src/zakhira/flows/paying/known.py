"""What the books know of payees and of a campaign's payouts so far: what a batch is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from zakhira.controls.engine.rule_fit import plain_address, usable_from
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.payout_record import PAYOUT, PayoutRecord, load_batch, payout_of
from zakhira.kernel.canonical import Json
from zakhira.settlement.payouts.batch import Batch
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.checks import FEWEST_ACCOUNT_DIGITS, Known, plain_account
from zakhira.settlement.payouts.entries import participant_account
from zakhira.settlement.payouts.state import PayoutState

PARTICIPANT = "participant"
"""Kind of the records of participants; the id is the participant's."""


@dataclass(frozen=True)
class CampaignSoFar:
    """What the payouts of a campaign come to, in least units."""

    promised: Mapping[str, int]
    """what each payee has got, or is to get from payouts that can still go out"""
    promised_total: int
    taken: int
    """what has left the fund"""
    history: Sequence[int]
    """single amounts that went out"""
    accounts: Mapping[str, str]
    """where each payee was paid, or is to be paid, by a bank: the last account"""


def payouts_of(desk: PayoutDesk, campaign_id: str) -> Iterator[PayoutRecord]:
    """The payouts of a campaign, in the order in which they were prepared; their signatures are not looked at."""
    for body in desk.books.records(PAYOUT).values():
        told = cast("Mapping[str, Json]", body)
        if told["campaign"] == campaign_id:
            yield payout_of(told)


def campaign_so_far(desk: PayoutDesk, campaign: Campaign, but: str = "") -> CampaignSoFar:
    """What a campaign has paid and promised, without the payout ``but``."""
    promised: Counter[str] = Counter()
    total, taken, history = 0, 0, []
    accounts: dict[str, str] = {}
    for payout in payouts_of(desk, campaign.id):
        if payout.id == but:
            continue
        batch = load_batch(desk, payout.id)
        can_go_out = payout.state is not PayoutState.REFUSED and desk.now < payout.expires_at
        for number, row in enumerate(batch.rows):
            is_out = number < payout.released and row.payee not in payout.rejected
            if is_out:
                taken += row.takes.units
                history.append(row.amount.units)
            if is_out or (can_go_out and number >= payout.released):
                promised[row.payee] += row.amount.units
                total += row.takes.units
                accounts[row.payee] = plain_account(row.account)
    return CampaignSoFar(promised, total, taken, history, accounts)


def taken_by(batch: Batch, payout: PayoutRecord) -> int:
    """What a payout has taken from its fund, in least units."""
    return sum(
        row.takes.units
        for number, row in enumerate(batch.rows)
        if number < payout.released and row.payee not in payout.rejected
    )


def known_of(desk: PayoutDesk, campaign: Campaign, payees: Sequence[str], at: datetime, but: str = "") -> Known:
    """What a batch for these payees is held against at ``at`` (UTC)."""
    so_far = campaign_so_far(desk, campaign, but)
    found = _listed(desk, at) if campaign.way is Way.COIN else _participants(desk, campaign, payees)
    accounts = so_far.accounts
    if campaign.way is Way.COIN:
        accounts = {payee: plain_account(found[payee][0]) for payee in so_far.promised if payee in found}
    return Known(found, so_far.promised, so_far.promised_total, so_far.history, accounts)


def _listed(desk: PayoutDesk, at: datetime) -> Mapping[str, tuple[str, ...]]:
    """Payees of the policy's list whose delay is over."""
    policy = desk.in_force.version.policy
    return {payee.id: (payee.address,) for payee in policy.payees if usable_from(policy, payee) <= at}


def listed_addresses(desk: PayoutDesk) -> Mapping[str, str]:
    """The addresses of the policy's payees by id, in the one spelling that is kept."""
    return {payee.id: plain_address(payee.address) for payee in desk.in_force.version.policy.payees}


def _participants(desk: PayoutDesk, campaign: Campaign, payees: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Those who are participants, and have the account where one is credited, each with the numbers that name them."""
    wanted = sorted(set(payees))
    bodies = desk.books.bodies(PARTICIPANT, wanted)
    if campaign.way is Way.ACCOUNTS:
        asset = campaign.asset.value
        there = desk.ledger.balances_at([participant_account(payee, asset) for payee in wanted])
        bodies = {payee: body for payee, body in bodies.items() if participant_account(payee, asset) in there}
    return {payee: (payee, *_numbers(body)) for payee, body in bodies.items()}


def _numbers(body: Json) -> Iterator[str]:
    """Texts in a record that are numbers of some length: an account, a telephone, an identity card."""
    if isinstance(body, str):
        if sum(map(str.isdigit, body)) >= FEWEST_ACCOUNT_DIGITS:
            yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _numbers(value)
    elif isinstance(body, list):
        for value in body:
            yield from _numbers(value)
