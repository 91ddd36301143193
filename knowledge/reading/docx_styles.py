"""What the styles of a Word file say about a paragraph: heading, caption, list, and what is hidden.

Names are translated by Word ("Überschrift 1"), identifiers and outline levels mostly are not: both are asked, up the chain of
styles a style is based on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import regex
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped]

from knowledge.reading.colours import WHITE, can_be_seen, luminance_written

MIN_HALF_POINTS = 4
"""Letters below 2 pt are read by nobody."""

_HEADING = regex.compile(
    r"(?:heading|überschrift|titre|título|titolo|заголовок|العنوان|عنوان|标题|başlık|kop|nagłówek|rubrik)\s*([1-9])", regex.I
)
_TITLES = frozenset({"title", "titel", "titre", "título", "titolo", "название", "заголовок", "العنوان", "عنوان", "标题"})
_CAPTION = regex.compile(
    r"caption|beschriftung|légende|legende|epígrafe|leyenda|legenda|название объекта|تسمية توضيحية|题注", regex.I
)
_ON = frozenset({"1", "true", "on", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a paragraph is."""

    level: int | None = None
    """Of a heading, from 1; 0 for the title."""
    is_caption: bool = False
    list_id: str | None = None
    depth: int = 0
    is_numbered: bool = False
    is_hidden: bool = False
    ground: float | None = WHITE
    """Luminance behind its letters; None when it cannot be told."""


class Styles:
    """The style sheet and numbering of one document."""

    plain = Look()

    def __init__(self, document: WordDocument) -> None:
        root = document.styles.element
        self._styles = {one.get(qn("w:styleId"), ""): one for one in root.iterchildren(qn("w:style"))}
        self._numbered = dict(_numbered(document))

    def of(self, paragraph: etree._Element) -> Look:
        """Return what a paragraph is."""
        properties = paragraph.find(qn("w:pPr"))
        chain = list(self._chain(_value(properties, "w:pStyle")))
        level = self._level(properties, chain)
        list_id, depth = self._list(properties, chain)
        return Look(
            level=level,
            is_caption=any(_is_named(one, _CAPTION) for one in chain),
            list_id=None if level is not None else list_id,
            depth=depth,
            is_numbered=self._numbered.get((list_id or "", depth), False),
            is_hidden=any(_is_on(one.find(qn("w:rPr")), "w:vanish") for one in chain),
            ground=self._ground(paragraph, chain),
        )

    def hides(self, run: etree._Element, look: Look) -> bool:
        """Return whether nobody sees a run: hidden, white on white, or smaller than letters can be."""
        properties = run.find(qn("w:rPr"))
        sheets = [properties, *(one.find(qn("w:rPr")) for one in self._chain(_value(properties, "w:rStyle")))]
        if any(_is_on(one, "w:vanish") for one in sheets) or (look.is_hidden and not _is_off(properties, "w:vanish")):
            return True
        size = next((value for one in sheets if (value := _value(one, "w:sz"))), "")
        if size.isdecimal() and int(size) < MIN_HALF_POINTS:
            return True
        colour = next((value for one in sheets if (value := _value(one, "w:color"))), "")
        if properties is not None and properties.find(qn("w:highlight")) is not None:
            return False
        ground = _shade(properties)
        return not can_be_seen(luminance_written(colour), look.ground if ground is None else ground)

    def is_struck(self, run: etree._Element) -> bool:
        """Return whether a run is struck through."""
        properties = run.find(qn("w:rPr"))
        return _is_on(properties, "w:strike") or _is_on(properties, "w:dstrike")

    def _level(self, properties: etree._Element | None, chain: list[etree._Element]) -> int | None:
        own = _value(properties, "w:outlineLvl")
        if own.isdecimal():
            return int(own) + 1 if int(own) < 9 else None
        for style in chain:
            for name in (_value(style, "w:name"), style.get(qn("w:styleId"), "")):
                if match := _HEADING.fullmatch(name.strip()):
                    return int(match.group(1))
                if name.strip().lower() in _TITLES:
                    return 0
            level = _value(style.find(qn("w:pPr")), "w:outlineLvl")
            if level.isdecimal():
                return int(level) + 1 if int(level) < 9 else None
        return None

    def _list(self, properties: etree._Element | None, chain: list[etree._Element]) -> tuple[str | None, int]:
        for one in (properties, *(style.find(qn("w:pPr")) for style in chain)):
            numbering = one.find(qn("w:numPr")) if one is not None else None
            if numbering is not None:
                list_id, depth = _value(numbering, "w:numId"), _value(numbering, "w:ilvl")
                return (list_id if list_id not in ("", "0") else None), int(depth) if depth.isdecimal() else 0
        return None, 0

    def _ground(self, paragraph: etree._Element, chain: list[etree._Element]) -> float | None:
        """Return the shade of a paragraph, its style, its cell; that of a table's style depends on the row and is not told."""
        cells = [cell.find(qn("w:tcPr")) for cell in paragraph.iterancestors(qn("w:tc"))]
        for properties in (*(one.find(qn("w:pPr")) for one in (paragraph, *chain)), *cells):
            if (shade := _shade(properties)) is not None:
                return shade
        for table in paragraph.iterancestors(qn("w:tbl")):
            named = _value(table.find(qn("w:tblPr")), "w:tblStyle")
            if any(next(one.iter(qn("w:shd")), None) is not None for one in self._chain(named)):
                return None
        return WHITE

    def _chain(self, name: str) -> Iterator[etree._Element]:
        seen: set[str] = set()
        while name in self._styles and name not in seen:
            seen.add(name)
            yield self._styles[name]
            name = _value(self._styles[name], "w:basedOn")


def _numbered(document: WordDocument) -> Iterator[tuple[tuple[str, int], bool]]:
    """Yield for each list and depth whether it counts."""
    relation = next((one for one in document.part.rels.values() if one.reltype.endswith("/numbering")), None)
    if relation is None or relation.is_external:
        return
    root = relation.target_part.element
    formats = {
        (kind.get(qn("w:abstractNumId")), level.get(qn("w:ilvl"), "0")): _value(level, "w:numFmt")
        for kind in root.iterchildren(qn("w:abstractNum"))
        for level in kind.iterchildren(qn("w:lvl"))
    }
    for number in root.iterchildren(qn("w:num")):
        kind = _value(number, "w:abstractNumId")
        for (of, level), form in formats.items():
            if of == kind and level.isdecimal():
                yield (number.get(qn("w:numId"), ""), int(level)), form not in ("bullet", "none", "")


def _value(element: etree._Element | None, name: str) -> str:
    found = element.find(qn(name)) if element is not None else None
    return str(found.get(qn("w:val"), "")) if found is not None else ""


def _is_on(element: etree._Element | None, name: str) -> bool:
    return element is not None and element.find(qn(name)) is not None and _value(element, name) in _ON


def _is_off(element: etree._Element | None, name: str) -> bool:
    return element is not None and element.find(qn(name)) is not None and _value(element, name) not in _ON


def _shade(properties: etree._Element | None) -> float | None:
    shade = properties.find(qn("w:shd")) if properties is not None else None
    return luminance_written(shade.get(qn("w:fill"), "auto")) if shade is not None else None


def _is_named(style: etree._Element, pattern: "regex.Pattern[str]") -> bool:
    return any(pattern.fullmatch(name.strip()) for name in (_value(style, "w:name"), style.get(qn("w:styleId"), "")))
