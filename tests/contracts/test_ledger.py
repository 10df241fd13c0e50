"""One suite for the questions to the ledger, in PostgreSQL and in the twin: same answers, same refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs

from books_bench import outpoint, shared_template
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper
from zakhira.flows.ports.backing_records import PROOF_DEPTH, depth_body
from zakhira.flows.ports.books import Books, Receipt, Record, Write
from zakhira.flows.ports.books_errors import AccountConflict
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.ports.ledger_books import AccountState, AsOf, LedgerBooks
from zakhira.flows.ports.ledger_records import account_record, period_record
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.account_record import HeldAccount, account_body
from zakhira.ledger.entry import Entry, Lot, Posting, reversal
from zakhira.ledger.faults import (
    AboveCeiling,
    AccountChanged,
    AccountFrozen,
    BadAccountRecord,
    BadHolder,
    BadPeriodRecord,
    BadReversal,
    ClaimsAboveBacking,
    CreditsHalted,
    Overdrawn,
    PeriodClosed,
    PeriodNotOver,
    PeriodOutOfOrder,
    VaultAccount,
)
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.ledger import SimulatedLedger

CASH, DUE, EARNED, VAULT = "assets:cash", "liabilities:due", "income:fees", "assets:vault:cold"
CLAIM, CERTIFICATE, ROYALTIES = (
    "liabilities:participants:p-1:BTC",
    "liabilities:participants:p-2:BTC",
    "expenses:royalties",
)
SPECS = (
    AccountSpec(CASH, "PKR", "asset"),
    AccountSpec(DUE, "PKR", "liability", ceiling=Amount(1000, Commodity.PKR)),
    AccountSpec(EARNED, "PKR", "income"),
    AccountSpec(VAULT, "BTC", "asset"),
    AccountSpec(ROYALTIES, "BTC", "expense"),
    AccountSpec(CLAIM, "BTC", "liability"),
    AccountSpec(CERTIFICATE, "BTC", "liability", "term"),
    AccountSpec("assets:energy", "WH", "asset", overdraft="allowed"),
)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


@dataclass
class Desk:
    """Books with their ledger, and short ways to write to them."""

    books: Books
    ledger: LedgerBooks
    count: int = 0

    def write(self, *entries: Entry, records: tuple[Record, ...] = (), events: tuple[CoinEvent, ...] = ()) -> Receipt:
        """One act."""
        self.count += 1
        return self.books.commit(Write(f"k{self.count}", "accountant", "post", AT, entries, records, events))

    def change(self, held: HeldAccount) -> None:
        """The record of an account."""
        self.write(records=(account_record(held, "ordered"),))

    def state(self, code: str) -> AccountState:
        """An account that is there."""
        found = self.ledger.account(code)
        assert found is not None
        return found


@pytest.fixture(params=["twin", "postgres"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Books with the accounts opened, and the questions to their ledger."""
    if request.param == "twin":
        twin = SimulatedBooks(clock=lambda: datetime.now(UTC), backing_depth=1)
        twin.open_accounts(SPECS)
        yield Desk(twin, SimulatedLedger(twin))
        return
    template = shared_template()
    name = template.fresh_database()
    postgres = PostgresBooks(template.server.dsn(name))
    postgres.open_accounts(SPECS)
    yield Desk(postgres, PostgresLedger(postgres))
    postgres.close()
    template.drop(name)


def pkr(paisa: int) -> Amount:
    """Paisa."""
    return Amount(paisa, Commodity.PKR)


def move(entry_id: str, source: str, target: str, amount: Amount, at: datetime = AT) -> Entry:
    """From one account to another."""
    return Entry(entry_id, at, "Moved", "letter", (Posting(target, amount), Posting(source, -amount)))


def earn(entry_id: str, paisa: int, at: datetime = AT) -> Entry:
    """Fees that come in as cash."""
    return move(entry_id, EARNED, CASH, pkr(paisa), at)


def test_accounts_are_a_tree(desk: Desk) -> None:
    """Branches, pages, bounds and holders are told; a record opens an account like the programme."""
    desk.change(HeldAccount(AccountSpec("liabilities:participants:p-3:PKR", "PKR", "liability"), "p-3"))
    assert [state.spec.code for state in desk.ledger.accounts()] == sorted(
        [spec.code for spec in SPECS] + ["liabilities:participants:p-3:PKR"]
    )
    branch = desk.ledger.accounts("liabilities:participants")
    assert [state.holder for state in branch] == ["", "", "p-3"]
    assert [state.spec.code for state in desk.ledger.accounts("liabilities:part")] == []
    first = desk.ledger.accounts(limit=2)
    rest = desk.ledger.accounts(after=first[-1].spec.code, limit=100)
    assert len(first) + len(rest) == len(SPECS) + 1
    assert desk.state(DUE).spec.ceiling == pkr(1000)
    assert desk.state(CERTIFICATE).spec.claim == "term"
    assert desk.ledger.account("assets:nowhere") is None
    codes = (DUE, "assets:nowhere", "liabilities:participants:p-3:PKR", CASH, DUE)
    assert dict(desk.ledger.states(codes)) == {code: desk.state(code) for code in codes if code != "assets:nowhere"}
    assert desk.ledger.states(()) == {}


def test_opened_otherwise_is_a_conflict(desk: Desk) -> None:
    """Another class of claim is another account."""
    with pytest.raises(AccountConflict):
        desk.books.open_accounts((AccountSpec(CLAIM, "BTC", "liability", "term"),))


def test_two_dates(desk: Desk) -> None:
    """By when it happened, and by when it was entered; an instant counts to the microsecond."""
    desk.write(earn("a", 100))
    time.sleep(0.002)
    between = datetime.now(UTC)
    time.sleep(0.002)
    desk.write(earn("late", 20, AT - timedelta(days=9)), earn("c", 3, AT + timedelta(microseconds=1)))
    day = AT.replace(hour=0)
    for as_of, units in (
        (AsOf(), 123),
        (AsOf(before=AT), 20),
        (AsOf(before=AT + timedelta(microseconds=1)), 120),
        (AsOf(before=day), 20),
        (AsOf(before=day + timedelta(days=1)), 123),
        (AsOf(known_before=between), 100),
        (AsOf(before=AT, known_before=between), 0),
        (AsOf(before=AT - timedelta(days=30)), 0),
    ):
        assert desk.ledger.balances_at([CASH, "assets:nowhere"], as_of) == {CASH: pkr(units)}, as_of
    assert desk.state(CASH).balance == pkr(123)
    assert desk.state(CASH).postings == 3


def test_lines_of_a_period(desk: Desk) -> None:
    """Opening, and postings by event date; lot, cost and evidence as they were posted."""
    lot = Lot(outpoint(1), "pool")
    coin = (Posting(VAULT, sats(5), lot, pkr(70)), Posting(ROYALTIES, sats(-5)))
    desk.write(earn("b", 2, AT), Entry("coin", AT, "Coin", "txid", coin), earn("c", 4, AT + timedelta(days=2)))
    desk.write(earn("a", 1, AT - timedelta(days=1)))
    found = desk.ledger.lines([CASH, VAULT, "assets:nowhere"], AT, AT + timedelta(days=2))
    assert sorted(found) == [CASH, VAULT]
    assert found[CASH].opening == pkr(1)
    assert [(line.entry_id, line.at, line.posting) for line in found[CASH].lines] == [("b", AT, Posting(CASH, pkr(2)))]
    (line,) = found[VAULT].lines
    assert (line.posting, line.narration, line.evidence) == (coin[0], "Coin", "txid")
    assert abs(line.entered_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_reversal_names_what_it_takes_back(desk: Desk) -> None:
    """It is there, both ways; it balances to nothing; and a thing is undone once, whole."""
    desk.write(earn("a", 5), earn("b", 70))
    original = desk.ledger.entry("a")
    assert original is not None
    assert (original.entry, original.reversed_by, original.write_key) == (earn("a", 5), "", "k1")
    back = reversal(earn("a", 5), "r", AT + timedelta(days=1), "Wrong payer", "letter 9")
    for bad in (
        structs.replace(back, postings=earn("x", -4).postings),
        structs.replace(back, postings=earn("x", 5).postings),
        structs.replace(back, reverses="nothing"),
        structs.replace(back, at=datetime(1999, 1, 1, tzinfo=UTC)),
        structs.replace(back, at=AT - timedelta(microseconds=1)),
    ):
        with pytest.raises(BadReversal):
            desk.write(bad)
    desk.write(back)
    reversed_ = desk.ledger.entry("a")
    assert reversed_ is not None
    assert reversed_.reversed_by == "r"
    assert desk.state(CASH).balance == pkr(70)
    with pytest.raises(BadReversal):
        desk.write(structs.replace(back, id="r2"))
    with pytest.raises(BadReversal):
        desk.write(reversal(back, "r3", AT + timedelta(days=1), "Right after all", "letter 10"))
    assert desk.ledger.entry("r2") is None
    assert desk.books.entries() == (earn("a", 5), earn("b", 70), back)
    assert desk.books.breaks() == ()


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (move("e", CASH, EARNED, pkr(101)), Overdrawn),
        (move("e", CASH, DUE, pkr(1)), Overdrawn),
        (move("e", DUE, CASH, pkr(1001)), AboveCeiling),
    ],
)
def test_bounds(desk: Desk, entry: Entry, cause: type[ZakhiraError]) -> None:
    """Floors of assets and liabilities, and ceilings."""
    desk.write(earn("a", 100))
    with pytest.raises(cause):
        desk.write(entry)
    assert desk.state(CASH).balance == pkr(100)


def test_bounds_change_by_records(desk: Desk) -> None:
    """A ceiling that does not fit what is there is refused; no account gets an overdraft that it was opened without."""
    desk.write(earn("a", 100))
    with pytest.raises(AboveCeiling):
        desk.change(HeldAccount(replace(SPECS[0], ceiling=pkr(99))))
    desk.change(HeldAccount(replace(SPECS[0], ceiling=pkr(100))))
    with pytest.raises(AboveCeiling):
        desk.write(earn("b", 1))
    with pytest.raises(AccountChanged):
        desk.change(HeldAccount(replace(SPECS[0], overdraft="allowed")))
    with pytest.raises(Overdrawn):
        desk.write(move("c", CASH, EARNED, pkr(101)))
    loose = HeldAccount(AccountSpec("assets:loose", "PKR", "asset", overdraft="allowed"))
    desk.change(loose)
    desk.write(move("c", "assets:loose", EARNED, pkr(500)))
    assert desk.state("assets:loose").balance == pkr(-500)
    with pytest.raises(Overdrawn):
        desk.change(HeldAccount(replace(loose.spec, overdraft="none")))
    assert desk.books.breaks() == ()


def test_a_frozen_account(desk: Desk) -> None:
    """It gets nothing and gives nothing until it is let go on; a vault cannot be frozen."""
    desk.write(earn("a", 100))
    desk.change(HeldAccount(SPECS[0], is_frozen=True))
    assert desk.state(CASH).is_frozen
    for amount in (pkr(1), pkr(-1)):
        with pytest.raises(AccountFrozen):
            desk.write(move("b", EARNED, CASH, amount))
    desk.change(HeldAccount(SPECS[0]))
    desk.write(earn("b", 1))
    assert not desk.state(CASH).is_frozen
    assert desk.books.breaks() == ()


@pytest.mark.parametrize(
    ("code", "told", "cause"),
    [
        (CASH, {"commodity": "USD"}, AccountChanged),
        (CASH, {"kind": "expense"}, BadAccountRecord),
        (CLAIM, {"commodity": "BTC", "kind": "liability", "holder": "p-9"}, AccountChanged),
        (CERTIFICATE, {"commodity": "BTC", "kind": "liability", "claim": "demand"}, AccountChanged),
        (VAULT, {"commodity": "BTC", "is_frozen": True}, VaultAccount),
        (VAULT, {"commodity": "BTC", "ceiling_units": "5"}, VaultAccount),
        (CASH, {"holder": "p-1"}, BadHolder),
        (CASH, {"kind": "debt"}, BadAccountRecord),
        (CASH, {"claim": "demand"}, BadAccountRecord),
        ("a::b", {}, BadAccountRecord),
    ],
)
def test_what_no_record_can_say(desk: Desk, code: str, told: dict[str, object], cause: type[ZakhiraError]) -> None:
    """What an account is never changes, and what it cannot be it does not become."""
    body = account_body(HeldAccount(SPECS[0]), "ordered")
    assert isinstance(body, dict)
    with pytest.raises(cause):
        desk.write(records=(Record("account", code, {**body, **told}),))  # type: ignore[dict-item]  # JSON
    assert len(desk.ledger.accounts()) == len(SPECS)


def test_periods_close_and_stay_closed(desk: Desk) -> None:
    """Nothing is dated into March any more, April must follow, and a period that is not over stays open."""
    desk.write(earn("a", 100))
    assert desk.ledger.closed_through() is None
    desk.write(records=(period_record(MARCH, "month over"),))
    assert desk.ledger.closed_through() == MARCH.last
    with pytest.raises(PeriodClosed):
        desk.write(earn("b", 1, MARCH.end - timedelta(microseconds=1)))
    desk.write(earn("b", 1, MARCH.end))
    desk.write(reversal(earn("a", 100), "r", MARCH.end, "Wrong payer", "letter"))
    for period in (MARCH, Period(date(2026, 4, 2), date(2026, 4, 30))):
        with pytest.raises(PeriodOutOfOrder):
            desk.write(records=(period_record(period, "again"),))
    today = datetime.now(UTC).date()
    with pytest.raises(PeriodNotOver):
        desk.write(records=(period_record(Period(date(2026, 4, 1), today), "too early"),))
    with pytest.raises(BadPeriodRecord):
        desk.write(records=(Record("period", "20260430", {"first": "2026-04-01", "because": "x"}),))
    assert desk.ledger.closed_through() == MARCH.last
    assert desk.books.breaks() == ()


def block(height: int, *more: CoinEvent) -> tuple[CoinEvent, ...]:
    """A block of the followed chain with what it does."""
    hash_, previous = f"{height:064x}", f"{height - 1:064x}"
    head = CoinEvent(CoinEventKind.BLOCK_CONNECTED, height, hash_, previous)
    return (head, *(replace(event, height=height, block_hash=hash_) for event in more))


def coin(number: int, amount_sats: int) -> CoinEvent:
    """A coin for a vault."""
    kind, script = CoinEventKind.COIN_CREATED, "0014" + "ab" * 20
    name = outpoint(number)
    return CoinEvent(kind, 0, "", outpoint=name, vault="cold", place=number, amount_sats=amount_sats, script_hex=script)


def test_claims_and_what_stands_behind_them(desk: Desk) -> None:
    """Credits up to the proven coins and not above; a theft is recorded, leaves a deficit and halts credits."""
    depth = Record(PROOF_DEPTH, "BTC", depth_body(Depth((0,), (1,), 100)))
    paper = CoinPaper(outpoint(1), ANNOUNCED, "royalty", (outpoint(1),), None, "pool", "").record
    with pytest.raises(ClaimsAboveBacking):
        desk.write(move("e", CLAIM, ROYALTIES, sats(1)))
    desk.write(records=(depth, paper), events=block(1, coin(1, 100)))
    desk.write(move("a", CLAIM, ROYALTIES, sats(60)), move("b", CERTIFICATE, ROYALTIES, sats(40)))
    with pytest.raises(ClaimsAboveBacking):
        desk.write(move("c", CERTIFICATE, ROYALTIES, sats(1)))
    found = desk.ledger.backing(Commodity.BTC)
    assert found is not None
    assert (found.proven, found.demand, found.term, found.deficit, found.is_halted) == (100, 60, 40, 0, False)
    spent = CoinEvent(CoinEventKind.COIN_SPENT, 0, "", outpoint=outpoint(1), spent_by="cd" * 32)
    desk.write(events=block(2, spent))
    found = desk.ledger.backing(Commodity.BTC)
    assert found is not None
    assert (found.proven, found.deficit, found.is_halted) == (0, 100, True)
    with pytest.raises((CreditsHalted, ClaimsAboveBacking)):
        desk.write(move("d", CLAIM, ROYALTIES, sats(1)))
    desk.write(move("paid", ROYALTIES, CLAIM, sats(60)))
    assert desk.ledger.backing(Commodity.PKR) is None
    assert desk.books.breaks() == ()


def test_what_no_trigger_reads_is_kept_all_the_same(desk: Desk) -> None:
    """Every version of an account's record is there: who froze it when, and why."""
    desk.change(HeldAccount(SPECS[0], is_frozen=True))
    desk.change(HeldAccount(SPECS[0]))
    assert len(desk.books.versions("account", CASH)) == 2
