"""From letters at places to lines in reading order: rows, gutters between columns, tables where they stand.

A gutter is a strip that no row crosses but those that run over the whole width (titles, tables, wide figures). Such rows cut the
page into bands, and each band is read column by column, from the side on which its language begins.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import regex

from knowledge.reading.bidi import has_more_rtl, is_rtl, letters, logical
from knowledge.reading.pdf_page import Box, Glyph, PageContent

WORD_GAP = 0.22
"""Of a letter's size: the narrowest gap that is a space. Justified lines have 0.25 and more, kerning stays below 0.1."""
SPACED_GAP = 0.05
"""The same where a space is written: lines are set tight, and some programs write spaces over words."""
COLUMN_GAP = 0.9
"""The narrowest that may be a gutter; letters in a justified line stand 0.8 apart at most."""
MIN_GUTTER = 7.0
MIN_ROWS = 4
"""Rows on either side of a gutter: fewer are an address beside another."""
WIDE = 0.55
"""Share of the width from which a row over a gutter is a title or a table rather than a sign that there is no gutter."""
MIN_COLUMN_SIGNS = 14
"""Median length of a column's rows: shorter ones are the cells of a table without lines, which is read row by row."""


_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}，。、；：？！（）《》「」]")
_OPEN_END = regex.compile(r"(?<=[^\s–—/])(?:[–—]|/+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text in its column."""

    text: str
    page: int
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    is_bold: bool
    is_rtl: bool
    left: float
    right: float
    """Edges of the column."""
    column: int
    """Counted from 0 on the page, in reading order."""
    first_word: float
    """Width of its first word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table, its cells in reading order."""

    rows: tuple[tuple[str, ...], ...]
    page: int
    top: float
    bottom: float


@dataclass(slots=True)
class _Row:
    """Signs on one line between two wide gaps, from left to right; or a table."""

    glyphs: list[Glyph]
    x0: float
    x1: float
    top: float
    bottom: float
    grid: Grid | None = None


def lay_out(content: PageContent, page: int) -> list[Line | Grid]:
    """Return the lines and tables of a page in reading order."""
    rtl = has_more_rtl("".join(glyph.text for glyph in content.glyphs))
    rows, loose = [], content.glyphs
    for cells in content.tables:
        box = _around(cells)
        inside = [glyph for glyph in loose if _is_in(glyph, box)]
        grid = _grid(cells, inside, page, box, rtl=rtl)
        if grid is not None:
            loose = [glyph for glyph in loose if not _is_in(glyph, box)]
            rows.append(_Row([], box[0], box[2], box[1], box[3], grid))
    rows += _rows(loose)
    found: list[Line | Grid] = []
    for number, column in enumerate(_columns(rows, rtl=rtl)):
        found += _lines(column, page, number, rtl=rtl)
    return found


def _rows(glyphs: list[Glyph]) -> Iterator[_Row]:
    """Yield the rows from top to bottom, each cut at its wide gaps."""
    row: list[Glyph] = []
    for glyph in sorted(glyphs, key=lambda one: (one.top + one.bottom) / 2):
        middle = (glyph.top + glyph.bottom) / 2
        if row and middle - (row[0].top + row[0].bottom) / 2 > 0.5 * min(glyph.size, row[0].size):
            yield from _cut(row)
            row = []
        row.append(glyph)
    if row:
        yield from _cut(row)


def _cut(row: list[Glyph]) -> Iterator[_Row]:
    """Yield a row's parts; spaces do not count, because some programs fill a gutter with them."""
    part: list[Glyph] = []
    reach = 0.0
    for glyph in sorted(row, key=lambda one: one.x0):
        if _is_space(glyph):
            part.append(glyph)
            continue
        if reach and glyph.x0 - reach > COLUMN_GAP * glyph.size:
            yield from _row(part)
            part, reach = [], 0.0
        part.append(glyph)
        reach = max(reach, glyph.x1)
    yield from _row(part)


def _row(glyphs: list[Glyph]) -> Iterator[_Row]:
    shown = [one for one in glyphs if not _is_space(one)]
    if shown:
        yield _Row(
            glyphs, min(one.x0 for one in shown), max(one.x1 for one in shown), min(one.top for one in shown),
            max(one.bottom for one in shown),
        )  # fmt: skip


def _columns(rows: list[_Row], *, rtl: bool) -> Iterator[list[_Row]]:
    """Yield the rows of each column, in reading order."""
    gutter = _gutter(rows)
    ordered = sorted(rows, key=lambda row: (row.top, row.x0))
    if gutter is None:
        if ordered:
            yield ordered
        return
    middle = (gutter[0] + gutter[1]) / 2
    captions = {id(row) for row in _captions(ordered, middle)}
    band: list[_Row] = []
    wide: list[_Row] = []
    for row in ordered:
        if row.x0 < middle < row.x1 or id(row) in captions:
            yield from _band(band, middle, rtl=rtl)
            band = []
            wide.append(row)
            continue
        if wide:
            yield wide
            wide = []
        band.append(row)
    if wide:
        yield wide
    yield from _band(band, middle, rtl=rtl)


def _captions(rows: list[_Row], middle: float) -> Iterator[_Row]:
    """Yield the rows that stand alone above a wide table: they belong to it, however short they are."""
    for number, row in enumerate(rows[1:], start=1):
        above = rows[number - 1]
        is_alone = number < 2 or not _is_beside(rows[number - 2], above)
        if row.grid and row.x0 < middle < row.x1 and is_alone and row.top - above.bottom < 2 * (above.bottom - above.top):
            yield above


def _band(rows: list[_Row], middle: float, *, rtl: bool) -> Iterator[list[_Row]]:
    sides = [[row for row in rows if row.x1 <= middle], [row for row in rows if row.x1 > middle]]
    for side in reversed(sides) if rtl else sides:
        yield from _columns(side, rtl=rtl)


def _gutter(rows: list[_Row]) -> tuple[float, float] | None:
    """Return the widest strip between two columns, or None."""
    if len(rows) < 2 * MIN_ROWS:
        return None
    left, right = min(row.x0 for row in rows), max(row.x1 for row in rows)
    width = right - left
    narrow = sorted((row for row in rows if row.x1 - row.x0 < WIDE * width), key=lambda row: row.x0)
    allowed = max(1, len(narrow) // 12)
    best = None
    for start, end in _strips(narrow, allowed):
        if end - start < MIN_GUTTER or not left + 0.15 * width < (start + end) / 2 < right - 0.15 * width:
            continue
        if _has_columns(narrow, (start + end) / 2) and (best is None or end - start > best[1] - best[0]):
            best = (start, end)
    return best


def _strips(rows: list[_Row], allowed: int) -> Iterator[tuple[float, float]]:
    """Yield the strips that at most ``allowed`` rows cross."""
    edges = sorted([(row.x0, 1) for row in rows] + [(row.x1, -1) for row in rows], key=lambda edge: (edge[0], edge[1]))
    over, start = 0, None
    for place, step in edges:
        over += step
        if over <= allowed and start is None:
            start = place
        elif over > allowed and start is not None:
            yield start, place
            start = None


def _has_columns(rows: list[_Row], middle: float) -> bool:
    for side in ([row for row in rows if row.x1 <= middle], [row for row in rows if row.x0 >= middle]):
        if len(side) < MIN_ROWS or median(len(row.glyphs) for row in side) < MIN_COLUMN_SIGNS:
            return False
    return True


def _lines(rows: list[_Row], page: int, column: int, *, rtl: bool) -> Iterator[Line | Grid]:
    """Yield a column's lines; what a wide gap had cut is put together again."""
    left, right = min(row.x0 for row in rows), max(row.x1 for row in rows)
    together: list[_Row] = []
    for row in rows:
        if together and (row.grid or not _is_beside(together[-1], row)):
            yield from _line(together, page, column, (left, right), rtl=rtl)
            together = []
        if row.grid:
            yield row.grid
        else:
            together.append(row)
    yield from _line(together, page, column, (left, right), rtl=rtl)


def _is_beside(one: _Row, other: _Row) -> bool:
    return min(one.bottom, other.bottom) - max(one.top, other.top) > 0.5 * min(one.bottom - one.top, other.bottom - other.top)


def _line(rows: list[_Row], page: int, column: int, edges: tuple[float, float], *, rtl: bool) -> Iterator[Line]:
    if not rows:
        return
    signs = _signs([glyph for row in rows for glyph in row.glyphs])
    glyphs = [glyph for row in rows for glyph in row.glyphs if not _is_space(glyph)]
    runs_left = is_rtl("".join(signs), on_rtl_page=rtl)
    text = " ".join(unicodedata.normalize("NFC", letters(logical(signs, rtl=runs_left))).split())
    if not text:
        return
    size = median(glyph.size for glyph in glyphs)
    word = len(text.split(" ", 1)[0])
    x0, x1 = min(row.x0 for row in rows), max(row.x1 for row in rows)
    yield Line(
        text=text, page=page, x0=x0, x1=x1, top=min(row.top for row in rows), bottom=max(row.bottom for row in rows), size=size,
        is_bold=sum(glyph.is_bold for glyph in glyphs) > 0.9 * len(glyphs), is_rtl=runs_left, left=edges[0], right=edges[1],
        column=column, first_word=(x1 - x0) * word / len(text),
    )  # fmt: skip


def _signs(glyphs: list[Glyph]) -> list[str]:
    """Return the signs from left to right, marks with their letters and spaces where the gaps are."""
    clusters: list[list[Glyph]] = []
    for glyph in sorted((one for one in glyphs if not _is_mark(one)), key=lambda one: one.x0):
        last = clusters[-1][0] if clusters else None
        if last and last.text == glyph.text and abs(last.x0 - glyph.x0) + abs(last.top - glyph.top) < 0.1 * glyph.size:
            continue  # drawn twice to look bold
        clusters.append([glyph])
    for mark in filter(_is_mark, glyphs):
        if bases := [one for one in clusters if not _is_space(one[0])]:
            min(bases, key=lambda one: _distance(one[0], mark)).append(mark)
    signs: list[str] = []
    reach, spaced = 0.0, False
    for cluster in clusters:
        first = cluster[0]
        if _is_space(first):
            spaced = True
            continue
        if signs and first.x0 - reach > (SPACED_GAP if spaced else WORD_GAP) * first.size:
            signs.append(" ")
        signs.append("".join(glyph.text for glyph in cluster))
        reach, spaced = max(reach, first.x1), False
    return signs


def _is_space(glyph: Glyph) -> bool:
    return not glyph.text or glyph.text.isspace()


def _distance(glyph: Glyph, mark: Glyph) -> float:
    """Return how far a mark stands from a letter; one without width stands where its letter begins to be written."""
    middle = (mark.x0 + mark.x1) / 2
    begins = 0.01 if has_more_rtl(letters(glyph.text)) else -0.01
    if glyph.x0 <= middle + begins <= glyph.x1:
        return 0.0
    return abs((glyph.x0 + glyph.x1) / 2 - middle)


def between(one: str, other: str) -> str:
    """Return what stands between two lines of a text: nothing in scripts without spaces, and behind a dash or slash in a word."""
    is_unspaced = _UNSPACED.match(one[-1:]) and _UNSPACED.match(other[:1])
    return "" if is_unspaced or _OPEN_END.search(one) else " "


def _is_mark(glyph: Glyph) -> bool:
    return glyph.text > "\u02ff" and unicodedata.category(letters(glyph.text)[:1] or " ") == "Mn"


def _grid(cells: list[list[Box | None]], glyphs: list[Glyph], page: int, box: Box, *, rtl: bool) -> Grid | None:
    """Return a table; None for a frame around text, whose cells are mostly empty."""
    rows = []
    for row in cells:
        beside = _in_band(glyphs, row)
        texts = [_cell(cell, beside, rtl=rtl) if cell else "" for cell in row]
        if any(texts):
            rows.append(tuple(reversed(texts)) if rtl else tuple(texts))
    width = max(map(len, rows), default=0)
    filled = sum(bool(text) for row in rows for text in row)
    if len(rows) < 2 or width < 2 or filled < 0.4 * len(rows) * width:
        return None
    return Grid(rows=tuple(rows), page=page, top=box[1], bottom=box[3])


def _in_band(glyphs: list[Glyph], row: Sequence[Box | None]) -> list[Glyph]:
    """Return the letters at a row's height: a page of figures has a thousand cells, and each would look at every letter."""
    boxes = [cell for cell in row if cell]
    top, bottom = min((one[1] for one in boxes), default=0.0), max((one[3] for one in boxes), default=0.0)
    return [one for one in glyphs if top <= (one.top + one.bottom) / 2 <= bottom]


def _cell(box: Box, glyphs: list[Glyph], *, rtl: bool) -> str:
    inside = [glyph for glyph in glyphs if _is_in(glyph, box)]
    rows = sorted(_rows(inside), key=lambda row: (row.top, row.x0))
    if not rows:
        return ""
    found = ""
    for line in _lines(rows, 0, 0, rtl=rtl):
        if isinstance(line, Line):
            found += (between(found, line.text) if found else "") + line.text
    return found


def _around(cells: Sequence[Sequence[Box | None]]) -> Box:
    boxes = [cell for row in cells for cell in row if cell]
    return min(one[0] for one in boxes), min(one[1] for one in boxes), max(one[2] for one in boxes), max(one[3] for one in boxes)


def _is_in(glyph: Glyph, box: Box) -> bool:
    x, y = (glyph.x0 + glyph.x1) / 2, (glyph.top + glyph.bottom) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
