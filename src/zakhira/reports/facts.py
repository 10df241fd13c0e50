"""What a finished run hands to its report: figures and records of ranks 0 to 3, and nothing that is already worded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import numpy as np

from zakhira.dispatch.schedule import Dispatch
from zakhira.kernel.interval import HourRange
from zakhira.kernel.money import Amount
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats
from zakhira.settlement.day import SettledDay

VERIFIED = "VERIFIED"
"""The word of a verdict whose mandatory checks have all passed."""


@dataclass(frozen=True)
class ReservePoint:
    """What the node shows in each vault at an instant (UTC), confirmed coins only."""

    at: datetime
    intake_sats: int
    cold_sats: int


@dataclass(frozen=True)
class SweepApproval:
    """One officer's yes to a sweep, with the role that it counted for."""

    officer: str
    role: str
    at: datetime


@dataclass(frozen=True)
class SweepFact:
    """A sweep from intake to cold that was confirmed, proposed ``at`` and mined at ``height``.

    ``amount_sats`` arrived in cold; ``fee_sats`` came on top.
    """

    id: str
    at: datetime
    amount_sats: int
    fee_sats: int
    proposed_by: str
    approvals: tuple[SweepApproval, ...]
    signers: tuple[str, ...]
    txid: str
    height: int


@dataclass(frozen=True)
class StatementRow:
    """One account over the run, as the ledger's statement has it: closing = opening + inflow - outflow.

    ``inflow`` sums the debits and ``outflow`` the credits, both at least 0. An income or liability account therefore
    closes below 0 when it holds something.
    """

    account: str
    kind: str
    opening: Amount
    inflow: Amount
    outflow: Amount
    closing: Amount


@dataclass(frozen=True)
class CheckFact:
    """One check of the proof. ``source`` is pack, node or trust; ``outcome`` is passed, failed or not possible here."""

    id: str
    words: str
    source: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class VerdictFact:
    """What ``zakhira verify`` said about the pack of the run. ``word`` is :data:`VERIFIED` or says that it is not."""

    word: str
    checks: tuple[CheckFact, ...]
    height: int
    block_hash: str
    proven_sats: int
    claims_sats: int

    @property
    def verified(self) -> bool:
        """Whether the word is exactly :data:`VERIFIED`."""
        return self.word == VERIFIED


@dataclass(frozen=True)
class CalibrationFact:
    """One published figure beside the one that the generated series give.

    ``basis`` says how far agreement proves anything: ``scaled`` where the generator is scaled to the figure, ``fitted``
    where estimates were chosen with it in view, ``result`` where it comes out of the model, empty where nobody said.
    """

    label: str
    unit: str
    published: float
    generated: float
    difference_share: float
    tag: str
    source: str
    basis: str = ""


@dataclass(frozen=True)
class DayProfile:
    """Mean load on the grid by local hour (24 values) and the published points, as (local hour, MW)."""

    generated_mw: tuple[float, ...]
    published_mw: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class HorizonSurplus:
    """The surplus at the plug over the whole horizon: mean MW by local month and hour of day.

    ``months`` are like ``2026-01``; ``mean_mw`` is [zone, month, hour of day]; ``hours_in_month`` is [month].
    Make it with :func:`zakhira.reports.horizon.horizon_surplus`.
    """

    zones: tuple[str, ...]
    months: tuple[str, ...]
    mean_mw: Floats
    hours_in_month: tuple[int, ...]


@dataclass(frozen=True)
class RunFacts:
    """A finished run.

    ``dispatch`` covers the whole run (:func:`join_dispatch`). ``settled``, ``received_sats`` hold one item per day:
    ``received_sats`` is the royalty for that day's work that the node shows as confirmed in intake. ``reserve`` starts
    with the opening balance and holds at least one point a day. ``balances`` are the ledger's at the end, debits
    positive; ``statement`` is the ledger's over the run.
    """

    programme: Programme
    plan: Plan
    seed: int
    days: int
    block_minutes_used: int
    block_minutes_reason: str
    dispatch: Dispatch
    settled: tuple[SettledDay, ...]
    received_sats: tuple[int, ...]
    reserve: tuple[ReservePoint, ...]
    sweeps: tuple[SweepFact, ...]
    balances: Mapping[str, Amount]
    statement: tuple[StatementRow, ...]
    verdict: VerdictFact
    node_version: str
    database_version: str
    program_version: str
    calibration: tuple[CalibrationFact, ...] = ()
    january_profile: DayProfile | None = None
    horizon: HorizonSurplus | None = None

    @property
    def hours(self) -> HourRange:
        """The hours of the run."""
        return self.dispatch.hours


def join_dispatch(parts: Sequence[Dispatch]) -> Dispatch:
    """Put the dispatches of consecutive ranges of hours together into one.

    The parts follow one another without a gap and have the same grants and zones.
    """
    first = parts[0]
    for before, after in pairwise(parts):
        assert after.hours.start == before.hours.end, "a gap between two parts of the dispatch"
        assert (after.grant_keys, after.zones) == (first.grant_keys, first.zones), "parts of different grants or zones"
    return replace(
        first,
        hours=HourRange(first.hours.start, sum(part.hours.count for part in parts)),
        planned_mw=np.concatenate([part.planned_mw for part in parts], axis=1),
        used_mw=np.concatenate([part.used_mw for part in parts], axis=1),
        firm_mw=np.concatenate([part.firm_mw for part in parts], axis=1),
        shed_mw=np.concatenate([part.shed_mw for part in parts], axis=1),
        energy_cost_pkr=np.concatenate([part.energy_cost_pkr for part in parts], axis=1),
        surplus_mw=np.concatenate([part.surplus_mw for part in parts], axis=1),
        forecast_mw=np.concatenate([part.forecast_mw for part in parts], axis=1),
    )
