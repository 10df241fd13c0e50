"""The spends of a reserve as cases: what was proposed in the last days, by whom, and who approved and executed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from zakhira.controls.analysis.cases import Case
from zakhira.controls.engine.question import Destination
from zakhira.controls.spend_action import spend_action
from zakhira.controls.spend_state import SpendState
from zakhira.flows.coin_papers import vault_account
from zakhira.flows.spending.spend import TREASURY_SPEND, TreasurySpend, spend_of
from zakhira.kernel.money import sats
from zakhira.wiring.reserve_desk import Archive

_LEFT = (SpendState.CONFIRMED, SpendState.BROADCAST)


def spend_cases(archive: Archive, days: int) -> list[Case]:
    """Spends that were proposed in the last ``days``, in order of time.

    A vault's balance at the time is what the books say now with what left it since, without what came in since. Lots
    are left out: statutes about them need the node.
    """
    since = archive.clock() - timedelta(days=days)
    spends = [spend_of(body) for body in archive.books.records(TREASURY_SPEND).values()]
    recent = sorted(
        (spend for spend in spends if spend.instruction.proposed_at >= since),
        key=lambda spend: (spend.instruction.proposed_at, spend.id),
    )
    balances = {name: amount.units for name, amount in archive.books.balances().items()}
    return [_case(spend, _held(spend, recent, balances)) for spend in recent]


def _held(spend: TreasurySpend, recent: list[TreasurySpend], balances: dict[str, int]) -> int:
    vault = spend.instruction.from_vault
    later = (
        other.paid_sats
        for other in recent
        if other.instruction.from_vault == vault
        and other.instruction.proposed_at >= spend.instruction.proposed_at
        and other.state in _LEFT
    )
    return balances.get(vault_account(vault), 0) + sum(later)


def _case(spend: TreasurySpend, held_sats: int) -> Case:
    instruction = spend.instruction
    own = {place.address: place.vault for place in spend.places}
    places = tuple(
        Destination(payment.address, sats(payment.amount_sats), own.get(payment.address, ""))
        for payment in instruction.payments
    )
    return Case(
        id=spend.id,
        action=spend_action(instruction.from_vault, instruction.replaces, [place.vault for place in places]),
        proposer=instruction.proposed_by,
        proposed_at=instruction.proposed_at,
        amount=sats(spend.paid_sats),
        vault=instruction.from_vault,
        path=instruction.path,
        destinations=places,
        purpose=instruction.purpose,
        approvers=tuple(dict.fromkeys(approval.officer for approval in spend.approvals)),
        approved_at=max(_approved(spend), default=None),
        executor=spend.execution.officer if spend.execution else "",
        executed_at=spend.execution.at if spend.execution else None,
        fee_sats=instruction.fee_limit_sats,
        balance=sats(held_sats),
    )


def _approved(spend: TreasurySpend) -> Iterator[datetime]:
    for approval in spend.approvals:
        yield approval.at
