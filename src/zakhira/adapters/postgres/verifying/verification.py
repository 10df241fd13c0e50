"""Everything in the store computed anew from one snapshot, in chunks: what find_breaks finds, and what is derived."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import LiteralString

import polars as pl
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.backing_check import read_backing_breaks
from zakhira.adapters.postgres.movement_check import read_movement_breaks
from zakhira.adapters.postgres.structure_check import read_structure_breaks, read_unreadable, read_unreadable_accounts
from zakhira.adapters.postgres.verifying import derived
from zakhira.adapters.postgres.verifying.chart import Chart, read_chart
from zakhira.adapters.postgres.verifying.content import account_pool
from zakhira.adapters.postgres.verifying.crew import Crew, Opener, gathered, set_up
from zakhira.adapters.postgres.verifying.findings import Findings, StrangeCommodity, examine
from zakhira.adapters.postgres.verifying.followed import read_event_breaks, read_history_breaks
from zakhira.adapters.postgres.verifying.links import Chain, follow_chain
from zakhira.adapters.postgres.verifying.page import POSTINGS_AT_ONCE, WriteRow, read_page, read_spans
from zakhira.adapters.postgres.verifying.running import Running
from zakhira.adapters.postgres.verifying.stretches import Stretches
from zakhira.controls.chain.audit import ChainHead
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.flows.ports.progress import Progress, silent

_SIZE: LiteralString = "SELECT count(*), coalesce(sum(posting_count), 0) FROM zakhira.audit"
_SETTLED: LiteralString = "SELECT done_through FROM zakhira.sealing"
_HEAD: LiteralString = "SELECT position, hash FROM zakhira.audit_head"
_EARLIER: LiteralString = "SELECT zakhira.earlier_breaks()"
_STAGE = "Verifying"


@dataclass
class _Told:
    """What was found, by the place that it has in the answer."""

    of_writes: list[tuple[int, int, str]] = field(default_factory=list)
    """number, rank within the write, sentence"""
    counts: list[tuple[int, str, str]] = field(default_factory=list)
    contents: dict[int, str] = field(default_factory=dict)


def read_all_breaks(
    connection: Connection[TupleRow],
    evidence: Evidence = NO_EVIDENCE,
    *,
    another: Opener | None = None,
    progress: Progress = silent,
    at_once: int = POSTINGS_AT_ONCE,
) -> tuple[str, ...]:
    """Everything that does not hold, in sentences; nothing if all is well. Inside a transaction with one snapshot.

    ``another`` opens further connections to the same database: large books are computed anew by several threads.
    ``at_once`` is how many postings are held in memory at a time for each of them.

    Raises:
        NotCanonical, BadAmount, NotUtc: a row says what no write can.
    """
    set_up(connection)
    unreadable = read_unreadable_accounts(connection)
    if unreadable:
        return unreadable
    writes, postings = _one(connection, _SIZE)
    is_large = writes + postings > at_once
    with gathered(connection, another if is_large else None) as crew:
        try:
            return _breaks(connection, crew, evidence, _Steps(progress, max(1, writes), at_once))
        except StrangeCommodity:
            return read_unreadable(connection)


@dataclass(frozen=True)
class _Steps:
    progress: Progress
    total: int
    at_once: int


def _breaks(connection: Connection[TupleRow], crew: Crew, evidence: Evidence, steps: _Steps) -> tuple[str, ...]:
    chart = read_chart(connection)
    told = _Told()
    running = Running(chart, derived.read_drained(connection))
    stretches = Stretches.read(connection)
    later = [
        crew.ask(question)
        for question in (derived.read_lot_breaks, read_history_breaks, read_structure_breaks, read_movement_breaks)
    ]
    later += [crew.ask(question) for question in (read_backing_breaks, derived.read_rollup_breaks, _earlier_breaks)]
    events = crew.ask(read_event_breaks)
    for found in _examined(connection, crew, chart, steps):
        _take(told, found)
        running.follow(connection, found)
        stretches.follow(found)
    told.of_writes += [(number, 2, text) for number, text in running.breaks]
    chain = Chain(told.contents, evidence)
    links = follow_chain(connection, chain, _head(connection), _settled(connection))
    of_events, followed = events.result()
    told.of_writes += [(number, 1, text) for number, text in chain.leaves]
    told.of_writes += [(number, 3, text) for number, text in of_events]
    balances = derived.read_balance_breaks(connection, chart)
    lots, history, structure, movements, backing, rollups, earlier = (answer.result() for answer in later)
    counts = [text for _, _, text in sorted(told.counts)]
    written = [text for _, _, text in sorted(told.of_writes)]
    steps.progress(_STAGE, steps.total, steps.total, "writes")
    return (
        *written,
        *links,
        *balances,
        *lots,
        *followed,
        *history,
        *counts,
        *structure,
        *movements,
        *backing,
        *rollups,
        *stretches.breaks(),
        *earlier,
    )


def _examined(connection: Connection[TupleRow], crew: Crew, chart: Chart, steps: _Steps) -> Iterator[Findings]:
    """What each page comes to, in the order of numbers; a few are looked at ahead."""
    accounts = account_pool(chart)
    steps.progress(_STAGE, 0, steps.total, "writes")
    ahead: deque[Future[Findings]] = deque()
    done = 0
    for span in read_spans(connection, steps.at_once):
        ahead.append(_ask(crew, chart, accounts, span))
        if len(ahead) >= crew.at_once:
            found = ahead.popleft().result()
            done += len(found.writes)
            yield found
            steps.progress(_STAGE, done, steps.total, "writes")
    while ahead:
        yield ahead.popleft().result()


def _ask(crew: Crew, chart: Chart, accounts: pl.Series, span: list[WriteRow]) -> Future[Findings]:
    def question(line: Connection[TupleRow]) -> Findings:
        # A chunk is found by its numbers, whatever the server takes the table to hold.
        line.execute("SET LOCAL enable_seqscan = off")
        page = read_page(line, span)
        line.execute("SET LOCAL enable_seqscan = on")
        return examine(page, chart, accounts)

    return crew.ask(question)


def _take(told: _Told, found: Findings) -> None:
    told.counts += found.counts
    told.contents |= found.contents
    for write in found.writes:
        if write.number in found.contents:
            told.of_writes.append((write.number, 0, f"{write.name}: its content is not what its audit entry says."))


def _head(connection: Connection[TupleRow]) -> ChainHead | None:
    row = connection.execute(_HEAD).fetchone()
    return None if row is None else ChainHead(row[0], row[1].hex())


def _settled(connection: Connection[TupleRow]) -> int:
    row = connection.execute(_SETTLED).fetchone()
    return 0 if row is None else int(row[0])


def _earlier_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    rows = connection.execute(_EARLIER).fetchall()
    return tuple(f"the earlier chain does not hold at write {row[0]}." for row in rows)


def _one(connection: Connection[TupleRow], question: LiteralString) -> TupleRow:
    row = connection.execute(question).fetchone()
    assert row is not None, "an aggregate always answers"
    return row
