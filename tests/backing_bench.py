"""A chain, claims and acts to try the backing with, small enough that every sum is done in the head."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.coin_papers import ANNOUNCED, OWN_TRANSACTION, CoinPaper
from zakhira.flows.movement_record import MOVEMENT
from zakhira.flows.ports.backing_records import CREDITS_RESUMED, ENCUMBRANCE, PROOF_DEPTH, depth_body
from zakhira.flows.ports.books import Receipt, Record, Write, input_hash
from zakhira.flows.ports.coin_events import (
    CoinEvent,
    WatchedCoin,
    block_connected,
    block_disconnected,
    coin_created,
    coin_removed,
    coin_spent,
    coin_unspent,
)
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec

AT = datetime(2026, 3, 1, tzinfo=UTC)
COMMUNITY, LICENSEE, SAVINGS = "liabilities:community", "liabilities:licensee", "liabilities:savings"
SUSPENSE, SHARE = "liabilities:suspense", "expenses:community"
CLAIMS = (
    AccountSpec(COMMUNITY, "BTC", "liability", "demand"),
    AccountSpec(LICENSEE, "BTC", "liability", "demand"),
    AccountSpec(SAVINGS, "BTC", "liability", "term"),
    AccountSpec(SUSPENSE, "BTC", "liability", "suspense"),
    AccountSpec(SHARE, "BTC", "expense"),
)
FAR = date(2999, 1, 1)
SHALLOW = Depth((0,), (1,), 100)
"""One confirmation is enough."""
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
_NUMBERS = count(1)


def txid(number: int) -> str:
    """A made-up transaction id."""
    return f"{number:064x}"


def credit(amount_sats: int, to: str = COMMUNITY, by: str = SHARE, *, key: str = "") -> Write:
    """So much more of it is owed; less where it is below 0."""
    name = key or f"credit-{next(_NUMBERS)}"
    entry = Entry(name, AT, "Credit", "minute 1", (Posting(by, sats(amount_sats)), Posting(to, sats(-amount_sats))))
    return Write(name, "clerk", "credit", AT, entries=(entry,))


def paper_record(outpoint: str, hold_until: date | None = None, state: str = ANNOUNCED) -> Record:
    """Where a coin is from."""
    return CoinPaper(outpoint, state, "royalty", (outpoint,), hold_until, "pool", "r-1").record


def own_record(txid_: str, spend: str, hold_until: date | None = None) -> Record:
    """A transaction that a spend of ours may send."""
    held = hold_until.isoformat() if hold_until else ""
    body: Json = {"spend": spend, "purpose": "royalty", "lots": [], "hold_until": held}
    return Record(OWN_TRANSACTION, txid_, body)


def movement_record(spend: str, outside_sats: int, fee_sats: int = 0, state: str = "waiting") -> Record:
    """A spend that was allowed."""
    body: Json = {
        "state": state,
        "at": "2026-03-01T00:00:00Z",
        "action": "spend",
        "commodity": "BTC",
        "vault": "cold",
        "purpose": "royalty",
        "parts": [{"destination": "bcrt1qsomebody", "units": outside_sats}],
        "lot_purposes": [],
        "outside_units": outside_sats,
        "fee_units": fee_sats,
    }
    return Record(MOVEMENT, spend, body)


def pledge_record(name: str, amount_sats: int, *, is_released: bool = False) -> Record:
    """Coins that somebody else has a right to."""
    body: Json = {
        "commodity": "BTC",
        "units": str(amount_sats),
        "because": "loan of March",
        "is_released": is_released,
    }
    return Record(ENCUMBRANCE, name, body)


def resume_record(deficit: int, because: str = "the coins are back") -> Record:
    """Officers let credits in again."""
    return Record(CREDITS_RESUMED, "BTC", {"deficit": deficit, "because": because, "by": ["amina", "bilal"]})


def depth_record(depth: Depth) -> Record:
    """How deep a coin must lie."""
    return Record(PROOF_DEPTH, "BTC", depth_body(depth))


@dataclass
class Bench:
    """Books with a chain that a test moves."""

    books: PostgresBooks
    height: int = 0
    branch: str = "a"
    coins: dict[str, WatchedCoin] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the accounts of claims and start the chain."""
        self.books.open_accounts(CLAIMS)

    @property
    def now(self) -> Backing:
        """The row of the database."""
        found = PostgresBacking(self.books).backing(Commodity.BTC)
        assert found is not None
        return found

    def block_hash(self, height: int) -> str:
        """The hash of the block at a height on the present branch."""
        return f"{self.branch}{height:063x}" if height > 0 else txid(0)

    def act(self, *records: Record, entries: tuple[Entry, ...] = (), events: tuple[CoinEvent, ...] = ()) -> Receipt:
        """One write of these."""
        key = f"act-{next(_NUMBERS)}"
        return self.books.commit(Write(key, "clerk", "act", AT, entries, records, events))

    def next_block(self) -> CoinEvent:
        """The event of the next block."""
        self.height += 1
        before = self.block_hash(self.height - 1)
        return block_connected(self.height, self.block_hash(self.height), before)

    def created(self, number: int, amount_sats: int, index: int = 0) -> CoinEvent:
        """A coin in the newest block."""
        found = f"{txid(number)}:{index}"
        hash_ = self.block_hash(self.height)
        coin = WatchedCoin(found, "cold", 0, number, amount_sats, "51", self.height, hash_, is_coinbase=False)
        self.coins[found] = coin
        return coin_created(coin)

    def spent(self, number: int, by: int, index: int = 0) -> CoinEvent:
        """A coin that the newest block spends."""
        return coin_spent(f"{txid(number)}:{index}", self.height, self.block_hash(self.height), txid(by))

    def blocks(self, number: int) -> None:
        """Empty blocks, one write."""
        self.act(events=tuple(self.next_block() for _ in range(number)))

    def coin(self, number: int, amount_sats: int, *, deep: int = 6, hold_until: date | None = None) -> str:
        """A coin with its paper, so many blocks deep; its outpoint."""
        self.act(events=(self.next_block(), self.created(number, amount_sats)))
        found = f"{txid(number)}:0"
        self.act(paper_record(found, hold_until))
        if deep > 1:
            self.blocks(deep - 1)
        return found

    def theft(self, number: int) -> None:
        """A stranger's transaction spends a coin in the next block."""
        block = self.next_block()
        self.act(events=(block, self.spent(number, 900_000 + number)))

    def back(self, *undone: CoinEvent) -> None:
        """Take the newest block back, after these events."""
        self.act(events=(*undone, block_disconnected(self.height, self.block_hash(self.height))))
        self.height -= 1

    def unspend(self, number: int, by: int, index: int = 0) -> CoinEvent:
        """The newest block's spend of a coin taken back."""
        coin = self.coins[f"{txid(number)}:{index}"]
        hash_ = self.block_hash(self.height)
        return coin_unspent(
            WatchedCoin(
                coin.outpoint,
                coin.vault,
                coin.branch,
                coin.place,
                coin.amount_sats,
                coin.script_hex,
                coin.height,
                coin.block_hash,
                coin.is_coinbase,
                txid(by),
                self.height,
                hash_,
            )
        )

    def removed(self, number: int, index: int = 0) -> CoinEvent:
        """A coin of the newest block taken away."""
        return coin_removed(self.coins[f"{txid(number)}:{index}"])


def intake_entry(number: int, amount_sats: int, against: str) -> Entry:
    """A coin booked."""
    lot = Lot(f"{txid(number)}:0", "pool")
    held = (Posting("assets:vault:cold", sats(amount_sats), lot), Posting(against, sats(-amount_sats), lot))
    return Entry(f"arrival-{number}", AT, "Arrival", txid(number), held)


def records_by_hand(app: Connection[TupleRow], *records: Record) -> None:
    """One write of records with the statements that the program sends, without the program."""
    content = input_hash((), records)
    audit = make_entry(0, f"by-hand-{next(_NUMBERS)}", "clerk", "act", AT, content)
    app.execute(
        "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, "
        "record_count) VALUES (%s, %s, %s, %s, %s, %s, 0, 0, %s)",
        (audit.key, audit.actor, audit.action, audit.at, content, audit.leaf_hash, len(records)),
    )
    app.execute(
        "INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body) "
        "SELECT currval('zakhira.write_number'), count(*) OVER (), told.* "
        "FROM unnest(%s::integer[], %s::text[], %s::text[], %s::jsonb[]) AS told",
        (
            list(range(1, len(records) + 1)),
            [record.kind for record in records],
            [record.id for record in records],
            [Jsonb(record.body) for record in records],
        ),
    )


def credit_by_hand(app: Connection[TupleRow], entry: Entry) -> None:
    """One credit written with the statements that the program sends, without the program."""
    content = input_hash((entry,), ())
    audit = make_entry(0, entry.id, "clerk", "credit", entry.at, content)
    app.execute(
        "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, "
        "record_count) VALUES (%s, %s, %s, %s, %s, %s, 1, %s, 0)",
        (audit.key, audit.actor, audit.action, audit.at, content, audit.leaf_hash, len(entry.postings)),
    )
    app.execute(
        "INSERT INTO zakhira.entry (sequence, ordinal, posting_count, id, at, narration, evidence) "
        "VALUES (currval('zakhira.write_number'), 1, %s, %s, %s, 'Credit', 'minute 1')",
        (len(entry.postings), entry.id, entry.at),
    )
    for place, posting in enumerate(entry.postings, 1):
        app.execute(
            "INSERT INTO zakhira.posting (sequence, units, entry_ordinal, ordinal, account, day, commodity) "
            "SELECT currval('zakhira.write_number'), %s, 1, %s, number, %s, 'BTC' FROM zakhira.account WHERE code = %s",
            (posting.amount.units, place, entry.at.date(), posting.account),
        )
