"""Other years that the horizon could be: the same plants with other water, other demand and other rooftop solar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zakhira.energy.generation import GeneratedYear, generate_year
from zakhira.energy.generation_weather import MWH_PER_GWH, calendar_of, rooftop_mw
from zakhira.energy.power_system import PowerSystem, SystemYear


def system_in_year(system: PowerSystem, year: SystemYear, seed: int) -> PowerSystem:
    """The power system with the water, the demand and the rooftop solar of ``year``.

    ``demand_gwh`` is net of rooftop solar. Factors are of what customers use, so that more solar means less from the
    grid: net = (net + rooftop) x demand factor - rooftop x solar factor, month by month, with the reference's rooftop.
    """
    calendar = calendar_of(system)
    rooftop_gwh = np.bincount(calendar.month, rooftop_mw(system, calendar, seed)) / MWH_PER_GWH
    months, figures = system.by_month, system.figures
    used_gwh = months.demand_gwh + rooftop_gwh
    return replace(
        system,
        by_month=replace(
            months,
            demand_gwh=used_gwh * year.demand_factor - rooftop_gwh * year.solar_factor,
            hydro_gwh=months.hydro_gwh * year.hydro_factor,
        ),
        figures=replace(
            figures,
            rooftop_net_metered_mw=figures.rooftop_net_metered_mw * year.solar_factor,
            rooftop_other_mw=figures.rooftop_other_mw * year.solar_factor,
        ),
    )


def generate_other_year(system: PowerSystem, year: SystemYear, seed: int) -> GeneratedYear:
    """Generate ``year`` with the weather and the outages of the same seed: what differs is what the year says.

    Raises:
        DemandNotServed: in some hour the plants cannot meet the demand.
    """
    return generate_year(system_in_year(system, year, seed), seed)
