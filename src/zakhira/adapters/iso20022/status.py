"""A bank's answer to an order as pain.002 (customer payment status report): what became of each transfer."""

from __future__ import annotations

from collections import Counter

from zakhira.adapters.iso20022.codes import BAD_CODE, MISSING, TWICE
from zakhira.adapters.iso20022.fields import Faulty, Field
from zakhira.adapters.iso20022.hostile import parse_message
from zakhira.flows.ports.bank import BankStatus, BankStatusReport, TransferState

VERSIONS = range(3, 16)
"""pain.002.001.03 to .15: the fields that are read stand in the same places in all of them."""
STATES = {
    "ACSP": TransferState.ACCEPTED,
    "ACSC": TransferState.ACCEPTED,
    "ACCC": TransferState.ACCEPTED,
    "ACWC": TransferState.ACCEPTED,
    "RCVD": TransferState.PENDING,
    "PDNG": TransferState.PENDING,
    "ACTC": TransferState.PENDING,
    "ACCP": TransferState.PENDING,
    "ACFC": TransferState.PENDING,
    "PATC": TransferState.PENDING,
    "ACPD": TransferState.PENDING,
    "RJCT": TransferState.REJECTED,
    "CANC": TransferState.REJECTED,
    "BLCK": TransferState.REJECTED,
}
"""External payment transaction status codes of ISO 20022. What was only checked (ACTC, ACCP, ACFC) is not accepted."""
PARTLY = "PART"
"""The group's state where its transfers differ."""


def read_bank_status(name: str, content: bytes) -> tuple[BankStatusReport, ...]:
    """What a pain.002 says: the state of the message, of its groups, and of every transfer that it names.

    A transfer that is not named has the state of its message. ``name`` stands in errors.

    Raises:
        Faults: the file is hostile or another message, an element is missing, a code is unknown, or an id comes twice.
    """
    body = Field(parse_message(name, content, "pain.002", VERSIONS, "CstmrPmtStsRpt"), "", Faulty(name))
    report = _report(body)
    body.faults.close()
    return (report,)


def _report(body: Field) -> BankStatusReport:
    head = body.one("GrpHdr") or body
    original = body.one("OrgnlGrpInfAndSts")
    if original is None:
        body.fault("OrgnlGrpInfAndSts", MISSING, "it is not said which order this answers.", "Ask the bank.")
        original = body
    groups = tuple(body.every("OrgnlPmtInfAndSts"))
    state, code = _state(original, "GrpSts")
    reason = _reason(original)
    if len(groups) == 1 and groups[0].text("PmtInfSts"):  # nearer to the transfers than the message
        state, code = _state(groups[0], "PmtInfSts")
        reason = _reason(groups[0]) or reason
    transfers = tuple(_transfer(one, group) for group in groups for one in group.every("TxInfAndSts"))
    for end_to_end_id, count in Counter(item.end_to_end_id for item in transfers).items():
        if count > 1:
            body.fault("", TWICE, f"{end_to_end_id!r} is answered {count} times.", "Ask the bank what holds.")
    if not code and not transfers:
        body.fault("OrgnlGrpInfAndSts/GrpSts", MISSING, "no state is told.", "Ask the bank for a complete file.")
    return BankStatusReport(
        head.needed("MsgId"),
        head.instant("CreDtTm"),
        original.needed("OrgnlMsgId"),
        state,
        code,
        reason,
        transfers,
    )


def _transfer(one: Field, group: Field) -> BankStatus:
    state, code = _state(one, "TxSts")
    reason = _reason(one)
    if not code:
        state, code = _state(group, "PmtInfSts")
        reason = reason or _reason(group)
    if state is None:
        one.fault("TxSts", MISSING, "the state of this transfer is not told.", "Ask the bank for a complete file.")
    amount = one.money("OrgnlTxRef/Amt/InstdAmt") if one.one("OrgnlTxRef/Amt/InstdAmt") else None
    return BankStatus(one.needed("OrgnlEndToEndId"), state or TransferState.PENDING, code, reason, amount)


def _state(at: Field, path: str) -> tuple[TransferState | None, str]:
    code = at.text(path)
    if not code or code == PARTLY:
        return None, code
    if code not in STATES:
        at.fault(path, BAD_CODE, f"the state {code[:20]!r} is not known.", "Ask the bank what became of the transfer.")
    return STATES.get(code), code


def _reason(at: Field) -> str:
    """Code and words of why, as ``AC04: account closed``; several are joined."""
    told = []
    for why in at.every("StsRsnInf"):
        code = why.text("Rsn/Cd", "Rsn/Prtry")
        words = " ".join(line.element.text or "" for line in why.every("AddtlInf")).strip()
        told.append(": ".join(part for part in (code, words) if part))
    return "; ".join(part for part in told if part)
