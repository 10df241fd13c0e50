"""The ledger's accounts of energy: what each zone's surplus gave, and what each licensee used, in watt-hours."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.kernel.money import Commodity
from zakhira.programme.model import AccountSpec


def surplus_account(zone: str) -> str:
    """Where the surplus energy that a zone gave is counted."""
    return f"income:surplus:{zone}"


def energy_use_account(licensee: str) -> str:
    """Where the surplus energy that a licensee used is counted."""
    return f"expenses:energy:{licensee}"


def energy_accounts(zones: Iterable[str], licensees: Iterable[str]) -> tuple[AccountSpec, ...]:
    """The accounts of all zones and licensees: they follow from the programme and are not written in its file."""
    return (
        *(AccountSpec(surplus_account(zone), Commodity.WH.value, "income") for zone in zones),
        *(AccountSpec(energy_use_account(licensee), Commodity.WH.value, "expense") for licensee in licensees),
    )


def all_accounts(
    declared: Iterable[AccountSpec], zones: Iterable[str], licensees: Iterable[str]
) -> tuple[AccountSpec, ...]:
    """The accounts of a file with those of energy that it does not declare itself."""
    held = tuple(declared)
    codes = {account.code for account in held}
    return (*held, *(account for account in energy_accounts(zones, licensees) if account.code not in codes))
