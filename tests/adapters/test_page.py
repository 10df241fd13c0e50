"""The page of a report: one file, readable by everybody, loading and running nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from reports.sample_run import broken_run, sample_run
from zakhira.adapters.page import render_report
from zakhira.reports.document import Report
from zakhira.reports.run_report import run_report

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "source"}
MOST_BYTES = 3_000_000


class Reader(HTMLParser):
    """Reads a page strictly: every tag is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and expect its end."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of SVG that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """It must be the last that was opened."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text.append(data)


def read(page: str) -> Reader:
    """The page as read."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def report() -> Report:
    """Thirty days in twelve zones."""
    return run_report(sample_run())


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    """The rendered page."""
    return render_report(report)


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    """The rendered page, read."""
    return read(page)


def test_the_page_is_well_formed(reader: Reader) -> None:
    """Every element closes in its turn and no id is given twice."""
    assert reader.faults == []
    assert reader.open == []
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_page_loads_and_runs_nothing(page: str, reader: Reader) -> None:
    """No script, no handler, no address of elsewhere; and a policy that forbids what is not there."""
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image"}
    assert not re.search(r"https?://", page)
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    policy = next(attrs for tag, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in str(policy["content"])


def test_the_page_is_small(page: str) -> None:
    """Thirty days stay below 3 MB."""
    assert len(page.encode()) < MOST_BYTES


def test_everything_that_the_report_says_is_on_the_page(report: Report, reader: Reader) -> None:
    """Headline, figures, states, titles, points, every cell of every table, and the sources."""
    text = "".join(reader.text)
    assert report.headline in text
    for figure in report.figures:
        assert figure.value in text
    for state in report.states:
        assert state.word in text
        assert state.sentence in text
    for section in report.sections:
        for words in (section.title, section.source, *section.paragraphs, *section.points):
            assert words in text
        for table in section.tables:
            for row in table.rows:
                assert all(cell in text for cell in row.cells)
    for name, value in report.about:
        assert name in text
        assert value in text


def test_tables_and_pictures_can_be_read_aloud(report: Report, reader: Reader) -> None:
    """A caption for each table, a scope for each head, a name for each picture, links that lead somewhere."""
    tags = reader.tags
    count = sum(len(section.tables) for section in report.sections)
    assert sum(tag == "table" for tag, _ in tags) == sum(tag == "caption" for tag, _ in tags) == count
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    pictures = [attrs for tag, attrs in tags if tag == "svg"]
    assert len(pictures) == sum(section.plot is not None for section in report.sections)
    assert all(attrs.get("role") == "img" and attrs.get("aria-labelledby") for attrs in pictures)
    assert [tag for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)] == ["h1"] + ["h2"] * (len(report.sections) + 1)
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    links = [str(attrs["href"]) for tag, attrs in tags if tag == "a"]
    assert links
    assert all(link.removeprefix("#") in ids for link in links)
    assert next(attrs["lang"] for tag, attrs in tags if tag == "html") == "en"


def test_a_picture_has_its_table_beside_it(report: Report, page: str) -> None:
    """Each section with a plot holds a table of the same figures."""
    for section in report.sections:
        if section.plot is not None:
            body = page.split(f'<section id="{section.id}"', 1)[1].split("</section>", 1)[0]
            assert "<svg" in body
            assert "<table" in body


def test_words_of_others_stay_words(report: Report) -> None:
    """A name that looks like markup is shown, never obeyed, in the page and in its pictures."""
    nasty = '</title><script>alert("1")</script>'
    section = report.section("hours")
    assert section.plot is not None
    marked = replace(section, title=nasty, plot=replace(section.plot, title=nasty, description=nasty))
    found = read(render_report(replace(report, title=nasty, headline=nasty, sections=(marked,))))
    assert found.faults == []
    assert "script" not in {tag for tag, _ in found.tags}
    assert nasty in "".join(found.text)


def test_a_page_is_the_same_every_time(report: Report, page: str) -> None:
    """Rendered again it is the same bytes."""
    assert render_report(report) == page


def test_a_broken_run_shows_its_states() -> None:
    """Each state has icon, word and class, so that it is never colour alone."""
    page = render_report(run_report(broken_run()))
    assert page.count('class="state bad"') == 2
    assert page.count('class="state open"') == 1
    assert "\u2717" in page
    assert "NOT VERIFIED" in page


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _themes() -> list[dict[str, str]]:
    sheet = files("zakhira.adapters.page").joinpath("report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


@pytest.mark.parametrize("theme", _themes(), ids=["light", "dark", "print"])
def test_text_is_readable_in_every_theme(theme: dict[str, str]) -> None:
    """4.5:1 or better for every colour of text on every ground that it stands on (WCAG 2.2, 1.4.3)."""
    for text in ("ink", "muted", "link", "good", "bad", "open"):
        for ground in ("paper", "panel", "warn-paper"):
            light, dark = sorted((_luminance(theme[text]), _luminance(theme[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{text} on {ground}"
