"""The first version of the policy and the first vaults: the programme's own, when the books are opened first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime

from zakhira.controls.acts.public_acts import Founding, RecordedAct
from zakhira.controls.engine.cedar_faults import authorization_faults
from zakhira.flows.governing.acts import AUTHORITY_ACT, act_name, act_record, definitions
from zakhira.flows.governing.refusals import PolicyFaulty
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.programme.model import Policy, Vault

FOUNDING_KEY = "policy founded"


def found_policy(books: Books, policy: Policy, now: datetime, there: Iterable[Vault] = ()) -> None:
    """Record the first version where there is none. What the programme says later is never taken over by itself.

    The vaults that the programme names count as ours from here on, and those that are ``there`` already: of books that
    were opened before policies were founded. Others are accepted by motions.

    Raises:
        PolicyFaulty: Cedar text of the programme's own cannot be used: nothing could be decided by it.
    """
    if books.latest(AUTHORITY_ACT, act_name(1)) is not None:
        return
    faults = authorization_faults(policy.authorization)
    if faults:
        raise PolicyFaulty(faults[0].message, "Mend it; zakhira policy check names the place.")
    vaults = definitions((*policy.vaults, *there))
    record = act_record(RecordedAct(1, now.replace(microsecond=0), Founding(policy, vaults)))
    with contextlib.suppress(KeyReused):  # somebody else was faster: whose policy it is, is read again
        books.commit(Write(FOUNDING_KEY, "desk", "policy founded", now, records=(record,)))
