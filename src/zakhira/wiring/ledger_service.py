"""``zakhira ledger``: the use cases of the books over an opened reserve, in earnest or dry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from zakhira.adapters.plots import draw_plot, framed_svg
from zakhira.adapters.software_signer import OfficerKeyFile, utc_now
from zakhira.cli.answer import Answer, Table
from zakhira.cli.ledger_services import AccountOrder, ActOrder, Ask, BalanceOrder, StatementOrder
from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.acts import (
    ceiling_act,
    close_act,
    freeze_act,
    held_account,
    post_act,
    require_accounts,
    reverse_act,
)
from zakhira.flows.keeping.carrying import carry, waiting_act, waiting_acts
from zakhira.flows.keeping.closing import account_pages, period_view
from zakhira.flows.keeping.encumbering import encumber_act, is_release, release_act, standing
from zakhira.flows.keeping.opening import open_account
from zakhira.flows.keeping.refusals import UnknownEntry
from zakhira.flows.keeping.statements import account_statements
from zakhira.flows.keeping.stopping import freeze_account
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.ledger_books import AsOf
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.ledger.chart import natural
from zakhira.ledger.periods import Period, midnight
from zakhira.ledger.statement import AccountStatement
from zakhira.programme.model import AccountSpec
from zakhira.wiring.amount_text import counted
from zakhira.wiring.journal_file import read_journal
from zakhira.wiring.ledger_answers import (
    accounts_answer,
    act_answer,
    backing_answer,
    balance_answer,
    entry_answer,
    period_facts,
    period_table,
    postings_table,
    records_table,
    single_answer,
    state_facts,
    waiting_answer,
    written,
)
from zakhira.wiring.passphrases import passphrase_for
from zakhira.wiring.payout_service import payout_desk
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.settings import Settings
from zakhira.wiring.signer_files import write_new
from zakhira.wiring.statement_answers import balance_plot, statement_answer, statement_csv

EVER = date(2009, 1, 3)
"""Before any entry: the day of Bitcoin's first block."""


class LedgerDesk:
    """Implements ``cli.ledger_services.LedgerServices``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def open_desk(self, folder: Path, *, dry_run: bool = False, follows: bool = False) -> Iterator[PayoutDesk]:
        """The parts of a reserve; dry, what is written is forgotten. ``follows`` gives it the watcher's login."""
        with open_archive(self._settings, folder, follows=follows) as archive:
            yield payout_desk(archive, dry_run=dry_run)

    def officers(self, keys: Sequence[Path], ask: Ask) -> list[OfficerKeyFile]:
        """The officers of these key files."""
        return [OfficerKeyFile.open(key, passphrase_for(key, self._settings, ask)) for key in keys]

    def accounts(self, folder: Path, under: str) -> Answer:
        """The chart of accounts with balances."""
        with self.open_desk(folder) as desk:
            states = [state for page in account_pages(desk.ledger, under) for state in page]
        return accounts_answer(states, under)

    def show(self, folder: Path, account: str, newest: int) -> Answer:
        """One account and its newest entries."""
        with self.open_desk(folder) as desk:
            _, state = held_account(desk.ledger, account)
            whole = _statement(desk, (account,), Period(EVER, (utc_now() + timedelta(days=1)).date()))[0]
        shown = whole.movements[len(whole.movements) - newest :] if newest else ()
        rows = tuple(
            (item.at.date().isoformat(), item.entry, written(item.amount), written(item.balance)) for item in shown
        )
        table = Table(f"Newest entries of {account}", ("day", "entry", "amount", "balance"), rows, right=(2, 3))
        facts = {**state_facts(state), "newest": [item.entry for item in shown]}
        freeze = "; frozen" if state.is_frozen else ""
        sentence = f"{account}: {state.spec.kind}, {written(natural(state.balance, state.spec.kind))}"
        return Answer((table,) if rows else (), facts, f"{sentence}, {counted(state.postings, 'posting')}{freeze}.")

    def balance(self, order: BalanceOrder) -> Answer:
        """Balances as of two dates."""
        as_of = AsOf(_start(order.before), _start(order.known_before))
        with self.open_desk(order.folder) as desk:
            kinds = {code: one.spec.kind for code, one in require_accounts(desk.ledger, order.accounts).items()}
            found = desk.ledger.balances_at(order.accounts, as_of)
        happened = f"what happened before {order.before}" if order.before else "all that happened"
        known = f"what was entered before {order.known_before}" if order.known_before else "all that is known"
        return balance_answer({code: (kinds[code], found[code]) for code in order.accounts}, f"{happened}, {known}")

    def statement(self, order: StatementOrder) -> Answer:
        """Opening, movements and closing."""
        period = Period(order.first, order.last)
        with self.open_desk(order.folder) as desk:
            require_accounts(desk.ledger, order.accounts)
            found = _statement(desk, order.accounts, period)
        if order.csv is not None:
            write_new(order.csv, statement_csv(found))
        if order.plot is not None:
            spec = balance_plot(found[0], period)
            source = f"Ledger of the reserve, {period.first} to {period.last}"
            write_new(order.plot, framed_svg(draw_plot(spec), spec.title, source).encode())
        return statement_answer(found, period, ", ".join(order.accounts))

    def entry(self, folder: Path, entry_id: str) -> Answer:
        """One entry with its postings."""
        with self.open_desk(folder) as desk:
            found = desk.ledger.entry(entry_id)
        if found is None:
            raise UnknownEntry(f"There is no entry {entry_id[:80]!r}.", "See them: zakhira ledger show DIR ACCOUNT")
        return entry_answer(found)

    def backing(self, folder: Path) -> Answer:
        """What stands behind claims in coin."""
        with self.open_desk(folder) as desk:
            found, encumbered = desk.ledger.backing(Commodity.BTC), standing(desk.books)
        assert found is not None, "bitcoin is a coin"
        return backing_answer(found, encumbered)

    def waiting(self, folder: Path) -> Answer:
        """The acts that still need words."""
        with self.open_desk(folder) as desk:
            return waiting_answer(waiting_acts(desk))

    def approve(self, folder: Path, act: str, keys: Sequence[Path], ask: Ask, *, dry_run: bool) -> Answer:
        """Add words to an act that waits, whatever it is."""
        with self.open_desk(folder) as desk:
            found = waiting_act(desk, act)
        tables = (*map(postings_table, found.entries), *records_table(found.records))
        order = ActOrder(folder, tuple(keys), found.because)
        with self.open_desk(folder, dry_run=dry_run, follows=is_release(found)) as desk:
            return self.carried(desk, order, found, ask, tables, dry_run=dry_run)

    def open(self, order: ActOrder, account: AccountOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Open an account, empty."""
        (officer,) = self.officers(order.keys, ask)
        overdraft = "allowed" if account.is_overdraft_allowed else "none"
        spec = AccountSpec(account.code, account.commodity, account.kind, account.claim, overdraft)
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            open_account(desk, spec, order.because, officer)
        act = LedgerAct(f"open {spec.code}, {spec.kind} in {spec.commodity}", order.because)
        return single_answer(act, officer.officer, dry_run=dry_run)

    def post(self, order: ActOrder, file: Path, ask: Ask, *, dry_run: bool) -> Answer:
        """Post a journal from a file."""
        act = post_act(read_journal(file))
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            return self.carried(desk, order, act, ask, (postings_table(act.entries[0]),), dry_run=dry_run)

    def reverse(
        self, order: ActOrder, entry_id: str, day: date | None, evidence: str, ask: Ask, *, dry_run: bool
    ) -> Answer:
        """Take an entry back."""
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            act = reverse_act(desk.ledger, entry_id, day, order.because, evidence)
            return self.carried(desk, order, act, ask, (postings_table(act.entries[0]),), dry_run=dry_run)

    def freeze(self, order: ActOrder, account: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Stop postings to an account."""
        (officer,) = self.officers(order.keys, ask)
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            act = freeze_account(desk, account, order.because, officer)
        return single_answer(act, officer.officer, dry_run=dry_run)

    def unfreeze(self, order: ActOrder, account: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Let them go on."""
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            act = freeze_act(desk, account, order.because, freezes=False)
            return self.carried(desk, order, act, ask, dry_run=dry_run)

    def ceiling(self, order: ActOrder, account: str, ceiling: str, ask: Ask, *, dry_run: bool) -> Answer:
        """The most that an account may hold."""
        most: Amount | None = parse_amount(ceiling) if ceiling else None
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            act = ceiling_act(desk, account, most, order.because)
            return self.carried(desk, order, act, ask, dry_run=dry_run)

    def encumber(self, order: ActOrder, name: str, amount: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Pledge coins."""
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            act = encumber_act(desk, name, parse_amount(amount), order.because)
            return self.carried(desk, order, act, ask, dry_run=dry_run)

    def release(self, order: ActOrder, name: str, ask: Ask, *, dry_run: bool) -> Answer:
        """Let pledged coins go."""
        with self.open_desk(order.folder, dry_run=dry_run, follows=True) as desk:
            act = release_act(desk, name, order.because)
            return self.carried(desk, order, act, ask, dry_run=dry_run)

    def close(self, order: ActOrder, first: date, last: date, ask: Ask, *, dry_run: bool) -> Answer:
        """Close a period for good."""
        period = Period(first, last)
        with self.open_desk(order.folder, dry_run=dry_run) as desk:
            view = period_view(desk, period)
            act = close_act(desk.ledger, period, order.because, desk.now)
            answer = self.carried(desk, order, act, ask, (period_table(view),), dry_run=dry_run)
        return replace(answer, facts={**answer.facts, **period_facts(view)})

    def carried(
        self,
        desk: PayoutDesk,
        order: ActOrder,
        act: LedgerAct,
        ask: Ask,
        tables: tuple[Table, ...] = (),
        *,
        dry_run: bool,
    ) -> Answer:
        """The answer to an act to which these officers gave their words."""
        record, decision = carry(desk, act, self.officers(order.keys, ask))
        return act_answer(record, decision, tables, dry_run=dry_run)


def _statement(desk: PayoutDesk, codes: Sequence[str], period: Period) -> tuple[AccountStatement, ...]:
    return account_statements(desk.ledger, codes, period)


def _start(day: date | None) -> datetime | None:
    return None if day is None else midnight(day)
