"""Cut a document into passages that a person can read and an encoder can hold.

A passage is a span of the body and never changes a letter of it: what is cited is what was signed. Cuts fall, in this order of
preference, between sections, blocks (paragraph, list, table), lines, sentences, words, and only then between two graphemes.

The limit is 1,200 characters of Latin text, about 300 tokens: a passage with its title stays below the 512 tokens of the usual
encoders, which drop the rest without a word, and reads well on a telephone. Scripts with more tokens for a character count more.

A table says nothing without what introduces it, so its caption and the sentence before it go with it where the limit allows. One
that is longer is cut between its rows; as a passage is a span of the body, which cannot repeat the first row, the later pieces
carry caption and column names as their last heading, where they are shown, searched and embedded.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import regex
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.direction import without_isolates
from knowledge.passages import Document, DraftPassage, PassageKind

LIMIT = 1_200
LEAD_IN = 300
"""Characters up to which a sentence before a table introduces it."""
CAPTION = 200
COLUMN_NAMES = 160
"""Characters of a table's name and column names that stand above each of its further pieces."""

_MERE_NAME = regex.compile(r"(?=.*[0-9])(?!.*[A-Za-z]{4})[!-~ ]+")
_GRAPHEME = regex.compile(r"\X")
_CUTS = tuple(
    regex.compile(pattern)
    for pattern in (r"\n\s*\n", r"\n", r"[.!?…؟۔።।॥]+[\"'»”)\]]*\s+|[。！？；]+[」』”）]*", r"\s+", r"[،,;:、，]")
)
_SENTENCE_END = regex.compile(r"[.!?…؟۔።।॥。！？:：][\"'»”)\]]*$")
_NO_BEGINNING = regex.compile(r"[\p{Ll}\p{N}]")
_LINE = regex.compile(r"[^\n]*(?:\n|\Z)")
_COSTLY = ((0x2E80, 3), (0x2000, 1), (0x1000, 2))
"""First code point of a range, and what its characters count: Chinese, Japanese, Korean 3; Ethiopic, Khmer and others 2."""


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    level: int = 0
    """Level of a heading, 0 for everything else."""
    title: str = ""
    table: int | None = None
    """Where a table begins; what stands before it in the block introduces it."""
    is_paragraph: bool = False


def chunk(document: Document) -> list[DraftPassage]:
    """Return the passages in reading order, then the phrasings; exactly one ``lead`` unless the body is blank."""
    spans = list(_spans(document.body))
    if not spans:
        spans = [((), *span) for span in _pieces(document.body, 0, len(document.body))]
    places = _Places(document)
    passages = [_passage(places, number, "text" if number else "lead", *span) for number, span in enumerate(spans)]
    for phrasing in document.phrasings:
        passages.append(DraftPassage(kind="phrasing", ordinal=len(passages), start=0, end=0, text=phrasing))
    return passages


def embedded_text(title: str, kind: str, heading_path: Sequence[str], text: str) -> str:
    """Return what an encoder is given for a passage: title, headings and words.

    A section like "Ask at the embassy of that country" says nothing without its title. A phrasing stands alone: it is compared
    with a question of the same shape, and the title would make all phrasings of a document alike. A file's name that holds a
    number and no word is left out: "P0012" before an Arabic text costs half a point of MRR (XQuAD). Direction marks are for
    showing: no encoder knows them.
    """
    if kind == "phrasing":
        return without_isolates(text)
    above = [heading for heading in heading_path if heading != title]
    named = [] if not title or _MERE_NAME.fullmatch(title) else [title]
    return without_isolates("\n".join((*named, *above, text)))


def first_heading(body: str) -> str | None:
    """Return the words of the first heading, or None."""
    return next((block.title for block in _blocks(body) if block.level and block.title), None)


class _Places:
    """Where in the original each place of the body stands."""

    def __init__(self, document: Document) -> None:
        self.body = document.body
        marks = sorted(document.marks, key=lambda mark: mark.start)
        self._pages = [(mark.start, mark.page) for mark in marks if mark.page is not None]
        self._anchors = [(mark.start, mark.anchor) for mark in marks if mark.anchor is not None]

    def page(self, start: int) -> int | None:
        """Return the page on which a character stands."""
        number = bisect_right(self._pages, start, key=lambda mark: mark[0])
        return self._pages[number - 1][1] if number else None

    def anchor(self, start: int) -> str | None:
        """Return the nearest anchor at or before a character."""
        number = bisect_right(self._anchors, start, key=lambda mark: mark[0])
        return self._anchors[number - 1][1] if number else None


def _passage(places: _Places, ordinal: int, kind: PassageKind, path: tuple[str, ...], start: int, end: int) -> DraftPassage:
    return DraftPassage(
        kind=kind, ordinal=ordinal, heading_path=path, page=places.page(start), anchor=places.anchor(start), start=start, end=end,
        text=places.body[start:end],
    )  # fmt: skip


def _spans(body: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield heading path, start and end of each passage.

    A heading with nothing below it ("Police: 112", then the next heading) is a passage itself: no other would carry its words.
    """
    path: list[tuple[int, str]] = []
    section: list[_Block] = []
    bare: _Block | None = None
    for block in _blocks(body):
        if not block.level:
            section.append(block)
            bare = bare if body[block.start : block.end].isspace() else None
            continue
        yield from _packed(body, tuple(title for _, title in path), section)
        if bare is not None and block.level <= bare.level:
            yield from _packed(body, tuple(title for _, title in path[:-1]), [bare])
        section, bare = [], block
        path = [(level, title) for level, title in path if level < block.level] + [(block.level, block.title)]
    yield from _packed(body, tuple(title for _, title in path), section)
    if bare is not None:
        yield from _packed(body, tuple(title for _, title in path[:-1]), [bare])


def _packed(body: str, path: tuple[str, ...], blocks: list[_Block]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield a section's blocks put together up to the limit; a block that does not fit alone is cut."""
    start = end = used = 0
    for block in _introduced(body, blocks):
        cost = _cost(body, block.start, block.end)
        if end and used + cost <= LIMIT:
            end, used = block.end, used + cost
            continue
        yield from ((path, *span) for span in _pieces(body, start, end))
        start, end, used = block.start, block.end, cost
        if block.table is not None and cost > LIMIT:
            yield from _table_pieces(body, path, block, block.table)
            start = end = used = 0
    yield from ((path, *span) for span in _pieces(body, start, end))


def _introduced(body: str, blocks: list[_Block]) -> list[_Block]:
    """Return the blocks, each table put together with its caption and the sentence before it."""
    found: list[_Block] = []
    for block in blocks:
        place = block.start
        if block.table is not None:
            places = _lead_ins(body, found, block)
            place = next((one for one in places if _cost(body, one, block.end) <= LIMIT), places[0])
            while found and found[-1].start >= place:
                found.pop()
            if found and found[-1].end > place:
                found[-1] = _Block(found[-1].start, place, is_paragraph=True)
        found.append(_Block(place, block.end, table=block.table, is_paragraph=block.is_paragraph))
    return found


def _lead_ins(body: str, before: list[_Block], table: _Block) -> list[int]:
    """Return where a table may begin, most first: with the sentence above its caption, with its caption, alone."""
    place = table.start
    paragraphs = [block for block in before[-2:] if block.is_paragraph]
    if not paragraphs or paragraphs[-1] is not before[-1]:
        return [place]
    above = _trimmed(body, paragraphs[-1].start, place)
    line = max(body.rfind("\n", *above) + 1, above[0])
    if _is_caption(body[line : above[1]]):
        place = line if line > above[0] else paragraphs[-1].start
        above = _trimmed(body, above[0], line) if line > above[0] else _above(body, before, paragraphs)
    sentence = _last_sentence(body, *above)
    is_near = above[0] < above[1] <= place and above[1] - sentence <= LEAD_IN
    return [*([sentence] if is_near else []), place, table.start]


def _above(body: str, before: list[_Block], paragraphs: list[_Block]) -> tuple[int, int]:
    """Return the paragraph above a caption that is a paragraph itself; an empty span when there is none."""
    if len(paragraphs) < 2:
        return before[-1].start, before[-1].start
    return _trimmed(body, paragraphs[0].start, paragraphs[0].end)


def _last_sentence(body: str, start: int, end: int) -> int:
    """Return where the last sentence begins; after an abbreviation ("Art. 5") none does."""
    ends = [match.end() for match in _CUTS[2].finditer(body, start, end)]
    places = [place for place in ends if place < end and not _NO_BEGINNING.match(body, place)]
    return next((place for place in reversed(places) if _is_boundary(body, start, place)), start)


def _is_caption(text: str) -> bool:
    words = text.strip()
    return 0 < len(words) <= CAPTION and "\n" not in words and not _SENTENCE_END.search(words)


def _table_pieces(body: str, path: tuple[str, ...], block: _Block, table: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield a table cut between its rows; the later pieces carry its name and columns as a heading."""
    lines = [match.end() for match in _LINE.finditer(body, table, block.end)]
    rows = [block.start, *lines[2:-1], block.end]  # what introduces it, column names and first row are one
    below = (*path, name) if (name := _table_name(body, block, table)) else path
    start, used = rows[0], 0
    for row, following in pairwise(rows):
        cost = _cost(body, row, following)
        if used and used + cost > LIMIT:
            yield from _table_part(body, path if start == rows[0] else below, start, row)
            start, used = row, 0
        used += cost
    yield from _table_part(body, path if start == rows[0] else below, start, rows[-1])


def _table_part(body: str, path: tuple[str, ...], start: int, end: int) -> Iterator[tuple[tuple[str, ...], int, int]]:
    yield from ((path, *span) for span in _pieces(body, start, end))


def _table_name(body: str, block: _Block, table: int) -> str:
    """Return caption and column names as one heading: "Table 2. Fees (Country · Fee)"."""
    introduction = body[block.start : table].strip().rpartition("\n")[2].strip()
    caption = introduction if _is_caption(introduction) else ""
    cells = [" ".join(cell.split()) for cell in body[table : block.end].partition("\n")[0].strip().strip("|").split("|")]
    columns = " · ".join(cell for cell in cells if cell)[:COLUMN_NAMES]
    return f"{caption} ({columns})" if caption and columns else caption or columns


def _pieces(body: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield trimmed spans within the limit that together cover everything but white space."""
    start, end = _trimmed(body, start, end)
    while start < end:
        reach = _reach(body, start, end)
        cut = end if reach >= end else _cut(body, start, reach, end)
        span = _trimmed(body, start, cut)
        if span[0] < span[1]:
            yield span
        start = cut


def _cut(body: str, start: int, reach: int, end: int) -> int:
    """Return the best place to cut: the last of the best kind that leaves no crumb, always between two graphemes."""
    allowed = {match.end() for match in _GRAPHEME.finditer(body, start, reach)} - {reach}
    allowed |= {reach} if _is_boundary(body, start, reach) else set()
    for pattern in _CUTS:
        places = [match.end() for match in pattern.finditer(body, start + (reach - start) // 4, reach)]
        if fitting := [place for place in places if place in allowed]:
            return int(fitting[-1])
    if allowed:
        return int(max(allowed))
    longest = _GRAPHEME.match(body, start, end)  # one grapheme longer than the limit: stacked marks; kept whole
    assert longest is not None
    return int(longest.end())


def _is_boundary(body: str, start: int, place: int) -> bool:
    """Return whether a grapheme ends at ``place``; ``start`` must be a boundary."""
    ahead = place
    for match in _GRAPHEME.finditer(body, start):
        ahead = match.end()
        if ahead >= place:
            break
    return ahead == place


def _trimmed(body: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space at its ends; a space that carries a mark is no white space."""
    graphemes = [match.span() for match in _GRAPHEME.finditer(body, start, end)]
    kept = [span for span in graphemes if not body[span[0] : span[1]].isspace()]
    return (kept[0][0], kept[-1][1]) if kept else (end, end)


def _reach(body: str, start: int, end: int) -> int:
    """Return how far from ``start`` the limit allows to go."""
    used = 0
    for place in range(start, end):
        used += _weight(body[place])
        if used > LIMIT:
            return place
    return end


def _cost(body: str, start: int, end: int) -> int:
    text = body[start:end]
    return len(text) if text.isascii() else sum(map(_weight, text))


@cache
def _weight(character: str) -> int:
    code = ord(character)
    return next((weight for first, weight in _COSTLY if code >= first), 1)


def _blocks(body: str) -> Iterator[_Block]:
    """Yield the top-level blocks; together they cover the body, so that nothing is lost (reference definitions, for example)."""
    offsets = [0, *(match.end() for match in regex.finditer(r"\n", body)), len(body)]
    opened = [(token, token.map[0], following) for token, following in _top_level(body) if token.map]
    starts = [offsets[min(line, len(offsets) - 1)] for _, line, _ in opened] + [len(body)]
    if starts[0] > 0:
        yield _Block(0, starts[0])
    for number, (token, _, inline) in enumerate(opened):
        end = starts[number + 1]
        if token.type != "heading_open":
            is_table, start = token.type == "table_open", starts[number]
            yield _Block(start, end, table=start if is_table else None, is_paragraph=token.type == "paragraph_open")
            continue
        assert token.map is not None
        after = min(offsets[min(token.map[1], len(offsets) - 1)], end)
        yield _Block(starts[number], after, int(token.tag[1:]), _words(inline))
        if after < end:
            yield _Block(after, end)


def _top_level(body: str) -> Iterator[tuple[Token, Token | None]]:
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for number, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            yield token, tokens[number + 1] if number + 1 < len(tokens) else None


def _words(inline: Token | None) -> str:
    """Return a heading without its markup."""
    children = inline.children if inline and inline.children else []
    return " ".join("".join(child.content or " " for child in children if child.type != "html_inline").split())
