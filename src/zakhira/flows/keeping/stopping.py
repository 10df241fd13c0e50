"""A frozen account: any officer stops at once what is posted to it; to let it go on takes as many as any act."""

from __future__ import annotations

from zakhira.controls.engine.permissions import permit
from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.acts import freeze_act
from zakhira.flows.keeping.refusals import ActNotAllowed, NoReason
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.step import begin_step

FREEZE_DOMAIN = "account-freeze"
"""What an officer's signature over the freeze of an account begins with."""
LEDGER_FREEZE = "ledger freeze"
"""Kind of the records of officers' words that froze accounts; the id is the account's code."""


def freeze_account(desk: PayoutDesk, code: str, because: str, officer: OfficerKey) -> LedgerAct:
    """Stop postings to an account on one officer's word: it moves nothing, and it must be possible at once.

    Raises:
        NoReason: it does not say why.
        ActNotAllowed: Cedar does not let this officer freeze.
        UnknownLedgerAccount, NothingToChange, VaultAccount: the account.
    """
    if not because.strip():
        raise NoReason(f"freeze {code}: no reason is given.", "Say why, and where the evidence lies.")
    at = begin_step(desk, whatever_the_clock=True).at
    state = desk.in_force
    answer = permit(state.version.policy, state.standing, officer.officer, "freeze", None, at)
    if not answer.allowed:
        raise ActNotAllowed(answer.reason, "Let an officer freeze it whose key is not revoked.")
    act = freeze_act(desk, code, because, freezes=True)
    signature = officer.sign(FREEZE_DOMAIN, act.hash)
    word = Record(LEDGER_FREEZE, code, {"act": act.hash, "officer": officer.officer, "signature": signature})
    desk.books.commit(Write(f"ledger freeze/{act.hash}", officer.officer, act.title, at, records=(*act.records, word)))
    return act
