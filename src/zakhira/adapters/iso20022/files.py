"""The files of a bank behind the port of the use cases."""

from __future__ import annotations

from zakhira.adapters.iso20022.order import write_bank_order
from zakhira.adapters.iso20022.statement import read_statements
from zakhira.adapters.iso20022.status import read_bank_status
from zakhira.flows.ports.bank import BankOrder, BankStatement, BankStatusReport


class Iso20022Files:
    """Implements ``flows.ports.bank.BankFiles``: pain.001.001.09 out, pain.002 and camt.053 in."""

    def write_bank_order(self, order: BankOrder) -> bytes:
        """The order as pain.001.001.09, valid against its schema."""
        return write_bank_order(order)

    def read_bank_status(self, name: str, content: bytes) -> tuple[BankStatusReport, ...]:
        """The bank's answer in a pain.002."""
        return read_bank_status(name, content)

    def read_statements(self, name: str, content: bytes) -> tuple[BankStatement, ...]:
        """The statements of a camt.053."""
        return read_statements(name, content)
