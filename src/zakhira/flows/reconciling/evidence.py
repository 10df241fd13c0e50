"""Statements as evidence: each stands in the books under an officer's signature, or it counts as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from zakhira.controls.acts.authority import Authority
from zakhira.controls.approval import Approval, approval_is_genuine
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.bank import BankStatement
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reconciling.bank_records import BANK_STATEMENT, statement_id, statement_json, statement_of
from zakhira.flows.reconciling.reading import read_record
from zakhira.flows.word_text import approval_json, approval_of
from zakhira.kernel.canonical import Json, content_hash


@dataclass(frozen=True)
class StatementWord:
    """A statement as somebody put it into the books: what it says, the file's SHA-256, and the word for it."""

    statement: BankStatement
    file_hash: str
    word: Approval | None

    @property
    def hash(self) -> str:
        """What an officer signs who takes the statement in: all that it says, and the file that it came in."""
        return content_hash({"bank statement": statement_json(self.statement), "file_hash": self.file_hash})

    def is_signed(self, authority: Authority) -> bool:
        """Whether an officer's key made the word, one that counted when it was given.

        A key of an earlier version of the policy did: a statement stays evidence when an officer leaves.
        """
        word = self.word
        if word is None or word.instruction_hash != self.hash:
            return False
        return any(_counted(authority, word, key) for key in authority.keys_of(word.officer))

    @property
    def record(self) -> Record:
        """The record of it."""
        body: Json = {
            "statement": statement_json(self.statement),
            "file_hash": self.file_hash,
            "word": approval_json(self.word) if self.word else None,
        }
        return Record(BANK_STATEMENT, statement_id(self.statement), body)


def _counted(authority: Authority, word: Approval, key: str) -> bool:
    revoked = authority.revoked.get(key)
    return (revoked is None or word.at < revoked.at) and approval_is_genuine(word, key)


def sign_statement(
    statement: BankStatement, file_hash: str, authority: Authority, officer: OfficerKey, at: datetime
) -> StatementWord:
    """The statement under the officer's word, given at ``at`` (UTC)."""
    bare = StatementWord(statement, file_hash, None)
    word = sign_approval(officer, bare.hash, at.replace(microsecond=0), authority.version.hash)
    return StatementWord(statement, file_hash, word)


@dataclass(frozen=True)
class Evidence:
    """What the books have of a bank's statements."""

    statements: tuple[BankStatement, ...] = ()
    """under an officer's signature, as first taken in; by account and time"""
    differing: tuple[tuple[BankStatement, BankStatement], ...] = ()
    """the one that stays, and another of the same id with other content that an officer signed, too"""
    unsigned: tuple[BankStatement, ...] = ()
    """written to the books without an officer's signature: they count as nothing"""

    @property
    def undisputed(self) -> tuple[BankStatement, ...]:
        """Statements of which no other content is known: what they prove paid may be booked."""
        disputed = {statement_id(kept) for kept, _ in self.differing}
        return tuple(item for item in self.statements if statement_id(item) not in disputed)


def bank_evidence(books: Books, authority: Authority) -> Evidence:
    """Every statement in the books, each signature verified.

    Raises:
        BooksDamaged: a record is no statement.
    """
    signed, differing, unsigned = list[BankStatement](), list[tuple[BankStatement, BankStatement]](), []
    for name in books.records(BANK_STATEMENT):
        first: BankStatement | None = None
        others = dict[str, BankStatement]()
        for told in statement_words(books, name):
            if not told.is_signed(authority):
                unsigned.append(told.statement)
            elif first is None:
                first = told.statement
            elif told.statement != first:
                others.setdefault(told.hash, told.statement)
        if first is not None:
            signed.append(first)
            differing += [(first, other) for other in others.values()]
    return Evidence(in_order(signed), tuple(differing), tuple(unsigned))


def imported_statements(books: Books, authority: Authority) -> tuple[BankStatement, ...]:
    """Every statement that stands under an officer's signature, by account and time."""
    return bank_evidence(books, authority).statements


def statement_words(books: Books, name: str) -> Iterator[StatementWord]:
    """The versions of a statement's record, the first one first; raises BooksDamaged."""

    def reader(body: Json) -> StatementWord:
        told = cast("Mapping[str, Json]", body)
        word = cast("Mapping[str, Json] | None", told.get("word"))
        made = StatementWord(
            statement_of(told["statement"]), str(told["file_hash"]), approval_of(word) if word else None
        )
        if statement_id(made.statement) != name:
            raise ValueError(f"it says {statement_id(made.statement)[:80]!r}")
        return made

    return (read_record(BANK_STATEMENT, name, body, reader) for body in books.versions(BANK_STATEMENT, name))


def in_order(statements: Iterable[BankStatement]) -> tuple[BankStatement, ...]:
    """By account, and each account's as they follow each other in time."""
    return tuple(sorted(statements, key=lambda item: (item.account, item.closed_on, item.opened_on, _place(item))))


def _place(statement: BankStatement) -> tuple[int, datetime, str]:
    return (statement.sequence or 0, statement.created_at, statement.id)
