"""A coupled problem as scaled arrays with the hours last, and what the iteration asks of them: ``A w`` and ``A' y``.

Every local variable (use, surplus taken, flow, charge, discharge, state of charge) has a lower bound of 0 and an upper
bound. A variable that can only be 0 is not dropped but uncoupled: it stays in the middle of a box of its own, so that
all arrays keep their shapes and no strict interior is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.planning.coupled.problem import Battery, CoupledProblem, Indices, Link
from zakhira.programme.series import Floats

Flags: TypeAlias = npt.NDArray[np.bool_]
TINY_SHARE = 1e-9
"""Surplus and run shares below this part of the largest are left to the bounds, which see all of them."""


@dataclass(frozen=True)
class Layout:
    """The scaled problem: power in ``unit_mw``, value in ``unit_usd_per_mwh``.

    Flat vectors hold use [zone, class, hour], surplus taken [zone, block, hour], flow [link, direction, hour], charge,
    discharge and state of charge [battery, hour], one after another. ``on`` is 1 where a variable is coupled.
    ``upper`` is the fixed part of the upper bound, to which the use adds ``run_share * capacity``.
    """

    unit_mw: float
    unit_usd_per_mwh: float
    shapes: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]
    on: Floats
    all_on: bool
    upper: Floats
    cost: Floats
    run_share: Floats
    base: Floats
    pair: Indices
    rows: Floats
    capacity: Floats
    links: tuple[Link, ...]
    batteries: tuple[Battery, ...]
    live_row: Floats
    chain_starts: tuple[int, ...]
    chain_ends: tuple[int, ...]
    start_price: Floats

    @property
    def zones(self) -> int:
        """The number of zones."""
        return self.shapes[0][0]

    @property
    def hours(self) -> int:
        """The number of hours."""
        return self.shapes[0][2]

    def part(self, flat: Floats, number: int) -> Floats:
        """A view of a flat vector: 0 use, 1 surplus taken, 2 flow, 3 charge, 4 discharge, 5 state of charge."""
        return flat[self.offsets[number] : self.offsets[number + 1]].reshape(self.shapes[number])

    def balance(self, flat: Floats) -> tuple[Floats, Floats]:
        """``A w``: what flows into each plug less what flows out [zone, hour], and the same for what is stored."""
        value = flat if self.all_on else flat * self.on
        use, taken, flow, charge, discharge, stored = (self.part(value, number) for number in range(6))
        plug = taken.sum(axis=1)
        plug -= use.sum(axis=1)
        for number, link in enumerate(self.links):
            kept = 1.0 - link.loss_share
            plug[link.zone_a] += kept * flow[number, 1] - flow[number, 0]
            plug[link.zone_b] += kept * flow[number, 0] - flow[number, 1]
        store = np.empty(self.shapes[5])
        for number, battery in enumerate(self.batteries):
            plug[battery.zone] += discharge[number] - charge[number]
            store[number] = battery.charge_share * charge[number] - discharge[number] / battery.discharge_share
        store -= stored
        store[:, 1:] += stored[:, :-1]
        for start, end in zip(self.chain_starts, self.chain_ends, strict=True):
            if start:
                store[:, start] -= stored[:, start - 1]
            store[:, start] += stored[:, end - 1]
        return plug, store

    def gain(self, price: Floats, worth: Floats) -> Floats:
        """``A' y``: what the prices at the plug [zone, hour] and of stored energy [battery, hour] pay a variable."""
        flat = np.empty(self.offsets[-1])
        use, taken, flow, charge, discharge, stored = (self.part(flat, number) for number in range(6))
        np.negative(price[:, None, :], out=use[:, :1])
        use[:, 1:] = use[:, :1]
        taken[:] = price[:, None, :]
        for number, link in enumerate(self.links):
            kept = 1.0 - link.loss_share
            flow[number, 0] = kept * price[link.zone_b] - price[link.zone_a]
            flow[number, 1] = kept * price[link.zone_a] - price[link.zone_b]
        for number, battery in enumerate(self.batteries):
            charge[number] = battery.charge_share * worth[number] - price[battery.zone]
            discharge[number] = price[battery.zone] - worth[number] / battery.discharge_share
        stored[:] = self.next_hour(worth) - worth
        if not self.all_on:
            flat *= self.on
        return flat

    def next_hour(self, worth: Floats) -> Floats:
        """The figure [battery, hour] of the next hour; behind a stretch's last hour comes its first."""
        following = np.empty_like(worth)
        following[:, :-1] = worth[:, 1:]
        for start, end in zip(self.chain_starts, self.chain_ends, strict=True):
            following[:, end - 1] = worth[:, start]
        return following


def lay_out(problem: CoupledProblem, x_upper_mw: Floats) -> Layout:
    """Scale and mask a problem. ``x_upper_mw`` [column] is the most that the limits allow; columns at 0 are out."""
    links = tuple(link for link in problem.links if link.limit_mw > 0)
    batteries = tuple(battery for battery in problem.batteries if battery.power_mw > 0 and battery.energy_mwh > 0)
    zones, classes, hours = problem.run_share.shape
    blocks = problem.surplus_mw.shape[1]
    count = len(batteries)
    useful, taken_on, live = _masks(problem, x_upper_mw, links, batteries)
    unit_mw = max(float(problem.surplus_mw.max(initial=0.0)), 1e-6)
    scaled_value = problem.year_scale * problem.value_usd_per_mwh
    unit_usd = max(float(np.abs(scaled_value).max(initial=0.0)), 1e-9)
    shapes = ((zones, classes, hours), (zones, blocks, hours), (len(links), 2, hours), *((count, hours),) * 3)
    offsets = tuple(int(offset) for offset in np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)]))
    on, upper, cost = np.ones(offsets[-1]), np.ones(offsets[-1]), np.zeros(offsets[-1])
    parts = [slice(offsets[n], offsets[n + 1]) for n in range(6)]
    on[parts[0]], on[parts[1]] = useful.ravel(), taken_on.ravel()
    upper[parts[0]] = 1.0 - on[parts[0]]
    upper[parts[1]] = np.where(taken_on, problem.surplus_mw / unit_mw, 1.0).ravel()
    cost[parts[0]] = np.where(useful, -scaled_value / unit_usd, 0.0).ravel()
    cost[parts[1]] = np.where(taken_on, problem.year_scale * problem.cost_usd_per_mwh / unit_usd, 0.0).ravel()
    for number, link in enumerate(links):
        where = slice(parts[2].start + 2 * number * hours, parts[2].start + 2 * (number + 1) * hours)
        on[where], upper[where] = np.tile(live[link.zone_a], 2), link.limit_mw / unit_mw
    for number, battery in enumerate(batteries):
        for part, size in ((3, battery.power_mw), (4, battery.power_mw), (5, battery.energy_mwh)):
            where = slice(parts[part].start + number * hours, parts[part].start + (number + 1) * hours)
            on[where], upper[where] = live[battery.zone], size / unit_mw
    factor = np.maximum(np.abs(problem.limit_rows).max(axis=1, initial=0.0), 1e-12)
    return Layout(
        unit_mw=unit_mw,
        unit_usd_per_mwh=unit_usd,
        shapes=shapes,
        offsets=offsets,
        on=on,
        all_on=bool(on.all()),
        upper=upper,
        cost=cost,
        run_share=np.where(useful, problem.run_share, 0.0),
        base=problem.base_usd_per_mw / unit_usd,
        pair=problem.column_zone * classes + problem.column_class,
        rows=problem.limit_rows / factor[:, None],
        capacity=problem.limit_capacity / (factor * unit_mw),
        links=links,
        batteries=batteries,
        live_row=live.astype(np.float64),
        chain_starts=problem.chain_starts,
        chain_ends=problem.chain_ends,
        start_price=problem.year_scale * float(problem.value_usd_per_mwh.mean()) / unit_usd / 2,
    )


def _masks(
    problem: CoupledProblem, x_upper_mw: Floats, links: tuple[Link, ...], batteries: tuple[Battery, ...]
) -> tuple[Flags, Flags, Flags]:
    """Which uses [zone, class, hour], blocks [zone, block, hour] and balances [zone, hour] can be other than 0."""
    zones, classes, hours = problem.run_share.shape
    built = np.zeros((zones, classes), dtype=bool)
    open_columns = x_upper_mw > 0
    built[problem.column_zone[open_columns], problem.column_class[open_columns]] = True
    weighed = problem.year_scale > 0
    useful = (problem.run_share > TINY_SHARE) & built[:, :, None] & (problem.value_usd_per_mwh > 0) & weighed
    dearest = float(problem.value_usd_per_mwh.max(initial=0.0))
    floor_mw = TINY_SHARE * float(problem.surplus_mw.max(initial=0.0))
    taken = (problem.surplus_mw > floor_mw) & (problem.cost_usd_per_mwh < dearest) & weighed
    live = np.zeros((zones, hours), dtype=bool)
    with_battery = {battery.zone for battery in batteries}
    for members in components(zones, links):
        supply: Flags = np.any(taken[members], axis=(0, 1))
        demand: Flags = np.any(useful[members], axis=(0, 1))
        if with_battery.intersection(members):
            for start, end in zip(problem.chain_starts, problem.chain_ends, strict=True):
                live[members, start:end] = np.any(supply[start:end]) and np.any(demand[start:end])
        else:
            live[members] = supply & demand
    return useful & live[:, None, :], taken & live[:, None, :], live


def components(zones: int, links: tuple[Link, ...]) -> list[list[int]]:
    """The groups of zones that links join."""
    group = list(range(zones))
    for link in links:
        old, new = group[link.zone_a], group[link.zone_b]
        group = [new if entry == old else entry for entry in group]
    return [[zone for zone in range(zones) if group[zone] == name] for name in sorted(set(group))]
