"""Answers about the ledger: amounts with their units in natural signs, and the same exactly for a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from zakhira.cli.answer import Answer, Table, Word
from zakhira.controls.engine.decision import Decision
from zakhira.flows.keeping.act import DONE, ActRecord, LedgerAct
from zakhira.flows.keeping.carrying import WaitingAct
from zakhira.flows.keeping.closing import PeriodView
from zakhira.flows.ports.backing_records import Encumbrance
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.ledger_books import AccountState, Backing, PostedEntry
from zakhira.kernel.canonical import Json, canonical_bytes
from zakhira.kernel.interval import exact_utc_text, utc_text
from zakhira.kernel.money import Amount
from zakhira.ledger.chart import FLOORED_KINDS, claim_of, natural
from zakhira.ledger.entry import Entry
from zakhira.wiring.amount_text import counted

MOST_WRITTEN = 40
"""Characters of a narration in a table; the JSON has all."""


def written(amount: Amount) -> str:
    """An amount with its groups set apart and its unit: ``-1,250.00 PKR``."""
    number, _, unit = str(amount).partition(" ")
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, point, part = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{part} {unit}"


def amount_facts(amount: Amount) -> dict[str, Json]:
    """An amount for a machine: units are text, as they may be beyond 2^53."""
    return {"units": str(amount.units), "commodity": amount.commodity.value, "written": str(amount)}


def state_facts(state: AccountState) -> dict[str, Json]:
    """An account for a machine; the balance is as posted, debits positive, and in its natural sign."""
    spec = state.spec
    return {
        "code": spec.code,
        "commodity": spec.commodity,
        "kind": spec.kind,
        "claim": claim_of(spec) or "none",
        "overdraft": spec.overdraft,
        "ceiling": None if spec.ceiling is None else amount_facts(spec.ceiling),
        "is_frozen": state.is_frozen,
        "holder": state.holder,
        "postings": state.postings,
        "posted": amount_facts(state.balance),
        "balance": amount_facts(natural(state.balance, spec.kind)),
    }


def accounts_answer(states: Sequence[AccountState], under: str) -> Answer:
    """The chart as a tree."""
    rows = []
    shown: tuple[str, ...] = ()
    for state in states:
        parts = tuple(state.spec.code.split(":"))
        for depth, part in enumerate(parts[:-1]):
            if shown[: depth + 1] != parts[: depth + 1]:
                rows.append(("  " * depth + part, "", "", ""))
        shown = parts
        balance = written(natural(state.balance, state.spec.kind))
        rows.append(("  " * (len(parts) - 1) + parts[-1], state.spec.kind, balance, _marks(state)))
    where = f" below {under}" if under else ""
    sentence = f"{counted(len(states), 'account')}{where}; balances in the natural sign of each kind."
    facts: dict[str, Json] = {"accounts": [state_facts(state) for state in states]}
    table = Table("Accounts", ("account", "kind", "balance", ""), tuple(rows), right=(2,))
    return Answer((table,) if rows else (), facts, sentence)


def _marks(state: AccountState) -> str:
    spec = state.spec
    claim = claim_of(spec)
    found = [
        "frozen" if state.is_frozen else "",
        f"at most {written(spec.ceiling)}" if spec.ceiling else "",
        "overdraft" if spec.overdraft == "allowed" and spec.kind in FLOORED_KINDS else "",
        claim,
    ]
    return ", ".join(mark for mark in found if mark)


def balance_answer(balances: Mapping[str, tuple[str, Amount]], asked: str) -> Answer:
    """Balances by code, each with its kind."""
    rows: list[tuple[str, ...]] = []
    told: list[Json] = []
    for code, (kind, amount) in balances.items():
        rows.append((code, kind, written(natural(amount, kind))))
        shown = natural(amount, kind)
        told.append({"code": code, "kind": kind, "posted": amount_facts(amount), "balance": amount_facts(shown)})
    facts: dict[str, Json] = {"as_of": asked, "balances": told}
    return Answer(
        (Table("Balances", ("account", "kind", "balance"), tuple(rows), right=(2,)),), facts, f"As of {asked}."
    )


def entry_facts(entry: Entry) -> dict[str, Json]:
    """An entry for a machine."""
    return {
        "id": entry.id,
        "at": exact_utc_text(entry.at),
        "narration": entry.narration,
        "evidence": entry.evidence,
        "reverses": entry.reverses,
        "postings": [
            {
                "account": posting.account,
                "amount": amount_facts(posting.amount),
                "lot": None if posting.lot is None else posting.lot.outpoint,
                "source": None if posting.lot is None else posting.lot.source,
                "cost": None if posting.cost is None else amount_facts(posting.cost),
            }
            for posting in entry.postings
        ],
    }


def postings_table(entry: Entry) -> Table:
    """Debits and credits of an entry; lots and costs below."""
    rows = tuple(
        (
            posting.account,
            written(posting.amount) if posting.amount.units > 0 else "",
            written(-posting.amount) if posting.amount.units < 0 else "",
        )
        for posting in entry.postings
    )
    lots = [f"lot {item.lot.outpoint} ({item.lot.source})" for item in entry.postings if item.lot is not None]
    costs = [f"{written(item.amount)} cost {written(item.cost)}" for item in entry.postings if item.cost is not None]
    return Table(
        f"Entry {entry.id}", ("account", "debit", "credit"), rows, right=(1, 2), notes=(*dict.fromkeys(lots), *costs)
    )


def records_table(records: Sequence[Record]) -> tuple[Table, ...]:
    """What an act says of accounts, periods and pledges, field by field; no table for none."""
    rows = tuple(
        (f"{record.kind} {record.id}", name, value if isinstance(value, str) else canonical_bytes(value).decode())
        for record in records
        for name, value in cast("Mapping[str, Json]", record.body).items()
    )
    return (Table("Recorded", ("of", "what", "value"), rows),) if rows else ()


def entry_answer(posted: PostedEntry) -> Answer:
    """One entry."""
    entry = posted.entry
    rows = [
        ("happened", exact_utc_text(entry.at)),
        ("entered", exact_utc_text(posted.entered_at)),
        ("narration", entry.narration),
        ("evidence", entry.evidence),
        ("write", posted.write_key),
        ("takes back", entry.reverses),
        ("taken back by", posted.reversed_by),
    ]
    told = Table("Told", ("what", "value"), tuple(row for row in rows if row[1]))
    facts: dict[str, Json] = {
        **entry_facts(entry),
        "entered_at": exact_utc_text(posted.entered_at),
        "write_key": posted.write_key,
        "reversed_by": posted.reversed_by,
    }
    return Answer((postings_table(entry), told), facts, f"Entry {entry.id}: {entry.narration}.")


def short(text: str) -> str:
    """A text of a table, cut where it is long."""
    return text if len(text) <= MOST_WRITTEN else f"{text[: MOST_WRITTEN - 1]}…"


def act_answer(record: ActRecord, decision: Decision, tables: tuple[Table, ...] = (), *, dry_run: bool) -> Answer:
    """An act after words were added: done, or what it still needs."""
    act, is_done = record.act, record.state == DONE
    missing = [need.text for need in decision.needs]
    signed = [record.proposer, *(given.officer for given in record.words.approvals)]
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "act": act.hash,
        "title": act.title,
        "state": record.state,
        "signed_by": list(signed),
        "needs": list(missing),
        "expires_at": utc_text(record.expires_at),
        "entries": [entry_facts(entry) for entry in act.entries],
    }
    verb = "Dry run, nothing was written. " if dry_run else ""
    if is_done:
        what = "It would be done" if dry_run else "Done"
        return Answer(tables, facts, f"{verb}{what}: {act.title}, signed by {', '.join(signed)}.")
    wait = f"Not yet: {act.title} needs {'; '.join(missing)}. Signed by {', '.join(signed)}"
    keep = (
        ""
        if dry_run
        else f"; kept until {utc_text(record.expires_at)}, zakhira ledger approve DIR {act.hash[:12]} adds to it"
    )
    return Answer(tables, facts, f"{verb}{wait}{keep}.", Word.NO)


def waiting_answer(acts: Sequence[WaitingAct]) -> Answer:
    """The acts that still need words."""
    rows = tuple(
        (one.hash[:12], one.title, short(one.because), ", ".join(one.signed_by), utc_text(one.expires_at))
        for one in acts
    )
    facts: dict[str, Json] = {
        "acts": [
            {
                "act": one.hash,
                "statement": one.statement,
                "signed_by": list(one.signed_by),
                "expires_at": utc_text(one.expires_at),
            }
            for one in acts
        ]
    }
    columns = ("act", "what", "why", "signed by", "kept until")
    sentence = f"{counted(len(acts), 'act waits', 'acts wait')} for further words."
    return Answer((Table("Waiting", columns, rows),) if rows else (), facts, sentence)


def single_answer(act: LedgerAct, officer: str, *, dry_run: bool) -> Answer:
    """An act of one officer."""
    facts: dict[str, Json] = {
        "dry_run": dry_run,
        "act": act.hash,
        "title": act.title,
        "state": DONE,
        "signed_by": [officer],
    }
    verb = "Dry run: would" if dry_run else "Done:"
    return Answer((), facts, f"{verb} {act.title}, by {officer}.")


def period_table(view: PeriodView) -> Table:
    """What a period comes to."""
    rows = tuple(
        (
            one.kind,
            one.commodity,
            f"{one.accounts:,}",
            written(one.opening),
            written(one.closing - one.opening),
            written(one.closing),
        )
        for one in view.sums
    )
    notes = view.unreconciled or ("Reconciliation has nothing against it.",)
    columns = ("kind", "commodity", "accounts", "before", "moved", "at the end")
    return Table(f"{view.period.first} to {view.period.last}", columns, rows, right=(2, 3, 4, 5), notes=notes)


def period_facts(view: PeriodView) -> dict[str, Json]:
    """The same for a machine."""
    return {
        "first": view.period.first.isoformat(),
        "last": view.period.last.isoformat(),
        "sums": [
            {
                "kind": one.kind,
                "commodity": one.commodity,
                "accounts": one.accounts,
                "opening": amount_facts(one.opening),
                "closing": amount_facts(one.closing),
            }
            for one in view.sums
        ],
        "unreconciled": list(view.unreconciled),
    }


def backing_answer(found: Backing, encumbered: Sequence[Encumbrance] = ()) -> Answer:
    """What stands behind claims in a coin, and to whom coins are pledged."""
    told = {
        "proven on the chain": found.proven,
        "change of our own spends": found.own_change,
        "in suspense or not judged": -found.suspense,
        "encumbered": -found.encumbered,
        "leaving": -found.outgoing,
        "stands behind claims": found.available,
        "of it under a hold": -found.held,
        "claims on demand": found.demand,
        "claims on a term": found.term,
        "deficit": found.deficit,
    }
    rows = tuple((name, written(Amount(units, found.commodity))) for name, units in told.items())
    facts: dict[str, Json] = {
        "commodity": found.commodity.value,
        "is_halted": found.is_halted,
        **{
            name: getattr(found, name)
            for name in (
                "proven",
                "own_change",
                "suspense",
                "encumbered",
                "held",
                "outgoing",
                "demand",
                "term",
                "available",
                "available_on_demand",
                "deficit",
            )
        },
    }
    is_well = not found.deficit and not found.is_halted
    owed = written(Amount(found.demand + found.term, found.commodity))
    behind = written(Amount(found.available, found.commodity))
    halt = "; credits are halted" if found.is_halted else ""
    facts["encumbrances"] = [
        {"name": one.id, "amount": amount_facts(one.amount), "because": one.because} for one in encumbered
    ]
    tables = [Table(f"Behind claims in {found.commodity.value}", ("what", "amount"), rows, right=(1,))]
    if encumbered:
        pledged = tuple((one.id, written(one.amount), one.because) for one in encumbered)
        tables.append(Table("Encumbered", ("name", "amount", "because"), pledged, right=(1,)))
    return Answer(
        tuple(tables), facts, f"{owed} are owed, {behind} stand behind it{halt}.", Word.YES if is_well else Word.NO
    )
