"""Machine classes: work, capital and heat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.mining.machines import capital_usd_per_mw, derate_share, hashes_per_mwh
from zakhira.programme.model import MachineClass

S21 = MachineClass(
    id="s21",
    name="17.5 J/TH",
    efficiency_j_per_th=17.5,
    price_usd_per_th=8,
    infrastructure_usd_per_mw=450_000,
    pue=1.06,
    availability_share=0.95,
    opex_usd_per_mwh=5,
    derate_from_c=40,
    stop_at_c=47,
    life_years=5,
    jobs_per_mw=0.5,
    limit_mw=2000,
)


def test_work_of_2000_mw() -> None:
    """2,000 MW at 17.5 J/TH and PUE 1.06 are 108 EH/s (published figure)."""
    assert hashes_per_mwh(S21) * 2000 / 3600 / 1e18 == pytest.approx(107.8, abs=0.1)


def test_capital_of_a_megawatt() -> None:
    """1 MW / 1.06 / 17.5 J/TH = 53,908 TH/s at 8 USD and 0.45 M USD of infrastructure."""
    assert capital_usd_per_mw(S21) == pytest.approx(53_908.36 * 8 + 450_000, abs=1)


def test_heat_takes_power_linearly() -> None:
    """Full power to 40 C, half at 43.5, nothing from 47."""
    ambient = np.array([-5.0, 40.0, 43.5, 47.0, 55.0])
    assert derate_share(S21, ambient).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_a_class_may_stop_at_once() -> None:
    """With both temperatures equal the machine runs below and stands from there on."""
    sudden = replace(S21, derate_from_c=45, stop_at_c=45)
    assert derate_share(sudden, np.array([44.9, 45.0])).tolist() == [1.0, 0.0]


@given(st.lists(st.floats(-40, 60), min_size=2, max_size=20))
def test_derate_is_a_share_and_falls_with_heat(ambient: list[float]) -> None:
    """Between 0 and 1, never rising with the temperature."""
    share = derate_share(S21, np.array(sorted(ambient)))
    assert share.min() >= 0
    assert share.max() <= 1
    assert (np.diff(share) <= 0).all()
