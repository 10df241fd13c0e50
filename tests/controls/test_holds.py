"""Statutes hold lots whatever a rule says: never sold, held for years, a share after the hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from officer_drill import NOW, answer, codes, remarked
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.holds import held_until
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.question import BoundLot, Destination, Holding
from zakhira.kernel.money import Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule, Statute

RULE = Rule("r", "Rule 1", ("spend", "move"), paths=("main", "recovery"), propose_roles=("treasury",))
ORDER = Statute("eo", "EO 14233", "order", "no", date(2026, 11, 1), "not-sold", purposes=("forfeited",))
HOLD = Statute("hr", "H.R. 8957", "bill", "no", date(2026, 11, 1), "hold", purposes=("royalty",), years=20)
SHARE = Statute(
    *("s954", "S.954", "bill", "yes", date(2026, 11, 1), "share-after-hold"),
    purposes=("royalty",),
    years=20,
    share=0.1,
    window_days=730,
)
OLD = datetime(2005, 1, 1, tzinfo=UTC)
RECENT = datetime(2020, 1, 1, tzinfo=UTC)
INSIDE = (Destination("bcrt1qhot", sats(900_000), vault="hot"),)


def bound(purpose: str = "royalty", since: datetime = RECENT, units: int = 900_000) -> tuple[BoundLot, ...]:
    """One lot that would move."""
    return (BoundLot("lot-1", purpose, since, units),)


def under(policy: Policy, *statutes: Statute) -> Policy:
    """One rule that allows all, and these statutes."""
    return replace(policy, rules=(RULE,), statutes=statutes)


def test_what_is_not_sold_leaves_by_no_path(policy: Policy) -> None:
    """The statute decides, not the rule that allows; coins of another purpose go, and moves are no sale."""
    ordered = under(policy, ORDER)
    for path in ("main", "recovery"):
        decision = answer(ordered, lots=bound("forfeited"), path=path)
        assert (decision.verdict, decision.rule, decision.clause) == (Verdict.REFUSED, "eo", "EO 14233")
        assert codes(decision) == {Why.STATUTE.code}
        assert decision.reasons[0].text == "EO 14233 (order, not verified): lot lot-1 is not sold."
    assert answer(ordered, lots=bound("royalty")).allowed
    assert answer(ordered, lots=bound("forfeited"), action="move", destinations=INSIDE).allowed
    assert answer(ordered, lots=bound("forfeited"), destinations=INSIDE).allowed


def test_a_mixed_payment_is_a_sale(policy: Policy) -> None:
    """Half to a vault of ours and half outside: what leaves counts."""
    half = (Destination("bcrt1qhot", sats(450_000), vault="hot"), Destination("bcrt1qx", sats(450_000)))
    assert codes(answer(under(policy, ORDER), lots=bound("forfeited"), destinations=half)) == {Why.STATUTE.code}


def test_a_hold_ends_on_the_day_for_each_lot(policy: Policy) -> None:
    """Twenty years to the second; the lot that is held longest is named."""
    held = under(policy, HOLD)
    since = NOW.replace(year=2006)
    assert answer(held, lots=bound(since=since)).allowed
    late = BoundLot("lot-2", "royalty", since + timedelta(seconds=1), 1)
    decision = answer(held, lots=(*bound(since=since), late))
    assert (
        "lot lot-2, deposited at 2006-01-05T10:00:01Z, is held until 2026-01-05T10:00:01Z" in decision.reasons[0].text
    )
    assert answer(held, lots=(*bound(since=since), late), at=NOW + timedelta(seconds=1)).allowed


def test_while_coins_are_not_chosen_it_is_asked_again(policy: Policy) -> None:
    """A statute about some purposes is remarked on; one about every coin for ever refuses at once."""
    decision = answer(under(policy, HOLD, ORDER))
    assert (decision.verdict, remarked(decision)) == (Verdict.ALLOWED, {Why.STATUTE.code})
    assert [reason.text for reason in decision.remarks] == [
        "EO 14233 (order, not verified): it is asked again once the coins are chosen.",
        "H.R. 8957 (bill, not verified): it is asked again once the coins are chosen.",
    ]
    every = answer(under(policy, replace(ORDER, purposes=())))
    assert (every.verdict, every.rule) == (Verdict.REFUSED, "eo")
    assert answer(under(policy, HOLD), action="move", destinations=INSIDE).remarks == ()


@pytest.mark.parametrize(
    ("deposited", "years", "zone", "until"),
    [
        ("2004-02-29T12:00:00", 20, "UTC", "2024-02-29T12:00:00"),
        ("2004-02-29T12:00:00", 21, "UTC", "2025-03-01T12:00:00"),
        ("2004-02-29T12:00:00", 1, "UTC", "2005-03-01T12:00:00"),
        ("2004-02-28T20:00:00", 1, "Asia/Karachi", "2005-02-28T20:00:00"),
        ("2006-01-05T10:00:00", 20, "Asia/Karachi", "2026-01-05T10:00:00"),
        ("2006-07-01T12:00:00", 1, "America/New_York", "2007-07-01T12:00:00"),
        ("2006-03-20T12:00:00", 1, "America/New_York", "2007-03-20T11:00:00"),
        ("2006-01-05T10:00:00", 0.5, "UTC", "2006-07-07T10:00:00"),
    ],
)
def test_the_end_of_a_hold(deposited: str, years: float, zone: str, until: str) -> None:
    """The same local time of the same local day: 29 February becomes 1 March, and daylight saving moves UTC."""
    start = datetime.fromisoformat(deposited).replace(tzinfo=UTC)
    assert held_until(start, years, zone) == datetime.fromisoformat(until).replace(tzinfo=UTC)


def test_a_share_may_leave_after_the_hold(policy: Policy) -> None:
    """A tenth of 10,000,000 in two years: what left in them counts, what is held as yet does not leave at all."""
    shared = under(policy, SHARE)
    whole = (Holding("royalty", 9_900_000), Holding("payroll", 10**12))
    log = MovementLog(
        [
            Movement("m1", NOW - timedelta(days=700), "spend", Commodity.BTC, 100_000, "hot", "x", "p", ("royalty",)),
            Movement("m2", NOW - timedelta(days=700), "move", Commodity.BTC, 10**9, "hot", "x", "p", ("royalty",)),
            Movement("m3", NOW - timedelta(days=731), "spend", Commodity.BTC, 10**9, "hot", "x", "p", ("royalty",)),
        ]
    )
    fits = {"movements": log, "holdings": whole, "lots": bound(since=OLD)}
    assert answer(shared, **fits).allowed  # type: ignore[arg-type]
    less = (Holding("royalty", 9_899_999),)
    decision = answer(shared, movements=log, holdings=less, lots=bound(since=OLD))
    assert codes(decision) == {Why.STATUTE.code}
    assert "0.00900000 BTC with the 0.00100000 BTC of the last 730 days is more than 0.1" in decision.reasons[0].text
    assert "S.954 (bill):" in decision.reasons[0].text
    assert codes(answer(shared, movements=log, holdings=whole, lots=bound(since=RECENT))) == {Why.STATUTE.code}
    assert codes(answer(shared, movements=log, lots=bound(since=OLD))) == {Why.STATUTE.code}


def test_of_mixed_coins_no_more_leaves_than_is_bound(policy: Policy) -> None:
    """A lot of 50,000 pays together with free coins: the 50,000 count, not the 900,000."""
    shared = under(policy, SHARE)
    lots = (*bound(since=OLD, units=50_000), BoundLot("lot-2", "payroll", RECENT, 10**9))
    assert answer(shared, holdings=(Holding("royalty", 500_000),), lots=lots).allowed
    assert not answer(shared, holdings=(Holding("royalty", 499_999),), lots=lots).allowed


def test_a_statute_about_all_purposes_sums_all_of_them(policy: Policy) -> None:
    """Every purpose that is held or moves is looked up in the window."""
    shared = under(policy, replace(SHARE, purposes=()))
    log = MovementLog([Movement("m1", NOW, "spend", Commodity.BTC, 100_001, "hot", "x", "p", ("payroll",))])
    held = (Holding("royalty", 5_000_000), Holding("payroll", 4_900_000))
    assert codes(answer(shared, movements=log, holdings=held, lots=bound(since=OLD))) == {Why.STATUTE.code}
    assert answer(shared, holdings=(*held, Holding("grid", 100_000)), lots=bound(since=OLD)).allowed


def test_the_lowest_answer_decides(policy: Policy) -> None:
    """A rule that refuses keeps its name beside a statute that refuses as well; a freeze stands above both."""
    both = answer(under(policy, ORDER), lots=bound("forfeited"), proposer="omar")
    assert (both.rule, codes(both)) == ("r", {Why.STATUTE.code, Why.PROPOSER_ROLE.code})
