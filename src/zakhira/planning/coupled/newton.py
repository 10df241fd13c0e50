"""One Newton step: eliminate every hour's variables, then the prices, then solve a dense system for the capacities.

With ``h = lower dual / value + upper dual / slack`` of a variable, its step is ``(A' dy + r) / h``. That leaves for
the prices ``N dy = right + B dX`` with ``N = A diag(1/h) A'``: one small block per hour for the plugs, and a band
for the stored energy after the plugs are eliminated. What remains for the capacities, ``D + B' N^-1 B``, is a sum
of positive terms. The states of charge that close a stretch of hours stand beside the capacities, so that the band
stays a band.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import lapack

from zakhira.kernel.errors import OutsideFailure
from zakhira.planning.coupled.elimination import Entries, HourFactor, Pattern, factor_hours
from zakhira.planning.coupled.layout import Layout
from zakhira.planning.coupled.state import Direction, State, Targets
from zakhira.programme.series import Floats

REGULAR_SHARE = 1e-13
"""What is added to the band's diagonal, as a part of it, before it is factored; more each time it fails."""
MAX_TRIES = 6
ROUNDING_SHARE = 1e-6
"""A step whose balances are open by more than this part of the products' sum is refined."""


class NewtonFailed(OutsideFailure):
    """The linear system of a step cannot be factored."""

    code = "ZK-PLANNING-042"


@dataclass
class Newton:
    """The factored system at a state, ready to give directions for several targets."""

    layout: Layout
    state: State
    pattern: Pattern
    theta: Floats = field(init=False)
    share: Floats = field(init=False)
    hours: HourFactor = field(init=False)
    border: Floats = field(init=False)
    coupling: Floats = field(init=False)
    crossing: Floats = field(init=False)
    band: Floats = field(init=False)
    dense: Floats = field(init=False)
    dense_scale: Floats = field(init=False)

    def __post_init__(self) -> None:
        layout, state = self.layout, self.state
        below = state.lower_dual / state.value
        above = state.upper_dual / state.slack
        self.theta = 1.0 / (below + above)
        uses = slice(layout.offsets[0], layout.offsets[1])
        self.share = (above[uses] * self.theta[uses]).reshape(layout.shapes[0])
        self.share *= layout.run_share
        zones, classes, _ = layout.shapes[0]
        curvature = layout.part(below, 0) * self.share
        capacity_terms = np.einsum("zkh,zkh->zk", curvature, layout.run_share).ravel()
        self.coupling = self.share if layout.all_on else self.share * layout.part(layout.on, 0)
        diagonal, links = self._plug_entries()
        self.hours = factor_hours(self.pattern, diagonal, links)
        inverse = self.hours.inverse()
        pairs = zones * classes
        schur = np.diag(capacity_terms)
        weighted = schur.reshape(zones, classes, zones, classes)
        for (first, second), entry in inverse.items():
            if first <= second:
                block = self.coupling[first] @ (self.coupling[second] * entry).T
                weighted[first, :, second, :] += block
                if first != second:
                    weighted[second, :, first, :] += block.T
        self._eliminate_store(inverse, schur, pairs)

    def _plug_entries(self) -> tuple[Floats, Entries]:
        """The plugs' block of ``N``: its diagonal [zone, hour], and the entries between joined zones."""
        layout = self.layout
        coupled = self.theta if layout.all_on else self.theta * layout.on
        use, taken, flow, charge, discharge, _ = (layout.part(coupled, number) for number in range(6))
        diagonal = use.sum(axis=1)
        diagonal += taken.sum(axis=1)
        entries: Entries = {}
        for number, link in enumerate(layout.links):
            kept, (out, back) = 1.0 - link.loss_share, flow[number]
            diagonal[link.zone_a] += out + kept**2 * back
            diagonal[link.zone_b] += back + kept**2 * out
            key = (link.zone_a, link.zone_b)
            between = -kept * (out + back)
            entries[key] = entries[key] + between if key in entries else between
        for number, battery in enumerate(layout.batteries):
            diagonal[battery.zone] += charge[number] + discharge[number]
        diagonal += 1.0 - layout.live_row
        return diagonal, entries

    def _eliminate_store(self, inverse: Entries, schur: Floats, pairs: int) -> None:
        """Eliminate the stored energy's prices, and put the dense system for the capacities together."""
        layout, state = self.layout, self.state
        count, stretches = len(layout.batteries), len(layout.chain_starts)
        size = pairs + count * stretches
        full = np.zeros((size, size))
        full[:pairs, :pairs] = schur
        if count:
            self._factor_band(inverse)
            self._add_store_terms(full, inverse, pairs)
        columns = len(layout.base)
        spread = np.zeros((size, columns + size - pairs))
        spread[layout.pair, np.arange(columns)] = 1.0
        spread[pairs:, columns:] = np.eye(size - pairs)
        dense = spread.T @ full @ spread
        dense[:columns, :columns] += (layout.rows.T * (state.row_dual / state.row_slack)) @ layout.rows
        dense[np.arange(columns), np.arange(columns)] += state.x_dual / state.x
        self.border = dense
        self.dense_scale = 1.0 / np.sqrt(np.diag(dense))
        scaled = dense * self.dense_scale[:, None] * self.dense_scale
        for tried in range(MAX_TRIES):
            extra = 0.0 if tried == 0 else 1e-16 * 100.0**tried
            self.dense, info = lapack.dpotrf(scaled + extra * np.eye(len(scaled)), lower=1)
            if info == 0:
                return
        raise NewtonFailed("The capacities' system is not positive definite.", "Report it with the programme's folder.")

    def _factor_band(self, inverse: Entries) -> None:
        """``N`` of the stored energy after the plugs are eliminated: a band, as hours join the same battery alone."""
        layout = self.layout
        count, hours = len(layout.batteries), layout.hours
        charge, discharge, stored = (layout.part(self.theta, number) for number in (3, 4, 5))
        live = layout.part(layout.on, 5)
        diagonal = np.empty((count, hours))
        self.crossing = np.empty((count, hours))
        for number, battery in enumerate(layout.batteries):
            up, down = battery.charge_share, 1.0 / battery.discharge_share
            diagonal[number] = up**2 * charge[number] + down**2 * discharge[number]
            self.crossing[number] = -up * charge[number] - down * discharge[number]
        inner = stored * live
        for end in layout.chain_ends:
            inner[:, end - 1] = 0.0
        diagonal *= live
        self.crossing *= live
        diagonal += inner + (1.0 - live)
        diagonal[:, 1:] += inner[:, :-1]
        band = np.zeros((hours, count, count + 1))
        for first, one in enumerate(layout.batteries):
            for second, two in enumerate(layout.batteries[: first + 1]):
                entry = inverse.get((one.zone, two.zone))
                if entry is not None:
                    band[:, second, first - second] = -self.crossing[first] * self.crossing[second] * entry
        for number in range(count):
            band[:, number, 0] += diagonal[number]
            band[:, number, count] -= inner[number]
        flat = band.reshape(hours * count, count + 1).T
        floor = diagonal.T.ravel()
        for tried in range(MAX_TRIES):
            flat[0] += REGULAR_SHARE * 100.0**tried * floor
            self.band, info = lapack.dpbtrf(flat, lower=1)
            if info == 0:
                return
        raise NewtonFailed("The stored energy's system is not positive definite.", "Report it with the programme.")

    def _add_store_terms(self, full: Floats, inverse: Entries, pairs: int) -> None:
        """Add what the stored energy's prices contribute to the system of capacities and closing states of charge."""
        layout = self.layout
        count, hours = len(layout.batteries), layout.hours
        zones, classes, _ = layout.shapes[0]
        right = np.zeros((pairs + count, hours, count))
        for zone in range(zones):
            crossed = np.zeros((hours, count))
            for number, battery in enumerate(layout.batteries):
                entry = inverse.get((battery.zone, zone))
                if entry is not None:
                    crossed[:, number] = -self.crossing[number] * entry
            for kind in range(classes):
                np.multiply(crossed, self.coupling[zone, kind][:, None], out=right[zone * classes + kind])
        for start, end in zip(layout.chain_starts, layout.chain_ends, strict=True):
            for number in range(count):
                live = layout.part(layout.on, 5)[number, start]
                right[pairs + number, end - 1, number] += live
                right[pairs + number, start, number] -= live
        solved, _ = lapack.dtbtrs(self.band, right.reshape(pairs + count, hours * count).T, uplo="L", overwrite_b=1)
        closing = 1.0 / layout.part(self.theta, 5)
        for stretch, (start, end) in enumerate(zip(layout.chain_starts, layout.chain_ends, strict=True)):
            rows = solved[start * count : end * count]
            product = rows.T @ rows
            own = slice(pairs + stretch * count, pairs + (stretch + 1) * count)
            full[:pairs, :pairs] += product[:pairs, :pairs]
            full[own, :pairs] += product[pairs:, :pairs]
            full[:pairs, own] += product[:pairs, pairs:]
            full[own, own] += product[pairs:, pairs:] + np.diag(closing[:, end - 1])

    def solve_prices(self, plug: Floats, store: Floats) -> tuple[Floats, Floats]:
        """``N^-1`` times a right-hand side [zone, hour] and [battery, hour], without the closing states of charge."""
        count = len(self.layout.batteries)
        first = self.hours.solve(plug)
        if not count:
            return first, store
        zones = [battery.zone for battery in self.layout.batteries]
        reduced = store - self.crossing * first[zones]
        solved, _ = lapack.dpbtrs(self.band, np.ascontiguousarray(reduced.T).reshape(-1, 1), lower=1)
        worth = np.ascontiguousarray(solved.reshape(self.layout.hours, count).T)
        rest = plug.copy()
        rest[zones] -= self.crossing * worth
        return self.hours.solve(rest), worth

    def _solve_border(self, right: Floats) -> Floats:
        """The dense system, with two rounds of refinement."""
        found = np.zeros_like(right)
        for _ in range(3):
            rest = (right - self.border @ found) * self.dense_scale
            step, _ = lapack.dpotrs(self.dense, rest, lower=1)
            found += step * self.dense_scale
        return found

    def direction(self, targets: Targets) -> Direction:
        """The step towards the products ``value * dual`` that ``targets`` names, and towards closed balances."""
        layout, state = self.layout, self.state
        pull = state.gain - layout.cost
        pull += targets.lower / state.value
        above = targets.upper / state.slack
        pull -= above
        right_x = layout.base + targets.x / state.x
        right_x += layout.rows.T @ ((state.row_dual * state.row_gap - targets.row) / state.row_slack)
        price, worth, dx, step = self._condensed(pull, above, right_x, state.plug_gap, state.store_gap)
        slack = self._slack_step(step, dx)
        row_slack = state.row_gap - layout.rows @ dx
        return Direction(
            value=step,
            slack=slack,
            lower_dual=(targets.lower - state.lower_dual * step) / state.value - state.lower_dual,
            upper_dual=above - state.upper_dual * (slack / state.slack) - state.upper_dual,
            x=dx,
            x_dual=(targets.x - state.x_dual * dx) / state.x - state.x_dual,
            row_slack=row_slack,
            row_dual=(targets.row - state.row_dual * row_slack) / state.row_slack - state.row_dual,
            price=price,
            worth=worth,
        )

    def refined(self, step: Direction) -> Direction:
        """The step with what the elimination's rounding left open in the balances solved for once more."""
        plug, store = self.layout.balance(step.value)
        plug, store = self.state.plug_gap - plug, self.state.store_gap - store
        if float(np.abs(plug).sum() + np.abs(store).sum()) < ROUNDING_SHARE * self.state.product():
            return step
        return step.plus(self.correction(Targets(0.0, 0.0, 0.0, 0.0), plug, store), 1.0)

    def correction(self, change: Targets, plug: Floats | None = None, store: Floats | None = None) -> Direction:
        """The step that changes the linearised products by ``change`` and the balances by ``plug`` and ``store``."""
        layout, state = self.layout, self.state
        below, above = change.lower / state.value, change.upper / state.slack
        right_x = change.x / state.x - layout.rows.T @ (change.row / state.row_slack)
        price, worth, dx, step = self._condensed(below - above, above, right_x, plug, store)
        slack = self._slack_step(step, dx)
        row_slack = -layout.rows @ dx
        return Direction(
            value=step,
            slack=slack,
            lower_dual=below - state.lower_dual * (step / state.value),
            upper_dual=above - state.upper_dual * (slack / state.slack),
            x=dx,
            x_dual=(change.x - state.x_dual * dx) / state.x,
            row_slack=row_slack,
            row_dual=(change.row - state.row_dual * row_slack) / state.row_slack,
            price=price,
            worth=worth,
        )

    def _condensed(
        self, pull: Floats, above: Floats, right_x: Floats, plug_gap: Floats | None, store_gap: Floats | None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Steps of prices, worths, capacities and local variables for the pull on each local variable."""
        layout = self.layout
        uses = slice(layout.offsets[0], layout.offsets[1])
        inner = np.einsum("zkh,zkh->zk", above[uses].reshape(layout.shapes[0]), layout.run_share)
        inner += np.einsum("zkh,zkh->zk", self.share, layout.part(pull, 0))
        right_x = right_x + inner.ravel()[layout.pair]
        plug, store = layout.balance(self.theta * pull)
        plug = -plug if plug_gap is None else plug_gap - plug
        store = -store if store_gap is None else store_gap - store
        price, worth, dx = self._solve(plug, store, right_x, self._closing(pull))
        return price, worth, dx, self._local_step(price, worth, dx, pull)

    def _slack_step(self, step: Floats, dx: Floats) -> Floats:
        """The step of the slacks to the upper bounds, which move with the capacities."""
        slack = -step
        use = self.layout.part(slack, 0)
        use += self.layout.run_share * layout_capacity(self.layout, dx)[:, :, None]
        return slack

    def _closing(self, flat: Floats) -> Floats:
        """Entries of the closing states of charge [stretch, battery], flattened."""
        stored = self.layout.part(flat, 5)
        return np.concatenate([stored[:, end - 1] for end in self.layout.chain_ends])

    def _solve(self, plug: Floats, store: Floats, right_x: Floats, closing: Floats) -> tuple[Floats, Floats, Floats]:
        """Prices and capacities for the condensed right-hand sides."""
        layout = self.layout
        columns, count = len(layout.base), len(layout.batteries)
        if count:
            # The closing states are unknowns of the border: their part of the balances is not in the right-hand side.
            store = self._without_closing(store, closing)
        price, worth = self.solve_prices(plug, store)
        back = np.einsum("zkh,zh->zk", self.coupling, price).ravel()[layout.pair]
        right = np.concatenate([right_x - back, closing - self._closing_rows(worth) if count else np.zeros(0)])
        border = self._solve_border(right)
        dx, ends = border[:columns], border[columns:]
        moved = layout_capacity(layout, dx)
        plug = plug + np.einsum("zkh,zk->zh", self.coupling, moved)
        if count:
            store = store.copy()
            live = layout.part(layout.on, 5)
            for stretch, (start, end) in enumerate(zip(layout.chain_starts, layout.chain_ends, strict=True)):
                change = ends[stretch * count : (stretch + 1) * count] * live[:, start]
                store[:, end - 1] += change
                store[:, start] -= change
        price, worth = self.solve_prices(plug, store)
        return price, worth, dx

    def _without_closing(self, store: Floats, closing: Floats) -> Floats:
        """Take out of the right-hand side what ``A Theta r`` held of the closing states of charge."""
        layout, count = self.layout, len(self.layout.batteries)
        store = store.copy()
        theta, live = layout.part(self.theta, 5), layout.part(layout.on, 5)
        for stretch, (start, end) in enumerate(zip(layout.chain_starts, layout.chain_ends, strict=True)):
            part = closing[stretch * count : (stretch + 1) * count] * theta[:, end - 1] * live[:, start]
            store[:, end - 1] -= part
            store[:, start] += part
        return store

    def _closing_rows(self, worth: Floats) -> Floats:
        """``B' y`` of the closing states of charge: their price at the end less their price at the start."""
        live = self.layout.part(self.layout.on, 5)
        stretches = zip(self.layout.chain_starts, self.layout.chain_ends, strict=True)
        return np.concatenate([(worth[:, end - 1] - worth[:, start]) * live[:, start] for start, end in stretches])

    def _local_step(self, price: Floats, worth: Floats, dx: Floats, pull: Floats) -> Floats:
        """The step of every hour's variables for given steps of prices and capacities."""
        layout = self.layout
        step = layout.gain(price, worth)
        step += pull
        step *= self.theta
        moved = layout_capacity(layout, dx)
        use = layout.part(step, 0)
        use += self.share * moved[:, :, None]
        return step


def layout_capacity(layout: Layout, x: Floats) -> Floats:
    """Capacity by zone and class of capacity by column."""
    zones, classes, _ = layout.shapes[0]
    total = np.zeros(zones * classes)
    np.add.at(total, layout.pair, x)
    return total.reshape(zones, classes)
