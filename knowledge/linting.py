"""Is the library fit to be shown: what a schema cannot see of entries, cards and the register of gaps.

``knowledge.reading`` refuses heads that are incomplete and addresses off the list of hosts. Here a second look is taken at what a
careful editor would mark: a direct answer too long or too hard to read, a promise, a telephone number in a text, a phrasing that
leads to two entries, a translation without its original, a day of review that has passed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path, PurePosixPath

import regex
import yaml

from knowledge import citations
from knowledge.cards import CARDS, CardBox, CardHead, read_card
from knowledge.errors import KnowledgeError, Problem
from knowledge.frontmatter import split
from knowledge.passages import Audience, Document
from knowledge.starter import FOLDER, GAPS, Library, read_library

BANNED_WORDS = Path(__file__).parent / "banned_words.yaml"

LEAD_WORDS, CARD_WORDS = 90, 60
BODY_WORDS = 650
TITLE_CHARS = 90
PHRASINGS = {Audience.PUBLIC: (12, 80), Audience.STAFF: (8, 40)}
PHRASING_CHARS = 160
REVIEW = {True: timedelta(days=90), False: timedelta(days=180)}
"""Longest time from ``checked`` to ``review_due``, by ``time_sensitive``."""
LEAD_GRADE, BODY_GRADE = 9.0, 7.5
"""Hardest direct answer and text for the public, in years of school; words of the field ("reunification") cost two of them."""

_TELEPHONE = regex.compile(r"(?<![\d-])\+?\d[\d ().-]{6,}\d(?![\d-])")
_DAY = regex.compile(r"\d{4}-\d\d-\d\d")
_ADDRESS = regex.compile(r"https?://|\bwww\.|\b[\w.+-]+@[\w-]+\.\w")
_LINKED = regex.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}(?!\.?\d)|\bP\d\d\b")
_SENTENCE = regex.compile(r"(?<=[.!?:;؟。])\s+|\n+")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’-]*")
_MARKS = regex.compile(r"[*_`#]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """One thing to mend in an entry; ``at`` is a piece of the file, to find the line."""

    key: str
    at: str
    text: str


def lint(folder: Path = FOLDER, *, on: date) -> list[Problem]:
    """Return everything to mend in a library as it stands on a day, by file and line; paths are below ``folder``."""
    library = read_library(folder)
    marked = [
        _placed(folder, _file(entry), mark) for entry in library.entries for rule in _ENTRY_RULES for mark in rule(entry, on)
    ]
    between = [_placed(folder, path, mark) for rule in _LIBRARY_RULES for path, mark in rule(library)]
    found = [*library.problems, *library.gap_problems, *marked, *between, *_cards(folder, on)]
    return sorted(found, key=lambda problem: (problem.path, problem.line, problem.key, problem.text))


def grade(text: str) -> float:
    """Return the years of school a text asks for, by Coleman and Liau: from letters and sentences to a hundred words.

    Made for English. Source: Journal of Applied Psychology 60 (1975), 283-284.
    """
    plain = _MARKS.sub("", text)
    words = _WORD.findall(plain)
    sentences = [piece for piece in _SENTENCE.split(plain) if _WORD.search(piece)]
    letters = sum(map(len, words))
    return 5.88 * letters / max(len(words), 1) - 29.6 * len(sentences) / max(len(words), 1) - 15.8


def _place(entry: Document, on: date) -> Iterator[_Mark]:
    folder, name = PurePosixPath(entry.path).parent.name, PurePosixPath(entry.path).name
    if not name.startswith(f"{entry.topic}-"):
        yield _Mark(key="topic", at="topic:", text=f"is {entry.topic}, the file is {name}: begin its name with {entry.topic}-")
    if folder != entry.language:
        yield _Mark(key="language", at="language:", text=f"is {entry.language}, the folder is {folder}: correct one of them")
    if (entry.topic or "").startswith("P") != (entry.audience == Audience.PUBLIC):
        yield _Mark(key="topic", at="topic:", text=f"{entry.topic} does not belong to {entry.collection}/: move the file")


def _dates(entry: Document, on: date) -> Iterator[_Mark]:
    checked, due = entry.checked or on, entry.review_due or on
    if checked > on:
        yield _Mark(key="checked", at="checked:", text=f"{checked} is still to come: write the day the sources were read")
    if due > checked + REVIEW[entry.time_sensitive]:
        days = REVIEW[entry.time_sensitive].days
        yield _Mark(key="review_due", at="review_due:", text=f"is more than {days} days after {checked}: set an earlier day")
    if due < on:
        text = f"was {due}, people are told that the text may be old: read the sources again and set both days"
        yield _Mark(key="review_due", at="review_due:", text=text)
    for source in entry.sources:
        if source.page_date and source.page_date > checked:
            yield _Mark(key="sources", at=source.url, text=f"page_date {source.page_date} is after {checked}: correct it")


def _length(entry: Document, on: date) -> Iterator[_Mark]:
    lead = _lead(entry.body)
    if not lead:
        yield _Mark(key="", at=entry.body[:40], text="begins with a heading: put the direct answer before it")
    if (count := len(lead.split())) > LEAD_WORDS:
        yield _Mark(key="", at=entry.body[:40], text=f"direct answer of {count} words, at most {LEAD_WORDS}: shorten it")
    if (count := len(entry.body.split())) > BODY_WORDS:
        yield _Mark(key="", at=entry.body[:40], text=f"{count} words, at most {BODY_WORDS}: shorten it")
    if len(entry.title) > TITLE_CHARS:
        yield _Mark(key="title", at="title:", text=f"{len(entry.title)} characters, at most {TITLE_CHARS}: shorten it")


def _reading(entry: Document, on: date) -> Iterator[_Mark]:
    if entry.audience != Audience.PUBLIC or entry.language != "en":
        return
    for what, text, most in (("direct answer", _lead(entry.body), LEAD_GRADE), ("text", entry.body, BODY_GRADE)):
        if (found := grade(text)) > most:
            yield _Mark(
                key="", at=entry.body[:40], text=f"{what} of grade {found:.1f}, at most {most}: shorter words, shorter sentences"
            )


def _words(entry: Document, on: date) -> Iterator[_Mark]:
    return _banned_marks(f"{entry.title}\n{entry.body}", entry.language)


def _content(entry: Document, on: date) -> Iterator[_Mark]:
    for found in _TELEPHONE.findall(entry.body):
        if not _DAY.fullmatch(found.strip()):
            yield _Mark(key="", at=found, text=f"{found} looks like a telephone number: those stand in cards/numbers.yaml only")
    for match in _ADDRESS.finditer(entry.body):
        yield _Mark(key="", at=match.group(), text=f"{match.group()} in the text: addresses stand in the head, under sources")
    if regex.search(r"(?m)^# ", entry.body):
        yield _Mark(key="", at="\n# ", text="has a top-level heading: the title stands in the head")


def _phrasings(entry: Document, on: date) -> Iterator[_Mark]:
    least, most = PHRASINGS[entry.audience]
    if not least <= len(entry.phrasings) <= most:
        yield _Mark(key="phrasings", at="phrasings:", text=f"{len(entry.phrasings)}, should be {least} to {most}")
    folded = Counter(_folded(one) for one in entry.phrasings)
    for phrasing in entry.phrasings:
        if folded[_folded(phrasing)] > 1:
            yield _Mark(key="phrasings", at=phrasing, text=f'"{phrasing}" stands twice: keep one')
        if len(phrasing) > PHRASING_CHARS:
            yield _Mark(key="phrasings", at=phrasing, text=f"{len(phrasing)} characters, at most {PHRASING_CHARS}: shorten it")


_ENTRY_RULES: tuple[Callable[[Document, date], Iterator[_Mark]], ...] = (
    _place, _dates, _length, _reading, _words, _content, _phrasings,
)  # fmt: skip


def _shared(library: Library) -> Iterator[tuple[str, _Mark]]:
    """A phrasing of two entries of one audience and language finds whichever comes first."""
    owners: defaultdict[tuple[Audience, str, str], list[tuple[Document, str]]] = defaultdict(list)
    for entry in library.entries:
        for folded, phrasing in {_folded(one): one for one in entry.phrasings}.items():
            owners[entry.audience, entry.language, folded].append((entry, phrasing))
    for (first, _), *others in owners.values():
        for other, phrasing in others:
            text = f'"{phrasing}" leads to {first.path} too: keep it in one of them'
            yield _file(other), _Mark(key="phrasings", at=phrasing, text=text)


def _orphans(library: Library) -> Iterator[tuple[str, _Mark]]:
    known = {(entry.collection, entry.path): entry for entry in library.entries}
    seen: dict[tuple[str | None, str], str] = {}
    for entry in library.entries:
        path = _file(entry)
        if entry.translation_of is None and entry.language != "en":
            yield path, _Mark(key="translation_of", at="language:", text="is missing: name the English entry")
        if entry.translation_of is not None:
            original = known.get((entry.collection, entry.translation_of))
            if original is None or original.language != "en":
                text = f"{entry.translation_of} is no English entry: correct it, or take the translation out"
                yield path, _Mark(key="translation_of", at="translation_of:", text=text)
            elif original.topic != entry.topic:
                text = f"{entry.translation_of} is about {original.topic}, this about {entry.topic}: correct one of them"
                yield path, _Mark(key="translation_of", at="translation_of:", text=text)
        if first := seen.get((entry.topic, entry.language)):
            yield path, _Mark(key="topic", at="topic:", text=f"{entry.topic} has an entry in {entry.language}: {first}")
        seen[entry.topic, entry.language] = path
    written = {entry.topic for entry in library.entries}
    for gap in library.gaps:
        if gap.topic in written:
            yield GAPS, _Mark(key="topic", at=f'"{gap.topic}"', text=f"{gap.topic} is written: take it out of the register")


def _links(library: Library) -> Iterator[tuple[str, _Mark]]:
    """Topics named under "Links" must be there; a gap is told as one."""
    known = {entry.topic for entry in library.entries} | {gap.topic for gap in library.gaps}
    for entry in library.entries:
        _, _, links = entry.body.partition("\n## Links\n")
        for topic in _LINKED.findall(links.partition("\n## ")[0]):
            if topic not in known:
                yield (
                    _file(entry),
                    _Mark(key="", at="## Links", text=f"{topic} is neither an entry nor in {GAPS}: correct the link"),
                )


_LIBRARY_RULES: tuple[Callable[[Library], Iterator[tuple[str, _Mark]]], ...] = (_shared, _orphans, _links)


def _cards(folder: Path, on: date) -> Iterator[Problem]:
    """Check the cards and the numbers, and that every language has the cards of English."""
    try:
        CardBox.load(folder / CARDS)
    except KnowledgeError as exc:
        yield Problem(path=CARDS, key="", line=1, text=str(exc))
    categories: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted((folder / CARDS).glob("*/*.md")):
        name = path.relative_to(folder).as_posix()
        try:
            head, text = read_card(path)
        except KnowledgeError as exc:
            yield Problem(path=name, key="", line=1, text=str(exc))
            continue
        categories[head.language].add(head.category)
        yield from (_placed(folder, name, mark) for mark in _card_marks(path, head, text, on))
    english = categories["en"]
    for language, own in categories.items():
        for category in sorted(english ^ own):
            text = "has no card in English" if category in own else "is missing: until then the generic card is sent"
            yield Problem(path=f"{CARDS}/{language}/{category}.md", key="", line=1, text=text)


def _card_marks(path: Path, head: CardHead, text: str, on: date) -> Iterator[_Mark]:
    if (path.parent.name, path.stem) != (head.language, head.category):
        yield _Mark(key="category", at="category:", text=f"is {head.category} in {head.language}: move the file, or correct it")
    if not text:
        yield _Mark(key="", at="---", text="has no text: write some")
    if (count := len(text.split())) > CARD_WORDS:
        yield _Mark(key="", at=text[:30], text=f"{count} words, at most {CARD_WORDS}: shorten it")
    if head.checked > on:
        yield _Mark(key="checked", at="checked:", text=f"{head.checked} is still to come")
    if found := regex.search(r"\d{3,}", text):
        yield _Mark(key="", at=found.group(), text=f"{found.group()}: numbers stand in cards/numbers.yaml only")
    for source in head.sources:
        if reason := citations.check_url(source.url):
            yield _Mark(key="sources", at=source.url, text=reason)
    yield from _banned_marks(text, head.language)


def _banned_marks(text: str, language: str) -> Iterator[_Mark]:
    for sentence in _SENTENCE.split(text):
        for found, instead in banned(sentence, language):
            yield _Mark(key="", at=found, text=f'"{found}": {instead}')


def banned(sentence: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a sentence that no text may hold, with what to write instead."""
    for words, unless, instead in _banned_words().get(language, ()):
        if (found := words.search(sentence)) and not (unless and unless.search(sentence)):
            yield found.group(), instead


@cache
def _banned_words() -> dict[str, list[tuple[regex.Pattern[str], regex.Pattern[str] | None, str]]]:
    rows = yaml.safe_load(BANNED_WORDS.read_text(encoding="utf-8"))
    return {
        language: [
            (
                regex.compile(row["words"], regex.IGNORECASE),
                regex.compile(row["unless"], regex.IGNORECASE) if "unless" in row else None,
                row["instead"],
            )
            for row in listed
        ]
        for language, listed in rows.items()
    }


def _placed(folder: Path, path: str, mark: _Mark) -> Problem:
    """Find the line: of a mark in the text below the head, of one in the head anywhere."""
    text = (folder / path).read_bytes().decode("utf-8", "replace")
    start = 0 if mark.key else len(text) - len(split(text)[1])
    place = text.find(mark.at, start)
    return Problem(path=path, key=mark.key, line=text.count("\n", 0, max(place, start)) + 1, text=mark.text)


def _file(entry: Document) -> str:
    """Return the path of an entry below the library's folder."""
    return f"{entry.collection}/{entry.path}"


def _lead(body: str) -> str:
    """Return the direct answer: what stands before the first heading."""
    return str(regex.split(r"(?m)^#+ ", body, maxsplit=1)[0]).strip()


def _folded(phrasing: str) -> str:
    return " ".join(_WORD.findall(phrasing.casefold()))
