"""What the database derives from records, altered with the triggers off: the full check names it."""

from __future__ import annotations

from datetime import date

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import write
from payout_drill import PayoutDrill, campaign, csv_of, officer, payee
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.verifying.verification import read_all_breaks
from zakhira.flows.paying.stopping import stop
from zakhira.flows.ports.ledger_records import account_record, period_record
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec
from zakhira.settlement.payouts.entries import participant_account

HERS = participant_account(payee(9), "PKR")
HER_NUMBER = f"(SELECT number FROM zakhira.account WHERE code = '{HERS}')"  # noqa: S608 - of this file
ALTERATIONS = (
    ("UPDATE zakhira.payout_stop SET is_standing = false", "stop of payouts (batch-1): whether it stands"),
    ("DELETE FROM zakhira.payout_stop", "stop of payouts (batch-1): whether it stands"),
    ("INSERT INTO zakhira.payout_stop VALUES ('all', false)", "stop of payouts (all): whether it stands"),
    ("UPDATE zakhira.payout_gate SET stops = 0", "stops of payouts: their number"),
    ("UPDATE zakhira.campaign SET budget_units = budget_units * 1000", "campaign stipend-2026: its terms"),
    ("UPDATE zakhira.campaign SET most_per_payee_units = 99999999", "campaign stipend-2026: its terms"),
    ("UPDATE zakhira.campaign SET terms = terms - 'way'", "campaign stipend-2026: its terms"),
    ("UPDATE zakhira.campaign SET state = 'proposed'", "campaign stipend-2026: its terms, or its state"),
    ("UPDATE zakhira.campaign SET taken_units = 0", "campaign stipend-2026: what was taken"),
    ("UPDATE zakhira.campaign_payee SET units = 0", "campaign stipend-2026: what p-000001 has got"),
    ("DELETE FROM zakhira.campaign_payee", "campaign stipend-2026: what p-000002 has got"),
    ("UPDATE zakhira.campaign_take SET units = units - 1", "campaign stipend-2026: what write"),
    ("DELETE FROM zakhira.campaign_take", "campaign stipend-2026: what write"),
    ("UPDATE zakhira.payout SET state = 'releasing'", "payout batch-1: its batch, or its state"),
    ("UPDATE zakhira.payout SET batch_hash = 'other'", "payout batch-1: its batch"),
    ("UPDATE zakhira.payout_row SET units = 1 WHERE payee = 'p-000001'", "payout batch-1: its row for p-000001"),
    ("UPDATE zakhira.payout_row SET account = 'income:energy'", "payout batch-1: its row for p-000002"),
    ("UPDATE zakhira.payout_row SET entry = payee", "payout batch-1: its row for p-000001"),
    ("DELETE FROM zakhira.payout_row WHERE payee = 'p-000002'", "payout batch-1: its row for p-000002"),
    ("UPDATE zakhira.payout_row SET is_out = false", "payout batch-1: whether p-000001 was paid"),
    ("UPDATE zakhira.balance SET floor_units = -9223372036854775807", f"balance of {HERS}: its bounds"),
    (
        f"UPDATE zakhira.balance SET ceiling_units = 7 WHERE account = {HER_NUMBER}",  # noqa: S608 - of this file
        f"balance of {HERS}: its bounds",
    ),
    ("UPDATE zakhira.balance SET is_frozen = false", "balance of liabilities:frozen:PKR: its bounds, its freeze"),
    ("UPDATE zakhira.closing SET through = '-infinity'", "periods: the day through which everything is closed"),
    ("DELETE FROM zakhira.closed_period", "period to 2024-12-31: what is closed"),
    (
        "UPDATE zakhira.account SET holder = 'p-000002' WHERE holder = 'p-000009'",
        f"account {HERS}: what it is, or whose",
    ),
    (
        "UPDATE zakhira.account SET holder = 'p-000001' WHERE code = 'liabilities:frozen:PKR'",
        "account liabilities:frozen:PKR: what it is",
    ),
    ("UPDATE zakhira.account SET commodity = 'USD' WHERE holder = 'p-000009'", f"account {HERS}: what it is"),
    (
        (
            "ALTER TABLE zakhira.account DROP CONSTRAINT account_kind_is_its_branch, "
            "DROP CONSTRAINT account_held_is_a_liability;"
            "UPDATE zakhira.account SET kind = 'equity' WHERE holder = 'p-000009'"
        ),
        f"account {HERS}: what it is",
    ),
    ("UPDATE zakhira.account SET code = code || 'x' WHERE holder = 'p-000009'", f"account {HERS}: what it is"),
    ("UPDATE zakhira.audit SET written_at = written_at - interval '100 days'", "sealing: until when"),
    (
        "UPDATE zakhira.audit SET written_at = written_at + interval '100 days' WHERE sequence = 3",
        "before what has an earlier number",
    ),
    ("UPDATE zakhira.audit SET written_at = written_at - interval '2 min' WHERE sequence = 3", "write 3 ("),
    ("UPDATE zakhira.sealing SET written_through = 'infinity'", "sealing: until when"),
)


@pytest.fixture
def paid(books: PostgresBooks) -> PayoutDrill:
    """Two payees were paid and a stop stands; an account is frozen, and a year is closed."""
    made = PayoutDrill(books, PostgresLedger(books), PostgresMovements(books))
    made.enter(5, "PKR")
    made.opened(campaign())
    made.paid(campaign(), csv_of("p-000001,20000 PKR,stipend", "p-000002,30000 PKR,stipend"), "50000 PKR")
    stop(made.desk, "batch-1", "somebody called", officer("bilal"))
    hers = HeldAccount(AccountSpec(HERS, "PKR", "liability"), payee(9))
    books.commit(write("open", records=(account_record(hers, "a letter"),)))
    frozen = HeldAccount(AccountSpec("liabilities:frozen:PKR", "PKR", "liability"), is_frozen=True)
    books.commit(write("freeze", records=(account_record(frozen, "a letter"),)))
    books.commit(write("close", records=(period_record(Period(date(2024, 1, 1), date(2024, 12, 31)), "over"),)))
    books.seal()
    return made


def test_nothing_is_told_of_what_nobody_altered(paid: PayoutDrill, books: PostgresBooks) -> None:
    """All of it is as its records and postings say."""
    assert paid.held("liabilities:frozen:PKR") == 0
    assert books.breaks() == ()


def test_each_alteration_is_named(paid: PayoutDrill, owner: Connection[TupleRow]) -> None:
    """One after the other, each alone and taken back."""
    assert paid.held(participant_account(payee(1), "PKR")) == 20_000_00
    owner.execute("SET session_replication_role = replica")
    for alteration, words in ALTERATIONS:
        with owner.transaction(force_rollback=True):
            assert owner.execute(alteration.encode()).rowcount, alteration
            found = read_all_breaks(owner)
        assert any(words in one for one in found), (alteration, found)


def test_a_record_that_says_nothing_is_a_finding_and_no_failure(
    paid: PayoutDrill, books: PostgresBooks, owner: Connection[TupleRow]
) -> None:
    """Whatever somebody makes of a record's body, the check goes through."""
    assert paid.held(HERS) == 0
    owner.execute("SET session_replication_role = replica")
    owner.execute(
        "UPDATE zakhira.record SET body = '[1]' WHERE kind IN ('campaign', 'payout', 'payout rows', 'payout stop')"
    )
    found = books.breaks()
    for words in (
        "campaign stipend-2026: its terms",
        "payout batch-1: its batch",
        "batch-1: its row",
        "stop of payouts",
    ):
        assert any(words in one for one in found), (words, found)
