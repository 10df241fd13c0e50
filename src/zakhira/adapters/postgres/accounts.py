"""Accounts in the database: opened, read, and remembered by their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.flows.ports.books_errors import AccountConflict
from zakhira.kernel.money import COINS, Amount, Commodity
from zakhira.ledger.chart import claim_of
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec

_ACCOUNTS = """
SELECT number, code, commodity, kind, claim, is_overdraft_allowed, ceiling_units FROM zakhira.account
WHERE %(codes)s::text[] IS NULL OR code = ANY(%(codes)s)
ORDER BY code COLLATE "C"
"""
_OPEN = """
INSERT INTO zakhira.account (code, commodity, kind, claim, is_overdraft_allowed, ceiling_units)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (code) DO NOTHING
"""
_REMEMBERED = 1_000_000
"""Accounts never change their number, commodity or kind: what was read once is not asked for again [E]."""


@dataclass
class KnownAccounts:
    """What one connection's user remembers of accounts: number and spec by code."""

    numbers: dict[str, int] = field(default_factory=dict)
    specs: dict[str, AccountSpec] = field(default_factory=dict)
    _open_to: dict[Commodity, dict[str, int]] = field(default_factory=lambda: {one: {} for one in Commodity})
    """The numbers of those that count a commodity and ask for no lot"""

    def open_to(self, commodity: Commodity, codes: Iterable[str]) -> list[int] | None:
        """The numbers of these accounts, if all are known and each takes this commodity without a lot; None if not."""
        try:
            return list(map(self._open_to[commodity].__getitem__, codes))
        except KeyError:
            return None

    def learn(self, connection: Connection[TupleRow], entries: Iterable[Entry]) -> None:
        """Read those accounts of these entries that are not known yet; one that is not there stays unknown."""
        self._learn(connection, {posting.account for entry in entries for posting in entry.postings})

    def open(self, connection: Connection[TupleRow], accounts: Sequence[AccountSpec]) -> None:
        """Make sure these accounts exist, and remember them.

        Raises AccountConflict if one is there as another, and then opens none.
        """
        self._learn(connection, {account.code for account in accounts})
        missing = [account for account in accounts if account.code not in self.specs]
        _require_same([account for account in accounts if account.code in self.specs], self.specs)
        if missing:
            _open(connection, missing)
            self._learn(connection, {account.code for account in missing})

    def _learn(self, connection: Connection[TupleRow], codes: set[str]) -> None:
        # Not a difference with the keys, which would walk through all that is known.
        missing = {code for code in codes if code not in self.numbers}
        if not missing:
            return
        if len(self.numbers) > _REMEMBERED:
            self.numbers.clear()
            self.specs.clear()
            for open_to in self._open_to.values():
                open_to.clear()
            missing = codes
        for number, spec in _read(connection, sorted(missing)):
            self.numbers[spec.code], self.specs[spec.code] = number, spec
            commodity = Commodity[spec.commodity]
            if spec.kind != "asset" or commodity not in COINS:
                self._open_to[commodity][spec.code] = number


def read_accounts(connection: Connection[TupleRow]) -> dict[str, AccountSpec]:
    """Every account by code."""
    return {spec.code: spec for _, spec in _read(connection, None)}


def _open(connection: Connection[TupleRow], accounts: Sequence[AccountSpec]) -> None:
    """Others may open the same accounts at this moment: what is there in the end is looked at."""
    with connection.transaction():
        connection.cursor().executemany(_OPEN, sorted((_row(account) for account in accounts), key=str))
        known = {spec.code: spec for _, spec in _read(connection, [account.code for account in accounts])}
        _require_same(accounts, known)


def _require_same(accounts: Sequence[AccountSpec], known: Mapping[str, AccountSpec]) -> None:
    for account in accounts:
        found = known[account.code]
        if _unchanging(found) != _unchanging(account):
            raise AccountConflict(
                f"{account.code} exists as a {found.kind} in {found.commodity}, not a {account.kind} in "
                f"{account.commodity}.",
                "Give the other account a code of its own.",
            )


def _unchanging(spec: AccountSpec) -> tuple[str, str, str]:
    return spec.commodity, spec.kind, claim_of(spec)


def _row(spec: AccountSpec) -> tuple[str, str, str, str, bool, int | None]:
    ceiling = None if spec.ceiling is None else spec.ceiling.units
    return spec.code, spec.commodity, spec.kind, claim_of(spec), spec.overdraft == "allowed", ceiling


def spec_from(row: TupleRow) -> AccountSpec:
    """An account from code, commodity, kind, claim, is_overdraft_allowed, ceiling_units."""
    code, commodity, kind, claim, may_overdraw, ceiling = row
    return AccountSpec(
        code,
        commodity,
        kind,
        claim or "none",
        "allowed" if may_overdraw else "none",
        None if ceiling is None else Amount(ceiling, Commodity[commodity]),
    )


def _read(connection: Connection[TupleRow], codes: Sequence[str] | None) -> list[tuple[int, AccountSpec]]:
    rows = connection.execute(_ACCOUNTS, {"codes": None if codes is None else list(codes)})
    return [(row[0], spec_from(row[1:])) for row in rows]
