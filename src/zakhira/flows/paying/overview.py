"""What there is of campaigns, payouts and stops, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from zakhira.flows.paying.campaign_record import CAMPAIGN, CampaignRecord, campaign_record_of
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import payouts_of
from zakhira.flows.paying.payout_record import PayoutRecord
from zakhira.flows.paying.stopping import PAYOUT_STOP, PayoutStop, stop_of
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount


@dataclass(frozen=True)
class CampaignLine:
    """A campaign, what is left in its fund (None before it is open), and its payouts."""

    campaign: CampaignRecord
    held: Amount | None
    payouts: tuple[PayoutRecord, ...]


def campaign_lines(desk: PayoutDesk) -> Iterator[CampaignLine]:
    """Every campaign, in the order in which they were put forward."""
    for body in desk.books.records(CAMPAIGN).values():
        record = campaign_record_of(cast("Mapping[str, Json]", body))
        state = desk.ledger.account(record.campaign.fund)
        held = None if state is None else -state.balance
        yield CampaignLine(record, held, tuple(payouts_of(desk, record.campaign.id)))


def standing_stops(desk: PayoutDesk) -> tuple[PayoutStop, ...]:
    """The stops that stand."""
    found = (stop_of(desk, of) for of in desk.books.records(PAYOUT_STOP))
    return tuple(stop for stop in found if stop is not None)
