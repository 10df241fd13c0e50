"""The ledger followed write by write: what it held before each, and what it would have refused."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import LiteralString

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.reading import read_writes
from zakhira.adapters.postgres.rows import entries_from
from zakhira.adapters.postgres.verifying.chart import Chart, Sums
from zakhira.adapters.postgres.verifying.columns import Flags, Numbers, first_places
from zakhira.adapters.postgres.verifying.findings import Findings
from zakhira.adapters.postgres.verifying.page import DAY_MICROSECONDS
from zakhira.flows.ports.books import StoredWrite
from zakhira.flows.ports.ledger_books import ACCOUNT
from zakhira.flows.ports.ledger_records import changes_of
from zakhira.kernel.errors import ZakhiraError
from zakhira.ledger.fold import NO_CHANGES, LedgerFold

_EPOCH_DAY = date(2000, 1, 1).toordinal()
_PLAIN_AT_ONCE = 1_000
_REVERSED: LiteralString = """
SELECT entry.sequence, entry.ordinal, entry.id, entry.at, entry.narration, entry.evidence, entry.reverses,
       account.code, posting.commodity, posting.units, posting.lot_outpoint, posting.lot_source,
       posting.cost_units, posting.cost_commodity
FROM zakhira.entry JOIN zakhira.audit ON audit.sequence = entry.sequence
JOIN zakhira.posted AS posting ON posting.sequence = entry.sequence AND posting.entry_ordinal = entry.ordinal
JOIN zakhira.account ON account.number = posting.account
WHERE entry.sequence < %(end)s AND (entry.id = ANY (%(ids)s) OR entry.reverses = ANY (%(ids)s))
ORDER BY posting.sequence, posting.entry_ordinal, posting.ordinal
"""
_LOTS: LiteralString = """
SELECT CASE WHEN posting.sequence < %(first)s THEN 0 ELSE posting.sequence END, account.code, posting.lot_outpoint,
       sum(posting.units)
FROM zakhira.posting JOIN zakhira.account ON account.number = posting.account
JOIN zakhira.audit ON audit.sequence = posting.sequence
JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
WHERE posting.sequence < %(end)s AND posting.lot_outpoint = ANY (%(lots)s)
GROUP BY 1, 2, 3 ORDER BY 1
"""


@dataclass
class Running:
    """The ledger at a place in the order of numbers. ``drained`` are the writes after which a lot is below 0."""

    chart: Chart
    drained: Collection[int] = frozenset()
    closed_through: date | None = None
    breaks: list[tuple[int, str]] = field(default_factory=list)
    """number of the write, and what the ledger would have refused of it"""

    def follow(self, connection: Connection[TupleRow], found: Findings) -> None:
        """Take in a page; those of its writes that may break a rule are read and held against the plain rules."""
        doubtful = found.is_doubtful.copy()
        for place, write in enumerate(found.writes):
            if write.number in self.drained:
                doubtful[place] = True
        doubtful[found.write[self._is_watched(found)[found.account]]] = True
        if self.closed_through is not None:
            doubtful |= found.earliest < (self.closed_through.toordinal() + 1 - _EPOCH_DAY) * DAY_MICROSECONDS
        doubtful |= self._out_of_bounds(found)
        if doubtful.any():
            self._walk(connection, found, doubtful)
        self.chart.add(found.account, found.units)

    def _is_watched(self, found: Findings) -> Flags:
        """Accounts that are frozen, or that change somewhere in the page."""
        watched = self.chart.is_frozen.copy()
        for code in found.changed:
            row = self.chart.rows.get(code)
            if row is not None:
                watched[row] = True
        return watched

    def _out_of_bounds(self, found: Findings) -> Flags:
        """Writes after which an account that they touch is outside the bounds that hold before the page."""
        flags = np.zeros(len(found.writes), dtype=np.bool_)
        chart = self.chart
        units = chart.fitting(found.units)
        low, high = chart.sums.copy(), chart.sums.copy()
        np.add.at(low, found.account, np.minimum(units, 0))
        np.add.at(high, found.account, np.maximum(units, 0))
        is_near = (low < chart.least) | (high > chart.most)
        chosen = np.flatnonzero(is_near[found.account])
        if len(chosen):
            chosen = chosen[np.argsort(found.account[chosen], kind="stable")]
            flags[found.write[chosen[self._is_outside(found, chosen, units[chosen])]]] = True
        return flags

    def _is_outside(self, found: Findings, chosen: Numbers, units: Sums) -> Flags:
        """Which of these postings, by account and write, are the last of a write that leaves its account outside."""
        rows, writes = found.account[chosen], found.write[chosen]
        summed = np.cumsum(units)
        starts = first_places(rows)
        before = np.repeat(summed[starts] - units[starts], np.diff(np.append(starts, len(rows))))
        held = self.chart.sums[rows] + summed - before
        is_last = np.append((rows[1:] != rows[:-1]) | (writes[1:] != writes[:-1]), [True])
        outside: Flags = is_last & ((held < self.chart.least[rows]) | (held > self.chart.most[rows]))
        return outside

    def _walk(self, connection: Connection[TupleRow], found: Findings, doubtful: Flags) -> None:
        """Hold the doubtful writes against the plain rules, in order, with what the others between them add."""
        places = np.flatnonzero(doubtful).tolist()
        needed = np.zeros(len(self.chart.codes), dtype=np.bool_)
        needed[found.account[doubtful[found.write]]] = True
        between = np.flatnonzero(needed[found.account] & ~doubtful[found.write])
        ledger = LedgerFold(closed_through=self.closed_through)
        for row in np.flatnonzero(needed).tolist():
            ledger.sums.accounts[self.chart.codes[row]] = int(self.chart.sums[row])
        reached = 0
        for start in range(0, len(places), _PLAIN_AT_ONCE):
            some = places[start : start + _PLAIN_AT_ONCE]
            numbers = [found.writes[place].number for place in some]
            writes = read_writes(connection, numbers)
            around = _Around(connection, writes)
            for known in (ledger.sums.lots, ledger.entries, ledger.reversed_by):
                known.clear()
            for place, write in zip(some, writes, strict=True):
                while reached < len(between) and found.write[between[reached]] < place:
                    one = between[reached]
                    ledger.sums.accounts[self.chart.codes[found.account[one]]] += int(found.units[one])
                    reached += 1
                around.bring(ledger, write.audit.sequence)
                self._judge(ledger, write)
        self.closed_through = ledger.closed_through

    def _judge(self, ledger: LedgerFold, write: StoredWrite) -> None:
        """What the ledger would have refused of a write; it is taken in all the same, as it is there."""
        codes = {posting.account for entry in write.entries for posting in entry.postings}
        codes |= {record.id for record in write.records if record.kind == ACCOUNT}
        known = {code: self.chart.held(code) for code in codes}
        ledger.accounts = {code: held for code, held in known.items() if held is not None}
        for code in codes & self.chart.rows.keys() - ledger.sums.accounts.keys():
            # Only records of it are looked at here: no posting of the page touches it before.
            ledger.sums.accounts[code] = int(self.chart.sums[self.chart.rows[code]])
        changes = NO_CHANGES
        try:
            changes = changes_of(write.records)
            ledger.require(write.entries, changes)
        except ZakhiraError as error:
            name = f"write {write.audit.sequence} ({write.audit.key})"
            self.breaks.append((write.audit.sequence, f"{name}: {error.message}"))
        with contextlib.suppress(ZakhiraError):  # an account that changed into another: told above
            ledger.add(write.entries, changes)
        for account in changes.accounts:
            self.chart.take(ledger.accounts.get(account.spec.code, account))


class _Around:
    """What stands before and between doubtful writes, in order: what is on lots that they move, what they take back."""

    def __init__(self, connection: Connection[TupleRow], writes: Sequence[StoredWrite]) -> None:
        entries = [entry for write in writes for entry in write.entries]
        ids = sorted({entry.reverses for entry in entries if entry.reverses})
        outpoints = sorted({one.lot.outpoint for entry in entries for one in entry.postings if one.lot is not None})
        given = {"end": writes[-1].audit.sequence, "first": writes[0].audit.sequence, "ids": ids, "lots": outpoints}
        self._known = {write.audit.sequence for write in writes}
        self._lots = connection.execute(_LOTS, given).fetchall() if outpoints else []
        self._entries = list(entries_from(connection.execute(_REVERSED, given))) if ids else []
        self._lots.reverse()
        self._entries.reverse()

    def bring(self, ledger: LedgerFold, number: int) -> None:
        """Let the ledger know what was there before the write of this number, but for the writes that it was told."""
        while self._lots and self._lots[-1][0] < number:
            sequence, code, outpoint, units = self._lots.pop()
            if sequence not in self._known:
                ledger.sums.lots[code, outpoint] = ledger.sums.lots.get((code, outpoint), 0) + int(units)
        while self._entries and self._entries[-1][0] < number:
            sequence, entry = self._entries.pop()
            if sequence not in self._known:
                ledger.entries[entry.id] = entry
                if entry.reverses:
                    ledger.reversed_by.setdefault(entry.reverses, entry.id)
