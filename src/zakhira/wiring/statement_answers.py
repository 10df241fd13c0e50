"""Statements of accounts as a person, a machine, a sheet and a plot have them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta

from zakhira.cli.answer import Answer, Table
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount
from zakhira.ledger.chart import CREDIT_KINDS
from zakhira.ledger.periods import Period, midnight
from zakhira.ledger.statement import AccountStatement
from zakhira.reports.plot_spec import Layer, LinePlot, Role
from zakhira.wiring.amount_text import counted
from zakhira.wiring.ledger_answers import amount_facts, short, written


def statement_facts(one: AccountStatement) -> dict[str, Json]:
    """A statement for a machine; amounts in the natural sign."""
    return {
        "account": one.account,
        "kind": one.kind,
        "opening": amount_facts(one.opening),
        "closing": amount_facts(one.closing),
        "debits": amount_facts(one.debits),
        "credits": amount_facts(one.credits),
        "movements": [
            {
                "entry": item.entry,
                "at": exact_utc_text(item.at),
                "narration": item.narration,
                "evidence": item.evidence,
                "amount": amount_facts(item.amount),
                "balance": amount_facts(item.balance),
            }
            for item in one.movements
        ],
    }


def statement_table(one: AccountStatement) -> Table:
    """Opening, movements and closing; amounts in the natural sign."""
    moved = tuple(
        (
            item.at.date().isoformat(),
            short(item.narration),
            short(item.evidence),
            written(item.amount),
            written(item.balance),
        )
        for item in one.movements
    )
    rows = (("", "opening", "", "", written(one.opening)), *moved, ("", "closing", "", "", written(one.closing)))
    return Table(one.account, ("day", "what", "evidence", "amount", "balance"), rows, right=(3, 4))


def statement_answer(statements: Sequence[AccountStatement], period: Period, whose: str) -> Answer:
    """Statements over a period."""
    count = sum(len(one.movements) for one in statements)
    sentence = f"{whose} from {period.first} to {period.last}: {counted(count, 'movement')}."
    facts: dict[str, Json] = {
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "accounts": [statement_facts(one) for one in statements],
    }
    return Answer(tuple(statement_table(one) for one in statements), facts, sentence)


_CSV = ("account", "day", "entry", "narration", "evidence", "amount", "balance")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def statement_csv(statements: Sequence[AccountStatement]) -> bytes:
    """Every line of the statements as CSV in UTF-8; amounts with their unit, and no text that a sheet would compute."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV)
    for one in statements:
        writer.writerow((one.account, "", "", "opening", "", "", str(one.opening)))
        for item in one.movements:
            words = (_plain(item.entry), _plain(item.narration), _plain(item.evidence))
            writer.writerow((one.account, item.at.date(), *words, str(item.amount), str(item.balance)))
        writer.writerow((one.account, "", "", "closing", "", "", str(one.closing)))
    return out.getvalue().encode()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def balance_plot(one: AccountStatement, period: Period) -> LinePlot:
    """The balance at the end of each day of a period, in the written unit."""
    days = [period.first + timedelta(days=number) for number in range((period.last - period.first).days + 1)]
    scale = 10.0**one.commodity.decimals
    values = tuple(_at_end_of(one, day).units / scale for day in days)
    told = f"from {written(one.opening)} to {written(one.closing)}"
    return LinePlot(
        id="balance",
        title=f"{one.account}: {told}",
        description=f"Balance of {one.account} at the end of each day from {period.first} to {period.last}, {told}.",
        x_name=f"day of {period.first:%B %Y}" if _is_a_month(period) else "day",
        x_labels=tuple(str(day.day) if _is_a_month(period) else day.isoformat() for day in days),
        unit=one.commodity.unit,
        y_name="balance",
        lines=(Layer(one.account, Role.CLAIMS if one.kind in CREDIT_KINDS else Role.MONEY, values),),
        stepped=True,
    )


def _is_a_month(period: Period) -> bool:
    return (period.first.year, period.first.month) == (period.last.year, period.last.month)


def _at_end_of(one: AccountStatement, day: date) -> Amount:
    end = midnight(day + timedelta(days=1))
    return next((item.balance for item in reversed(one.movements) if item.at < end), one.opening)
