"""The report of a run: one page as data, every sentence computed from the facts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from zakhira.reports.coin_sections import (
    coin_section,
    ledger_section,
    reserve_section,
    sweep_section,
    tie_out_breaks,
)
from zakhira.reports.document import Figure, Mood, Report, Section, State
from zakhira.reports.energy_sections import day_section, hour_section, map_section, name_list, plural, shed_section
from zakhira.reports.facts import RunFacts, VerdictFact
from zakhira.reports.numbers import btc, btc_prose, energy, fixed, local_time, percent, prose, whole
from zakhira.reports.plan_sections import (
    calibration_section,
    certificate_section,
    certificate_state,
    horizon_section,
    plan_section,
    profile_section,
)
from zakhira.reports.totals import (
    EnergyTotals,
    TieOut,
    coin_days,
    energy_totals,
    tie_out,
    weakest_tag,
)
from zakhira.reports.trust_sections import (
    FAILED,
    PASSED,
    about_rows,
    assumption_section,
    proof_section,
    unknown_section,
)


def run_report(facts: RunFacts) -> Report:
    """Everything that the page of a run says, in the order in which it is read."""
    totals, tie = energy_totals(facts), tie_out(facts)
    programme = facts.programme
    zone = ZoneInfo(programme.time_zone)
    return Report(
        title=programme.name,
        subtitle=(
            f"{plural(facts.days, 'day')} from {local_time(facts.hours.start, zone)}, programme {programme.id}, "
            f"seed {facts.seed}"
        ),
        headline=headline(facts, totals, tie),
        figures=first_figures(facts, totals, tie),
        states=states(facts, tie),
        sections=_sections(facts, totals, tie),
        about=about_rows(facts),
    )


def headline(facts: RunFacts, totals: EnergyTotals, tie: TieOut) -> str:
    """Where the megawatts went and what is in the reserve, in one sentence."""
    ran = [(float(totals.mining_mw.sum()), "mining"), (float(totals.ai_mw.sum()), "AI halls")]
    parts = name_list([f"{energy(mwh)} in {name}" for mwh, name in ran if mwh > 0]) if totals.used_mwh > 0 else ""
    used = f"{percent(totals.used_share)} of {energy(totals.surplus_mwh)} of surplus power ran"
    offered = used + (f" ({parts})" if parts else "") if totals.surplus_mwh > 0 else "the grid had no surplus power"
    cold = f"of which {btc_prose(tie.proven_sats)} in cold is proven" if tie.cold_sats else "none of it in cold yet"
    proven = cold if facts.verdict.verified else "NOT proven"
    tied = "the books tie to the satoshi" if tie.ties else "the books do NOT tie"
    held = f"the reserve holds {btc_prose(tie.held_sats)}, {proven}"
    return f"In {plural(facts.days, 'day')}, {offered}, and {held}; {tied}."


def first_figures(facts: RunFacts, totals: EnergyTotals, tie: TieOut) -> tuple[Figure, ...]:
    """The four figures of the first screen."""
    return (
        Figure("Allocated", fixed(facts.plan.power_mw, 1), "MW", f"of at most {prose(facts.plan.cap_mw)} MW"),
        Figure(
            "Surplus used",
            prose(totals.used_mwh / 1000),
            "GWh",
            f"{percent(totals.used_share)} of what the grid offered",
        ),
        Figure("Royalty received", btc(tie.received_sats), "BTC", f"in {plural(facts.days, 'day')}, confirmed"),
        Figure("Held in the reserve", btc(tie.held_sats), "BTC", f"{btc(tie.cold_sats)} BTC of it in cold"),
    )


def proof_state(verdict: VerdictFact) -> State:
    """The verdict as a state: what failed, or what could not be checked, is named."""
    if verdict.verified:
        return State(
            Mood.GOOD, verdict.word, f"{btc(verdict.proven_sats)} BTC in cold, proven at block {whole(verdict.height)}."
        )
    failed = [check.words for check in verdict.checks if check.outcome == FAILED]
    missed = [check.words for check in verdict.checks if check.outcome != PASSED]
    what = "fails" if failed else "is not complete"
    sentence = f"At block {whole(verdict.height)} the proof {what}: {name_list(failed or missed)}."
    return State(Mood.BAD if failed else Mood.OPEN, verdict.word, sentence)


def states(facts: RunFacts, tie: TieOut) -> tuple[State, ...]:
    """The state of the proof, of the books and of the plan's certificate."""
    proof = proof_state(facts.verdict)
    if tie.holds:
        books = State(Mood.GOOD, "TIES", "Received less fees = intake + cold = ledger, cold = proven, to the satoshi.")
    else:
        books = State(Mood.BAD, "DOES NOT TIE", f"The books differ: {name_list(tie_out_breaks(tie))}.")
    return (proof, books, certificate_state(facts.plan))


def _sections(facts: RunFacts, totals: EnergyTotals, tie: TieOut) -> tuple[Section, ...]:
    sources = _Sources(facts)
    programme, plan = facts.programme, facts.plan
    found = [
        unknown_section(facts, tie, sources.programme),
        hour_section(facts, totals, sources.dispatch),
        day_section(facts, totals, sources.dispatch),
        map_section(facts, totals, sources.dispatch),
        shed_section(totals, sources.dispatch),
        coin_section(facts, coin_days(facts), sources.coins),
        reserve_section(facts, sources.node),
        ledger_section(facts, tie, sources.books),
        sweep_section(facts, sources.node),
        proof_section(facts, sources.proof),
        plan_section(plan, programme, sources.plan),
        certificate_section(plan, sources.plan),
    ]
    if facts.horizon is not None:
        found.append(horizon_section(facts.horizon, programme, sources.programme))
    if facts.calibration:
        found.append(calibration_section(facts.calibration, sources.calibration))
    if facts.january_profile is not None:
        found.append(profile_section(facts.january_profile, sources.calibration))
    found.append(assumption_section(programme, sources.programme))
    return tuple(found)


class _Sources:
    """The line under each plot and table: source, date, tag."""

    def __init__(self, facts: RunFacts) -> None:
        programme = facts.programme
        zone = ZoneInfo(programme.time_zone)
        tag = weakest_tag(programme)
        end = local_time(facts.hours.end, zone)
        digest = programme.digest[:12]
        prices = programme.prices.as_of
        self.programme = (
            f"Source: programme {programme.id} and its series ({digest}), prices of {prices}. Weakest tag [{tag}]."
        )
        self.dispatch = f"Source: dispatch of this run on the series of {programme.id} ({digest}), to {end}. [{tag}]"
        self.coins = (
            f"Source: difficulty formula and settlement for what is expected [{tag}]; the node ({facts.node_version}) "
            f"for what was received, to {end}. [D]"
        )
        self.node = f"Source: the node ({facts.node_version}), confirmed coins, to {end}. [D]"
        self.books = f"Source: the ledger ({facts.database_version}) and the node ({facts.node_version}), at {end}. [D]"
        self.proof = (
            f"Source: the proof pack and the node ({facts.node_version}), at block {whole(facts.verdict.height)}. [D]"
        )
        self.plan = (
            f"Source: plan of programme {programme.id} ({digest}), prices of {prices}, a year's figures. [{tag}]"
        )
        self.calibration = (
            f"Source: published figures as named in the table, and the series of {programme.id} ({digest}). [D]"
        )
