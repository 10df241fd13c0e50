"""One booked entry of a statement: a payment or a batch, reversals and references included."""

from __future__ import annotations

from zakhira.adapters.iso20022.codes import BAD_CODE, MISSING, WRONG_SUM
from zakhira.adapters.iso20022.fields import Field
from zakhira.adapters.iso20022.signed import signed, total_of
from zakhira.flows.ports.bank import StatementEntry, StatementLine
from zakhira.kernel.money import Amount, Commodity

_NOTHING = {"", "NOTPROVIDED"}
"""How banks say that there is no reference."""
_TRUE, _FALSE = {"true", "1"}, {"", "false", "0"}


def read_entry(entry: Field, commodity: Commodity, place: str) -> StatementEntry | None:
    """A booked entry; ``place`` is its reference where the bank gives none. None, and faults kept, if it is amiss."""
    amount = signed(entry, commodity)
    booked = entry.day("BookgDt")
    if booked is None:
        entry.fault("BookgDt", MISSING, "the booking day is not told.", "Ask the bank for a complete file.")
    reversal = entry.text("RvslInd")
    if reversal not in _TRUE | _FALSE:
        entry.fault("RvslInd", BAD_CODE, f"{reversal[:20]!r} is neither true nor false.", "Ask the bank.")
    if amount is None or booked is None:
        return None
    details = tuple(entry.every("NtryDtls"))
    payments = tuple(one for detail in details for one in detail.every("TxDtls"))
    lines = _lines(entry, payments, amount)
    batch = next((words for detail in details if (words := detail.text("Btch/MsgId", "Btch/PmtInfId"))), "")
    return StatementEntry(
        entry.text("AcctSvcrRef", "NtryRef") or place,
        amount,
        reversal in _TRUE,
        booked,
        entry.day("ValDt"),
        lines,
        _given(batch),
        entry.text("AddtlNtryInf"),
    )


def _lines(entry: Field, payments: tuple[Field, ...], whole: Amount) -> tuple[StatementLine, ...]:
    """The payments of an entry, whose sum must be the entry's amount; a single one has all of it."""
    if not payments:
        return ()
    if len(payments) == 1:
        told = _amount(payments[0], whole)
        if told is not None and told != whole:
            why = f"the payment is {told}, the entry {whole}."
            entry.fault("NtryDtls/TxDtls", WRONG_SUM, why, "Ask the bank which holds.")
        return (_line(payments[0], whole),)
    amounts = [_amount(one, whole) for one in payments]
    known = [amount for amount in amounts if amount is not None]
    if len(known) != len(amounts):
        why = f"{len(amounts) - len(known)} of {len(amounts)} payments have no amount in the account's currency."
        entry.fault("NtryDtls", MISSING, why, "Ask the bank for the amounts.")
        return ()
    total = total_of(known, whole.commodity)
    if total != whole:
        why = f"{len(known)} payments come to {total}, the entry is {whole}."
        entry.fault("NtryDtls", WRONG_SUM, why, "Ask the bank: a payment is missing or changed.")
    return tuple(_line(one, amount) for one, amount in zip(payments, known, strict=True))


def _amount(one: Field, whole: Amount) -> Amount | None:
    """The amount of a payment with its sign, in the account's currency; None where it is told in another or not at all.

    Versions up to .02 tell it as ``AmtDtls/TxAmt/Amt`` without a side, later ones as ``Amt`` with one. One that has no
    side of its own is on its entry's.
    """
    paths = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
    path = next((path for path in paths if _currency(one, path) == whole.commodity.value), None)
    if path is None:
        return None
    if one.text("CdtDbtInd"):
        return signed(one, whole.commodity, path)
    amount = one.money(path, whole.commodity)
    return -amount if amount is not None and whole.units < 0 else amount


def _currency(one: Field, path: str) -> str:
    found = one.one(path)
    return "" if found is None else str(found.element.get("Ccy", ""))


def _line(one: Field, amount: Amount) -> StatementLine:
    """A payment; the other party is who gave where money came in, and who got where it went out."""
    other, account = ("Dbtr", "DbtrAcct") if amount.units >= 0 else ("Cdtr", "CdtrAcct")
    texts = [" ".join((found.element.text or "").split()) for found in _remittance(one)]
    return StatementLine(
        amount,
        _given(one.text("Refs/EndToEndId")),
        _given(one.text("Refs/MsgId", "Refs/PmtInfId")),
        one.text(f"RltdPties/{other}/Nm", f"RltdPties/{other}/Pty/Nm"),
        one.text(f"RltdPties/{account}/Id/IBAN", f"RltdPties/{account}/Id/Othr/Id"),
        " ".join(text for text in texts if text) or one.text("AddtlTxInf"),
    )


def _remittance(one: Field) -> tuple[Field, ...]:
    told = one.one("RmtInf")
    return () if told is None else tuple(told.every("Ustrd"))


def _given(words: str) -> str:
    return "" if words in _NOTHING else words
