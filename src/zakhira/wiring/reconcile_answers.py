"""What reconciliation says: compared amounts, differences with their cases, statements, in tables and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from zakhira.cli.answer import Answer, Table, Word
from zakhira.flows.ports.bank import BankStatement
from zakhira.flows.ports.books import Books
from zakhira.flows.reconciling.after_block import Reconciled
from zakhira.flows.reconciling.case import Acceptance, Case, CaseState
from zakhira.flows.reconciling.difference import Difference, Part, gap_sum
from zakhira.flows.reconciling.halts import Halting, HaltTerms, acceptance_counts, halting
from zakhira.flows.reconciling.importing import Imported
from zakhira.flows.reconciling.keeping import age_text, listed
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Amount, Commodity
from zakhira.wiring.amount_text import btc_text, counted

_WORLD = {Part.CHAIN: "chain", Part.METERS: "meters", Part.BANK: "bank"}
_COUNTED = {Part.CHAIN: "coin", Part.METERS: "day", Part.BANK: "payment"}
_ROWS = 40


def amount_text(amount: Amount) -> str:
    """An exact amount with its unit, grouped: ``12.345 678 90 BTC``, ``1,250.00 PKR``, ``240,000,000 Wh``."""
    if amount.commodity is Commodity.BTC:
        return f"{btc_text(amount.units)} BTC"
    number, _, unit = str(amount).partition(" ")
    whole, point, part = number.partition(".")
    return f"{int(whole):,}{point}{part} {unit}" if whole != "-0" else f"{number} {unit}"


@dataclass(frozen=True)
class CaseBoard:
    """The books' cases as they are looked at now (UTC): which halt payouts, and whose signatures count."""

    books: Books
    terms: HaltTerms
    now: datetime

    @cached_property
    def halting(self) -> Halting:
        """What halts payouts."""
        return halting(self.books, self.terms)

    def accepted(self, case: Case) -> tuple[Acceptance, ...]:
        """Signed words that count for the case as it is."""
        return tuple(item for item in case.acceptances if acceptance_counts(case, item, self.terms.authority))


def reconciled_answer(board: CaseBoard, done: Sequence[Reconciled], *, dry_run: bool) -> Answer:
    """What was compared, what differs, and the cases of it."""
    mine = {item.findings.part for item in done}
    there = [case for case in listed(board.books).values() if case.part in mine]
    halting = [case for case in board.halting.cases if case.part in mine]
    waiting = [case for case in there if not board.accepted(case)]
    tables = [_compared(done), *_explained(done), *cases_tables(board, there)]
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "parts": [_part_facts(item) for item in done],
        "cases": [case_facts(board, case) for case in there],
        "halts": [case.id for case in halting],
    }
    word = Word.NO if waiting else Word.YES
    if any(not item.findings.is_whole for item in done):
        word = Word.NO if waiting else Word.UNKNOWN
    return Answer(tuple(tables), facts, _sentence(done, there, halting, dry_run=dry_run), word)


def _sentence(done: Sequence[Reconciled], there: Sequence[Case], halting: Sequence[Case], *, dry_run: bool) -> str:
    opened = sum(len(item.kept.opened) for item in done)
    closed = sum(len(item.kept.closed) for item in done)
    counts = ", ".join(
        counted(sum(line.compared for line in item.findings.lines), _COUNTED[item.findings.part]) for item in done
    )
    if not there:
        explained = sum(len(item.findings.explained) for item in done)
        text = f"Books and world agree: {counts} compared" + (f", {explained} explained" if explained else "")
    else:
        text = f"{counts} compared: {counted(len(there), 'difference')} without an explanation"
    if opened or closed:
        verb = "would be " if dry_run else ""
        text += f"; {counted(opened, 'case')} {verb}opened, {closed} closed"
    if halting:
        text += f"; PAYOUTS HALT because of {', '.join(case.id for case in halting[:3])}"
    return ("Dry run: " if dry_run else "") + text + "."


def _compared(done: Sequence[Reconciled]) -> Table:
    rows, notes = list[tuple[str, ...]](), list[str]()
    for item in done:
        findings = item.findings
        for line in findings.lines:
            mine = [found for found in findings.differences if found.subject == line.subject]
            explained = gap_sum((found for found in mine if found.explanation), line.world.commodity)
            open_gap = gap_sum((found for found in mine if not found.explanation), line.world.commodity)
            rows.append(
                (
                    _WORLD[findings.part],
                    line.subject,
                    amount_text(line.world),
                    amount_text(line.books),
                    _gap_text(explained),
                    _gap_text(open_gap),
                )
            )
        notes += findings.notes
    columns = ("world", "what", "the world has", "the books have", "explained", "in cases")
    return Table("Books against the world", columns, tuple(rows), right=(2, 3, 4, 5), notes=tuple(notes))


def _gap_text(gap: Amount) -> str:
    return amount_text(gap).rpartition(" ")[0] if gap.units else "-"


def _explained(done: Sequence[Reconciled]) -> list[Table]:
    found = [item for one in done for item in one.findings.explained]
    if not found:
        return []
    rows = tuple((item.subject, amount_text(item.gap), item.explanation) for item in found[:_ROWS])
    notes = (f"{len(found)} in all; the first {_ROWS} are shown.",) if len(found) > _ROWS else ()
    return [Table("Explained: no case", ("what", "world - books", "why"), rows, right=(1,), notes=notes)]


def cases_tables(board: CaseBoard, found: Iterable[Case]) -> list[Table]:
    """Cases with age and owner; what each is about stands below, where it has the width."""
    shown = sorted(found, key=lambda case: (case.state.value, case.opened_at))
    if not shown:
        return []
    rows = tuple(
        (case.id, _state_text(board, case), case.subject, amount_text(case.gap), age_text(case, board.now), case.owner)
        for case in shown[:_ROWS]
    )
    notes = tuple(_case_note(board, case) for case in shown[:_ROWS])
    if len(shown) > _ROWS:
        notes += (f"{len(shown)} cases in all; the first {_ROWS} are shown.",)
    columns = ("case", "state", "what", "world - books", "age", "who must act")
    return [Table("Cases", columns, rows, right=(3, 4), notes=notes)]


def _state_text(board: CaseBoard, case: Case) -> str:
    state = case.state.value
    if case.state is CaseState.ACCEPTED and not board.accepted(case):
        state = "open, its acceptance is no officer's"
    return f"{state}, halts payouts" if case.id in board.halting.ids else state


def _case_note(board: CaseBoard, case: Case) -> str:
    text = f"{case.id}: {case.what}"
    if accepted := board.accepted(case):
        text += " Accepted by " + "; ".join(f"{item.word.officer}: {item.because}" for item in accepted) + "."
    elif case.state is CaseState.CLOSED:
        text += f" Closed {utc_text(case.changed_at) if case.changed_at else ''}: {case.because}."
    return text


def with_cases(answer: Answer, done: Reconciled, board: CaseBoard) -> Answer:
    """What was told of a block, and behind it the cases that it opened, changed or closed; nothing where none did."""
    kept = done.kept
    facts: dict[str, Json] = {
        **answer.facts,
        "cases": {
            "opened": [case_facts(board, case) for case in (*kept.opened, *kept.changed)],
            "closed": [case.id for case in kept.closed],
        },
    }
    if kept.is_nothing:
        return replace(answer, facts=facts)
    text = f" Ledger and chain: {counted(len(kept.opened), 'case')} opened, {len(kept.closed)} closed."
    if any(case.id in board.halting.ids for case in (*kept.opened, *kept.changed)):
        text += " PAYOUTS HALT."
    tables = (*answer.tables, *cases_tables(board, (*kept.opened, *kept.changed, *kept.closed)))
    return replace(answer, tables=tables, facts=facts, sentence=answer.sentence + text)


def cases_answer(board: CaseBoard, found: Sequence[Case]) -> Answer:
    """The cases as the books have them."""
    halting, now = board.halting.cases, board.now
    facts: dict[str, Json] = {
        "cases": [case_facts(board, case) for case in found],
        "halts": [case.id for case in halting],
    }
    there = [case for case in found if case.is_listed]
    oldest = max(there, key=lambda case: now - case.opened_at, default=None)
    if oldest is None:
        sentence = "No case is open."
    else:
        sentence = f"{counted(len(there), 'case')}: the oldest is {age_text(oldest, now)} old, {oldest.owner} must act"
        sentence += f"; payouts halt because of {len(halting)}." if halting else "; payouts may go on."
    return Answer(tuple(cases_tables(board, found)), facts, sentence)


def one_case_answer(board: CaseBoard, case: Case, sentence: str, *, dry_run: bool) -> Answer:
    """A case after something was said of it."""
    facts: dict[str, Json] = {"dry_run": dry_run, "case": case_facts(board, case)}
    return Answer(tuple(cases_tables(board, [case])), facts, ("Dry run: " if dry_run else "") + sentence)


def case_facts(board: CaseBoard, case: Case) -> Json:
    """A case for a machine."""
    return {
        "id": case.id,
        "part": case.part.value,
        "key": case.key,
        "subject": case.subject,
        "what": case.what,
        "world": str(case.world),
        "books": str(case.books),
        "difference": str(case.gap),
        "side": case.side,
        "opened_at": utc_text(case.opened_at),
        "age_s": int((board.now - case.opened_at).total_seconds()),
        "owner": case.owner,
        "halts": case.halts,
        "state": case.state.value,
        "times": case.times,
        "because": case.because,
        "changed_at": utc_text(case.changed_at) if case.changed_at else "",
        "accepted_by": [
            {"officer": item.word.officer, "at": utc_text(item.word.at), "because": item.because}
            for item in board.accepted(case)
        ],
    }


def _part_facts(item: Reconciled) -> Json:
    findings = item.findings
    return {
        "part": findings.part.value,
        "is_whole": findings.is_whole,
        "lines": [
            {
                "subject": line.subject,
                "world": str(line.world),
                "books": str(line.books),
                "compared": line.compared,
            }
            for line in findings.lines
        ],
        "differences": [_difference_facts(found) for found in findings.differences],
        "notes": list(findings.notes),
        "opened": [case.id for case in item.kept.opened],
        "changed": [case.id for case in item.kept.changed],
        "closed": [case.id for case in item.kept.closed],
    }


def _difference_facts(found: Difference) -> Mapping[str, Json]:
    return {
        "key": found.key,
        "subject": found.subject,
        "what": found.what,
        "world": str(found.world),
        "books": str(found.books),
        "explanation": found.explanation,
    }


def imported_answer(file: Path, digest: str, officer: str, imported: Imported, *, dry_run: bool) -> Answer:
    """The statements of a file, whose SHA-256 is ``digest``, and who signed for it."""
    known = {(item.account, item.id) for item in imported.known}
    found = (*imported.new, *imported.known)
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "file": str(file),
        "sha256": digest,
        "signed_by": officer,
        "new": [item.id for item in imported.new],
        "known": [item.id for item in imported.known],
        "notes": list(imported.notes),
    }
    currencies = {item.account: item.opening.commodity.unit for item in found}
    tables = [
        Table(
            f"Statements of {account}, in {currencies[account]}",
            ("statement", "from", "to", "opening", "closing", "entries", ""),
            tuple(
                _statement_row(item, is_known=(item.account, item.id) in known)
                for item in found
                if item.account == account
            ),
            right=(3, 4, 5),
        )
        for account in currencies
    ]
    tables[-1] = replace(tables[-1], notes=imported.notes)
    verb = "would be taken in" if dry_run else "taken in"
    sentence = f"{counted(len(imported.new), 'statement')} {verb} under {officer}'s signature"
    if known:
        sentence += f", {len(known)} had been before and changed nothing"
    if imported.notes:
        sentence += f"; {counted(len(imported.notes), 'thing')} to look at between statements"
    return Answer(tuple(tables), facts, ("Dry run: " if dry_run else "") + sentence + ".")


def _statement_row(item: BankStatement, *, is_known: bool) -> tuple[str, ...]:
    entries = f"{len(item.entries):,}" + (f" (+{item.pending} pending)" if item.pending else "")
    ends = (item.opened_on.isoformat(), item.closed_on.isoformat())
    money = (amount_text(amount).rpartition(" ")[0] for amount in (item.opening, item.closing))
    return (item.id, *ends, *money, entries, "known" if is_known else "new")
