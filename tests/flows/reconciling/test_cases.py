"""Cases through their life: opened once, owned, accepted by officers, closed by the facts, opened again; and halts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody_drill import make_policy
from treasury_drill import officer
from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.public_acts import Revocation
from zakhira.controls.approval import approval_is_genuine
from zakhira.flows.governing.acts import authority_of
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.ports.books import Books, Receipt, Record, Write
from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.flows.reconciling.accepting import AcceptanceForged, AcceptedAlready, AlreadyClosed, accept_case
from zakhira.flows.reconciling.case import CASE, Acceptance, Case, CaseState, case_id, cases
from zakhira.flows.reconciling.difference import Difference, Findings, Part
from zakhira.flows.reconciling.halts import HaltTerms, accepted_by, halting, payout_halts
from zakhira.flows.reconciling.keeping import (
    MOST_CASES,
    BadCaseWords,
    CaseTerms,
    UnknownCase,
    age_text,
    change_case,
    keep_cases,
    listed,
    one_case,
    own_case,
)
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.reconciliation import Reconciliation
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.signer import SimulatedOfficer

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TERMS = CaseTerms(Reconciliation(halt_from_pkr=1_000), "treasury-officer")
POLICY = make_policy()


@pytest.fixture
def books() -> Books:
    """Books with a founded policy."""
    made = SimulatedBooks()
    found_policy(made, POLICY, AT, ())
    return made


def authority(books: Books) -> Authority:
    """Who counts now."""
    return authority_of(books, POLICY, AT)


def terms(books: Books) -> HaltTerms:
    """What halts, and whose word counts."""
    return HaltTerms(TERMS.rules, authority(books))


def gone(key: str, units: int, explanation: str = "") -> Difference:
    """The bank has so many paisa that the ledger lacks."""
    world, nothing = Amount(units, Commodity.PKR), Amount(0, Commodity.PKR)
    return Difference(Part.BANK, key, "office", f"The bank booked {key}.", world, nothing, explanation)


def found(*differences: Difference, part: Part = Part.BANK, is_whole: bool = True) -> Findings:
    """What a comparison found."""
    return Findings(part, (), differences, is_whole=is_whole)


def test_a_difference_opens_one_case_and_never_a_second(books: Books) -> None:
    """However often it is seen; an explained one opens none."""
    kept = keep_cases(books, found(gone("fee", -62), gone("wait", 5, "not booked yet")), TERMS, AT)
    assert [case.id for case in kept.opened] == [case_id(Part.BANK, "fee")]
    for hours in range(3):
        assert keep_cases(books, found(gone("fee", -62)), TERMS, AT + timedelta(hours=hours)).is_nothing
    (case,) = cases(books).values()
    assert (case.state, case.owner, case.opened_at, case.times) == (CaseState.OPEN, "treasury-officer", AT, 1)
    assert (str(case.gap), case.side, case.halts) == ("-0.62 PKR", "world lacks", False)
    assert len(books.versions(CASE, case.id)) == 1


def test_a_case_closes_when_the_difference_is_gone_and_opens_again(books: Books) -> None:
    """The first age is not carried on, and the times are counted."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    (closed,) = keep_cases(books, found(), TERMS, AT + timedelta(days=1)).closed
    assert (closed.state, closed.because) == (CaseState.CLOSED, "the difference is gone")
    assert listed(books) == {}
    assert keep_cases(books, found(), TERMS, AT + timedelta(days=2)).is_nothing
    (again,) = keep_cases(books, found(gone("fee", -62)), TERMS, AT + timedelta(days=3)).opened
    assert (again.id, again.times, again.opened_at) == (closed.id, 2, AT + timedelta(days=3))


def test_a_case_that_says_again_what_it_said_before_is_still_written(books: Books) -> None:
    """From one amount to another and back, and then gone: each is a version of its own."""
    for units in (-62, -63, -62, -63):
        keep_cases(books, found(gone("fee", units)), TERMS, AT)
        assert [case.gap.units for case in listed(books).values()] == [units]
    keep_cases(books, found(), TERMS, AT)
    assert listed(books) == {}
    assert len(books.versions(CASE, case_id(Part.BANK, "fee"))) == 5


def test_nothing_closes_while_the_world_cannot_be_asked(books: Books) -> None:
    """And a case of one part is none of another part's."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    assert keep_cases(books, found(is_whole=False), TERMS, AT).is_nothing
    assert keep_cases(books, found(part=Part.CHAIN), TERMS, AT).is_nothing
    assert len(listed(books)) == 1


def test_a_case_is_given_to_somebody(books: Books) -> None:
    """To a role or a person, in words; the owner stays when the amount changes."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    name = case_id(Part.BANK, "fee")
    assert own_case(books, name, " comptroller-1 ", "dara", AT).owner == "comptroller-1"
    keep_cases(books, found(gone("fee", -64)), TERMS, AT)
    assert one_case(books, name).owner == "comptroller-1"
    for words in ("", "  ", "x" * 501, "two\nlines"):
        with pytest.raises(BadCaseWords):
            own_case(books, name, words, "dara", AT)
    for unknown in ("bank-00000000", "", "'; DROP TABLE"):
        with pytest.raises(UnknownCase):
            own_case(books, unknown, "dara", "dara", AT)


def test_words_alone_close_nothing(books: Books) -> None:
    """An officer accepts with a signature over the amounts; the case stays listed until the difference is gone."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    name = case_id(Part.BANK, "fee")
    with pytest.raises(BadCaseWords):
        accept_case(books, authority(books), name, " ", officer("amina"), AT)
    case = accept_case(books, authority(books), name, "letter 12", officer("amina"), AT)
    assert (case.state, case.because) == (CaseState.ACCEPTED, "letter 12")
    word = case.acceptances[0].word
    key = next(item.public_key for item in POLICY.officers if item.id == "amina")
    assert approval_is_genuine(word, key)
    assert word.instruction_hash == case.acceptance_hash("letter 12")
    assert word.instruction_hash != replace(case, books=Amount(1, Commodity.PKR)).acceptance_hash("letter 12")
    assert keep_cases(books, found(gone("fee", -62)), TERMS, AT + timedelta(days=9)).is_nothing
    assert [item.state for item in listed(books).values()] == [CaseState.ACCEPTED]
    with pytest.raises(AcceptedAlready, match="amina"):
        accept_case(books, authority(books), name, "again", officer("amina"), AT)
    keep_cases(books, found(), TERMS, AT)
    with pytest.raises(AlreadyClosed):
        accept_case(books, authority(books), name, "too late", officer("chand"), AT)


def test_what_was_accepted_is_that_amount_and_no_other(books: Books) -> None:
    """Another paisa, and the case is open again, with nobody's word on it."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    name = case_id(Part.BANK, "fee")
    accept_case(books, authority(books), name, "letter 12", officer("amina"), AT)
    (changed,) = keep_cases(books, found(gone("fee", -63)), TERMS, AT).changed
    assert (changed.state, changed.acceptances, changed.because) == (CaseState.OPEN, (), "")


def test_only_officers_of_the_policy_accept(books: Books) -> None:
    """A stranger's key, a key under an officer's name, and a revoked key do not."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    name, state = case_id(Part.BANK, "fee"), authority(books)
    key = next(item.public_key for item in POLICY.officers if item.id == "amina").lower()
    revoked = replace(state, revoked={key: Revocation("amina", key, "chand", "lost", "00", AT)})
    forged = [(state, SimulatedOfficer("mallory", bytes(32))), (state, SimulatedOfficer("amina", bytes(32)))]
    for known, signer in [*forged, (revoked, officer("amina"))]:
        with pytest.raises(AcceptanceForged):
            accept_case(books, known, name, "trust me", signer, AT)
    assert one_case(books, name).state is CaseState.OPEN


def test_a_large_case_halts_payouts_until_two_officers_accept_it(books: Books) -> None:
    """One person's word lifts nothing; the facts do at once."""
    assert payout_halts(books, terms(books)) == ()
    keep_cases(books, found(gone("small", 99_999), gone("large", -100_000)), TERMS, AT)
    (why,) = payout_halts(books, terms(books))
    name = case_id(Part.BANK, "large")
    assert name in why
    assert "1000.00 PKR" in why
    accept_case(books, authority(books), name, "theft, police file 7", officer("amina"), AT)
    assert halting(books, terms(books)).ids == (name,)
    accept_case(books, authority(books), name, "theft, police file 7", officer("chand"), AT)
    assert payout_halts(books, terms(books)) == ()
    keep_cases(books, found(gone("large", -100_001)), TERMS, AT)
    assert halting(books, terms(books)).ids == (name,)
    keep_cases(books, found(), TERMS, AT)
    assert payout_halts(books, terms(books)) == ()


def forged_case(books: Books, case: Case, number: int) -> None:
    """A case's record as somebody with the application's login writes it."""
    books.commit(Write(f"forge {number}", "mallory", "accept case", AT, records=(case.record,)))


def test_acceptances_that_no_officer_signed_lift_nothing(books: Books) -> None:
    """Made up, taken from another case, or with other words; the officers' own yes counts beside them."""
    keep_cases(books, found(gone("other", -100_000), gone("large", -100_000)), TERMS, AT)
    name, other = case_id(Part.BANK, "large"), case_id(Part.BANK, "other")
    for who in ("amina", "chand"):
        accept_case(books, authority(books), other, "letter 3", officer(who), AT)
    real, borrowed = one_case(books, name), one_case(books, other).acceptances
    made_up = tuple(Acceptance("fine", replace(item.word, signature="00" * 64)) for item in borrowed)
    for number, words in enumerate((borrowed, made_up)):
        forged_case(books, replace(real, state=CaseState.ACCEPTED, acceptances=words), number)
        assert halting(books, terms(books)).ids == (name,)
        assert accepted_by(one_case(books, name), authority(books)) == frozenset()
    for who in ("amina", "chand"):
        accept_case(books, authority(books), name, "theft, police file 7", officer(who), AT)
    assert payout_halts(books, terms(books)) == ()


def test_two_offices_of_one_person_lift_nothing(books: Books) -> None:
    """Nor does the word of who prepared what is to be paid."""
    keep_cases(books, found(gone("large", -100_000)), TERMS, AT)
    name = case_id(Part.BANK, "large")
    for who in ("amina", "chand"):
        accept_case(books, authority(books), name, "letter 3", officer(who), AT)
    assert payout_halts(books, terms(books), "dara") == ()
    assert len(payout_halts(books, terms(books), "amina")) == 1
    twins = tuple(replace(item, person="one") if item.id in {"amina", "chand"} else item for item in POLICY.officers)
    state = authority(books)
    version = replace(state.version, policy=replace(state.version.policy, officers=twins))
    one_person = HaltTerms(TERMS.rules, replace(state, versions=(version,)))
    assert halting(books, one_person).ids == (name,)


def test_a_key_that_counts_no_more_accepts_no_more_and_may_be_replaced(books: Books) -> None:
    """The halt is back until another officer, or the same one with a new key, accepts."""
    keep_cases(books, found(gone("large", -100_000)), TERMS, AT)
    name = case_id(Part.BANK, "large")
    for who in ("amina", "chand"):
        accept_case(books, authority(books), name, "letter 3", officer(who), AT)
    state = authority(books)
    key = officer("amina").public_key.lower()
    revoked = replace(state, revoked={key: Revocation("amina", key, "chand", "lost", "00", AT)})
    assert halting(books, HaltTerms(TERMS.rules, revoked)).ids == (name,)
    fresh = SimulatedOfficer("amina", bytes([7]) * 32)
    officers = tuple(replace(one, public_key=fresh.public_key) if one.id == "amina" else one for one in POLICY.officers)
    version = replace(state.version, policy=replace(state.version.policy, officers=officers))
    renewed = replace(revoked, versions=(*state.versions, version))
    case = accept_case(books, renewed, name, "letter 3 seen again", fresh, AT)
    assert [item.word.officer for item in case.acceptances] == ["chand", "amina"]
    assert payout_halts(books, HaltTerms(TERMS.rules, renewed)) == ()


def test_many_differences_just_below_the_amount_halt_together(books: Books) -> None:
    """Whichever way they go; until what is left is less, or two officers accept enough of it."""
    near = [gone(f"d{number}", 40_000 if number % 2 else -40_000) for number in range(3)]
    keep_cases(books, found(*near[:2]), TERMS, AT)
    assert payout_halts(books, terms(books)) == ()
    keep_cases(books, found(*near), TERMS, AT)
    (why,) = payout_halts(books, terms(books))
    assert "3 cases (bank) are open that come to 1200.00 PKR together" in why
    assert not any(case.halts for case in listed(books).values()), "none of them by itself"
    name = case_id(Part.BANK, "d0")
    accept_case(books, authority(books), name, "letter 3", officer("amina"), AT)
    assert len(halting(books, terms(books)).ids) == 3, "one person lifts nothing"
    accept_case(books, authority(books), name, "letter 3", officer("chand"), AT)
    assert payout_halts(books, terms(books)) == ()


def test_what_is_left_over_does_not_make_up_for_itself(books: Books) -> None:
    """As many paisa too much as too little: two cases, and no zero."""
    many = [gone(f"d{number}", 500) for number in range(MOST_CASES)]
    left = [gone(f"e{number}", 300 if number % 2 else -300) for number in range(10)]
    keep_cases(books, found(*many, *left), TERMS, AT)
    there = {case.key: case.gap.units for case in listed(books).values()}
    assert (there["further/PKR/books lack"], there["further/PKR/world lacks"]) == (1_500, -1_500)


def test_a_grave_difference_halts_at_any_size_and_has_a_case_of_its_own(books: Books) -> None:
    """However many larger ones there are."""
    grave = replace(gone("payee", -1), is_grave=True)
    keep_cases(books, found(*(gone(f"d{number}", 2) for number in range(MOST_CASES + 5)), grave), TERMS, AT)
    assert halting(books, terms(books)).ids == (case_id(Part.BANK, "payee"),)


@pytest.mark.parametrize(
    "change",
    [
        {"world": "1 sat"}, {"world": "lots"}, {"part": "moon"}, {"state": "maybe"}, {"opened_at": "yesterday"},
        {"times": "x"}, {"acceptances": 7}, {"acceptances": [{}]}, {"changed_at": 3}, {},
    ],
)  # fmt: skip
def test_a_record_that_is_no_case_is_told_by_name(books: Books, change: dict[str, Json]) -> None:
    """Never skipped, as what it halted would go on."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    name = case_id(Part.BANK, "fee")
    body = one_case(books, name).record.body
    assert isinstance(body, dict)
    broken: Json = {**body, **change} if change else {}
    books.commit(Write("break", "mallory", "break", AT, records=(Record(CASE, name, broken),)))
    for read in (cases, listed):
        with pytest.raises(BooksDamaged, match=f"The record case '{name}' cannot be read"):
            read(books)


class Hurried(SimulatedBooks):
    """Books in which somebody else writes a case just before we do, once."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Case | None = None

    def versions(self, kind: str, record_id: str) -> tuple[Any, ...]:
        """What is there; and then the other one is faster."""
        told = super().versions(kind, record_id)
        if self.first is not None and kind == CASE:
            case, self.first = self.first, None
            super().commit(Write(f"case {case.id} version {len(told) + 1}", "other", "own", AT, records=(case.record,)))
        return told


def test_of_two_who_write_at_once_the_slower_looks_again() -> None:
    """Neither version is lost: the owner that the other gave is seen, and ours comes after it."""
    books = Hurried()
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    case = one_case(books, case_id(Part.BANK, "fee"))
    books.first = replace(case, owner="somebody")
    assert own_case(books, case.id, "chand", "dara", AT).owner == "chand"
    owners = [body["owner"] for body in books.versions(CASE, case.id)]
    assert owners == ["treasury-officer", "somebody", "chand"]
    assert not change_case(books, case, replace(case, owner="late"), "own case", "dara", AT)


@given(days=st.integers(0, 400), seconds=st.integers(0, 86_399))
def test_ages_are_told_in_one_unit(days: int, seconds: int) -> None:
    """Never below the truth by more than its unit."""
    nothing = Amount(0, Commodity.PKR)
    case = Case("bank-1", Part.BANK, "k", "s", "w", nothing, nothing, AT, "o", halts=False)
    number, unit = age_text(case, AT + timedelta(days=days, seconds=seconds)).split()
    size = {"d": 86_400, "h": 3_600, "min": 60}[unit]
    assert 0 <= days * 86_400 + seconds - int(number) * size < size


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(-3, 3).filter(bool), max_size=4), max_size=8))
def test_what_is_listed_is_what_was_last_found(rounds: list[dict[str, int]]) -> None:
    """Any course of findings: listed are the last one's differences, and each was opened as often as it came."""
    books, came, before = SimulatedBooks(), dict.fromkeys("abcd", 0), dict[str, int]()
    for now in rounds:
        keep_cases(books, found(*(gone(key, units) for key, units in now.items())), TERMS, AT)
        for key in now.keys() - before.keys():
            came[key] += 1
        before = now
    assert {case.key: case.gap.units for case in listed(books).values()} == before
    assert {case.key: case.times for case in cases(books).values()} == {k: n for k, n in came.items() if n}


def test_many_differences_are_not_as_many_cases(books: Books) -> None:
    """The largest have cases of their own, the rest is one; a case that is known stays, however small it is."""
    keep_cases(books, found(gone("first", 1)), TERMS, AT)
    many = [gone(f"d{number}", number) for number in range(2, MOST_CASES + 12)]
    keep_cases(books, found(gone("first", 1), *many), TERMS, AT)
    there = {case.key: case.gap.units for case in listed(books).values()}
    assert len(there) == MOST_CASES + 1
    assert there["first"] == 1
    assert there["further/PKR/books lack"] == sum(range(2, 13))
    assert sum(there.values()) == 1 + sum(item.gap.units for item in many)
    keep_cases(books, found(gone("first", 1)), TERMS, AT)
    assert [case.key for case in listed(books).values()] == ["first"]


def test_the_record_is_read_back_as_it_was(books: Books) -> None:
    """With acceptances, amounts and dates."""
    keep_cases(books, found(gone("fee", -62)), TERMS, AT)
    case = accept_case(books, authority(books), case_id(Part.BANK, "fee"), "letter", officer("amina"), AT)
    assert cases(books) == {case.id: case}
    receipt: Receipt = books.commit(Write("x", "x", "x", AT, records=(Record("other", "1", {}),)))
    assert not receipt.replayed
