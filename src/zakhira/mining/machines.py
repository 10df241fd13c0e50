"""What a class of mining machines makes of a megawatt at the plug."""

from __future__ import annotations

import numpy as np

from zakhira.kernel.money import SATS_PER_BTC
from zakhira.mining.economics import JOULE_PER_MWH
from zakhira.programme.model import MachineClass
from zakhira.programme.series import Floats

HASHES_PER_TH = 1e12
WATT_PER_MW = 1e6


def hashes_per_mwh(machine: MachineClass) -> float:
    """Hashes from 1 MWh at the plug; cooling takes its part through ``pue``."""
    return JOULE_PER_MWH / machine.pue / machine.efficiency_j_per_th * HASHES_PER_TH


def btc_per_mwh(machine: MachineClass, reward_sats_per_hash: float) -> float:
    """Expected bitcoin from 1 MWh at the plug."""
    return hashes_per_mwh(machine) * reward_sats_per_hash / SATS_PER_BTC


def margin_usd_per_mwh(machine: MachineClass, reward_sats_per_hash: float, btc_usd: float) -> float:
    """What 1 MWh is worth before its energy is paid: revenue less other operating cost."""
    return btc_per_mwh(machine, reward_sats_per_hash) * btc_usd - machine.opex_usd_per_mwh


def capital_usd_per_mw(machine: MachineClass) -> float:
    """Machines and infrastructure for 1 MW at the plug."""
    th_per_s = WATT_PER_MW / machine.pue / machine.efficiency_j_per_th
    return th_per_s * machine.price_usd_per_th + machine.infrastructure_usd_per_mw


def derate_share(machine: MachineClass, ambient_c: Floats) -> Floats:
    """The share of its power that a machine may draw at this air temperature.

    1 up to ``derate_from_c``, falling linearly to 0 at ``stop_at_c`` (makers' data: S21 from 40 to 47 C).
    """
    span_c = machine.stop_at_c - machine.derate_from_c
    if span_c <= 0:
        return np.where(ambient_c < machine.stop_at_c, 1.0, 0.0)
    return np.clip((machine.stop_at_c - ambient_c) / span_c, 0.0, 1.0)
