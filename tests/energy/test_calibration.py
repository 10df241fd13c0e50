"""The comparison with published figures: arithmetic by hand, and the committed year within its stated tolerances."""

from __future__ import annotations

import numpy as np
import pytest

from zakhira.energy.calibration import CalibrationRow, calibrate, mean_day_mw
from zakhira.energy.generation import GeneratedYear
from zakhira.energy.power_system import PowerSystem


def test_the_committed_year_keeps_its_tolerances(system: PowerSystem, year: GeneratedYear) -> None:
    """Every published figure is compared, and the difference is within what its row accepts."""
    rows = calibrate(system, year).rows
    assert len(rows) == len(system.published) == 18
    assert [row.label for row in rows if not row.within] == []


def test_monthly_generation_is_scaled_exactly(system: PowerSystem, year: GeneratedYear) -> None:
    """The five published months of total generation are met to a part in a thousand."""
    rows = [row for row in calibrate(system, year).rows if row.label.startswith("All generation")]
    assert [row.published for row in rows] == [14123, 14218, 12592, 9886, 9140]
    for row in rows:
        assert row.basis == "scaled"
        assert row.generated == pytest.approx(row.published, rel=1e-3)


def test_january_has_its_trough_at_13_and_its_peak_at_18(system: PowerSystem, year: GeneratedYear) -> None:
    """The mean day of January: least load at 13:00, most at 18:00, both within 5% of the published day."""
    comparison = calibrate(system, year)
    profile = np.array(comparison.profile_mw)
    assert comparison.profile_month == "2026-01"
    assert (int(profile.argmin()), int(profile.argmax())) == (13, 18)
    assert comparison.published_profile_mw == ((13, 8650.0), (18, 15669.0))
    assert profile.min() == pytest.approx(8650, rel=0.05)
    assert profile.max() == pytest.approx(15669, rel=0.05)


def test_figures_are_those_of_the_run(system: PowerSystem, year: GeneratedYear) -> None:
    """Imported coal in January and nuclear's share of the year, summed here from the plants once more."""
    by_label = {row.label: row for row in calibrate(system, year).rows}
    output, month = year.run.output_mw, year.calendar.month
    coal = [index for index, plant in enumerate(system.plants) if plant.technology == "imported-coal"]
    january = month == system.months.index("2026-01")
    assert by_label["Imported coal, January 2026"].generated == pytest.approx(output[coal][:, january].sum() / 1000)
    nuclear = [index for index, plant in enumerate(system.plants) if plant.technology == "nuclear"]
    share = 100 * output[nuclear].sum() / output.sum()
    assert by_label["Nuclear, share of the year"].generated == pytest.approx(share)


def test_the_mean_day_keeps_the_energy(system: PowerSystem, year: GeneratedYear) -> None:
    """31 mean days of January are January's generation."""
    assert mean_day_mw(system, year, "2026-01").sum() * 31 / 1000 == pytest.approx(9140, rel=1e-6)


@pytest.mark.parametrize(("difference", "within"), [(0.05, True), (-0.05, True), (0.051, False), (-0.2, False)])
def test_tolerance_counts_both_ways(difference: float, *, within: bool) -> None:
    row = CalibrationRow("x", "GWh", 100.0, 100.0, difference, "S", "source", "", "result", 0.05)
    assert row.within is within
