"""Policy and standing by the watchtower's own copy, and by what officers have signed since: each act is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from zakhira.controls.acts.authority import Authority as Folded
from zakhira.controls.acts.authority_fold import authority_at
from zakhira.controls.acts.public_acts import Founding, Proposal, RecordedAct, act_of
from zakhira.kernel.canonical import Json, canonical_bytes, content_hash, parse_canonical
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy_text import policy_hash
from zakhira.programme.vault_text import vault_hash
from zakhira.watch.alarm import Alarm, AlarmKind
from zakhira.watch.asking import Authority
from zakhira.watch.kept_words import OTHER_VERSION
from zakhira.watch.signed import Keys
from zakhira.watch.terms import WatchTerms

_EVER = datetime(2009, 1, 3, tzinfo=UTC)
"""The copy holds for every movement that a chain can show: the day of Bitcoin's first block."""


@dataclass(frozen=True)
class Acts:
    """The copy of the policy as the first act, and every act that could be read, in order."""

    founding: Policy
    vaults: tuple[Vault, ...]
    recorded: tuple[RecordedAct, ...]
    founded_as: str
    """hash of the first version as the books say it; empty where they say none"""
    faults: tuple[tuple[str, str], ...] = ()
    """ids of what could not be read, with why"""
    digest: str = ""
    """names the copy with all acts"""

    @property
    def founding_hash(self) -> str:
        """Names the copy."""
        return policy_hash(self.founding)

    def authority_at(self, at: datetime) -> Authority:
        """The policy in force at ``at``, with the vaults of the copy, and what else binds then."""
        folded = _folded(self, at)
        return Authority(replace(folded.version.policy, vaults=self.vaults), folded.standing, _keys(folded))

    def alarms(self, at: datetime) -> Iterator[Alarm]:
        """Acts that do not bear out what they say, and a freeze that stands."""
        if self.founded_as not in {"", self.founding_hash}:
            sentence = (
                f"The first version of the policy in the books has the hash {self.founded_as}, the watchtower's copy "
                f"{self.founding_hash}. Rule broken: a policy changes by a motion with its quorum alone."
            )
            yield Alarm(AlarmKind.POLICY_UNPROVEN, "policy founding", sentence)
        for name, fault in self.faults:
            sentence = f"Act {name} about the policy cannot be read: {fault}"
            yield Alarm(AlarmKind.POLICY_UNPROVEN, f"act:{name}", sentence)
        folded = _folded(self, at)
        for refused in folded.faults:
            sentence = (
                f"Act {refused.number} about the policy does not count: {refused.refusal.text} "
                "Rule broken: a policy changes by signatures that its own quorum asks for."
            )
            facts = {"cause": refused.refusal.cause.name}
            yield Alarm(AlarmKind.POLICY_UNPROVEN, f"act:{refused.number}", sentence, facts)
        for name, freeze in folded.freezes.items():
            sentence = f"{freeze.officer} froze the reserve at {utc_text(freeze.at)}: {freeze.reason}"
            yield Alarm(AlarmKind.FROZEN, f"freeze:{name}", sentence)
        copied = {(vault.id, vault_hash(vault)) for vault in self.vaults}
        for name, vault in folded.vaults.items():
            if vault.motion and (name, vault.hash) not in copied:
                sentence = (
                    f"Officers accepted vault {name} ({vault.hash[:12]}) at {utc_text(vault.since)}, and the copy "
                    "lacks it: its coins are not watched, and moves to it count as payments outside. Renew the copy."
                )
                yield Alarm(AlarmKind.VAULT_UNKNOWN, f"vault:{name}:{vault.hash}", sentence, {"hash": vault.hash})


def acts_of(terms: WatchTerms, bodies: Mapping[str, Json], seen_late: Mapping[str, datetime]) -> Acts:
    """The acts of the source on top of the copy. ``seen_late`` says before which moment an act was not there.

    It counts from then at the earliest: a lock is not shortened by writing an old date into the books.
    """
    founding = replace(terms.policy, vaults=())
    vaults = tuple(record.vault for record in terms.vaults)
    recorded, faults, founded_as, others = [RecordedAct(1, _EVER, Founding(founding))], [], "", 0
    for name, body in sorted(bodies.items()):
        act = _parsed(canonical_bytes(body))
        if isinstance(act, str):
            faults.append((name, act))
        elif isinstance(act.act, Founding):
            founded_as = policy_hash(act.act.policy)
            # What was ours from the start matters to later motions alone: coins are judged by the copy's own vaults.
            recorded[0] = replace(recorded[0], act=Founding(founding, act.act.vaults))
        else:
            # A motion is held against its own recording, and no lock runs from it: its approvals bring it about.
            late = None if isinstance(act.act, Proposal) else seen_late.get(name)
            # What was read under a number that had an act already counts after it by what it is signed with.
            others += OTHER_VERSION in name and recorded[-1].number >= act.number + others
            recorded.append(replace(act, number=act.number + others, at=max(act.at, late or act.at)))
    told = {name: content_hash(body) for name, body in bodies.items()}
    digest = content_hash({"founding": policy_hash(founding), "acts": told})
    return Acts(founding, vaults, tuple(recorded), founded_as, tuple(faults), digest)


@lru_cache(maxsize=4_096)
def _parsed(body: bytes) -> RecordedAct | str:
    try:
        return act_of(parse_canonical(body))
    except ZakhiraError as error:
        return error.message


def _keys(folded: Folded) -> Keys:
    officers = {officer.id for version in folded.versions for officer in version.policy.officers}
    return {officer: folded.keys_of(officer) for officer in officers}


def _folded(acts: Acts, at: datetime) -> Folded:
    return _fold(acts.recorded, at)


@lru_cache(maxsize=64)
def _fold(recorded: tuple[RecordedAct, ...], at: datetime) -> Folded:
    return authority_at(recorded, at)
