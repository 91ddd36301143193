"""From what a reader returned, and what the head states, to the document that is published.

The head wins over the file, the file over what is found in the text: an office knows best what its own document is called.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import regex

from knowledge import citations, frontmatter
from knowledge.chunking import first_heading
from knowledge.errors import InvalidDocument, Problem
from knowledge.frontmatter import Head
from knowledge.passages import Audience, Document, Source, sealed
from knowledge.reading.language import language_of
from knowledge.reading.original import Original
from knowledge.reading.screening import concerns_about, concerns_about_markdown, shortened

MAX_TITLE = 300
"""Characters of a title that was found; some programs write the whole first page into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the documents of one folder have in common."""

    collection: str
    audience: Audience
    language: str | None = None
    """Of documents whose head names none; None = told for each."""
    curated: bool = False
    """Heads must be whole, and their addresses on the list of hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadText:
    """The YAML of a head, and where it stands."""

    yaml_text: str
    path: str
    first_line: int


def read_head(found: HeadText | None, shelf: Shelf) -> Head:
    """Return the checked head; an empty one without text.

    Raises:
        InvalidDocument: every problem in it.
    """
    if found is None:
        return Head()
    head = frontmatter.parse(found.yaml_text, path=found.path, curated=shelf.curated, first_line=found.first_line)
    if problems := _disagreements(head, found, shelf):
        raise InvalidDocument.of(problems)
    return head


def split_text(text: str, name: str, shelf: Shelf) -> tuple[HeadText | None, str, int]:
    """Return the head of a text, its body, and the line on which the body begins."""
    yaml_text, body, line = frontmatter.split(text)
    if yaml_text is None or not (shelf.curated or _looks_like_head(yaml_text)):
        return None, text, 1  # a rule at the top of a text, not a front matter
    return HeadText(yaml_text=yaml_text, path=name, first_line=frontmatter.BELOW_FENCE), body, line


def assemble(original: Original, head: Head, name: str, shelf: Shelf, *, is_markdown: bool) -> Document:
    """Return the document, screened and sealed."""
    title = head.title or (original.title or first_heading(original.body) or PurePosixPath(name).stem)[:MAX_TITLE]
    screen = concerns_about_markdown if is_markdown else concerns_about
    named = (f"title or phrasings: {one}" for one in concerns_about("\n\n".join((title, *head.phrasings))))
    concerns = shortened([*original.concerns, *screen(original.body), *named])
    return sealed(
        Document(
            collection=shelf.collection, path=name, topic=head.topic, title=title,
            language=head.language or shelf.language or language_of(original.body, original.language), audience=shelf.audience,
            kind=head.kind, sources=_sources(original, head, title), checked=head.checked, review_due=head.review_due,
            effective_from=head.effective_from, effective_until=head.effective_until, owner=head.owner,
            reviewed_by=tuple(head.reviewed_by), sensitivity=head.sensitivity, time_sensitive=head.time_sensitive,
            depends_on=tuple(head.depends_on), translation_of=head.translation_of, phrasings=tuple(head.phrasings),
            supersedes=head.supersedes, authority=head.authority, marks=original.marks, concerns=tuple(concerns),
            body=original.body,
        )
    )  # fmt: skip


def _sources(original: Original, head: Head, title: str) -> tuple[Source, ...]:
    if head.sources or original.url is None:
        return tuple(Source(**source.model_dump()) for source in head.sources)
    publisher = original.publisher or urlsplit(original.url).hostname or original.url
    return (Source(title=title, url=original.url, publisher=publisher),)


def _looks_like_head(yaml_text: str) -> bool:
    return bool(regex.match(r"\s*(#.*\n\s*)*[a-z_]+:(\s|$)", yaml_text))


def _disagreements(head: Head, found: HeadText, shelf: Shelf) -> list[Problem]:
    problems = []
    if head.audience is not None and head.audience != shelf.audience:
        text = f"{head.audience} here, but the folder is read as {shelf.audience}: correct one of them"
        problems.append(_problem(found, text, "audience"))
    for number, source in enumerate(head.sources):
        if shelf.curated and (reason := citations.check_url(source.url)):
            problems.append(_problem(found, reason, "sources", number, "url"))
    return problems


def _problem(found: HeadText, text: str, *at: str | int) -> Problem:
    line = frontmatter.line_of(found.yaml_text, *at, first_line=found.first_line)
    return Problem(path=found.path, key=".".join(map(str, at)), line=line, text=text)
