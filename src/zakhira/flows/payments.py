"""Pools pay a day's work: each payment is signed and in the books before it is broadcast, so it is never made twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from zakhira.custody.coin import Address, Payment
from zakhira.flows.addresses import receiving_address
from zakhira.flows.machinery import Machinery
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.kernel.canonical import Json
from zakhira.programme.model import Programme
from zakhira.settlement.due import Due

PAYMENT = "payment"
"""Kind of the records of pool payments; the id is ``day/pool``."""

POOL_FEE_RATE_SAT_PER_VB = 5
"""What pools pay a virtual byte on the private chain [E]; their fees are theirs, not the programme's."""


@dataclass(frozen=True)
class Output:
    """One output of a pool payment: the royalty of a licensee's work, or the licensee's own share."""

    licensee: str
    is_royalty: bool
    address: str
    script_hex: str
    amount_sats: int


@dataclass(frozen=True)
class PoolPayment:
    """A signed payment of one pool for one day."""

    id: str
    day: int
    pool: str
    raw_hex: str
    outputs: tuple[Output, ...]


def payment_of(record_id: str, body: Json) -> PoolPayment:
    """Read a payment back from its record."""
    fields = cast("Mapping[str, Json]", body)
    outputs = tuple(
        Output(
            str(o["licensee"]),
            bool(o["is_royalty"]),
            str(o["address"]),
            str(o["script_hex"]),
            int(cast("int", o["amount_sats"])),
        )
        for o in cast("list[Mapping[str, Json]]", fields["outputs"])
    )
    return PoolPayment(record_id, cast("int", fields["day"]), str(fields["pool"]), str(fields["raw_hex"]), outputs)


def recorded_payments(books: Books) -> tuple[PoolPayment, ...]:
    """Every payment that was signed, in the order in which they were."""
    return tuple(payment_of(record_id, body) for record_id, body in books.records(PAYMENT).items())


def pay_day(machinery: Machinery, programme: Programme, day: int, due: Iterable[Due], now: datetime) -> None:
    """Have each pool pay what is due after ``day``. Safe to repeat: a payment in the books is broadcast, not remade."""
    dues = tuple(due)
    for pool in programme.pools:
        owed = tuple(item for item in dues if item.pool == pool.id)
        if owed:
            _pay(machinery, programme, day, pool.id, owed, now)


def _pay(machinery: Machinery, programme: Programme, day: int, pool: str, owed: tuple[Due, ...], now: datetime) -> None:
    key = f"day/{day:04d}/pay/{pool}"
    record_id = f"{day:04d}/{pool}"
    if machinery.books.done(key) is None:
        outputs = tuple(output for due in owed for output in _outputs(machinery, programme, day, due))
        payments = [Payment(output.address, output.amount_sats) for output in outputs]
        raw_hex = machinery.chain.sign_pool_payment(pool, payments, POOL_FEE_RATE_SAT_PER_VB)
        body: Json = {"day": day, "pool": pool, "raw_hex": raw_hex, "outputs": [asdict(o) for o in outputs]}
        machinery.books.commit(Write(key, pool, "sign pool payment", now, records=(Record(PAYMENT, record_id, body),)))
    body = machinery.books.latest(PAYMENT, record_id)
    machinery.chain.broadcast(payment_of(record_id, body).raw_hex)


def _outputs(machinery: Machinery, programme: Programme, day: int, due: Due) -> list[Output]:
    outputs = []
    if due.royalty_sats:
        place = intake_address(machinery, programme, day, due.licensee)
        outputs.append(Output(due.licensee, True, place.address, place.script_hex, due.royalty_sats))
    if due.licensee_sats:
        address = machinery.payout_addresses[due.licensee]
        outputs.append(Output(due.licensee, False, address, "", due.licensee_sats))
    return outputs


def intake_address(machinery: Machinery, programme: Programme, day: int, licensee: str) -> Address:
    """The intake address for one licensee's royalty of one day, used once."""
    index = intake_index(programme, day, licensee)
    return receiving_address(machinery, programme, programme.policy.vault("intake"), index)


def intake_index(programme: Programme, day: int, licensee: str) -> int:
    """Its place among the receiving addresses of the intake vault."""
    return day * len(programme.licensees) + [item.id for item in programme.licensees].index(licensee)
