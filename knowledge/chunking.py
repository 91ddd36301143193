"""Cut a document into passages that a person can read and an encoder can hold.

A passage is a span of the body and never changes a letter of it: what is cited is what was signed. Cuts fall, in this order of
preference, between sections, blocks (paragraph, list, table), lines, sentences, words, and only then between two graphemes.

The limit is 1,200 characters of Latin text, about 300 tokens: a passage with its title stays below the 512 tokens of the usual
encoders, which drop the rest without a word, and reads well on a telephone. Scripts with more tokens for a character count more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import regex
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.passages import Document, DraftPassage, PassageKind

LIMIT = 1_200

_GRAPHEME = regex.compile(r"\X")
_CUTS = tuple(
    regex.compile(pattern)
    for pattern in (r"\n\s*\n", r"\n", r"[.!?…؟۔።।॥]+[\"'»”)\]]*\s+|[。！？；]+[」』”）]*", r"\s+", r"[،,;:、，]")
)
_COSTLY = ((0x2E80, 3), (0x2000, 1), (0x1000, 2))
"""First code point of a range, and what its characters count: Chinese, Japanese, Korean 3; Ethiopic, Khmer and others 2."""


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    level: int = 0
    """Level of a heading, 0 for everything else."""
    title: str = ""


def chunk(document: Document) -> list[DraftPassage]:
    """Return the passages in reading order, then the phrasings; exactly one ``lead`` unless the body is blank."""
    spans = list(_spans(document.body))
    if not spans:
        spans = [((), *span) for span in _pieces(document.body, 0, len(document.body))]
    passages = [_passage(document.body, number, "text" if number else "lead", *span) for number, span in enumerate(spans)]
    for phrasing in document.phrasings:
        passages.append(DraftPassage(kind="phrasing", ordinal=len(passages), start=0, end=0, text=phrasing))
    return passages


def embedded_text(title: str, kind: str, heading_path: Sequence[str], text: str) -> str:
    """Return what an encoder is given for a passage: title, headings and words.

    A section like "Ask at the embassy of that country" says nothing without its title. A phrasing stands alone: it is compared
    with a question of the same shape, and the title would make all phrasings of a document alike.
    """
    if kind == "phrasing":
        return text
    above = [heading for heading in heading_path if heading != title]
    return "\n".join((title, *above, text))


def first_heading(body: str) -> str | None:
    """Return the words of the first heading, or None."""
    return next((block.title for block in _blocks(body) if block.level and block.title), None)


def _passage(body: str, ordinal: int, kind: PassageKind, path: tuple[str, ...], start: int, end: int) -> DraftPassage:
    return DraftPassage(kind=kind, ordinal=ordinal, heading_path=path, start=start, end=end, text=body[start:end])


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
    for block in blocks:
        cost = _cost(body, block.start, block.end)
        if end and used + cost <= LIMIT:
            end, used = block.end, used + cost
            continue
        yield from ((path, *span) for span in _pieces(body, start, end))
        start, end, used = block.start, block.end, cost
    yield from ((path, *span) for span in _pieces(body, start, end))


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
            yield _Block(starts[number], end)
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
