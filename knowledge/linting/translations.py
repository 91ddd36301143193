"""A translation beside its English: the same facts as far as a program can count them.

Whether "may" became "must" only a reader sees (``docs/back-reading.md``). A program sees a number that changed, a bullet that
was lost, a page that is no longer cited, a text that is half as long, or in another language than its head says.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import regex
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from knowledge.direction import without_isolates
from knowledge.errors import Problem
from knowledge.frontmatter import Language, Topic
from knowledge.linting.marks import Mark, file_of, placed
from knowledge.passages import Document
from knowledge.reading import detect_language
from knowledge.starter import Library

PLAN = "languages.yaml"
SHORTEST, LONGEST = 0.6, 1.8
"""Letters of a translation in parts of its English's."""
OWN_SCRIPT = 0.9
"""Least share of a text's letters in the script of its language; the rest are names."""
SCRIPTS = {"ar": "Arabic", "fa": "Arabic", "ru": "Cyrillic", "uk": "Cyrillic", "am": "Ethiopic", "ti": "Ethiopic"}
"""Script of each language that is not written in Latin letters."""

_NUMBER = regex.compile(r"\d+(?:[.,\u00a0\u202f ]\d{3}(?!\d))*(?:[.,]\d+)?")
_DIGITS = regex.compile(r"\D")
_LETTER = regex.compile(r"\p{L}")
_HEADING = regex.compile(r"(?m)^#+ .*$")
_BULLET = regex.compile(r"(?m)^\s*(?:[-*]|\d+\.) ")
_HEAD = ("checked", "review_due", "sensitivity", "time_sensitive", "depends_on", "authority", "audience", "kind")


class Plan(BaseModel):
    """Which topics are to stand in which language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    everything: Annotated[list[Language], Field(min_length=1)]
    urgent: list[Language]
    urgent_topics: list[Topic]


def translation_problems(library: Library, folder: Path) -> Iterator[Problem]:
    """Compare each translation with its English, and all of them with the plan."""
    known = library.by_path()
    for entry in library.entries:
        original = known.get((entry.collection, entry.translation_of or ""))
        if original is not None:
            yield from (placed(folder, file_of(entry), mark) for rule in _RULES for mark in rule(entry, original))
    if (folder / PLAN).exists():
        yield from _against_plan(library, folder / PLAN)


def _same_head(entry: Document, original: Document) -> Iterator[Mark]:
    for key in _HEAD:
        if (own := getattr(entry, key)) != (wanted := getattr(original, key)):
            yield Mark(key=key, at=f"{key}:", text=f"is {own}, in English {wanted}: set it as there")
    if [source.url for source in entry.sources] != [source.url for source in original.sources]:
        yield Mark(key="sources", at="sources:", text="cites other addresses than the English: cite the same")


def _same_numbers(entry: Document, original: Document) -> Iterator[Mark]:
    own, wanted = (Counter(_numbers(f"{one.title}\n{one.body}")) for one in (entry, original))
    for number in sorted((own - wanted).elements()):
        yield Mark(key="", at=number, text=f"{number} does not stand in the English: correct it")
    for number in sorted((wanted - own).elements()):
        yield Mark(key="", at=entry.body[:40], text=f"{number} of the English is missing: write it")


def _numbers(text: str) -> Iterator[str]:
    """Yield every number, of dates and telephone numbers each part, without what groups its thousands."""
    return (_DIGITS.sub("", found) for found in _NUMBER.findall(text))


def _same_shape(entry: Document, original: Document) -> Iterator[Mark]:
    own, wanted = (_HEADING.split(one.body) for one in (entry, original))
    if len(own) != len(wanted):
        text = f"{len(own) - 1} headings, the English has {len(wanted) - 1}: keep the same sections"
        yield Mark(key="", at=entry.body[:40], text=text)
        return
    headings = _HEADING.findall(entry.body)
    for heading, section, english in zip(headings, own[1:], wanted[1:], strict=True):
        if (count := len(_BULLET.findall(section))) != (expected := len(_BULLET.findall(english))):
            yield Mark(key="", at=heading, text=f"{count} points, the English has {expected}: each point once")


def _same_length(entry: Document, original: Document) -> Iterator[Mark]:
    share = len(_LETTER.findall(entry.body)) / max(len(_LETTER.findall(original.body)), 1)
    if not SHORTEST <= share <= LONGEST:
        text = f"{share:.2f} times as long as the English, should be {SHORTEST} to {LONGEST}: is something missing, or added?"
        yield Mark(key="", at=entry.body[:40], text=text)


def _as_declared(entry: Document, original: Document) -> Iterator[Mark]:
    letters = _LETTER.findall(entry.body)
    script = SCRIPTS.get(entry.language, "Latin")
    own = regex.findall(rf"[\p{{L}}&&\p{{Script={script}}}]", entry.body, flags=regex.V1)
    if len(own) < OWN_SCRIPT * len(letters):
        yield Mark(key="language", at="language:", text=f"is {entry.language}, but much of the text is not in {script} script")
    elif (found := detect_language(without_isolates(entry.body))) != entry.language:
        yield Mark(key="language", at="language:", text=f"is {entry.language}, the text looks like {found}: correct one of them")


_RULES: tuple[Callable[[Document, Document], Iterator[Mark]], ...] = (
    _same_head, _same_numbers, _same_shape, _same_length, _as_declared,
)  # fmt: skip


def _against_plan(library: Library, path: Path) -> Iterator[Problem]:
    try:
        plan = Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as exc:
        wrong = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else exc
        yield Problem(path=PLAN, key="", line=1, text=f"cannot be read ({wrong}): restore it")
        return
    entries = [entry for entry in library.entries if (entry.topic or "").startswith("P")]
    english = {entry.topic: entry for entry in entries if entry.language == "en"}
    present = {(entry.topic, entry.language) for entry in entries}
    wanted = {(topic, language) for language in plan.everything for topic in english}
    wanted |= {(topic, language) for language in plan.urgent for topic in plan.urgent_topics}
    for topic, language in sorted(wanted - present):
        yield Problem(path=PLAN, key=language, line=1, text=f"{topic} is missing in {language}: translate it, or change the plan")
    for entry in entries:
        if entry.language not in {*plan.everything, *plan.urgent}:
            text = f"is {entry.language}, which is not in {PLAN}: add the language there, or take the entry out"
            yield Problem(path=file_of(entry), key="language", line=1, text=text)
