"""A batch is checked whole and put forward, or nothing is written and every fault is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.decision import Verdict
from zakhira.controls.engine.question import Stage
from zakhira.flows.paying.bank_order import untaken
from zakhira.flows.paying.campaign_record import CAMPAIGN, load_open_campaign
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import known_of, listed_addresses
from zakhira.flows.paying.matter import Words, ask, not_allowed
from zakhira.flows.paying.payout_record import PAYOUT, PayoutRecord, load_payout, rows_record
from zakhira.flows.paying.refusals import BadPayoutOrder, PayoutTaken
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.kernel.errors import Faults
from zakhira.settlement.payouts.batch import Batch, WrittenRow
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.checks import Checked, check_written

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_ID_CHARACTERS = 28
"""With the number of a part it is a bank's message id of 35 characters (ISO 20022, Max35Text)."""
MOST_SOURCE_CHARACTERS = 200


@dataclass(frozen=True)
class PayoutOrder:
    """A batch as it is brought: its rows, the file that they stand in, and the document that the file was made from."""

    id: str
    campaign: str
    source: str
    rows: tuple[WrittenRow, ...]
    file: str


@dataclass(frozen=True)
class Prepared:
    """A payout that is put forward, with its rows and its campaign."""

    payout: PayoutRecord
    batch: Batch
    campaign: Campaign


def check_batch(desk: PayoutDesk, campaign_id: str, rows: Sequence[WrittenRow], file: str, but: str = "") -> Checked:
    """Hold a file's rows against an open campaign; nothing is written. Raises UnknownCampaign, CampaignNotOpen."""
    campaign = load_open_campaign(desk, campaign_id).campaign
    payees = [row.texts.get("payee", "").strip() for row in rows]
    checked = check_written(campaign, known_of(desk, campaign, payees, desk.now, but), rows, file)
    if checked.batch is None or campaign.way is not Way.BANK or desk.bank is None:
        return checked
    faults = tuple(untaken(desk.bank, campaign, checked.batch.rows, desk.now, file))
    return Checked(None, faults) if faults else checked


def prepare(desk: PayoutDesk, order: PayoutOrder, officer: OfficerKey) -> Prepared:
    """Check a batch and put it forward, signed; the same batch under the same id gives what is there.

    Raises:
        Faults: everything that is wrong with the batch; nothing is written.
        BadPayoutOrder: the id or the source document.
        PayoutTaken: the id stands for another batch.
        PayoutNotAllowed: the policy lets no such payout be put forward, or not by this officer.
    """
    step = begin_step(desk)
    require_names(order.id, order.source)
    if desk.books.latest(CAMPAIGN, order.id) is not None:
        raise BadPayoutOrder(f"{order.id!r} is the id of a campaign.", "Give the payout an id of its own.")
    campaign = load_open_campaign(desk, order.campaign)
    checked = check_batch(desk, order.campaign, order.rows, order.file, order.id)
    if checked.batch is None:
        raise Faults(checked.faults)
    batch = checked.batch
    if desk.books.latest(PAYOUT, order.id) is not None:
        there, rows = load_payout(desk, order.id)
        if (there.campaign, there.source, rows) != (order.campaign, order.source.strip(), batch):
            raise PayoutTaken(f"Payout {order.id} is another batch.", "Give each payout an id of its own.")
        return Prepared(there, rows, campaign.campaign)
    made = PayoutRecord(
        id=order.id,
        campaign=order.campaign,
        campaign_hash=campaign.campaign.hash,
        batch_hash=batch.hash,
        rows=len(batch.rows),
        total=batch.total,
        tax=batch.tax,
        source=order.source.strip(),
        proposer=officer.officer,
        proposed_at=step.at,
        expires_at=step.at + timedelta(hours=desk.in_force.version.policy.approval_hours),
    )
    made = replace(made, signature=officer.sign(PROPOSAL_DOMAIN, made.hash))
    matter = made.matter(campaign.campaign, batch, listed_addresses(desk))
    decision = ask(desk, matter, Words(), step.at, Stage.PROPOSE)
    if decision.verdict is Verdict.REFUSED:
        raise not_allowed(matter, decision)
    records = (made.record, rows_record(made.id, campaign.campaign, batch))
    commit_step(desk, step, officer.officer, f"payout prepared: {made.id}", (), records)
    return Prepared(made, batch, campaign.campaign)


def require_names(payout_id: str, source: str) -> None:
    """Refuse an id or a source document that has no form; raises BadPayoutOrder."""
    if _ID.fullmatch(payout_id) is None or len(payout_id) > MOST_ID_CHARACTERS:
        raise BadPayoutOrder(
            f"{payout_id!r} is no id of up to {MOST_ID_CHARACTERS} small letters, digits and hyphens.",
            "Write it like 'stipend-2026-03'.",
        )
    if not source.strip() or not source.isprintable() or len(source) > MOST_SOURCE_CHARACTERS:
        raise BadPayoutOrder(
            f"{source[:40]!r} names no source document in up to {MOST_SOURCE_CHARACTERS} characters.",
            "Say where total and unit stand, like 'minute 14/2026'.",
        )
