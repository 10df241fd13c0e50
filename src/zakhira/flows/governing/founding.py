"""The first version of the policy: the programme's own, when the books are opened for the first time."""

from __future__ import annotations

import contextlib
from datetime import datetime

from zakhira.controls.public_acts import Founding, RecordedAct
from zakhira.flows.governing.acts import AUTHORITY_ACT, act_name, act_record
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.programme.model import Policy

FOUNDING_KEY = "policy founded"


def found_policy(books: Books, policy: Policy, now: datetime) -> None:
    """Record the first version where there is none. What the programme says later is never taken over by itself."""
    if books.latest(AUTHORITY_ACT, act_name(1)) is not None:
        return
    record = act_record(RecordedAct(1, now.replace(microsecond=0), Founding(policy)))
    with contextlib.suppress(KeyReused):  # somebody else was faster: whose policy it is, is read again
        books.commit(Write(FOUNDING_KEY, "desk", "policy founded", now, records=(record,)))
