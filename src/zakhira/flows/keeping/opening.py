"""Accounts are opened empty: that moves nothing, and one officer who may put acts on the ledger forward does it."""

from __future__ import annotations

from collections.abc import Mapping

from zakhira.controls.engine.permissions import permit
from zakhira.controls.engine.question import Question
from zakhira.flows.keeping.act import ACTION
from zakhira.flows.keeping.refusals import ActNotAllowed, NoReason, NothingToChange, NotOpenedByHand
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.ledger_records import account_record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.kernel.canonical import content_hash
from zakhira.ledger.account_record import HeldAccount, require_account
from zakhira.ledger.chart import is_under
from zakhira.programme.model import AccountSpec

OPENED_BY_FLOWS: Mapping[str, str] = {
    "liabilities:campaigns": "a campaign that officers approve",
    "liabilities:withheld": "a campaign that officers approve",
    "liabilities:ordered": "a campaign that officers approve",
    "expenses:campaigns": "a campaign that officers approve",
    "liabilities:participants": "a participant who is registered",
    "assets:vault": "a vault that officers accept",
}
"""Branches whose accounts come with what they belong to, with the bounds that belong to it: one officer, who opened one
beforehand, would choose these bounds, or hold a number of a participant for ever."""


def open_account(desk: PayoutDesk, spec: AccountSpec, because: str, officer: OfficerKey) -> HeldAccount:
    """Open an account of the programme's own, empty.

    Raises:
        NoReason: it does not say why.
        BadAccountRecord, VaultAccount: no account can be so.
        NotOpenedByHand: accounts of its branch are opened by what they belong to.
        NothingToChange: it is there.
        ActNotAllowed: Cedar does not let this officer.
    """
    account = HeldAccount(spec)
    if not because.strip():
        raise NoReason(f"open {spec.code}: no reason is given.", "Say why, and where the evidence lies.")
    require_account(account)
    _require_free_branch(spec.code)
    if desk.ledger.account(spec.code) is not None:
        raise NothingToChange(f"{spec.code} is there already.", "See it: zakhira ledger show DIR ACCOUNT")
    require_may_open(desk, officer, f"open {spec.code}")
    record = account_record(account, because)
    key = f"open account/{spec.code}/{content_hash(record.body)}"
    desk.books.commit(Write(key, officer.officer, f"open {spec.code}", desk.now, records=(record,)))
    return account


def _require_free_branch(code: str) -> None:
    branch = next((branch for branch in OPENED_BY_FLOWS if is_under(code, branch)), None)
    if branch is not None:
        raise NotOpenedByHand(
            f"{code} lies under {branch}, where {OPENED_BY_FLOWS[branch]} opens accounts.",
            "Give the account a code elsewhere in the tree.",
        )


def require_may_open(desk: PayoutDesk, officer: OfficerKey, what: str) -> None:
    """Pass if the officer may put acts on the ledger forward; raises ActNotAllowed."""
    state = desk.in_force
    question = Question(ACTION, what, "", officer.officer, desk.now, desk.now)
    answer = permit(state.version.policy, state.standing, officer.officer, "propose", question, desk.now)
    if not answer.allowed:
        raise ActNotAllowed(f"{what}: {answer.reason}", "Let an officer do it who may put acts on the ledger forward.")
