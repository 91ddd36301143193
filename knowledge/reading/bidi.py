"""Give letters that were read from left to right on a page back the order in which they are written and spoken.

A page shows Arabic from right to left, and inside it numbers and Latin words from left to right. This is the way back of the
Unicode bidirectional algorithm for one line: turn the line round, turn numbers and Latin runs back, mirror the brackets. Where
two texts look the same ("IOM 2024" inside Arabic) the one that reads well in Latin is taken.

Source: https://unicode.org/reports/tr9/
"""

import unicodedata
from collections.abc import Sequence
from functools import cache

import regex

_MIRRORED = {**dict(zip("()[]{}<>«»‹›", ")(][}{><»«›‹", strict=True))}
_RTL_SHARE = 0.3
"""Share of right-to-left letters from which a line of a right-to-left page is one: Latin names may be long."""
_NUMBER = regex.compile(r"T*E+(?:[CS]?E+)*T*")
_NUMBER_IN_ARABIC = regex.compile(r"E+(?:C?E+)*")
"""After Arabic letters a hyphen and a per cent sign are no part of a number: "065-123" is shown with its halves exchanged."""
_PRESENTED = regex.compile("[\ufb00-\ufb06\ufb1d-\ufdff\ufe70-\ufefc]")
_ZWNJ = "\u200c"


def is_rtl(text: str, *, on_rtl_page: bool) -> bool:
    """Return whether a line runs from right to left."""
    classes = [_class(sign) for sign in text]
    right, left = classes.count("R"), classes.count("L")
    return right > 0 and (right >= _RTL_SHARE * (right + left) if on_rtl_page else right > left)


def has_more_rtl(text: str) -> bool:
    """Return whether most letters run from right to left."""
    classes = [_class(sign) for sign in text]
    return classes.count("R") > classes.count("L")


def logical(signs: Sequence[str], *, rtl: bool) -> str:
    """Return the text of a line whose signs are given from left to right; a sign may be several characters (a ligature)."""
    classes = "".join(_class(sign[:1]) for sign in signs)
    if "R" not in classes:
        return "".join(signs)
    if rtl:
        return "".join(_turned(signs, classes))
    found, end = [], 0
    for match in regex.finditer(r"R(?:[^L]*R)?", classes):
        found += [*signs[end : match.start()], *_turned(signs[match.start() : match.end()], match.group())]
        end = match.end()
    return "".join([*found, *signs[end:]])


def letters(text: str) -> str:
    """Return a text with letters instead of the shapes that old programs write for them: Arabic, Hebrew, and Latin ligatures.

    Between two letters that would join but are shown apart stands a sign without width (ZWNJ), which has no shape of its own and
    is lost on the page: Persian writes with it.
    """
    if not _PRESENTED.search(text):
        return text
    written = []
    for place, sign in enumerate(text):
        plain = _plain_letter(sign)
        following = text[place + 1 : place + 2]
        is_apart = _form(sign) in ("<final>", "<isolated>") and _form(following) in ("<initial>", "<isolated>")
        written.append(plain + (_ZWNJ if is_apart and plain[-1:] in _joining() and len(_plain_letter(following)) == 1 else ""))
    return "".join(written)


def _turned(signs: Sequence[str], classes: str) -> list[str]:
    """Return right-to-left signs in reading order."""
    turned, kinds = list(reversed(signs)), classes[::-1]
    found: list[str] = []
    end = 0
    for start, stop in _left_to_right(turned, kinds):
        found += [*(_MIRRORED.get(sign, sign) for sign in turned[end:start]), *reversed(turned[start:stop])]
        end = stop
    return [*found, *(_MIRRORED.get(sign, sign) for sign in turned[end:])]


def _left_to_right(turned: Sequence[str], kinds: str) -> list[tuple[int, int]]:
    """Return the spans that run from left to right: Latin words with what stands between them, and single numbers."""
    spans = []
    for part in regex.finditer(r"[^R]+", kinds):
        if "L" in part.group():
            strong = regex.search(r"[LE](?:.*[LE])?", part.group())
            assert strong is not None
            spans.append((part.start() + strong.start(), part.start() + strong.end()))
        else:
            before = turned[part.start() - 1][:1] if part.start() else ""
            number = _NUMBER_IN_ARABIC if before and unicodedata.bidirectional(before) == "AL" else _NUMBER
            spans += [(part.start() + one.start(), part.start() + one.end()) for one in number.finditer(part.group())]
    return spans


@cache
def _class(sign: str) -> str:
    """Return R, L, E (digit), C (comma and the like), S (sign between digits), T (beside a number) or N."""
    match unicodedata.bidirectional(sign) if sign else "":
        case "R" | "AL":
            return "R"
        case "L":
            return "L"
        case "EN" | "AN":
            return "E"
        case "CS":
            return "C"
        case "ES":
            return "S"
        case "ET":
            return "T"
        case _:
            return "N"


@cache
def _plain_letter(sign: str) -> str:
    if not _PRESENTED.match(sign):
        return sign
    return unicodedata.normalize("NFKC", sign).strip(" \u0640")


@cache
def _form(sign: str) -> str:
    return unicodedata.decomposition(sign).partition(" ")[0] if sign and _PRESENTED.match(sign) else ""


@cache
def _joining() -> frozenset[str]:
    """Return the letters that join to the next one: those that have an initial shape."""
    shapes = [chr(code) for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD))]
    return frozenset(_plain_letter(sign) for sign in shapes if _form(sign) == "<initial>")
