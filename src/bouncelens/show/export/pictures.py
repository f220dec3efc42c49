"""Charts as SVG that may stand in a document: drawn by Vega, then let through piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bouncelens.show import charts
from bouncelens.show.export.cells import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = {"svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clipPath", "title"}
_ATTRIBUTES = {
    "viewBox", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "dx", "dy", "d", "transform",
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-miterlimit",
    "stroke-dasharray", "opacity", "text-anchor", "font-family", "font-size", "font-weight",
    "font-style", "pointer-events", "role", "aria-label", "aria-roledescription", "id",
    "clip-path", "version",
}  # fmt: skip


def picture(drawing: charts.Drawing, *, prefix: str) -> str:
    """A drawing as an SVG element for the light theme. Only shapes and words get through, no
    script, link or style; ids begin with `prefix`, so that drawings do not meet in a page."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(charts.svg(drawing).encode(), parser)
    _purge(root, prefix)
    root.set("role", "img")
    root.set("aria-label", clean(drawing.description))
    width, height = root.get("width", "900"), root.get("height", "300")
    root.set("viewBox", root.get("viewBox", f"0 0 {width} {height}"))
    return etree.tostring(root, encoding="unicode")


def with_roles(svg: str) -> str:
    """The same with a page's colours by role instead of the light theme's ink and grid."""
    ink, grid = charts.ink("light")
    return svg.replace(f'"{ink}"', '"var(--ink)"').replace(f'"{grid}"', '"var(--line)"')


def _purge(root: _Element, prefix: str) -> None:
    for element in list(_unknown(root)):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    for element in root.iter():
        for name in list(element.attrib):
            value = str(element.attrib[name])
            if name not in _ATTRIBUTES or ("url(" in value and not value.startswith("url(#")):
                del element.attrib[name]
            elif name == "id":
                element.set("id", f"{prefix}{value}")
            elif value.startswith("url(#"):
                element.set(name, f"url(#{prefix}{value[5:]}")


def _unknown(root: _Element) -> Iterator[_Element]:
    for element in root.iter():
        tag = element.tag
        if not isinstance(tag, str) or tag.removeprefix(f"{{{_SVG}}}") not in _ELEMENTS:
            yield element
