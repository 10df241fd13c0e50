"""Payouts that went wrong elsewhere, against the database alone: a login of the application that skips every check.

Nothing of form, policy or the program's ledger is called: records and entries go in by the database's own function, as
whoever holds the application's password could send them. Where coins are asked for, there are enough of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from backing_bench import Bench
from custody_drill import NOW
from payout_drill import PayoutDrill, payee
from payout_replays import BITHUMB, CRYPTO_COM, PAXOS, REPLAYS, SMALL, Replay
from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.movements import PostgresMovements
from zakhira.adapters.postgres.transfers import insert_transfers
from zakhira.adapters.postgres.writing import insert_write, prepare
from zakhira.flows.paying.campaign_record import OPEN, CampaignRecord
from zakhira.flows.paying.payout_record import PAYOUT, rows_record
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import AboveCeiling, ClaimsAboveBacking, Overdrawn, WrongCommodity
from zakhira.programme.model import AccountSpec
from zakhira.settlement.payouts.batch import Batch
from zakhira.settlement.payouts.entries import campaign_accounts, funding_entry, participant_account, row_entries
from zakhira.settlement.payouts.faults import BeyondCampaign

Send = Callable[[Write], None]
COINS_HELD_SATS = 42_000 * 100_000_000
"""What the exchange held by the lower of the reports."""
GIFT = "expenses:promotion"
every = pytest.mark.parametrize("replay", REPLAYS, ids=lambda replay: replay.name)


@pytest.fixture
def send(books: PostgresBooks, logins: Logins) -> Iterator[Send]:
    """Sends a write as the application's login, past the program's checks; what the database says is translated."""
    with psycopg.connect(logins.app, autocommit=True) as connection:
        yield lambda write: _send(connection, write)


class _Anywhere(KnownAccounts):
    """Lets everything through to any account."""

    def open_to(self, commodity: Commodity, codes: Iterable[str]) -> list[int]:
        """Their numbers, whatever they count."""
        return [self.numbers[code] for code in codes]


def _send(connection: Connection[TupleRow], write: Write) -> None:
    accounts, one = _Anywhere(), prepare(write)
    accounts.learn(connection, write.entries)
    try:
        if not insert_transfers(connection, one, accounts):
            insert_write(connection, one, accounts.numbers)
    except psycopg.Error as error:
        raise translate(error) from None


@pytest.fixture
def drill(books: PostgresBooks) -> PayoutDrill:
    """Participants with accounts in everything, and coins that lie deep enough."""
    made = PayoutDrill(books, PostgresLedger(books), PostgresMovements(books))
    made.enter(249, "PKR", "BTC", "USD")
    books.open_accounts((AccountSpec(GIFT, "BTC", "expense"),))
    Bench(books).coin(1, COINS_HELD_SATS)
    return made


def begin(replay: Replay, drill: PayoutDrill, send: Send) -> None:
    """The campaign is open and funded."""
    drill.books.open_accounts(campaign_accounts(replay.campaign))
    record = CampaignRecord(replay.campaign, "dara", NOW, NOW, state=OPEN).record
    send(Write("campaign", "x", "x", NOW, (funding_entry(replay.campaign, NOW),), (record,)))


def records_of(replay: Replay, *, entered: bool) -> tuple[Record, Record]:
    """A payout in release, with its rows; nobody has signed it."""
    batch = Batch(replay.payout_rows(entered=entered))
    header = {"campaign": replay.campaign.id, "batch_hash": batch.hash, "state": "releasing"}
    return Record(PAYOUT, "batch-1", {**header}), rows_record("batch-1", replay.campaign, batch)


def entries_of(replay: Replay, *, entered: bool) -> tuple[Entry, ...]:
    """The entries of its rows."""
    return row_entries(replay.campaign, "batch-1", replay.payout_rows(entered=entered), NOW)


@every
def test_what_was_meant_is_paid(replay: Replay, drill: PayoutDrill, send: Send) -> None:
    """So that the refusals below are about what was entered."""
    begin(replay, drill, send)
    send(Write("rows", "x", "x", NOW, (), records_of(replay, entered=False)))
    send(Write("credit", "x", "x", NOW, entries_of(replay, entered=False)))
    assert drill.held(replay.campaign.fund) == replay.campaign.budget.units - replay.total(entered=False).units
    assert drill.books.breaks() == ()


@every
def test_the_rows_are_refused_as_a_record(replay: Replay, drill: PayoutDrill, send: Send) -> None:
    """Another unit, or an amount out of the campaign's range: the database takes no such rows."""
    begin(replay, drill, send)
    with pytest.raises(BeyondCampaign, match="is not what campaign"):
        send(Write("rows", "x", "x", NOW, (), records_of(replay, entered=True)))


@every
def test_the_entries_are_refused_without_the_rows(replay: Replay, drill: PayoutDrill, send: Send) -> None:
    """The fund counts one commodity and never ends below 0, whoever posts."""
    begin(replay, drill, send)
    wanted: type[ZakhiraError] = Overdrawn if replay in {CRYPTO_COM, PAXOS} else WrongCommodity
    with pytest.raises(wanted):
        send(Write("credit", "x", "x", NOW, entries_of(replay, entered=True)))
    assert drill.held(replay.campaign.fund) == replay.campaign.budget.units


@every
def test_the_entries_are_refused_beside_rows_that_say_otherwise(replay: Replay, drill: PayoutDrill, send: Send) -> None:
    """Rows as they were meant, and entries that post what was entered: from the fund, or from anywhere else."""
    begin(replay, drill, send)
    send(Write("rows", "x", "x", NOW, (), records_of(replay, entered=False)))
    wrong = entries_of(replay, entered=True)[:1]
    with pytest.raises(ZakhiraError):
        send(Write("credit", "x", "x", NOW, wrong))
    amount = wrong[0].postings[0].amount
    if amount.commodity.value == "BTC":
        account = participant_account(payee(1), "BTC")
        gift = Entry(wrong[0].id, NOW, "x", "payout batch-1", (Posting(GIFT, amount), Posting(account, -amount)))
        with pytest.raises(BeyondCampaign):
            send(Write("gift", "x", "x", NOW, (gift,)))


def test_620000_btc_are_more_than_all_coins(drill: PayoutDrill, send: Send) -> None:
    """Bithumb without any campaign: claims of 620,000 BTC would stand above 42,000, and nothing of it is written."""
    entries = tuple(
        Entry(
            f"gift {row.payee}",
            NOW,
            "promotion",
            "plan 7",
            (Posting(GIFT, row.amount), Posting(participant_account(row.payee, "BTC"), -row.amount)),
        )
        for row in BITHUMB.payout_rows()
    )
    with pytest.raises(ClaimsAboveBacking, match="62000000000000"):
        send(Write("gift", "x", "x", NOW, entries))
    assert drill.held(participant_account(payee(1), "BTC")) == 0


def test_100_btc_are_covered_and_refused_all_the_same(drill: PayoutDrill, send: Send) -> None:
    """The backing would bear it: the campaign's rows say no, to an entry that takes nothing from the fund."""
    begin(SMALL, drill, send)
    send(Write("rows", "x", "x", NOW, (), records_of(SMALL, entered=False)))
    amount = SMALL.total()
    postings = (Posting(GIFT, amount), Posting(participant_account(payee(1), "BTC"), -amount))
    entry_id = entries_of(SMALL, entered=False)[0].id
    with pytest.raises(BeyondCampaign, match="does not post what payout batch-1 says"):
        send(Write("gift", "x", "x", NOW, (Entry(entry_id, NOW, "x", "payout batch-1", postings),)))
    send(Write("right", "x", "x", NOW, entries_of(SMALL, entered=False)))


def test_nobody_mints_into_a_fund(drill: PayoutDrill, send: Send) -> None:
    """Paxos: one key fills the fund with a million times its budget, or opens the campaign's terms again."""
    begin(PAXOS, drill, send)
    more = PAXOS.total()
    entry = Entry("mint", NOW, "x", "x", (Posting(PAXOS.campaign.cost, more), Posting(PAXOS.campaign.fund, -more)))
    with pytest.raises(AboveCeiling):
        send(Write("mint", "x", "x", NOW, (entry,)))
    body = CampaignRecord(PAXOS.campaign, "dara", NOW, NOW, state=OPEN).record.body
    assert isinstance(body, dict)
    with pytest.raises(BeyondCampaign, match="never change"):
        send(Write("terms", "x", "x", NOW, (), (Record("campaign", PAXOS.campaign.id, {**body, "budget": "1"}),)))
