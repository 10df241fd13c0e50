"""All commands of books and ledger in any order, held against an oracle that sums lists: twin, and real PostgreSQL."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import structs

from books_bench import outpoint, shared_template
from ledger_oracle import Account, Oracle
from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper
from zakhira.flows.ports.backing_records import CREDITS_RESUMED, PROOF_DEPTH, depth_body
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.ports.ledger_books import AsOf, LedgerBooks
from zakhira.flows.ports.ledger_records import account_record, period_record
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.entry import Entry, Lot, Posting, reversal
from zakhira.ledger.faults import PeriodClosed, PeriodOutOfOrder
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.ledger import SimulatedLedger

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 90
DEPTH = 2
DEPTHS = Depth((0,), (DEPTH,), 100)
VAULT, ARRIVALS, ROYALTIES = "assets:vault:cold", "income:arrivals", "expenses:royalties"
SPECS = (
    AccountSpec("assets:cash:PKR", "PKR", "asset"),
    AccountSpec("assets:cash:USD", "USD", "asset"),
    AccountSpec("liabilities:due", "PKR", "liability", ceiling=Amount(900, Commodity.PKR)),
    AccountSpec("income:fees", "PKR", "income"),
    AccountSpec("income:rent", "USD", "income"),
    AccountSpec("equity:start", "PKR", "equity"),
    AccountSpec("conversion:PKR", "PKR", "conversion"),
    AccountSpec("conversion:USD", "USD", "conversion"),
    AccountSpec("assets:energy", "WH", "asset", overdraft="allowed"),
    AccountSpec("income:energy", "WH", "income"),
    AccountSpec(VAULT, "BTC", "asset"),
    AccountSpec(ARRIVALS, "BTC", "income"),
    AccountSpec(ROYALTIES, "BTC", "expense"),
    AccountSpec("liabilities:suspense", "BTC", "liability", "suspense"),
)
UNITS = st.integers(1, 1000)
DAY = st.integers(0, DAYS - 1)
BY_COMMODITY = {name: [spec.code for spec in SPECS if spec.commodity == name] for name in ("PKR", "USD", "WH")}
SAME = {PeriodOutOfOrder.code: PeriodClosed.code}
"""What the database tells by one code, whoever asked it directly."""


def moved(source: str, target: str, amount: Amount) -> tuple[Posting, Posting]:
    """Two postings."""
    return Posting(target, amount), Posting(source, -amount)


class LedgerMachine(RuleBasedStateMachine):
    """Commands in any order; what is accepted, refused and shown is the oracle's."""

    books: Books
    ledger: LedgerBooks
    holds_backing = True

    @initialize()
    def begin(self) -> None:
        """Books with the programme's accounts."""
        self.open()
        self.oracle = Oracle(depth=DEPTH, holds_backing=self.holds_backing)
        self.serial = 0
        self.hashes: list[str] = []
        self.outpoints: list[str] = []
        self.last: list[Write] = []
        self.moments: list[datetime] = []
        self.holders: list[str] = []
        self.books.open_accounts(SPECS)
        for spec in SPECS:
            claim = "" if spec.claim == "none" else spec.claim
            ceiling = None if spec.ceiling is None else spec.ceiling.units
            account = Account(spec.commodity, spec.kind, claim, ceiling, spec.overdraft == "allowed")
            self.oracle.accounts[spec.code] = account
        self.block(records=(Record(PROOF_DEPTH, "BTC", depth_body(DEPTHS)),))

    def open(self) -> None:
        """Fresh books, and the questions to their ledger."""
        self.now = START + timedelta(days=400)
        books = SimulatedBooks(clock=self.tick, backing_depth=DEPTH)
        self.books, self.ledger = books, SimulatedLedger(books)

    def tick(self) -> datetime:
        """Every write has a moment of its own."""
        self.now += timedelta(seconds=1)
        return self.now

    def moment(self) -> datetime:
        """A moment after the last write and before the next."""
        return self.now + timedelta(milliseconds=1)

    def name(self) -> str:
        """A name of its own for whatever is made."""
        self.serial += 1
        return f"{self.serial:05d}"

    def made(self, postings: Sequence[Posting], day: int, reverses: str = "") -> Entry:
        """An entry of that day."""
        at = START + timedelta(days=day, hours=self.serial % 24)
        return Entry(f"e-{self.name()}", at, "By hand", "letter", tuple(postings), reverses)

    def commit(self, write: Write, expected: set[str]) -> bool:
        """Commit; it is refused for one of the causes that the oracle names, and only then."""
        is_replay = not expected and self.oracle.is_replay(write.key)
        refused: ZakhiraError | None = None
        try:
            receipt = self.books.commit(write)
        except ZakhiraError as error:
            refused = error
        if refused is not None:
            assert refused.code in expected | {SAME.get(code, code) for code in expected}, (refused, expected)
            return False
        assert not expected, (write, expected)
        assert receipt.replayed == is_replay
        if not is_replay:
            self.oracle.accept(write.key, write, write.entries)
            self.last.append(write)
            self.moments.append(self.moment())
        return True

    def post(self, *entries: Entry) -> bool:
        """Post as one write."""
        write = Write(f"k-{self.name()}", "accountant", "post", START, entries)
        return self.commit(write, self.oracle.refusals(write.key, write, entries))

    def change(self, code: str, account: Account, holder: str = "") -> None:
        """Write the record of an account."""
        commodity = Commodity[account.commodity]
        ceiling = None if account.ceiling is None else Amount(account.ceiling, commodity)
        overdraft = "allowed" if account.is_overdraft_allowed else "none"
        claim = account.claim or "none"
        spec = AccountSpec(code, account.commodity, account.kind, claim, overdraft, ceiling)
        record = account_record(HeldAccount(spec, holder, is_frozen=account.is_frozen), "ordered")
        write = Write(f"k-{self.name()}", "officer", "account", START, records=(record,))
        if self.commit(write, self.oracle.change_faults(code, account)):
            self.oracle.accounts[code] = account

    @rule(data=st.data(), name=st.sampled_from(sorted(BY_COMMODITY)), units=UNITS, day=DAY)
    def move(self, data: st.DataObject, name: str, units: int, day: int) -> None:
        """Two postings of one commodity between any two accounts."""
        source, target = (data.draw(st.sampled_from(BY_COMMODITY[name])) for _ in range(2))
        self.post(self.made(moved(source, target, Amount(units, Commodity[name])), day))

    @rule(rupees=UNITS, dollars=UNITS, day=DAY)
    def convert(self, rupees: int, dollars: int, day: int) -> None:
        """Rupees against dollars through conversion accounts, with the cost."""
        pkr, usd = Amount(rupees, Commodity.PKR), Amount(dollars, Commodity.USD)
        got = structs.replace(Posting("assets:cash:USD", usd), cost=pkr)
        rest = (Posting("conversion:USD", -usd), *moved("assets:cash:PKR", "conversion:PKR", pkr))
        self.post(self.made((got, *rest), day))

    @rule(
        spoil=st.sampled_from(["unbalanced", "unknown", "commodity", "zero", "single", "no lot", "same id"]),
        is_alone=st.booleans(),
        day=DAY,
    )
    def spoiled(self, spoil: str, day: int, *, is_alone: bool) -> None:
        """One bad entry, alone or behind a good one: nothing is posted."""
        one = Amount(1, Commodity.PKR)
        good = self.made(moved("income:fees", "assets:cash:PKR", one), day)
        postings: tuple[Posting, ...] = moved("income:fees", "?", one)
        match spoil:
            case "unbalanced":
                postings = (*moved("income:fees", "assets:cash:PKR", one), Posting("income:fees", one))
            case "commodity":
                postings = moved("income:rent", "assets:cash:USD", one)
            case "zero":
                postings = moved("income:fees", "assets:cash:PKR", Amount(0, Commodity.PKR))
            case "single":
                postings = (Posting("income:fees", one),)
            case "no lot":
                postings = moved(ARRIVALS, VAULT, Amount(1, Commodity.BTC))
            case "same id":
                postings = moved("income:fees", "assets:cash:PKR", one)
        bad = self.made(postings, day)
        bad = structs.replace(bad, id=good.id) if spoil == "same id" and not is_alone else bad
        before = len(self.books.entries())
        if not self.post(*((bad,) if is_alone else (good, bad))):
            assert len(self.books.entries()) == before

    @precondition(lambda self: self.oracle.posted)
    @rule(data=st.data(), days=st.integers(0, 40), units=st.integers(0, 1))
    def reverse(self, data: st.DataObject, days: int, units: int) -> None:
        """An entry is taken back: whole, or with something left out."""
        original, _ = data.draw(st.sampled_from(self.oracle.posted))
        day = min(DAYS - 1, (original.at - START).days + days)
        at = START + timedelta(days=day, hours=23)
        back = reversal(original, f"e-{self.name()}", at, "Wrong", "letter")
        if units:
            first, second, *rest = back.postings
            off = Amount(units, first.amount.commodity)
            both = (
                structs.replace(first, amount=first.amount + off),
                structs.replace(second, amount=second.amount - off),
            )
            back = structs.replace(back, postings=(*both, *rest))
        self.post(back)

    @rule(data=st.data(), what=st.sampled_from(["freeze", "thaw", "ceiling", "no ceiling", "overdraft"]), units=UNITS)
    def bound(self, data: st.DataObject, what: str, units: int) -> None:
        """An account is frozen or unfrozen, or gets other bounds."""
        names = [name for name in self.oracle.accounts if name != VAULT]
        held = [name for name in names if self.oracle.balance(name)]
        code = data.draw(st.sampled_from(held or names) | st.sampled_from(names))
        told: dict[str, object] = {
            "freeze": {"is_frozen": True},
            "thaw": {"is_frozen": False},
            "ceiling": {"ceiling": units},
            "no ceiling": {"ceiling": None},
            "overdraft": {"is_overdraft_allowed": not self.oracle.accounts[code].is_overdraft_allowed},
        }[what]  # type: ignore[assignment]  # every one is a dict
        account = self.oracle.with_account(code, **told)
        if what == "overdraft" and account.kind not in ("asset", "liability"):
            return  # it has no floor to lose
        if not (account.claim and account.is_overdraft_allowed):  # refused by its form
            self.change(code, account, self._holder_of(code))

    @precondition(lambda self: len(self.holders) < 4)
    @rule(is_coin=st.booleans(), claim=st.sampled_from(["demand", "term"]))
    def open_participant(self, claim: str, *, is_coin: bool) -> None:
        """A participant's account is opened by a record."""
        holder = f"p-{len(self.holders) + 1:06d}"
        name = "BTC" if is_coin else "PKR"
        self.holders.append(f"liabilities:participants:{holder}:{name}")
        self.change(self.holders[-1], Account(name, "liability", claim if is_coin else ""), holder)

    def _holder_of(self, code: str) -> str:
        return code.split(":")[2] if code.startswith("liabilities:participants:") else ""

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), units=UNITS, day=DAY, is_credit=st.booleans())
    def credit(self, data: st.DataObject, units: int, day: int, *, is_credit: bool) -> None:
        """A participant is credited or pays back: a coin claim against royalties, rupees against cash."""
        code = data.draw(st.sampled_from(self.holders))
        commodity = Commodity[self.oracle.accounts[code].commodity]
        other = ROYALTIES if commodity is Commodity.BTC else "assets:cash:PKR"
        sides = (code, other) if is_credit else (other, code)
        self.post(self.made(moved(*sides, Amount(units, commodity)), day))

    @rule(month=st.integers(1, 3), shift=st.integers(0, 1))
    def close(self, month: int, shift: int) -> None:
        """A month is closed, in order or not."""
        last = date(2026, month, monthrange(2026, month)[1])
        period = Period(date(2026, month, 1 + shift), last)
        write = Write(f"k-{self.name()}", "officer", "close", START, records=(period_record(period, "month over"),))
        if self.commit(write, self.oracle.closing_faults(period.first)):
            self.oracle.closed = period.last

    @precondition(lambda self: self.last)
    @rule(data=st.data(), other=st.booleans())
    def repeat(self, data: st.DataObject, *, other: bool) -> None:
        """A write again, or its key with other content."""
        write = data.draw(st.sampled_from(self.last))
        if other:
            write = replace(write, records=(*write.records, Record("note", "n", {"again": True})))
        self.commit(write, self.oracle.refusals(write.key, write, write.entries))

    def chain(self, *events: CoinEvent, records: tuple[Record, ...] = ()) -> None:
        """What the watcher saw is always written down, with papers of the coins."""
        made = [event.outpoint for event in events if event.kind is CoinEventKind.COIN_CREATED]
        papers = tuple(CoinPaper(name, ANNOUNCED, "royalty", (name,), None, "pool", "").record for name in made)
        write = Write(f"k-{self.name()}", "watcher", "follow", START, (), (*records, *papers), events)
        self.commit(write, set())
        self.oracle.see(events)

    def block(self, *more: CoinEvent, records: tuple[Record, ...] = ()) -> None:
        """A block with what it does."""
        height, previous = len(self.hashes) + 1, self.hashes[-1] if self.hashes else "00" * 32
        self.hashes.append(f"{self.serial + 1:064x}")
        told = tuple(replace(event, height=height, block_hash=self.hashes[-1]) for event in more)
        self.chain(CoinEvent(CoinEventKind.BLOCK_CONNECTED, height, self.hashes[-1], previous), *told, records=records)

    @rule(units=st.integers(0, 1500))
    def mine(self, units: int) -> None:
        """A block, with a coin for us or without."""
        if not units:
            self.block()
            return
        name = outpoint(900_000 + self.serial)
        self.outpoints.append(name)
        script = "0014" + "ab" * 20
        self.block(
            CoinEvent(
                CoinEventKind.COIN_CREATED,
                0,
                "",
                outpoint=name,
                vault="cold",
                place=self.serial,
                amount_sats=units,
                script_hex=script,
            )
        )

    @precondition(lambda self: any(not spent for _, _, spent in self.oracle.coins.values()))
    @rule(data=st.data())
    def steal(self, data: st.DataObject) -> None:
        """Somebody spends a coin of ours: it is recorded, whatever it does to claims."""
        chosen = data.draw(st.sampled_from([name for name, coin in self.oracle.coins.items() if not coin[2]]))
        self.block(CoinEvent(CoinEventKind.COIN_SPENT, 0, "", outpoint=chosen, spent_by="cd" * 32))

    @precondition(lambda self: self.oracle.is_halted and self.oracle.deficit() == 0)
    @rule()
    def resume(self) -> None:
        """Once claims are covered again credits are let in."""
        self.block(records=(Record(CREDITS_RESUMED, "BTC", {"deficit": self.newest_deficit(), "because": "covered"}),))
        self.oracle.is_halted = False

    def newest_deficit(self) -> int:
        """The number of the newest deficit; the twin does not count them."""
        return 0

    @precondition(lambda self: len(self.hashes) > 1)
    @rule()
    def reorganise(self) -> None:
        """The tip is taken back, with what it did."""
        height, hash_ = len(self.hashes), self.hashes.pop()
        spent = [event for event in self._events_of(height, hash_) if event.kind is CoinEventKind.COIN_SPENT]
        made = [event for event in self._events_of(height, hash_) if event.kind is CoinEventKind.COIN_CREATED]
        undone = [replace(event, kind=CoinEventKind.COIN_UNSPENT, spent_by="") for event in spent]
        undone += [CoinEvent(CoinEventKind.COIN_REMOVED, height, hash_, outpoint=event.outpoint) for event in made]
        self.chain(*undone, CoinEvent(CoinEventKind.BLOCK_DISCONNECTED, height, hash_))

    def _events_of(self, height: int, hash_: str) -> list[CoinEvent]:
        every = [event for write in self.last for event in write.coin_events]
        return [event for event in every if (event.height, event.block_hash) == (height, hash_)]

    @rule(units=UNITS, day=DAY)
    def arrive(self, units: int, day: int) -> None:
        """A coin is booked into the vault, as a lot."""
        lot, amount = Lot(outpoint(self.serial), "pool"), Amount(units, Commodity.BTC)
        postings = (Posting(VAULT, amount, lot), Posting(ARRIVALS, -amount))
        self.post(self.made(postings, day))

    @precondition(lambda self: self._lots())
    @rule(data=st.data(), more=st.integers(-3, 2), day=DAY)
    def leave(self, data: st.DataObject, more: int, day: int) -> None:
        """A lot is spent nearly, wholly, or a little more than it holds."""
        lot = data.draw(st.sampled_from(self._lots()))
        held = sum(lot_.amount.units for lot_ in self.books.lots(VAULT) if lot_.lot.outpoint == lot.outpoint)
        amount = Amount(max(1, held + more), Commodity.BTC)
        self.post(self.made((Posting(VAULT, -amount, lot), Posting(ROYALTIES, amount, lot)), day))

    def _lots(self) -> list[Lot]:
        found = [
            posting.lot for entry, _ in self.oracle.posted for posting in entry.postings if posting.account == VAULT
        ]
        return list(dict.fromkeys(lot for lot in found if lot is not None))

    @invariant()
    def balances_agree(self) -> None:
        """What every account shows is the oracle's sum."""
        told = {code: self.oracle.balance(code) for code in self.oracle.accounts}
        assert {code: amount.units for code, amount in self.books.balances().items()} == told

    def teardown(self) -> None:
        """Every view of both dates, statements and states agree; the store holds when it is computed anew."""
        codes = list(self.oracle.accounts)
        for number, known in [(None, None), *list(enumerate(self.moments, 1))[:: max(1, len(self.moments) // 4)]]:
            for before in (None, START + timedelta(days=31), START + timedelta(days=50, hours=7)):
                shown = self.ledger.balances_at([*codes, "nowhere"], AsOf(before, known))
                assert {code: one.units for code, one in shown.items()} == {
                    code: self.oracle.balance(code, before, number) for code in codes
                }
        start, end = START + timedelta(days=31, hours=3), START + timedelta(days=59)
        shown_lines = self.ledger.lines(codes, start, end)
        for code in codes:
            assert shown_lines[code].opening.units == self.oracle.balance(code, start)
            lines = [(line.entry_id, line.posting.amount.units) for line in shown_lines[code].lines]
            assert lines == self.oracle.movements(code, start, end), code
        self._states_agree(codes)
        assert self.books.breaks() == ()

    def _states_agree(self, codes: list[str]) -> None:
        states = {state.spec.code: state for state in self.ledger.accounts()}
        assert sorted(states) == sorted(codes)
        for code, account in self.oracle.accounts.items():
            state = states[code]
            ceiling = None if state.spec.ceiling is None else state.spec.ceiling.units
            assert (state.is_frozen, ceiling) == (account.is_frozen, account.ceiling), code
            assert state.holder == self._holder_of(code)
            assert state.balance.units == self.oracle.balance(code)
        undone = {entry.reverses: entry.id for entry, _ in self.oracle.posted if entry.reverses}
        for entry, _ in self.oracle.posted:
            told = self.ledger.entry(entry.id)
            assert told is not None
            assert (told.entry, told.reversed_by) == (entry, undone.get(entry.id, ""))
        assert self.ledger.closed_through() == self.oracle.closed
        self._backing_agrees()

    def _backing_agrees(self) -> None:
        shown = self.ledger.backing(Commodity.BTC)
        assert shown is not None
        assert shown.demand + shown.term == self.oracle.claims("demand", "term")
        assert shown.suspense == self.oracle.claims("suspense")
        if self.holds_backing:
            assert shown.available == self.oracle.backed()
            assert shown.is_halted == self.oracle.is_halted


class PostgresMachine(LedgerMachine):
    """The same against a real database."""

    def open(self) -> None:
        """A fresh copy of a migrated database."""
        template = shared_template()
        self.database = template.fresh_database()
        self.postgres = PostgresBooks(template.server.dsn(self.database))
        self.books, self.ledger = self.postgres, PostgresLedger(self.postgres)

    def newest_deficit(self) -> int:
        """As the database counts them."""
        return next(one.number for one in PostgresBacking(self.postgres).deficits() if one.by)

    def moment(self) -> datetime:
        """The database writes by the clock of this machine."""
        return datetime.now(UTC)

    def teardown(self) -> None:
        """As for the twin, and the copy is dropped."""
        try:
            super().teardown()
        finally:
            self.postgres.close()
            shared_template().drop(self.database)


def test_the_twin_is_the_oracle() -> None:
    """Commands in any order on the twin."""
    run_state_machine_as_test(LedgerMachine, settings=settings(max_examples=60, stateful_step_count=30))


def test_the_database_is_the_oracle() -> None:
    """Commands in any order on PostgreSQL."""
    run_state_machine_as_test(PostgresMachine, settings=settings(max_examples=20, stateful_step_count=30))


@pytest.mark.torture
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("machine", [LedgerMachine, PostgresMachine])
def test_the_long_run(machine: type[LedgerMachine]) -> None:
    """Many more, and longer ones."""
    run_state_machine_as_test(machine, settings=settings(max_examples=400, stateful_step_count=80))
