"""Credits are let in again after a deficit: two officers say why coins were missing, and the books hold their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zakhira.controls.approval import Approval, approval_is_genuine
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.backing_records import CREDITS_RESUMED
from zakhira.flows.ports.backing_store import BackingStore, Deficit
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.settling_rule import stand_behind
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.flows.word_text import approval_json
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput, Refused
from zakhira.kernel.money import Commodity
from zakhira.programme.policy import Quorum, Rule

MOST_CHARACTERS = 500
"""Of the reason: a sentence and a reference, the evidence itself is filed elsewhere [E]."""
_LOOKED_AT = 1_000
"""How many deficits are looked through for the newest in a coin [E]: each is an event that stops everything."""


class NotHalted(Refused):
    """Credits are not halted: there is nothing to let in again."""

    code = "ZK-FLOWS-260"


class CoinsStillMissing(Refused):
    """Claims are still above what stands behind them."""

    code = "ZK-FLOWS-261"


class ResumptionNotBorne(Refused):
    """A word is not genuine, not for this deficit under this policy, of a revoked key, or there are too few."""

    code = "ZK-FLOWS-262"


class NoReason(InvalidInput):
    """Nobody says why coins were missing, or it takes more than a few sentences."""

    code = "ZK-FLOWS-263"


@dataclass(frozen=True)
class Resumption:
    """What officers sign: that after this deficit, for this reason, credits are let in again."""

    commodity: Commodity
    deficit: int
    because: str

    @property
    def body(self) -> dict[str, Json]:
        """As data."""
        return {"commodity": self.commodity.value, "deficit": self.deficit, "because": self.because}

    @property
    def hash(self) -> str:
        """What is signed."""
        return content_hash({"resume credits": self.body})


def draft_resumption(backing: BackingStore, commodity: Commodity, because: str) -> Resumption:
    """The statement about the newest deficit, for officers to sign.

    Raises:
        NotHalted, CoinsStillMissing: it is not the time.
        NoReason: the reason is blank or too long.
    """
    if not because.strip() or len(because) > MOST_CHARACTERS or not because.isprintable():
        raise NoReason(
            f"The reason has {len(because.strip())} characters.",
            f"Say in up to {MOST_CHARACTERS} characters why coins were missing, and where the evidence lies.",
        )
    row = backing.backing(commodity)
    newest = _newest(backing, commodity)
    if row is None or not row.is_halted or newest is None:
        raise NotHalted(f"Credits in {commodity.value} are not halted.", "There is nothing to do.")
    if row.deficit:
        raise CoinsStillMissing(
            f"Claims in {commodity.value} are still {row.deficit:,} units above what stands behind them.",
            "Bring coins in, or settle the claims, and follow the chain; see: zakhira reserve status",
        )
    return Resumption(commodity, newest.number, because.strip())


def resume_credits(treasury: Treasury, resumption: Resumption, words: Sequence[Approval]) -> None:
    """Write the officers' words; from then on credits are let in. It must be the watcher who writes.

    One officer who may propose spends and another person who approves them have signed, as for a coin in suspense.

    Raises:
        ResumptionNotBorne: the signatures.
        NotTheWatcher, NotToResume: from the books, which look at the deficit once more.
    """
    require_borne(treasury, resumption, words)
    officers = [word.officer for word in words]
    body: Json = {**resumption.body, "by": list(officers), "words": [approval_json(word) for word in words]}
    record = Record(CREDITS_RESUMED, resumption.commodity.value, body)
    key = f"credits resumed/{resumption.commodity.value}/{resumption.deficit}"
    treasury.books.commit(Write(key, " and ".join(officers), "resume credits", treasury.now, records=(record,)))


def sign_resumption(treasury: Treasury, resumption: Resumption, key: OfficerKey) -> Approval:
    """The officer's word for it, now, under the version of the policy that is in force."""
    version = authority_now(treasury).standing.policy_hash
    return sign_approval(key, resumption.hash, treasury.now.replace(microsecond=0), version)


def require_borne(treasury: Treasury, resumption: Resumption, words: Sequence[Approval]) -> None:
    """Nothing, if enough officers of the policy in force stand behind it; raises ResumptionNotBorne."""
    policy, state = policy_in_force(treasury), authority_now(treasury)
    officers = {officer.id: officer for officer in policy.officers}
    for word in words:
        officer = officers.get(word.officer)
        is_good = (
            officer is not None
            and word.instruction_hash == resumption.hash
            and word.policy_hash == state.standing.policy_hash
            and officer.public_key.lower() not in state.revoked
            and approval_is_genuine(word, officer.public_key)
        )
        if not is_good:
            raise ResumptionNotBorne(
                f"The word of {word.officer[:64]} does not count for deficit {resumption.deficit} under this policy.",
                "Let an officer of the policy in force sign it now.",
            )
    quorums = (Quorum(1, policy.approve_roles),) if policy.approve_roles else ()
    rule = Rule("resume", policy.clause, (), propose_roles=(policy.propose_role,), quorums=quorums)
    if not stand_behind(policy, rule, [officers[word.officer] for word in words]):
        raise ResumptionNotBorne(
            f"It is signed by {', '.join(word.officer for word in words) or 'nobody'}.",
            f"Let one {policy.propose_role} sign, and another person who is {' or '.join(policy.approve_roles)}.",
        )


def _newest(backing: BackingStore, commodity: Commodity) -> Deficit | None:
    found = backing.deficits(_LOOKED_AT)
    return next((one for one in found if one.commodity is commodity and one.by), None)
