"""Day-ahead forecasts of surplus: what really comes, off by a seeded relative error that starts anew each day."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from zakhira.programme.model import ForecastQuality
from zakhira.programme.series import Floats, Series


def relative_error(zones: int, hours: int, quality: ForecastQuality, rng: np.random.Generator) -> Floats:
    """First-order autoregressive errors [zone, hour] of standard deviation ``error_share``, independent between zones.

    e(0) = s z(0); e(h) = p e(h-1) + s sqrt(1 - p^2) z(h), with p the persistence: the spread is the same in every hour.
    """
    noise = rng.standard_normal((zones, hours))
    innovation = math.sqrt(max(0.0, 1.0 - quality.persistence_share**2))
    error = np.empty((zones, hours))
    for hour in range(hours):
        kept = (
            noise[:, 0] if hour == 0 else quality.persistence_share * error[:, hour - 1] + innovation * noise[:, hour]
        )
        error[:, hour] = kept
    return quality.error_share * error


def forecast_day(actual: Series, quality: ForecastQuality, rng: np.random.Generator) -> Series:
    """The day-ahead forecast for one local day: ``actual`` is the day's window, ``rng`` the day's own random stream.

    All cost blocks of a zone and hour are off by the same share; costs and temperatures are known. Never negative.
    """
    error = relative_error(len(actual.zones), actual.hours.count, quality, rng)
    factor = np.maximum(0.0, 1.0 + error)
    return replace(actual, surplus_mw=actual.surplus_mw * factor[:, :, None])
