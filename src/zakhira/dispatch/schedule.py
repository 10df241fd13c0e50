"""What dispatch decides: MW per grant and hour, and a reason for each megawatt that does not run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Floats


class ShedReason(Enum):
    """Why granted MW did not run on surplus. The order is the order of the ``reason`` axis."""

    NO_SURPLUS = "the grid had no surplus left"
    OFF_FORECAST = "the surplus was larger than forecast and there was no time to ramp up"
    HEAT = "the air was too hot for the machines"
    UPKEEP = "machines were down for upkeep"
    PRICE = "the energy cost more than the coins were worth"
    RAMP = "the site may not ramp faster"
    QUOTA = "the licensee's quota or the site's connection was full"
    UNSOLD = "the hall's GPU-hours were not sold"


@dataclass(frozen=True)
class Dispatch:
    """Hourly result for ``grants`` (in the order of ``grant_keys``, ``site/class``) over ``hours``.

    ``planned_mw``, ``used_mw``, ``firm_mw`` are [grant, hour] at the plug: scheduled on the forecast to run on surplus,
    run on surplus, and run on firm supply (halls alone). ``shed_mw`` is [grant, hour, reason]: for fleets, used + sum
    over reasons = granted MW exactly (to 1e-9). For halls the same sum holds with firm added: used + firm + shed =
    granted. ``energy_cost_pkr`` [grant, hour] is the cost of the surplus energy used (losses included).
    ``surplus_mw`` [zone, hour] is what the grid offered at the plug after losses, ``forecast_mw`` what was forecast.
    """

    hours: HourRange
    grant_keys: tuple[str, ...]
    zones: tuple[str, ...]
    planned_mw: Floats
    used_mw: Floats
    firm_mw: Floats
    shed_mw: Floats
    energy_cost_pkr: Floats
    surplus_mw: Floats
    forecast_mw: Floats
