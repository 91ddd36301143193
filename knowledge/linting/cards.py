"""Emergency cards: short, whole in every language, without numbers of their own."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import regex

from knowledge import citations
from knowledge.cards import CARDS, CardBox, CardHead, read_card
from knowledge.direction import misdirected
from knowledge.errors import KnowledgeError, Problem
from knowledge.linting.marks import Mark, placed
from knowledge.linting.words import banned_marks

CARD_WORDS = 60


def card_problems(folder: Path, on: date) -> Iterator[Problem]:
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
        yield from (placed(folder, name, mark) for mark in _card_marks(path, head, text, on))
    english = categories["en"]
    for language, own in categories.items():
        for category in sorted(english ^ own):
            text = "has no card in English" if category in own else "is missing: until then the generic card is sent"
            yield Problem(path=f"{CARDS}/{language}/{category}.md", key="", line=1, text=text)


def _card_marks(path: Path, head: CardHead, text: str, on: date) -> Iterator[Mark]:
    if (path.parent.name, path.stem) != (head.language, head.category):
        yield Mark(key="category", at="category:", text=f"is {head.category} in {head.language}: move the file, or correct it")
    if not text:
        yield Mark(key="", at="---", text="has no text: write some")
    if (count := len(text.split())) > CARD_WORDS:
        yield Mark(key="", at=text[:30], text=f"{count} words, at most {CARD_WORDS}: shorten it")
    if head.checked > on:
        yield Mark(key="checked", at="checked:", text=f"{head.checked} is still to come")
    if found := regex.search(r"\d{3,}", text):
        yield Mark(key="", at=found.group(), text=f"{found.group()}: numbers stand in cards/numbers.yaml only")
    for source in head.sources:
        if reason := citations.check_url(source.url):
            yield Mark(key="sources", at=source.url, text=reason)
    for at, wrong in misdirected(text, head.language):
        yield Mark(key="", at=at, text=wrong)
    yield from banned_marks(text, head.language)
