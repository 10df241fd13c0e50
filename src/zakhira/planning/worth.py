"""What a granted megawatt of a class is worth: the figures that planning compares classes by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zakhira.compute import halls
from zakhira.mining import machines
from zakhira.mining.network import stated_reward_sats_per_hash
from zakhira.programme.model import HallClass, MachineClass, Planning, Prices, Programme

HOURS_PER_YEAR = 8760.0
KWH_PER_MWH = 1000.0


@dataclass(frozen=True)
class ClassWorth:
    """One class at the programme's prices, as a price taker: difficulty stays at the stated network hashrate."""

    class_id: str
    name: str
    is_hall: bool
    machine: MachineClass | None
    """Where the air's heat matters."""
    load_share: float
    """The most of a granted MW that runs: availability, and for halls the share that is sold."""
    surplus_value_usd_per_mwh: float
    """What 1 MWh of surplus is worth before its cost: a fleet's revenue less opex; a hall's saved firm tariff."""
    revenue_usd_per_mwh: float
    opex_usd_per_mwh: float
    capital_usd_per_mw: float
    annualised_capital_usd_per_mw: float
    btc_per_mwh: float
    hashes_per_mwh: float
    gpu_hours_per_mwh: float
    jobs_per_mw: float
    limit_mw: float
    year_usd_per_mw: float
    """A year's value of a granted MW that gets no surplus at all, before its capital: a hall runs on firm supply."""
    rent_usd_per_mw: float
    """A year's AI revenue of a granted MW."""
    life_years: float
    lead_years: int
    built_year: int = 0
    """Years after the horizon at which machines of this vintage are bought."""

    @property
    def base_usd_per_mw(self) -> float:
        """A year's value of a granted MW that gets no surplus at all, less a year's share of its capital."""
        return self.year_usd_per_mw - self.annualised_capital_usd_per_mw


def capital_recovery_share(discount_share: float, life_years: float) -> float:
    """The yearly payment that repays 1 of capital over its life with interest: r / (1 - (1 + r)^-n)."""
    if discount_share == 0:
        return 1.0 / life_years
    return float(discount_share / (1.0 - (1.0 + discount_share) ** -life_years))


def firm_tariff_usd_per_mwh(prices: Prices) -> float:
    """What firm supply costs at the plug."""
    return prices.firm_tariff_pkr_per_kwh * KWH_PER_MWH / prices.pkr_per_usd


def class_worths(programme: Programme, built_year: int = 0) -> tuple[ClassWorth, ...]:
    """Every machine class and hall class of the programme, halls first, each in the file's order.

    Machines bought ``built_year`` years after the horizon use less energy and cost less a terahash, as ``[planning]``
    says.
    """
    reward = stated_reward_sats_per_hash(programme.network)
    vintage = [_vintage(machine, programme.planning, built_year) for machine in programme.machines]
    worths = [_hall_worth(hall, programme.prices) for hall in programme.halls]
    worths += [_machine_worth(machine, reward, programme.prices) for machine in vintage]
    return tuple(replace(worth, built_year=built_year) for worth in worths)


def _vintage(machine: MachineClass, planning: Planning, years: int) -> MachineClass:
    """The class as the market offers it some years later."""
    return replace(
        machine,
        efficiency_j_per_th=machine.efficiency_j_per_th * (1.0 - planning.efficiency_gain_per_year) ** years,
        price_usd_per_th=machine.price_usd_per_th * (1.0 - planning.machine_price_fall_per_year) ** years,
    )


def _machine_worth(machine: MachineClass, reward_sats: float, prices: Prices) -> ClassWorth:
    btc = machines.btc_per_mwh(machine, reward_sats)
    capital = machines.capital_usd_per_mw(machine)
    annualised = capital * capital_recovery_share(prices.discount_share_per_year, machine.life_years)
    return ClassWorth(
        class_id=machine.id,
        name=machine.name,
        is_hall=False,
        machine=machine,
        load_share=machine.availability_share,
        surplus_value_usd_per_mwh=machines.margin_usd_per_mwh(machine, reward_sats, prices.btc_usd),
        revenue_usd_per_mwh=btc * prices.btc_usd,
        opex_usd_per_mwh=machine.opex_usd_per_mwh,
        capital_usd_per_mw=capital,
        annualised_capital_usd_per_mw=annualised,
        btc_per_mwh=btc,
        hashes_per_mwh=machines.hashes_per_mwh(machine),
        gpu_hours_per_mwh=0.0,
        jobs_per_mw=machine.jobs_per_mw,
        limit_mw=machine.limit_mw,
        year_usd_per_mw=0.0,
        rent_usd_per_mw=0.0,
        life_years=machine.life_years,
        lead_years=machine.lead_years,
    )


def _hall_worth(hall: HallClass, prices: Prices) -> ClassWorth:
    capital = halls.capital_usd_per_mw(hall)
    annualised = capital * capital_recovery_share(prices.discount_share_per_year, hall.life_years)
    revenue, firm = halls.revenue_usd_per_mwh(hall), firm_tariff_usd_per_mwh(prices)
    load = halls.load_share(hall)
    return ClassWorth(
        class_id=hall.id,
        name=hall.name,
        is_hall=True,
        machine=None,
        load_share=load,
        surplus_value_usd_per_mwh=firm,
        revenue_usd_per_mwh=revenue,
        opex_usd_per_mwh=hall.opex_usd_per_mwh,
        capital_usd_per_mw=capital,
        annualised_capital_usd_per_mw=annualised,
        btc_per_mwh=0.0,
        hashes_per_mwh=0.0,
        gpu_hours_per_mwh=halls.gpu_hours_per_mwh(hall),
        jobs_per_mw=hall.jobs_per_mw,
        limit_mw=hall.limit_mw,
        year_usd_per_mw=load * HOURS_PER_YEAR * (revenue - hall.opex_usd_per_mwh - firm),
        rent_usd_per_mw=load * HOURS_PER_YEAR * revenue,
        life_years=hall.life_years,
        lead_years=hall.lead_years,
    )
