"""What the database itself holds of payouts, whoever connects and whatever the program would have let through."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from msgspec import structs
from psycopg import IsolationLevel
from psycopg.sql import SQL, Identifier

from payout_drill import PayoutDrill, campaign, csv_of, officer, payee
from zakhira.adapters.payout_file import read_payouts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.writing import insert_write, prepare
from zakhira.flows.paying.payout_record import PAYOUT, PAYOUT_ROWS
from zakhira.flows.paying.refusals import PayoutsStopped
from zakhira.flows.paying.stopping import stop
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import EntryExists
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.ledger.entry import Entry, Posting, reversal
from zakhira.ledger.faults import AboveCeiling, Overdrawn
from zakhira.settlement.payouts.entries import participant_account, row_entries, row_entry_id
from zakhira.settlement.payouts.faults import BeyondCampaign
from zakhira.settlement.payouts.reading import read_rows
from zakhira.settlement.payouts.state import PayoutState

TWO = csv_of("p-000001,20000 PKR,stipend", "p-000002,30000 PKR,stipend")


@pytest.fixture
def drill(books: PostgresBooks) -> PayoutDrill:
    """The drill over a real database, with an open campaign."""
    made = PayoutDrill(books, PostgresLedger(books), PostgresMovements(books))
    made.enter(5, "PKR", "BTC")
    made.opened(campaign())
    return made


def released(drill: PayoutDrill) -> None:
    """Two payees are to be paid, the second person has spoken, and nothing is out."""
    drill.prepared(campaign(), TWO)
    drill.approved()
    drill.entered("50000 PKR")


def rows_of(drill: PayoutDrill, content: bytes = TWO) -> tuple[Entry, ...]:
    """The entries of a batch as the program makes them."""
    rows = read_rows(read_payouts(content, "x.csv"), "x.csv").rows
    return row_entries(campaign(), "batch-1", rows, drill.now)


def post(drill: PayoutDrill, *entries: Entry, key: str = "by hand") -> None:
    """Somebody writes entries through the books, past every flow."""
    drill.books.commit(Write(key, "somebody", "by hand", drill.now, entries=entries))


def test_a_batch_is_paid_in_a_real_database(drill: PayoutDrill) -> None:
    """All the way, and everything that is computed anew holds."""
    payout = drill.paid(campaign(), TWO, "50000 PKR")
    assert payout.state is PayoutState.RELEASED
    assert drill.held(participant_account(payee(2), "PKR")) == 30_000_00
    assert drill.held(campaign().fund) == 570_000_00
    assert drill.books.breaks() == ()


def test_a_row_goes_out_once_and_as_it_stands(drill: PayoutDrill) -> None:
    """Another amount, another payee, an invented row, the same row again: each is refused by the database."""
    released(drill)
    first, second = rows_of(drill)
    more = tuple(
        structs.replace(one, amount=Amount(one.amount.units * 2, one.amount.commodity)) for one in first.postings
    )
    elsewhere = (first.postings[0], structs.replace(first.postings[1], account=participant_account(payee(3), "PKR")))
    for wrong in (
        structs.replace(first, postings=more),
        structs.replace(first, postings=elsewhere),
        structs.replace(first, id="another"),
        structs.replace(first, evidence="letter 7"),
        structs.replace(first, evidence="payout batch-9"),
    ):
        with pytest.raises(BeyondCampaign):
            post(drill, wrong)
    post(drill, first, key="right")
    with pytest.raises(EntryExists):
        post(drill, first, key="again")
    with pytest.raises(BeyondCampaign):
        post(drill, structs.replace(first, id="again"), key="again")
    assert drill.held(participant_account(payee(1), "PKR")) == 20_000_00
    post(drill, second, key="second")


def test_nothing_goes_out_before_the_second_person_or_while_a_stop_stands(drill: PayoutDrill) -> None:
    """The state of the payout and the stop bind whoever writes entries."""
    drill.prepared(campaign(), TWO)
    first, _ = rows_of(drill)
    with pytest.raises(BeyondCampaign, match="prepared"):
        post(drill, first)
    drill.approved()
    drill.entered("50000 PKR")
    stop(drill.desk, "batch-1", "somebody called", officer("bilal"))
    with pytest.raises(PayoutsStopped):
        post(drill, first)


def test_terms_and_rows_never_change(drill: PayoutDrill) -> None:
    """A larger budget, other rows, a payee twice, another unit, an amount out of range: no record says so later."""
    drill.prepared(campaign(), TWO)

    def write(kind: str, name: str, body: Json) -> None:
        drill.books.commit(Write(f"{kind} {name}", "x", "x", drill.now, records=(Record(kind, name, body),)))

    terms = drill.books.latest("campaign", "stipend-2026")
    assert isinstance(terms, dict)
    with pytest.raises(BeyondCampaign, match="never change"):
        write("campaign", "stipend-2026", {**terms, "budget": "99900000000"})
    rows = drill.books.latest(PAYOUT_ROWS, "batch-1")
    header = drill.books.latest(PAYOUT, "batch-1")
    assert isinstance(rows, dict)
    assert isinstance(header, dict)
    with pytest.raises(BeyondCampaign, match="never change"):
        write(PAYOUT_ROWS, "batch-1", rows)
    assert isinstance(rows["rows"], list)
    row = rows["rows"][0]
    assert isinstance(row, dict)
    for changed in (
        [{**row, "commodity": "BTC"}],
        [{**row, "units": "5000001"}],
        [{**row, "units": "99"}],
        [row, {**row, "entry": "other"}],
    ):
        new = {**header, "id": "batch-2"}
        records = (Record(PAYOUT, "batch-2", new), Record(PAYOUT_ROWS, "batch-2", {**rows, "rows": changed}))
        with pytest.raises(BeyondCampaign):
            drill.books.commit(Write("batch-2", "x", "x", drill.now, records=records))


def test_limits_per_payee_and_in_total_hold_in_the_database(drill: PayoutDrill) -> None:
    """Two batches that the program would never have let through together: the second is refused when it is posted."""
    _forged(drill, "batch-1", {payee(1): 50_000_00})
    _forged(drill, "batch-2", {payee(1): 50_000_00})
    post(drill, _row("batch-1", payee(1), 50_000_00, drill), key="1")
    with pytest.raises(BeyondCampaign, match="gives 6000000 to one payee"):
        post(drill, _row("batch-2", payee(1), 50_000_00, drill), key="2")


def _row(name: str, who: str, units: int, drill: PayoutDrill) -> Entry:
    amount = Amount(units, Commodity.PKR)
    postings = (Posting(campaign().fund, amount), Posting(participant_account(who, "PKR"), -amount))
    return Entry(row_entry_id(name, who), drill.now, "stipend", f"payout {name}", postings)


def _forged(drill: PayoutDrill, name: str, paid: dict[str, int]) -> None:
    """Records of a payout in release that nobody signed."""
    rows: list[Json] = [
        {
            "payee": who,
            "commodity": "PKR",
            "units": str(units),
            "tax_units": "0",
            "entry": row_entry_id(name, who),
            "to": participant_account(who, "PKR"),
        }
        for who, units in paid.items()
    ]
    header: Json = {"campaign": "stipend-2026", "batch_hash": name, "state": "releasing"}
    records = (
        Record(PAYOUT, name, header),
        Record(PAYOUT_ROWS, name, {"campaign": "stipend-2026", "rows": rows}),
    )
    drill.books.commit(Write(f"forged {name}", "x", "x", drill.now, records=records))


def test_a_fund_is_never_below_zero_nor_above_its_budget(drill: PayoutDrill) -> None:
    """Without any campaign's rule the ledger's own floor and ceiling would refuse it as well."""
    amount = parse_amount("620000.01 PKR")
    out = (Posting(campaign().fund, amount), Posting(participant_account(payee(1), "PKR"), -amount))
    with pytest.raises(Overdrawn):
        post(drill, Entry("out", drill.now, "too much", "letter 1", out))
    more = (Posting(campaign().cost, parse_amount("0.01 PKR")), Posting(campaign().fund, parse_amount("-0.01 PKR")))
    with pytest.raises(AboveCeiling):
        post(drill, Entry("more", drill.now, "minted", "letter 2", more))


def test_what_a_bank_did_not_pay_counts_no_more_and_is_never_paid_again(drill: PayoutDrill) -> None:
    """The entry that is taken back frees the limit; its id is used up."""
    released(drill)
    first, second = rows_of(drill)
    post(drill, first, second, key="out")
    post(drill, reversal(first, "back", drill.now, "not paid", "bank status 7"), key="back")
    assert drill.held(campaign().fund) == 590_000_00
    with pytest.raises(EntryExists):
        post(drill, first, key="again")


def test_nobody_writes_the_derived_tables_by_hand(app: psycopg.Connection[psycopg.rows.TupleRow]) -> None:
    """They follow records and postings."""
    for table in ("campaign", "campaign_payee", "payout", "payout_row", "payout_stop", "campaign_take"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(SQL("DELETE FROM zakhira.{}").format(Identifier(table)))


@pytest.mark.parametrize("level", [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ])
def test_two_batches_at_once_do_not_pay_a_payee_beyond_the_limit(
    drill: PayoutDrill, logins: Logins, level: IsolationLevel
) -> None:
    """The second waits for the first's fund, sees what it has paid, and is refused whole."""
    for name in ("batch-1", "batch-2"):
        _forged(drill, name, {payee(1): 40_000_00})
    with psycopg.connect(logins.app) as first, psycopg.connect(logins.app) as second:
        first.isolation_level = second.isolation_level = level
        second.execute("SELECT count(*) FROM zakhira.campaign_payee")  # a snapshot, where the level keeps one
        _by_hand(first, _row("batch-1", payee(1), 40_000_00, drill))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_commit, second, _row("batch-2", payee(1), 40_000_00, drill))
            time.sleep(0.3)
            assert not waiting.done()
            first.commit()
            assert waiting.result() in {"ZK036", "40001"}
    assert drill.held(participant_account(payee(1), "PKR")) == 40_000_00


def _by_hand(connection: psycopg.Connection[psycopg.rows.TupleRow], entry: Entry) -> None:
    rows = connection.execute("SELECT code, number FROM zakhira.account").fetchall()
    write = Write(f"by hand {entry.id}", "x", "x", entry.at, entries=(entry,))
    insert_write(connection, prepare(write), {str(code): int(number) for code, number in rows})


def _commit(connection: psycopg.Connection[psycopg.rows.TupleRow], entry: Entry) -> str:
    """What became of it: the SQLSTATE of the refusal, or nothing."""
    try:
        _by_hand(connection, entry)
        connection.commit()
    except psycopg.Error as error:
        connection.rollback()
        return str(error.sqlstate)
    return ""
