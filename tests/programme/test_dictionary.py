"""The data dictionary against the dataclasses: every attribute once, with the same type, unit and a provenance."""

from __future__ import annotations

import dataclasses
from typing import get_type_hints

import pytest

from zakhira.programme import model, policy, reconciliation
from zakhira.programme.dictionary import Attribute, Bound, Dictionary, parse_dictionary

TABLE_OF: dict[type, str] = {
    model.Zone: "zone",
    model.Link: "link",
    model.MachineClass: "machine",
    model.HallClass: "hall",
    model.Pool: "pool",
    model.Licensee: "licensee",
    model.Site: "site",
    model.Prices: "prices",
    model.Network: "network",
    model.ForecastQuality: "forecast",
    model.Officer: "officer",
    model.VaultKey: "vault.key",
    model.Vault: "vault",
    model.Policy: "policy",
    model.AccountSpec: "account",
    model.Drill: "drill",
    model.Battery: "battery",
    model.Backup: "backup",
    model.LoadWindow: "load_window",
    model.Planning: "planning",
    model.SurplusYear: "surplus_year",
    model.Phase: "phase",
    model.Programme: "programme",
    policy.Rule: "rule",
    policy.Quorum: "rule.quorum",
    policy.Window: "rule.window",
    policy.Statute: "statute",
    policy.Deputy: "deputy",
    policy.Payee: "payee",
    policy.Holiday: "holiday",
    reconciliation.BankAccountSpec: "bank_account",
    reconciliation.Reconciliation: "reconciliation",
}
NESTED: dict[type, set[str]] = {
    model.Vault: {"keys"},
    model.Policy: {"officers", "vaults", "rules", "statutes", "deputies", "payees", "holidays"},
    policy.Rule: {"quorums", "windows"},
    model.Programme: {
        *("zones", "links", "machines", "halls", "pools", "licensees", "sites", "prices", "network", "forecast"),
        *("bank_accounts", "reconciliation"),
        *("batteries", "backups", "load_windows", "planning", "surplus_years", "phases"),
        *("policy", "accounts", "drill", "assumptions", "digest", "horizon", "surplus_file", "temperature_file"),
    },
}
SPLIT: dict[type, set[str]] = {model.Programme: {"horizon_start", "horizon_hours"}}
"""Attributes of the file that the model holds under another name: the horizon as one value."""
NOT_IN_THE_TABLE: dict[type, set[str]] = {
    model.Vault: {"template", "recovery", "held_until_height", "is_drill"},
    model.Policy: {"time_zone"},
}
"""A programme's own vaults are plain quorums, others are made in the books; the time zone is the programme's."""

TYPE_OF_KIND = {
    **dict.fromkeys(("id", "code", "text", "lines", "time zone", "file", "public key", "xpub", "choice", "ref"), "str"),
    **dict.fromkeys(("ids", "refs", "texts", "choices"), "tuple[str, ...]"),
    "amount": "Amount | None",
    **dict.fromkeys(("integer", "sats"), "int"),
    "number": "float",
    "date": "date",
    "instant": "datetime",
}


def plain(hint: object) -> str:
    """The name of a type as a reader writes it."""
    name = hint.__name__ if isinstance(hint, type) and "[" not in str(hint) else str(hint)
    return name.replace("zakhira.kernel.money.", "")


@pytest.mark.parametrize("cls", TABLE_OF, ids=lambda cls: cls.__name__)
def test_every_attribute_of_the_model_is_in_the_dictionary_and_the_other_way_round(
    cls: type, dictionary: Dictionary
) -> None:
    fields = {field.name for field in dataclasses.fields(cls)} - NESTED.get(cls, set())
    rows = {attribute.name for attribute in dictionary.table(TABLE_OF[cls]).attributes}
    assert rows - SPLIT.get(cls, set()) == fields - NOT_IN_THE_TABLE.get(cls, set())


def test_every_table_of_the_file_is_known_to_the_model(dictionary: Dictionary) -> None:
    tables = {table.name for table in dictionary.tables if not table.is_series}
    assert tables == {*TABLE_OF.values(), "series"}


@pytest.mark.parametrize("cls", TABLE_OF, ids=lambda cls: cls.__name__)
def test_types_are_those_of_the_model(cls: type, dictionary: Dictionary) -> None:
    hints = get_type_hints(cls, vars(model) | vars(policy))
    for attribute in dictionary.table(TABLE_OF[cls]).attributes:
        if attribute.name in SPLIT.get(cls, set()):
            continue
        kind = attribute.kind if attribute.kind in TYPE_OF_KIND else attribute.kind.partition(" ")[0]
        hint = hints[attribute.name]
        assert TYPE_OF_KIND[kind] == (plain(hint))


def rows(dictionary: Dictionary) -> list[Attribute]:
    return [attribute for table in dictionary.tables for attribute in table.attributes]


def test_a_number_carries_its_unit_in_its_name(dictionary: Dictionary) -> None:
    """C4: the unit stands last in the name; what counts things of its own name, or has no unit, is listed here."""
    bare = {
        "format_version",
        "pue",
        "height",
        "confirmations",
        "threshold",
        "block",
        "elasticity",
        "correlation",
        "year",
        *("count", "most", "share", "years", "hours"),
    }
    for attribute in rows(dictionary):
        if attribute.is_numeric and attribute.name not in bare:
            assert attribute.suffix, attribute
            assert attribute.unit, attribute


def test_a_default_has_provenance_lies_in_its_range_and_between_low_and_high(dictionary: Dictionary) -> None:
    for attribute in rows(dictionary):
        if attribute.default is None:
            assert attribute.required or attribute.choices or attribute.may_be_left_out, attribute
            continue
        assert attribute.admits(attribute.default), attribute
        assert attribute.low is None or attribute.low <= attribute.default, attribute
        assert attribute.high is None or attribute.default <= attribute.high, attribute
        assert attribute.tag in "SDKE-", attribute


def test_a_reference_names_a_table_with_names(dictionary: Dictionary) -> None:
    for attribute in rows(dictionary):
        if attribute.target not in {"", "role"}:
            assert dictionary.table(attribute.target).identity is not None, attribute


@pytest.mark.parametrize(
    ("bound", "value", "inside"),
    [
        (Bound(0, inclusive=True), 0, True),
        (Bound(0, inclusive=False), 0, False),
        (Bound(0, inclusive=False), 1e-9, True),
        (Bound(0, inclusive=True), -1e-9, False),
    ],
)
def test_a_bound_holds_or_leaves_out_its_end(
    bound: Bound, value: float, *, inside: bool, dictionary: Dictionary
) -> None:
    quota = dictionary.table("licensee").attribute("quota_mw")
    assert quota is not None
    lower = dataclasses.replace(quota, minimum=bound, maximum=None)
    upper = dataclasses.replace(quota, minimum=None, maximum=Bound(-bound.value, bound.inclusive))
    assert lower.admits(value) is inside
    assert upper.admits(-value) is inside


HEAD = (
    "table,attribute,type,unit,required,default,minimum,maximum,low,high,source,date,tag,description\n"
    "t,,table,,yes,,,,,,,,,A table\n"
)


@pytest.mark.parametrize(
    "row",
    [
        "t,a,nmber,MW,yes,,,,,,,,,An unknown type",
        "t,a,number,MW,yes,3,,,,,s,2026-01-01,E,Required and a default",
        "t,a,number,MW,no,,,,,,,,,Neither",
        "t,a,number,MW,no,3,,,,,,,,A default from nowhere",
        "u,a,number,MW,yes,,,,,,,,,Of no table",
        "t,a,number,MW,perhaps,,,,,,,,,Required or not",
    ],
)
def test_a_broken_row_stops_the_program(row: str) -> None:
    with pytest.raises(AssertionError):
        parse_dictionary((HEAD + row + "\n").encode())


def test_other_columns_stop_the_program() -> None:
    with pytest.raises(AssertionError):
        parse_dictionary(b"table,attribute\nt,\n")
    with pytest.raises(AssertionError):
        parse_dictionary(b"")
