"""Rules that hold between values: names, references, quotas, times and accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HOUR, utc_text
from zakhira.programme.dictionary import Attribute
from zakhira.programme.energy_accounts import energy_accounts
from zakhira.programme.faults import Cause
from zakhira.programme.record import Reading, Record, closest

ROUNDING_MW = 1e-9
"""Sums of quotas are sums of decimal fractions: they may miss the cap by the rounding of binary numbers."""

REQUIRED_ACCOUNTS = (
    ("assets:vault:intake", "BTC", "asset"),
    ("assets:vault:cold", "BTC", "asset"),
    ("income:royalty", "BTC", "income"),
    ("liabilities:community", "BTC", "liability"),
    ("expenses:community", "BTC", "expense"),
    ("expenses:network-fees", "BTC", "expense"),
    ("assets:receivable:energy", "PKR", "asset"),
    ("income:energy", "PKR", "income"),
    ("assets:receivable:rent", "USD", "asset"),
    ("income:rent", "USD", "income"),
)
"""Accounts to which settlement and sweeps post, with commodity and kind."""

KIND_OF_FIRST_PART = {
    "assets": "asset",
    "liabilities": "liability",
    "income": "income",
    "expenses": "expense",
    "equity": "equity",
    "conversion": "conversion",
}


def _walk(records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        yield record
        for children in record.children.values():
            yield from _walk(children)


def structure_faults(reading: Reading) -> list[Fault]:
    """Names given twice and references to what does not exist."""
    faults: list[Fault] = []
    for records in reading.records.values():
        faults += _repeated_names(records)
        for record in records:
            for children in record.children.values():
                faults += _repeated_names(children)
    for record in _walk(record for records in reading.records.values() for record in records):
        for attribute in record.table.attributes:
            if attribute.target:
                faults += _dangling(reading, record, attribute)
    return faults


def _repeated_names(records: tuple[Record, ...]) -> Iterator[Fault]:
    first: dict[str, Record] = {}
    for record in records:
        identity = record.table.identity
        name = record.text(identity.name) if identity else None
        if identity is None or name is None:
            continue
        if name in first:
            line = record.source.line((*first[name].path, identity.name))
            message = f"{name!r} is already the name of the {record.table.name} in line {line}."
            yield record.fault(Cause.REPEATED_ID, identity.name, message)
        first.setdefault(name, record)


def _names(reading: Reading, target: str) -> tuple[str, ...]:
    if target == "role":
        policy = reading.one("policy")
        return policy.texts("roles") if policy else ()
    identity = reading.dictionary.table(target).identity
    assert identity is not None, f"{target} has no name to refer to"
    return tuple(name for record in reading.all(target) if (name := record.text(identity.name)) is not None)


def _dangling(reading: Reading, record: Record, attribute: Attribute) -> Iterator[Fault]:
    known = _names(reading, attribute.target)
    for name in record.texts(attribute.name):
        if name not in known:
            message = f"There is no {attribute.target} {name!r}."
            remedy = closest(name, known) or f"Name one of: {', '.join(known) or 'none is there'}."
            yield record.fault(Cause.UNKNOWN_REFERENCE, attribute.name, message, remedy)


def power_faults(reading: Reading) -> list[Fault]:
    """Quotas against the cap, links, and heat limits."""
    faults = list(_quota_faults(reading))
    for machine in reading.all("machine"):
        derate, stop = machine.number("derate_from_c"), machine.number("stop_at_c")
        if derate is not None and stop is not None and stop <= derate:
            message = f"Machines would stop at {stop:g} C and derate from {derate:g} C."
            faults.append(machine.fault(Cause.HEAT_LIMITS, "stop_at_c", message))
    seen: set[frozenset[str]] = set()
    for link in reading.all("link"):
        ends = frozenset(name for key in ("from_zone", "to_zone") if (name := link.text(key)) is not None)
        if len(ends) == 1 and link.text("from_zone") == link.text("to_zone"):
            faults.append(link.fault(Cause.LINK_TO_ITSELF, "to_zone", f"The link begins and ends in {min(ends)!r}."))
        elif len(ends) > 1 and ends in seen:
            message = f"There already is a link between {' and '.join(sorted(ends))}."
            faults.append(link.fault(Cause.REPEATED_LINK, "", message))
        seen.add(ends)
    return faults


def _quota_faults(reading: Reading) -> Iterator[Fault]:
    programme = reading.one("programme")
    cap_mw = programme.number("cap_mw") if programme else None
    if programme is None or cap_mw is None:
        return
    total_mw = 0.0
    crossed = None
    for licensee in reading.all("licensee"):
        total_mw += licensee.number("quota_mw") or 0.0
        if crossed is None and total_mw > cap_mw + ROUNDING_MW:
            crossed = licensee
    if crossed is not None:
        message = f"The quotas sum to {total_mw:.10g} MW; the cap is {cap_mw:.10g} MW and is crossed here."
        yield crossed.fault(Cause.QUOTA_ABOVE_CAP, "quota_mw", message)


def time_faults(reading: Reading) -> list[Fault]:
    """The horizon, the start of a run and the rhythm of blocks."""
    programme = reading.one("programme")
    if programme is None:
        return []
    faults = []
    start, hours = programme.instant("horizon_start"), programme.number("horizon_hours")
    run_start, zone = programme.instant("run_start"), programme.text("time_zone")
    if start is not None and start != start.replace(minute=0, second=0, microsecond=0):
        faults.append(
            programme.fault(Cause.HORIZON_NOT_ON_HOUR, "horizon_start", f"{start.isoformat()} is no full hour.")
        )
    if start is not None and hours is not None and run_start is not None:
        faults += _outside_horizon(programme, start, hours, run_start)
    if run_start is not None and zone is not None:
        local = run_start.astimezone(ZoneInfo(zone))
        if local.time() != time(0):
            message = f"In {zone} the run would start at {local:%H:%M:%S} on {local:%Y-%m-%d}."
            faults.append(programme.fault(Cause.RUN_START_NOT_MIDNIGHT, "run_start", message))
    minutes = programme.number("block_minutes")
    if minutes is not None and 60 % minutes != 0:
        message = f"{minutes:g} minutes do not divide an hour."
        faults.append(programme.fault(Cause.UNEVEN_BLOCKS, "block_minutes", message))
    return faults


def _outside_horizon(programme: Record, start: datetime, hours: float, run_start: datetime) -> Iterator[Fault]:
    end = start + hours * HOUR
    if not start <= run_start < end:
        message = f"{utc_text(run_start)} is outside the horizon {utc_text(start)} to {utc_text(end)}."
        yield programme.fault(Cause.RUN_START_OUTSIDE, "run_start", message)
    elif run_start + timedelta(days=1) > end:
        message = f"From {utc_text(run_start)} less than a day is left to {utc_text(end)}."
        yield programme.fault(Cause.RUN_START_OUTSIDE, "run_start", message)


def account_faults(reading: Reading) -> list[Fault]:
    """Accounts that the books need, and accounts that are not what their name says."""
    faults = []
    accounts = {code: record for record in reading.all("account") if (code := record.text("code")) is not None}
    required = {code: (commodity, kind) for code, commodity, kind in REQUIRED_ACCOUNTS}
    ids = [_names(reading, table) for table in ("zone", "licensee")]
    energy = {account.code: account.commodity for account in energy_accounts(*ids)}
    if reading.all("account"):
        for code in required.keys() - accounts.keys():
            of, side = required[code]
            remedy = f'Add [[account]] with code = "{code}", commodity = "{of}", kind = "{side}".'
            last = reading.all("account")[-1]
            faults.append(last.fault(Cause.MISSING_ACCOUNT, "", f"The account {code!r} is missing.", remedy))
    for code, record in accounts.items():
        commodity, kind = record.text("commodity"), record.text("kind")
        wanted = required[code][1] if code in required else KIND_OF_FIRST_PART.get(code.partition(":")[0])
        if kind is not None and wanted != kind:
            message = f"{code!r} cannot be of the kind {kind!r}."
            remedy = f"Use kind {wanted!r}." if wanted else f"Begin its name with {', '.join(KIND_OF_FIRST_PART)}."
            faults.append(record.fault(Cause.ACCOUNT_KIND, "kind", message, remedy))
        counts = required[code][0] if code in required else energy.get(code, commodity)
        if commodity is not None and commodity != counts:
            message = f"{code!r} cannot count {commodity}."
            faults.append(record.fault(Cause.ACCOUNT_KIND, "commodity", message, f"Use {counts}."))
    return faults


def bank_account_faults(reading: Reading) -> list[Fault]:
    """Bank accounts whose account of the ledger is not there, or holds no money, and numbers given twice."""
    accounts = {code: record for record in reading.all("account") if (code := record.text("code")) is not None}
    faults, seen = [], dict[str, Record]()
    for record in reading.all("bank_account"):
        for name in ("number", "account"):
            told = record.text(name)
            if told is not None and told in seen:
                message = f"{told!r} already is the {name} of {seen[told].label}."
                faults.append(record.fault(Cause.REPEATED_ID, name, message))
            elif told is not None:
                seen[told] = record
        code = record.text("account")
        held = accounts.get(code or "")
        if code is not None and held is None:
            message = f"There is no account {code!r}."
            faults.append(record.fault(Cause.UNKNOWN_REFERENCE, "account", message, closest(code, tuple(accounts))))
        elif held is not None and (held.text("kind") != "asset" or held.text("commodity") not in {"PKR", "USD"}):
            message = f"{code!r} is no asset in PKR or USD."
            faults.append(record.fault(Cause.ACCOUNT_KIND, "account", message, "Name an asset in PKR or USD."))
    return faults
