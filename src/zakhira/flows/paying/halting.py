"""What is off before a part goes out: the fund, the backing, reconciliation. Everything at once, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import campaign_so_far, payouts_of, taken_by
from zakhira.flows.paying.payout_record import load_batch
from zakhira.flows.paying.preparing import Prepared
from zakhira.kernel.money import Amount
from zakhira.settlement.payouts.entries import row_entry_id


def halts_of(desk: PayoutDesk, prepared: Prepared) -> tuple[str, ...]:
    """Why no part of this payout may go out now; nothing if all is well."""
    return (
        *_fund_halts(desk, prepared),
        *_backing_halts(desk, prepared),
        *desk.halts(desk.books, prepared.payout.proposer),
    )


def _fund_halts(desk: PayoutDesk, prepared: Prepared) -> Iterator[str]:
    """The fund must hold the budget less what every row that is out took from it, to the least unit."""
    campaign = prepared.campaign
    state = desk.ledger.account(campaign.fund)
    if state is None:
        yield f"the fund {campaign.fund} is not there."
        return
    if state.is_frozen:
        yield f"the fund {campaign.fund} is frozen."
    others = campaign_so_far(desk, campaign, prepared.payout.id).taken
    taken = others + taken_by(prepared.batch, prepared.payout)
    held, wanted = -state.balance, campaign.budget - Amount(taken, campaign.asset)
    if held != wanted:
        wanted += Amount(_taken_back(desk, campaign.id), campaign.asset)
    if held != wanted:
        yield f"the fund {campaign.fund} holds {held}, and must hold {wanted} after what its payouts took."


def _taken_back(desk: PayoutDesk, campaign_id: str) -> int:
    """Units of rows that are out and whose entries officers have reversed; asked only where the fund looks wrong."""
    units = 0
    for payout in payouts_of(desk, campaign_id):
        for row in load_batch(desk, payout.id).rows[: payout.released]:
            posted = desk.ledger.entry(row_entry_id(payout.id, row.payee))
            if posted is not None and posted.reversed_by and row.payee not in payout.rejected:
                units += row.takes.units
    return units


def _backing_halts(desk: PayoutDesk, prepared: Prepared) -> Iterator[str]:
    backing = desk.ledger.backing(prepared.campaign.asset)
    if backing is None:
        return
    if backing.is_halted:
        yield f"credits in {backing.commodity.unit} are halted: claims were above what stands behind them."
    if backing.deficit:
        yield f"claims are {Amount(backing.deficit, backing.commodity)} above what stands behind them."
