"""Everything that is wrong with a policy, found by analysis alone: nothing is asked of the books or the chain."""

from __future__ import annotations

from zakhira.controls.analysis.cells import Deciders, space_of
from zakhira.controls.analysis.faults_names import name_findings, zone_findings
from zakhira.controls.analysis.faults_people import people_findings
from zakhira.controls.analysis.faults_reach import coverage_findings, reach_findings
from zakhira.controls.analysis.faults_terms import term_findings
from zakhira.controls.analysis.faults_ways import WaysSearch
from zakhira.controls.analysis.finding import Analysis, Finding, Severity
from zakhira.controls.analysis.ways import Ways
from zakhira.programme.model import Policy


def analyse(policy: Policy, chain: str = "") -> Analysis:
    """Look at a policy with its vaults from every side.

    What a rule fits is exact: all questions that the policy can tell apart are looked at. Ways with fewer people are
    sought over every set of people that differ in their roles up to :data:`~.policy_people.MOST_SETS` for a way;
    what was left out is told in ``bounds``.
    """
    without_zone = tuple(zone_findings(policy))
    if without_zone:
        return Analysis(without_zone)
    space, deciders = space_of(policy), Deciders(policy)
    search = WaysSearch(Ways(policy, space, deciders))
    found = [
        *reach_findings(space, deciders),
        *people_findings(policy, space, deciders),
        *term_findings(policy, space, deciders),
        *name_findings(policy, chain),
        *coverage_findings(policy, space, deciders),
        *search.findings(),
    ]
    return Analysis(tuple(sorted(dict.fromkeys(found), key=_order)), tuple(dict.fromkeys(search.bounds)))


def _order(finding: Finding) -> tuple[bool, str, str, str]:
    return finding.severity is not Severity.FAULT, finding.cause.code, finding.table, finding.id
