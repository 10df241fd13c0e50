"""Sums over a run that several sections share: megawatts by zone, hour and reason; coins and their identity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from zakhira.dispatch.schedule import ShedReason
from zakhira.kernel.interval import DAY_HOURS
from zakhira.ledger.reserve import reserve_identity
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats
from zakhira.reports.facts import RunFacts
from zakhira.reports.horizon import local_hours

REASONS = tuple(ShedReason)


@dataclass(frozen=True)
class EnergyTotals:
    """Hourly MW of a run (an hour's MW is its MWh), summed over the grants of a zone.

    All arrays are [zone, hour] unless said otherwise; ``shed_mw`` is [zone, hour, reason].
    """

    zones: tuple[str, ...]
    zone_names: tuple[str, ...]
    granted_mw: Floats
    """[zone]"""
    surplus_mw: Floats
    mining_mw: Floats
    ai_mw: Floats
    firm_mw: Floats
    shed_mw: Floats
    hour_of_day: npt.NDArray[np.int64]
    """[hour], local"""
    dates: tuple[str, ...]
    """[hour], local"""
    energy_cost_pkr: float

    @cached_property
    def unused_mw(self) -> Floats:
        """Surplus that nobody used, [zone, hour]; never below 0 but for rounding."""
        return np.maximum(self.surplus_mw - self.mining_mw - self.ai_mw, 0.0)

    @property
    def surplus_mwh(self) -> float:
        """Surplus offered at the plug."""
        return float(self.surplus_mw.sum())

    @property
    def used_mwh(self) -> float:
        """Surplus used, mining and AI halls together."""
        return float(self.mining_mw.sum() + self.ai_mw.sum())

    @property
    def used_share(self) -> float:
        """Used over offered; 0 when nothing was offered."""
        offered = self.surplus_mwh
        return self.used_mwh / offered if offered > 0 else 0.0

    @property
    def granted_mwh(self) -> float:
        """What the granted MW could have run around the clock."""
        return float(self.granted_mw.sum() * self.surplus_mw.shape[1])

    @property
    def shed_mwh(self) -> float:
        """What they did not run, for all reasons."""
        return float(self.shed_mw.sum())

    @property
    def unexplained_mwh(self) -> float:
        """Granted less what ran and what was shed: 0 to rounding, or the dispatch does not add up."""
        return self.granted_mwh - self.used_mwh - float(self.firm_mw.sum()) - self.shed_mwh

    def by_hour_of_day(self, values: Floats) -> Floats:
        """Mean over the run's days for each local hour of day, [24], of a [hour] array; 0 for an hour never met."""
        count = np.bincount(self.hour_of_day, minlength=DAY_HOURS)
        sums = np.bincount(self.hour_of_day, weights=values, minlength=DAY_HOURS)
        mean: Floats = sums / np.maximum(count, 1)
        return mean

    def by_label(self, labels: tuple[str, ...], values: Floats) -> dict[str, float]:
        """Sums of a [hour] array by the label of each hour, in the order of first sight."""
        names = tuple(dict.fromkeys(labels))
        place = {name: i for i, name in enumerate(names)}
        index = np.array([place[label] for label in labels], dtype=np.int64)
        sums = np.bincount(index, weights=values, minlength=len(names))
        return dict(zip(names, map(float, sums), strict=True))


def _sum_by_zone(values: Floats, zone_of_grant: npt.NDArray[np.int64], zones: int) -> Floats:
    total = np.zeros((zones, *values.shape[1:]))
    np.add.at(total, zone_of_grant, values)
    return total


def _grant_zone(programme: Programme, key: str) -> str:
    site = key.split("/", 1)[0]
    return next(s.zone for s in programme.sites if s.id == site)


def energy_totals(facts: RunFacts) -> EnergyTotals:
    """Gather the dispatch of the run by zone."""
    run, programme = facts.dispatch, facts.programme
    zones = len(run.zones)
    place = {zone: i for i, zone in enumerate(run.zones)}
    zone_of = np.array([place[_grant_zone(programme, key)] for key in run.grant_keys], dtype=np.int64)
    halls = {hall.id for hall in programme.halls}
    is_hall = np.array([key.split("/", 1)[1] in halls for key in run.grant_keys], dtype=bool)
    granted = np.zeros(zones)
    for grant in facts.plan.grants:
        granted[place[grant.zone]] += grant.power_mw
    names = {zone.id: zone.name for zone in programme.zones}
    local = local_hours(run.hours, ZoneInfo(programme.time_zone))
    return EnergyTotals(
        zones=run.zones,
        zone_names=tuple(names[zone] for zone in run.zones),
        granted_mw=granted,
        surplus_mw=run.surplus_mw,
        mining_mw=_sum_by_zone(run.used_mw[~is_hall], zone_of[~is_hall], zones),
        ai_mw=_sum_by_zone(run.used_mw[is_hall], zone_of[is_hall], zones),
        firm_mw=_sum_by_zone(run.firm_mw, zone_of, zones),
        shed_mw=_sum_by_zone(run.shed_mw, zone_of, zones),
        hour_of_day=np.array([at.hour for at in local], dtype=np.int64),
        dates=tuple(f"{at:%Y-%m-%d}" for at in local),
        energy_cost_pkr=float(run.energy_cost_pkr.sum()),
    )


@dataclass(frozen=True)
class TieOut:
    """The sums that must agree to the satoshi at the end of a run, each from its own witness.

    ``opening_sats``, ``received_sats``, ``intake_sats`` and ``cold_sats`` come from the node; ``booked_sats`` (the
    royalty), ``fees_sats`` and ``ledger_sats`` (both vaults) from the ledger; ``sweep_fees_sats`` from the sweeps'
    transactions; ``proven_sats`` from the pack.
    """

    opening_sats: int
    received_sats: int
    booked_sats: int
    fees_sats: int
    sweep_fees_sats: int
    intake_sats: int
    cold_sats: int
    ledger_sats: int
    proven_sats: int

    @property
    def held_sats(self) -> int:
        """What the node shows in both vaults."""
        return self.intake_sats + self.cold_sats

    def differences(self) -> tuple[tuple[str, int], ...]:
        """Which sums differ, in words, and by how many sats; empty when everything ties."""
        flow = self.opening_sats + self.received_sats - self.fees_sats
        pairs = (
            ("received less fees is not what the vaults hold", flow - self.held_sats),
            ("the ledger is not what the vaults hold", self.ledger_sats - self.held_sats),
            ("the royalty booked is not what the node shows as received", self.booked_sats - self.received_sats),
            ("the ledger's fees are not the fees of the sweeps", self.fees_sats - self.sweep_fees_sats),
        )
        return tuple((words, off) for words, off in pairs if off)

    @property
    def ties(self) -> bool:
        """Whether opening + received - fees = intake + cold = ledger, with royalty and fees as they were booked."""
        return not self.differences()

    @property
    def proven(self) -> bool:
        """Whether cold = proven."""
        return self.cold_sats == self.proven_sats

    @property
    def holds(self) -> bool:
        """Everything agrees."""
        return self.ties and self.proven


def tie_out(facts: RunFacts) -> TieOut:
    """Put the witnesses of the reserve side by side.

    Raises:
        UnknownAccount, WrongCommodity: the balances lack an account of the reserve or it counts something else.
    """
    first, last = facts.reserve[0], facts.reserve[-1]
    books = reserve_identity(facts.balances)
    return TieOut(
        opening_sats=first.intake_sats + first.cold_sats,
        received_sats=sum(facts.received_sats),
        booked_sats=books.received_sats,
        fees_sats=books.fees_sats,
        sweep_fees_sats=sum(sweep.fee_sats for sweep in facts.sweeps),
        intake_sats=last.intake_sats,
        cold_sats=last.cold_sats,
        ledger_sats=books.backing_sats,
        proven_sats=facts.verdict.proven_sats,
    )


@dataclass(frozen=True)
class CoinDay:
    """One day of coins in sats, all licensees together.

    ``expected_royalty_sats`` is the royalty on all the work, by the difficulty formula, before rejects and pool fees.
    """

    expected_sats: int
    paid_sats: int
    expected_royalty_sats: int
    royalty_sats: int
    received_sats: int
    difficulty: float


def coin_days(facts: RunFacts) -> tuple[CoinDay, ...]:
    """The days of the run in coins."""
    share = {licensee.id: licensee.royalty_share for licensee in facts.programme.licensees}
    return tuple(
        CoinDay(
            expected_sats=sum(row.expected_sats for row in day.licensees),
            paid_sats=sum(row.paid_sats for row in day.licensees),
            expected_royalty_sats=round(sum(row.expected_sats * share[row.licensee] for row in day.licensees)),
            royalty_sats=sum(row.royalty_sats for row in day.licensees),
            received_sats=received,
            difficulty=day.difficulty,
        )
        for day, received in zip(facts.settled, facts.received_sats, strict=True)
    )


def weakest_tag(programme: Programme) -> str:
    """The weakest tag among the programme's figures: S is stronger than D, D than K, K than E."""
    return max((a.tag for a in programme.assumptions), key="SDKE".index, default="S")
