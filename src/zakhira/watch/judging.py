"""The verdict on one transaction that spends coins of a vault: whether it is what officers and policy allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.movements import Movements
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_transaction
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.watch.alarm import Alarm, AlarmKind
from zakhira.watch.asking import AuthorityAt, Balance, answer, question_of
from zakhira.watch.first_read import FirstRead, dates_of
from zakhira.watch.matching import Match, find_match
from zakhira.watch.places import Places
from zakhira.watch.signed import SignedSpend, forged_signatures
from zakhira.watch.state import SeenSpend, VaultCoin
from zakhira.watch.witness import decoded_spend, signers_of_path, signing_keys

_TOLD = 5
"""So many payees are named in a sentence; all stand in the facts."""

_NO_HEIGHT = 1 << 31
"""What is in no block yet stands behind every block."""


@dataclass(frozen=True)
class Case:
    """What a verdict is taken on, beside the transaction."""

    places: Places
    coins: Mapping[str, VaultCoin]
    signed: Mapping[str, SignedSpend]
    """with the vetoes that are kept"""
    said: Mapping[str, SignedSpend]
    """as the source says them now: a forgery that is there no longer is none"""
    carried_out: Mapping[str, tuple[SeenSpend, ...]]
    """other transactions by the spend that they carry out"""
    read: Mapping[str, FirstRead]
    """when signatures were first read"""
    movements: Movements
    authority_at: AuthorityAt
    balance_of: Callable[[str, frozenset[str]], Balance]
    """what a vault holds in blocks, with these coins of it"""

    def vault_of(self, script_hex: str) -> str:
        """The vault of a script; empty for a stranger's."""
        own = self.places.of(script_hex)
        return own.vault if own else ""


def judge(seen: SeenSpend, case: Case) -> SeenSpend:
    """The transaction with the verdict: which spend it carries out, and every rule that it breaks."""
    try:
        transaction = decode_transaction(seen.raw_hex)
    except ZakhiraError as error:
        sentence = f"The transaction {seen.txid} spends a vault's coin, and {error.message} Rule broken: nothing moves "
        return replace(seen, alarms=(_alarm(AlarmKind.UNREADABLE, seen, f"{sentence}unread.", {}),))
    coins = {outpoint: case.coins[outpoint] for outpoint in seen.coins if outpoint in case.coins}
    decoded = decoded_spend(transaction, coins, case.places, "")
    policy = case.authority_at(seen.first_seen).policy
    used = frozenset(name for name, others in case.carried_out.items() if _rivals(others, seen))
    match = find_match(decoded, coins, case.signed.values(), policy, case.places.chain, used)
    signers, whole = signing_keys(transaction, decoded, coins, case.places)
    facts = _facts(seen, decoded, coins, signers)
    if match is None or match.difference is not None:
        return replace(seen, spend_id="", instruction_hash="", alarms=(_unmatched(seen, match, decoded, case, facts),))
    return _matched(seen, match.spend, coins, case, facts, signers if whole else signers | {"a key that is not told"})


def _rivals(others: Iterable[SeenSpend], seen: SeenSpend) -> tuple[SeenSpend, ...]:
    """Other transactions of the same spend that are there: versions that one replaces are gone."""
    return tuple(one for one in others if one.txid != seen.txid and not one.is_gone)


def _matched(
    seen: SeenSpend,
    spend: SignedSpend,
    coins: Mapping[str, VaultCoin],
    case: Case,
    facts: dict[str, Json],
    signers: frozenset[str],
) -> SeenSpend:
    instruction = spend.instruction
    facts = {**facts, "spend": instruction.id, "instruction_hash": instruction.hash}
    dates = dates_of(spend, case.read, seen.first_seen)
    latest, earlier = moments(seen, dates.complete_at)
    authority = case.authority_at(latest)
    question = question_of(
        spend,
        coins,
        case.balance_of(instruction.from_vault, frozenset(seen.coins)),
        case.vault_of,
        case.places.chain,
        dates.by_signature,
    )
    decision = answer(question, case.authority_at, case.movements, latest, earlier)
    alarms = []
    forged = forged_signatures(case.said.get(instruction.id, spend), authority.keys)
    if forged:
        alarms.append(_forged(seen, instruction.id, forged, facts))
    if not decision.allowed:
        alarms.append(_refused(seen, instruction.id, decision, facts))
    strangers = signers - allowed_signers(authority.policy, decision.rule, instruction.from_vault, instruction.path)
    if strangers:
        alarms.append(_strangers(seen, instruction.id, decision, strangers, facts))
    if dates.late:
        alarms.append(_read_afterwards(seen, spend, dates.late, facts))
    return replace(
        seen,
        spend_id=instruction.id,
        instruction_hash=instruction.hash,
        counted_at=dates.counted_at,
        alarms=tuple(alarms),
    )


def moments(seen: SeenSpend, complete_at: datetime) -> tuple[datetime, tuple[datetime, ...]]:
    """When the transaction was surely there, and the earlier moment at which it may have been sent, if there is one.

    It was there when it was seen, or at its block's time; it was not yet there at the last look before. A block's time
    may lie before its signatures by as much as miners' clocks are off: then theirs is the moment.
    """
    earliest = max(complete_at, seen.not_there_at or complete_at)
    latest = min(seen.first_seen, max(seen.block_at or seen.first_seen, earliest))
    return latest, (earliest,) if earliest < latest else ()


def allowed_signers(policy: Policy, rule_id: str, vault_id: str, path: str) -> frozenset[str]:
    """Who may sign: the signers of the path, and of them those that the rule names where it names any."""
    vault = next((vault for vault in policy.vaults if vault.id == vault_id), None)
    rule = next((rule for rule in policy.rules if rule.id == rule_id), None)
    all_of_path = signers_of_path(vault, path) if vault else frozenset()
    return all_of_path & frozenset(rule.signers) if rule and rule.signers else all_of_path


def _alarm(kind: AlarmKind, seen: SeenSpend, sentence: str, facts: Mapping[str, Json]) -> Alarm:
    return Alarm(kind, f"{kind.name.lower()}:{seen.txid}", sentence, facts)


def where(seen: SeenSpend) -> str:
    """Where the transaction is, in words."""
    return f"in block {seen.height}" if seen.height else "in the mempool, not in a block yet"


def _facts(
    seen: SeenSpend, decoded: Decoded, coins: Mapping[str, VaultCoin], signers: frozenset[str]
) -> dict[str, Json]:
    return {
        "txid": seen.txid,
        "height": seen.height,
        "block_hash": seen.block_hash,
        "first_seen": seen.first_seen.isoformat(),
        "vaults": sorted({coin.vault for coin in coins.values()}),
        "coins": {coin.outpoint: coin.amount_sats for coin in coins.values()},
        "outputs": [
            {"address": output.address, "script_hex": output.script_hex, "amount_sats": output.amount_sats}
            for output in decoded.outputs
        ],
        "signers": sorted(signers),
    }


def _unmatched(seen: SeenSpend, match: Match | None, decoded: Decoded, case: Case, facts: Mapping[str, Json]) -> Alarm:
    vaults = " and ".join(map(str, facts["vaults"]))  # type: ignore[arg-type]  # a list of texts
    outside = [output for output in decoded.outputs if case.places.of(output.script_hex) is None]
    total = sum(output.amount_sats for output in outside)
    payees = ", ".join(output.address or output.script_hex[:40] for output in outside[:_TOLD])
    who = ", ".join(map(str, facts["signers"])) or "nobody known"  # type: ignore[arg-type]  # a list of texts
    sentence = (
        f"Coins of vault {vaults} are spent {where(seen)} by {seen.txid}, which pays {sats(total)} to "
        f"{payees or 'nobody outside'}, signed with keys of {who}. Rule broken: no coin of a vault moves without an "
        "approved instruction; none says so."
    )
    if match is not None and match.difference is not None:
        sentence += f" The nearest, {match.spend.instruction.id}, is another: {match.difference.message}"
    return _alarm(AlarmKind.NO_INSTRUCTION, seen, sentence, facts)


def _forged(seen: SeenSpend, spend_id: str, forged: tuple[str, ...], facts: Mapping[str, Json]) -> Alarm:
    sentence = (
        f"Spend {spend_id} is {where(seen)} ({seen.txid}), and signatures under its instruction do not verify: "
        f"{'; '.join(forged)}. Rule broken: what officers signed is what moves."
    )
    return _alarm(AlarmKind.NOT_GENUINE, seen, sentence, facts)


def rule_name(decision: Decision) -> str:
    """The rule that decided, in words."""
    if not decision.rule:
        return "what no rule of the policy allows is refused"
    return f"rule {decision.rule}" + (f" ({decision.clause})" if decision.clause else "")


def _refused(seen: SeenSpend, spend_id: str, decision: Decision, facts: Mapping[str, Json]) -> Alarm:
    why = [reason.text for reason in decision.reasons]
    why += [f"missing: {', '.join(decision.missing)}"] if decision.needs else []
    why += [remark.text for remark in decision.remarks]
    codes: list[Json] = [reason.code for reason in (*decision.reasons, *decision.remarks)]
    sentence = (
        f"Spend {spend_id} is {where(seen)} ({seen.txid}), and the policy did not allow it. "
        f"Rule broken: {rule_name(decision)}; {' '.join(why)}"
    )
    told: dict[str, Json] = {**facts, "rule": decision.rule, "clause": decision.clause, "why": codes}
    return _alarm(AlarmKind.REFUSED_BY_POLICY, seen, sentence, told)


def _strangers(
    seen: SeenSpend, spend_id: str, decision: Decision, strangers: frozenset[str], facts: Mapping[str, Json]
) -> Alarm:
    sentence = (
        f"Spend {spend_id} is {where(seen)} ({seen.txid}), signed with keys of {', '.join(sorted(strangers))}. "
        f"Rule broken: {rule_name(decision)} does not name them as signers of this path."
    )
    return _alarm(AlarmKind.STRANGE_SIGNER, seen, sentence, {**facts, "strangers": sorted(strangers)})


def used_twice(spends: Iterable[SeenSpend]) -> Iterator[Alarm]:
    """An alarm for each transaction whose spend another one carries out as well, in whatever order they came."""
    by_spend: dict[str, list[SeenSpend]] = {}
    for spend in spends:
        if spend.spend_id and not spend.is_gone:
            by_spend.setdefault(spend.spend_id, []).append(spend)
    for name, present in by_spend.items():
        first, *others = sorted(present, key=lambda one: (one.first_seen, one.height or _NO_HEIGHT, one.txid))
        for other in others:
            yield _twice(other, name, first)


def _twice(seen: SeenSpend, spend_id: str, other: SeenSpend) -> Alarm:
    sentence = (
        f"Spend {spend_id} is carried out by {other.txid} {where(other)}, and {seen.txid} {where(seen)} pays the same "
        "once more. Rule broken: an instruction is carried out once."
    )
    facts: dict[str, Json] = {"txid": seen.txid, "spend": spend_id, "other_txid": other.txid}
    return _alarm(AlarmKind.USED_TWICE, seen, sentence, facts)


def _read_afterwards(seen: SeenSpend, spend: SignedSpend, late: tuple[str, ...], facts: Mapping[str, Json]) -> Alarm:
    by = sorted({approval.officer for approval in spend.approvals if approval.signature in late})
    whose = f", those of {', '.join(by)} among them" if by else ""
    sentence = (
        f"Spend {spend.instruction.id} is {where(seen)} ({seen.txid}), and {len(late)} of the signatures that allow it"
        f"{whose} were read only after it was seen at {utc_text(seen.first_seen)}. They may have been made after it "
        "moved: compare them with what the officers remember."
    )
    return _alarm(AlarmKind.READ_AFTERWARDS, seen, sentence, {**facts, "signatures": list(late)})
