"""What PostgreSQL's errors mean in the words of the books."""

from __future__ import annotations

import psycopg

from zakhira.flows.paying.refusals import PayoutsStopped
from zakhira.flows.ports.books_errors import (
    BalanceTooLarge,
    ChainBroken,
    DatabaseFull,
    DatabaseRefused,
    DatabaseUnreachable,
    EntryExists,
    InvariantBroken,
    KeyReused,
    LotMissing,
    NotToResume,
    Overdrawn,
    Unbalanced,
    UnknownAccount,
    WatchersAlone,
    WritersInTheWay,
)
from zakhira.flows.ports.coin_events import BrokenChainEvent
from zakhira.kernel.errors import ZakhiraError
from zakhira.ledger.faults import (
    AboveCeiling,
    AccountChanged,
    AccountFrozen,
    BadAccountRecord,
    BadHolder,
    BadReversal,
    ClaimsAboveBacking,
    CreditsHalted,
    PeriodClosed,
    PeriodNotOver,
    PeriodOutOfOrder,
    VaultAccount,
    WrongCommodity,
)
from zakhira.settlement.payouts.faults import BeyondCampaign

AUDIT_BROKEN, UNBALANCED, OVERDRAWN, CHAIN_BROKEN, OVERTAKEN = "ZK002", "ZK004", "ZK005", "ZK006", "ZK007"
"""SQLSTATEs that our own triggers raise; see the migrations."""

RACES = ("40001", "40P01", "55P03", OVERTAKEN)
"""A serialisation failure, a deadlock, a lock that was waited for in vain, a later write that was faster: try again."""

_BY_CONSTRAINT: dict[str, type[ZakhiraError]] = {
    "entry_id_key": EntryExists,
    "audit_key_key": KeyReused,
    "posting_account_commodity_fkey": UnknownAccount,
    "posting_coin_has_lot": LotMissing,
    "balance_floor": Overdrawn,
    "balance_ceiling": AboveCeiling,
    "posting_account_is_there": UnknownAccount,
    "posting_commodity_of_account": WrongCommodity,
    "account_is_another": AccountChanged,
    "account_is_of_the_chain": VaultAccount,
    "account_kind_check": BadAccountRecord,
    "account_claim_is_a_liability_in_coin": BadAccountRecord,
    "account_code_is_a_path": BadAccountRecord,
    "account_kind_is_its_branch": BadAccountRecord,
    "account_held_is_a_liability": BadHolder,
    "account_suspense_is_one": BadAccountRecord,
    "account_of_coins_has_a_floor": BadAccountRecord,
    "account_claim_is_never_below_zero": BadAccountRecord,
    "period_in_order": PeriodOutOfOrder,
    "period_is_over": PeriodNotOver,
    "entry_reversed_once": BadReversal,
}
_BY_STATE: dict[str, type[ZakhiraError]] = {
    AUDIT_BROKEN: ChainBroken,
    UNBALANCED: Unbalanced,
    OVERDRAWN: Overdrawn,
    CHAIN_BROKEN: BrokenChainEvent,
    "ZK008": PeriodClosed,
    "ZK009": AccountFrozen,
    "ZK011": ClaimsAboveBacking,
    "ZK012": CreditsHalted,
    "ZK014": BadReversal,
    "ZK020": WatchersAlone,
    "ZK021": NotToResume,
    **dict.fromkeys(("ZK030", "ZK031", "ZK032", "ZK033", "ZK034", "ZK036"), BeyondCampaign),
    "ZK035": PayoutsStopped,
    **dict.fromkeys(RACES, WritersInTheWay),
    "22003": BalanceTooLarge,
    "53100": DatabaseFull,
    "25P03": DatabaseUnreachable,  # we were held up in the middle, and the server has ended the connection
}
_REFUSED_CLASSES = ("28", "3D", "42501")
"""Invalid authorisation, no such database, insufficient privilege."""
_UNREACHABLE_CLASSES = ("08", "53", "57P", "57014", "58")
"""Connection, resources, intervention by the operator, a question that took too long, and system."""

_REMEDIES: dict[type[ZakhiraError], str] = {
    BeyondCampaign: "Pay by a payout that officers approved: zakhira payout prepare; nothing was written.",
    PayoutsStopped: "Clear it up, and let officers end the stop: zakhira payout resume DIR",
    EntryExists: "Correct it by a further entry.",
    KeyReused: "Give each write its own key.",
    UnknownAccount: "Open the account first.",
    LotMissing: "Name the outpoint that holds the coin and its source.",
    BalanceTooLarge: "Check the amounts.",
    Unbalanced: "Let debits and credits cancel in each commodity.",
    Overdrawn: "Move only what is there; nothing was written.",
    WrongCommodity: "Post to an account of that commodity.",
    AboveCeiling: "Post less, or have the ceiling raised.",
    AccountFrozen: "Have it unfrozen, or post to another account.",
    AccountChanged: "Open another account.",
    BadHolder: "Let participants hold liabilities alone.",
    BadAccountRecord: "docs/ledger.md tells what an account may be.",
    VaultAccount: "Stop the vault's spends by the policy: zakhira policy freeze.",
    PeriodClosed: "Date the entry in the open period, and say in words what it is about.",
    PeriodOutOfOrder: "Close the periods one after another, each once.",
    PeriodNotOver: "Close it when its last day is over.",
    BadReversal: "Reverse a whole entry once, exactly: zakhira ledger reverse.",
    ClaimsAboveBacking: "Credit no more than what proven coins stand behind; nothing was written.",
    CreditsHalted: "Find out what is missing: zakhira ledger backing. Credits go on when officers resume them.",
    WatchersAlone: "Let the process do it that follows the chain, with the watcher's login.",
    NotToResume: "See what stands behind the claims: zakhira reserve status",
    BrokenChainEvent: "Read the state again and follow the chain from there; nothing was written.",
    ChainBroken: "Let nobody write, keep the database as it is, and compare it with signed heads and a backup.",
    WritersInTheWay: "Run it again.",
    DatabaseFull: "Make room on the database's disk and run again: what is committed stays.",
    DatabaseRefused: "Check the user, the password and the name of the database.",
    DatabaseUnreachable: "See that the database runs, and run again: what is committed stays.",
    InvariantBroken: "Report this: the program and its database do not agree.",
}


def translate(error: psycopg.Error) -> ZakhiraError:
    """The error of the books that stands for ``error``, with the database's own first line. Never with a password."""
    cause = _cause(error)
    said = (error.diag.message_primary or str(error)).strip().split("\n", 1)[0].rstrip(".")
    return cause(f"The database says: {said}.", _REMEDIES[cause])


def _cause(error: psycopg.Error) -> type[ZakhiraError]:
    state = error.sqlstate
    named = _BY_CONSTRAINT.get(error.diag.constraint_name or "")
    if named is not None:
        return named
    if state in _BY_STATE:
        return _BY_STATE[state]
    if state is not None and state.startswith(_REFUSED_CLASSES):
        return DatabaseRefused
    if state is None or state.startswith(_UNREACHABLE_CLASSES):
        return DatabaseUnreachable if isinstance(error, psycopg.OperationalError) else InvariantBroken
    return InvariantBroken
