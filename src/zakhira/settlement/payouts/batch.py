"""A batch of payouts: rows as they were written, rows as they were understood, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.money import Amount, Commodity


@dataclass(frozen=True)
class WrittenRow:
    """A row of a file: its line, and its texts by column."""

    line: int
    texts: Mapping[str, str]


@dataclass(frozen=True)
class PayoutRow:
    """What one payee gets. ``amount`` is what arrives; ``tax`` was withheld from ``gross`` on the way, or is None."""

    line: int
    payee: str
    amount: Amount
    reason: str
    written: str
    """the amount as it stands in the file"""
    tax: Amount | None = None
    name: str = ""
    account: str = ""
    bank: str = ""

    @property
    def takes(self) -> Amount:
        """What leaves the fund: what arrives and the tax."""
        return self.amount if self.tax is None else self.amount + self.tax


@dataclass(frozen=True)
class Batch:
    """Rows of one commodity, each payee once. ``source`` names the document that it was made from."""

    rows: tuple[PayoutRow, ...]

    @property
    def total(self) -> Amount:
        """What leaves the fund, taxes included; raises MixedCommodities."""
        first, *rest = (row.takes for row in self.rows)
        return sum(rest, start=first)

    @property
    def tax(self) -> Amount:
        """What is withheld of it."""
        none = Amount(0, self.rows[0].amount.commodity)
        return sum((row.tax for row in self.rows if row.tax is not None), start=none)

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes of all rows, in hex."""
        return content_hash(rows_json(self.rows))


def rows_json(rows: Sequence[PayoutRow]) -> list[Json]:
    """Rows as plain data; units as text, as a JSON number holds only 53 bits for sure."""
    return [
        {
            "line": row.line,
            "payee": row.payee,
            "commodity": row.amount.commodity.value,
            "units": str(row.amount.units),
            "tax_units": str(row.tax.units) if row.tax else "0",
            "reason": row.reason,
            "written": row.written,
            "name": row.name,
            "account": row.account,
            "bank": row.bank,
        }
        for row in rows
    ]


def rows_of(told: Json) -> tuple[PayoutRow, ...]:
    """The rows that :func:`rows_json` wrote."""
    found = []
    for item in cast("list[Mapping[str, Json]]", told):
        commodity, tax = Commodity(item["commodity"]), int(str(item["tax_units"]))
        found.append(
            PayoutRow(
                line=cast("int", item["line"]),
                payee=str(item["payee"]),
                amount=Amount(int(str(item["units"])), commodity),
                reason=str(item["reason"]),
                written=str(item["written"]),
                tax=Amount(tax, commodity) if tax else None,
                name=str(item["name"]),
                account=str(item["account"]),
                bank=str(item["bank"]),
            )
        )
    return tuple(found)
