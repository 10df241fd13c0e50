"""What stands behind the claims in coin, as a line, facts and, where there is a deficit, a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.cli.answer import Answer, Table
from zakhira.flows.ports.backing_store import Deficit
from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Commodity
from zakhira.wiring.amount_text import btc_text

_DEFICITS = 5
"""Of the last deficits so many are shown."""


def with_backing(answer: Answer, books: PostgresBooks) -> Answer:
    """The answer, and what stands behind the claims at its end; the deficits where credits are halted."""
    store = PostgresBacking(books)
    backing = store.backing(Commodity.BTC)
    if backing is None:
        return answer
    deficits = store.deficits(_DEFICITS) if backing.is_halted or backing.deficit else ()
    tables = (*_deficit_table(backing, deficits), *answer.tables)
    facts: dict[str, Json] = {**answer.facts, "backing": backing_facts(backing, deficits)}
    return replace(answer, tables=tables, facts=facts, sentence=f"{answer.sentence} {backing_sentence(backing)}")


def backing_sentence(backing: Backing) -> str:
    """One line: what is owed, and what stands behind it."""
    owed, free = backing.demand + backing.term, backing.available
    text = f"Claims of {btc_text(owed)} BTC, {btc_text(free)} BTC stand behind them"
    if backing.held:
        text += f", {btc_text(backing.available_on_demand)} BTC of these free of holds"
    if backing.deficit:
        return f"{text}: A DEFICIT of {btc_text(backing.deficit)} BTC. Nothing is credited."
    return f"{text}; credits are HALTED since a deficit." if backing.is_halted else f"{text}."


def backing_facts(backing: Backing, deficits: Sequence[Deficit]) -> dict[str, Json]:
    """Every part of the row, in satoshi."""
    return {
        "demand_sats": backing.demand,
        "term_sats": backing.term,
        "proven_sats": backing.proven,
        "own_change_sats": backing.own_change,
        "suspense_sats": backing.suspense,
        "encumbered_sats": backing.encumbered,
        "held_sats": backing.held,
        "outgoing_sats": backing.outgoing,
        "available_sats": backing.available,
        "available_on_demand_sats": backing.available_on_demand,
        "deficit_sats": backing.deficit,
        "is_halted": backing.is_halted,
        "deficits": [
            {
                "number": one.number,
                "at": utc_text(one.at.replace(microsecond=0)),
                "write": one.write,
                "claims_sats": one.claims,
                "available_sats": one.available,
                "by_sats": one.by,
            }
            for one in deficits
        ],
    }


def _deficit_table(backing: Backing, deficits: Sequence[Deficit]) -> tuple[Table, ...]:
    if not deficits:
        return ()
    rows = tuple(
        (
            str(one.number),
            utc_text(one.at.replace(microsecond=0)),
            btc_text(one.claims),
            btc_text(one.available),
            btc_text(one.by) if one.by else "covered again",
        )
        for one in deficits
    )
    note = (
        "Nothing is credited to claims from outside them. Find the coins first."
        if backing.deficit
        else "The coins are back. When officers know why they were gone: zakhira reserve resume DIR"
    )
    columns = ("deficit", "found at", "claims\nBTC", "behind them\nBTC", "missing\nBTC")
    title = "CLAIMS ABOVE COINS" if backing.deficit else "Credits are halted"
    return (Table(title, columns, rows, right=(2, 3, 4), notes=(note,)),)
