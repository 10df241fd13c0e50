"""A programme from the bytes of its file: every fault is found before any is reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.energy_accounts import all_accounts
from zakhira.programme.faults import Cause
from zakhira.programme.model import (
    AccountSpec,
    Backup,
    Battery,
    Drill,
    ForecastQuality,
    HallClass,
    Licensee,
    Link,
    LoadWindow,
    MachineClass,
    Network,
    Officer,
    Phase,
    Planning,
    Policy,
    Pool,
    Prices,
    Programme,
    Site,
    SurplusYear,
    Vault,
    VaultKey,
    Zone,
)
from zakhira.programme.planning_rules import future_faults, hall_faults, storage_faults
from zakhira.programme.policy import Deputy, Holiday, Payee, Quorum, Rule, Statute, Window
from zakhira.programme.policy_rules import authority_faults, officer_faults, vault_faults
from zakhira.programme.reconciliation import BankAccountSpec, Reconciliation
from zakhira.programme.record import Reading, Record, read_tables
from zakhira.programme.rules import account_faults, bank_account_faults, power_faults, structure_faults, time_faults
from zakhira.programme.toml_source import TomlSource, parse_toml

FORMAT_VERSION = 1
"""The newest format of the programme file that this version reads."""

RULES = (
    structure_faults,
    power_faults,
    storage_faults,
    hall_faults,
    future_faults,
    time_faults,
    account_faults,
    bank_account_faults,
    officer_faults,
    authority_faults,
    vault_faults,
)
"""What must hold between values; each rule finds all of its faults."""

Row = TypeVar("Row")


def parse_programme(
    source: bytes, file: str, dictionary: Dictionary, digest: str = ""
) -> tuple[Programme | None, list[Fault]]:
    """Read and validate a programme file.

    Returns the programme and no faults, or None and every fault with ``file``, line, key, code and what to do, sorted.
    Nothing is raised for what stands in ``source``. ``digest`` is put into the programme as it is.
    """
    parsed = parse_toml(source, file)
    if isinstance(parsed, Fault):
        return None, [parsed]
    newer = _newer_format(parsed)
    if newer is not None:
        return None, [newer]
    reading = read_tables(parsed, dictionary)
    faults = reading.faults
    for rule in RULES:
        faults += rule(reading)
    if faults:
        return None, sorted(set(faults))
    return _build(reading, digest), []


def _newer_format(source: TomlSource) -> Fault | None:
    """A file of a newer version is not looked into: what it says may mean something else there."""
    programme = source.values.get("programme")
    version = programme.get("format_version") if isinstance(programme, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version <= FORMAT_VERSION:
        return None
    message = f"The file has format version {version}; this program reads up to {FORMAT_VERSION}."
    line = source.line(("programme", "format_version"))
    return Cause.NEWER_FORMAT.fault(source.file, line, "programme.format_version", message)


def _one(reading: Reading, table: str) -> Record:
    record = reading.one(table)
    assert record is not None, f"[{table}] was not read and no fault says so"
    return record


def _rows(make: Callable[..., Row], records: tuple[Record, ...]) -> tuple[Row, ...]:
    return tuple(make(**record.values) for record in records)


def _vaults(reading: Reading) -> tuple[Vault, ...]:
    make: Callable[..., Vault] = Vault
    return tuple(
        make(**vault.values, keys=_rows(VaultKey, vault.children["vault.key"])) for vault in reading.all("vault")
    )


def _policy(reading: Reading) -> Policy:
    make: Callable[..., Policy] = Policy
    return make(
        **_one(reading, "policy").values,
        officers=_rows(Officer, reading.all("officer")),
        vaults=_vaults(reading),
        rules=_policy_rules(reading),
        statutes=_rows(Statute, reading.all("statute")),
        deputies=_rows(Deputy, reading.all("deputy")),
        payees=_rows(Payee, reading.all("payee")),
        holidays=_rows(Holiday, reading.all("holiday")),
        time_zone=_one(reading, "programme").text("time_zone"),
    )


def _accounts(reading: Reading) -> tuple[AccountSpec, ...]:
    """The accounts of the file, and those of energy that follow from its zones and licensees."""
    ids = [[record.text("id") or "" for record in reading.all(table)] for table in ("zone", "licensee")]
    return all_accounts(_rows(AccountSpec, reading.all("account")), *ids)


def _policy_rules(reading: Reading) -> tuple[Rule, ...]:
    make: Callable[..., Rule] = Rule
    return tuple(
        make(
            **rule.values,
            quorums=_rows(Quorum, rule.children["rule.quorum"]),
            windows=_rows(Window, rule.children["rule.window"]),
        )
        for rule in reading.all("rule")
    )


def _build(reading: Reading, digest: str) -> Programme:
    """Put the checked values into the model, whose attributes have the names of the dictionary."""
    head = dict(_one(reading, "programme").values)
    start, hours = _one(reading, "programme").instant("horizon_start"), head.pop("horizon_hours")
    del head["horizon_start"]
    assert start is not None
    assert isinstance(hours, int)
    files = _one(reading, "series")
    drills = _rows(Drill, reading.all("drill"))
    make: Callable[..., Programme] = Programme
    return make(
        **head,
        horizon=HourRange(start, hours),
        zones=_rows(Zone, reading.all("zone")),
        links=_rows(Link, reading.all("link")),
        machines=_rows(MachineClass, reading.all("machine")),
        halls=_rows(HallClass, reading.all("hall")),
        pools=_rows(Pool, reading.all("pool")),
        licensees=_rows(Licensee, reading.all("licensee")),
        sites=_rows(Site, reading.all("site")),
        prices=_rows(Prices, reading.all("prices"))[0],
        network=_rows(Network, reading.all("network"))[0],
        forecast=_rows(ForecastQuality, reading.all("forecast"))[0],
        policy=_policy(reading),
        accounts=_accounts(reading),
        drill=drills[0] if drills else None,
        assumptions=tuple(reading.assumptions),
        surplus_file=files.text("surplus"),
        temperature_file=files.text("ambient"),
        digest=digest,
        batteries=_rows(Battery, reading.all("battery")),
        backups=_rows(Backup, reading.all("backup")),
        load_windows=_rows(LoadWindow, reading.all("load_window")),
        planning=_rows(Planning, reading.all("planning"))[0],
        surplus_years=_rows(SurplusYear, reading.all("surplus_year")),
        phases=_rows(Phase, reading.all("phase")),
        bank_accounts=_rows(BankAccountSpec, reading.all("bank_account")),
        reconciliation=_rows(Reconciliation, reading.all("reconciliation"))[0],
    )
