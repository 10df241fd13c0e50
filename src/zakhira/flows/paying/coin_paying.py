"""Parts that are paid in coin: a proposal of the treasury for each, with the payees as its destinations."""

from __future__ import annotations

from zakhira.flows.paying.approving import load_prepared
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import listed_addresses
from zakhira.flows.paying.refusals import NotThisWay
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder, SpendOrder
from zakhira.flows.spending.proposing import Batches, propose_batches
from zakhira.flows.treasury import Treasury
from zakhira.settlement.payouts.campaign import Way


def propose_spends(
    desk: PayoutDesk, treasury: Treasury, payout_id: str, officer: OfficerKey, ceilings: FeeCeilings, wish: FeeWish
) -> tuple[Batches, ...]:
    """Propose the spends of every part that is out, ``ID-PART-001`` and so on; those that are there are given again.

    Their approvals are their own: a payout that was approved is no spend that is.

    Raises:
        NotThisWay: the campaign does not pay in coin.
        NotProposer, NotEnoughCoins and others: see :func:`zakhira.flows.spending.proposing.propose_batches`.
    """
    prepared, _ = load_prepared(desk, payout_id)
    campaign, addresses = prepared.campaign, listed_addresses(desk)
    if campaign.way is not Way.COIN:
        raise NotThisWay(f"Campaign {campaign.id} pays by {campaign.way.value}.", "No coin is spent for it.")
    found = []
    for part in prepared.payout.parts:
        if part.end > prepared.payout.released:
            break
        rows = prepared.batch.rows[part.start : part.end]
        order = SpendOrder(
            id=f"{payout_id}-{part.number}",
            from_vault=campaign.vault,
            payments=tuple(PaymentOrder(row.amount, addresses[row.payee]) for row in rows),
            purpose=campaign.purpose,
            clause=campaign.clause,
            ceilings=ceilings,
        )
        found.append(propose_batches(treasury, order, officer, wish))
    return tuple(found)
