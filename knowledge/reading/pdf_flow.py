"""From the lines of all pages to headings, paragraphs, list items and tables.

Two lines belong together unless something says otherwise: another style, a wide gap, a bullet, an indent, or room at the end of
the first for the first word of the second. Over a change of column or page only the sentence can tell. Headings are what the
outline names, else what is larger or bolder than the text.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

import regex

from knowledge.reading import markup
from knowledge.reading.original import BodyWriter
from knowledge.reading.pdf_layout import Grid, Line, between

LARGER = 1.12
"""Size of a heading to that of the text; rounding of fonts stays below 1.05."""
SMALLER = 0.92
"""Size of a footnote to that of the text."""
MAX_HEADING = 200
MAX_BOLD_HEADING = 120
"""Characters; a longer bold paragraph is a warning, not a heading."""
WIDE_PITCH = 1.3
"""Distance of two lines to the usual one from which a paragraph ends."""
USUAL_PITCH = 1.25
"""Distance of two lines, to their size, until enough were seen to tell the document's own."""
PITCHES = 4
MAX_USUAL_PITCH = 1.9
"""The most that is taken for usual: a list of single lines is all gaps."""
CAPTION = 200

_BULLET = regex.compile(r"[•▪‣◦●○■□–—·➢➤✓✔\ue000-\uf8ff-]\s+(?=\S)")
_NUMBERED = regex.compile(r"(\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+(?=\S)")
_ENDS = regex.compile(r"[.!?…؟۔።।:;؛。！？；][\"'»”’)\]]*$")
_HYPHEN = regex.compile(r"(?<=\p{Ll})[-\u2010\u00ad]$")
_COMPOUND = regex.compile(r"\p{L}+-\p{L}+")
_LEADERS = regex.compile(r"(?:[.․…]\s?){4,}\s*[\divxlc]{1,5}$")
"""A line of a table of contents: it leads to a page, and answers nothing."""
_CAPTION = regex.compile(
    r"(?:table|tableau|tabla|tabela|tabelle|tabella|таблица|таблиця|tablo|bảng|jedwali|الجدول|جدول|表|annex|figure)\s*[\p{Nd}IVX]",
    regex.I,
)


@dataclass(slots=True)
class Block:
    """A paragraph, heading or item under construction: its lines, or one table."""

    lines: list[Line] = field(default_factory=list)
    grid: Grid | None = None
    level: int | None = None

    @property
    def text(self) -> str:
        """Its words on one line."""
        found = ""
        for line in self.lines:
            found += (between(found, line.text) if found else "") + line.text
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    size: float
    is_bold: bool


def write(lines: Sequence[Line | Grid], outline: dict[str, int], writer: BodyWriter) -> str | None:
    """Write a whole document; return its title, the first heading of the highest level on the first page with any."""
    kept = [one for one in lines if isinstance(one, Grid) or not _LEADERS.search(one.text)]
    texts = [one for one in kept if isinstance(one, Line)]
    body = _body_style(texts)
    blocks = list(_blocks(kept, outline))
    _set_levels(blocks, body, outline)
    compounds = {match.group().lower() for line in texts for match in _COMPOUND.finditer(line.text)}
    above: Block | None = None
    for block in _joined(_notes_last(blocks, body)):
        _write_block(block, above, writer, compounds)
        above = block
    headings = [block for block in blocks if block.level and block.lines]
    first = [block for block in headings if block.lines[0].page == headings[0].lines[0].page]
    return min(first, key=lambda block: block.level or 0).text if first else None


def normal(text: str) -> str:
    """Return what is compared when an outline's title is looked for on the page."""
    return "".join(regex.findall(r"[\p{L}\p{N}]", text)).casefold()


def _style(line: Line) -> _Style:
    return _Style(size=round(line.size * 2) / 2, is_bold=line.is_bold)


def _body_style(lines: Iterable[Line]) -> _Style:
    signs: Counter[_Style] = Counter()
    for line in lines:
        signs[_style(line)] += len(line.text)
    return signs.most_common(1)[0][0] if signs else _Style(size=10, is_bold=False)


def _blocks(lines: Iterable[Line | Grid], outline: dict[str, int]) -> Iterator[Block]:
    """Yield blocks that end at every column and page."""
    items = list(lines)
    pitch = _usual_pitch(items)
    block = Block()
    for item in items:
        if isinstance(item, Grid):
            if block.lines:
                yield block
            block = Block()
            yield Block(grid=item)
            continue
        if block.lines and _begins(block, item, pitch, outline):
            yield block
            block = Block()
        block.lines.append(item)
    if block.lines:
        yield block


def _usual_pitch(items: Sequence[Line | Grid]) -> dict[float, float]:
    """Return for each size how far apart its lines stand, to their size."""
    seen: dict[float, list[float]] = {}
    for one, other in pairwise(items):
        if isinstance(one, Line) and isinstance(other, Line) and (one.page, one.column) == (other.page, other.column):
            pitch = (other.top - one.top) / max(one.size, 1)
            if _style(one) == _style(other) and 0.5 < pitch < 2 * MAX_USUAL_PITCH:
                seen.setdefault(_style(one).size, []).append(pitch)
    return {size: min(median(found), MAX_USUAL_PITCH) for size, found in seen.items() if len(found) >= PITCHES}


def _begins(block: Block, line: Line, pitch: dict[float, float], outline: dict[str, int]) -> bool:
    """Return whether a line begins a new block within its column."""
    last = block.lines[-1]
    if (last.page, last.column) != (line.page, line.column) or _is_item(line.text):
        return True
    if abs(last.size - line.size) > 0.08 * last.size or (last.is_bold != line.is_bold and not _hangs_on(last, line)):
        return True
    if outline and ((len(block.lines) <= 3 and normal(block.text) in outline) or normal(line.text) in outline):
        return True
    usual = pitch.get(_style(line).size, USUAL_PITCH)
    if _CAPTION.match(line.text) or (line.top - last.top) / max(line.size, 1) > max(usual, 1.0) * WIDE_PITCH:
        return True
    return _had_room(last, line) or _is_indented(block, line)


def _hangs_on(last: Line, line: Line) -> bool:
    """Return whether a change of weight is only emphasis inside a sentence."""
    return last.is_bold and not _ENDS.search(last.text) and line.text[:1].islower()


def _had_room(last: Line, line: Line) -> bool:
    room = last.x0 - last.left if last.is_rtl else last.right - last.x1
    goes_on = _HYPHEN.search(last.text) or (line.text[:1].islower() and not _ENDS.search(last.text))
    if goes_on and room < 0.4 * (last.right - last.left):
        return False
    return room > line.first_word + line.size


def _is_indented(block: Block, line: Line) -> bool:
    last = block.lines[-1]
    step = last.x1 - line.x1 if line.is_rtl else line.x0 - last.x0
    if _is_item(block.lines[0].text):
        return step < -0.8 * line.size and len(block.lines) > 1  # back from a hanging indent
    return step > 0.8 * line.size and bool(_ENDS.search(last.text))


def _is_item(text: str) -> bool:
    return bool(_BULLET.match(text) or _NUMBERED.match(text))


def _set_levels(blocks: Sequence[Block], body: _Style, outline: dict[str, int]) -> None:
    """Tell headings: by the outline, then by style, deeper than those of the outline that are as large."""
    known: dict[_Style, int] = {}
    for block in blocks:
        if block.lines and len(block.text) <= MAX_HEADING and (level := outline.get(normal(block.text))):
            block.level = level
            known[_style(block.lines[0])] = min(level, known.get(_style(block.lines[0]), level))
    found = [block for block in blocks if block.level is None and _looks_like_heading(block, body)]
    styles = sorted({_style(block.lines[0]) for block in found} - known.keys(), key=lambda one: (-one.size, not one.is_bold))
    for style in styles:
        above = [level for other, level in known.items() if (other.size, other.is_bold) > (style.size, style.is_bold)]
        known[style] = min(max(above, default=0) + 1, 6)
    for block in found:
        block.level = known[_style(block.lines[0])]


def _looks_like_heading(block: Block, body: _Style) -> bool:
    if not block.lines or len(block.lines) > 3 or not regex.search(r"\p{L}", block.text):
        return False
    style, text = _style(block.lines[0]), block.text
    if _CAPTION.match(text) or len(text) > MAX_HEADING:
        return False
    if style.size >= body.size * LARGER:
        return not regex.search(r"[,;]$", text)
    is_bolder = style.is_bold and not body.is_bold and style.size >= body.size * 0.95
    return is_bolder and len(text) <= MAX_BOLD_HEADING and not regex.search(r"[.,;:!]$", text) and not _BULLET.match(text)


def _notes_last(blocks: Sequence[Block], body: _Style) -> list[Block]:
    """Put small print at the foot of a column behind the paragraph that goes on after it."""
    found: list[Block] = []
    held: list[Block] = []
    for block in blocks:
        if held and found and not _is_small(block, body) and not _goes_on(found[-1], block):
            found += held
            held = []
        if held and not _is_small(block, body):
            found += [block, *held]
            held = []
        elif _is_small(block, body) and found and _is_open(found[-1]):
            held.append(block)
        else:
            found.append(block)
    return found + held


def _is_small(block: Block, body: _Style) -> bool:
    return bool(block.lines) and block.lines[0].size < body.size * SMALLER and block.level is None


def _is_open(block: Block) -> bool:
    return bool(block.lines) and block.level is None and not _ENDS.search(block.text)


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, those put together that a column or a page had cut."""
    last: Block | None = None
    for block in blocks:
        if last is not None and _goes_on(last, block):
            last.lines += block.lines
            if last.grid and block.grid:
                last = _with_rows(last, block.grid)
            continue
        if last is not None:
            yield last
        last = block
    if last is not None:
        yield last


def _goes_on(last: Block, block: Block) -> bool:
    if last.grid and block.grid:
        return _ends_page(last, block.grid) and len(last.grid.rows[0]) == len(block.grid.rows[0])
    if not last.lines or not block.lines or last.level is not None or block.level is not None:
        return False
    one, other = last.lines[-1], block.lines[0]
    if (one.page, one.column) == (other.page, other.column) or _is_item(other.text):
        return False
    if abs(one.size - other.size) > 0.08 * one.size or one.is_bold != other.is_bold:
        return False
    if _HYPHEN.search(one.text) or other.text[:1].islower():
        return True
    return not _ENDS.search(one.text) and not _had_room(one, other)


def _ends_page(last: Block, grid: Grid) -> bool:
    pages = last.pages if isinstance(last, _LongTable) else [last.grid.page] if last.grid else []
    return bool(pages) and grid.page == pages[-1] + 1


@dataclass(slots=True)
class _LongTable(Block):
    """A table over several pages, with the page of each row."""

    pages: list[int] = field(default_factory=list)


def _with_rows(last: Block, grid: Grid) -> _LongTable:
    assert last.grid is not None
    pages = last.pages if isinstance(last, _LongTable) else [last.grid.page] * len(last.grid.rows)
    rows = grid.rows[1:] if grid.rows[0] == last.grid.rows[0] else grid.rows
    whole = replace(last.grid, rows=(*last.grid.rows, *rows))
    return _LongTable(grid=whole, pages=[*pages, *[grid.page] * len(rows)])


def _write_block(block: Block, above: Block | None, writer: BodyWriter, compounds: set[str]) -> None:
    if block.grid:
        has_caption = above is not None and _CAPTION.match(above.text) and len(above.text) <= CAPTION and above.level is None
        _write_table(block, block.grid, writer, after="\n" if has_caption else "\n\n")
    elif block.level:
        writer.add(markup.heading(block.level, block.text), page=block.lines[0].page)
    else:
        _write_lines(block.lines, writer, compounds)


def _write_table(block: Block, grid: Grid, writer: BodyWriter, *, after: str) -> None:
    pages = block.pages if isinstance(block, _LongTable) else [grid.page] * len(grid.rows)
    lines = markup.table_lines(grid.rows)
    writer.add("\n".join(lines[:2]), page=pages[0], after=after)
    for line, page in zip(lines[2:], pages[1:], strict=True):
        writer.add(line, page=page, after="\n")


def _write_lines(lines: Sequence[Line], writer: BodyWriter, compounds: set[str]) -> None:
    after = "\n\n"
    for number, line in enumerate(lines):
        text = markup.paragraph(_as_item(line.text)) if number == 0 else markup.one_line(line.text)
        following = lines[number + 1].text if number + 1 < len(lines) else ""
        text, joint = _cut_hyphen(text, following, compounds)
        writer.add(text, page=line.page, after=after)
        after = joint


def _as_item(text: str) -> str:
    return _BULLET.sub("- ", text, count=1) if _BULLET.match(text) else text


def _cut_hyphen(text: str, following: str, compounds: set[str]) -> tuple[str, str]:
    """Return a line without the hyphen that only its end asked for, and what stands between it and the next."""
    if not (following[:1].islower() and (match := _HYPHEN.search(text))):
        return text, between(text, following)
    stem = text[: match.start()]
    before, behind = regex.search(r"\p{L}*$", stem), regex.match(r"\p{L}*", following)
    assert before is not None
    assert behind is not None
    word = f"{before.group()}-{behind.group()}"
    return (f"{stem}-", "") if word.lower() in compounds else (stem, "")
