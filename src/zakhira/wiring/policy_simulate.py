"""What ``zakhira policy simulate`` answers: which matters would have ended otherwise under another policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.policy_services import SimulationOrder
from zakhira.controls.analysis.cases import Case, Ending, Outcome, Shift, shifts
from zakhira.controls.engine.decision import Why
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import Commodity, sats
from zakhira.reports.plot_spec import Layer, Role, StackPlot
from zakhira.wiring.case_file import read_cases
from zakhira.wiring.policy_source import PolicySource, policy_of_reserve, read_policy
from zakhira.wiring.reserve_desk import open_archive
from zakhira.wiring.reserve_folder import RESERVE_FILE
from zakhira.wiring.settings import Settings
from zakhira.wiring.spend_cases import spend_cases
from zakhira.wiring.two_replays import replay_both

WORDS = {Ending.ALLOWED: "allowed", Ending.MISSING: "missing", Ending.REFUSED: "refused"}
_LONGEST_ID = 40
_MEANINGS = {why.code: f"{why.meaning} ({why.code})" for why in Why}


class NoSpendsThere(InvalidInput):
    """A simulation over the spends of a reserve was asked for where no reserve is."""

    code = "ZK-WIRING-076"


class BadPlotName(InvalidInput):
    """A plot was asked for in a file that ends neither in .svg nor in .png."""

    code = "ZK-WIRING-077"


def simulate(settings: Settings, order: SimulationOrder, progress: Progress) -> Answer:
    """Replay under the policy in force and under the changed one, and compare.

    Raises:
        NoSpendsThere, BadPlotName, and what :func:`read_policy` and :func:`read_cases` raise.
    """
    if order.plot is not None and order.plot.suffix.lower() not in {".svg", ".png"}:
        raise BadPlotName(f"{order.plot} ends neither in .svg nor in .png.", "Name the plot so.")
    new = read_policy(settings, order.changed)
    old, cases = _old_and_cases(settings, order, progress)

    reports = (
        lambda done, total: progress("policy in force", done, total, ""),
        lambda done, total: progress("changed policy", done, total, ""),
    )
    before, after = replay_both(old.policy, new.policy, cases, reports)
    moved = shifts(cases, before, after)
    answer = _answer(old, new, cases, before, after, moved)
    if order.plot is not None:
        _draw(order.plot, cases, before, after, answer.sentence)
    return answer


def _old_and_cases(
    settings: Settings, order: SimulationOrder, progress: Progress
) -> tuple[PolicySource, Sequence[Case]]:
    if order.cases is not None:
        old = read_policy(settings, order.place)
        progress("reading cases", 0, 1, str(order.cases))
        return old, read_cases(order.cases)
    if not (order.place / RESERVE_FILE).exists():
        raise NoSpendsThere(f"{order.place} is no reserve, and has no spends.", "Name a reserve, or give --cases FILE.")
    with open_archive(settings, order.place) as archive:
        return policy_of_reserve(archive), spend_cases(archive, order.days)


def _answer(
    old: PolicySource,
    new: PolicySource,
    cases: Sequence[Case],
    before: Sequence[Outcome],
    after: Sequence[Outcome],
    moved: tuple[Shift, ...],
) -> Answer:
    totals = {"old": _totals(cases, before), "new": _totals(cases, after)}
    facts: dict[str, Json] = {
        "old": old.hash,
        "new": new.hash,
        "cases": len(cases),
        "changed": sum(shift.cases for shift in moved),
        "totals": {
            name: {WORDS[ending]: {"cases": count, "sats": units} for ending, (count, units) in found.items()}
            for name, found in totals.items()
        },
        "changes": [_shift_json(shift) for shift in moved],
    }
    tables = [_totals_table(totals)]
    if moved:
        tables.append(_shift_table(moved))
    return Answer(tuple(tables), facts, _sentence(cases, moved))


def _totals(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> dict[Ending, tuple[int, int]]:
    found = dict.fromkeys(reversed(Ending), (0, 0))
    for case, outcome in zip(cases, outcomes, strict=True):
        count, units = found[outcome.ending]
        found[outcome.ending] = (count + 1, units + _sats(case))
    return found


def _sats(case: Case) -> int:
    return case.amount.units if case.amount is not None and case.amount.commodity is Commodity.BTC else 0


def _sentence(cases: Sequence[Case], moved: tuple[Shift, ...]) -> str:
    if not cases:
        return "There is no case to replay: nothing was proposed in these days."
    changed = sum(shift.cases for shift in moved)
    looser = _sum(shift for shift in moved if shift.is_looser)
    stricter = _sum(shift for shift in moved if shift.is_stricter)
    return (
        f"Of {len(cases):,} cases {changed:,} would have ended otherwise: "
        f"{looser} get further, {stricter} get less far."
    )


def _sum(moved: Iterable[Shift]) -> str:
    found = list(moved)
    return f"{sum(shift.cases for shift in found):,} ({sats(sum(shift.amount_sats for shift in found))})"


def _totals_table(totals: dict[str, dict[Ending, tuple[int, int]]]) -> Table:
    rows = tuple(
        (
            WORDS[ending],
            f"{totals['old'][ending][0]:,}",
            str(sats(totals["old"][ending][1])),
            f"{totals['new'][ending][0]:,}",
            str(sats(totals["new"][ending][1])),
        )
        for ending in reversed(Ending)
    )
    heads = ("answer", "cases, in force", "in all", "cases, changed", "in all")
    notes = ("Missing: somebody has not approved or executed. Officers are taken at their word: cases have no keys.",)
    return Table("How the cases end", heads, rows, (1, 2, 3, 4), notes)


def _shift_table(moved: tuple[Shift, ...]) -> Table:
    rows = tuple(
        (
            "▲" if shift.is_looser else "▼" if shift.is_stricter else "◆",
            f"{_told(shift.old)}\n→ {_told(shift.new)}",
            f"{shift.cases:,}",
            str(sats(shift.amount_sats)),
            shift.example.id[:_LONGEST_ID],
        )
        for shift in moved
    )
    notes = ("▲ gets further under the changed policy, ▼ gets less far, ◆ ends alike, at another time or otherwise.",)
    return Table("Changed answers", ("", "in force → changed", "cases", "in all", "for example"), rows, (2, 3), notes)


def _told(outcome: Outcome) -> str:
    by = f" by {outcome.rule}" if outcome.rule else ""
    why = _MEANINGS.get(outcome.why, outcome.why)
    return f"{WORDS[outcome.ending]}{by}{f': {why}' if why else ''}"


def _outcome_json(outcome: Outcome) -> Json:
    return {"answer": WORDS[outcome.ending], "rule": outcome.rule, "why": outcome.why}


def _shift_json(shift: Shift) -> Json:
    return {
        "direction": "looser" if shift.is_looser else "stricter" if shift.is_stricter else "same",
        "old": _outcome_json(shift.old),
        "new": _outcome_json(shift.new),
        "cases": shift.cases,
        "sats": shift.amount_sats,
        "example": shift.example.id,
        "example_at": utc_text(shift.example.proposed_at),
    }


_ROLES = {Ending.ALLOWED: Role.MONEY, Ending.MISSING: Role.MINING, Ending.REFUSED: Role.SHED}


def _draw(path: Path, cases: Sequence[Case], before: Sequence[Outcome], after: Sequence[Outcome], title: str) -> None:
    """Cases by their ending, under the one policy and the other."""
    from zakhira.adapters.plots.draw import draw_plot
    from zakhira.adapters.plots.frame import framed_svg
    from zakhira.adapters.plots.png import draw_png
    from zakhira.wiring.signer_files import write_new

    totals = [_totals(cases, outcomes) for outcomes in (before, after)]
    layers = tuple(
        Layer(WORDS[ending], _ROLES[ending], tuple(float(found[ending][0]) for found in totals))
        for ending in reversed(Ending)
    )
    spec = StackPlot(
        id="policy-simulation",
        title=title,
        description="Cases by how they end, under the policy in force and under the changed one.",
        x_name="policy",
        x_labels=("in force", "changed"),
        unit="cases",
        y_name="Cases",
        layers=layers,
    )
    source = f"Source: {len(cases):,} cases replayed by zakhira policy simulate."
    is_png = path.suffix.lower() == ".png"
    write_new(path, draw_png(spec, source) if is_png else framed_svg(draw_plot(spec), title, source).encode())
