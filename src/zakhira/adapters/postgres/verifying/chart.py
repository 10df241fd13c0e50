"""Every account of the ledger in columns, with what it holds and may hold at a place in the order of writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, LiteralString

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.accounts import spec_from
from zakhira.adapters.postgres.verifying.columns import Flags, Numbers, places_of
from zakhira.adapters.postgres.verifying.page import COMMODITIES
from zakhira.flows.ports.books_check import decode_body
from zakhira.flows.ports.ledger_books import ACCOUNT
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import COINS, MAX_UNITS, Amount, Commodity
from zakhira.ledger.account_record import HeldAccount, account_of
from zakhira.ledger.chart import bounds_of
from zakhira.programme.model import AccountSpec

_ACCOUNTS: LiteralString = """
SELECT number, code, commodity, kind, claim, is_overdraft_allowed, ceiling_units FROM zakhira.account
ORDER BY number
"""
_RECORDS: LiteralString = """
SELECT record.id, record.body::text FROM zakhira.record JOIN zakhira.audit ON audit.sequence = record.sequence
WHERE record.kind = %s ORDER BY record.sequence, record.ordinal
"""
_ROWS_AT_ONCE = 5_000
_CODE_OF = {commodity.value: code for code, commodity in enumerate(COMMODITIES, 1)}
_COIN_CODES = tuple(_CODE_OF[coin.value] for coin in COINS)

Sums = npt.NDArray[Any]
"""Of 64-bit integers, or of Python's own where a sum may not fit those."""


@dataclass
class Chart:
    """Accounts by row, in the order of their numbers; all columns have the same length."""

    numbers: Numbers
    codes: list[str]
    rows: dict[str, int]
    commodity: Numbers
    is_asset: Flags
    specs: list[tuple[str, str, str]]
    """commodity, kind and claim, which never change"""
    holders: list[str]
    may_overdraw: Flags
    ceilings: Numbers
    """-1: none"""
    is_frozen: Flags
    least: Numbers
    most: Numbers
    sums: Sums
    counts: Numbers
    strangers: dict[str, HeldAccount]
    """accounts that only records know"""

    @property
    def is_vault(self) -> Flags:
        """Which of them hold coins: each posting there has a lot."""
        return self.is_asset & np.isin(self.commodity, _COIN_CODES)

    def rows_of(self, numbers: Numbers) -> Numbers:
        """The row of each of these numbers of accounts; -1 where there is none."""
        if not len(self.numbers):
            return np.full(len(numbers), -1, dtype=np.int64)
        low, high = int(self.numbers[0]), int(self.numbers[-1])
        if high - low + 1 != len(self.numbers):
            return places_of(numbers, self.numbers)
        rows = numbers - low
        rows[(rows < 0) | (rows >= len(self.numbers))] = -1
        return rows

    def held(self, code: str) -> HeldAccount | None:
        """An account as it is at this place; None where there is none."""
        row = self.rows.get(code)
        if row is None:
            return self.strangers.get(code)
        commodity, kind, claim = self.specs[row]
        ceiling = None if self.ceilings[row] < 0 else Amount(int(self.ceilings[row]), Commodity[commodity])
        overdraft = "allowed" if self.may_overdraw[row] else "none"
        spec = AccountSpec(code, commodity, kind, claim, overdraft, ceiling)
        return HeldAccount(spec, self.holders[row], is_frozen=bool(self.is_frozen[row]))

    def take(self, account: HeldAccount) -> None:
        """From here on the account is so."""
        row = self.rows.get(account.spec.code)
        if row is None:
            self.strangers[account.spec.code] = account
            return
        bounds = bounds_of(account.spec)
        self.may_overdraw[row] = account.spec.overdraft == "allowed"
        self.ceilings[row] = -1 if account.spec.ceiling is None else account.spec.ceiling.units
        self.is_frozen[row], self.holders[row] = account.is_frozen, account.holder
        self.least[row], self.most[row] = bounds.least, bounds.most

    def fitting(self, units: Numbers) -> Sums:
        """These units as numbers that can be added to the sums whatever they come to."""
        if self.sums.dtype != object and _may_overflow(self.sums, units):
            self.sums = self.sums.astype(object)
        return units.astype(self.sums.dtype)

    def add(self, rows: Numbers, units: Numbers) -> None:
        """Add postings on these rows."""
        np.add.at(self.sums, rows, self.fitting(units))
        self.counts += np.bincount(rows, minlength=len(self.counts))


def _may_overflow(sums: Sums, units: Numbers) -> bool:
    largest = float(np.abs(sums.astype(float)).max(initial=0))
    return largest + float(np.abs(units.astype(float)).sum()) > MAX_UNITS / 2


def read_chart(connection: Connection[TupleRow]) -> Chart:
    """The accounts before any write. What one that has records was bound by before the first is not known."""
    numbers, codes, specs, holders, bounds = [], [], [], [], []
    may_overdraw, ceilings = [], []
    for row in connection.execute(_ACCOUNTS).fetchall():
        spec = spec_from(row[1:])
        numbers.append(row[0])
        codes.append(spec.code)
        specs.append((spec.commodity, spec.kind, spec.claim))
        holders.append("")
        may_overdraw.append(spec.overdraft == "allowed")
        ceilings.append(-1 if spec.ceiling is None else spec.ceiling.units)
        bounds.append(bounds_of(spec))
    count = len(numbers)
    chart = Chart(
        numbers=np.array(numbers, dtype=np.int64),
        codes=codes,
        rows={code: row for row, code in enumerate(codes)},
        commodity=np.array([_CODE_OF[commodity] for commodity, _, _ in specs], dtype=np.int64),
        is_asset=np.array([kind == "asset" for _, kind, _ in specs], dtype=np.bool_),
        specs=specs,
        holders=holders,
        may_overdraw=np.array(may_overdraw, dtype=np.bool_),
        ceilings=np.array(ceilings, dtype=np.int64),
        is_frozen=np.zeros(count, dtype=np.bool_),
        least=np.array([one.least for one in bounds], dtype=np.int64),
        most=np.array([one.most for one in bounds], dtype=np.int64),
        sums=np.zeros(count, dtype=np.int64),
        counts=np.zeros(count, dtype=np.int64),
        strangers={},
    )
    with connection.cursor("records") as records:
        records.itersize = _ROWS_AT_ONCE
        _loosen(chart, records.execute(_RECORDS, (ACCOUNT,)))
    return chart


def _loosen(chart: Chart, records: Iterable[TupleRow]) -> None:
    """Let accounts that have records hold whatever they do before the first of them."""
    seen: set[str] = set()
    for code, body in records:
        held = chart.held(code) if code not in seen else None
        if held is None:
            continue
        with contextlib.suppress(ZakhiraError):  # told as a break where it stands
            account = account_of(code, decode_body(body))
            seen.add(code)
            spec = replace(held.spec, overdraft="allowed", ceiling=None)
            chart.take(HeldAccount(spec, account.holder))
