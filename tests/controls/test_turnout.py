"""Who fills a seat: each by another person through another office, deputies included; and from when it is full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officer_drill import EXPIRES, NOW, PROPOSED, SAID, Keys, answer, approve, codes, remarked
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict, Why
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.seats import Seating, seats_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy, Quorum, Rule

RULE = Rule("r", "Rule 1", ("spend",), propose_roles=("treasury",))
TODAY = date(2026, 1, 5)


def with_quorums(policy: Policy, *quorums: Quorum, **rule: object) -> Policy:
    """The policy with one rule that has these quorums."""
    return replace(policy, rules=(replace(RULE, quorums=quorums, **rule),))  # type: ignore[arg-type]


def more_roles(policy: Policy, officer: str, *roles: str) -> Policy:
    """The policy in which an officer holds further roles."""
    found = next(known for known in policy.officers if known.id == officer)
    others = tuple(known for known in policy.officers if known.id != officer)
    return replace(policy, officers=(*others, replace(found, more_roles=roles)))


def as_person(policy: Policy, person: str, *officers: str) -> Policy:
    """The policy in which these officers are one person, with a key for each office."""
    return replace(
        policy,
        officers=tuple(replace(known, person=person) if known.id in officers else known for known in policy.officers),
    )


def test_any_of_several_roles_fills_a_seat(policy: Policy, keys: Keys) -> None:
    """Two of comptroller or governor: two comptrollers, or one of each."""
    two = with_quorums(policy, Quorum(2, ("comptroller", "governor")))
    assert answer(two, approve(keys, "sana"), approve(keys, "tariq")).allowed
    assert answer(two, approve(keys, "sana"), approve(keys, "noor")).allowed
    one = answer(two, approve(keys, "sana"))
    assert (one.verdict, one.missing) == (Verdict.NEEDS, ("comptroller or governor",))
    assert one.needs[0].roles == ("comptroller", "governor")


def test_seats_are_shared_out_so_that_all_are_filled(policy: Policy, keys: Keys) -> None:
    """Noor could take either seat and Sana one alone: taking the first that comes would leave a seat empty."""
    quorums = (Quorum(1, ("comptroller", "governor")), Quorum(1, ("governor", "auditor")))
    both = with_quorums(policy, *quorums)
    assert answer(both, approve(keys, "noor"), approve(keys, "sana")).allowed
    assert not answer(both, approve(keys, "sana"), approve(keys, "tariq")).allowed
    assert answer(both, approve(keys, "noor"), approve(keys, "omar")).allowed


def test_one_person_with_two_roles_fills_one_seat(policy: Policy, keys: Keys) -> None:
    """By further roles of one office, or by a second office with a key of its own."""
    asked = with_quorums(policy, Quorum(1, ("comptroller",)), Quorum(1, ("governor",)))
    both_roles = more_roles(asked, "noor", "comptroller")
    decision = answer(both_roles, approve(keys, "noor"), approve(keys, "noor", at=NOW))
    assert (decision.verdict, len(decision.missing)) == (Verdict.NEEDS, 1)
    one_person = as_person(asked, "sana-noor", "sana", "noor")
    decision = answer(one_person, approve(keys, "sana"), approve(keys, "noor"))
    assert (decision.verdict, decision.missing) == (Verdict.NEEDS, ("governor",))
    assert remarked(decision) == {Why.ONE_PERSON.code}
    assert answer(one_person, approve(keys, "tariq"), approve(keys, "noor")).allowed


def test_the_proposer_in_another_office_never_approves(policy: Policy, keys: Keys) -> None:
    """Amina proposes in one office and approves in another: the same person."""
    asked = as_person(with_quorums(policy, Quorum(1, ("comptroller",))), "amina", "sana", "amina")
    decision = answer(asked, approve(keys, "sana"))
    assert codes(decision) == {Why.BY_PROPOSER.code}
    assert answer(asked, approve(keys, "tariq")).allowed


def stand_in(policy: Policy, officer: str, for_: str, first: date = TODAY, last: date = TODAY) -> Policy:
    """The policy with a deputy."""
    return replace(policy, deputies=(*policy.deputies, Deputy(officer, for_, first, last)))


def test_a_deputy_has_the_role_on_its_days(policy: Policy, keys: Keys) -> None:
    """Omar stands for Noor on one local day: the seconds before and after it are out."""
    asked = with_quorums(stand_in(policy, "omar", "noor"), Quorum(1, ("governor",)))
    assert answer(asked, approve(keys, "omar")).allowed
    for first, last in ((date(2026, 1, 1), date(2026, 1, 4)), (date(2026, 1, 6), date(2026, 1, 9))):
        out = with_quorums(stand_in(policy, "omar", "noor", first, last), Quorum(1, ("governor",)))
        decision = answer(out, approve(keys, "omar"))
        assert (decision.verdict, decision.missing) == (Verdict.NEEDS, ("governor",))
        assert remarked(decision) == {Why.DEPUTY_OUT_OF_DATES.code, Why.NOT_PERMITTED.code}


def test_a_deputys_day_is_a_local_one(policy: Policy, keys: Keys) -> None:
    """In Karachi 5 January ends at 19:00 UTC: what is signed a second later is out of dates, and stays good before."""
    asked = with_quorums(stand_in(replace(policy, time_zone="Asia/Karachi"), "omar", "noor"), Quorum(1, ("governor",)))
    last = datetime(2026, 1, 5, 18, 59, 59, tzinfo=UTC)
    later = last + timedelta(hours=1)
    assert answer(asked, approve(keys, "omar", at=last), at=later).allowed
    assert not answer(asked, approve(keys, "omar", at=last + timedelta(seconds=1)), at=later).allowed


def test_a_deputy_does_not_count_beside_the_one_he_stands_for(policy: Policy, keys: Keys) -> None:
    """Two seats that a governor can take: Noor and her deputy are one voice, but a governor in his own right counts."""
    asked = with_quorums(stand_in(policy, "omar", "noor"), Quorum(2, ("governor", "treasury")))
    decision = answer(asked, approve(keys, "omar"), approve(keys, "noor"))
    assert (decision.verdict, decision.missing) == (Verdict.NEEDS, ("governor or treasury",))
    assert remarked(decision) == {Why.DEPUTY_BESIDE.code}
    assert answer(asked, approve(keys, "omar"), approve(keys, "bilal")).allowed
    own_right = more_roles(asked, "omar", "governor")
    assert answer(own_right, approve(keys, "omar"), approve(keys, "noor")).allowed


def test_two_deputies_of_one_officer_are_one_voice(policy: Policy, keys: Keys) -> None:
    """Nor can a deputy pass on what he stands for."""
    two = stand_in(stand_in(policy, "omar", "noor"), "tariq", "noor")
    asked = with_quorums(two, Quorum(2, ("governor", "treasury")))
    assert not answer(asked, approve(keys, "omar"), approve(keys, "tariq")).allowed
    chain = with_quorums(stand_in(stand_in(policy, "omar", "noor"), "tariq", "omar"), Quorum(1, ("governor",)))
    assert not answer(chain, approve(keys, "tariq")).allowed
    assert answer(chain, approve(keys, "omar")).allowed


def test_nobody_acts_through_the_proposers_office(policy: Policy, keys: Keys) -> None:
    """Omar stands for Amina, who proposed: her own role does not approve by way of him."""
    asked = with_quorums(stand_in(policy, "omar", "amina"), Quorum(1, ("treasury",)))
    decision = answer(asked, approve(keys, "omar"))
    assert (decision.verdict, decision.missing) == (Verdict.NEEDS, ("treasury",))
    assert answer(asked, approve(keys, "omar"), proposer="bilal").allowed


def test_a_deputy_proposes_on_its_days(policy: Policy) -> None:
    """Omar, auditor, may propose while he stands for the treasury, and not a day later."""
    asked = with_quorums(stand_in(policy, "omar", "bilal"))
    assert answer(asked, proposer="omar").allowed
    out = with_quorums(stand_in(policy, "omar", "bilal", date(2026, 1, 6), date(2026, 1, 7)))
    assert codes(answer(out, proposer="omar")) == {Why.DEPUTY_OUT_OF_DATES.code}


def test_what_nobody_could_complete_is_refused(policy: Policy, keys: Keys) -> None:
    """Three treasury officers beside the proposer, of two; a deputy of the days ahead would do."""
    asked = with_quorums(policy, Quorum(2, ("treasury",)))
    assert codes(answer(asked, approve(keys, "bilal"))) == {Why.QUORUM_IMPOSSIBLE.code}
    tomorrow = TODAY + timedelta(days=1)
    soon = stand_in(asked, "omar", "sana", tomorrow, tomorrow)
    both = with_quorums(soon, Quorum(2, ("comptroller",)), Quorum(1, ("governor",)), execute_roles=("comptroller",))
    assert codes(answer(both)) == {Why.QUORUM_IMPOSSIBLE.code}
    third = replace(both, officers=(*both.officers, replace(both.officers[2], id="zara", public_key="ab" * 32)))
    assert answer(third).verdict is Verdict.NEEDS
    stands = with_quorums(stand_in(policy, "omar", "bilal", tomorrow, tomorrow), Quorum(1, ("treasury",)))
    assert answer(stands, expires_at=EXPIRES).verdict is Verdict.NEEDS
    alone = replace(stands, officers=tuple(known for known in policy.officers if known.id != "bilal"))
    assert codes(answer(alone)) == {Why.QUORUM_IMPOSSIBLE.code}


def test_the_delay_runs_from_the_approval_that_completed_the_quorum(policy: Policy, keys: Keys) -> None:
    """A later yes does not move it, the order does not matter, and the second before its end is too early."""
    asked = with_quorums(policy, Quorum(1, ("comptroller",)), Quorum(1, ("governor",)), delay_hours=12)
    first, second = SAID, SAID + timedelta(minutes=30)
    given_ = [approve(keys, "sana", at=first), approve(keys, "noor", at=second)]
    late = approve(keys, "tariq", at=second + timedelta(hours=3))
    over = second + timedelta(hours=12)
    for order in permutations([*given_, late]):
        early = answer(asked, *order, at=over - timedelta(seconds=1))
        assert (early.verdict, early.needs[0].until) == (Verdict.NEEDS, over)
        assert early.needs[0].kind is NeedKind.TIME
        assert answer(asked, *order, at=over).allowed
    assert answer(asked, given_[0], at=over).missing == ("governor", "12 hours after the last approval")


def test_an_approval_that_is_dated_back_does_not_shorten_the_delay(policy: Policy, keys: Keys) -> None:
    """The yes bears the hour of the proposal and was first seen ten hours later: the delay runs from then."""
    asked = with_quorums(policy, Quorum(1, ("comptroller",)), Quorum(1, ("governor",)), delay_hours=12)
    yes, late = approve(keys, "sana", at=PROPOSED), approve(keys, "noor", at=PROPOSED)
    seen = PROPOSED + timedelta(hours=10)
    at = PROPOSED + timedelta(hours=13)
    assert answer(asked, yes, late, at=at).allowed
    told = answer(asked, yes, late, at=at, seen_at={yes.signature: PROPOSED, late.signature: seen})
    assert (told.verdict, told.needs[0].until) == (Verdict.NEEDS, seen + timedelta(hours=12))
    earlier = {yes.signature: PROPOSED - timedelta(hours=9)}
    assert answer(asked, yes, late, at=at, seen_at=earlier).allowed


def test_without_a_quorum_the_delay_runs_from_the_proposal(policy: Policy) -> None:
    """A rule that asks for nobody's yes still asks for time."""
    asked = with_quorums(policy, delay_hours=3)
    assert answer(asked).needs[0].until == PROPOSED + timedelta(hours=3)
    assert answer(asked, at=PROPOSED + timedelta(hours=3)).allowed


def test_hours_come_after_the_delay(policy: Policy, keys: Keys) -> None:
    """The delay ends at night: it can be carried out from the morning on, and both are named."""
    asked = with_quorums(policy, Quorum(1, ("governor",)), delay_hours=10, from_hour=9, to_hour=17)
    decision = answer(asked, approve(keys, "noor"))
    assert [need.until for need in decision.needs] == [
        SAID + timedelta(hours=10),
        datetime(2026, 1, 6, 9, tzinfo=UTC),
    ]


def test_a_rule_that_opens_on_no_day_is_never_carried_out(policy: Policy, keys: Keys) -> None:
    """Its span is empty: there is no moment to wait for, and that is said."""
    asked = with_quorums(policy, Quorum(1, ("governor",)), from_hour=8, to_hour=8)
    decision = answer(asked, approve(keys, "noor"))
    assert (decision.verdict, decision.needs[0].until) == (Verdict.NEEDS, None)
    assert "opens on no day" in decision.needs[0].text


def test_persons_are_joined_by_name_and_by_key(policy: Policy) -> None:
    """Amina's second office has Bilal's key, and Bilal's person is Sana: all three are one."""
    known = {officer.id: officer for officer in policy.officers}
    officers = (
        known["amina"],
        replace(known["bilal"], person="amina"),
        replace(known["sana"], public_key=known["bilal"].public_key.upper()),
        known["noor"],
    )
    persons = people_of(replace(policy, officers=officers)).persons
    assert len({persons[name] for name in ("amina", "bilal", "sana")}) == 1
    assert persons["noor"] == "noor"


ROLE_NAMES = ("a", "b", "c")
SEATS = st.lists(st.sets(st.sampled_from(ROLE_NAMES), min_size=1).map(lambda found: tuple(sorted(found))), max_size=4)
OFFICES = st.dictionaries(st.sampled_from("uvwxy"), st.sets(st.sampled_from(ROLE_NAMES)), max_size=5)
HOLDERS = st.lists(st.tuples(st.sampled_from("PQRST"), st.sets(st.sampled_from("uvwxy"), max_size=3)), max_size=5)


def every_seating(
    seats: list[tuple[str, ...]], roles: dict[str, set[str]], holders: dict[str, set[str]]
) -> Iterator[frozenset[int]]:
    """Sets of seats that can be filled, by trying every office and person for each."""

    def sit(
        index: int, offices: frozenset[str], persons: frozenset[str], filled: frozenset[int]
    ) -> Iterator[frozenset[int]]:
        if index == len(seats):
            yield filled
            return
        yield from sit(index + 1, offices, persons, filled)
        for person, may in holders.items():
            for office in may - offices:
                if person not in persons and roles.get(office, set()) & set(seats[index]):
                    yield from sit(index + 1, offices | {office}, persons | {person}, filled | {index})

    yield from sit(0, frozenset(), frozenset(), frozenset())


@given(seats=SEATS, roles=OFFICES, coming=HOLDERS)
def test_seats_agree_with_trying_everything(
    seats: list[tuple[str, ...]], roles: dict[str, set[str]], coming: list[tuple[str, set[str]]]
) -> None:
    """As many as can be filled are, the earlier first, however the people come."""
    seating = Seating(seats, {office: sorted(held) for office, held in roles.items()})
    for person, offices in coming:
        seating.add(person, sorted(offices))
    holders: dict[str, set[str]] = {}
    for person, offices in coming:
        holders.setdefault(person, set()).update(offices)
    best = max(
        every_seating(seats, roles, holders), key=lambda filled: [index in filled for index in range(len(seats))]
    )
    most = max(len(filled) for filled in every_seating(seats, roles, holders))
    assert set(range(len(seats))) - set(seating.fill()) == best
    assert len(best) == most
    one_by_one = Seating(seats, {office: sorted(held) for office, held in roles.items()})
    for person, offices in coming:
        one_by_one.add(person, sorted(offices))
        one_by_one.fill()
    assert len(one_by_one.fill()) == len(seats) - most
    assert seats_of([Quorum(2, ("a",)), Quorum(1, ("b",))]) == (("a",), ("a",), ("b",))


@pytest.mark.parametrize("officer", ["sana", "noor"])
def test_officers_beyond_the_quorum_do_no_harm(policy: Policy, keys: Keys, officer: str) -> None:
    """One yes more than is asked for is a yes."""
    asked = with_quorums(policy, Quorum(1, ("comptroller", "governor")))
    decision: Decision = answer(asked, approve(keys, officer), approve(keys, "tariq"))
    assert decision.allowed
