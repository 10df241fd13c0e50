"""What matplotlib writes, made fit for a page: page colours, own ids, a title and a description, no dates."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from zakhira.adapters.plots.look import PAGE_COLOURS
from zakhira.reports.plot_spec import Spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_HREF = "{http://www.w3.org/1999/xlink}href"
_GROUPS = (f"{{{_SVG}}}g", f"{{{_SVG}}}defs")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FAMILY = re.compile(r"font-family: [^;]+")
_LONG_NUMBER = re.compile(r"(\d+\.\d{3})\d+")


def svg_text(figure: Figure, spec: Spec) -> str:
    """The figure as one ``<svg>`` element with title and description, ready to stand alone or inside a page."""
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(out.getvalue())  # noqa: S314  # our own drawing, written a line above
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    _rename_ids(root, spec.id)
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _page_style(element.attrib["style"]))
        if "d" in element.attrib:
            element.set("d", _LONG_NUMBER.sub(r"\1", " ".join(element.attrib["d"].split())))
    _drop_empty(root)
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "plot")
    root.set("role", "img")
    root.set("aria-labelledby", f"{spec.id}-title {spec.id}-desc")
    for place, (tag, words) in enumerate((("title", spec.title), ("desc", spec.description))):
        element = ET.Element(tag, {"id": f"{spec.id}-{tag}"})
        element.text = words
        root.insert(place, element)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    root.set("xmlns", _SVG)
    return ET.tostring(root, encoding="unicode")


def _drop_empty(parent: ET.Element) -> None:
    """Leave out groups that draw nothing, blanks between elements, and the style that would reach the whole page."""
    parent.tail = None
    if parent.text is not None and not parent.text.strip():
        parent.text = None
    for child in list(parent):
        _drop_empty(child)
        if child.tag == f"{{{_SVG}}}style" or (child.tag in _GROUPS and not len(child)):
            parent.remove(child)


def _rename_ids(root: ET.Element, prefix: str) -> None:
    """Keep only ids that something refers to, and make them unique on a page with many plots."""
    used = set()
    for element in root.iter():
        href = element.attrib.pop(_HREF, None)
        if href is not None:
            element.set("href", href)
            used.add(href.removeprefix("#"))
        used.update(found for value in element.attrib.values() for found in _REFERENCE.findall(value))
    names = {old: f"{prefix}-{i}" for i, old in enumerate(sorted(used))}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in names:
            element.set("id", names[old])
        for name, value in list(element.attrib.items()):
            if name == "href":
                element.set(name, f"#{names[value.removeprefix('#')]}")
            elif "url(#" in value:
                element.set(name, _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", value))


def _page_style(style: str) -> str:
    for stand_in, page in PAGE_COLOURS.items():
        style = style.replace(stand_in, page)
    return _FAMILY.sub("font-family: var(--plot-font, sans-serif)", style)
