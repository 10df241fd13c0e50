"""``zakhira participant``: who holds claims, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zakhira.cli.answer import Answer, Table
from zakhira.cli.ledger_services import ActOrder, Ask, ParticipantOrder, StatementOrder, TransferOrder
from zakhira.flows.participants import (
    ASSETS,
    Opening,
    Participant,
    load_participant,
    open_participant,
    participant_statement,
    participants,
    transfer_act,
)
from zakhira.flows.ports.ledger_books import AccountState
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Commodity, parse_amount
from zakhira.ledger.chart import natural
from zakhira.ledger.periods import Period
from zakhira.wiring.amount_text import counted
from zakhira.wiring.ledger_answers import postings_table, state_facts, written
from zakhira.wiring.ledger_service import LedgerDesk
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.statement_answers import statement_answer, statement_csv


class ParticipantDesk:
    """Implements ``cli.ledger_services.ParticipantServices``."""

    def __init__(self, settings: Settings) -> None:
        self._ledger = LedgerDesk(settings)

    def open(self, order: ParticipantOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Give somebody a number and accounts."""
        (officer,) = self._ledger.officers((order.key,), ask)
        assets = tuple(Commodity[name] for name in order.assets)
        opening = Opening(order.name, order.kind, order.reference, assets, order.maturity)
        with self._ledger.open_desk(order.folder, dry_run=dry_run) as desk:
            made = open_participant(desk, opening, officer)
        codes = [made.account(asset) for asset in assets]
        verb = "Dry run: would open" if dry_run else "Opened"
        facts: dict[str, Json] = {"dry_run": dry_run, **_facts(made), "accounts": list(codes)}
        table = Table("Accounts", ("code", "payable"), tuple((code, _payable(made)) for code in codes))
        return Answer((table,), facts, f"{verb} {made.id} for {made.name}, {made.kind}.")

    def list(self, folder: Path) -> Answer:
        """Who there is."""
        with self._ledger.open_desk(folder) as desk:
            everybody = participants(desk.books)
            there = desk.ledger.states([one.account(asset) for one in everybody for asset in ASSETS])
            found = [(one, _states(there, one)) for one in everybody]
        rows = tuple((one.id, one.name, one.kind, _payable(one), _held(states)) for one, states in found)
        facts: dict[str, Json] = {
            "participants": [
                {**_facts(one), "accounts": [state_facts(item) for item in states]} for one, states in found
            ]
        }
        table = Table("Participants", ("id", "name", "kind", "payable", "holds"), rows)
        return Answer((table,) if rows else (), facts, f"{counted(len(rows), 'participant')}.")

    def show(self, folder: Path, participant: str) -> Answer:
        """One participant."""
        with self._ledger.open_desk(folder) as desk:
            one = load_participant(desk.books, participant)
            states = _states(desk.ledger.states([one.account(asset) for asset in ASSETS]), one)
        rows = tuple(
            (item.spec.code, written(natural(item.balance, item.spec.kind)), "frozen" if item.is_frozen else "")
            for item in states
        )
        facts: dict[str, Json] = {**_facts(one), "accounts": [state_facts(item) for item in states]}
        sentence = f"{one.id}: {one.name}, {one.kind}, since {one.opened_on}, {one.reference}; payable {_payable(one)}."
        return Answer((Table("Accounts", ("code", "balance", ""), rows, right=(1,)),), facts, sentence)

    def statement(self, order: StatementOrder) -> Answer:
        """A month of one participant."""
        period = Period(order.first, order.last)
        with self._ledger.open_desk(order.folder) as desk:
            one = load_participant(desk.books, order.participant)
            found = participant_statement(desk.ledger, one, period)
        if order.csv is not None:
            write_new(order.csv, statement_csv(found))
        return statement_answer(found, period, f"{one.id}, {one.name},")

    def transfer(self, order: ActOrder, transfer: TransferOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """From one participant to another."""
        amount = parse_amount(transfer.amount)
        with self._ledger.open_desk(order.folder, dry_run=dry_run) as desk:
            day = transfer.day or desk.now.date()
            act = transfer_act(desk, transfer.source, transfer.target, amount, day, order.because, transfer.evidence)
            return self._ledger.carried(desk, order, act, ask, (postings_table(act.entries[0]),), dry_run=dry_run)


def _facts(one: Participant) -> dict[str, Json]:
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "opened_on": one.opened_on.isoformat(),
        "reference": one.reference,
        "maturity": one.maturity.isoformat() if one.maturity else "",
    }


def _payable(one: Participant) -> str:
    return f"from {one.maturity}" if one.maturity else "on demand"


def _states(there: Mapping[str, AccountState], one: Participant) -> list[AccountState]:
    codes = (one.account(asset) for asset in ASSETS)
    return [there[code] for code in codes if code in there]


def _held(states: list[AccountState]) -> str:
    return ", ".join(written(natural(item.balance, item.spec.kind)) for item in states)
