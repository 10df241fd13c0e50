"""What officers have said about a spend, over all versions of its record: a newer record takes back no word.

Whoever can write to the books, and has no officer's key, could else wipe a no or a wrong entry by one more record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from zakhira.controls.approval import Execution, Veto
from zakhira.flows.ports.books import Books
from zakhira.flows.spend_question import Said
from zakhira.flows.spending.spend import TREASURY_SPEND, Fields, TreasurySpend
from zakhira.flows.word_text import execution_of, veto_of
from zakhira.kernel.interval import parse_utc


def said_of(books: Books, spend: TreasurySpend) -> Said:
    """The words that the policy is asked with: every no that was ever recorded of it is among them.

    Each yes counts for a delay from the latest moment at which a version says that it was recorded.
    """
    versions = _versions(books, spend)
    vetoes: list[Veto] = [spend.rejection] if spend.rejection else []
    recorded_at: dict[str, datetime] = dict(spend.recorded_at)
    for told in versions:
        rejection = cast("Fields | None", told.get("rejection"))
        if rejection and (veto := veto_of(rejection, spend.instruction.hash)) not in vetoes:
            vetoes.append(veto)
        for signature, text in cast("Mapping[str, str]", told.get("recorded_at", {})).items():
            at = parse_utc(text)
            recorded_at[signature] = max(at, recorded_at.get(signature, at))
    return Said(spend.approvals, tuple(vetoes), spend.execution, recorded_at)


def wrong_entries(books: Books, spend: TreasurySpend) -> tuple[Execution, ...]:
    """Every amount that was ever entered otherwise at its execution, each once, in the order in which they came."""
    found: list[Execution] = []
    for told in _versions(books, spend):
        items = cast("list[Fields]", told.get("mismatches", []))
        found += [entered for item in items if (entered := execution_of(item)) not in found]
    return tuple(found + [entered for entered in spend.mismatches if entered not in found])


def _versions(books: Books, spend: TreasurySpend) -> list[Fields]:
    return [cast("Fields", body) for body in books.versions(TREASURY_SPEND, spend.id)]
