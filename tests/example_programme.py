"""A programme built in code for tests of the core: two zones, three machine classes and an AI hall."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from zakhira.kernel.interval import HourRange
from zakhira.programme.model import (
    ForecastQuality,
    HallClass,
    Licensee,
    MachineClass,
    Network,
    Planning,
    Policy,
    Pool,
    Prices,
    Programme,
    Site,
    Zone,
)
from zakhira.programme.series import Floats, Series

START = datetime(2026, 1, 4, 19, tzinfo=UTC)


def machine(name: str, efficiency: float, price: float, limit_mw: float = 500.0) -> MachineClass:
    """A machine class with the usual estimates, but cheap buildings, so that a short horizon pays."""
    return MachineClass(name, name, efficiency, price, 50e3, 1.06, 0.95, 5.0, 40.0, 47.0, 4.0, 0.5, limit_mw)


HALL = HallClass("h100", "H100", 1.7, 2.25, 0.7, 20e6, 25.0, 0.9998, 7.0, 1.0, 10.0)


def build_programme(hours: int = 24) -> Programme:
    """Two zones with a tenth and nothing lost; sites of two licensees; the prices of June 2026."""
    return Programme(
        format_version=1,
        id="example",
        name="Example",
        time_zone="Asia/Karachi",
        horizon=HourRange(START, hours),
        run_start=START,
        cap_mw=60.0,
        chain="regtest",
        block_minutes=60,
        zones=(
            Zone("east", "East", 25.0, 68.0, "East 220 kV", 0.1, 50.0),
            Zone("west", "West", 25.0, 67.0, "West 220 kV", 0.0, 40.0),
        ),
        links=(),
        machines=(machine("s19", 21.5, 4.0), machine("s21", 17.5, 8.0), machine("s21xp", 13.5, 14.0)),
        halls=(HALL,),
        pools=(Pool("pool-a", "Pool A", 0.02, 0.003), Pool("pool-b", "Pool B", 0.0, 0.0)),
        licensees=(
            Licensee("alpha", "Alpha", 35.0, "pool-a", 0.1, 0.05),
            Licensee("beta", "Beta", 25.0, "pool-b", 0.12, 0.04),
        ),
        sites=(
            Site("alpha-east", "alpha", "east", 30.0, 0.2),
            Site("beta-east", "beta", "east", 20.0, 0.05),
            Site("alpha-west", "alpha", "west", 25.0, 0.1),
        ),
        prices=Prices(date(2026, 6, 26), 60_500.0, 283.0, 22.98, 1.0, 0.1, 80e6),
        network=Network(date(2026, 6, 26), 955_584, 984.0, 0.01),
        forecast=ForecastQuality(0.15, 0.8),
        policy=Policy((), (), (), "", (), 2, 2, 10**10, 10**6, 2, 6, 48, 0.05, ""),
        accounts=(),
        drill=None,
        assumptions=(),
        surplus_file="series/surplus.csv",
        temperature_file="series/ambient.csv",
        digest="0" * 64,
        planning=Planning(licensee_losses="allowed"),
    )


def build_series(surplus_mw: Floats, cost_pkr_per_mwh: Floats, ambient_c: Floats) -> Series:
    """Series of the two zones from arrays [zone, hour, block] and [zone, hour]."""
    return Series(("east", "west"), HourRange(START, surplus_mw.shape[1]), surplus_mw, cost_pkr_per_mwh, ambient_c)


def random_series(rng: np.random.Generator, hours: int, blocks: int = 3) -> Series:
    """Surplus with gaps, ascending costs around the margins of the machines, and some hot hours."""
    surplus = np.round(rng.gamma(2.0, 8.0, (2, hours, blocks)), 1)
    surplus[rng.random((2, hours)) < 0.25] = 0.0
    surplus[rng.random((2, hours, blocks)) < 0.1] = 0.0
    cost = np.sort(np.round(rng.uniform(0.0, 24_000.0, (2, hours, blocks))), axis=2)
    ambient = rng.choice([20.0, 38.0, 41.0, 43.0, 46.0, 48.0], size=(2, hours))
    return build_series(surplus, cost, ambient)
