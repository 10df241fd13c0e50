"""What ``zakhira verify`` answers."""

from __future__ import annotations

from dataclasses import asdict

from zakhira.cli.answer import Answer, Table, Word
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.proofs.verdict import (
    FAILED,
    FAILED_OUTCOME,
    IMPOSSIBLE_OUTCOME,
    NOT_VERIFIED,
    PASSED_OUTCOME,
    VERIFIED,
    Verdict,
)

_MARKS = {PASSED_OUTCOME: "✓ passed", FAILED_OUTCOME: "✗ failed", IMPOSSIBLE_OUTCOME: "? not possible"}
_WORDS = {VERIFIED: Word.YES, FAILED: Word.NO, NOT_VERIFIED: Word.UNKNOWN}


def verdict_answer(verdict: Verdict) -> Answer:
    """Each check with where its answer comes from, what failed first."""
    rows = tuple((_MARKS[check.outcome], check.source, check.words, check.detail) for check in verdict.checks)
    facts: dict[str, Json] = {
        "verdict": verdict.word,
        "programme": verdict.programme_id,
        "height": verdict.height,
        "block_hash": verdict.block_hash,
        "proven_sats": verdict.proven_sats,
        "claims_sats": verdict.claims_sats,
        "moved_since": dict(verdict.moved),
        "checks": [asdict(check) for check in verdict.checks],
    }
    table = Table("The checks, and where each answer comes from", ("outcome", "from", "what", "detail"), rows)
    return Answer((table,), facts, _verdict_sentence(verdict), _WORDS[verdict.word])


def _verdict_sentence(verdict: Verdict) -> str:
    if verdict.word == FAILED:
        return f"FAILED: {'; '.join(f'{check.words}: {check.detail}' for check in verdict.failed)}"
    if verdict.word == NOT_VERIFIED:
        return f"NOT VERIFIED: {'; '.join(check.detail for check in verdict.impossible)}"
    moved = "".join(
        f" The coin {outpoint} has moved since, at height {height}." for outpoint, height in verdict.moved.items()
    )
    proven = Amount(verdict.proven_sats, Commodity.BTC)
    return f"VERIFIED: {proven} in {verdict.programme_id} at block {verdict.height}.{moved}"
