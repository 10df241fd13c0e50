"""What the commands of anchors ask of the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zakhira.cli.spend_services import Ask, FeeAsked, ProposalTerms

if TYPE_CHECKING:
    from zakhira.cli.answer import Answer


@dataclass(frozen=True)
class AnchorOrder:
    """A spend of one coin back to its own vault that carries the head of the audit chain.

    Its id is ``terms.spend``, or where that is empty ``anchor-`` and the day (UTC).
    """

    terms: ProposalTerms
    vault: str
    path: str
    fee: FeeAsked


class AnchorServices(Protocol):
    """``zakhira audit anchor`` and ``zakhira audit anchors``."""

    def propose(self, order: AnchorOrder, ask: Ask, *, dry_run: bool) -> Answer:
        """Propose a spend whose only purpose is the anchor."""

    def list(self, folder: Path) -> Answer:
        """The anchors that blocks hold, and whether the audit chain still has each head."""
