"""The error of 6 February 2026 against one layer at a time: form, policy, second person, ledger, database.

    python scripts/payout_layers.py form            # one of the names in LAYERS

The other layers are off: they are not called. A promotion of 620,000 rupees for 249 people is entered as 620,000 BTC.
Nothing is kept: the database is a server of its own in a folder that is removed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from msgspec import structs

from zakhira.adapters.drill_keys import officer_key
from zakhira.adapters.payout_file import read_payouts
from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.adapters.postgres.transfers import insert_transfers
from zakhira.adapters.postgres.writing import insert_write, prepare
from zakhira.adapters.programme_folder import load_programme_file
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.question import Destination, Question
from zakhira.controls.engine.standing import Standing
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper
from zakhira.flows.officer_words import sign_approval, sign_execution
from zakhira.flows.paying.campaign_record import OPEN, CampaignRecord
from zakhira.flows.paying.payout_record import PAYOUT, rows_record
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.coin_events import WatchedCoin, block_connected, coin_created
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import Commodity, parse_amount
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec, Policy
from zakhira.programme.policy import Quorum, Rule
from zakhira.programme.policy_text import policy_hash
from zakhira.settlement.payouts.batch import Batch, PayoutRow
from zakhira.settlement.payouts.campaign import Campaign, Way
from zakhira.settlement.payouts.checks import Known, check_written
from zakhira.settlement.payouts.entries import campaign_accounts, funding_entry, participant_account, row_entries
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.movements import SimulatedMovements
from zakhira.simulator.signer import SimulatedOfficer

PROGRAMME = Path(__file__).resolve().parents[1] / "programmes" / "small"
AT = datetime(2026, 2, 6, 10, 0, tzinfo=UTC)
CAMPAIGN = Campaign(
    id="promotion-2026",
    title="Promotion",
    budget=parse_amount("620000 PKR"),
    most_per_payee=parse_amount("50000 PKR"),
    lowest=parse_amount("2000 PKR"),
    highest=parse_amount("50000 PKR"),
    way=Way.ACCOUNTS,
    reasons=("promotion",),
    part_minutes=10,
)
MEANT = (50_000, 50_000, 28_000, *[2_000] * 246)
"""249 people, 2,000 to 50,000 each, 620,000 in all; how it was split is made up."""
PAYEES = tuple(f"p-{number:06d}" for number in range(1, len(MEANT) + 1))
COINS_HELD = parse_amount("42000 BTC")
GIFT = "expenses:promotion"
RULE = Rule(
    "payout-in-rupees",
    "payouts in rupees below 1 million, and the auditor enters the total again",
    ("payout",),
    below_amount=parse_amount("1000000 PKR"),
    propose_roles=("treasury-officer",),
    quorums=(Quorum(1, ("comptroller",)), Quorum(1, ("director",))),
    execute_roles=("auditor",),
)


def file_of(unit: str) -> bytes:
    """The batch with every amount in this unit."""
    lines = (f"{payee},{amount} {unit},promotion" for payee, amount in zip(PAYEES, MEANT, strict=True))
    return "\n".join(("payee,amount,reason", *lines)).encode()


def rows_of(unit: str) -> tuple[PayoutRow, ...]:
    """The rows as they are behind a form that let everything pass."""
    pairs = enumerate(zip(PAYEES, MEANT, strict=True), 2)
    texts = [(line, payee, f"{amount} {unit}") for line, (payee, amount) in pairs]
    return tuple(PayoutRow(line, payee, parse_amount(text), "promotion", text) for line, payee, text in texts)


def form() -> None:
    """The file against the campaign's terms."""
    known = Known(dict.fromkeys(PAYEES, ()))
    for unit in ("PKR", "BTC"):
        checked = check_written(CAMPAIGN, known, read_payouts(file_of(unit), "batch.csv"), "batch.csv")
        total = "" if checked.batch is None else f", {checked.batch.total} in all"
        print(f"249 rows in {unit}: {len(checked.faults)} faults{total}")
    print(checked.faults[0])


def _policy() -> tuple[Policy, str]:
    programme, _ = load_programme_file(PROGRAMME)
    assert programme.drill is not None, "the small programme is a drill's"
    policy = programme.policy
    return replace(policy, rules=(RULE, *policy.rules)), programme.drill.phrase


def _ask(policy: Policy, phrase: str, unit: str, rekeyed: str) -> str:
    def key(name: str) -> SimulatedOfficer:
        return SimulatedOfficer(name, officer_key(phrase, name).private_bytes_raw())

    batch, version, matter = Batch(rows_of(unit)), policy_hash(policy), derive_id("batch", unit) * 2
    said = [sign_approval(key(name), matter, AT, version) for name in ("comptroller-1", "director-1")]
    question = Question(
        action="payout",
        id="promotion-1",
        hash=matter,
        proposer="treasury-1",
        proposed_at=AT,
        expires_at=AT + timedelta(hours=24),
        amount=batch.total,
        destinations=tuple(Destination(row.payee, row.amount) for row in batch.rows),
        approvals=tuple(said),
        execution=sign_execution(key("auditor-1"), matter, rekeyed, "minute 14/2026", AT),
    )
    movements = SimulatedMovements(SimulatedBooks())
    answer = decide(policy, Standing(policy_hash=version), movements, question, AT + timedelta(minutes=5))
    return " ".join((answer.verdict.name.lower(), *(f"{reason.code} {reason.text}" for reason in answer.reasons)))


def policy() -> None:
    """The rules, with every approval there and the second person in error as well."""
    rules, phrase = _policy()
    for unit in ("PKR", "BTC"):
        print(f"620,000 {unit}, approved and entered again: {_ask(rules, phrase, unit, f'620000 {unit}')}")


def second_person() -> None:
    """A rule for any amount, every approval there, and somebody who reads the minute."""
    rules, phrase = _policy()
    anything = replace(rules, rules=(replace(RULE, below_amount=None), *rules.rules[1:]))
    print(f"entered 620000 BTC: {_ask(anything, phrase, 'BTC', '620000 BTC')}")
    print(f"entered 620000 PKR: {_ask(anything, phrase, 'BTC', '620000 PKR')}")


def _tried(what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except ZakhiraError as error:
        print(f"{what}: {error.code} {error.message}")
    else:
        print(f"{what}: written")


def _accounts(campaign: Campaign = CAMPAIGN) -> tuple[AccountSpec, ...]:
    theirs = [(payee, asset) for payee in PAYEES for asset in ("PKR", "BTC")]
    held = [AccountSpec(participant_account(payee, asset), asset, "liability") for payee, asset in theirs]
    return (*campaign_accounts(campaign), AccountSpec(GIFT, "BTC", "expense"), *held)


def ledger() -> None:
    """The program's own ledger: a fund of one commodity that ends at 0. No coin is counted against claims."""
    books = SimulatedBooks()
    books.open_accounts(_accounts())
    books.commit(Write("fund", "desk", "fund", AT, entries=(funding_entry(CAMPAIGN, AT),)))
    for unit in ("BTC", "PKR", "PKR"):
        entries = row_entries(CAMPAIGN, f"promotion-{unit}-{len(books.entries())}", rows_of(unit), AT)
        write = Write(f"{unit} {len(books.entries())}", "desk", "pay", AT, entries=entries)
        _tried(f"249 entries in {unit}", lambda write=write: _first_line(books, write))  # type: ignore[misc]


def _first_line(books: SimulatedBooks, write: Write) -> None:
    try:
        books.commit(write)
    except ZakhiraError as error:
        raise type(error)(error.message.split("; ")[0], error.remedy) from None


@contextmanager
def _database(campaign: Campaign = CAMPAIGN) -> Iterator[Callable[[Write], None]]:
    """A database with the campaign open, 42,000 BTC behind claims, and a way past all the program's checks."""
    with tempfile.TemporaryDirectory(prefix="zk") as folder:
        server = EmbeddedServer.start(Path(folder) / "pg")
        try:
            server.ensure_database("books")
            logins = server.logins("books", follows=True)
            books = open_books(logins)
            books.open_accounts((*_accounts(campaign), AccountSpec("assets:vault:cold", "BTC", "asset")))
            _hold_coins(books)
            record = CampaignRecord(campaign, "treasury-1", AT, AT, state=OPEN).record
            books.commit(Write("campaign", "desk", "fund", AT, (funding_entry(campaign, AT),), (record,)))
            with psycopg.connect(logins.app, autocommit=True) as connection:
                yield lambda write: _send(connection, write)
            books.close()
        finally:
            server.stop()


def _hold_coins(books: PostgresBooks) -> None:
    hashes = [f"{height:064x}" for height in range(8)]
    coin = WatchedCoin(f"{'1' * 64}:0", "cold", 0, 0, COINS_HELD.units, "51", 1, hashes[1], is_coinbase=False)
    first = (block_connected(1, hashes[1], hashes[0]), coin_created(coin))
    paper = CoinPaper(coin.outpoint, ANNOUNCED, "royalty", (coin.outpoint,), None, "pool", "r-1").record
    more = tuple(block_connected(height, hashes[height], hashes[height - 1]) for height in range(2, 8))
    books.commit(Write("coins", "watcher", "follow", AT, (), (paper,), (*first, *more)))


class _Anywhere(KnownAccounts):
    """Lets everything through to any account."""

    def open_to(self, commodity: Commodity, codes: Iterable[str]) -> list[int]:  # noqa: ARG002 - that is the point
        """Their numbers, whatever they count."""
        return [self.numbers[code] for code in codes]


def _send(connection: psycopg.Connection[psycopg.rows.TupleRow], write: Write) -> None:
    """As whoever has the application's password: the database's own functions, and nothing before them."""
    accounts, one = _Anywhere(), prepare(write)
    accounts.learn(connection, write.entries)
    try:
        if not insert_transfers(connection, one, accounts):
            insert_write(connection, one, accounts.numbers)
    except psycopg.Error as error:
        raise translate(error) from None


def database() -> None:
    """The database alone: rows, entries of the fund, and claims from nowhere; 42,000 BTC are held."""
    gifts = tuple(_gift(f"gift {row.payee}", "plan 7", row) for row in rows_of("BTC"))
    with _database() as send:
        for unit in ("BTC", "PKR"):
            name, batch = f"promotion-{unit}".lower(), Batch(rows_of(unit))
            header = Record(PAYOUT, name, {"campaign": CAMPAIGN.id, "batch_hash": batch.hash, "state": "releasing"})
            rows = Write(f"rows {unit}", "x", "x", AT, (), (header, rows_record(name, CAMPAIGN, batch)))
            entries = Write(f"pay {unit}", "x", "x", AT, row_entries(CAMPAIGN, name, batch.rows, AT))
            _tried(f"rows in {unit}", lambda rows=rows: send(rows))  # type: ignore[misc]
            _tried(f"entries in {unit}", lambda entries=entries: send(entries))  # type: ignore[misc]
        _tried("620,000 BTC from no fund at all", lambda: send(Write("gift", "x", "x", AT, gifts)))


def covered() -> None:
    """The same error for 100 rupees: 100 BTC, which 42,000 BTC would bear. Rows as meant, the entry as entered."""
    campaign = replace(CAMPAIGN, id="small-2026", lowest=parse_amount("100 PKR"))
    meant = PayoutRow(2, PAYEES[0], parse_amount("100 PKR"), "promotion", "100 PKR")
    wrong = replace(meant, amount=parse_amount("100 BTC"))
    name, batch = "small-1", Batch((meant,))
    (right,), (entered,) = (row_entries(campaign, name, (row,), AT) for row in (meant, wrong))
    header = Record(PAYOUT, name, {"campaign": campaign.id, "batch_hash": batch.hash, "state": "releasing"})
    tries = {
        "100 BTC, taken from the fund": entered,
        "100 BTC, taken from elsewhere": _gift(right.id, f"payout {name}", wrong),
        "what was meant": right,
        "what was meant, once more": structs.replace(right, id="again"),
    }
    with _database(campaign) as send:
        send(Write("rows", "x", "x", AT, (), (header, rows_record(name, campaign, batch))))
        for what, entry in tries.items():
            _tried(what, lambda what=what, entry=entry: send(Write(what, "x", "x", AT, (entry,))))  # type: ignore[misc]


def _gift(name: str, evidence: str, row: PayoutRow) -> Entry:
    postings = (Posting(GIFT, row.amount), Posting(participant_account(row.payee, "BTC"), -row.amount))
    return Entry(name, AT, "promotion", evidence, postings)


LAYERS = {
    "form": form,
    "policy": policy,
    "second-person": second_person,
    "ledger": ledger,
    "database": database,
    "covered": covered,
}


def main() -> int:
    """Print what one layer says."""
    chosen = LAYERS.get(sys.argv[1] if len(sys.argv) == 2 else "")  # noqa: PLR2004  # the script and a name
    if chosen is None:
        print(f"Name one of {', '.join(LAYERS)}.", file=sys.stderr)
        return 2
    chosen()
    return 0


if __name__ == "__main__":
    sys.exit(main())
