"""The table at the end of ``zakhira run``: what the chain came to, in rows of label, value and unit."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.reports.facts import RunFacts
from zakhira.reports.numbers import btc, fixed, percent
from zakhira.reports.totals import energy_totals, tie_out


@dataclass(frozen=True)
class SummaryRow:
    """One line: ``figure`` is the plain value for ``--json``, ``value`` is how it is written."""

    key: str
    label: str
    value: str
    unit: str
    figure: int | float | str | bool


def run_summary(facts: RunFacts) -> tuple[SummaryRow, ...]:
    """The rows of the summary; coins are in sats as figures and in BTC as text, exact in both."""
    totals, tie = energy_totals(facts), tie_out(facts)
    allocated = facts.plan.power_mw

    def coins(key: str, label: str, units_sats: int) -> SummaryRow:
        return SummaryRow(f"{key}_sats", label, btc(units_sats), "BTC", units_sats)

    return (
        SummaryRow("allocated_mw", "allocated", fixed(allocated, 1), "MW", allocated),
        SummaryRow("cap_mw", "allocated at most", fixed(facts.plan.cap_mw, 1), "MW", facts.plan.cap_mw),
        SummaryRow(
            "gap_share",
            "plan within",
            percent(facts.plan.certificate.gap_share),
            "of the best possible",
            facts.plan.certificate.gap_share,
        ),
        SummaryRow("surplus_mwh", "surplus offered", fixed(totals.surplus_mwh, 1), "MWh", totals.surplus_mwh),
        SummaryRow("used_mwh", "surplus used", fixed(totals.used_mwh, 1), "MWh", totals.used_mwh),
        SummaryRow("shed_mwh", "granted but not run", fixed(totals.shed_mwh, 1), "MWh", totals.shed_mwh),
        coins("received", "royalty received", tie.received_sats),
        coins("fees", "network fees", tie.fees_sats),
        coins("intake", "in intake", tie.intake_sats),
        coins("cold", "in cold", tie.cold_sats),
        coins("ledger", "in the ledger", tie.ledger_sats),
        coins("proven", "proven in cold", tie.proven_sats),
        SummaryRow("ties", "received - fees = intake + cold = ledger", "yes" if tie.ties else "NO", "", tie.ties),
        SummaryRow("cold_is_proven", "cold = proven", "yes" if tie.proven else "NO", "", tie.proven),
        SummaryRow("verdict", "proof", facts.verdict.word, "", facts.verdict.word),
    )
