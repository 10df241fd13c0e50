"""Statements of a bank taken into the books: each once, whole files or nothing, and what is missing between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import cast

from zakhira.controls.acts.authority import Authority
from zakhira.flows.ports.bank import BankStatement
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reconciling.bank_records import plain_number, statement_id
from zakhira.flows.reconciling.evidence import imported_statements, in_order, sign_statement, statement_words
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


class ImporterUnknown(Refused):
    """Who takes a statement in is no officer of the policy in force, or their key does not count any more."""

    code = "ZK-FLOWS-179"


@dataclass(frozen=True)
class Imported:
    """What a file came to: statements that are new, and those that had been imported before, word for word."""

    new: tuple[BankStatement, ...]
    known: tuple[BankStatement, ...]
    notes: tuple[str, ...]
    """gaps and overlaps between the statements of these accounts, in sentences"""


@dataclass(frozen=True)
class Importer:
    """The officer who answers for a file, and the authority under which their word counts."""

    officer: OfficerKey
    authority: Authority

    def require_officer(self) -> None:
        """Pass for an officer's key of the policy in force; raises ImporterUnknown."""
        name, key = self.officer.officer, self.officer.public_key.lower()
        known = self.authority.officer(name)
        if known is None or known.public_key.lower() != key or key in self.authority.revoked:
            raise ImporterUnknown(
                f"The key of {name} is no officer's key that counts now.",
                "Let an officer of the policy in force take the statement in.",
            )


def import_statements(
    books: Books,
    accounts: Sequence[BankAccountSpec],
    commodities: Mapping[str, str],
    statements: Sequence[BankStatement],
    file_hash: str,
    importer: Importer,
    at: datetime,
) -> Imported:
    """Take the statements of one file in, all or none, under the officer's signature; the same again changes nothing.

    ``commodities`` has what each account of the ledger counts. ``file_hash`` (SHA-256 of the bytes) is signed and kept
    with each. Of one that had been imported and says something else now, the other content is kept beside it: the next
    comparison makes a case of it that halts payouts.

    Raises:
        ImporterUnknown: the key is no officer's.
        UnknownBankAccount, OtherMoney: a statement is of no account of the programme, or in other money.
        StatementDiffers: one was imported before and said something else.
    """
    importer.require_officer()
    new, known, turns = list[BankStatement](), list[BankStatement](), list[Json]()
    for statement in statements:
        _require_ours(statement, accounts, commodities)
        versions = tuple(statement_words(books, statement_id(statement)))
        signed = [item.statement for item in versions if item.is_signed(importer.authority)]
        if signed and signed[0] != statement:
            _keep_differing(books, statement, file_hash, importer, at)
            raise _differs(statement)
        if signed:
            known.append(statement)
        else:
            new.append(statement)
            turns.append([statement_id(statement), len(versions)])
    if new:
        words = [sign_statement(item, file_hash, importer.authority, importer.officer, at) for item in new]
        key = f"bank statements/{content_hash(turns)}"
        records = tuple(word.record for word in words)
        try:
            books.commit(Write(key, importer.officer.officer, "import bank statements", at, records=records))
        except KeyReused:  # somebody else imported them meanwhile: now they are known, or differ
            return import_statements(books, accounts, commodities, statements, file_hash, importer, at)
    numbers = {statement.account for statement in statements}
    there = [item for item in imported_statements(books, importer.authority) if item.account in numbers]
    return Imported(tuple(new), tuple(known), chain_notes(there))


def _keep_differing(books: Books, statement: BankStatement, file_hash: str, importer: Importer, at: datetime) -> None:
    """Keep the other content beside what stays, once."""
    name = statement_id(statement)
    word = sign_statement(statement, file_hash, importer.authority, importer.officer, at)
    while True:
        versions = tuple(statement_words(books, name))
        if any(item.statement == statement and item.is_signed(importer.authority) for item in versions):
            return
        key = f"bank statements/{content_hash([name, len(versions), 'differs'])}"
        officer = importer.officer.officer
        try:
            books.commit(Write(key, officer, "bank statement with other content", at, records=(word.record,)))
        except KeyReused:
            continue
        return


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
        "Ask the bank which one holds. What was imported stays, the other is kept beside it, and payouts halt until "
        "two officers have seen it.",
    )


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
