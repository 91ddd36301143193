"""What one page of a PDF shows: its letters, its tables' cells, how much of it is pictures, and what it hides.

A PDF has no text, only letters at places. Letters that no reader sees (drawn invisibly, in the colour of the ground, smaller than
2 pt, beside the page) are kept apart: they are the usual way to slip words to a machine past a person.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pdfminer.layout import LTChar, LTContainer, LTCurve, LTImage, LTItem, LTPage
from pdfminer.pdfinterp import PDFPageInterpreter
from pdfplumber.page import Page, PDFPageAggregatorWithMarkedContent

from knowledge.reading.colours import WHITE, can_be_seen, luminance

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in points from the upper left corner."""

MIN_SIZE = 2.0
SCANNED_SHARE = 0.5
"""Share of a page that pictures cover when it is a picture of a page."""
MAX_RULES = 4_000
"""Lines on a page from which it is a map or a chart, and its lines no table's."""
MAX_GROUNDS = 500

_INVISIBLE = 3
_BOLD = ("bold", "black", "heavy", "semibold", "demi")


class Glyph(NamedTuple):
    """A letter; a tuple, because a page has thousands."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    size: float
    is_bold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """One page."""

    glyphs: list[Glyph]
    tables: list[list[list[Box | None]]]
    """For each table its rows of cells, the table's own order."""
    hidden: str
    why_hidden: str
    turned: int
    """Letters that run up, down or askew, which are left out."""
    unknown: int
    """Letters whose font does not say what they are."""
    picture_share: float
    width: float
    height: float


class _Device(PDFPageAggregatorWithMarkedContent):  # type: ignore[misc]
    """Keeps how each letter is drawn, which pdfminer knows and forgets."""

    mode = 0

    def render_string(self, textstate: Any, *args: Any) -> None:
        self.mode = textstate.render
        super().render_string(textstate, *args)

    def render_char(self, *args: Any, **kwargs: Any) -> float:
        advance: float = super().render_char(*args, **kwargs)
        letter: Any = self.cur_item._objs[-1]
        letter.mode = self.mode
        return advance


class _Ground(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float
    light: float | None
    """Luminance; None for a picture or a pattern."""


def read_page(page: Page) -> PageContent:
    """Return what a page shows."""
    device = _Device(page.pdf.rsrcmgr, pageno=page.page_number, laparams=None)
    PDFPageInterpreter(page.pdf.rsrcmgr, device).process_page(page.page_obj)
    layout = device.get_result()
    items = list(_flat(layout))
    pictures = _picture_share(items, layout)
    found = _Sorting(page, pictures >= SCANNED_SHARE)
    for one in items:
        found.take(one)
    rules = [one for one in items if isinstance(one, LTCurve)]
    return PageContent(
        glyphs=found.glyphs, tables=_tables(page, layout, rules), hidden="".join(found.hidden), why_hidden=found.why,
        turned=found.turned, unknown=found.unknown, picture_share=pictures, width=float(page.width), height=float(page.height),
    )  # fmt: skip


class _Sorting:
    """Takes the objects of a page in the order they are painted."""

    def __init__(self, page: Page, is_scan: bool) -> None:
        self.glyphs: list[Glyph] = []
        self.hidden: list[str] = []
        self.why = ""
        self.turned = self.unknown = 0
        self._left, self._top = page.mediabox[:2]
        self._height = float(page.height)
        self._shown: Box = page.cropbox
        self._is_scan = is_scan
        self._hidden_at = 0.0
        self._grounds: list[_Ground] = []

    def take(self, item: LTItem) -> None:
        if isinstance(item, LTChar):
            self._letter(item)
        elif isinstance(item, LTImage):
            self._ground(_Ground(*item.bbox, None))
        elif isinstance(item, LTCurve) and item.fill and item.width > 2 and item.height > 2:
            self._ground(_Ground(*item.bbox, light_of(item.non_stroking_color)))

    def _ground(self, ground: _Ground) -> None:
        if len(self._grounds) < MAX_GROUNDS:
            self._grounds.append(ground)

    def _letter(self, item: LTChar) -> None:
        text = item.get_text()
        if text.startswith("(cid:"):
            self.unknown += 1
            return
        if why := self._why_hidden(item):
            self.hidden.append(text if abs(item.y0 - self._hidden_at) < 1 else f" {text}")
            self._hidden_at = item.y0
            self.why = self.why or (why if text.strip() else "")
        elif not item.upright or item.matrix[0] < 0:
            self.turned += bool(text.strip())
        else:
            bold = any(word in str(item.fontname).lower() for word in _BOLD)
            self.glyphs.append(Glyph(text, *self._box(item), item.size, bold))

    def _box(self, item: LTChar) -> Box:
        """Return the place as pdfplumber counts it."""
        return (
            item.x0 + self._left, self._height - item.y1 + self._top, item.x1 + self._left, self._height - item.y0 + self._top,
        )  # fmt: skip

    def _why_hidden(self, item: LTChar) -> str:
        if getattr(item, "mode", 0) == _INVISIBLE:
            return "" if self._is_scan else "drawn invisibly"  # over a scan it is the text that was recognised
        if item.size < MIN_SIZE:
            return "too small to be read"
        left, top, right, bottom = self._box(item)
        shown = self._shown
        if not (shown[0] - 1 <= (left + right) / 2 <= shown[2] + 1 and shown[1] - 1 <= (top + bottom) / 2 <= shown[3] + 1):
            return "beside the page"
        light = light_of(item.graphicstate.ncolor, item.ncs.name if item.ncs else "")
        return "" if can_be_seen(light, self._light_below(item)) else "in the colour of its ground"

    def _light_below(self, item: LTChar) -> float | None:
        x, y = (item.x0 + item.x1) / 2, (item.y0 + item.y1) / 2
        for ground in reversed(self._grounds):
            if ground.x0 <= x <= ground.x1 and ground.y0 <= y <= ground.y1:
                return ground.light
        return WHITE


def light_of(colour: Any, space: str = "") -> float | None:
    """Return the luminance of a PDF's colour; None when that cannot be told (patterns, named inks)."""
    parts = colour if isinstance(colour, tuple | list) else (colour,)
    if not all(isinstance(part, int | float) for part in parts):
        return None
    values = [min(max(float(part), 0.0), 1.0) for part in parts]
    if space in ("Separation", "DeviceN"):
        return 1.0 if not any(values) else None
    match values:
        case [grey]:
            red = green = blue = grey
        case [red, green, blue]:
            pass
        case [cyan, magenta, yellow, black]:
            red, green, blue = ((1 - ink) * (1 - black) for ink in (cyan, magenta, yellow))
        case _:
            return None
    return luminance(red, green, blue)


def _flat(container: Iterable[LTItem]) -> Iterator[LTItem]:
    for item in container:
        if isinstance(item, LTContainer):
            yield from _flat(item)
        else:
            yield item


def _picture_share(items: list[LTItem], layout: LTPage) -> float:
    area = max(layout.width * layout.height, 1.0)
    return sum(item.width * item.height for item in items if isinstance(item, LTImage)) / area


def _tables(page: Page, layout: LTPage, rules: list[LTCurve]) -> list[list[list[Box | None]]]:
    """Return the cells that ruled lines make; pdfplumber is given the lines alone, because it copies every letter it sees."""
    if not 4 <= len(rules) <= MAX_RULES:
        return []
    layout._objs = list(rules)
    page._layout = layout
    found = []
    for table in page.find_tables():
        rows = [list(row.cells) for row in table.rows]
        if len(rows) > 1 and max(map(len, rows)) > 1:
            found.append(rows)
    return found
