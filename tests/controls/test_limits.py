"""Shares of the balance and rolling windows: exactly at the limit it is allowed, a satoshi more is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officer_drill import NOW, PAYEE, answer, codes
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.limits import share_of
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.question import Destination
from zakhira.kernel.money import Amount, Commodity, parse_amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule, Window

RULE = Rule("r", "Rule 1", ("spend", "move", "payout", "licence"), propose_roles=("treasury",))
DAY = timedelta(hours=24)
OTHER = "bcrt1qother"


def moved(
    name: str,
    units: int,
    ago: timedelta = timedelta(hours=1),
    vault: str = "cold",
    to: str = PAYEE,
    purpose: str = "payroll",
    commodity: Commodity = Commodity.BTC,
) -> Movement:
    """Something that was allowed a while ago."""
    return Movement(name, NOW - ago, "spend", commodity, units, vault, to, purpose)


def with_window(policy: Policy, **window: object) -> Policy:
    """One rule with one window of a day."""
    return replace(policy, rules=(replace(RULE, windows=(Window(24, **window),)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("per", "elsewhere"),
    [
        ("vault", {"vault": "hot"}),
        ("destination", {"to": OTHER}),
        ("purpose", {"purpose": "royalty"}),
    ],
)
def test_a_window_sums_what_it_is_about(policy: Policy, per: str, elsewhere: dict[str, str]) -> None:
    """What went by elsewhere does not count, what went by here does, to the satoshi."""
    limited = with_window(policy, per=per, limit=sats(1_000_000))
    here = MovementLog([moved("m1", 100_000), moved("m2", 10**9, **elsewhere)])  # type: ignore[arg-type]
    assert answer(limited, movements=here, purpose="payroll").allowed
    more = MovementLog([moved("m1", 100_001)])
    decision = answer(limited, movements=more, purpose="payroll")
    assert codes(decision) == {Why.WINDOW_AMOUNT.code}
    assert "with the 0.00100001 BTC of the last 24 hours" in decision.reasons[0].text


def test_a_window_of_the_programme_sums_everything(policy: Policy) -> None:
    """Whatever vault, destination and purpose; but a matter is never counted beside itself."""
    limited = with_window(policy, per="programme", limit=sats(1_000_000))
    spread = [moved("m1", 50_000, vault="hot"), moved("m2", 50_001, to=OTHER, purpose="royalty")]
    assert codes(answer(limited, movements=MovementLog(spread))) == {Why.WINDOW_AMOUNT.code}
    itself = MovementLog([moved("s1", 900_000), moved("m1", 100_000)])
    assert answer(limited, movements=itself).allowed


def test_a_window_counts_the_actions_of_its_rule(policy: Policy) -> None:
    """A sweep between vaults uses up no payments; a payout does where the rule is about payouts too."""
    payments = replace(RULE, actions=("spend", "payout"), windows=(Window(24, "programme", limit=sats(1_000_000)),))
    limited = replace(policy, rules=(payments,))
    sweep, payout = replace(moved("m1", 10**9), action="move"), replace(moved("m2", 10**9), action="payout")
    assert answer(limited, movements=MovementLog([sweep])).allowed
    assert codes(answer(limited, movements=MovementLog([sweep, payout]))) == {Why.WINDOW_AMOUNT.code}


def test_a_window_rolls(policy: Policy) -> None:
    """What was allowed exactly a day ago is out, a second later is in."""
    limited = with_window(policy, per="vault", limit=sats(1_000_000))
    assert answer(limited, movements=MovementLog([moved("m1", 10**6, ago=DAY)])).allowed
    recent = MovementLog([moved("m1", 10**6, ago=DAY - timedelta(seconds=1))])
    assert codes(answer(limited, movements=recent)) == {Why.WINDOW_AMOUNT.code}
    assert answer(limited, movements=recent, at=NOW + timedelta(seconds=1)).allowed


def test_each_destination_is_held_against_its_own_window(policy: Policy) -> None:
    """Two outputs to one address are one sum; another address has a sum of its own."""
    limited = with_window(policy, per="destination", limit=sats(1_000_000))
    twice = (Destination(PAYEE, sats(600_000)), Destination(PAYEE, sats(400_001)))
    decision = answer(limited, amount=sats(1_000_001), destinations=twice)
    assert codes(decision) == {Why.WINDOW_AMOUNT.code}
    apart = (Destination(PAYEE, sats(600_000)), Destination(OTHER, sats(400_001)))
    assert answer(limited, amount=sats(1_000_001), destinations=apart).allowed
    log = MovementLog([moved("m1", 600_000, to=OTHER)])
    assert codes(answer(limited, amount=sats(1_000_001), destinations=apart, movements=log)) == {Why.WINDOW_AMOUNT.code}


def test_a_window_counts_matters_not_destinations(policy: Policy) -> None:
    """Three matters a day, of whatever commodity: a payout to many counts once."""
    limited = with_window(policy, per="vault", most=3)
    two = [moved("m1", 1), moved("m1", 1, to=OTHER), moved("m2", 1, commodity=Commodity.PKR)]
    assert answer(limited, movements=MovementLog(two)).allowed
    three = MovementLog([*two, moved("m3", 1)])
    assert codes(answer(limited, movements=three)) == {Why.WINDOW_COUNT.code}
    licence = answer(limited, movements=three, action="licence", amount=None, destinations=(), vault="cold")
    assert codes(licence) == {Why.WINDOW_COUNT.code}


def test_a_share_of_what_the_vault_held(policy: Policy) -> None:
    """Half of 2,000,000: what is left and what left in the window make up the whole."""
    limited = with_window(policy, per="vault", balance_share=0.5)
    log = MovementLog([moved("m1", 100_000)])
    assert answer(limited, movements=log, balance=sats(1_900_000)).allowed
    decision = answer(limited, movements=log, balance=sats(1_899_999))
    assert codes(decision) == {Why.WINDOW_SHARE.code}
    assert codes(answer(limited, movements=log)) == {Why.WINDOW_SHARE.code}
    assert codes(answer(limited, movements=log, balance=Amount(10**12, Commodity.PKR))) == {Why.WINDOW_SHARE.code}


def test_one_spend_takes_a_share_of_the_balance_at_most(policy: Policy) -> None:
    """A tenth of 9,000,000 is allowed; without knowing the balance nothing is."""
    limited = replace(policy, rules=(replace(RULE, balance_share=0.1),))
    assert answer(limited, balance=sats(9_000_000)).allowed
    assert codes(answer(limited, balance=sats(8_999_999))) == {Why.BALANCE_SHARE.code}
    assert codes(answer(limited)) == {Why.BALANCE_SHARE.code}
    assert answer(limited, action="licence", amount=None, destinations=()).allowed


def test_a_limit_in_another_unit_is_no_limit_to_be_passed(policy: Policy) -> None:
    """Rupees are not held against a limit in bitcoin: that is refused, not let through."""
    limited = with_window(policy, per="vault", limit=sats(10**12))
    rupees = parse_amount("5 PKR")
    decision = answer(limited, action="payout", amount=rupees)
    assert codes(decision) == {Why.WINDOW_AMOUNT.code}
    assert "cannot be held against" in decision.reasons[0].text


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"amount": sats(-5)}, Why.NOTHING_MOVED),
        ({"amount": None, "destinations": ()}, Why.NOTHING_MOVED),
        ({"amount": parse_amount("5 PKR")}, Why.NOT_COINS),
        ({"destinations": (Destination(PAYEE, sats(899_999)),)}, Why.AMOUNT_NOT_SUM),
        ({"destinations": (Destination(PAYEE, sats(900_001)), Destination(OTHER, sats(-1)))}, Why.NOTHING_MOVED),
        ({"destinations": (Destination(PAYEE, parse_amount("900000 PKR")),)}, Why.AMOUNT_NOT_SUM),
        ({"destinations": (Destination(PAYEE.upper(), sats(900_000)),)}, Why.ADDRESS_SPELLING),
        ({"action": "move"}, Why.ACTION_OTHERWISE),
    ],
)
def test_a_matter_must_be_what_it_says(policy: Policy, other: dict[str, object], why: Why) -> None:
    """Sums, units, spelling and direction: each that is wrong is refused with a code of its own."""
    decision = answer(replace(policy, rules=(RULE,)), **other)  # type: ignore[arg-type]
    assert decision.verdict is Verdict.REFUSED
    assert why.code in codes(decision)


@given(units=st.integers(0, 21 * 10**14), billionths=st.integers(0, 10**9))
def test_a_share_is_exact(units: int, billionths: int) -> None:
    """Shares of up to nine decimals are taken in whole numbers, rounded down."""
    assert share_of(billionths / 10**9, units) == units * billionths // 10**9


def test_a_question_without_destinations_is_summed_by_vault_alone(policy: Policy) -> None:
    """There is nobody whose window could be passed."""
    limited = with_window(policy, per="destination", limit=sats(1))
    assert answer(limited, destinations=()).allowed
