"""One suite for the books in PostgreSQL and for their twin in memory: same rules, same errors, same faults survived."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from books_bench import (
    ACCOUNTS,
    COLD,
    DUE,
    FEES,
    INTAKE,
    ROYALTY,
    START,
    Bench,
    PostgresBench,
    TwinBench,
    end_at_once,
    invoice,
    outpoint,
    receipt,
    shared_template,
    sweep,
    write,
)
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.controls.chain.audit import FIRST_PREVIOUS, ChainHead, Unsealed
from zakhira.flows.ports.books import Books, LotBalance, Record, Write, content_bytes
from zakhira.flows.ports.books_errors import (
    AccountConflict,
    BalanceTooLarge,
    DatabaseUnreachable,
    EntryExists,
    KeyReused,
    LotMissing,
    Overdrawn,
    Unbalanced,
    UnknownAccount,
    UnstorableText,
    ZeroPosting,
)
from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import NotUtc
from zakhira.kernel.money import MAX_UNITS, Amount, Commodity, sats
from zakhira.ledger.balances import fold_balances, fold_lots
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec
from zakhira.simulator.books import SimulatedBooks


@pytest.fixture(params=["twin", "postgres"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Books with the accounts opened: the twin, and the real ones."""
    if request.param == "twin":
        made: TwinBench | PostgresBench = TwinBench()
        made.books.open_accounts(ACCOUNTS)
        yield made
        return
    template = shared_template()
    with tempfile.TemporaryDirectory(prefix="zk") as folder:
        database = template.fresh_database()
        made = PostgresBench(template.server, database, Path(folder))
        made.books.open_accounts(ACCOUNTS)
        yield made
        made.postgres.close()
        template.drop(database)


@pytest.fixture(scope="module", params=["twin", "postgres"])
def untouched(request: pytest.FixtureRequest) -> Iterator[Books]:
    """Books that nothing is ever written to."""
    if request.param == "twin":
        made: SimulatedBooks | PostgresBooks = SimulatedBooks()
    else:
        made = PostgresBooks(shared_template().server.dsn(shared_template().fresh_database()))
    made.open_accounts(ACCOUNTS)
    yield made
    if isinstance(made, PostgresBooks):
        made.close()


@pytest.fixture
def books(bench: Bench) -> Books:
    """The books alone."""
    return bench.books


def assert_nothing_written(books: Books) -> None:
    """The books are as good as new."""
    assert books.entries() == ()
    assert books.audit_entries() == ()
    assert all(amount.units == 0 for amount in books.balances().values())
    assert books.breaks() == ()


def with_each(entry: Entry, **changes: object) -> Entry:
    """The entry with this of each of its postings changed."""
    return structs.replace(entry, postings=tuple(structs.replace(posting, **changes) for posting in entry.postings))


def test_what_is_written_is_read_back(books: Books) -> None:
    """A royalty, its sweep and an invoice with two records: all of it is there, exactly as it was given."""
    body: Json = {"mw": 1.5, "count": 3, "whole": 2.0, "nothing": None, "list": [1, -0.25, 1e300, 1e16, True, "ذخیرہ"]}
    first = write("day-1", receipt(1), records=(Record("day", "1", body), Record("plan", "p", {"v": 1})))
    second = write("day-2", sweep(2, 1, 400, 20), invoice(1, 2**60), records=(Record("plan", "p", {"v": 2}),))
    one, two = books.commit(first), books.commit(second)
    assert books.entries() == (*first.entries, *second.entries)
    assert books.balances() == fold_balances(books.entries(), ACCOUNTS)
    assert books.balances()[DUE] == Amount(2**60, Commodity.PKR)
    assert list(books.balances()) == sorted(account.code for account in ACCOUNTS)
    assert books.lots(INTAKE) == (LotBalance(INTAKE, Lot(outpoint(1), "pool 1"), sats(100)),)
    assert books.lots(COLD) == (LotBalance(COLD, Lot(outpoint(2), "sweep"), sats(380)),)
    read = books.latest("day", "1")
    assert read == body
    assert canonical_bytes(read) == canonical_bytes(body)
    assert isinstance(read, dict)
    assert [type(read[name]) for name in ("mw", "count", "whole")] == [float, int, float]
    assert books.latest("plan", "p") == {"v": 2}
    assert books.latest("plan", "q") is None
    audits = books.audit_entries()
    assert [(entry.key, entry.leaf_hash) for entry in audits] == [("day-1", one.leaf_hash), ("day-2", two.leaf_hash)]
    assert audits[0].at == first.at
    assert books.breaks() == ()


def test_every_version_of_a_record_is_read_back(books: Books) -> None:
    """Over several writes and within one, the oldest first; of another id and another kind nothing."""
    books.commit(write("a", records=(Record("plan", "p", {"v": 1}), Record("plan", "q", {"v": 9}))))
    books.commit(write("b", records=(Record("plan", "p", {"v": 2}), Record("day", "p", {"v": 8}))))
    books.commit(write("c", records=(Record("plan", "p", {"v": 3.0}), Record("plan", "p", {"v": 2}))))
    assert books.versions("plan", "p") == ({"v": 1}, {"v": 2}, {"v": 3.0}, {"v": 2})
    assert books.versions("plan", "q") == ({"v": 9},)
    assert books.versions("plan", "r") == ()
    assert books.versions("plan", "p")[-1] == books.latest("plan", "p")


def test_what_is_committed_is_sealed(books: Books) -> None:
    """Every write gets its place in the chain, in order, once; the head is what can be signed."""
    assert books.chain_head() == ChainHead(0, FIRST_PREVIOUS)
    assert books.sealed(0, 9) == ()
    done = [books.commit(day_write(number)) for number in range(5)]
    books.seal()
    assert books.seal() == 0
    assert books.unsealed() == Unsealed(0, None)
    chain = books.sealed(0, 9)
    assert [one.seal.position for one in chain] == [1, 2, 3, 4, 5]
    assert [one.write.audit.leaf_hash for one in chain] == [receipt.leaf_hash for receipt in done]
    assert [one.write.entries for one in chain] == [day_write(number).entries for number in range(5)]
    assert [one.seal.previous_hash for one in chain] == [FIRST_PREVIOUS, *(one.seal.hash for one in chain[:-1])]
    assert books.chain_head() == ChainHead(5, chain[-1].seal.hash)
    assert books.sealed(3, 1) == chain[3:4]
    assert books.sealed(5, 9) == ()
    assert books.breaks() == ()


def test_records_keep_the_order_of_their_first_version(books: Books) -> None:
    """A new version of an old record does not move it to the end; two versions in one write count in order."""
    for number, (record_id, value) in enumerate([("b", 1), ("a", 2), ("c", 3), ("b", 4)]):
        books.commit(write(f"k{number}", records=(Record("block", record_id, value), Record("other", record_id, 0))))
    books.commit(write("twice", records=(Record("block", "a", 5), Record("block", "a", 6))))
    assert list(books.records("block").items()) == [("b", 4), ("a", 6), ("c", 3)]
    assert books.latest("block", "a") == 6
    assert books.records("nothing") == {}


def test_a_write_is_done_once(books: Books) -> None:
    """The same key and input come back with the first receipt, whenever; with another input it is refused."""
    one = write("day-1", receipt(1), records=(Record("day", "1", {"a": 1}),))
    first = books.commit(one)
    assert not first.replayed
    again = books.commit(replace(one, at=START + timedelta(days=9)))
    assert (again.key, again.leaf_hash, again.replayed) == (first.key, first.leaf_hash, True)
    assert books.done("day-1") == again
    assert books.done("day-2") is None
    for other in (
        write("day-1", receipt(1)),
        write("day-1", receipt(2), records=one.records),
        write("day-1", receipt(1), records=(Record("day", "1", {"a": 2}),)),
    ):
        with pytest.raises(KeyReused):
            books.commit(other)
    assert len(books.entries()) == len(books.audit_entries()) == 1
    assert books.breaks() == ()


MANY = tuple(Posting(DUE, Amount(1, Commodity.PKR)) for _ in range(3))


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (write("k", structs.replace(receipt(1), postings=(*receipt(1).postings, receipt(2).postings[0]))), Unbalanced),
        (write("k", structs.replace(invoice(1, 5), postings=(*invoice(1, 5).postings, *MANY))), Unbalanced),
        (
            write("k", with_each(receipt(1), lot=None)),
            LotMissing,
        ),
        (write("k", receipt(1), sweep(2, 1, 501, 1)), Overdrawn),
        (write("k", sweep(2, 1, 2, 1)), Overdrawn),
        (write("k", receipt(1), sweep(2, 1, 1, 1)), ZeroPosting),
        (write("k", receipt(1), structs.replace(receipt(2), id="royalty-1")), EntryExists),
        (
            write("k", with_each(invoice(1, 5), account="x")),
            UnknownAccount,
        ),
        (write("k", invoice(1, MAX_UNITS), invoice(2, 1)), BalanceTooLarge),
        (write("", receipt(1)), UnstorableText),
        (write("k\0", receipt(1)), UnstorableText),
        (write("k", receipt(1), records=(Record("day", "1", {"text": "a\0b"}),)), UnstorableText),
        (write("k", receipt(1), records=(Record("day", " ", {}),)), UnstorableText),
        (write("k", structs.replace(receipt(1), narration="\ud800")), NotCanonical),
        (write("k", receipt(1), records=(Record("day", "1", float("nan")),)), NotCanonical),
        (write("k", receipt(1), records=(Record("day", "1", 2**53),)), NotCanonical),
        (write("k", structs.replace(receipt(1), at=datetime(2026, 1, 1))), NotUtc),  # noqa: DTZ001 - the case here
        (replace(write("k", receipt(1)), at=datetime(2026, 1, 1)), NotUtc),  # noqa: DTZ001 - the case here
    ],
)
def test_a_bad_write_leaves_nothing_behind(untouched: Books, bad: Write, cause: type[ZakhiraError]) -> None:
    """Whatever is wrong with a write, none of it is there afterwards."""
    with pytest.raises(cause):
        untouched.commit(bad)
    assert_nothing_written(untouched)
    assert untouched.done("k") is None


def test_a_key_whose_write_was_refused_is_free(books: Books) -> None:
    """What was refused was not done: the same key can be used for the corrected write."""
    with pytest.raises(Overdrawn):
        books.commit(write("k", sweep(2, 1, 400, 1)))
    assert not books.commit(write("k", receipt(1))).replayed


def test_a_text_with_a_backslash_is_no_nul(books: Books) -> None:
    r"""The six characters \u0000 are a text like any other."""
    body = {"text": "\\u0000", "path": "C:\\\\u0000"}
    books.commit(write("k", records=(Record("note", "1", body),)))
    assert books.latest("note", "1") == body
    assert books.breaks() == ()


def test_within_one_write_the_order_of_entries_does_not_matter(books: Books) -> None:
    """A lot may be spent by an entry that stands before the one that brings it: what counts is the end of the write."""
    books.commit(write("k", sweep(2, 1, 500, 1), receipt(1)))
    assert books.lots(INTAKE) == ()
    assert books.balances()[COLD] == sats(499)
    assert books.breaks() == ()


def test_an_entry_id_is_used_once_over_all_writes(books: Books) -> None:
    """The second write with the entry is refused whole."""
    books.commit(write("k1", receipt(1)))
    with pytest.raises(EntryExists):
        books.commit(write("k2", receipt(2), receipt(1)))
    assert [entry.id for entry in books.entries()] == ["royalty-1"]


def test_opening_accounts_again(books: Books) -> None:
    """Opening them twice is no harm; one with another commodity or kind is refused, and no other with it is opened."""
    books.open_accounts(ACCOUNTS)
    new = AccountSpec("assets:receivable:rent", "USD", "asset")
    for conflict in (AccountSpec(INTAKE, "USD", "asset"), AccountSpec(INTAKE, "BTC", "expense")):
        with pytest.raises(AccountConflict, match="assets:vault:intake"):
            books.open_accounts((new, conflict))
        assert new.code not in books.balances()
    books.open_accounts((new,))
    assert books.balances()[new.code] == Amount(0, Commodity.USD)


def test_nobody_alters_what_was_written_through_a_reference(books: Books) -> None:
    """A body that the caller changes afterwards, or that was read, is not the one in the books."""
    body: dict[str, Json] = {"a": [1]}
    books.commit(write("k", records=(Record("day", "1", body),)))
    body["a"] = [2]
    read = books.latest("day", "1")
    assert isinstance(read, dict)
    read["b"] = 3
    assert books.latest("day", "1") == {"a": [1]}
    assert books.breaks() == ()


def commit_until_done(books: Books, one: Write) -> bool:
    """Commit as a flow does: ask again after DatabaseUnreachable. True if it was there when asked again."""
    try:
        return books.commit(one).replayed
    except DatabaseUnreachable:
        return books.commit(one).replayed


def test_a_broken_line(bench: Bench) -> None:
    """The connection breaks between calls: the next write gets through, once."""
    bench.books.commit(write("k1", receipt(1)))
    bench.break_line()
    assert not commit_until_done(bench.books, write("k2", receipt(2)))
    bench.break_line()
    try:
        assert len(bench.books.entries()) == 2
    except DatabaseUnreachable:
        assert len(bench.books.entries()) == 2
    assert bench.books.breaks() == ()


def test_a_lost_acknowledgement(bench: Bench) -> None:
    """A commit is carried out and its answer gets lost: asked again, it comes back as replayed and is there once."""
    bench.books.commit(write("k1", receipt(1)))
    bench.lose_answer()
    assert commit_until_done(bench.books, write("k2", receipt(2), records=(Record("day", "2", 2),)))
    assert [entry.id for entry in bench.books.entries()] == ["royalty-1", "royalty-2"]
    assert len(bench.books.audit_entries()) == 2
    assert bench.books.breaks() == ()


def test_a_database_that_goes_away_and_comes_back(bench: Bench) -> None:
    """While it is away every call says so; afterwards all that was acknowledged is there and work goes on."""
    bench.books.commit(write("k1", receipt(1)))
    bench.go_away()
    for call in (
        lambda: bench.books.commit(write("k2", receipt(2))),
        lambda: bench.books.done("k1"),
        bench.books.balances,
        lambda: bench.books.open_accounts(ACCOUNTS),
    ):
        with pytest.raises(DatabaseUnreachable) as caught:
            call()
        assert caught.value.remedy
    bench.come_back()
    assert bench.books.done("k1") is not None
    assert bench.books.done("k2") is None
    assert not bench.books.commit(write("k2", receipt(2))).replayed
    assert bench.books.breaks() == ()


@pytest.mark.parametrize("seed", range(4))
def test_seeded_acts_against_an_oracle(bench: Bench, seed: int) -> None:
    """Sixty random acts, good and bad, repeated and interrupted: books, refusals and sums are those of a plain list."""
    rng = np.random.default_rng(seed)
    done: dict[str, Write] = {}
    held: dict[int, int] = {}
    for step in range(60):
        lot, amount = int(rng.integers(0, 6)), int(rng.integers(1, 400))
        act = int(rng.integers(0, 7))
        if act == 5 and done:
            again = done[str(rng.choice(sorted(done)))]
            assert bench.books.commit(again).replayed
            continue
        if act == 6:
            bench.break_line()
        if act <= 2:
            one, fits = write(f"k{step}", structs.replace(receipt(lot, amount), id=f"e{step}")), True
        elif act == 3:
            one, fits = write(f"k{step}", invoice(step, amount)), True
            lot, amount = -1, 0
        else:
            one, fits = write(f"k{step}", sweep(100 + step, lot, amount + 1, 1)), held.get(lot, 0) >= amount + 1
            amount = -amount - 1
        if not fits:
            with pytest.raises((Overdrawn, DatabaseUnreachable)):
                bench.books.commit(one)
            with pytest.raises(Overdrawn):
                bench.books.commit(one)
            continue
        commit_until_done(bench.books, one)
        done[one.key] = one
        held[lot] = held.get(lot, 0) + amount
    entries = tuple(entry for one in done.values() for entry in one.entries)
    assert bench.books.entries() == entries
    assert bench.books.balances() == fold_balances(entries, ACCOUNTS)
    for account in (INTAKE, COLD, FEES, ROYALTY):
        assert bench.books.lots(account) == tuple(left for left in fold_lots(entries) if left.account == account)
    assert [entry.key for entry in bench.books.audit_entries()] == list(done)
    assert bench.books.breaks() == ()


def test_the_twin_and_the_database_make_one_chain() -> None:
    """The same acts give the same audit hashes in both, so a replay against the twin is evidence for the real thing."""
    template = shared_template()
    twin, real = SimulatedBooks(), PostgresBooks(template.server.dsn(template.fresh_database()))
    for one in (twin, real):
        one.open_accounts(ACCOUNTS)
        one.commit(write("k1", receipt(1), records=(Record("day", "1", {"b": 1.0, "a": [1, '\u007f\u2028"\\/']}),)))
        one.commit(replace(write('k\t\u007f"\\é', sweep(2, 1, 400, 20)), actor="خزانہ", at=START))
    real.seal()
    assert twin.audit_entries() == real.audit_entries()
    assert twin.sealed(0, 9) == real.sealed(0, 9)
    assert twin.chain_head() == real.chain_head()
    assert twin.balances() == real.balances()
    real.close()


@settings(max_examples=60)
@given(text=st.text(st.characters(exclude_categories=["Cs"])), units=st.integers(1, MAX_UNITS))
def test_the_fast_encoding_is_the_canonical_one(text: str, units: int) -> None:
    """Entries are encoded by the standard encoder: byte for byte what the canonical one writes."""
    entry = structs.replace(invoice(1, units), narration=text, evidence=text[::-1])
    records = (Record("day", text, {"a": text, "b": 0.1}),)
    whole: Json = {
        "entries": [entry.as_json()],
        "records": [{"kind": "day", "id": text, "body": {"a": text, "b": 0.1}}],
    }
    assert content_bytes([entry], records) == canonical_bytes(whole)


def write_until_killed(books: Books, first: int) -> int:
    """Write days from ``first`` on until the database is gone; return the number of the first that failed."""
    number = first
    try:
        while True:
            books.commit(day_write(number))
            number += 1
    except DatabaseUnreachable:
        return number


def day_write(number: int) -> Write:
    """A day with two entries and a record."""
    record = Record("day", str(number), {"number": number})
    return write(f"k{number}", receipt(number), invoice(number, 7), records=(record,))


def test_a_database_killed_in_the_middle_of_writes() -> None:
    """SIGKILL to the server while writes go on: what was acknowledged is there, the rest whole or absent."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        server = EmbeddedServer.start(Path(name) / "pg")
        books = open_books(server.ensure_database("zakhira"))
        books.open_accounts(ACCOUNTS)
        first = 0
        for delay_s in (0.03, 0.1, 0.2):
            killer = threading.Timer(delay_s, end_at_once, [server])
            killer.start()
            failed = write_until_killed(books, first)
            killer.join()
            server = EmbeddedServer.start(Path(name) / "pg")
            assert books.breaks() == ()
            count = len(books.audit_entries())
            assert count in {failed, failed + 1}
            assert len(books.entries()) == 2 * count
            assert list(books.records("day")) == [str(number) for number in range(count)]
            assert books.commit(day_write(failed)).replayed == (count > failed)
            assert books.balances()[INTAKE] == sats(500 * (failed + 1))
            first = failed + 1
        books.close()
        server.stop()
