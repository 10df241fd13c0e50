"""What the grid, the machines and the network do on each day of a run: the same for every run with one seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from zakhira.dispatch.decide import dispatch_hours, last_mw
from zakhira.dispatch.layout import GrantedPower
from zakhira.dispatch.schedule import Dispatch, ShedReason
from zakhira.energy.forecast import forecast_day
from zakhira.flows.ports.progress import Progress
from zakhira.kernel.canonical import Json
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import DAY_HOURS, HOUR, HourRange
from zakhira.ledger.entry import Entry
from zakhira.mining.network import first_state
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series
from zakhira.settlement.day import LicenseeDay, SettledDay
from zakhira.settlement.due import Due, dues_of_day
from zakhira.settlement.entries import entries_for_day
from zakhira.settlement.measure import MW_DECIMALS, Meter, Readings, settle_day


@dataclass(frozen=True)
class WorldDay:
    """One day: what was dispatched, what it came to, and what pools owe after it. ``due`` leaves on this day."""

    index: int
    dispatch: Dispatch
    settled: SettledDay
    due: tuple[Due, ...]

    @property
    def dispatch_json(self) -> Json:
        """The day's dispatch as a record: MW by grant and hour, and MWh shed by reason."""
        shed = self.dispatch.shed_mw.sum(axis=1)
        return {
            "start": self.dispatch.hours.start.isoformat(),
            "grants": {
                key: {
                    "planned_mw": _rounded(self.dispatch.planned_mw[row]),
                    "used_mw": _rounded(self.dispatch.used_mw[row]),
                    "firm_mw": _rounded(self.dispatch.firm_mw[row]),
                    "shed_mwh": {
                        reason.name.lower(): round(float(shed[row, place]), MW_DECIMALS)
                        for place, reason in enumerate(ShedReason)
                        if shed[row, place] > 0
                    },
                }
                for row, key in enumerate(self.dispatch.grant_keys)
            },
        }

    @property
    def settled_json(self) -> Json:
        """The day's settlement as a record."""
        return {**asdict(self.settled), "licensees": [_licensee_json(day) for day in self.settled.licensees]}

    def entries(self, at: datetime) -> tuple[Entry, ...]:
        """The day's energy and invoices as ledger entries."""
        return entries_for_day(self.settled, at)


def _licensee_json(day: LicenseeDay) -> Json:
    return {**asdict(day), "zones": [asdict(zone) for zone in day.zones]}


def _rounded(row: Floats) -> list[Json]:
    return [round(float(value), MW_DECIMALS) for value in row]


def simulate_world(
    programme: Programme, series: Series, plan: Plan, days: int, seed: int, progress: Progress
) -> tuple[WorldDay, ...]:
    """Dispatch and settle ``days`` days from the programme's run start; each day's forecast has its own random stream.

    What is dispatched is what the meters read.
    """
    granted = [GrantedPower(grant.site, grant.class_id, grant.power_mw) for grant in plan.grants]
    meters = [Meter(f"{grant.site}/{grant.class_id}", grant.licensee, grant.class_id) for grant in plan.grants]
    state = first_state(programme.network)
    running: Floats | None = None
    carried: dict[str, Due] = {}
    world: list[WorldDay] = []
    for index in range(days):
        actual = series.window(HourRange(programme.run_start + index * DAY_HOURS * HOUR, DAY_HOURS))
        forecast = forecast_day(actual, programme.forecast, seeded_rng(seed, "forecast", index))
        dispatch = dispatch_hours(programme, granted, actual, forecast, running)
        running = last_mw(dispatch)
        readings = Readings(dispatch.used_mw, dispatch.firm_mw, dispatch.energy_cost_pkr)
        settled, state = settle_day(programme, meters, readings, state, index)
        dues = dues_of_day(carried, settled)
        carried = dict(dues.carry)
        world.append(WorldDay(index, dispatch, settled, dues.pay))
        progress("dispatch and settlement", index + 1, days, "")
    return tuple(world)
