"""Records of accounts: what opens one, what may change, and what no account can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.account_record import HeldAccount, account_body, account_of, changed
from zakhira.ledger.faults import AccountChanged, BadAccountRecord, BadHolder, VaultAccount
from zakhira.programme.model import AccountSpec

CODE = "liabilities:participants:p-000017:BTC"
HELD = HeldAccount(AccountSpec(CODE, "BTC", "liability", "term", ceiling=sats(500)), "p-000017", is_frozen=True)
RUPEES = HeldAccount(AccountSpec("assets:bank", "PKR", "asset", overdraft="allowed"))


@pytest.mark.parametrize("account", [HELD, RUPEES])
def test_what_is_written_is_read_back(account: HeldAccount) -> None:
    """Every field of an account survives its record."""
    assert account_of(account.spec.code, account_body(account, "letter 4")) == account


def test_the_fields_are_those_that_the_database_reads() -> None:
    """The trigger reads these very names and forms."""
    assert account_body(HELD, "letter 4") == {
        "commodity": "BTC",
        "kind": "liability",
        "claim": "term",
        "overdraft": "none",
        "ceiling_units": "500",
        "holder": "p-000017",
        "is_frozen": True,
        "because": "letter 4",
    }


BAD: list[tuple[dict[str, Json], type[InvalidInput]]] = [
    ({"commodity": "EUR"}, BadAccountRecord),
    ({"kind": "debt"}, BadAccountRecord),
    ({"claim": "maybe"}, BadAccountRecord),
    ({"commodity": "PKR", "ceiling_units": None}, BadAccountRecord),
    ({"overdraft": "yes"}, BadAccountRecord),
    ({"overdraft": "allowed"}, BadAccountRecord),
    ({"ceiling_units": "-5"}, BadAccountRecord),
    ({"ceiling_units": 5}, BadAccountRecord),
    ({"is_frozen": "true"}, BadAccountRecord),
    ({"is_frozen": 1}, BadAccountRecord),
    ({"because": " "}, BadAccountRecord),
    ({"holder": None}, BadAccountRecord),
    ({"more": 1}, BadAccountRecord),
    ({"claim": "suspense"}, BadAccountRecord),
]


@pytest.mark.parametrize(("told", "cause"), BAD)
def test_what_no_account_can_be(told: dict[str, Json], cause: type[InvalidInput]) -> None:
    """A record that says it is refused by its own code."""
    body = {**cast("Mapping[str, Json]", account_body(HELD, "letter 4")), **told}
    with pytest.raises(cause):
        account_of(CODE, body)


@pytest.mark.parametrize(
    ("code", "told", "cause"),
    [
        ("assets:vault:cold", {"kind": "asset", "claim": "none", "holder": ""}, VaultAccount),
        ("assets:vault:cold", {"kind": "asset", "claim": "none", "holder": "", "is_frozen": False}, VaultAccount),
        ("income:share", {"kind": "income", "claim": "none"}, BadHolder),
        ("assets:vault:cold", {"kind": "asset", "claim": "none", "overdraft": "allowed"}, BadAccountRecord),
    ],
)
def test_what_no_account_of_another_kind_can_be(code: str, told: dict[str, Json], cause: type[InvalidInput]) -> None:
    """Vaults follow the chain, and participants hold claims alone."""
    body = {**cast("Mapping[str, Json]", account_body(HELD, "letter 4")), **told}
    with pytest.raises(cause):
        account_of(code, body)


@pytest.mark.parametrize("code", ["", ":a", "a::b", "a: b"])
def test_a_code_is_a_path(code: str) -> None:
    """No part of it is blank, or ends with blanks."""
    with pytest.raises(BadAccountRecord):
        account_of(code, account_body(replace(HELD, spec=replace(HELD.spec, code=code)), "letter 4"))


def test_a_vault_without_ceiling_or_freeze_is_fine() -> None:
    """Its account may be opened by a record like any other."""
    vault = HeldAccount(AccountSpec("assets:vault:cold", "BTC", "asset"))
    assert account_of("assets:vault:cold", account_body(vault, "vault accepted")) == vault


def test_only_bounds_and_freeze_change() -> None:
    """Ceiling and freeze are the later record's, and so is an overdraft; a claim that it leaves out stays."""
    later = HeldAccount(replace(HELD.spec, claim="none", ceiling=None), "p-000017")
    assert changed(HELD, later) == replace(later, spec=replace(later.spec, claim="term"))
    strict = HeldAccount(replace(RUPEES.spec, overdraft="none"))
    assert changed(RUPEES, strict) == strict


@pytest.mark.parametrize(
    "other",
    [
        replace(HELD, holder="p-000018"),
        replace(HELD, spec=replace(HELD.spec, claim="demand")),
        replace(HELD, spec=replace(HELD.spec, kind="income", claim="none")),
        replace(HELD, spec=replace(HELD.spec, commodity="PKR", claim="none", ceiling=Amount(1, Commodity.PKR))),
    ],
)
def test_what_an_account_is_never_changes(other: HeldAccount) -> None:
    """Commodity, kind, claim and holder stay as it was opened."""
    with pytest.raises(AccountChanged):
        changed(HELD, other)
