"""Render a report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TypeAlias

import htpy as h
from markupsafe import Markup

from zakhira.adapters.plots import draw_plot
from zakhira.reports.document import Column, Figure, Kind, Mood, Report, Row, Section, State, Table
from zakhira.reports.plot_spec import PlotSpec

DrawPlot: TypeAlias = Callable[[PlotSpec], str]

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""A page that could load or run nothing, even if a text in it tried."""

ICONS = {Mood.GOOD: "\u2713", Mood.BAD: "\u2717", Mood.OPEN: "\u25cb"}
SHORT_LETTERS = 22
"""A cell of words up to this length stays on one line."""
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'


def render_report(report: Report, draw: DrawPlot = draw_plot) -> str:
    """The report as HTML, about 1 MB with its plots. ``draw`` turns a plot's data into SVG."""
    sheet = files("zakhira.adapters.page").joinpath("report.css").read_text(encoding="utf-8")
    page = h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(http_equiv="Content-Security-Policy", content=CONTENT_POLICY),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            h.title[f"{report.title}: report of a {report.kind}"],
            h.style[Markup(sheet)],  # noqa: S704  # our own stylesheet, which stands beside this file
        ],
        h.body[
            h.a(".skip", href="#main")["Skip to the report"],
            _first_screen(report),
            h.main("#main")[
                _contents(report),
                (_section(section, draw) for section in report.sections),
                _about(report),
            ],
        ],
    ]
    return str(page) + "\n"


def _first_screen(report: Report) -> h.Renderable:
    return h.header[
        h.p(".kicker")[report.title],
        h.h1[report.headline],
        h.p(".subtitle")[report.subtitle],
        h.dl(".figures")[(_figure(figure) for figure in report.figures)],
        h.ul(".states", aria_label="State of proof, books and plan")[(_state(state) for state in report.states)],
    ]


def _figure(figure: Figure) -> h.Renderable:
    return h.div[
        h.dt[figure.label],
        h.dd[h.span(".value")[figure.value], " ", h.span(".unit")[figure.unit], h.span(".note")[figure.note]],
    ]


def _state(state: State) -> h.Renderable:
    return h.li(class_=f"state {state.mood.value}")[
        h.span(".icon", aria_hidden="true")[ICONS[state.mood]],
        h.div[h.strong[state.word], h.span[state.sentence]],
    ]


def _contents(report: Report) -> h.Renderable:
    return h.nav(aria_label="Contents")[
        h.details[
            h.summary["Contents"],
            h.ol[(h.li[h.a(href=f"#{section.id}")[section.title]] for section in report.sections)],
        ]
    ]


def _section(section: Section, draw: DrawPlot) -> h.Renderable:
    return h.section(id=section.id, class_="prominent" if section.prominent else None)[
        h.h2[section.title],
        (h.p[words] for words in section.paragraphs),
        h.ul[(h.li[point] for point in section.points)] if section.points else None,
        _plot(section, draw),
        (_table(table) for table in section.tables),
        h.p(".source")[section.source],
    ]


def _plot(section: Section, draw: DrawPlot) -> h.Renderable | None:
    if section.plot is None:
        return None
    drawing = draw(section.plot).replace(_NAMESPACE, "", 1)
    picture = Markup(drawing)  # noqa: S704  # drawn by our own adapter, which escapes every text
    return h.figure[h.div(".scroll", tabindex="0", role="group", aria_label=section.plot.title)[picture]]


def _table(table: Table) -> h.Renderable:
    grid = h.div(".scroll", tabindex="0", role="group", aria_label=table.caption)[
        h.table[
            h.caption[table.caption],
            h.thead[h.tr[(_head(column) for column in table.columns)]],
            h.tbody[(_row(row, table.columns) for row in table.rows)],
        ]
    ]
    if table.folded:
        return h.details[h.summary[f"Table: {table.caption}"], grid]
    return grid


def _head(column: Column) -> h.Renderable:
    unit = h.span(".unit")[column.unit] if column.unit else None
    return h.th(scope="col", class_="number" if column.number else None)[
        column.name, " " if column.name else None, unit
    ]


def _row(row: Row, columns: tuple[Column, ...]) -> h.Renderable:
    first, *rest = zip(row.cells, columns, strict=True)
    return h.tr(class_=None if row.kind is Kind.NORMAL else row.kind.value)[
        h.th(scope="row", class_=_cell_class(*first))[first[0]],
        (h.td(class_=_cell_class(text, column))[text] for text, column in rest),
    ]


def _cell_class(text: str, column: Column) -> str | None:
    if column.number or column.code:
        return "number" if column.number else "code"
    return "short" if len(text) <= SHORT_LETTERS else None


def _about(report: Report) -> h.Renderable:
    return h.section("#about")[
        h.h2[f"How to repeat this {report.kind}"],
        h.dl(".about")[(h.div[h.dt[name], h.dd[value]] for name, value in report.about)],
    ]
