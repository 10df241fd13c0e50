"""What somebody with the application's login tries against funds and payouts, statement by statement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from msgspec import structs
from psycopg import Connection, IsolationLevel
from psycopg.rows import TupleRow

from custody_drill import NOW
from payout_drill import PayoutDrill, campaign, csv_of, officer, payee
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.writing import insert_write, prepare
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.paying.campaign_record import CAMPAIGN, OPEN, CampaignRecord
from zakhira.flows.paying.payout_record import PAYOUT, PAYOUT_ROWS
from zakhira.flows.paying.stopping import ALL, stop
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting, reversal
from zakhira.programme.model import AccountSpec
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.entries import (
    campaign_accounts,
    funding_entry,
    participant_account,
    row_entry_id,
)
from zakhira.settlement.payouts.faults import BeyondCampaign

ONE = csv_of("p-000001,20000 PKR,stipend")
THIEF = participant_account(payee(5), "PKR")
FUND = campaign().fund
BANK = campaign(id="by-bank", way=Way.BANK, debtor=("Programme", "PK36SCBL0000001123456702", "SCBLPKKX"))


@pytest.fixture
def drill(books: PostgresBooks) -> PayoutDrill:
    """The drill over a real database, with an open campaign."""
    made = PayoutDrill(books, PostgresLedger(books), PostgresMovements(books))
    made.enter(5, "PKR")
    made.opened(campaign())
    return made


@pytest.fixture
def hand(drill: PayoutDrill, logins: Logins) -> Iterator[Connection[TupleRow]]:
    """A connection of the application's login, with the drill's accounts there."""
    with psycopg.connect(logins.app) as connection:
        yield connection


def begun(connection: Connection[TupleRow], name: str, entries: int, postings: int) -> int:
    """Begin a write by hand; its number."""
    audit = make_entry(0, name, "x", "x", NOW, "ab" * 32)
    row = connection.execute(
        "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count,"
        " record_count, event_count) VALUES (%s, 'x', 'x', %s, %s, %s, %s, %s, 0, 0) RETURNING sequence",
        (name, NOW, audit.content_hash, audit.leaf_hash, entries, postings),
    ).fetchone()
    assert row is not None
    return int(row[0])


def put_entry(connection: Connection[TupleRow], number: int, entry_id: str, evidence: str, postings: int) -> None:
    """The entry alone."""
    connection.execute(
        "INSERT INTO zakhira.entry (sequence, ordinal, id, at, narration, evidence, posting_count)"
        " VALUES (%s, 1, %s, %s, 'x', %s, %s)",
        (number, entry_id, NOW, evidence, postings),
    )


def put_postings(connection: Connection[TupleRow], number: int, *rows: tuple[str, int]) -> None:
    """Postings of its one entry, in one statement."""
    connection.execute(
        "INSERT INTO zakhira.posting (sequence, entry_ordinal, ordinal, account, units, day, commodity)"
        " SELECT %s, 1, given.place, account.number, given.units, %s, 'PKR'"
        " FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY AS given (code, units, place)"
        " JOIN zakhira.account ON account.code = given.code",
        (number, NOW.date(), [code for code, _ in rows], [units for _, units in rows]),
    )


def sent(connection: Connection[TupleRow], *entries: Entry) -> None:
    """Entries as the database's own function writes them; not committed."""
    rows = connection.execute("SELECT code, number FROM zakhira.account").fetchall()
    write = Write(f"by hand {entries[0].id}", "x", "x", NOW, entries=entries)
    insert_write(connection, prepare(write), {str(code): int(number) for code, number in rows})


def outcome(connection: Connection[TupleRow]) -> str:
    """What a commit comes to: the SQLSTATE of the refusal, or nothing."""
    try:
        connection.commit()
    except psycopg.Error as error:
        connection.rollback()
        return str(error.sqlstate)
    return ""


def told_row(name: str, who: str, to: str, units: int = 20_000_00) -> dict[str, Json]:
    """A row as a record tells it."""
    entry = row_entry_id(name, who)
    return {"payee": who, "commodity": "PKR", "units": str(units), "tax_units": "0", "entry": entry, "to": to}


def forged(drill: PayoutDrill, name: str, *rows: dict[str, Json], of: str = "stipend-2026") -> None:
    """Records of a payout in release that nobody signed."""
    header: Json = {"campaign": of, "batch_hash": name, "state": "releasing"}
    told: Json = {"campaign": of, "rows": list(rows)}
    records = (Record(PAYOUT, name, header), Record(PAYOUT_ROWS, name, told))
    drill.books.commit(Write(f"forged {name}", "x", "x", drill.now, records=records))


def row_entry(name: str, who: str, units: int = 20_000_00, told: Campaign | None = None) -> Entry:
    """The entry of a row."""
    found = told or campaign()
    to = found.ordered if found.way is Way.BANK else participant_account(who, "PKR")
    amount = Amount(units, Commodity.PKR)
    postings = (Posting(found.fund, amount), Posting(to, -amount))
    return Entry(row_entry_id(name, who), NOW, "stipend", f"payout {name}", postings)


def test_what_leaves_a_fund_is_judged_with_its_entry_or_not_at_all(
    drill: PayoutDrill, hand: Connection[TupleRow]
) -> None:
    """The check is made at once, the postings come first and the entry after: no order of statements empties a fund."""
    hand.execute("SET CONSTRAINTS zakhira.judge_take IMMEDIATE")
    number = begun(hand, "take", 1, 2)
    with pytest.raises(psycopg.Error, match="is no row of a payout") as told:
        put_postings(hand, number, (FUND, 900), (THIEF, -900))
    assert told.value.sqlstate == "ZK034"
    hand.rollback()
    assert drill.held(FUND) == 620_000_00


def test_an_entry_of_a_row_gets_no_postings_after_it_was_looked_at(
    drill: PayoutDrill, hand: Connection[TupleRow]
) -> None:
    """The row's two postings, the entry, looked at; then two more would follow for the thief."""
    forged(drill, "batch-9", told_row("batch-9", payee(1), participant_account(payee(1), "PKR")))
    hand.execute("SET CONSTRAINTS zakhira.require_payout_entry IMMEDIATE")
    number = begun(hand, "take", 1, 4)
    put_postings(hand, number, (FUND, 20_000_00), (participant_account(payee(1), "PKR"), -20_000_00))
    with pytest.raises(psycopg.Error, match="does not post what") as told:
        put_entry(hand, number, row_entry_id("batch-9", payee(1)), "payout batch-9", 4)
    assert told.value.sqlstate == "ZK034"


def test_a_stop_binds_who_began_before_it(drill: PayoutDrill, logins: Logins) -> None:
    """In an old snapshot the payment fails; where each statement sees the newest, it sees the stop."""
    forged(drill, "batch-9", told_row("batch-9", payee(1), participant_account(payee(1), "PKR")))
    with psycopg.connect(logins.app) as old, psycopg.connect(logins.app) as fresh:
        old.isolation_level = IsolationLevel.REPEATABLE_READ
        old.execute("SELECT count(*) FROM zakhira.payout_stop")
        stop(drill.desk, ALL, "somebody called", officer("bilal"))
        sent(old, row_entry("batch-9", payee(1)))
        assert outcome(old) == "40001"
        sent(fresh, row_entry("batch-9", payee(1)))
        assert outcome(fresh) == "ZK035"
    assert drill.held(FUND) == 620_000_00


def test_a_payment_and_a_stop_have_an_order(drill: PayoutDrill, logins: Logins) -> None:
    """What was looked at before the stop is out before the stop stands: the stop waits for it, and then binds."""
    names = ("batch-8", "batch-9")
    for name in names:
        forged(drill, name, told_row(name, payee(1), participant_account(payee(1), "PKR")))
    with psycopg.connect(logins.app) as first, psycopg.connect(logins.app) as second:
        sent(first, row_entry("batch-8", payee(1)))
        first.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(stop, drill.desk, ALL, "somebody called", officer("bilal"))
            time.sleep(0.3)
            assert not stopping.done()
            assert outcome(first) == ""
            assert stopping.result().is_standing
        sent(second, row_entry("batch-9", payee(1)))
        assert outcome(second) == "ZK035"


def test_a_row_goes_to_its_payee_and_nowhere_else(drill: PayoutDrill) -> None:
    """Two spellings of a payee with one account would have twice the limit."""
    for who, to in (
        ("P-000001", "liabilities:participants:p-000001:PKR"),
        ("p-000001 ", "liabilities:participants:p-000001:PKR"),
        ("p-000002", "liabilities:participants:p-000001:PKR"),
        ("p-000001", "income:fees"),
        ("p-000001", "liabilities:campaigns:other:PKR"),
        ("p-000001", "liabilities:ordered:stipend-2026:PKR"),
        ("p-000001", "expenses:campaigns:stipend-2026:PKR"),
    ):
        with pytest.raises(BeyondCampaign, match="is not paid to"):
            forged(drill, "batch-9", told_row("batch-9", who, to))


def test_a_row_goes_to_no_account_that_another_holds(drill: PayoutDrill) -> None:
    """The code of the account names the payee, and it was opened for somebody else."""
    body = {"commodity": "PKR", "kind": "liability", "claim": "none", "overdraft": "none", "ceiling_units": None}
    told: Json = {**body, "holder": "p-000005", "is_frozen": False, "because": "x"}
    code = participant_account(payee(77), "PKR")
    drill.books.commit(Write("account", "x", "x", drill.now, records=(Record("account", code, told),)))
    with pytest.raises(BeyondCampaign, match="is not paid to"):
        forged(drill, "batch-9", told_row("batch-9", payee(77), code))


def test_what_was_credited_counts_after_it_is_reversed(drill: PayoutDrill) -> None:
    """The payee moved it on, gets it back from elsewhere, and the row is reversed: nobody is paid a second time."""
    first, second = ("batch-8", 50_000_00), ("batch-9", 20_000_00)
    for name, units in (first, second):
        forged(drill, name, told_row(name, payee(1), participant_account(payee(1), "PKR"), units))
    paid = row_entry("batch-8", payee(1), 50_000_00)
    drill.books.commit(Write("paid", "x", "x", drill.now, (paid,)))
    back = reversal(paid, "back", drill.now, "a mistake", "letter 7")
    drill.books.commit(Write("back", "x", "x", drill.now, (back,)))
    with pytest.raises(BeyondCampaign, match="gives 6000000 to one payee"):
        drill.books.commit(Write("again", "x", "x", drill.now, (row_entry("batch-9", payee(1)),)))


def test_what_a_bank_did_not_pay_is_paid_anew(drill: PayoutDrill) -> None:
    """There the reversal gives the limit back."""
    drill.opened(BANK)
    for name in ("batch-8", "batch-9"):
        forged(drill, name, told_row(name, payee(1), BANK.ordered, 50_000_00), of=BANK.id)
    paid = row_entry("batch-8", payee(1), 50_000_00, BANK)
    drill.books.commit(Write("ordered", "x", "x", drill.now, (paid,)))
    drill.books.commit(Write("back", "x", "x", drill.now, (reversal(paid, "back", drill.now, "not paid", "bank"),)))
    drill.books.commit(Write("again", "x", "x", drill.now, (row_entry("batch-9", payee(1), 50_000_00, BANK),)))
    assert drill.held(BANK.fund) == 570_000_00


def test_no_state_goes_backwards(drill: PayoutDrill) -> None:
    """A payout that was refused is not released, one that is released is not prepared, an open campaign stays open."""

    def say(kind: str, name: str, body: Json) -> None:
        drill.books.commit(Write(f"{kind} {name} {body}", "x", "x", drill.now, records=(Record(kind, name, body),)))

    def payout(state: str) -> Json:
        return {"campaign": "stipend-2026", "batch_hash": "b", "state": state}

    say(PAYOUT, "refused", payout("refused"))
    say(PAYOUT, "out", payout("released"))
    say(PAYOUT, "new", payout("prepared"))
    for name, state in (("refused", "releasing"), ("out", "prepared"), ("out", "refused"), ("new", "releasing")):
        with pytest.raises(BeyondCampaign, match="does not become"):
            say(PAYOUT, name, payout(state))
    open_one = drill.books.latest(CAMPAIGN, "stipend-2026")
    assert isinstance(open_one, dict)
    with pytest.raises(BeyondCampaign, match="does not become"):
        say(CAMPAIGN, "stipend-2026", {**open_one, "state": "refused"})


def test_the_id_of_a_row_is_nobody_elses(drill: PayoutDrill) -> None:
    """An entry that takes it first keeps the rows out with an error at once; one that comes later is refused."""
    squat = structs.replace(row_entry("batch-9", payee(1)), evidence="letter 7")
    squat = structs.replace(
        squat, postings=(Posting(campaign().cost, Amount(1, Commodity.PKR)), Posting(THIEF, _paisa(-1)))
    )
    drill.books.commit(Write("squat", "x", "x", drill.now, (squat,)))
    with pytest.raises(BeyondCampaign, match="is in the books already"):
        forged(drill, "batch-9", told_row("batch-9", payee(1), participant_account(payee(1), "PKR")))
    forged(drill, "batch-8", told_row("batch-8", payee(1), participant_account(payee(1), "PKR")))
    late = structs.replace(squat, id=row_entry_id("batch-8", payee(1)))
    with pytest.raises(BeyondCampaign, match="is a row of a payout"):
        drill.books.commit(Write("late", "x", "x", drill.now, (late,)))


def _paisa(units: int) -> Amount:
    return Amount(units, Commodity.PKR)


def test_a_campaign_opens_with_no_fund_that_somebody_made(drill: PayoutDrill) -> None:
    """The account is there already, and goes below 0, above the budget, or was used before."""
    drill.books.open_accounts((AccountSpec("equity:x", "PKR", "equity"),))
    changes: tuple[dict[str, object], ...] = ({"overdraft": "allowed"}, {"ceiling": None}, {"ceiling": _paisa(1)}, {})
    for number, changed in enumerate(changes):
        made = campaign(id=f"stipend-{number}")
        fund, *others = campaign_accounts(made)
        drill.books.open_accounts((replace(fund, **changed), *others))  # type: ignore[arg-type]  # fields of it
        if not changed:
            _use(drill, made.fund)
        opened = CampaignRecord(made, "dara", NOW, NOW, state=OPEN).record
        for entries in ((), (funding_entry(made, NOW),)) if not changed else ((),):
            with pytest.raises(BeyondCampaign, match="opens with a fund of its own"):
                drill.books.commit(Write(f"open {number}", "x", "x", NOW, entries, (opened,)))


def _use(drill: PayoutDrill, account: str) -> None:
    """Something comes onto an account and leaves it."""
    for name, units in (("in", 5), ("out", -5)):
        postings = (Posting("equity:x", _paisa(units)), Posting(account, _paisa(-units)))
        drill.books.commit(Write(name, "x", "x", NOW, (Entry(name, NOW, "x", "x", postings),)))
