"""How versions and passages look on a terminal, and as JSON."""

from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from unicodedata import category

import click

from knowledge import citations
from knowledge.passages import Source

if TYPE_CHECKING:
    from knowledge.history import KeptPassage, Version

SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of signs that show nothing: controls, formats, halves of signs, separators."""
NEEDED = frozenset("\n\t\u200c\u200d\u200e\u200f\u061c\u2066\u2067\u2068\u2069")
"""Those of them that ordinary text needs: line ends, and joiners and directions of Arabic, Persian and Indic scripts."""


def plain(text: str) -> str:
    """Return a text with signs that have no shape written out: they can hide words, or command the terminal."""
    return "".join(f"⟨U+{ord(sign):04X}⟩" if category(sign) in SHAPELESS and sign not in NEEDED else sign for sign in text)


def print_head(one: "Version", newest: int) -> None:
    """Print what a version states about itself, but for its words."""
    stood = f"{_moment(one.published_at)} to {_moment(one.ended_at) or 'now'}" if one.published_at else "never"
    rows = {
        "title": one.title, "language": one.language, "audience": one.audience, "kind": f"{one.kind}, {one.authority}",
        "subject": one.subject, "sha256": one.sha256, "published": stood,
        "in force": f"{one.effective_from or 'at once'} to {one.effective_until or 'without end'}",
        "checked": one.checked, "review due": one.review_due, "owner": one.owner, "reviewed by": ", ".join(one.reviewed_by),
        "translates": one.translation_of, "replaces": one.supersedes,
    }  # fmt: skip
    click.echo(plain(f"{one.collection}/{one.path}  version {one.number} of {newest}  {one.status}"))
    for name, value in rows.items():
        if value:
            click.echo(f"{name:13} {plain(str(value))}")
    for source in one.sources:
        click.echo(f"source        {plain(_source(source, source.url))}")
    for concern in one.concerns:
        click.echo(f"concern       {plain(concern)}")


def print_passage(one: "Version", passage: "KeptPassage") -> None:
    """Print a passage as it was cited, and what became of its version."""
    ended = f" since {one.ended_at:%Y-%m-%d}" if one.ended_at and one.status != "published" else ""
    click.echo(plain(f"passage {passage.id} of {one.collection}/{one.path}, version {one.number}, for {one.audience}"))
    click.echo(f"now           {one.status}{ended}")
    click.echo(f"cited as      {plain(place_of(one, passage))}, version of {one.dated}")
    for source in one.sources:
        click.echo(f"source        {plain(_source(source, citations.deep_link(source.url, passage.page, passage.anchor)))}")
    click.echo(f"\n{plain(passage.text)}")


def place_of(one: "Version", passage: "KeptPassage") -> str:
    """Return title, headings, page and anchor in one line."""
    page = f", p. {passage.page}" if passage.page else ""
    anchor = f" #{passage.anchor}" if passage.anchor else ""
    return " › ".join((one.title, *(heading for heading in passage.heading_path if heading != one.title))) + page + anchor


def days_of(one: "Version", today: date) -> str:
    """Return the days that matter of a version, in words; nothing for most."""
    parts = [f"from {one.effective_from}" if one.effective_from and one.effective_from > today else ""]
    parts.append(f"until {one.effective_until}" if one.effective_until else "")
    parts.append(f"review was due {one.review_due}" if one.review_due and one.review_due <= today else "")
    return " ".join(part for part in parts if part)


def version_row(one: "Version") -> dict[str, Any]:
    """Return a version as JSON shows it: ``document`` and ``version`` as the command line names them."""
    row = asdict(one)
    del row["id"]
    return {"collection": row.pop("collection"), "document": row.pop("path"), "version": row.pop("number"), **row}


def passage_row(one: "KeptPassage") -> dict[str, Any]:
    """Return a passage as JSON shows it."""
    row = asdict(one)
    del row["version_id"]
    return row


def cited_row(one: "Version", passage: "KeptPassage") -> dict[str, Any]:
    """Return a passage with the version it was cited from, as JSON shows it."""
    links = [citations.deep_link(source.url, passage.page, passage.anchor) for source in one.sources]
    return {**passage_row(passage), "version_date": one.dated, "links": links, "of": version_row(one)}


def _source(source: Source, link: str) -> str:
    refused = citations.check_url(source.url)
    return f"{source.title}, {source.publisher}  {link}" + (f"  (no link for people: {refused})" if refused else "")


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
