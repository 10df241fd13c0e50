"""The power system behind a programme's surplus, as typed facts: plants, demand, the sun, water, fuel and lines."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.programme.model import Assumption
from zakhira.programme.series import Floats

REGIONS = ("south", "north")
"""The two sides of the corridor, in the order of every region axis."""


@dataclass(frozen=True)
class Technology:
    """What plants of one kind have in common. Arrays are by month of the horizon."""

    id: str
    min_load_share: float
    """Technical minimum of a unit that runs, as a share of its capacity."""
    planned_days: float
    """Planned outage of each unit, days a year."""
    forced_outage_share: float
    """Share of the other days on which a unit is broken."""
    forced_days: float
    """Mean length of a forced outage."""
    variable_om_pkr_per_kwh: float
    headroom_cost_share: float
    """Fuel cost between minimum and full load, as a share of the full-load average: a running unit's next MWh."""
    must_take_share: Floats
    """Fuel that must be burnt whatever the merit order says (take-or-pay cargoes), as a share of the capacity."""
    fuel_pkr_per_kwh: Floats
    available_share: Floats
    """What fuel or weather leaves of the capacity of units that are not out: 1 where nothing limits it. For hydro the
    water decides instead, for wind the wind."""


@dataclass(frozen=True)
class Plant:
    """A power station. ``zone`` is empty where the programme has no zone at it."""

    id: str
    name: str
    zone: str
    node: str
    region: str
    technology: str
    unit_count: int
    capacity_mw: float
    cost_offset_pkr_per_kwh: float
    """Added to the technology's fuel cost: freight, heat rate."""
    fuel_limit_share: Floats
    """What the delivery of fuel allows, as a share of the capacity, by month; 1 where nothing limits it."""

    @property
    def unit_mw(self) -> float:
        """Capacity of one unit."""
        return self.capacity_mw / self.unit_count


@dataclass(frozen=True)
class SystemZone:
    """A zone of the programme with what its ambient temperature is made of (C)."""

    id: str
    region: str
    latitude_deg: float
    summer_max_c: float
    winter_max_c: float
    day_range_c: float


@dataclass(frozen=True)
class SystemMonths:
    """What changes from month to month; every array is by month of the horizon."""

    demand_gwh: Floats
    """Generation that the grid has to deliver: net of rooftop solar."""
    hydro_gwh: Floats
    """Water power that arrives, generated or spilled."""
    clearness_share: Floats
    """Clouds, dust and fog: what they leave of a clear sky's sun."""
    hydro_peaking: Floats
    """How strongly the water follows the day's demand: 0 flat; 1 in proportion."""
    wind_share: Floats
    """Mean wind power, as a share of the wind capacity, before curtailment."""
    summer_share: Floats
    """How far the month's day has the shape of summer: 0 winter, 1 summer."""


@dataclass(frozen=True)
class SystemFigures:
    """The scalars of the system; each is a row of figures.csv with its tag, source and date."""

    utc_offset_hours: float
    south_demand_share: float
    south_rooftop_share: float
    rooftop_net_metered_mw: float
    rooftop_other_mw: float
    """Rooftop solar behind the meter that is not net-metered, as far as it displaces grid demand."""
    rooftop_performance_share: float
    solar_latitude_deg: float
    solar_noon_hour: float
    """Local clock hour at which the sun is highest."""
    sunday_demand_share: float
    weather_noise_share: float
    weather_persistence_share: float
    hour_noise_share: float
    cloud_noise_share: float
    wind_noise_share: float
    wind_persistence_share: float
    hydro_noise_share: float
    hydro_floor_share: float
    """Least hydro of an hour, as a share of its day's mean (irrigation, run of river)."""
    reserve_share: float
    """Capacity committed above the day's peak."""
    planned_from_day: float
    planned_to_day: float
    """Days of the horizon between which planned outages are taken."""
    temperature_noise_c: float
    block_1_below_pkr_per_kwh: float
    block_2_below_pkr_per_kwh: float
    offer_ceiling_pkr_per_kwh: float
    """Dearer energy is not offered as surplus."""


@dataclass(frozen=True)
class Limit:
    """A limit of the network: ``to_node`` is empty for what a node can evacuate in all."""

    id: str
    from_node: str
    to_node: str
    limit_mw: float


@dataclass(frozen=True)
class PublishedFigure:
    """A published figure that the generated year is compared with.

    ``quantity`` says what is compared: ``month_gwh`` (subject ``total`` or a technology, period like ``2026-01``),
    ``year_percent`` (subject a technology, no period) or ``profile_mw`` (subject the local hour, period a month).
    ``basis`` says how far the agreement proves anything: ``scaled`` where the generator is scaled to the figure,
    ``fitted`` where estimates were chosen with it in view, ``result`` where it comes out of the model.
    ``tolerance_share`` is the difference that is accepted.
    """

    quantity: str
    subject: str
    period: str
    label: str
    unit: str
    value: float
    basis: str
    tolerance_share: float
    tag: str
    source: str
    date: str


@dataclass(frozen=True)
class SystemYear:
    """Another year that the horizon could be, by what differs from the year of reference."""

    id: str
    name: str
    hydro_factor: float
    """Water power that arrives, over that of the reference."""
    demand_factor: float
    """What customers use, before rooftop solar, over that of the reference."""
    solar_factor: float
    """Rooftop solar over that of the reference: the grid delivers that much less."""
    weight_share: float
    """How likely the year is."""


@dataclass(frozen=True)
class PowerSystem:
    """The whole system over a horizon of whole months, first month first (``months`` are like ``2025-07``)."""

    months: tuple[str, ...]
    figures: SystemFigures
    by_month: SystemMonths
    winter_shape: Floats
    """[24] demand before rooftop solar by local hour, mean 1."""
    summer_shape: Floats
    technologies: tuple[Technology, ...]
    plants: tuple[Plant, ...]
    zones: tuple[SystemZone, ...]
    corridor: tuple[Limit, ...]
    """Lines from south to north; together they limit the flow either way."""
    evacuation: tuple[Limit, ...]
    published: tuple[PublishedFigure, ...]
    assumptions: tuple[Assumption, ...]
    """Every figure with its provenance."""
    years: tuple[SystemYear, ...] = ()
    """Years beside that of reference."""

    def technology(self, technology_id: str) -> Technology:
        """The technology with this id; validation has made sure that it is there."""
        return next(technology for technology in self.technologies if technology.id == technology_id)

    @property
    def corridor_mw(self) -> float:
        """What all lines between south and north carry together."""
        return sum(line.limit_mw for line in self.corridor)
