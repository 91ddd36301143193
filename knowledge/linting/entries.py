"""One entry by itself: its place, its days, how long and how hard it is, what it must not hold."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import PurePosixPath

import regex

from knowledge.direction import misdirected
from knowledge.linting.marks import Mark, lead_of
from knowledge.linting.words import banned_marks, folded, grade
from knowledge.passages import Audience, Document

LEAD_WORDS, TRANSLATED_LEAD_WORDS = 90, 120
"""Of a direct answer: many languages need more words than English for the same."""
BODY_WORDS = 650
TITLE_CHARS = 90
PHRASINGS = {Audience.PUBLIC: (12, 300), Audience.STAFF: (8, 60)}
PHRASING_CHARS = 240
REVIEW = {True: timedelta(days=90), False: timedelta(days=180)}
"""Longest time from ``checked`` to ``review_due``, by ``time_sensitive``."""
LEAD_GRADE, BODY_GRADE = 9.0, 7.5
"""Hardest direct answer and text for the public, in years of school; words of the field ("reunification") cost two of them."""

_TELEPHONE = regex.compile(r"(?<![\d-])\+?\d[\d ().-]{6,}\d(?![\d-])")
_DAY = regex.compile(r"\d{4}-\d\d-\d\d")
_ADDRESS = regex.compile(r"https?://|\bwww\.|\b[\w.+-]+@[\w-]+\.\w")


def _place(entry: Document, on: date) -> Iterator[Mark]:
    folder, name = PurePosixPath(entry.path).parent.name, PurePosixPath(entry.path).name
    if not name.startswith(f"{entry.topic}-"):
        yield Mark(key="topic", at="topic:", text=f"is {entry.topic}, the file is {name}: begin its name with {entry.topic}-")
    if folder != entry.language:
        yield Mark(key="language", at="language:", text=f"is {entry.language}, the folder is {folder}: correct one of them")
    if (entry.topic or "").startswith("P") != (entry.audience == Audience.PUBLIC):
        yield Mark(key="topic", at="topic:", text=f"{entry.topic} does not belong to {entry.collection}/: move the file")


def _dates(entry: Document, on: date) -> Iterator[Mark]:
    checked, due = entry.checked or on, entry.review_due or on
    if checked > on:
        yield Mark(key="checked", at="checked:", text=f"{checked} is still to come: write the day the sources were read")
    if due > checked + REVIEW[entry.time_sensitive]:
        days = REVIEW[entry.time_sensitive].days
        yield Mark(key="review_due", at="review_due:", text=f"is more than {days} days after {checked}: set an earlier day")
    if due < on:
        text = f"was {due}, people are told that the text may be old: read the sources again and set both days"
        yield Mark(key="review_due", at="review_due:", text=text)
    for source in entry.sources:
        if source.page_date and source.page_date > checked:
            yield Mark(key="sources", at=source.url, text=f"page_date {source.page_date} is after {checked}: correct it")


def _length(entry: Document, on: date) -> Iterator[Mark]:
    lead = lead_of(entry.body)
    if not lead:
        yield Mark(key="", at=entry.body[:40], text="begins with a heading: put the direct answer before it")
    most = LEAD_WORDS if entry.translation_of is None else TRANSLATED_LEAD_WORDS
    if (count := len(lead.split())) > most:
        yield Mark(key="", at=entry.body[:40], text=f"direct answer of {count} words, at most {most}: shorten it")
    if entry.translation_of is None and (count := len(entry.body.split())) > BODY_WORDS:
        yield Mark(key="", at=entry.body[:40], text=f"{count} words, at most {BODY_WORDS}: shorten it")
    if len(entry.title) > TITLE_CHARS:
        yield Mark(key="title", at="title:", text=f"{len(entry.title)} characters, at most {TITLE_CHARS}: shorten it")


def _reading(entry: Document, on: date) -> Iterator[Mark]:
    if entry.audience != Audience.PUBLIC or entry.language != "en":
        return
    for what, text, most in (("direct answer", lead_of(entry.body), LEAD_GRADE), ("text", entry.body, BODY_GRADE)):
        if (found := grade(text)) > most:
            yield Mark(
                key="", at=entry.body[:40], text=f"{what} of grade {found:.1f}, at most {most}: shorter words, shorter sentences"
            )


def _words(entry: Document, on: date) -> Iterator[Mark]:
    return banned_marks(f"{entry.title}\n{entry.body}", entry.language)


def _content(entry: Document, on: date) -> Iterator[Mark]:
    for found in _TELEPHONE.findall(entry.body):
        if not _DAY.fullmatch(found.strip()):
            yield Mark(key="", at=found, text=f"{found} looks like a telephone number: those stand in cards/numbers.yaml only")
    for match in _ADDRESS.finditer(entry.body):
        yield Mark(key="", at=match.group(), text=f"{match.group()} in the text: addresses stand in the head, under sources")
    if regex.search(r"(?m)^# ", entry.body):
        yield Mark(key="", at="\n# ", text="has a top-level heading: the title stands in the head")


def _direction(entry: Document, on: date) -> Iterator[Mark]:
    for key, text in (("title", entry.title), ("", entry.body)):
        for at, wrong in misdirected(text, entry.language):
            yield Mark(key=key, at=at, text=wrong)


def _phrasings(entry: Document, on: date) -> Iterator[Mark]:
    least, most = PHRASINGS[entry.audience]
    if not least <= len(entry.phrasings) <= most:
        yield Mark(key="phrasings", at="phrasings:", text=f"{len(entry.phrasings)}, should be {least} to {most}")
    counts = Counter(folded(one) for one in entry.phrasings)
    for phrasing in entry.phrasings:
        if counts[folded(phrasing)] > 1:
            yield Mark(key="phrasings", at=phrasing, text=f'"{phrasing}" stands twice: keep one')
        if len(phrasing) > PHRASING_CHARS:
            yield Mark(key="phrasings", at=phrasing, text=f"{len(phrasing)} characters, at most {PHRASING_CHARS}: shorten it")


ENTRY_RULES: tuple[Callable[[Document, date], Iterator[Mark]], ...] = (
    _place, _dates, _length, _reading, _words, _content, _direction, _phrasings,
)  # fmt: skip
