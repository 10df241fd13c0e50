"""Participants: citizens, staff and licensees who hold claims in coin or rupees, with statements of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import cast
from unicodedata import normalize

from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.opening import require_may_open
from zakhira.flows.keeping.refusals import (
    BadParticipant,
    BadTransfer,
    ParticipantsMoved,
    ReferenceTaken,
    UnknownParticipant,
)
from zakhira.flows.keeping.statements import account_statements
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.known import PARTICIPANT
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.ports.ledger_records import account_record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.chart import DEMAND, TERM
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import AccountChanged
from zakhira.ledger.periods import Period, midnight
from zakhira.ledger.statement import AccountStatement
from zakhira.programme.model import AccountSpec
from zakhira.settlement.payouts.entries import participant_account

REGISTER = "participant register"
"""Kind of the records of the register: under ``last`` the number that was given last, under a reference whose it is."""
_LAST = "last"
KINDS = ("citizen", "staff", "licensee")
ASSETS = (Commodity.BTC, Commodity.PKR)
"""What participants hold claims in."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, as far as
``str.isprintable`` lets them pass, and the blank of Braille."""
MOST_TRIES = 20
"""How often a number is drawn when others draw one at the same moment [E] (low 3, high 100)."""


@dataclass(frozen=True)
class Participant:
    """Who holds claims. The name stands here alone, and in no account's code.

    ``reference`` is the office's own file on this person; ``maturity`` the first day on which a certificate is payable,
    None for what is payable on demand.
    """

    id: str
    name: str
    kind: str
    opened_on: date
    reference: str
    maturity: date | None = None

    @property
    def record(self) -> Record:
        """The participant's record."""
        body: Json = {
            "name": self.name,
            "kind": self.kind,
            "opened_on": self.opened_on.isoformat(),
            "reference": self.reference,
            "maturity": self.maturity.isoformat() if self.maturity else "",
        }
        return Record(PARTICIPANT, self.id, body)

    def account(self, commodity: Commodity) -> str:
        """The code of an account of theirs."""
        return participant_account(self.id, commodity.value)

    def claim(self, commodity: Commodity) -> str:
        """Of a claim in coin: on demand, or on a term; what is owed in money has no class."""
        if commodity is not Commodity.BTC:
            return "none"
        return TERM if self.maturity else DEMAND


@dataclass(frozen=True)
class Opening:
    """Whom to open accounts for, and in what."""

    name: str
    kind: str
    reference: str
    assets: tuple[Commodity, ...]
    maturity: date | None = None

    @property
    def tidy(self) -> Opening:
        """The same with name and reference in one spelling: NFKC (Unicode, annex 15), single blanks."""
        return replace(self, name=_tidy(self.name), reference=_tidy(self.reference))

    @property
    def reference_key(self) -> str:
        """Under what the register keeps the reference: ``File 17`` is ``file 17``."""
        return f"reference {content_hash(_tidy(_tidy(self.reference).casefold()))}"


def _tidy(text: str) -> str:
    return " ".join(normalize("NFKC", text).split())


def participant_of(participant_id: str, body: Json) -> Participant:
    """The participant that :attr:`Participant.record` wrote."""
    told = cast("Mapping[str, str]", body)
    maturity = date.fromisoformat(told["maturity"]) if told["maturity"] else None
    opened_on = date.fromisoformat(told["opened_on"])
    return Participant(participant_id, told["name"], told["kind"], opened_on, told["reference"], maturity)


def participants(books: Books) -> tuple[Participant, ...]:
    """Every participant, by number."""
    return tuple(participant_of(name, body) for name, body in sorted(books.records(PARTICIPANT).items()))


def load_participant(books: Books, participant_id: str) -> Participant:
    """One participant; raises UnknownParticipant."""
    body = books.latest(PARTICIPANT, participant_id)
    if body is None:
        raise UnknownParticipant(
            f"There is no participant {participant_id[:40]!r}.", "See who there is: zakhira participant list DIR"
        )
    return participant_of(participant_id, body)


def open_participant(desk: PayoutDesk, opening: Opening, officer: OfficerKey) -> Participant:
    """Give somebody the next number of the register and open their accounts, empty; the same opening again gives them.

    An empty account moves nothing: one officer who may put acts on the ledger forward opens it.

    Raises:
        BadParticipant: no name, kind, reference or asset, a sign that nobody sees, or a maturity that has passed.
        ReferenceTaken: the reference is another's.
        ActNotAllowed: Cedar does not let this officer.
        ParticipantsMoved: others were faster, again and again.
    """
    opening = opening.tidy
    _require_sense(opening, desk.now)
    require_may_open(desk, officer, f"open participant {opening.reference}")
    reference = opening.reference_key
    for _ in range(MOST_TRIES):
        known = desk.books.latest(REGISTER, reference)
        if known is not None:
            return _known(desk, opening, str(cast("Mapping[str, Json]", known)["id"]))
        number = _next_number(desk)
        made = Participant(
            _id_of(number), opening.name, opening.kind, desk.now.date(), opening.reference, opening.maturity
        )
        register = (Record(REGISTER, _LAST, {"number": number}), Record(REGISTER, reference, {"id": made.id}))
        accounts = tuple(_account_record(made, asset) for asset in opening.assets)
        title = f"open participant {made.id}"
        write = Write(title, officer.officer, title, desk.now, records=(made.record, *register, *accounts))
        try:
            desk.books.commit(write)
        except (KeyReused, AccountChanged):
            continue  # somebody drew this number meanwhile, or opened its account as another's
        return made
    raise ParticipantsMoved(f"Others opened {MOST_TRIES} participants before this one.", "Do it again.")


def _next_number(desk: PayoutDesk) -> int:
    """The number behind the last one, past numbers whose accounts are there already and are not a participant's."""
    number = cast("Mapping[str, int]", desk.books.latest(REGISTER, _LAST) or {"number": 0})["number"] + 1
    while desk.ledger.states([participant_account(_id_of(number), asset.value) for asset in ASSETS]):
        number += 1
    return number


def _id_of(number: int) -> str:
    return f"p-{number:06d}"


def _account_record(participant: Participant, asset: Commodity) -> Record:
    spec = AccountSpec(participant.account(asset), asset.value, "liability", participant.claim(asset))
    return account_record(HeldAccount(spec, participant.id), f"participant {participant.id} opened")


def _known(desk: PayoutDesk, opening: Opening, participant_id: str) -> Participant:
    there = load_participant(desk.books, participant_id)
    same = (there.name, there.kind, there.maturity) == (opening.name, opening.kind, opening.maturity)
    codes = {there.account(asset) for asset in opening.assets}
    if not same or codes - desk.ledger.states(sorted(codes)).keys():
        raise ReferenceTaken(
            f"The reference {opening.reference!r} is that of {there.id}, opened on {there.opened_on}.",
            "One reference is one participant on one set of terms: use the file's own for the other.",
        )
    return there


def _require_sense(opening: Opening, now: datetime) -> None:
    unseen = [text for text in (opening.name, opening.reference) if not text.isprintable() or _UNSEEN.search(text)]
    if unseen:
        raise BadParticipant(
            f"{unseen[0]!a} has a sign that nobody sees: two who look the same would be two participants.",
            "Write name and reference with letters, digits, signs and blanks alone.",
        )
    blank = [name for name in ("name", "reference") if not getattr(opening, name)]
    if blank or opening.kind not in KINDS:
        raise BadParticipant(
            f"A participant of the kind {opening.kind!r} without {' and '.join(blank) or 'nothing missing'}.",
            f"Give a name, the reference of the office's file, and one of {', '.join(KINDS)}.",
        )
    if not opening.assets or any(asset not in ASSETS for asset in opening.assets):
        raise BadParticipant("A participant holds nothing.", "Choose BTC, PKR or both.")
    if opening.maturity is not None and opening.maturity <= now.date():
        raise BadParticipant(f"{opening.maturity} has passed.", "Give the day on which the certificate is payable.")


def transfer_act(
    desk: PayoutDesk, source: str, target: str, amount: Amount, day: date, reason: str, evidence: str
) -> LedgerAct:
    """The act by which a claim of one participant becomes another's; it is carried out like any posting.

    Raises:
        UnknownParticipant: one of the two.
        BadTransfer: no amount above 0, the same participant, a day in the future, or a certificate that is not payable
            yet, today or on ``day``.
    """
    giver, getter = load_participant(desk.books, source), load_participant(desk.books, target)
    if amount.units <= 0 or source == target or amount.commodity not in ASSETS:
        raise BadTransfer(f"{amount} from {source} to {target} is no transfer.", "Give an amount above 0 to another.")
    today = desk.now.date()
    if day > today:
        raise BadTransfer(f"{day} is in the future, today is {today}.", "Transfer it on that day, or date it today.")
    if giver.maturity is not None and day < giver.maturity:  # hence today, too, is not before it
        raise BadTransfer(f"What {source} holds is payable from {giver.maturity}.", "Transfer it on that day or later.")
    postings = (
        Posting(giver.account(amount.commodity), amount),
        Posting(getter.account(amount.commodity), -amount),
    )
    id_ = derive_id("entry", "transfer", source, target, str(amount), day.isoformat(), reason, evidence)
    entry = Entry(id_, midnight(day), reason, evidence, postings)
    return LedgerAct(f"transfer {amount} from {source} to {target}", f"{reason} ({evidence})", (entry,))


def participant_statement(
    ledger: LedgerBooks, participant: Participant, period: Period
) -> tuple[AccountStatement, ...]:
    """What a participant held, got and gave over a period, for each account; amounts as they are owed, above 0."""
    return account_statements(ledger, [participant.account(asset) for asset in ASSETS], period)
