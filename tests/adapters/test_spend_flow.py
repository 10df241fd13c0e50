"""The drawing of a transaction: well-formed, small, said in words too, and no two labels on one another."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from zakhira.adapters.plots.spend_flow import FLOW_HEIGHT, WIDTH, draw_spend, framed_spend
from zakhira.reports.spend_picture import Kind, SpendPicture, Strand, spend_picture

SVG = "{http://www.w3.org/2000/svg}"
ADDRESS = "bcrt1qajjk5xtum6mucfzvmlaeph3cys6rmfnft4zghaaglxw8flh7ltqq5urgpy"


def small() -> SpendPicture:
    """Two coins, a payment and change."""
    coins = [Strand(Kind.COIN, "cold, receive 3", 2_000_000), Strand(Kind.COIN, "cold, receive 4", 3_000_000)]
    outputs = [Strand(Kind.PAID, ADDRESS, 1_000_000), Strand(Kind.CHANGE, "cold, change 0", 3_990_000)]
    return spend_picture("spend 12", "cold", coins, outputs, 376, "Source: a test")


def large() -> SpendPicture:
    """200 coins and 1,000 payments."""
    coins = [Strand(Kind.COIN, f"cold, receive {n}", 5_000_000 + n) for n in range(200)]
    outputs = [Strand(Kind.PAID, ADDRESS, 700_000 + n) for n in range(1000)]
    return spend_picture("payout", "cold", coins, [*outputs, Strand(Kind.CHANGE, "cold, change 5", 10**8)], 70_000, "S")


def strange() -> SpendPicture:
    """Where nobody approved it, at an address that tries to be markup."""
    outputs = [Strand(Kind.STRANGE, '<script>alert("x")</script>', 499_990_000)]
    return spend_picture("a<b>", "co&ld", [Strand(Kind.COIN, "cold, receive 3", 500_000_000)], outputs, 200, "S & Co")


def anchored() -> SpendPicture:
    """A move that carries the head of the audit chain."""
    coins, outputs = [Strand(Kind.COIN, "cold, receive 3", 2_000_000)], [Strand(Kind.PAID, "cold, change 1", 1_990_000)]
    words = ("anchors the audit chain at position 9,007,199,254,740,991", "ab" * 32, "moves nothing")
    return spend_picture("anchor-1", "cold", coins, outputs, 200, "Source: a test", words)


@pytest.mark.parametrize("make", [small, large, strange, anchored])
def test_the_drawing_is_well_formed_and_says_itself_in_words(make: object) -> None:
    """Title and description for those who do not see it; nothing that runs; the same data gives the same bytes."""
    assert callable(make)
    picture: SpendPicture = make()
    for text in (draw_spend(picture), framed_spend(picture)):
        root = ET.fromstring(text)  # noqa: S314  # our own drawing
        assert root.find(f"{SVG}title") is not None
        assert (root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")) == (picture.title, picture.description)
        assert root.find(f".//{SVG}script") is None
        assert "<script" not in text
        assert len(text) < 30_000
        assert text == (draw_spend(make()) if "<style" not in text else framed_spend(make()))


@pytest.mark.parametrize("make", [small, large, anchored])
def test_no_two_labels_stand_on_one_another_and_all_stand_inside(make: object) -> None:
    """Lines of one side are at least a line apart, within the drawing."""
    assert callable(make)
    root = ET.fromstring(draw_spend(make()))  # noqa: S314  # our own drawing
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width == WIDTH
    for anchor in ("start", "end"):
        lines = sorted(float(t.attrib["y"]) for t in root.iter(f"{SVG}text") if t.attrib["text-anchor"] == anchor)
        assert all(after - before >= 11 for before, after in pairwise(lines))
        assert lines[0] > 8
        assert lines[-1] < height - 2


def test_strands_are_as_wide_as_their_amounts() -> None:
    """Bars of the right side: 20%, 79.8% and a fee that is never invisible."""
    root = ET.fromstring(draw_spend(small()))  # noqa: S314  # our own drawing
    bars = [float(r.attrib["height"]) for r in root.iter(f"{SVG}rect") if r.attrib["x"] == "602"]
    assert bars[0] == pytest.approx(0.2 * FLOW_HEIGHT, abs=0.01)
    assert bars[2] == pytest.approx(0.798 * FLOW_HEIGHT, abs=0.01)
    assert bars[-1] >= 2


def test_data_stands_below_in_words_and_has_no_strand() -> None:
    """The whole hash over two lines; the right side has its two bars and no third one."""
    root = ET.fromstring(draw_spend(anchored()))  # noqa: S314  # our own drawing
    words = "".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert "Data: anchors the audit chain" in words
    assert "ab" * 32 in words
    assert len({r.attrib["y"] for r in root.iter(f"{SVG}rect") if r.attrib["x"] == "602"}) == 2


def test_an_address_stands_in_whole() -> None:
    """Over two lines, since a shortened one can be imitated."""
    root = ET.fromstring(draw_spend(small()))  # noqa: S314  # our own drawing
    words = [text.text for text in root.iter(f"{SVG}text")]
    at = words.index(ADDRESS[:31])
    assert f"{words[at]}{words[at + 1]}" == ADDRESS


def test_a_picture_that_stands_alone_follows_light_and_dark() -> None:
    """Its own paper and colours, its message above and its source below; inside a page it has the page's."""
    alone, inside = framed_spend(small()), draw_spend(small())
    assert "prefers-color-scheme:dark" in alone
    assert "prefers-color-scheme" not in inside
    assert "Source: a test" in alone
