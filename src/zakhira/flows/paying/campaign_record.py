"""A campaign as the books keep it: its terms, who put it forward, what officers said, and whether it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.matter import Matter, Words, require_signed, was_approved, words_json, words_of
from zakhira.flows.paying.refusals import CampaignNotOpen, PayoutForged, UnknownCampaign
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.settlement.payouts.campaign import Campaign, campaign_json, campaign_of

CAMPAIGN = "campaign"
"""Kind of the records of campaigns; the id is the campaign's. The database keeps its limits by them (migration 12)."""
PROPOSED, OPEN, REFUSED = "proposed", "open", "refused"
CAMPAIGN_ACTION = "policy-change"
"""What a campaign is to the policy: it says who can be paid how much from now on, as a rule does."""


@dataclass(frozen=True)
class CampaignRecord:
    """A campaign with its state."""

    campaign: Campaign
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    signature: str = ""
    state: str = PROPOSED
    words: Words = field(default_factory=Words)

    @property
    def hash(self) -> str:
        """What officers sign."""
        return content_hash(
            {
                "campaign": campaign_json(self.campaign),
                "proposed_by": self.proposer,
                "proposed_at": utc_text(self.proposed_at),
                "expires_at": utc_text(self.expires_at),
            }
        )

    @property
    def matter(self) -> Matter:
        """What the policy is asked."""
        return Matter(
            CAMPAIGN_ACTION,
            f"campaign {self.campaign.id}",
            self.hash,
            self.proposer,
            self.proposed_at,
            self.expires_at,
            self.signature,
        )

    @property
    def record(self) -> Record:
        """The record of this state."""
        body: Json = {
            **campaign_json(self.campaign),
            "fund": self.campaign.fund,
            "proposed_by": self.proposer,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
            "signature": self.signature,
            "state": self.state,
            "words": words_json(self.words),
        }
        return Record(CAMPAIGN, self.campaign.id, body)


def campaign_record_of(told: Mapping[str, Json], earlier: tuple[Json, ...] = ()) -> CampaignRecord:
    """The state that :attr:`CampaignRecord.record` wrote."""
    found = CampaignRecord(
        campaign=campaign_of(told),
        proposer=str(told["proposed_by"]),
        proposed_at=parse_utc(str(told["proposed_at"])),
        expires_at=parse_utc(str(told["expires_at"])),
        signature=str(told["signature"]),
        state=str(told["state"]),
    )
    words = words_of(told["words"], found.hash, (cast("Mapping[str, Json]", body)["words"] for body in earlier))
    return CampaignRecord(
        found.campaign, found.proposer, found.proposed_at, found.expires_at, found.signature, found.state, words
    )


def load_campaign(desk: PayoutDesk, campaign_id: str) -> CampaignRecord:
    """A campaign, its terms held against their proposer's signature; raises UnknownCampaign, PayoutForged."""
    versions = desk.books.versions(CAMPAIGN, campaign_id)
    if not versions:
        raise UnknownCampaign(
            f"There is no campaign {campaign_id!r}.", "See which there are: zakhira payout status DIR"
        )
    found = campaign_record_of(cast("Mapping[str, Json]", versions[-1]), versions[:-1])
    require_signed(desk, found.matter)
    return found


def load_open_campaign(desk: PayoutDesk, campaign_id: str) -> CampaignRecord:
    """A campaign that pays: it says that it is open, and its approvals are held against the policy of their moment.

    Raises:
        CampaignNotOpen: officers have not approved it, or refused it.
        PayoutForged: it says that it is open, and the officers' signatures do not say so.
        what :func:`load_campaign` tells.
    """
    found = load_campaign(desk, campaign_id)
    if found.state != OPEN:
        raise CampaignNotOpen(
            f"Campaign {campaign_id} is {found.state}.",
            f"Let officers approve it: zakhira payout approve DIR {campaign_id} --key FILE",
        )
    if not was_approved(desk, found.matter, found.words):
        raise PayoutForged(
            f"Campaign {campaign_id} is open in the books, and officers did not approve it.",
            "Pay nothing. Somebody has written to the database: find out who, and restore a backup.",
        )
    return found
