"""Sums over a run equal those taken from the facts in another way."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from zakhira.kernel.money import sats
from zakhira.reports.facts import ReservePoint, RunFacts, join_dispatch
from zakhira.reports.horizon import local_hours
from zakhira.reports.totals import REASONS, coin_days, energy_totals, tie_out, weakest_tag


def test_energy_is_that_of_the_dispatch(facts: RunFacts) -> None:
    """Used, firm and shed by zone sum to the dispatch, and by class as the grants say."""
    totals, run = energy_totals(facts), facts.dispatch
    assert totals.used_mwh == pytest.approx(run.used_mw.sum())
    assert totals.surplus_mwh == pytest.approx(run.surplus_mw.sum())
    assert totals.shed_mwh == pytest.approx(run.shed_mw.sum())
    assert totals.energy_cost_pkr == pytest.approx(run.energy_cost_pkr.sum())
    halls = sum(run.used_mw[i].sum() for i, grant in enumerate(facts.plan.grants) if grant.is_hall)
    assert totals.ai_mw.sum() == pytest.approx(halls)
    for i, zone in enumerate(totals.zones):
        mine = [k for k, grant in enumerate(facts.plan.grants) if grant.zone == zone]
        assert totals.shed_mw[i].sum() == pytest.approx(run.shed_mw[mine].sum())
        assert totals.granted_mw[i] == pytest.approx(sum(facts.plan.grants[k].power_mw for k in mine))
    assert totals.shed_mw.shape[2] == len(REASONS)


def test_what_ran_and_was_shed_explains_every_granted_megawatt(facts: RunFacts) -> None:
    """Nothing is unexplained in a sound dispatch; a reason taken away leaves exactly its energy."""
    assert energy_totals(facts).unexplained_mwh == pytest.approx(0, abs=1e-6)
    shed = facts.dispatch.shed_mw.copy()
    lost = shed[0, 5].sum()
    assert lost > 0
    shed[0, 5] = 0
    holed = replace(facts, dispatch=replace(facts.dispatch, shed_mw=shed))
    assert energy_totals(holed).unexplained_mwh == pytest.approx(lost)


def test_hours_of_day_are_local(facts: RunFacts) -> None:
    """The run starts at local midnight, which is 19:00 UTC; means by hour weigh every day alike."""
    totals = energy_totals(facts)
    assert totals.hour_of_day[0] == 0
    assert totals.dates[0] == "2026-01-01"
    assert totals.dates[24] == "2026-01-02"
    surplus = facts.dispatch.surplus_mw.sum(axis=0)
    mean = totals.by_hour_of_day(surplus)
    assert mean == pytest.approx(surplus.reshape(facts.days, 24).mean(axis=0))
    assert sum(totals.by_label(totals.dates, surplus).values()) == pytest.approx(surplus.sum())


def test_local_hours_follow_the_wall_clock(facts: RunFacts) -> None:
    """A zone with another offset shifts the day."""
    assert [at.hour for at in local_hours(facts.hours, ZoneInfo("UTC"))[:2]] == [19, 20]


def test_the_reserve_ties(facts: RunFacts) -> None:
    """Every witness of the sample agrees."""
    tie = tie_out(facts)
    assert tie.holds
    assert tie.differences() == ()
    assert tie.held_sats == tie.received_sats - tie.fees_sats
    assert tie.received_sats == sum(row.royalty_sats for day in facts.settled for row in day.licensees)


def _one_sat_off(facts: RunFacts, where: str) -> RunFacts:
    last = facts.reserve[-1]
    opened = ReservePoint(facts.reserve[0].at, 1, 0)
    changes: dict[str, RunFacts] = {
        "received": replace(facts, received_sats=(*facts.received_sats[:-1], facts.received_sats[-1] + 1)),
        "opening": replace(facts, reserve=(opened, *facts.reserve[1:])),
        "intake": replace(facts, reserve=(*facts.reserve[:-1], replace(last, intake_sats=last.intake_sats - 1))),
        "cold": replace(facts, reserve=(*facts.reserve[:-1], replace(last, cold_sats=last.cold_sats + 1))),
        "ledger": replace(facts, balances={**facts.balances, "assets:vault:cold": sats(last.cold_sats - 1)}),
        "booked": replace(facts, balances={**facts.balances, "income:royalty": sats(-1)}),
        "fees": replace(facts, balances={**facts.balances, "expenses:network-fees": sats(1)}),
        "sweep": replace(facts, sweeps=(replace(facts.sweeps[0], fee_sats=1), *facts.sweeps[1:])),
    }
    return changes[where]


@pytest.mark.parametrize("where", ["received", "opening", "intake", "cold", "ledger", "booked", "fees", "sweep"])
def test_one_satoshi_off_is_seen(facts: RunFacts, where: str) -> None:
    """A satoshi too many or too few with any one witness breaks the tie."""
    tie = tie_out(_one_sat_off(facts, where))
    assert not tie.ties
    assert not tie.holds
    assert tie.differences()


def test_a_pack_that_proves_less_is_seen(facts: RunFacts) -> None:
    """The books tie, but what is proven is not what is in cold."""
    verdict = replace(facts.verdict, proven_sats=facts.verdict.proven_sats - 1)
    tie = tie_out(replace(facts, verdict=verdict))
    assert tie.ties
    assert not tie.proven
    assert not tie.holds


def test_coin_days_sum_the_licensees(facts: RunFacts) -> None:
    """Expected royalty is each licensee's share of its own expectation."""
    first = coin_days(facts)[0]
    share = {licensee.id: licensee.royalty_share for licensee in facts.programme.licensees}
    rows = facts.settled[0].licensees
    assert first.paid_sats == sum(row.royalty_sats + row.licensee_sats for row in rows)
    assert first.expected_royalty_sats == round(sum(row.expected_sats * share[row.licensee] for row in rows))
    assert first.received_sats == facts.received_sats[0]


def test_the_weakest_tag_wins(facts: RunFacts) -> None:
    """E is weaker than K, K than D, D than S; a programme without figures has nothing weak in it."""
    figures = facts.programme.assumptions
    assert weakest_tag(facts.programme) == "E"
    known = tuple(figure for figure in figures if figure.tag != "E")
    assert weakest_tag(replace(facts.programme, assumptions=known)) == "K"
    assert weakest_tag(replace(facts.programme, assumptions=())) == "S"


def test_dispatch_of_days_joins_to_that_of_the_run(facts: RunFacts) -> None:
    """Cut into days and joined, the dispatch is the same again; a missing day is noticed."""
    run = facts.dispatch

    def day(number: int) -> slice:
        return slice(24 * number, 24 * number + 24)

    parts = [
        replace(
            run,
            hours=type(run.hours)(run.hours.at(24 * i), 24),
            planned_mw=run.planned_mw[:, day(i)],
            used_mw=run.used_mw[:, day(i)],
            firm_mw=run.firm_mw[:, day(i)],
            shed_mw=run.shed_mw[:, day(i)],
            energy_cost_pkr=run.energy_cost_pkr[:, day(i)],
            surplus_mw=run.surplus_mw[:, day(i)],
            forecast_mw=run.forecast_mw[:, day(i)],
        )
        for i in range(facts.days)
    ]
    joined = join_dispatch(parts)
    assert joined.hours == run.hours
    for name in ("planned_mw", "used_mw", "firm_mw", "shed_mw", "energy_cost_pkr", "surplus_mw", "forecast_mw"):
        assert np.array_equal(getattr(joined, name), getattr(run, name))
    with pytest.raises(AssertionError, match="gap"):
        join_dispatch([parts[0], parts[2]])
