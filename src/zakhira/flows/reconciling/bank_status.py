"""A bank's answers held against what was ordered: the state of every transfer, and what the bank made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zakhira.flows.ports.bank import BankOrder, BankStatus, BankStatusReport, TransferState
from zakhira.kernel.errors import InvalidInput


class OtherOrder(InvalidInput):
    """A bank's answer is about another order than the one that it is held against."""

    code = "ZK-FLOWS-170"


@dataclass(frozen=True)
class OrderStatus:
    """What became of an order. ``transfers`` has one for each that was ordered, in its order.

    One that the bank has said nothing of is pending with an empty code.
    """

    transfers: tuple[BankStatus, ...]
    foreign: tuple[str, ...]
    """end-to-end ids that the bank answers and nobody ordered"""
    changed: tuple[str, ...]
    """end-to-end ids of which the bank understood another amount"""

    def of_state(self, state: TransferState) -> tuple[BankStatus, ...]:
        """The transfers of a state."""
        return tuple(item for item in self.transfers if item.state is state)

    @property
    def agrees(self) -> bool:
        """Whether the bank answers what was ordered, and nothing else."""
        return not self.foreign and not self.changed


def order_status(order: BankOrder, reports: Iterable[BankStatusReport]) -> OrderStatus:
    """What a bank's answers, in the order of their time, say of each transfer; a later answer takes a former's place.

    Raises:
        OtherOrder: an answer names another order.
    """
    told: dict[str, BankStatus] = {}
    ordered = {transfer.end_to_end_id: transfer for transfer in order.transfers}
    foreign: dict[str, None] = {}
    for report in sorted(reports, key=lambda report: report.created_at):
        if report.order_id != order.message_id:
            raise OtherOrder(
                f"The answer {report.id} is about {report.order_id!r}, not {order.message_id!r}.",
                "Give the answer to this order.",
            )
        if report.state is not None:
            told |= {name: BankStatus(name, report.state, report.code, report.reason) for name in ordered}
        told |= {status.end_to_end_id: status for status in report.transfers}
        foreign |= {status.end_to_end_id: None for status in report.transfers if status.end_to_end_id not in ordered}
    changed = tuple(
        name for name, transfer in ordered.items() if name in told and told[name].amount not in {None, transfer.amount}
    )
    states = tuple(told.get(name, BankStatus(name, TransferState.PENDING, "")) for name in ordered)
    return OrderStatus(states, tuple(foreign), changed)
