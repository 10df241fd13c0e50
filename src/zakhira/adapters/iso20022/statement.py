"""A bank's statement as camt.053: balances, booked entries and their sums, held against each other before use."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

from zakhira.adapters.iso20022.codes import BAD_CODE, BAD_MONEY, BAD_TIME, MISSING, OTHER_CURRENCY, TWICE, WRONG_SUM
from zakhira.adapters.iso20022.entry import read_entry
from zakhira.adapters.iso20022.fields import Faulty, Field
from zakhira.adapters.iso20022.hostile import parse_message
from zakhira.adapters.iso20022.signed import signed, total_of
from zakhira.flows.ports.bank import MONEY_AT_BANKS, BankStatement, StatementEntry
from zakhira.kernel.money import Amount, BadAmount, Commodity

VERSIONS = range(2, 15)
"""camt.053.001.02 to .14: the fields that are read stand in one place, or in one of two that are both looked at."""
_OPENING, _CLOSING, _BETWEEN = ("OPBD", "PRCD"), ("CLBD",), "ITBD"
"""Booked balances: opening (or the last one closed), closing, and the one at the end of a page."""
_BOOKED = "BOOK"
_NEVER = date.min


def read_statements(name: str, content: bytes) -> tuple[BankStatement, ...]:
    """The statements of a camt.053, each with opening + entries = closing to the least unit; ``name`` stands in errors.

    Entries that are not booked are counted and left out. A page of a longer statement is a statement with the page in
    its id: the balances carry on from page to page.

    Raises:
        Faults: the file is hostile or another message, a field is missing, a currency is not the account's, a sum does
            not come out, or an id is there twice.
    """
    faults = Faulty(name)
    body = Field(parse_message(name, content, "camt.053", VERSIONS, "BkToCstmrStmt"), "", faults)
    found = [_bounded(one) for one in body.every("Stmt")]
    if not found:
        body.fault("Stmt", MISSING, "there is no statement.", "Ask the bank for a complete file.")
    faults.close()
    statements = tuple(item for item in found if item is not None)
    for (account, told), count in Counter((item.account, item.id) for item in statements).items():
        if count > 1:
            body.fault("Stmt", TWICE, f"{count} statements of {account} have the id {told!r}.", "Ask the bank.")
    faults.close()
    return statements


def _bounded(one: Field) -> BankStatement | None:
    try:
        return _statement(one)
    except BadAmount as error:
        one.fault("", BAD_MONEY, f"a sum cannot be held: {error.message}", "Ask the bank.")
        return None


def _statement(one: Field) -> BankStatement | None:
    commodity = _currency(one)
    if commodity is None:
        return None
    opening, closing = _balances(one, commodity)
    entries, pending = _entries(one, commodity)
    if opening is None or closing is None or None in entries:
        return None
    booked = _told_apart(tuple(entry for entry in entries if entry is not None))
    _check_sums(one, booked, opening[0], closing[0])
    _check_days(one, booked, opening[1], closing[1])
    return BankStatement(
        _id(one),
        one.text("Acct/Id/IBAN", "Acct/Id/Othr/Id"),
        _sequence(one),
        one.instant("CreDtTm"),
        *opening,
        *closing,
        booked,
        pending,
    )


def _currency(one: Field) -> Commodity | None:
    """The currency of the account, which the balances tell where the account does not."""
    if not one.text("Acct/Id/IBAN", "Acct/Id/Othr/Id"):
        one.fault("Acct/Id", MISSING, "the account is not told.", "Ask the bank for a complete file.")
    told = one.text("Acct/Ccy")
    if not told:
        first = one.one("Bal/Amt")
        told = "" if first is None else str(first.element.get("Ccy", ""))
    known = next((commodity for commodity in MONEY_AT_BANKS if commodity.value == told), None)
    if known is None:
        names = " or ".join(commodity.value for commodity in MONEY_AT_BANKS)
        one.fault("Acct/Ccy", OTHER_CURRENCY, f"the account is in {told[:8]!r}, not in {names}.", "Check whose it is.")
    return known


def _id(one: Field) -> str:
    page = one.text("StmtPgntn/PgNb")
    is_whole = page in {"", "1"} and one.text("StmtPgntn/LastPgInd") in {"", "true", "1"}
    return one.needed("Id") + ("" if is_whole else f" page {page}")


def _sequence(one: Field) -> int | None:
    """The number that the bank gives to the statements of an account; None for a page, which shares it with others."""
    words = one.text("ElctrncSeqNb", "LglSeqNb")
    if not words or " page " in _id(one):
        return None
    if not (words.isascii() and words.isdigit() and len(words) <= 18):  # noqa: PLR2004 - digits that the standard allows
        one.fault("ElctrncSeqNb", BAD_CODE, f"{words[:30]!r} is no number of a statement.", "Ask the bank.")
        return None
    return int(words)


_Balance = tuple[Amount, date]


def _balances(one: Field, commodity: Commodity) -> tuple[_Balance | None, _Balance | None]:
    """The opening and the closing booked balance; a page begins or ends with the one between."""
    found: dict[str, list[_Balance]] = {}
    for balance in one.every("Bal"):
        code = balance.text("Tp/CdOrPrtry/Cd")
        if code not in {*_OPENING, *_CLOSING, _BETWEEN}:
            continue
        amount, day = signed(balance, commodity), balance.day("Dt")
        if day is None:
            balance.fault("Dt", MISSING, "the day of the balance is not told.", "Ask the bank for a complete file.")
        if amount is not None:
            found.setdefault(code, []).append((amount, day or _NEVER))
    between = found.get(_BETWEEN, [])
    opening = next((found[code] for code in _OPENING if code in found), between[:1])
    closing = next((found[code] for code in _CLOSING if code in found), between[-1:])
    for words, balances, codes in (("opening", opening, _OPENING), ("closing", closing, _CLOSING)):
        if len(balances) != 1:
            told = f"{len(balances)} {words} booked balances ({' or '.join(codes)})"
            one.fault("Bal", MISSING, f"there are {told}, one is needed.", "Ask the bank for a complete file.")
    return (opening[0] if opening else None), (closing[0] if closing else None)


def _entries(one: Field, commodity: Commodity) -> tuple[list[StatementEntry | None], int]:
    """The booked entries (None where one has a fault), and how many others there are."""
    booked: list[StatementEntry | None] = []
    pending = 0
    for number, entry in enumerate(one.every("Ntry"), 1):
        state = entry.text("Sts/Cd", "Sts")
        if state == _BOOKED:
            booked.append(read_entry(entry, commodity, f"entry {number}"))
        elif state in {"PDNG", "FUTR", "INFO"}:
            pending += 1
        else:
            entry.fault(
                "Sts", BAD_CODE, f"the state {state[:20]!r} is not known.", "Ask the bank whether it is booked."
            )
    return booked, pending


def _told_apart(entries: tuple[StatementEntry, ...]) -> tuple[StatementEntry, ...]:
    """Entries under references of their own: banks give a payment and its fee the same one."""
    times = Counter(entry.reference for entry in entries)
    seen: Counter[str] = Counter()
    told = []
    for entry in entries:
        seen[entry.reference] += 1
        number = f" #{seen[entry.reference]}" if times[entry.reference] > 1 else ""
        told.append(replace(entry, reference=f"{entry.reference}{number}"))
    return tuple(told)


def _check_sums(one: Field, entries: tuple[StatementEntry, ...], opening: Amount, closing: Amount) -> None:
    moved = total_of((entry.amount for entry in entries), opening.commodity)
    if opening + moved != closing:
        why = f"{opening} and entries of {moved} come to {opening + moved}, the closing balance is {closing}."
        one.fault("Bal", WRONG_SUM, why, "Ask the bank: a part of the statement is missing or changed.")
    told = one.text("TxsSummry/TtlNtries/NbOfNtries")
    whole = sum(1 for _ in one.every("Ntry"))
    if told and told not in {str(whole), str(len(entries))}:
        one.fault(
            "TxsSummry/TtlNtries", WRONG_SUM, f"{told[:20]} entries are told, {whole} are there.", "Ask the bank."
        )


def _check_days(one: Field, entries: tuple[StatementEntry, ...], opened: date, closed: date) -> None:
    if closed < opened:
        one.fault("Bal", BAD_TIME, f"it closes on {closed}, before it opens on {opened}.", "Ask the bank.")
    late = [entry.reference for entry in entries if entry.booked_on > closed]
    if late:
        why = f"{len(late)} entries are booked after the closing day {closed}, the first is {late[0]}."
        one.fault("Ntry", BAD_TIME, why, "Ask the bank.")
