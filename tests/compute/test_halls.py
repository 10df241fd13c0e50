"""AI halls: load, work and revenue of a megawatt."""

from __future__ import annotations

import pytest

from zakhira.compute.halls import capital_usd_per_mw, gpu_hours_per_mwh, load_share, revenue_usd_per_mwh
from zakhira.programme.model import HallClass

H100 = HallClass("h100", "H100", 1.7, 2.25, 0.7, 35e6, 50.0, 0.9998, 5, 1.0, 100)


def test_published_revenue_of_a_megawatt() -> None:
    """At 2.25 USD per GPU-hour and 70% sold, about 925 USD for each MW and hour (published figure)."""
    assert revenue_usd_per_mwh(H100) * H100.sold_share == pytest.approx(926.5, abs=0.1)


def test_load_and_work() -> None:
    """The load follows what is sold and available; 1 MWh serves 588 GPU-hours."""
    assert load_share(H100) == pytest.approx(0.69986)
    assert gpu_hours_per_mwh(H100) == pytest.approx(588.24, abs=0.01)
    assert capital_usd_per_mw(H100) == 35e6
