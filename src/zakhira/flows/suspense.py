"""Coins in suspense get a purpose by a statement that two officers sign: without one they never leave their vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import cast

from zakhira.controls.approval import SETTLEMENT_DOMAIN, Approval, Execution, approval_is_genuine
from zakhira.flows.coin_appraisal import PAST
from zakhira.flows.coin_entries import STANDING_ACCOUNTS, accounts_of, settlement_entry
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, SUSPENSE, CoinPaper, paper_of
from zakhira.flows.following import COIN_REMOVAL, following_state, next_step
from zakhira.flows.governing.refusals import KeyRevoked
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reservations import is_purpose
from zakhira.flows.settling_answer import Matter, joined_words, kept_words, require_settled, words_json, words_record
from zakhira.flows.settling_rule import settling_rule, stand_behind, wanted_words
from zakhira.flows.spend_question import Said
from zakhira.flows.treasury import Treasury, policy_in_force, vault_records
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.signatures import signature_is_valid
from zakhira.programme.model import Officer, Policy

SETTLEMENT = "settlement"
"""Kind of the records of signed settlements; the id is the outpoint."""
SETTLED = "settled"
"""Flag on the paper of a coin that was in suspense and got its purpose from two officers."""
MOST_CHARACTERS = 500
"""Of a payer and of a reason: a reason is a sentence and a reference, the evidence itself is filed elsewhere [E]."""


class BadSettlement(InvalidInput):
    """A settlement lacks a payer, a purpose or a reason, or is not about the coin as it is."""

    code = "ZK-FLOWS-092"


class NotInSuspense(Refused):
    """The coin has a purpose already, has no paper yet, was lost, or is none of ours."""

    code = "ZK-FLOWS-093"


class SettlementForged(Refused):
    """A signature under a settlement was not made by the key of an officer of the policy."""

    code = "ZK-FLOWS-094"


class OneWordAlone(Refused):
    """A settlement lacks the signature of a proposing officer, or that of another who approves."""

    code = "ZK-FLOWS-095"


class SettledOtherwise(Refused):
    """The coin was settled by another statement."""

    code = "ZK-FLOWS-096"


class CoinNotThere(Refused):
    """The coin was spent, is off the chain, or does not lie deep enough any more."""

    code = "ZK-FLOWS-097"


@dataclass(frozen=True)
class Settlement:
    """What a coin in suspense is: who paid it, and for what. ``purpose`` has the form of a reservation's."""

    outpoint: str
    amount_sats: int
    vault: str
    payer: str
    purpose: str
    hold_until: date | None
    reason: str
    """why it is so and where the evidence lies, in words"""

    @property
    def body(self) -> Json:
        """Plain data: what is signed, and what is recorded."""
        return {
            "outpoint": self.outpoint,
            "amount_sats": self.amount_sats,
            "vault": self.vault,
            "payer": self.payer,
            "purpose": self.purpose,
            "hold_until": self.hold_until.isoformat() if self.hold_until else "",
            "reason": self.reason,
        }

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes, in hex."""
        return content_hash(self.body)


@dataclass(frozen=True)
class SettlementSignature:
    """One officer's word for a settlement: over its hash, its own date (UTC) and the version of the policy, in hex.

    Books of earlier versions have words without a date, over the hash alone in a domain of their own.
    """

    officer: str
    signature: str
    at: datetime | None = None
    policy_hash: str = ""

    def approval(self, matter_hash: str) -> Approval | None:
        """The word as the policy takes it; None for one without a date."""
        if self.at is None:
            return None
        return Approval(self.officer, matter_hash, self.signature, self.at, self.policy_hash)


@dataclass(frozen=True)
class SignedSettlement:
    """A settlement with the signatures under it."""

    settlement: Settlement
    signatures: tuple[SettlementSignature, ...]


@dataclass(frozen=True)
class SuspendedCoin:
    """An unspent coin in suspense. ``confirmations`` is its age in blocks."""

    outpoint: str
    amount_sats: int
    vault: str
    confirmations: int
    source: str
    flags: tuple[str, ...]


def suspended_coins(treasury: Treasury) -> tuple[SuspendedCoin, ...]:
    """Every unspent coin in suspense, vault by vault, the oldest first."""
    span = treasury.coins.span()
    found = []
    for vault in vault_records(treasury.books):
        coins = treasury.coins.papered(vault, COIN_PAPER, (SUSPENSE,), treasury.depth)
        bodies = treasury.books.bodies(COIN_PAPER, [item.outpoint for item in coins])
        for item in coins:
            coin, paper = treasury.coins.coin(item.outpoint), paper_of(item.outpoint, bodies[item.outpoint])
            if span is not None and coin is not None:
                age = span.height - coin.height + 1
                found.append(SuspendedCoin(item.outpoint, item.amount_sats, vault, age, paper.source, paper.flags))
    return tuple(sorted(found, key=lambda item: (item.vault, -item.confirmations, item.outpoint)))


def draft_settlement(
    treasury: Treasury, outpoint: str, payer: str, purpose: str, reason: str, hold_until: date | None = None
) -> Settlement:
    """The statement about a coin as the books know it, for officers to sign; raises CoinNotThere, BadSettlement."""
    coin = treasury.coins.coin(outpoint)
    if coin is None:
        raise _not_there(outpoint, "is not on the followed chain")
    settlement = Settlement(outpoint, coin.amount_sats, coin.vault, payer, purpose, hold_until, reason)
    _require_sense(settlement, coin)
    return settlement


def sign_settlement(settlement: Settlement, officer: OfficerKey, at: datetime, policy_hash: str) -> SettlementSignature:
    """The officer's word for it at ``at`` (UTC, whole seconds), under this version of the policy."""
    said = sign_approval(officer, settlement.hash, at, policy_hash)
    return SettlementSignature(said.officer, said.signature, said.at, said.policy_hash)


def settle_suspense(
    treasury: Treasury,
    settlement: Settlement,
    signatures: Sequence[SettlementSignature],
    execution: Execution | None = None,
) -> CoinPaper:
    """Give a coin in suspense its purpose: liability becomes income, and the coin may be spent like any other.

    Two officers with different keys must have signed: one who holds the policy's ``propose_role``, and one who holds
    one of its ``approve_roles``. The coins stay in their vault, so that not every approving role is needed; to spend
    them is decided by the whole quorum as always. A signature that is not genuine is a reason against all.

    The policy is asked as about every matter: a freeze, a delay, hours, a second person who enters the amount again,
    and its own Cedar text hold here too. Words that wait for time or for that person are kept, and count when it is
    asked again; a delay runs from when they were recorded.

    The same statement again changes nothing. If a reorganisation takes the coin away and it comes back, the
    statement still stands (see :func:`settled_papers`).

    Raises:
        BadSettlement: a text is missing, or vault or amount are not the coin's.
        SettlementForged, OneWordAlone, KeyRevoked: the signatures.
        SettlementNotAllowed, EnteredOtherwise: the policy says no.
        SettlementMustWait, SettlementNotExecuted: time or the second person is missing; the words are recorded.
        SettledOtherwise: another statement settled the coin.
        NotInSuspense: it has a purpose, or no paper.
        CoinNotThere: it is spent, gone, or not deep enough.
    """
    said = _said(treasury, settlement, signatures, execution)
    while True:
        # Read first: whatever changes the coin on the chain takes the watcher's next step, and this one with it.
        state = following_state(treasury.books)
        before = _paper(treasury.books, settlement.outpoint)
        known = settlements(treasury.books, [settlement.outpoint]).get(settlement.outpoint)
        if known is not None and known.settlement != settlement:
            raise SettledOtherwise(
                f"{settlement.outpoint} was settled as {known.settlement.purpose} of {known.settlement.payer}.",
                "A coin is settled once; what it is spent for is decided when it is spent.",
            )
        if known is not None and before.state == ANNOUNCED:
            return before
        coin = _require_settleable(treasury, settlement, before)
        _require_allowed(treasury, settlement, said)
        after = _settled(before, settlement)
        treasury.books.open_accounts((*STANDING_ACCOUNTS, *accounts_of(coin.vault, after)))
        losses = _losses(treasury.books, settlement.outpoint)
        entries = settlement_entry(coin.amount_sats, after, losses, treasury.now)
        key, step = next_step(state)
        by = " and ".join(word.officer for word in said.approvals)
        records = (step, after.record, _record_of(settlement, said))
        write = Write(key, by, "settle suspense", treasury.now, entries=entries, records=records)
        try:
            treasury.books.commit(write)
        except KeyReused:
            continue  # the chain moved on meanwhile, or somebody else settled it: look again
        return after


def _said(
    treasury: Treasury, settlement: Settlement, signatures: Sequence[SettlementSignature], execution: Execution | None
) -> Said:
    """What is said now with what was kept of the same statement; raises SettlementForged, OneWordAlone, KeyRevoked."""
    policy = policy_in_force(treasury)
    for given in signatures:
        _require_genuine(policy, settlement, given)
    words = [given.approval(settlement.hash) for given in signatures]
    if any(word is None for word in words):
        raise SettlementForged("A word for the settlement carries no date.", "Let the officer sign it now.")
    given_now = Said(tuple(word for word in words if word is not None), execution=execution)
    at = treasury.now.replace(microsecond=0)
    said = joined_words(kept_words(treasury.books, settlement.hash), given_now, at, policy.approval_hours)
    joined = [SettlementSignature(word.officer, word.signature, word.at, word.policy_hash) for word in said.approvals]
    require_two_words(policy, settlement, joined)
    _require_no_revoked_key(treasury, joined)
    return said


def _require_allowed(treasury: Treasury, settlement: Settlement, said: Said) -> None:
    """Ask the policy; words that have to wait are recorded before that is raised."""
    at = treasury.now.replace(microsecond=0)
    matter = Matter(settlement.hash, settlement.vault, settlement.purpose, settlement.amount_sats)
    waits = require_settled(treasury, matter, said, at)
    if waits is None:
        return
    record = words_record(settlement.hash, settlement.body, said)
    by = " and ".join(word.officer for word in said.approvals)
    key = f"settlement words/{settlement.hash}/{content_hash(record.body)}"
    treasury.books.commit(Write(key, by, "settlement waits", at, records=(record,)))
    raise waits


def _record_of(settlement: Settlement, said: Said) -> Record:
    """The record of a settlement with the words under it."""
    body: Json = {"statement": settlement.body, **words_json(said)}
    return Record(SETTLEMENT, settlement.outpoint, body)


def settled_papers(books: Books, policy: Policy, papers: Sequence[CoinPaper]) -> tuple[CoinPaper, ...]:
    """Papers of coins that came back, with those settled again that officers had settled; the others as they are.

    The signatures are looked at again: a statement that the policy does not bear any more settles nothing.
    """
    waiting = [paper.outpoint for paper in papers if paper.state == SUSPENSE and PAST not in paper.flags]
    found = settlements(books, waiting) if waiting else {}
    return tuple(
        _settled(paper, found[paper.outpoint].settlement)
        if paper.outpoint in found and _is_borne(policy, found[paper.outpoint])
        else paper
        for paper in papers
    )


def settlements(books: Books, outpoints: Sequence[str]) -> Mapping[str, SignedSettlement]:
    """The settlements of those of these coins that have one, by outpoint."""
    return {outpoint: _settlement_of(body) for outpoint, body in books.bodies(SETTLEMENT, outpoints).items()}


def require_two_words(policy: Policy, settlement: Settlement, signatures: Sequence[SettlementSignature]) -> None:
    """Nothing, if officers stand behind it as the rule for settling asks; raises SettlementForged, OneWordAlone."""
    officers = {officer.id: officer for officer in policy.officers}
    signed: list[Officer] = []
    for given in signatures:
        _require_genuine(policy, settlement, given)
        signed.append(officers[given.officer])
    rule = settling_rule(policy, settlement.vault, settlement.purpose, settlement.amount_sats)
    if rule is None or not stand_behind(policy, rule, signed):
        names = ", ".join(f"{officer.id} ({officer.role})" for officer in signed) or "nobody"
        raise OneWordAlone(f"The settlement is signed by {names}.", f"Let them sign: {wanted_words(rule)}.")


def _require_genuine(policy: Policy, settlement: Settlement, given: SettlementSignature) -> None:
    """Nothing, if the officer's key made the signature over this very statement; raises SettlementForged."""
    officer = next((item for item in policy.officers if item.id == given.officer), None)
    word = given.approval(settlement.hash)
    if officer is not None:
        key = officer.public_key
        if word is not None and approval_is_genuine(word, key):
            return
        if word is None and signature_is_valid(key, SETTLEMENT_DOMAIN, settlement.hash, given.signature):
            return
    raise SettlementForged(
        f"The signature of {given.officer[:64]} is not made by an officer's key over this statement.",
        "Do not count it. Find out who made it.",
    )


def _require_no_revoked_key(treasury: Treasury, signatures: Sequence[SettlementSignature]) -> None:
    state = authority_now(treasury)
    for given in signatures:
        officer = state.officer(given.officer)
        gone = state.revoked.get(officer.public_key.lower()) if officer else None
        if gone is not None:
            raise KeyRevoked(
                f"The key of {given.officer} was revoked by {gone.by} at {utc_text(gone.at)}.", "Ask another officer."
            )


def _is_borne(policy: Policy, signed: SignedSettlement) -> bool:
    try:
        require_two_words(policy, signed.settlement, signed.signatures)
    except (SettlementForged, OneWordAlone):
        return False
    return True


def _settled(paper: CoinPaper, settlement: Settlement) -> CoinPaper:
    return replace(
        paper,
        state=ANNOUNCED,
        purpose=settlement.purpose,
        hold_until=settlement.hold_until,
        source=f"{settlement.payer}, {settlement.purpose}: settled from suspense",
        reference=settlement.hash,
        flags=(*paper.flags, SETTLED),
    )


def _require_settleable(treasury: Treasury, settlement: Settlement, paper: CoinPaper) -> WatchedCoin:
    """The coin, if it is as the statement says, in suspense, unspent and deep enough."""
    if paper.state != SUSPENSE or PAST in paper.flags:
        what = "was spent before its vault was imported" if PAST in paper.flags else f"is {paper.state}"
        raise NotInSuspense(
            f"The coin {paper.outpoint} {what}.", "See zakhira reserve suspense DIR for those that are."
        )
    coin = treasury.coins.coin(settlement.outpoint)
    if coin is None or coin.spent_by:
        what = "is not on the followed chain" if coin is None else f"was spent by {coin.spent_by}"
        raise _not_there(settlement.outpoint, what)
    _require_sense(settlement, coin)
    span = treasury.coins.span()
    deep = 0 if span is None else span.height - coin.height + 1
    needed = treasury.depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
    if deep < needed:
        raise CoinNotThere(
            f"The coin {coin.outpoint} has {deep} of {needed} confirmations.", "Wait for further blocks, and follow."
        )
    return coin


def _not_there(outpoint: str, what: str) -> CoinNotThere:
    return CoinNotThere(f"The coin {outpoint[:80]} {what}.", "See zakhira reserve suspense DIR.")


def _require_sense(settlement: Settlement, coin: WatchedCoin) -> None:
    texts = {"payer": settlement.payer, "reason": settlement.reason}
    bad = [name for name, text in texts.items() if not text.strip() or len(text) > MOST_CHARACTERS]
    if bad:
        raise BadSettlement(
            f"The settlement's {' and '.join(bad)} is empty or longer than {MOST_CHARACTERS} characters.",
            "Say who paid, why that is certain, and where the evidence lies.",
        )
    if not is_purpose(settlement.purpose):
        raise BadSettlement(
            f"The purpose {settlement.purpose[:80]!r} is none.",
            "Write it in small letters, digits, spaces and hyphens, up to 64.",
        )
    if (settlement.vault, settlement.amount_sats) != (coin.vault, coin.amount_sats):
        raise BadSettlement(
            f"The statement tells {settlement.amount_sats} sat in {settlement.vault}, the coin has {coin.amount_sats} "
            f"sat in {coin.vault}.",
            "Write the statement anew from the books, and let it be signed anew.",
        )


def _paper(books: Books, outpoint: str) -> CoinPaper:
    body = books.latest(COIN_PAPER, outpoint)
    if body is None:
        raise NotInSuspense(
            f"The coin {outpoint[:80]} has no paper.", "Follow the chain until it lies deep enough, and look again."
        )
    return paper_of(outpoint, body)


def _losses(books: Books, outpoint: str) -> int:
    body = books.latest(COIN_REMOVAL, outpoint)
    return 0 if body is None else cast("Mapping[str, int]", body)["losses"]


def _settlement_of(body: Json) -> SignedSettlement:
    """The settlement that :attr:`SignedSettlement.record` wrote."""
    told = cast("Mapping[str, Json]", body)
    said = cast("Mapping[str, str]", told["statement"])
    settlement = Settlement(
        said["outpoint"],
        cast("Mapping[str, int]", told["statement"])["amount_sats"],
        said["vault"],
        said["payer"],
        said["purpose"],
        date.fromisoformat(said["hold_until"]) if said["hold_until"] else None,
        said["reason"],
    )
    return SignedSettlement(settlement, tuple(_signature_of(item) for item in cast("list[Json]", told["signatures"])))


def _signature_of(body: Json) -> SettlementSignature:
    """A word as it was recorded; one of earlier books has no date."""
    told = cast("Mapping[str, str]", body)
    at = parse_utc(told["at"]) if "at" in told else None
    return SettlementSignature(told["officer"], told["signature"], at, told.get("policy_hash", ""))
