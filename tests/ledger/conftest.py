"""Accounts and entries for the tests of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from zakhira.programme.model import AccountSpec

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def accounts() -> dict[str, AccountSpec]:
    """The accounts of both shipped programmes, by code."""
    specs = (
        AccountSpec("assets:vault:intake", "BTC", "asset"),
        AccountSpec("assets:vault:cold", "BTC", "asset"),
        AccountSpec("income:royalty", "BTC", "income"),
        AccountSpec("liabilities:community", "BTC", "liability"),
        AccountSpec("expenses:community", "BTC", "expense"),
        AccountSpec("expenses:network-fees", "BTC", "expense"),
        AccountSpec("assets:receivable:energy", "PKR", "asset"),
        AccountSpec("income:energy", "PKR", "income"),
        AccountSpec("assets:receivable:rent", "USD", "asset"),
        AccountSpec("income:rent", "USD", "income"),
    )
    return {spec.code: spec for spec in specs}
