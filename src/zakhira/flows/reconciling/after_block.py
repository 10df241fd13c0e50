"""The chain part after every block: coins against ledger, and the cases that come of it."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.flows.reconciling.chain import chain_findings
from zakhira.flows.reconciling.difference import Findings
from zakhira.flows.reconciling.keeping import CaseTerms, Kept, keep_cases
from zakhira.flows.treasury import Treasury
from zakhira.programme.model import Programme


@dataclass(frozen=True)
class Reconciled:
    """What one part came to, and what that did to the cases."""

    findings: Findings
    kept: Kept


def case_terms(programme: Programme) -> CaseTerms:
    """What the programme says of cases: whoever may propose spends owns one, unless it names other roles."""
    owners = programme.reconciliation.owner_roles or (programme.policy.propose_role,)
    return CaseTerms(programme.reconciliation, " or ".join(owners))


def reconcile_chain(treasury: Treasury, terms: CaseTerms) -> Reconciled:
    """Hold the followed chain against the ledger and keep the cases; to be called when both are up to date."""
    findings = chain_findings(treasury)
    return Reconciled(findings, keep_cases(treasury.books, findings, terms, treasury.now))
