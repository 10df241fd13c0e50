"""The report of a run says what the facts say, and says loudly what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.sample_run import sample_run
from reports.test_numbers import plain, ungroup
from zakhira.kernel.interval import DAY_HOURS
from zakhira.reports.document import Kind, Mood, Report, Section, Table
from zakhira.reports.energy_sections import Window, name_list, shortest_window
from zakhira.reports.facts import RunFacts
from zakhira.reports.numbers import btc, energy, percent
from zakhira.reports.plot_spec import BarPlot, LinePlot, MapPlot, StackPlot
from zakhira.reports.run_report import run_report
from zakhira.reports.totals import energy_totals


@pytest.fixture(scope="module")
def report(facts: RunFacts) -> Report:
    """The report of the run in which everything is in order."""
    return run_report(facts)


@pytest.fixture(scope="module")
def bad(broken: RunFacts) -> Report:
    """The report of the run in which much is wrong."""
    return run_report(broken)


def column(table: Table, name: str) -> list[str]:
    """The cells of a column without its total."""
    place = [c.name for c in table.columns].index(name)
    return [row.cells[place] for row in table.rows if row.kind is not Kind.TOTAL]


def total(table: Table, name: str) -> str:
    """The cell of the total row in a column."""
    place = [c.name for c in table.columns].index(name)
    return next(row.cells[place] for row in table.rows if row.kind is Kind.TOTAL)


def test_the_first_screen_answers_the_question(report: Report, facts: RunFacts) -> None:
    """The headline holds the energy used, the coins held and the proof; there are four figures, each with its unit."""
    used = facts.dispatch.used_mw.sum() / facts.dispatch.surplus_mw.sum()
    assert percent(float(used)) in report.headline
    assert energy(float(facts.dispatch.surplus_mw.sum())) in report.headline
    assert "the books tie to the satoshi" in report.headline
    assert "is proven" in report.headline
    assert len(report.figures) == 4
    assert all(figure.unit for figure in report.figures)
    last = facts.reserve[-1]
    assert [figure.value for figure in report.figures][2:] == [
        btc(sum(facts.received_sats)),
        btc(last.intake_sats + last.cold_sats),
    ]
    assert [state.mood for state in report.states] == [Mood.GOOD] * 3
    assert report.states[0].word == "VERIFIED"


def test_every_section_has_message_source_and_unique_id(report: Report) -> None:
    """No section is without a sentence, a source line with a tag, or shares its id; every plot has its table."""
    ids = [section.id for section in report.sections]
    assert len(set(ids)) == len(ids)
    plots = [section.plot.id for section in report.sections if section.plot is not None]
    assert len(set(plots)) == len(plots)
    for section in report.sections:
        assert section.title
        assert section.source.startswith("Source: ")
        assert any(f"[{tag}]" in section.source for tag in "SDKE")
        assert section.plot is None or section.tables
        assert section.plot is None or section.plot.description


def test_the_stack_by_hour_adds_up_to_the_surplus(report: Report, facts: RunFacts) -> None:
    """Mining, AI halls and unused surplus sum to the mean surplus of each hour; the title names peak and zone."""
    section = report.section("hours")
    assert isinstance(section.plot, StackPlot)
    surplus = facts.dispatch.surplus_mw.reshape(len(facts.dispatch.zones), facts.days, 24).mean(axis=1)
    stack = np.sum([layer.values for layer in section.plot.layers], axis=0)
    assert stack == pytest.approx(surplus.sum(axis=0))
    peak = int(np.argmax(surplus.sum(axis=0)))
    zone = facts.programme.zones[int(np.argmax(surplus[:, peak]))].name
    assert f"{peak:02d}:00" in section.title
    assert zone in section.title
    cells = [float(ungroup(cell)) for cell in column(section.tables[0], "surplus")]
    assert cells == pytest.approx(list(surplus.sum(axis=0)), abs=0.051)


def test_days_sum_to_the_run_and_a_long_run_shows_months(report: Report, facts: RunFacts) -> None:
    """A bar for each local day; above two months a bar for each month."""
    section = report.section("days")
    assert isinstance(section.plot, StackPlot)
    assert len(section.plot.x_labels) == facts.days
    used = sum(
        float(ungroup(cell)) for name in ("mining", "AI halls on surplus") for cell in column(section.tables[0], name)
    )
    assert used == pytest.approx(facts.dispatch.used_mw.sum(), abs=0.06 * 2 * facts.days)
    long = run_report(sample_run(days=70, zones=2)).section("days")
    assert isinstance(long.plot, StackPlot)
    assert long.plot.x_labels == ("2026-01", "2026-02", "2026-03")


def test_the_map_has_every_zone_and_link(report: Report, facts: RunFacts) -> None:
    """Disc areas are the MW granted; the title names the three largest."""
    plot = report.section("map").plot
    assert isinstance(plot, MapPlot)
    assert sum(disc.total_mw for disc in plot.discs) == pytest.approx(facts.plan.power_mw)
    assert [disc.label for disc in plot.discs] == [zone.name for zone in facts.programme.zones]
    assert [link.limit_mw for link in plot.links] == [link.limit_mw for link in facts.programme.links]
    assert report.section("map").title.startswith("Thar Block II")
    assert "Nothing is allocated in" in report.section("map").paragraphs[1]


def test_shed_energy_has_its_reason(report: Report, facts: RunFacts) -> None:
    """Bars sum to the granted energy, the largest reason stands in the title, zones and reasons add up alike."""
    section = report.section("shed")
    assert isinstance(section.plot, BarPlot)
    granted = facts.plan.power_mw * facts.hours.count
    assert 1000 * sum(bar.value for bar in section.plot.bars) == pytest.approx(granted)
    assert "the grid had no surplus left" in section.title
    by_reason, by_zone = section.tables
    shed = float(facts.dispatch.shed_mw.sum())
    assert float(ungroup(total(by_reason, "energy shed"))) == pytest.approx(shed, abs=0.06)
    assert float(ungroup(total(by_zone, "granted"))) == pytest.approx(granted, abs=0.06)
    assert "add up to what was granted" in section.paragraphs[1]


def test_a_dispatch_that_does_not_add_up_is_called_so(facts: RunFacts) -> None:
    """Take half of the reasons away: the report says how much is not explained."""
    holed = replace(facts, dispatch=replace(facts.dispatch, shed_mw=facts.dispatch.shed_mw * 0.5))
    words = run_report(holed).section("shed").paragraphs[1]
    assert "NOT explained" in words
    assert energy(energy_totals(holed).unexplained_mwh) in words


def test_coins_received_are_those_of_the_node(report: Report, facts: RunFacts) -> None:
    """Received by day and in all, exact; the title holds the share of what was expected."""
    section = report.section("coins")
    assert isinstance(section.plot, LinePlot)
    assert section.plot.lines[0].estimate
    table = section.tables[0]
    assert column(table, "royalty received") == [btc(amount) for amount in facts.received_sats]
    assert total(table, "royalty received") == btc(sum(facts.received_sats))
    assert column(table, "day")[0] == "2026-01-01"


def test_late_and_unexplained_royalty_is_said(facts: RunFacts) -> None:
    """Settled but unconfirmed coins are named, and coins from nowhere are called unexplained."""
    *rest, last = facts.received_sats
    late = run_report(replace(facts, received_sats=(*rest, last - 7))).section("coins").paragraphs[1]
    assert plain(late).startswith("0.000 000 07 BTC of royalty was settled but not confirmed")
    extra = run_report(replace(facts, received_sats=(*rest, last + 7))).section("coins").paragraphs[1]
    assert "NOT explained" in extra


def test_the_statement_shows_the_ledger_with_readers_signs(report: Report, facts: RunFacts) -> None:
    """Income and liabilities show positive; every closing is the ledger's balance, exact."""
    table = report.section("ledger").tables[1]
    for account, kind, closing in zip(
        column(table, "account"), column(table, "kind"), column(table, "closing"), strict=True
    ):
        sign = -1 if kind in ("income", "liability") else 1
        units = int(ungroup(closing).replace(".", ""))
        assert units == sign * facts.balances[account].units


def test_sweeps_name_officers_and_signers(report: Report, facts: RunFacts) -> None:
    """Each sweep shows its approvals with roles, its signers and its whole txid."""
    table = report.section("sweeps").tables[0]
    assert column(table, "txid") == [sweep.txid for sweep in facts.sweeps]
    assert column(table, "approved by (role)")[0] == "officer-1 (comptroller)\nofficer-2 (governor)"
    assert "each approved by 2 roles and signed by at least 3 signers" in report.section("sweeps").title


def test_a_sweep_without_a_role_is_named(facts: RunFacts) -> None:
    """One person who approves for two roles counts once, and the title says which sweep lacks an approval."""
    sweep = facts.sweeps[1]
    twice = tuple(replace(yes, officer="officer-1") for yes in sweep.approvals)
    sweeps = (facts.sweeps[0], replace(sweep, approvals=twice), *facts.sweeps[2:])
    assert "sweep-1" in run_report(replace(facts, sweeps=sweeps)).section("sweeps").title
    assert "No sweep" in run_report(replace(facts, sweeps=())).section("sweeps").title


def test_the_proof_says_what_rests_on_what(report: Report) -> None:
    """Counts by origin stand in the title, each check with its outcome in the table."""
    section = report.section("proof")
    assert section.title == "VERIFIED: 8 of 8 checks passed (3 from the pack, 1 on trusted keys and 4 from the node)"
    assert set(column(section.tables[0], "outcome")) == {"\u2713 passed"}


def test_a_broken_run_says_no_on_the_first_screen(bad: Report) -> None:
    """Proof, books and plan each say no, with the cause; none of it looks like success."""
    assert [state.mood for state in bad.states] == [Mood.BAD, Mood.BAD, Mood.OPEN]
    assert "every file of the pack has the hash" in bad.states[0].sentence
    assert "1 sat apart" in plain(bad.states[1].sentence)
    assert bad.states[2].word == "NOT CLOSED"
    assert "NOT proven" in bad.headline
    assert "do NOT tie" in bad.headline
    assert bad.section("ledger").title.startswith("Coins and books do NOT tie")
    assert bad.section("proof").title.startswith("NOT VERIFIED: 6 of 8")


def test_what_could_not_be_checked_is_open_not_failed(broken: RunFacts) -> None:
    """Without a failed check the proof is not complete, and the missing check is named among the unknowns."""
    verdict = broken.verdict
    checks = tuple(c if c.outcome != "failed" else replace(c, outcome="passed") for c in verdict.checks)
    found = run_report(replace(broken, verdict=replace(verdict, checks=checks)))
    assert found.states[0].mood is Mood.OPEN
    assert "is not complete: each coin was unspent at the block" in found.states[0].sentence
    assert any("-blockfilterindex=1" in point for point in found.section("unknown").points)


def test_what_is_not_known_comes_first(report: Report, bad: Report) -> None:
    """The section is first and prominent; drill keys, unread meters, estimates and a break in the books are named."""
    unknown = report.sections[0]
    assert unknown.id == "unknown"
    assert unknown.prominent
    text = " ".join(unknown.points)
    for words in (
        "worth nothing",
        "phrase that anybody may read",
        "No meter was read",
        "not a measured series",
        "14 of 18",
    ):
        assert words in text
    assert unknown.title.startswith(f"{len(unknown.points)} things")
    assert bad.sections[0].points[0].startswith("The books do not tie")
    assert any("every 60 minutes" in point for point in bad.sections[0].points)


def test_what_the_run_lacks_is_left_out(report: Report, bad: Report) -> None:
    """Calibration, profile and horizon are shown when they are there."""
    optional = {"calibration", "january", "horizon"}
    assert optional <= {section.id for section in report.sections}
    assert not optional & {section.id for section in bad.sections}


def test_the_calibration_says_what_is_a_test(report: Report, facts: RunFacts) -> None:
    """Figures that the generator was set to are told apart; where nobody said, the general caution stands."""
    words = report.section("calibration").paragraphs[0]
    assert words.startswith("Basis: 1 scaled")
    assert "2 result (it comes out of the model)" in words
    unsaid = tuple(replace(row, basis="") for row in facts.calibration)
    assert "by construction" in run_report(replace(facts, calibration=unsaid)).section("calibration").paragraphs[0]


def test_every_assumption_is_in_a_table(report: Report, facts: RunFacts) -> None:
    """Each figure stands once, with value, bounds, tag, date and source; estimates are marked as such."""
    tables = report.section("assumptions").tables
    rows = [row for table in tables for row in table.rows]
    assert sorted(row.cells[0] for row in rows) == sorted(a.key for a in facts.programme.assumptions)
    assert sum(row.kind is Kind.ESTIMATE for row in rows) == 14
    price = next(row for row in rows if row.cells[0] == "prices.btc_usd")
    assert [plain(cell) for cell in price.cells[1:7]] == ["60 500", "USD", "40 000", "120 000", "D", "2026-06-26"]


def test_a_run_without_surplus_is_told_plainly(facts: RunFacts) -> None:
    """No surplus, no work, no coins: sentences, not divisions by zero."""
    run = facts.dispatch
    none = replace(run, surplus_mw=run.surplus_mw * 0, used_mw=run.used_mw * 0, forecast_mw=run.forecast_mw * 0)
    still = tuple(
        replace(
            day,
            licensees=tuple(
                replace(row, expected_sats=0, paid_sats=0, royalty_sats=0, licensee_sats=0) for row in day.licensees
            ),
        )
        for day in facts.settled
    )
    empty = replace(
        facts,
        dispatch=none,
        settled=still,
        received_sats=(0,) * facts.days,
        reserve=tuple(replace(point, intake_sats=0, cold_sats=0) for point in facts.reserve),
        plan=replace(facts.plan, grants=(), results=(), shadow_prices=()),
    )
    found = run_report(empty)
    assert "the grid had no surplus power" in found.headline
    assert found.section("hours").title == "The grid offered no surplus in these hours"
    assert found.section("coins").title.startswith("No coins were expected")
    assert found.section("reserve").title == "The reserve is empty"
    assert found.section("plan").title.startswith("Nothing pays")
    assert found.section("plan").plot is None


def _window_share(values: list[float], window: Window) -> float:
    return sum(values[(window.first + k) % DAY_HOURS] for k in range(window.count)) / sum(values)


@given(st.lists(st.integers(0, 1000).map(float), min_size=24, max_size=24))
def test_the_shortest_window_holds_half_and_none_shorter_does(values: list[float]) -> None:
    """Checked against every window of the day, around midnight too."""
    window = shortest_window(values)
    if sum(values) == 0:
        assert window.words == "at all hours"
        return
    assert _window_share(values, window) >= 0.5 - 1e-6
    shorter = window.count - 1
    assert all(_window_share(values, Window(first, shorter)) < 0.5 + 1e-6 for first in range(DAY_HOURS))


def test_names_are_listed_as_in_a_sentence() -> None:
    """None, one, two, three, and names with commas of their own."""
    assert name_list(["Hub, Balochistan", "Thar"]) == "Hub, Balochistan; and Thar"
    assert [name_list(["a", "b", "c"][:n]) for n in range(4)] == ["none", "a", "a and b", "a, b and c"]


def test_days_alike_are_called_alike(facts: RunFacts) -> None:
    """With the same use on every day there is no best and no worst day."""
    run = facts.dispatch
    first = run.used_mw[:, :24]
    same = replace(run, used_mw=np.tile(first, (1, facts.days)))
    assert run_report(replace(facts, dispatch=same)).section("days").title.endswith("about as much on every day")


def test_before_the_first_sweep_all_is_in_intake() -> None:
    """Three days: coins in intake, none in cold, no sweep, and no word of proven coins."""
    found = run_report(sample_run(days=3, zones=3))
    assert found.section("reserve").title.endswith("all of it still in intake")
    assert "No sweep moved coins" in found.section("reserve").paragraphs[0]
    assert "none of it in cold yet" in found.headline
    plot = found.section("reserve").plot
    assert isinstance(plot, StackPlot)
    assert [layer.label for layer in plot.layers] == ["intake"]


def test_a_closed_gap_needs_no_share(facts: RunFacts) -> None:
    """Bounds that meet: no plan is better, full stop."""
    proof = facts.plan.certificate
    closed = replace(facts.plan, certificate=replace(proof, upper_bound_usd=proof.lower_bound_usd))
    title = run_report(replace(facts, plan=closed)).section("certificate").title
    assert title == "No other plan beats this one"


def test_sections_are_found_by_id(report: Report) -> None:
    """An id that is not there raises."""
    assert isinstance(report.section("map"), Section)
    with pytest.raises(StopIteration):
        report.section("nowhere")


@pytest.mark.parametrize(
    ("response", "words"),
    [("none", "difficulty as given"), ("share", "others' work is given"), ("elastic", "crudely estimated elasticity")],
)
def test_what_the_plan_takes_as_given_is_told(response: str, words: str, facts: RunFacts) -> None:
    """A price taker's plan says so; a plan on a network that answers says how."""
    plan = replace(facts.plan, basis=replace(facts.plan.basis, response=response))
    assert words in repr(run_report(replace(facts, plan=plan)))
