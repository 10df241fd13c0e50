"""Dispatch: limits that are never broken, sums that are exact, halls before miners, and a reason for every megawatt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_programme import START, build_programme, build_series, random_series
from zakhira.dispatch.decide import HoursDoNotFit, dispatch_hours, last_mw
from zakhira.dispatch.layout import GrantedPower, UnknownGrant
from zakhira.dispatch.schedule import Dispatch, ShedReason
from zakhira.energy.forecast import forecast_day
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import HourRange
from zakhira.programme.model import ForecastQuality, Programme
from zakhira.programme.series import Floats, Series

REASONS = list(ShedReason)
COOL_C = 20.0


def _shed(dispatch: Dispatch, key: str, reason: ShedReason) -> Floats:
    return dispatch.shed_mw[dispatch.grant_keys.index(key), :, REASONS.index(reason)]


def _used(dispatch: Dispatch, key: str) -> list[float]:
    values: list[float] = dispatch.used_mw[dispatch.grant_keys.index(key)].tolist()
    return values


def _flat(hours: int, west_mw: float, cost: float = 1000.0, ambient_c: float = COOL_C) -> Series:
    """Surplus in the west alone, in one block."""
    surplus = np.zeros((2, hours, 1))
    surplus[1] = west_mw
    return build_series(surplus, np.full((2, hours, 1), cost), np.full((2, hours), ambient_c))


def _random_case(seed: int, hours: int) -> tuple[Programme, list[GrantedPower], Series, Series]:
    """Random grants (some above limits), ramps, surplus and a poor forecast."""
    rng = seeded_rng(seed, "dispatch")
    base = build_programme()
    ramps = rng.choice([0.005, 0.02, 0.05, 0.2], size=len(base.sites))
    sites = tuple(replace(s, ramp_share_per_5min=float(r)) for s, r in zip(base.sites, ramps, strict=True))
    classes = [item.id for item in base.halls] + [item.id for item in base.machines]
    granted = [
        GrantedPower(site.id, class_id, float(np.round(rng.uniform(0, 14), 3)))
        for site in sites
        for class_id in classes
        if rng.random() < 0.7
    ]
    actual = random_series(rng, hours)
    forecast = forecast_day(actual, ForecastQuality(0.5, 0.6), rng)
    return replace(base, sites=sites), granted, actual, forecast


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6), hours=st.integers(1, 24))
def test_limits_hold_and_sums_are_exact(seed: int, hours: int) -> None:
    """Never above surplus, quota, connection or ramp; every granted MW ran or has its reasons."""
    programme, granted, actual, forecast = _random_case(seed, hours)
    result = dispatch_hours(programme, granted, actual, forecast)
    granted_mw = np.array([grant.power_mw for grant in granted])
    ran = result.used_mw + result.firm_mw
    assert (result.used_mw >= 0).all()
    assert (result.firm_mw >= 0).all()
    assert result.shed_mw.min(initial=0) >= 0
    assert np.allclose(ran + result.shed_mw.sum(axis=2), granted_mw[:, None], rtol=0, atol=1e-9)
    halls = {item.id for item in programme.halls}
    is_fleet = np.array([grant.class_id not in halls for grant in granted], dtype=bool)
    assert not result.firm_mw[is_fleet].any()
    site_of = {site.id: site for site in programme.sites}
    for zone_index, zone in enumerate(programme.zones):
        rows = [i for i, grant in enumerate(granted) if site_of[grant.site].zone == zone.id]
        for series_mw, offered in ((result.used_mw, result.surplus_mw), (result.planned_mw, result.forecast_mw)):
            assert (series_mw[rows].sum(axis=0) <= offered[zone_index] + 1e-9).all()
    for site in programme.sites:
        at_site = ran[[i for i, grant in enumerate(granted) if grant.site == site.id]].sum(axis=0)
        assert (at_site <= site.connection_mw + 1e-9).all()
        rise = np.diff(np.r_[0.0, at_site])
        assert (rise <= 12 * site.ramp_share_per_5min * site.connection_mw + 1e-9).all()
    for licensee in programme.licensees:
        rows = [i for i, grant in enumerate(granted) if site_of[grant.site].licensee == licensee.id]
        assert (ran[rows].sum(axis=0) <= licensee.quota_mw + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), hours=st.integers(2, 24), cut=st.integers(1, 23))
def test_days_may_be_cut_anywhere(seed: int, hours: int, cut: int) -> None:
    """Two calls that carry the last hour's MW over, or a repetition, give what one call gives, to the last bit."""
    cut = min(cut, hours - 1)
    programme, granted, actual, forecast = _random_case(seed, hours)
    whole = dispatch_hours(programme, granted, actual, forecast)
    again = dispatch_hours(programme, granted, actual, forecast)
    head, tail = HourRange(START, cut), HourRange(actual.hours.at(cut), hours - cut)
    first = dispatch_hours(programme, granted, actual.window(head), forecast.window(head))
    second = dispatch_hours(programme, granted, actual.window(tail), forecast.window(tail), last_mw(first))
    for name in ("planned_mw", "used_mw", "firm_mw", "shed_mw", "energy_cost_pkr", "surplus_mw", "forecast_mw"):
        assert np.array_equal(getattr(whole, name), getattr(again, name))
        assert np.array_equal(np.concatenate([getattr(first, name), getattr(second, name)], 1), getattr(whole, name))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_cheap_surplus_is_left_while_somebody_waits_for_it(seed: int) -> None:
    """A fleet that is told 'no surplus' or 'too dear' stands in a zone whose affordable surplus is used up."""
    programme, granted, actual, forecast = _random_case(seed, 12)
    result = dispatch_hours(programme, granted, actual, forecast)
    zone_of = {site.id: site.zone for site in programme.sites}
    for zone_index, zone in enumerate(programme.zones):
        rows = [i for i, grant in enumerate(granted) if zone_of[grant.site] == zone.id]
        used = result.used_mw[rows].sum(axis=0)
        starved = result.shed_mw[rows][:, :, REASONS.index(ShedReason.NO_SURPLUS)].sum(axis=0)
        dear = result.shed_mw[rows][:, :, REASONS.index(ShedReason.PRICE)].sum(axis=0)
        left = result.surplus_mw[zone_index] - used
        assert (dear <= left + 1e-9).all()
        held = result.shed_mw[rows][:, :, [REASONS.index(ShedReason.RAMP), REASONS.index(ShedReason.OFF_FORECAST)]]
        free = (starved > 1e-6) & (held.sum(axis=(0, 2)) < 1e-9)
        assert np.allclose(left[free], dear[free], atol=1e-6)


def test_halls_go_before_miners(programme: Programme) -> None:
    """10 MW of surplus for a hall of 8 MW and a fleet of 8 MW: the hall's load first, the rest to the miners."""
    granted = [GrantedPower("alpha-west", "s21", 8.0), GrantedPower("alpha-west", "h100", 8.0)]
    series = _flat(1, 10.0)
    result = dispatch_hours(programme, granted, series, series)
    load = 8 * 0.7 * 0.9998
    assert _used(result, "alpha-west/h100") == [pytest.approx(load)]
    assert _used(result, "alpha-west/s21") == [pytest.approx(10 - load)]
    assert result.firm_mw.max() == 0
    assert _shed(result, "alpha-west/h100", ShedReason.UNSOLD)[0] == pytest.approx(8 * 0.9998 * 0.3)
    assert _shed(result, "alpha-west/h100", ShedReason.UPKEEP)[0] == pytest.approx(8 * 0.0002)
    assert _shed(result, "alpha-west/s21", ShedReason.NO_SURPLUS)[0] == pytest.approx(8 * 0.95 - (10 - load))
    assert _shed(result, "alpha-west/s21", ShedReason.UPKEEP)[0] == pytest.approx(0.4)


def test_halls_run_on_firm_supply_without_surplus(programme: Programme) -> None:
    """No surplus, and surplus dearer than the firm tariff: the hall's load is all firm."""
    granted = [GrantedPower("alpha-west", "h100", 8.0)]
    for series in (_flat(1, 0.0), _flat(1, 50.0, cost=23_000.0)):
        result = dispatch_hours(programme, granted, series, series)
        assert result.used_mw.max() == 0
        assert result.firm_mw[0, 0] == pytest.approx(8 * 0.7 * 0.9998)
        assert result.energy_cost_pkr.max() == 0


def test_better_fleets_go_first_and_pay_for_the_cheaper_block(programme: Programme) -> None:
    """Blocks of 5 MW at 1,000 and 5 MW at 9,000: the best class takes the cheap one, the next what it can pay."""
    granted = [GrantedPower("alpha-west", "s21", 10.0), GrantedPower("alpha-west", "s21xp", 5.0 / 0.95)]
    surplus = np.zeros((2, 1, 2))
    surplus[1, 0] = 5.0
    series = build_series(surplus, np.array([[[1000.0, 9000.0]]] * 2), np.full((2, 1), COOL_C))
    result = dispatch_hours(programme, granted, series, series)
    assert _used(result, "alpha-west/s21xp") == [pytest.approx(5.0)]
    assert _used(result, "alpha-west/s21") == [pytest.approx(5.0)]
    assert result.energy_cost_pkr[:, 0].tolist() == [pytest.approx(45_000), pytest.approx(5_000)]


def test_dear_surplus_is_refused_for_its_price(programme: Programme) -> None:
    """At 17,000 PKR/MWh neither class pays; the 4 MW on offer are shed for price, and the rest for want of surplus."""
    granted = [GrantedPower("alpha-west", "s21", 8.0), GrantedPower("alpha-west", "s19", 8.0)]
    series = _flat(1, 4.0, cost=17_000.0)
    result = dispatch_hours(programme, granted, series, series)
    assert result.used_mw.max() == 0
    prices = result.shed_mw[:, 0, REASONS.index(ShedReason.PRICE)]
    assert prices.sum() == pytest.approx(4.0)
    assert result.shed_mw[:, 0, REASONS.index(ShedReason.NO_SURPLUS)].sum() == pytest.approx(2 * 7.6 - 4.0)
    richer = dispatch_hours(programme, granted, series, series, reward_sats_per_hash=1e-12)
    assert richer.used_mw.sum() == pytest.approx(4.0)


def test_heat_takes_machines_down_and_leaves_halls(programme: Programme) -> None:
    """At 43.5 C half of what is fit stands still for heat; a hall has its own cooling."""
    granted = [GrantedPower("alpha-west", "s21", 8.0), GrantedPower("alpha-west", "h100", 1.0)]
    series = _flat(1, 30.0, ambient_c=43.5)
    result = dispatch_hours(programme, granted, series, series)
    assert _used(result, "alpha-west/s21") == [pytest.approx(3.8)]
    assert _shed(result, "alpha-west/s21", ShedReason.HEAT)[0] == pytest.approx(3.8)
    assert _shed(result, "alpha-west/h100", ShedReason.HEAT)[0] == 0


def test_ramp_binds_upwards_and_a_fall_is_obeyed_at_once(programme: Programme) -> None:
    """25 MW at 1% in five minutes rise by 3 MW an hour; when the surplus falls the site is down at once."""
    sites = tuple(replace(site, ramp_share_per_5min=0.01) for site in programme.sites)
    slow = replace(programme, sites=sites)
    granted = [GrantedPower("alpha-west", "s21", 10.0)]
    series = _flat(6, 20.0)
    series.surplus_mw[1, 4] = 1.0
    result = dispatch_hours(slow, granted, series, series)
    assert _used(result, "alpha-west/s21") == pytest.approx([3.0, 6.0, 9.0, 9.5, 1.0, 4.0])
    assert _shed(result, "alpha-west/s21", ShedReason.RAMP).tolist() == pytest.approx([6.5, 3.5, 0.5, 0, 0, 5.5])
    assert _shed(result, "alpha-west/s21", ShedReason.NO_SURPLUS).tolist() == pytest.approx([0, 0, 0, 0, 8.5, 0])


def test_more_surplus_than_forecast_is_followed_as_far_as_the_ramp(programme: Programme) -> None:
    """9.5 MW ran; nothing was forecast, yet 20 MW come: the site keeps 3 MW above its schedule of nothing."""
    sites = tuple(replace(site, ramp_share_per_5min=0.01) for site in programme.sites)
    slow = replace(programme, sites=sites)
    granted = [GrantedPower("alpha-west", "s21", 10.0)]
    result = dispatch_hours(slow, granted, _flat(1, 20.0), _flat(1, 0.0), np.array([9.5]))
    assert result.planned_mw.max() == 0
    assert _used(result, "alpha-west/s21") == pytest.approx([3.0])
    assert _shed(result, "alpha-west/s21", ShedReason.OFF_FORECAST).tolist() == pytest.approx([6.5])
    assert _shed(result, "alpha-west/s21", ShedReason.RAMP).tolist() == [0]


def test_less_surplus_than_forecast_sheds_at_once(programme: Programme) -> None:
    """20 MW were forecast and 2 come: 2 run, though 9.5 were planned."""
    granted = [GrantedPower("alpha-west", "s21", 10.0)]
    result = dispatch_hours(programme, granted, _flat(1, 2.0), _flat(1, 20.0))
    assert result.planned_mw[0, 0] == pytest.approx(9.5)
    assert _used(result, "alpha-west/s21") == pytest.approx([2.0])


def test_sites_share_pro_rata_and_take_over_what_another_cannot(programme: Programme) -> None:
    """12 MW at the plug for grants of 20 and 10: 8 and 4. Held to 3 MW by its ramp, the second leaves the rest."""
    granted = [GrantedPower("alpha-east", "s21", 20.0), GrantedPower("beta-east", "s21", 10.0)]
    surplus = np.zeros((2, 1, 1))
    surplus[0] = 12.0 / 0.9
    series = build_series(surplus, np.full((2, 1, 1), 1000.0), np.full((2, 1), COOL_C))
    even = dispatch_hours(programme, granted, series, series)
    assert even.used_mw[:, 0].tolist() == pytest.approx([8.0, 4.0])
    sites = tuple(replace(s, ramp_share_per_5min=0.0125 if s.id == "beta-east" else 0.2) for s in programme.sites)
    held = dispatch_hours(replace(programme, sites=sites), granted, series, series)
    assert held.used_mw[:, 0].tolist() == pytest.approx([9.0, 3.0])
    assert held.surplus_mw[0, 0] == pytest.approx(12.0)
    assert held.energy_cost_pkr.sum() == pytest.approx(12.0 * 1000 / 0.9)


def test_grants_above_a_connection_or_quota_are_cut_with_their_reason(programme: Programme) -> None:
    """50 MW at a connection of 25 MW: half is shed for quota, before anything else."""
    granted = [GrantedPower("alpha-west", "s21", 50.0)]
    series = _flat(1, 200.0)
    result = dispatch_hours(programme, granted, series, series)
    assert _shed(result, "alpha-west/s21", ShedReason.QUOTA)[0] == pytest.approx(25.0)
    assert _used(result, "alpha-west/s21") == [pytest.approx(25 * 0.95)]


def test_nothing_granted(programme: Programme) -> None:
    """A programme without grants dispatches nothing and still tells the surplus."""
    series = _flat(3, 10.0)
    result = dispatch_hours(programme, [], series, series)
    assert result.used_mw.shape == (0, 3)
    assert result.shed_mw.shape == (0, 3, len(REASONS))
    assert result.surplus_mw[1].tolist() == [10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    "grants",
    [
        [GrantedPower("nowhere", "s21", 1.0)],
        [GrantedPower("alpha-west", "s99", 1.0)],
        [GrantedPower("alpha-west", "s21", 1.0), GrantedPower("alpha-west", "s21", 2.0)],
    ],
)
def test_grants_of_another_programme_are_refused(grants: list[GrantedPower], programme: Programme) -> None:
    """An unknown site, an unknown class, and one class twice at one site."""
    series = _flat(1, 10.0)
    with pytest.raises(UnknownGrant, match="ZK-DISPATCH-001"):
        dispatch_hours(programme, grants, series, series)


def test_hours_and_previous_must_fit(programme: Programme) -> None:
    """A forecast of other hours, and previous MW of another number of grants."""
    granted = [GrantedPower("alpha-west", "s21", 1.0)]
    with pytest.raises(HoursDoNotFit, match="ZK-DISPATCH-002"):
        dispatch_hours(programme, granted, _flat(2, 10.0), _flat(1, 10.0))
    with pytest.raises(HoursDoNotFit):
        dispatch_hours(programme, granted, _flat(2, 10.0), _flat(2, 10.0), np.zeros(2))
