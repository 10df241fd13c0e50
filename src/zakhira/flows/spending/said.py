"""What officers have said about a spend, as the policy is asked with it."""

from __future__ import annotations

from zakhira.flows.spend_question import Said
from zakhira.flows.spending.spend import TreasurySpend


def said_of(spend: TreasurySpend) -> Said:
    """The words that the policy is asked with; each yes counts for a delay from when it was recorded here."""
    vetoes = (spend.rejection,) if spend.rejection else ()
    return Said(spend.approvals, vetoes, spend.execution, spend.recorded_at)
