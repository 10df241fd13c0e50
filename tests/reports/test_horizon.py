"""The surplus of the horizon by local month and hour."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from reports.sample_run import sample_programme
from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Series
from zakhira.reports.horizon import horizon_surplus


def test_means_by_month_and_hour_are_those_of_a_plain_loop() -> None:
    """Forty days over three local months, two blocks: each cell is the mean of its hours after losses."""
    programme = sample_programme(zones=2)
    hours = HourRange(datetime(2025, 12, 20, 19, tzinfo=UTC), 24 * 45)
    rng = np.random.default_rng(1)
    surplus = rng.uniform(0, 100, size=(2, hours.count, 2))
    zones = tuple(zone.id for zone in programme.zones)
    series = Series(zones, hours, surplus, np.zeros_like(surplus), np.zeros((2, hours.count)))
    found = horizon_surplus(programme, series)
    assert found.months == ("2025-12", "2026-01", "2026-02")
    assert sum(found.hours_in_month) == hours.count
    zone = ZoneInfo(programme.time_zone)
    for month, hour in ((0, 0), (1, 13), (2, 23)):
        wanted = [
            surplus[1, i].sum() * (1 - programme.zones[1].loss_share)
            for i in range(hours.count)
            if (at := hours.at(i).astimezone(zone)).hour == hour and f"{at:%Y-%m}" == found.months[month]
        ]
        assert wanted
        assert found.mean_mw[1, month, hour] == pytest.approx(np.mean(wanted))
