"""Statements of a bank taken into the books: each once, whole files or nothing, and what is missing between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import cast

from zakhira.flows.ports.bank import BankStatement
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.reconciling.bank_records import BANK_STATEMENT, statement_id, statement_json, statement_of
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.programme.reconciliation import BankAccountSpec


class UnknownBankAccount(InvalidInput):
    """A statement is of an account that the programme does not name."""

    code = "ZK-FLOWS-171"


class StatementDiffers(Refused):
    """A statement was imported before under the same id, with other content."""

    code = "ZK-FLOWS-172"


class OtherMoney(InvalidInput):
    """A statement is in another currency than the account of the ledger that stands for its account."""

    code = "ZK-FLOWS-173"


@dataclass(frozen=True)
class Imported:
    """What a file came to: statements that are new, and those that had been imported before, word for word."""

    new: tuple[BankStatement, ...]
    known: tuple[BankStatement, ...]
    notes: tuple[str, ...]
    """gaps and overlaps between the statements of these accounts, in sentences"""


def import_statements(
    books: Books,
    accounts: Sequence[BankAccountSpec],
    commodities: Mapping[str, str],
    statements: Sequence[BankStatement],
    file_hash: str,
    actor: str,
    at: datetime,
) -> Imported:
    """Take the statements of one file in, all or none; the same again changes nothing.

    ``commodities`` has what each account of the ledger counts. ``file_hash`` (SHA-256 of the bytes) is kept with each.

    Raises:
        UnknownBankAccount, OtherMoney: a statement is of no account of the programme, or in other money.
        StatementDiffers: one was imported before and said something else.
    """
    new, known = list[BankStatement](), list[BankStatement]()
    for statement in statements:
        _require_ours(statement, accounts, commodities)
        before = books.latest(BANK_STATEMENT, statement_id(statement))
        if before is None:
            new.append(statement)
        elif cast("Mapping[str, Json]", before)["statement"] == statement_json(statement):
            known.append(statement)
        else:
            raise _differs(statement)
    if new:
        records = tuple(_record(statement, file_hash) for statement in new)
        key = f"bank statements/{content_hash([record.id for record in records])}"
        try:
            books.commit(Write(key, actor, "import bank statements", at, records=records))
        except KeyReused:  # somebody else imported them meanwhile, and not the same
            raise _differs(new[0]) from None
    numbers = {statement.account for statement in statements}
    there = [item for item in imported_statements(books) if item.account in numbers]
    return Imported(tuple(new), tuple(known), chain_notes(there))


def imported_statements(books: Books) -> tuple[BankStatement, ...]:
    """Every imported statement, by account and time."""
    bodies = books.records(BANK_STATEMENT).values()
    return in_order(statement_of(cast("Mapping[str, Json]", body)["statement"]) for body in bodies)


def in_order(statements: Iterable[BankStatement]) -> tuple[BankStatement, ...]:
    """By account, and each account's as they follow each other in time."""
    return tuple(sorted(statements, key=lambda item: (item.account, item.closed_on, item.opened_on, _place(item))))


def chain_notes(statements: Iterable[BankStatement]) -> tuple[str, ...]:
    """What is amiss between statements that should follow each other, in sentences."""
    notes = []
    for account, found in groupby(in_order(statements), key=lambda item: item.account):
        for before, after in pairwise(found):
            notes += _between(account, before, after)
    return tuple(notes)


def is_overlap(before: BankStatement, after: BankStatement) -> bool:
    """Whether the later statement opens before the earlier one closes, so that an entry may stand in both."""
    return after.opened_on < before.closed_on


def _between(account: str, before: BankStatement, after: BankStatement) -> list[str]:
    pair = f"{before.id} (to {before.closed_on}) and {after.id} (from {after.opened_on}) of {account}"
    numbers = (before.sequence, after.sequence)
    if is_overlap(before, after):
        return [f"Statements {pair} overlap: entries that stand in both count once."]
    if before.closing != after.opening:
        return [f"Between {pair} {after.opening - before.closing} is not told: a statement is missing."]
    if None not in numbers and before.closed_on.year == after.closed_on.year:
        first, second = cast("tuple[int, int]", numbers)
        if second != first + 1:
            return [f"Statements {pair} have the numbers {first} and {second}: one may be missing."]
    return []


def _differs(statement: BankStatement) -> StatementDiffers:
    return StatementDiffers(
        f"Statement {statement.id!r} of {statement.account} was imported before and said something else.",
        "Ask the bank which one holds. What was imported stays; a correction is a further statement.",
    )


def _place(statement: BankStatement) -> tuple[int, datetime, str]:
    return (statement.sequence or 0, statement.created_at, statement.id)


def _record(statement: BankStatement, file_hash: str) -> Record:
    body: Json = {"statement": statement_json(statement), "file_hash": file_hash}
    return Record(BANK_STATEMENT, statement_id(statement), body)


def _require_ours(
    statement: BankStatement, accounts: Sequence[BankAccountSpec], commodities: Mapping[str, str]
) -> None:
    held = next((item for item in accounts if plain_number(item.number) == plain_number(statement.account)), None)
    if held is None:
        names = ", ".join(item.number for item in accounts) or "none"
        raise UnknownBankAccount(
            f"Statement {statement.id!r} is of the account {statement.account}; the programme's are: {names}.",
            "Add it as [[bank_account]] to the programme, or give the statement of another account.",
        )
    if commodities.get(held.account) != statement.opening.commodity.value:
        raise OtherMoney(
            f"Statement {statement.id!r} is in {statement.opening.commodity.value}, and {held.account} counts "
            f"{commodities.get(held.account, 'nothing')}.",
            "Mend the account of [[bank_account]] in the programme.",
        )


def plain_number(number: str) -> str:
    """A number of an account without the spaces that people write into it, in capitals."""
    return "".join(number.split()).upper()
