"""What statutes hold: lots that are never sold, lots held for years, and the share that may leave after the hold."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from zakhira.controls.engine.decision import Reason, Why
from zakhira.controls.engine.limits import share_of
from zakhira.controls.engine.movements import Movements
from zakhira.controls.engine.question import BoundLot, Question
from zakhira.kernel.interval import require_utc, utc_text
from zakhira.kernel.money import Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Statute

LOT_PURPOSE = "lot purpose"
"""The scope of movements that a share after a hold sums over."""
_PAYS_OUT = ("spend", "payout")
_DAYS_OF_YEAR = 366
"""A part of a year is counted in days of a leap year: a hold is rather too long than too short."""


def check_statutes(
    policy: Policy, movements: Movements, question: Question, at: datetime
) -> tuple[tuple[Statute, Reason] | None, tuple[Reason, ...], tuple[Reason, ...]]:
    """The first statute that refuses with its reason, all reasons, and remarks.

    Bound is what leaves our vaults in bitcoin, on any path. While the coins are not chosen (no lots), a statute about
    some purposes alone is remarked on and asked again; one that binds every coin for ever refuses at once.
    """
    outside = _outside_sats(question)
    first: tuple[Statute, Reason] | None = None
    reasons: list[Reason] = []
    remarks: list[Reason] = []
    if outside == 0:
        return None, (), ()
    for statute in policy.statutes:
        bound = [lot for lot in question.lots if not statute.purposes or lot.purpose in statute.purposes]
        if not question.lots and not (statute.kind == "not-sold" and not statute.purposes):
            remarks.append(_reason(statute, "it is asked again once the coins are chosen"))
            continue
        if not bound and question.lots:
            continue
        for text in _refusals(statute, policy, movements, question, bound, outside, at):
            reasons.append(_reason(statute, text))
            first = first or (statute, reasons[-1])
    return first, tuple(reasons), tuple(remarks)


def _reason(statute: Statute, text: str) -> Reason:
    read = "" if statute.verified == "yes" else ", not verified"
    return Reason(Why.STATUTE.code, f"{statute.citation} ({statute.status}{read}): {text}.")


def _outside_sats(question: Question) -> int:
    """Satoshi that would leave our vaults; what names no destination and pays counts whole."""
    if question.amount is None or question.amount.commodity is not Commodity.BTC:
        return 0
    if not question.destinations:
        return question.amount.units if question.action in _PAYS_OUT else 0
    return sum(place.amount.units for place in question.destinations if not place.vault)


def _refusals(
    statute: Statute,
    policy: Policy,
    movements: Movements,
    question: Question,
    bound: list[BoundLot],
    outside: int,
    at: datetime,
) -> list[str]:
    if statute.kind == "not-sold":
        named = f"lot {bound[0].lot}" if bound else "every coin"
        return [f"{named} is not sold"]
    held = [lot for lot in bound if at < held_until(lot.deposited_at, statute.years, policy.time_zone)]
    if held:
        last = max(held, key=lambda lot: (lot.deposited_at, lot.lot))
        until = held_until(last.deposited_at, statute.years, policy.time_zone)
        return [f"lot {last.lot}, deposited at {utc_text(last.deposited_at)}, is held until {utc_text(until)}"]
    if statute.kind != "share-after-hold":
        return []
    return _share_refusals(statute, movements, question, bound, outside, at)


def _share_refusals(
    statute: Statute, movements: Movements, question: Question, bound: list[BoundLot], outside: int, at: datetime
) -> list[str]:
    """What would leave of the bound coins, with what left in the window, against all that was bound when it began.

    Of coins that pay together with free ones, all that leaves counts as bound, up to what is bound.
    """
    since = at - timedelta(days=statute.window_days)
    keys = statute.purposes or {kept.purpose for kept in question.holdings} | {lot.purpose for lot in bound}
    left = sum(
        movements.moved(Commodity.BTC, since, at, scope=LOT_PURPOSE, key=key, but=question.id).units for key in keys
    )
    leaves = min(outside, sum(lot.amount_sats for lot in bound))
    known = [kept for kept in question.holdings if not statute.purposes or kept.purpose in statute.purposes]
    if not known:
        return [f"at most {statute.share:.4g} may leave in {statute.window_days} days, and what is bound is not known"]
    whole = sum(kept.amount_sats for kept in known) + left
    if left + leaves <= share_of(statute.share, whole):
        return []
    share = f"{statute.share:.4g} of the {sats(whole)} that is bound"
    return [f"{sats(leaves)} with the {sats(left)} of the last {statute.window_days} days is more than {share}"]


def held_until(deposited_at: datetime, years: float, time_zone: str) -> datetime:
    """The same time of the same local calendar day, ``years`` later, in UTC.

    From 29 February it is 1 March where the later year has no 29th. A part of a year counts in days of a leap year.
    """
    local = require_utc(deposited_at).astimezone(ZoneInfo(time_zone))
    whole = math.floor(years)
    try:
        later = local.replace(year=local.year + whole)
    except ValueError:
        later = local.replace(year=local.year + whole, month=3, day=1)
    return later.astimezone(UTC) + timedelta(days=math.ceil((years - whole) * _DAYS_OF_YEAR))
