"""A day's settlement against hand computation, and its sums."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_programme import build_programme
from zakhira.kernel.ids import seeded_rng
from zakhira.mining.network import first_state
from zakhira.programme.model import Programme
from zakhira.settlement.day import ZoneEnergy
from zakhira.settlement.measure import Meter, Readings, ReadingsDoNotFit, UnknownMeter, settle_day, share_of

METERS = (
    Meter("alpha-east/s21", "alpha", "s21"),
    Meter("beta-east/s19", "beta", "s19"),
    Meter("alpha-west/h100", "alpha", "h100"),
)


def _readings(used: list[float], firm: list[float], cost: list[float], hours: int = 24) -> Readings:
    """The same MW in every hour."""
    shape = (1, hours)
    return Readings(*(np.tile(np.array(values)[:, None], shape) for values in (used, firm, cost)))


def test_a_day_by_hand(programme: Programme) -> None:
    """10 MW of 17.5 J/TH, 6 MW of 21.5 J/TH and a hall of 1 MW on surplus and 1 on firm supply, for a day."""
    state = first_state(programme.network)
    readings = _readings([10.0, 6.0, 1.0], [0.0, 0.0, 1.0], [20_000.0, 9_000.0, 1_500.0])
    day, after = settle_day(programme, METERS, readings, state, 3)
    alpha, beta = day.licensees
    per_hash = 312_500_000 * 1.01 / (state.difficulty * 2**32)
    work = 240 * 3.6e9 / 1.06 / 17.5 * 1e12
    assert (day.day, day.height, day.difficulty) == (3, 955_584, state.difficulty)
    assert (alpha.licensee, alpha.pool) == ("alpha", "pool-a")
    assert alpha.energy_mwh == pytest.approx(264.0)
    assert alpha.zones == (ZoneEnergy("east", 240_000_000), ZoneEnergy("west", 24_000_000))
    assert beta.zones == (ZoneEnergy("east", 144_000_000),)
    assert alpha.work_hashes == pytest.approx(work)
    assert alpha.expected_sats == int(work * per_hash)
    assert alpha.paid_sats == pytest.approx(alpha.expected_sats * 0.997 * 0.98, abs=1)
    assert alpha.royalty_sats == alpha.paid_sats // 10
    assert alpha.licensee_sats == alpha.paid_sats - alpha.royalty_sats
    assert alpha.energy_paisa == (24 * 21_500 + 264_000) * 100
    assert alpha.gpu_hours == pytest.approx(48 * 1000 / 1.7)
    assert alpha.rent_cents == round(48 * 1000 / 1.7 * 2.25 * 0.05 * 100)
    assert (beta.gpu_hours, beta.rent_cents) == (0, 0)
    assert beta.paid_sats == beta.expected_sats
    assert beta.royalty_sats == beta.paid_sats * 12 // 100
    assert after.height - 955_584 == pytest.approx(144, abs=1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_parts_sum_and_days_chain(seed: int) -> None:
    """Pay is split without loss, never above what the formula gives; and two days are one run of the network."""
    programme = build_programme()
    rng = seeded_rng(seed, "settle")
    used = rng.uniform(0, 4000, (3, 48))
    readings = Readings(used, np.zeros_like(used), used * 1000)
    first = Readings(used[:, :24], np.zeros((3, 24)), used[:, :24] * 1000)
    second = Readings(used[:, 24:], np.zeros((3, 24)), used[:, 24:] * 1000)
    state = first_state(replace(programme.network, height=955_584 + 2016 - 200))
    whole, end = settle_day(programme, METERS, readings, state, 0)
    one, between = settle_day(programme, METERS, first, state, 0)
    two, last = settle_day(programme, METERS, second, between, 1)
    assert last == end
    for item in (*whole.licensees, *one.licensees, *two.licensees):
        assert 0 <= item.royalty_sats + item.licensee_sats == item.paid_sats <= item.expected_sats
    for a, b, c in zip(whole.licensees, one.licensees, two.licensees, strict=True):
        assert a.work_hashes == pytest.approx(b.work_hashes + c.work_hashes)
        assert abs(a.expected_sats - b.expected_sats - c.expected_sats) <= 1


def test_a_licensee_without_a_meter_has_no_day(programme: Programme) -> None:
    """Only who has a meter is settled, and a day without work pays nothing."""
    day, _ = settle_day(programme, METERS[1:2], _readings([0.0], [0.0], [0.0]), first_state(programme.network), 0)
    [beta] = day.licensees
    assert (beta.licensee, beta.expected_sats, beta.paid_sats, beta.energy_paisa) == ("beta", 0, 0, 0)


@pytest.mark.parametrize(
    "meter",
    [Meter("alpha-east/s21", "nobody", "s21"), Meter("alpha-east/s99", "alpha", "s99"), Meter("x/s21", "alpha", "s21")],
)
def test_unknown_meters_are_refused(meter: Meter, programme: Programme) -> None:
    """A licensee or a class of another programme."""
    with pytest.raises(UnknownMeter, match="ZK-SETTLEMENT-001"):
        settle_day(programme, [meter], _readings([0.0], [0.0], [0.0]), first_state(programme.network), 0)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_readings_must_be_readings(bad: float, programme: Programme) -> None:
    """A negative reading and one that is not a number."""
    with pytest.raises(ReadingsDoNotFit, match="ZK-SETTLEMENT-002"):
        settle_day(programme, METERS[:1], _readings([bad], [0.0], [0.0]), first_state(programme.network), 0)


def test_each_meter_has_its_row(programme: Programme) -> None:
    """Two meters and one row of readings."""
    with pytest.raises(ReadingsDoNotFit, match="2 meters"):
        settle_day(programme, METERS[:2], _readings([1.0], [0.0], [0.0]), first_state(programme.network), 0)


@given(st.integers(0, 21 * 10**14), st.integers(0, 1000))
def test_shares_are_taken_as_written(units: int, per_mille: int) -> None:
    """A share written in thousandths is exact, however large the amount."""
    assert share_of(units, per_mille / 1000) == int(units * Fraction(per_mille, 1000))
