"""The run: from the allocation to the last confirmation, day by day, every step safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from zakhira.controls.spend_state import SpendState
from zakhira.custody.descriptor import vault_descriptor
from zakhira.flows.arrivals import ARRIVAL, credit_arrivals
from zakhira.flows.calendar import Calendar
from zakhira.flows.chain_keeping import record_blocks, recorded_height, restore_chain
from zakhira.flows.machinery import Machinery
from zakhira.flows.payments import intake_address, pay_day, recorded_payments
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.ports.chain import Block
from zakhira.flows.spends import Spend, recorded_spends
from zakhira.flows.sweeps import carry_on, confirm_sweeps, sweep_intake
from zakhira.flows.world import WorldDay
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.kernel.interval import DAY_HOURS, parse_utc, utc_text
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme

RESERVE = "reserve"
"""Kind of the records of what the node shows in each vault at the end of a day."""


class AnotherRun(InvalidInput):
    """The output folder holds a run with other arguments."""

    code = "ZK-FLOWS-004"


class ChainUnknown(OutsideFailure):
    """The node's chain holds payments to our vaults, and the books have never begun a chain."""

    code = "ZK-FLOWS-005"


@dataclass(frozen=True)
class RunRequest:
    """What is to be run. ``world`` is what the grid, the machines and the network do, day by day."""

    programme: Programme
    plan: Plan
    world: tuple[WorldDay, ...]
    seed: int


@dataclass(frozen=True)
class Reserve:
    """What the node shows, confirmed, in each vault at an instant."""

    at: datetime
    intake_sats: int
    cold_sats: int


@dataclass(frozen=True)
class RunResult:
    """What a finished run leaves beside the books: where the chain stands, and what came in for each day's work."""

    calendar: Calendar
    height: int
    received_sats: tuple[int, ...]
    reserve: tuple[Reserve, ...]
    spends: tuple[Spend, ...]


def run_chain(machinery: Machinery, request: RunRequest) -> RunResult:
    """Run all days, or carry on from what is committed, until the last payment and sweep are confirmed.

    Raises:
        AnotherRun: the books hold a run with other arguments.
        ChainUnknown: the books are new and the node is not.
        ChainDiverged: the node insists on another chain than the recorded one.
    """
    _begin(machinery, request)
    calendar = _open_chain(machinery, request)
    _send_again(machinery, request.programme, calendar)
    for day in request.world:
        machinery.progress("days", day.index, calendar.days, f"day {day.index + 1}")
        _run_day(machinery, request, calendar, day)
    machinery.progress("days", calendar.days, calendar.days, "all days done")
    height = _close(machinery, request.programme, calendar)
    return _result(machinery, calendar, height)


def _begin(machinery: Machinery, request: RunRequest) -> None:
    programme, plan = request.programme, request.plan
    machinery.books.open_accounts(programme.accounts)
    body: Json = {
        "programme": programme.id,
        "digest": programme.digest,
        "days": len(request.world),
        "seed": request.seed,
        "allocation": [[grant.site, grant.class_id, round(grant.power_mw, 6)] for grant in plan.grants],
    }
    write = Write("run", "planner", "begin run", programme.run_start, records=(Record("run", "run", body),))
    try:
        machinery.books.commit(write)
    except KeyReused:
        held = machinery.books.latest("run", "run")
        raise AnotherRun(
            f"The books hold another run: {held if not isinstance(held, Mapping) else _about(held)}.",
            "Give the same programme, days and seed to carry it on, or choose another --out (and database).",
        ) from None


def _about(body: Mapping[str, Json]) -> str:
    digest = str(body["digest"])[:12]
    return f"{body['programme']} (files {digest}), {body['days']} days, seed {body['seed']}"


def _open_chain(machinery: Machinery, request: RunRequest) -> Calendar:
    """Restore the recorded chain or begin one: pools funded, vaults watched."""
    programme, books, chain = request.programme, machinery.books, machinery.chain
    start = programme.run_start
    funded = books.latest("chain", "funding")
    known = 0 if funded is None else cast("int", cast("Mapping[str, Json]", funded)["height"])
    so_far = Calendar(start, len(request.world), programme.block_minutes, known)
    restore_chain(books, chain, so_far.time_of(recorded_height(books)))
    for vault in programme.policy.vaults:
        chain.watch_vault(vault.id, vault_descriptor(vault), start)
    _watch_again(machinery, programme)
    if funded is None:
        _require_unpaid(machinery, programme)
        machinery.progress("funding the pools", 0, 1, "")
        chain.fund_pools(_needs(request), start)
        known = chain.tip()[0]
        record_blocks(machinery, programme, "chain/funding", 0, known, start, ())
        record = Record("chain", "funding", {"height": known})
        books.commit(Write("chain/funded", "chain", "fund pools", start, records=(record,)))
        machinery.progress("funding the pools", 1, 1, "")
    return Calendar(start, len(request.world), programme.block_minutes, known)


def _require_unpaid(machinery: Machinery, programme: Programme) -> None:
    """Books that are new and a node that is not belong to different runs: nothing may be built on the two."""
    for vault in programme.policy.vaults:
        coins = machinery.chain.coins(vault.id)
        if coins:
            raise ChainUnknown(
                f"The node's chain pays {len(coins)} coins to vault {vault.id}, and the books know nothing of them.",
                "Give the database with which this run was begun (ZAKHIRA_DATABASE_URL), or choose another --out.",
            )


def _watch_again(machinery: Machinery, programme: Programme) -> None:
    """Have the node watch every address that was handed out: a node that lost its wallets does not know them."""
    for payment in recorded_payments(machinery.books):
        for output in payment.outputs:
            if output.is_royalty:
                intake_address(machinery, programme, payment.day, output.licensee)
    for spend in recorded_spends(machinery.books):
        machinery.chain.reserve_check(spend.destination.vault, spend.destination.branch, spend.destination.index)


def _needs(request: RunRequest) -> dict[str, int]:
    """What each pool will pay in all, with a tenth more for its own fees."""
    needs = {pool.id: 0 for pool in request.programme.pools}
    for day in request.world:
        for due in day.due:
            needs[due.pool] += due.royalty_sats + due.licensee_sats
    return {pool: paid + paid // 10 + 1_000_000 for pool, paid in needs.items()}


def _send_again(machinery: Machinery, programme: Programme, calendar: Calendar) -> None:
    """After a restart the node may have lost its mempool: give it what is in the books and not confirmed yet."""
    credited = {cast("Mapping[str, Json]", body)["payment"] for body in machinery.books.records(ARRIVAL).values()}
    for payment in recorded_payments(machinery.books):
        if payment.id not in credited:
            machinery.chain.broadcast(payment.raw_hex)
    for spend in recorded_spends(machinery.books):
        if spend.state in {SpendState.SIGNED, SpendState.BROADCAST}:
            machinery.chain.broadcast(spend.raw_hex)
            carry_on(machinery, programme, spend, calendar.day_start(spend.day + 1))


def _run_day(machinery: Machinery, request: RunRequest, calendar: Calendar, day: WorldDay) -> None:
    closed = f"day/{day.index:04d}/closed"
    if machinery.books.done(closed) is not None:
        return
    programme, now = request.programme, calendar.hour_end(day.index, DAY_HOURS - 1)
    _mine_day(machinery, programme, calendar, day.index)
    credit_arrivals(machinery, programme, now)
    confirm_sweeps(machinery, programme, now)
    _settle(machinery, day, now)
    pay_day(machinery, programme, day.index, day.due, now)
    if (day.index + 1) % programme.policy.sweep_every_days == 0:
        sweep_intake(machinery, programme, day.index, now)
    machinery.books.commit(
        Write(
            closed, "run", "close day", now, records=(_reserve_record(machinery, programme, f"{day.index:04d}", now),)
        )
    )


def _mine_day(machinery: Machinery, programme: Programme, calendar: Calendar, day: int) -> None:
    key = f"day/{day:04d}/blocks"
    if machinery.books.done(key) is not None:
        return
    mined: list[Block] = []
    for hour in range(DAY_HOURS):
        mined += machinery.chain.mine_to(calendar.height_after(day, hour), calendar.hour_end(day, hour))
    after = calendar.height_after(day, -1)
    last = calendar.height_after(day, DAY_HOURS - 1)
    record_blocks(machinery, programme, key, after, last, calendar.hour_end(day, DAY_HOURS - 1), mined)


def _settle(machinery: Machinery, day: WorldDay, now: datetime) -> None:
    """Commit what was dispatched and what it comes to, with the invoices."""
    records = (
        Record("dispatch", f"{day.index:04d}", day.dispatch_json),
        Record("settlement", f"{day.index:04d}", day.settled_json),
    )
    machinery.books.commit(
        Write(f"day/{day.index:04d}/settle", "meter", "settle day", now, entries=day.entries(now), records=records)
    )


def _vault_sats(machinery: Machinery, programme: Programme, purpose: str) -> int:
    return sum(coin.amount_sats for coin in machinery.chain.coins(programme.policy.vault(purpose).id))


def _reserve_record(machinery: Machinery, programme: Programme, record_id: str, now: datetime) -> Record:
    body: Json = {
        "at": utc_text(now),
        "intake_sats": _vault_sats(machinery, programme, "intake"),
        "cold_sats": _vault_sats(machinery, programme, "cold"),
    }
    return Record(RESERVE, record_id, body)


def _close(machinery: Machinery, programme: Programme, calendar: Calendar) -> int:
    """Let the last payments and sweeps confirm, and book them; return the height.

    Claims must stand behind coins in cold: where they would not, what is in intake is swept at the close.
    """
    wait = programme.policy.confirmations
    height = _settle_chain(machinery, programme, calendar, 0, wait)
    if _claims_sats(machinery, programme) > _vault_sats(machinery, programme, "cold"):
        sweep_intake(machinery, programme, calendar.days, calendar.closing(wait)[1])
    if any(spend.day == calendar.days for spend in recorded_spends(machinery.books)):
        height = _settle_chain(machinery, programme, calendar, wait, 2 * wait)
    now = calendar.time_of(height)
    record = _reserve_record(machinery, programme, "closing", now)
    machinery.books.commit(Write("run/closed", "run", "close run", now, records=(record,)))
    return height


def _settle_chain(machinery: Machinery, programme: Programme, calendar: Calendar, first: int, last: int) -> int:
    """Mine the closing blocks above ``first`` up to ``last``, record them, and book what they confirm."""
    height, now = calendar.closing(last)
    mined = machinery.chain.mine_to(height, now)
    record_blocks(machinery, programme, f"run/blocks/{last}", calendar.closing(first)[0], height, now, mined)
    credit_arrivals(machinery, programme, now)
    confirm_sweeps(machinery, programme, now)
    return height


def _claims_sats(machinery: Machinery, programme: Programme) -> int:
    """What the programme owes in bitcoin."""
    balances = machinery.books.balances()
    owed = (a.code for a in programme.accounts if a.kind == "liability" and a.commodity == "BTC")
    return -sum(balances[code].units for code in owed)


def _result(machinery: Machinery, calendar: Calendar, height: int) -> RunResult:
    received = [0] * calendar.days
    for body in machinery.books.records(ARRIVAL).values():
        fields = cast("Mapping[str, int]", body)
        received[fields["day"]] += fields["amount_sats"]
    return RunResult(
        calendar,
        height,
        tuple(received),
        _reserves(list(machinery.books.records(RESERVE).values())),
        recorded_spends(machinery.books),
    )


def _reserves(bodies: Sequence[Json]) -> tuple[Reserve, ...]:
    rows = [cast("Mapping[str, Json]", body) for body in bodies]
    return tuple(
        Reserve(parse_utc(str(row["at"])), cast("int", row["intake_sats"]), cast("int", row["cold_sats"]))
        for row in rows
    )
