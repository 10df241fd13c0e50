"""A bank order as pain.001 (customer credit transfer initiation), held against its schema before it is handed out."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from zakhira.adapters.iso20022.codes import NOT_VALID
from zakhira.adapters.iso20022.order_check import BIC, is_iban, order_faults
from zakhira.adapters.iso20022.schema import ORDER_MESSAGE, order_schema
from zakhira.flows.ports.bank import BankAccount, BankOrder, BankTransfer
from zakhira.kernel.errors import Fault, Faults
from zakhira.kernel.money import Amount

_SPACE = f"urn:iso:std:iso:20022:tech:xsd:{ORDER_MESSAGE}"
_UNKNOWN_BANK = "NOTPROVIDED"
"""What the standard's users write for a bank that the IBAN names already."""


def write_bank_order(order: BankOrder) -> bytes:
    """The order as pain.001.001.09 in UTF-8; the same order gives the same bytes.

    One payment group, executed on one day, booked transfer by transfer, so that each comes back in the statement.

    Raises:
        Faults: what is wrong with the order, all of it.
        SchemaMissing: the schema is not installed.
    """
    faults = order_faults(order)
    if faults:
        raise Faults(faults)
    document = etree.Element(_name("Document"), nsmap={None: _SPACE})
    body = etree.SubElement(document, _name("CstmrCdtTrfInitn"))
    _head(body, order)
    _group(body, order)
    _require_valid(document, order.message_id)
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _head(body: etree._Element, order: BankOrder) -> None:
    head = _below(body, "GrpHdr")
    _text(head, "MsgId", order.message_id)
    _text(head, "CreDtTm", order.ordered_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    _text(head, "NbOfTxs", str(len(order.transfers)))
    _text(head, "CtrlSum", _decimal(order.total))
    _text(_below(head, "InitgPty"), "Nm", order.debtor.holder)


def _group(body: etree._Element, order: BankOrder) -> None:
    group = _below(body, "PmtInf")
    _text(group, "PmtInfId", order.message_id)
    _text(group, "PmtMtd", "TRF")
    _text(group, "BtchBookg", "false")
    _text(group, "NbOfTxs", str(len(order.transfers)))
    _text(group, "CtrlSum", _decimal(order.total))
    _text(_below(group, "ReqdExctnDt"), "Dt", order.execute_on.isoformat())
    _text(_below(group, "Dbtr"), "Nm", order.debtor.holder)
    _account(group, "DbtrAcct", order.debtor, order.total.commodity.value)
    _bank(group, "DbtrAgt", order.debtor.bank)
    _text(group, "ChrgBr", "SHAR")
    for transfer in order.transfers:
        _transfer(group, transfer)


def _transfer(group: etree._Element, transfer: BankTransfer) -> None:
    one = _below(group, "CdtTrfTxInf")
    ids = _below(one, "PmtId")
    _text(ids, "InstrId", transfer.end_to_end_id)
    _text(ids, "EndToEndId", transfer.end_to_end_id)
    amount = _text(_below(one, "Amt"), "InstdAmt", _decimal(transfer.amount))
    amount.set("Ccy", transfer.amount.commodity.value)
    if transfer.bank:
        _bank(one, "CdtrAgt", transfer.bank)
    _text(_below(one, "Cdtr"), "Nm", transfer.payee)
    _account(one, "CdtrAcct", BankAccount(transfer.payee, transfer.account))
    _text(_below(one, "RmtInf"), "Ustrd", transfer.reason)


def _account(parent: etree._Element, name: str, account: BankAccount, currency: str = "") -> None:
    held = _below(parent, name)
    number = _below(held, "Id")
    if is_iban(account.number):
        _text(number, "IBAN", account.number)
    else:
        _text(_below(number, "Othr"), "Id", account.number)
    if currency:
        _text(held, "Ccy", currency)


def _bank(parent: etree._Element, name: str, bank: str) -> None:
    institution = _below(_below(parent, name), "FinInstnId")
    if BIC.fullmatch(bank):
        _text(institution, "BICFI", bank)
    else:
        _text(_below(institution, "Othr"), "Id", bank or _UNKNOWN_BANK)


def _decimal(amount: Amount) -> str:
    return str(amount).partition(" ")[0]


def _name(local: str) -> str:
    return f"{{{_SPACE}}}{local}"


def _below(parent: etree._Element, local: str) -> etree._Element:
    return etree.SubElement(parent, _name(local))


def _text(parent: etree._Element, local: str, words: str) -> etree._Element:
    element = _below(parent, local)
    element.text = words
    return element


def _require_valid(document: etree._Element, message_id: str) -> None:
    schema = order_schema()
    if not schema.validate(document):
        told: Sequence[etree._LogEntry] = tuple(schema.error_log)
        remedy = "This is a fault of the program: report it with the order."
        raise Faults([Fault(message_id, 0, str(one.path), NOT_VALID, one.message, remedy) for one in told[:10]])
