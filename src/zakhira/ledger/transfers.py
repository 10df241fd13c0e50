"""Transfers: entries that move one amount from one account to another. Most entries are, and are posted in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zakhira.kernel.money import Commodity
from zakhira.ledger.entry import Entry

SIDES = 2
"""Postings of a transfer"""


class Transfers(NamedTuple):
    """Entries of one commodity in columns, a place for each: what the first posting's account gets, the other gives.

    They are in balance, say something and move something; nothing is said of the accounts.
    """

    commodity: Commodity
    accounts: list[str]
    others: list[str]
    units: list[int]
    """what is posted to the first account, in least units; it may be negative"""


def as_transfers(entries: Sequence[Entry]) -> Transfers | None:
    """The entries as transfers; None where one is anything else, or is not in order: then a closer look tells why."""
    if not entries or not entries[0].postings:
        return None
    commodity = entries[0].postings[0].amount.commodity
    accounts, others, units = [], [], []
    for entry in entries:
        if len(entry.postings) != SIDES or entry.reverses:
            return None
        first, second = entry.postings
        one, other = first.amount, second.amount
        if one.commodity is not commodity or other.commodity is not commodity or one.units != -other.units:
            return None
        if not one.units or first.lot or second.lot or first.cost is not None or second.cost is not None:
            return None
        if not (entry.id.strip() and entry.narration.strip() and entry.evidence.strip()):
            return None
        accounts.append(first.account)
        others.append(second.account)
        units.append(one.units)
    return Transfers(commodity, accounts, others, units)
