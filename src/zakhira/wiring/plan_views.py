"""What ``zakhira plan`` shows beside the plan: a zone's story, break-evens, a frontier, a folder of results."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zakhira import __version__
from zakhira.adapters.highs import HighsSolver
from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.printable import json_text
from zakhira.cli.services import PlanOrder
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.planning.allocation import Plan
from zakhira.planning.break_even import break_evens, today_of
from zakhira.planning.explain import explain_zone
from zakhira.planning.frontier import frontier_of
from zakhira.planning.heat_map import heat_map
from zakhira.planning.method import features_of
from zakhira.planning.objectives import left_idle, search_of
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.reports.explain_summary import band_table, class_table, explain_headline, explain_reasons, margin_table
from zakhira.reports.frontier_report import frontier_report, frontier_table, frontier_title
from zakhira.reports.value_sections import break_even_table, heat_table, stake_table
from zakhira.wiring.plan_service import request_of
from zakhira.wiring.run_folder import write_whole
from zakhira.wiring.tables import terminal_table

if TYPE_CHECKING:
    from zakhira.reports.document import Report

PLAN_FILE, REPORT_FILE, PLOTS, FRONTIER_FILE = "plan.json", "report.html", "plots", "frontier.json"


class NotAPlanFolder(InvalidInput):
    """The folder for a plan is no folder, or holds something else."""

    code = "ZK-WIRING-009"


def with_views(order: PlanOrder, programme: Programme, series: Series, plan: Plan, answer: Answer) -> Answer:
    """The plan's answer with what was asked for beside it."""
    asked = request_of(order, programme, series)
    problem = build_problem(programme, series, asked.outlook, asked.surplus_years, asked.phases)
    tables, facts, sentence = list(answer.tables), dict(answer.facts), answer.sentence
    if order.explain:
        story = explain_zone(programme, problem, plan, order.explain)
        sentence = explain_headline(story)
        left_out = sorted(feature.value for feature in features_of(programme, problem))
        beside = (f"Left out of this view, though in the plan: {', '.join(left_out)}.",) if left_out else ()
        tables = [terminal_table(class_table(story), (*explain_reasons(story), *beside))]
        tables += [terminal_table(margin_table(story)), terminal_table(band_table(story))]
        facts["explain"] = _plain(asdict(story))
    if order.break_even:
        found, today = break_evens(programme, problem, plan), today_of(programme)
        heat = heat_map(programme, problem, plan, order.explain)
        tables.append(terminal_table(break_even_table(found, today)))
        tables += [terminal_table(heat_table(heat, what)) for what in ("surplus", "worth")]
        facts["break_even"] = [_plain(asdict(one)) for one in found]
        facts["heat"] = _heat_facts(heat.months, heat.surplus_mw.tolist(), heat.worth_usd_per_mwh.tolist())
    if order.out:
        tables.append(terminal_table(stake_table(plan)))
        tables.append(_write(order.out, order, programme, series, plan, problem, answer))
    return replace(answer, tables=tuple(tables), facts=facts, sentence=sentence)


def _heat_facts(months: tuple[str, ...], surplus: list[list[float]], worth: list[list[float]]) -> Json:
    return {"months": list(months), "surplus_mw": surplus, "worth_usd_per_mwh": worth}


def _plain(value: object) -> Json:
    """Plain data without what JSON cannot say: not a number becomes null."""
    text = json.dumps(value, default=float, allow_nan=True)
    plain: Json = json.loads(text, parse_constant=lambda _: None)
    return plain


def frontier_answer(order: PlanOrder, programme: Programme, series: Series, progress: Progress) -> Answer:
    """Plans from the most of one aim to the most of another."""
    assert order.frontier is not None, "a frontier was asked for"
    first, second = order.frontier

    def tell(rounds: int, _lower_usd: float, _upper_usd: float) -> None:
        progress("following the frontier", rounds, rounds, "")

    search = search_of(programme, series, HighsSolver(), {}, request_of(order, programme, series), tell)
    found = frontier_of(search, first, second, order.points)
    table = frontier_table(found)
    written: tuple[str, ...] = ()
    facts: dict[str, Json] = {
        "programme": programme.id,
        "first_aim": first,
        "second_aim": second,
        "points": [
            {
                first: point.first,
                second: point.second,
                "net_usd": point.net_usd,
                "gap_share": point.gap_share,
                "power_mw": float(point.power_mw.sum()),
            }
            for point in found.points
        ],
    }
    idle = left_idle(programme, search.problem)
    if order.out:
        report = frontier_report(found, programme, idle, _command(order), __version__)
        written = tuple(f"Written: {path}" for path in _write_frontier(_folder(order.out), report, facts))
    notes = (f"Within: how far the weighted sum of a point could be surpassed at most{idle}.", *written)
    return Answer((terminal_table(table, notes),), facts, f"{frontier_title(found)}.")


def _write_frontier(folder: Path, report: Report, facts: dict[str, Json]) -> tuple[Path, ...]:
    """frontier.json, the page, and its plot as files of their own."""
    from zakhira.adapters.page.render import render_report
    from zakhira.adapters.plots import draw_plot, draw_png, framed_svg

    (section,) = report.sections
    assert section.plot is not None, "a frontier is drawn"
    drawn = draw_plot(section.plot)
    write_whole(folder / FRONTIER_FILE, json_text(facts) + "\n")
    write_whole(folder / REPORT_FILE, render_report(report, lambda _: drawn))
    write_whole(folder / "frontier.svg", framed_svg(drawn, section.plot.title, section.source))
    (folder / "frontier.png").write_bytes(draw_png(section.plot, section.source))
    return tuple(folder / name for name in (FRONTIER_FILE, REPORT_FILE, "frontier.svg", "frontier.png"))


def _write(
    out: Path,
    order: PlanOrder,
    programme: Programme,
    series: Series,
    plan: Plan,
    problem: AllocationProblem,
    answer: Answer,
) -> Table:
    """plan.json, the report and its plots."""
    from zakhira.adapters.page.render import render_report
    from zakhira.adapters.plots import draw_plot, draw_png, framed_svg

    folder = _folder(out)
    report = _report(order, programme, series, plan, problem)
    write_whole(folder / PLAN_FILE, json_text(answer.facts) + "\n")
    drawn = {section.plot.id: draw_plot(section.plot) for section in report.sections if section.plot is not None}
    write_whole(folder / REPORT_FILE, render_report(report, lambda spec: drawn[spec.id]))
    (folder / PLOTS).mkdir(exist_ok=True)
    names = [PLAN_FILE, REPORT_FILE]
    for section in report.sections:
        if section.plot is not None:
            alone = framed_svg(drawn[section.plot.id], section.plot.title, section.source)
            write_whole(folder / PLOTS / f"{section.id}.svg", alone)
            (folder / PLOTS / f"{section.id}.png").write_bytes(draw_png(section.plot, section.source))
            names.append(f"{PLOTS}/{section.id}.svg and .png")
    return Table("Written", ("file",), tuple((str(folder / name),) for name in names))


def _folder(out: Path) -> Path:
    if (out.exists() or out.is_symlink()) and not out.is_dir():
        raise NotAPlanFolder(f"{out} is no folder.", "Give a folder as --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / PLAN_FILE).exists() and not (out / FRONTIER_FILE).exists():
        raise NotAPlanFolder(f"{out} holds other things than a plan.", "Give a new or empty folder as --out.")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _report(order: PlanOrder, programme: Programme, series: Series, plan: Plan, problem: AllocationProblem) -> Report:
    from zakhira.reports.horizon import horizon_surplus
    from zakhira.reports.plan_report import PlanFacts, plan_report
    from zakhira.wiring.plan_service import plan_beside

    horizon = horizon_surplus(programme, series)
    hours = sum(horizon.hours_in_month)
    mean = [
        float(sum(m.mean() * n for m, n in zip(each, horizon.hours_in_month, strict=True))) for each in horizon.mean_mw
    ]
    facts = PlanFacts(
        programme=programme,
        plan=plan,
        break_even=break_evens(programme, problem, plan),
        today=today_of(programme),
        heat=heat_map(programme, problem, plan),
        horizon=horizon,
        mean_surplus_mw={zone: total / hours for zone, total in zip(horizon.zones, mean, strict=True)},
        command=_command(order),
        program_version=__version__,
        beside=plan_beside(order, programme, series, plan),
    )
    return plan_report(facts)


def _command(order: PlanOrder) -> str:
    """The command that makes the same plan again."""
    parts = ["zakhira plan", str(order.folder)]
    if order.scenarios:
        parts.append(f"--scenarios {order.scenarios} --seed {order.seed}")
    if order.scenario_file:
        parts.append(f"--scenario-file {order.scenario_file}")
    if order.risk:
        parts.append(f"--risk {order.risk[0]:g},{order.risk[1]:g}")
    for name, value in (("response", order.response), ("objective", order.objective)):
        if value:
            parts.append(f"--{name} {value}")
    if order.phases:
        parts.append("--phases")
    if order.frontier:
        parts.append(f"--frontier {','.join(order.frontier)} --points {order.points}")
    if order.method != "auto":
        parts.append(f"--method {order.method}")
    return " ".join([*parts, f"--out {order.out}"])
