"""A programme file as it is read: whole, with its defaults, and what is refused in it beside single faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zakhira.kernel.errors import Fault
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.faults import Cause
from zakhira.programme.model import Assumption, Programme
from zakhira.programme.validation import FORMAT_VERSION, parse_programme

Parse = Callable[[str], tuple[Programme | None, list[Fault]]]
CASH = """
[[account]]
code = "assets:bank:office"
commodity = "PKR"
kind = "asset"

[[bank_account]]
id = "office"
holder = "Programme office"
number = "PK36SCBL0000001123456702"
bank = "SCBLPKKX"
account = "assets:bank:office"

[reconciliation]
owner_roles = ["comptroller"]
halt_from_pkr = 0
"""


def test_a_bank_account_has_its_account_of_the_ledger(small_text: str, parse: Parse) -> None:
    """Who must act, and from where on payouts stop, is told beside it; decided figures are no assumptions."""
    programme, faults = parse(small_text + CASH)
    assert programme is not None, faults
    (held,) = programme.bank_accounts
    assert (held.number, held.account) == ("PK36SCBL0000001123456702", "assets:bank:office")
    rules = programme.reconciliation
    assert rules.owner_roles == ("comptroller",)
    assert rules.halts(Amount(0, Commodity.PKR))
    assert [rules.halts(Amount(units, Commodity.BTC)) for units in (999_999, 1_000_000, -1_000_000)] == [
        False,
        True,
        True,
    ]
    keys = {assumption.key for assumption in programme.assumptions}
    assert "reconciliation.halt_from_pkr" not in keys
    assert "reconciliation.halt_from_sats" in keys


@pytest.mark.parametrize(
    ("old", "new", "code", "key"),
    [
        ('account = "assets:bank:office"', 'account = "assets:bank:other"', Cause.UNKNOWN_REFERENCE, "account"),
        ('account = "assets:bank:office"', 'account = "income:energy"', Cause.ACCOUNT_KIND, "account"),
        ('account = "assets:bank:office"', 'account = "assets:vault:cold"', Cause.ACCOUNT_KIND, "account"),
        (
            "[reconciliation]",
            CASH.partition("[reconciliation]")[0]
            .partition("[[bank")[2]
            .join(["[[bank", "[reconciliation]"])
            .replace('"office"', '"two"'),
            Cause.REPEATED_ID,
            "number",
        ),
    ],
)
def test_a_bank_account_without_money_of_its_own_is_refused(
    small_text: str, parse: Parse, old: str, new: str, code: Cause, key: str
) -> None:
    """An account that is not there, that holds no money, or that two share."""
    programme, faults = parse(small_text + CASH.replace(old, new))
    assert programme is None
    assert code.code in {fault.code for fault in faults if fault.key.endswith(f".{key}")}, faults


def test_accounts_of_energy_follow_from_zones_and_licensees(small: Programme, small_text: str, parse: Parse) -> None:
    """They need not be declared; one that is declared counts watt-hours."""
    energy = {account.code: account.kind for account in small.accounts if account.commodity == "WH"}
    assert energy == {
        **{f"income:surplus:{zone.id}": "income" for zone in small.zones},
        **{f"expenses:energy:{licensee.id}": "expense" for licensee in small.licensees},
    }
    declared = f'\n[[account]]\ncode = "income:surplus:{small.zones[0].id}"\nkind = "income"\ncommodity = '
    again, faults = parse(small_text + declared + '"WH"\n')
    assert again is not None, faults
    assert sorted(account.code for account in again.accounts) == sorted(account.code for account in small.accounts)
    _, faults = parse(small_text + declared + '"PKR"\n')
    assert [fault.code for fault in faults] == [Cause.ACCOUNT_KIND.code]


def test_the_small_programme_is_read_whole(small: Programme) -> None:
    assert small.id == "small"
    assert small.horizon.start == datetime(2026, 1, 4, 19, tzinfo=UTC)
    assert small.horizon.count == 168
    assert [zone.id for zone in small.zones] == ["south", "north"]
    assert small.zones[0].loss_share == 0.02
    assert small.policy.sweep_limit_sats == 500_000_000
    assert small.policy.fee_limit_sats == 100_000
    assert small.policy.vault("cold").threshold == 3
    assert [key.signer for key in small.policy.vault("intake").keys] == ["intake-1", "intake-2", "intake-3"]
    assert small.prices.as_of == date(2026, 1, 1)
    assert small.drill is not None
    assert (small.surplus_file, small.temperature_file) == ("series/surplus.csv", "series/ambient.csv")


def test_two_quotas_that_fill_the_cap_exactly_in_decimals_are_no_fault(small_text: str, parse: Parse) -> None:
    """0.1 + 0.2 is not 0.3 in binary: the cap is not crossed by rounding."""
    text = small_text.replace("cap_mw = 40", "cap_mw = 0.3").replace("quota_mw = 24", "quota_mw = 0.1")
    assert parse(text.replace("quota_mw = 16", "quota_mw = 0.2"))[1] == []


def test_a_newer_file_is_not_looked_into(small_text: str, parse: Parse) -> None:
    text = small_text.replace("format_version = 1", f"format_version = {FORMAT_VERSION + 1}\nwarp = 9")
    _, faults = parse(text)
    assert [fault.code for fault in faults] == [Cause.NEWER_FORMAT.code]


def test_one_key_under_two_officers_is_one_person(small_text: str, parse: Parse) -> None:
    """The comptroller is entered again as director with the same key: the key is a fault by itself."""
    keys = re.findall(r'public_key = "([0-9a-f]+)"', small_text)
    _, faults = parse(small_text.replace(keys[3], keys[2]))
    assert [(fault.code, fault.key) for fault in faults] == [
        (Cause.REPEATED_OFFICER_KEY.code, "officer.director-1.public_key")
    ]


def test_one_person_does_not_count_twice_for_a_role(small_text: str, parse: Parse) -> None:
    """Two proposers with one key are one person; with two keys they are two."""
    text = small_text.replace('approve_roles = ["comptroller"', 'approve_roles = ["treasury-officer"')
    assert parse(text)[1] == []
    keys = re.findall(r'public_key = "([0-9a-f]+)"', small_text)
    codes = {fault.code for fault in parse(text.replace(keys[1], keys[0]))[1]}
    assert codes == {Cause.REPEATED_OFFICER_KEY.code, Cause.PERSON_COUNTS_TWICE.code}


def test_a_key_twice_in_a_vault_is_refused(small_text: str, parse: Parse) -> None:
    xpubs = re.findall(r'xpub = "([^"]+)"', small_text)
    _, faults = parse(small_text.replace(xpubs[4], xpubs[3]))
    assert [(fault.code, fault.key) for fault in faults] == [(Cause.REPEATED_KEY.code, "vault.cold.key.cold-2.xpub")]
    other_origin = "[00000000" + xpubs[3][9:]
    _, faults = parse(small_text.replace(xpubs[4], other_origin))
    assert [fault.code for fault in faults] == [Cause.REPEATED_KEY.code]


def test_a_vault_holds_at_most_fifteen_keys(small_text: str, parse: Parse) -> None:
    xpub = re.findall(r'xpub = "([^"]+)"', small_text)[-1]
    more = "".join(f'[[vault.key]]\nsigner = "more-{n}"\nxpub = "{xpub}"\n' for n in range(11))
    _, faults = parse(small_text.replace("# Accounts of the ledger", more + "# Accounts of the ledger"))
    found = [fault for fault in faults if fault.code == Cause.TOO_MANY_KEYS.code]
    assert [fault.key for fault in found] == ["vault.cold.key"]


def test_a_private_key_is_refused_and_not_shown(small_text: str, parse: Parse) -> None:
    """BIP-32's first test vector, chain m: a key that everybody knows."""
    private = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yu"
    private += "GBxrMPHi"
    xpub = re.findall(r'xpub = "([^"]+)"', small_text)[0]
    for text in (f"[00000000/0h]{private}", private):
        _, faults = parse(small_text.replace(xpub, text))
        assert [fault.code for fault in faults] == [Cause.BAD_XPUB.code]
        assert private[:20] not in str(faults[0])
    assert "private" in parse(small_text.replace(xpub, f"[00000000/0h]{private}"))[1][0].message


def test_instants_may_be_written_as_toml_instants(small_text: str, parse: Parse) -> None:
    """The same instant with the local offset."""
    text = small_text.replace('run_start = "2026-01-04T19:00:00Z"', "run_start = 2026-01-05T00:00:00+05:00")
    programme, faults = parse(text)
    assert faults == []
    assert programme is not None
    assert programme.run_start == datetime(2026, 1, 4, 19, tzinfo=UTC)
    assert programme.run_start.tzinfo is UTC


def test_every_figure_and_every_default_used_is_an_assumption(small: Programme, dictionary: Dictionary) -> None:
    found = {assumption.key: assumption for assumption in small.assumptions}
    assert len(found) == len(small.assumptions)
    assert found["prices.btc_usd"] == Assumption(
        "prices.btc_usd", 60000, "USD/BTC", 40000, 120000, "round number of the example", date(2026, 1, 1), "E"
    )
    plain = found["zone.south.loss_share"]
    assert (plain.value, plain.unit, plain.source, plain.tag) == (0.02, "share", "p.toml", "E")
    assert {"link[1].limit_mw", "policy.sweep_limit_sats", "vault.cold.threshold"} <= set(found)


def test_a_default_keeps_its_provenance(small_text: str, parse: Parse, dictionary: Dictionary) -> None:
    row = dictionary.table("machine").attribute("pue")
    assert row is not None
    programme, faults = parse(small_text.replace("pue = 1\n", "", 1).replace("block_minutes = 60\n", ""))
    assert faults == []
    assert programme is not None
    found = {assumption.key: assumption for assumption in programme.assumptions}
    wanted = Assumption("machine.m20.pue", 1.06, "ratio", row.low, row.high, row.source, row.date, "E")
    assert found["machine.m20.pue"] == wanted
    assert programme.machines[0].pue == 1.06
    assert programme.block_minutes == 10
    assert isinstance(programme.block_minutes, int)


def test_a_table_of_defaults_may_be_left_out(small_text: str, parse: Parse) -> None:
    text = small_text.replace("[forecast]\nerror_share = 0.1\npersistence_share = 0.9\n", "")
    programme, faults = parse(text)
    assert faults == []
    assert programme is not None
    assert programme.forecast.error_share == 0.1
    assert "forecast.error_share" in {assumption.key for assumption in programme.assumptions}


def test_optional_tables_may_be_left_out(small_text: str, parse: Parse) -> None:
    text = re.sub(r"\[\[link\]\]\n(?:.+\n)+", "", small_text)
    text = re.sub(r"\[drill\]\n.+\n", "", text)
    programme, faults = parse(text)
    assert faults == []
    assert programme is not None
    assert programme.links == ()
    assert programme.drill is None


def test_the_digest_is_put_in_as_it_is(small_text: str, dictionary: Dictionary, small: Programme) -> None:
    programme, _ = parse_programme(small_text.encode(), "p.toml", dictionary, "d1")
    assert programme == replace(small, digest="d1")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_required_key_that_is_taken_out_is_named(
    data: st.DataObject, small_text: str, parse: Parse, dictionary: Dictionary
) -> None:
    """Any line may be taken out: either its key has a default, or a fault names it."""
    lines = small_text.splitlines()
    keys = [index for index, line in enumerate(lines) if re.match(r"[a-z]\w* = ", line)]
    index = data.draw(st.sampled_from(keys))
    name = lines[index].partition(" ")[0]
    programme, faults = parse("\n".join(lines[:index] + lines[index + 1 :]))
    attributes = [a for table in dictionary.tables if not table.is_series for a in table.attributes if a.name == name]
    if all(not attribute.required for attribute in attributes):
        assert programme is not None or faults
    else:
        missing = [fault for fault in faults if fault.code == Cause.MISSING_KEY.code]
        assert [fault.key.rpartition(".")[2] for fault in missing] == [name]


NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,15}", fullmatch=True)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, data=st.data())
def test_an_unknown_key_is_always_refused(
    name: str, data: st.DataObject, small_text: str, parse: Parse, dictionary: Dictionary
) -> None:
    lines = small_text.splitlines()
    heads = [index for index, line in enumerate(lines) if re.match(r"\[", line)]
    index = data.draw(st.sampled_from(heads))
    table = dictionary.table(lines[index].strip("[]"))
    if table.attribute(name) or (table.name == "vault" and name == "key"):
        return
    _, faults = parse("\n".join([*lines[: index + 1], f"{name} = 1", *lines[index + 1 :]]))
    codes = {Cause.UNKNOWN_KEY.code, Cause.WRONG_UNIT.code}
    assert [fault.line for fault in faults if fault.code in codes] == [index + 2]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_give_faults_and_never_raise(
    data: st.DataObject, small_text: str, dictionary: Dictionary
) -> None:
    """Cut, doubled, swapped and overwritten pieces: whatever stands there, an answer comes back."""
    source = small_text.encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(source) - 1))
        end = min(len(source), start + data.draw(st.integers(0, 60)))
        piece = data.draw(
            st.one_of(
                st.binary(max_size=12),
                st.sampled_from([b"nan", b"{}", b"[]", b"[[1]]", b'""', b"1e999", b"-1", b"[[zone]]\n", b"2026-01-01"]),
                st.just(source[start:end] * 2),
            )
        )
        source = source[:start] + piece + source[end:]
    programme, faults = parse_programme(source, "p.toml", dictionary)
    assert (programme is None) == bool(faults)
    assert {fault.code for fault in faults} <= {cause.code for cause in Cause}
