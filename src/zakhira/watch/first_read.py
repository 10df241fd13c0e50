"""When the watchtower first read what officers signed: a signature says its own date, and can say an older one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.watch.signed import SignedSpend


@dataclass(frozen=True)
class FirstRead:
    """A signature was read at ``at`` for the first time; at ``after``, the last reading before, it was not there."""

    at: datetime
    after: datetime | None
    """None where nothing had been read before: then nothing speaks against its own date"""

    def as_json(self) -> Json:
        """Plain data for the state on disk."""
        return [utc_text(self.at), utc_text(self.after) if self.after else ""]


def first_read_of(body: Json) -> FirstRead:
    """What :meth:`FirstRead.as_json` wrote."""
    assert isinstance(body, list), "two instants"
    at, after = map(str, body)
    return FirstRead(parse_utc(at), parse_utc(after) if after else None)


def signed_dates(spend: SignedSpend) -> dict[str, datetime]:
    """Every signature under a spend that counts for it, with the date that it gives itself."""
    dates = {spend.proposal_signature: spend.instruction.proposed_at}
    dates |= {approval.signature: approval.at for approval in spend.approvals}
    return dates | ({spend.execution.signature: spend.execution.at} if spend.execution else {})


@dataclass(frozen=True)
class Dates:
    """From when each signature counts for a transaction that was first seen at a moment.

    Its own date, but not before the last reading at which it was not there. A signature that was read only after a
    reading had shown the transaction without it keeps its own date, and stands in ``late``: it is told of, for the
    signature may be younger than the movement.
    """

    by_signature: Mapping[str, datetime]
    complete_at: datetime
    """the last of them (UTC)"""
    counted_at: datetime
    """from when the movement counts in rolling windows: never later than it was seen"""
    late: tuple[str, ...]


def dates_of(spend: SignedSpend, read: Mapping[str, FirstRead], first_seen: datetime) -> Dates:
    """The dates of a spend's signatures; one that ``read`` does not know was read in a time that was not noted."""
    dates: dict[str, datetime] = {}
    known: dict[str, datetime] = {}
    late = []
    for signature, own in signed_dates(spend).items():
        first = read.get(signature)
        floor = own if first is None or first.after is None else first.after
        known[signature] = max(own, floor)
        if first is not None and first.at > first_seen and floor >= first_seen >= own:
            late.append(signature)
            dates[signature] = own
        else:
            dates[signature] = known[signature]
    return Dates(dates, max(dates.values()), min(max(known.values()), first_seen), tuple(late))
