"""A small pattern language that a lawyer or a social worker can read, compiled to regular expressions.

==================  ==========================================================================================
``word``            this word, in any spelling that `policies.normalise` folds together
``word*``           any word beginning so
``a b``             a, then b, next to each other
``(a|b c|d)``       one of these; ``(a|b)?`` and ``word?`` may be missing
``<name>``          a list of words defined under ``words:`` in the same file
``...``  ``...8``   up to four (eight) other words in the same sentence
``a & b``           both, in any order, with up to twelve words or sentence ends between; at most three parts
``#1-17``           a whole number in that range; ``#`` any number
``~stem``           Arabic: a verb with its prefixes, endings and pronouns
``=word``           exactly this word: no pronoun, and in Arabic no prefix but و and ف
==================  ==========================================================================================

Arabic words take their usual prefixes (و ف ب ل ك ال) and pronouns by themselves; French words that begin with a
vowel or an h take an elided letter ("m'agresse", "l'hôpital").

A pattern knows fragments of which a text must hold at least one (`Pattern.needs`); most patterns are dismissed by
that alone. Expressions are compiled when first needed and then kept; `Pattern.warm_up` does it beforehand.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from policies.normalise import normalise

GAP: Final = 4
NEAR: Final = 12
MAX_PARTS: Final = 3
MAX_RANGE: Final = 100
LEXEME: Final = re.compile(r"\s*(\.\.\.\d*|#(?:\d+-\d+)?|<\w+>|[()|?&]|[^\s()|?&<>#]+)")
ARABIC_LETTER: Final = re.compile(r"[\u0620-\u064A]")
NOUN_PREFIX: Final = "(?:[وف])?(?:[بلكع])?(?:ال|ل)?"
SHORT_NOUN_PREFIX: Final = "(?:[وف])?(?:[بكع]?ال|ل)?"
NOUN_SUFFIX: Final = "(?:ي|نا|و|ه|ها|هم|هن|ك|كم|كن|ين|ات|اتي|تي|ان|يا)?"
VERB_PREFIX: Final = "(?:[وف])?(?:ما)?(?:[بحهكسدت])?(?:ان|ات|ين|تن|يت|[اينت])?"
VERB_SUFFIX: Final = "(?:وا|و|ون|ت|ين|ان|ا|ن|تو|تم|نا)?(?:ني|ي|نا|و|ه|ها|هم|ك|كم|لي|ش)?"
ELISION: Final = "(?:[jlmtsdnc]|qu)?"
ELIDES: Final = "aeiouyh"
SHORT: Final = 2

OPEN_END: Final = "[^ .]* "

Span = tuple[int, int]
Framed = tuple[str, str, str]
"""What may stand before a word, the word, and what may stand after it, its space included."""
Inflect = Callable[..., Framed]


class PatternError(ValueError):
    """A pattern that cannot be read; the message says where it stops making sense."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a pattern.

    Attributes:
        expression: Regular expression in which every word ends with the space that follows it.
        needs: For each demand, fragments of which the text must contain at least one.
        optional: It also matches nothing at all.
        frame: For a single word, what stands before and after its stem; words of one frame share it in alternatives.
        stem: That stem, or "".
    """

    expression: str
    needs: tuple[frozenset[str], ...]
    optional: bool = False
    frame: tuple[str, str] = ("", "")
    stem: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern over normalised text.

    Attributes:
        source: The pattern as it stands in the file.
        parts: Regular expressions of the parts joined by ``&``; one when there is no ``&``.
        needs: For each demand, fragments of which the text must contain at least one; most telling first.
    """

    source: str
    parts: tuple[str, ...]
    needs: tuple[frozenset[str], ...]

    def is_possible(self, text: str) -> bool:
        """Return whether ``text`` holds a fragment for every demand."""
        # Loops in place of all(any(…)): asked some 350 times a message.
        for fragments in self.needs:
            for fragment in fragments:
                if fragment in text:
                    break
            else:
                return False
        return True

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the spans of matches in normalised ``text``."""
        if not self.is_possible(text):
            return
        if len(self.parts) == 1:
            yield from (found.span() for found in _regex(self.parts[0]).finditer(text))
        else:
            yield from _near([[found.span() for found in _regex(part).finditer(text)] for part in self.parts], text)

    def matches(self, text: str) -> bool:
        """Return whether the pattern occurs in normalised ``text``."""
        return next(self.spans(text), None) is not None

    def warm_up(self) -> None:
        """Compile the expressions now instead of at first use."""
        for part in self.parts:
            _regex(part)


@cache
def _regex(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def compile_pattern(source: str, *, language: str, words: Mapping[str, str] | None = None) -> Pattern:
    """Read ``source``; ``words`` holds the named lists it may use.

    Raises:
        PatternError: the pattern is malformed or names an unknown list.
    """
    return PatternReader(language, words or {}).compile(source)


def compile_whole(source: str, fillers: str, *, language: str) -> Pattern:
    """Read a pattern for a message made only of ``source`` and ``fillers``, with ``source`` at least once."""
    reader = PatternReader(language, {})
    core = reader.read(f"({source})")[0].expression
    rest = reader.read(f"({source}|{fillers})")[0].expression if fillers else core
    return Pattern(source, (rf"^ (?=.*?(?<= ){core})(?:{rest}(?:\. )?){{1,8}}$",), ())


def compile_start(source: str, *, language: str) -> Pattern:
    """Read a pattern tied to the beginning of a message."""
    piece = PatternReader(language, {}).read(f"({source})")[0]
    return Pattern(source, (f"^ {piece.expression}",), piece.needs)


class PatternReader:
    """Reads the patterns of one file: recursive descent over the lexemes of each."""

    def __init__(self, language: str, words: Mapping[str, str]) -> None:
        """Remember the language, which settles how words may be inflected, and the named lists."""
        self.language, self.words = language, words
        self._lists: dict[str, Piece] = {}
        self._open: list[str] = []

    def compile(self, source: str) -> Pattern:
        """Return the pattern ``source``."""
        parts = self.read(source)
        needs = sorted((need for part in parts for need in part.needs), key=_telling, reverse=True)
        return Pattern(source, tuple(f"(?<= ){part.expression}" for part in parts), tuple(needs))

    def read(self, source: str) -> list[Piece]:
        """Return the parts of ``source`` that ``&`` joins."""
        lexemes = LEXEME.findall(source)
        left_over = LEXEME.sub("", source).strip()
        if left_over:
            raise PatternError(f"{source!r}: cannot read {left_over!r}")
        if "&" in lexemes and "|" in _outside_brackets(lexemes):
            raise PatternError(f"{source!r}: put the alternatives beside & in brackets")
        cursor = _Cursor(source, lexemes)
        parts = [self._alternatives(cursor)]
        while cursor.take("&"):
            parts.append(self._alternatives(cursor))
        if not cursor.at_end:
            raise cursor.error(f"unexpected {cursor.next()!r}")
        if len(parts) > MAX_PARTS:
            raise cursor.error(f"at most {MAX_PARTS} parts joined by &")
        if any(part.optional for part in parts):
            raise cursor.error("would match everything")
        return parts

    def _alternatives(self, cursor: _Cursor) -> Piece:
        branches = [self._sequence(cursor)]
        while cursor.take("|"):
            branches.append(self._sequence(cursor))
        return branches[0] if len(branches) == 1 else _either(branches)

    def _sequence(self, cursor: _Cursor) -> Piece:
        items: list[Piece] = []
        while not cursor.at_end and cursor.peek() not in ("|", ")", "&"):
            items.append(self._item(cursor))
        if not items:
            raise cursor.error("an empty alternative")
        return Piece(
            "".join(item.expression for item in items),
            tuple(need for item in items for need in item.needs),
            all(item.optional for item in items),
        )

    def _item(self, cursor: _Cursor) -> Piece:
        lexeme = cursor.next()
        if lexeme.startswith("..."):
            return Piece(rf"(?:[^ .]+ ){{0,{lexeme[3:] or GAP}}}?", (), optional=True)
        piece = self._unit(lexeme, cursor)
        return Piece(f"(?:{piece.expression})?", (), optional=True) if cursor.take("?") else piece

    def _unit(self, lexeme: str, cursor: _Cursor) -> Piece:
        if lexeme == "(":
            piece = self._alternatives(cursor)
            if not cursor.take(")"):
                raise cursor.error("missing )")
            return piece
        if lexeme.startswith("<"):
            return self._named(lexeme[1:-1], cursor)
        if lexeme.startswith("#"):
            return Piece(f"{_number(lexeme, cursor)} ", ())
        if lexeme in (")", "?", "|", "&"):
            raise cursor.error(f"unexpected {lexeme!r}")
        return _word(lexeme, self.language, cursor)

    def _named(self, name: str, cursor: _Cursor) -> Piece:
        """Return a named list, read once."""
        if name in self._lists:
            return self._lists[name]
        if name not in self.words:
            raise cursor.error(f"no list named <{name}>; there are {', '.join(sorted(self.words)) or 'none'}")
        if name in self._open:
            raise cursor.error(f"list <{name}> contains itself")
        self._open.append(name)
        inner = self.read(f"({self.words[name]})")
        self._open.pop()
        self._lists[name] = inner[0]
        return inner[0]


class _Cursor:
    """A position among the lexemes of one pattern."""

    def __init__(self, source: str, lexemes: list[str]) -> None:
        self.source, self.lexemes, self.place = source, lexemes, 0

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.lexemes)

    def peek(self) -> str:
        return self.lexemes[self.place]

    def next(self) -> str:
        self.place += 1
        return self.lexemes[self.place - 1]

    def take(self, lexeme: str) -> bool:
        found = not self.at_end and self.peek() == lexeme
        self.place += found
        return found

    def error(self, message: str) -> PatternError:
        return PatternError(f"{self.source!r}: {message}")


def _outside_brackets(lexemes: list[str]) -> list[str]:
    """Return the lexemes that stand in no brackets."""
    depth, found = 0, []
    for lexeme in lexemes:
        depth += (lexeme == "(") - (lexeme == ")")
        if depth == 0:
            found.append(lexeme)
    return found


def _either(branches: list[Piece]) -> Piece:
    """One of several: a demand only where every branch makes one."""
    chosen = [max(branch.needs, key=_telling) for branch in branches if branch.needs]
    needs = (frozenset[str]().union(*chosen),) if len(chosen) == len(branches) else ()
    return Piece(f"(?:{'|'.join(_grouped(branches))})", needs, any(branch.optional for branch in branches))


def _grouped(branches: list[Piece]) -> Iterator[str]:
    """Yield the expressions of the branches, words of one frame together: it compiles much faster."""
    stems: dict[tuple[str, str], dict[str, None]] = {}
    for branch in branches:
        if branch.stem:
            stems.setdefault(branch.frame, {})[branch.stem] = None
    for (before, after), found in stems.items():
        yield f"{before}(?:{'|'.join(found)}){after}"
    yield from dict.fromkeys(branch.expression for branch in branches if not branch.stem)


def _number(lexeme: str, cursor: _Cursor) -> str:
    if lexeme == "#":
        return r"\d+"
    first, last = (int(part) for part in lexeme[1:].split("-"))
    if not first <= last <= first + MAX_RANGE:
        raise cursor.error(f"{lexeme} is not a range of at most {MAX_RANGE} numbers")
    return "0*(?:" + "|".join(str(number) for number in range(last, first - 1, -1)) + ")"


def _word(lexeme: str, language: str, cursor: _Cursor) -> Piece:
    """One written word, which may normalise to several ("3omri" is "3 omri")."""
    exact, verb, open_ended = lexeme.startswith("="), lexeme.startswith("~"), lexeme.endswith("*")
    bare = lexeme.lstrip("=~").removesuffix("*")
    tokens = _tokens(bare)
    if not tokens or "." in tokens or "*" in bare:
        raise cursor.error(f"{lexeme!r} holds no word")
    wrap = _verb if verb else _exact(language) if exact else TOLERANCE.get(language, _plain)
    framed = [(_plain if place else wrap)(token, open_ended=False) for place, token in enumerate(tokens[:-1])]
    last = (wrap if len(tokens) == 1 else _plain)(tokens[-1], open_ended=open_ended)
    expression = "".join(f"{before}{stem}{after}" for before, stem, after in (*framed, last))
    longest = max(tokens, key=len)
    fixed = wrap is _plain or (wrap is _french and longest[0] not in ELIDES)
    needs = (frozenset({_fragment(longest, fixed, open_ended)}),)
    if len(tokens) > 1:
        return Piece(expression, needs)
    before, stem, after = last
    return Piece(expression, needs, frame=(before, after), stem=stem)


@cache
def _tokens(bare: str) -> tuple[str, ...]:
    return tuple(normalise(bare).split())


def _fragment(token: str, fixed: bool, open_ended: bool) -> str:
    """Return what a text must hold: the word with its edges where they are fixed."""
    if not fixed:
        return token[:-1] if token.endswith("ه") and len(token) > SHORT else token
    return f" {token}" if open_ended else f" {token} "


def _plain(token: str, *, open_ended: bool) -> Framed:
    return ("", token, OPEN_END if open_ended else " ")


def _arabic(token: str, *, open_ended: bool) -> Framed:
    """An Arabic noun with prefixes and pronouns; a final ta marbuta opens before a pronoun.

    Words of up to three letters take fewer of them, or too many other words would match.
    """
    if not ARABIC_LETTER.search(token):
        return _plain(token, open_ended=open_ended)
    prefix = NOUN_PREFIX if len(token) > SHORT + 1 else SHORT_NOUN_PREFIX
    if open_ended:
        return (prefix, token, OPEN_END)
    stem = f"{token[:-1]}[هت]" if token.endswith("ه") and len(token) > SHORT else token
    return (prefix, stem, f"{NOUN_SUFFIX if len(token) > SHORT else ''} ")


def _conjoined(token: str, *, open_ended: bool) -> Framed:
    """An Arabic word as it stands, with و or ف at most."""
    return ("(?:[وف])?", token, OPEN_END if open_ended else " ")


def _verb(token: str, *, open_ended: bool) -> Framed:
    """An Arabic verb stem with the prefixes of the standard and of the dialects, endings and pronouns."""
    return (VERB_PREFIX, token, OPEN_END if open_ended else f"{VERB_SUFFIX} ")


def _french(token: str, *, open_ended: bool) -> Framed:
    """A French word; two letters take only "qu'", or "on" would be found in "mon"."""
    elided = "" if token[0] not in ELIDES else ELISION if len(token) > SHORT else "(?:qu)?"
    return (elided, token, OPEN_END if open_ended else " ")


def _exact(language: str) -> Inflect:
    return _conjoined if language == "ar" else _plain


TOLERANCE: Final[dict[str, Inflect]] = {"ar": _arabic, "fr": _french}


def _telling(fragments: frozenset[str]) -> tuple[int, int]:
    """Order demands: long fragments and few of them dismiss most texts."""
    return (min(len(fragment) for fragment in fragments), -len(fragments))


def _near(found: list[list[Span]], text: str) -> Iterator[Span]:
    """Yield spans that hold one match of every part, in any order, close to each other."""
    if not all(found):
        return
    spaces = [place for place, sign in enumerate(text) if sign == " "]
    first, *others = found
    for span in first:
        joined = _join(span, others, spaces)
        if joined is not None:
            yield joined


def _join(span: Span, others: list[list[Span]], spaces: list[int]) -> Span | None:
    """Return ``span`` widened by a match of each other part, or None when one is too far away."""
    for number, candidates in enumerate(others):
        for start, end in candidates:
            if start < span[1] and end > span[0]:
                continue
            between = (end, span[0]) if end <= span[0] else (span[1], start)
            if bisect_left(spaces, between[1] - 1) - bisect_left(spaces, between[0] - 1) > NEAR:
                continue
            wider = (min(start, span[0]), max(end, span[1]))
            joined = _join(wider, others[:number] + others[number + 1 :], spaces)
            if joined is not None:
                return joined
    return None if others else span
