"""Prepare: what a search finds, today or on a day in the past (``knowledge search``)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.group import Context, pass_context, print_json, say
from bot.cli.sheets import plain
from bot.cli.wordings import a_day, open_database

if TYPE_CHECKING:
    from knowledge.index.search import Searcher
    from knowledge.passages import Hit

SHOWN_CHARS = 200


@click.command()
@click.argument("text")
@click.option("--role", type=click.Choice(["public", "staff"]), default="public", help="Who asks.", show_default=True)
@click.option("--language", metavar="XX", help="Language of question and reader; default: detected.")
@click.option("--collection", help="Only this one.")
@click.option("--as-of", callback=a_day, metavar="DATE", help="What was in force at the end of that day (UTC).")
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="How many documents.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_context
def search(
    context: Context, text: str, role: str, language: str | None, collection: str | None, as_of: date | None, limit: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Show which passages a question finds, best first, and how sure.

    With --as-of: what was the rule then. An index of that day is made for the
    question and thrown away; words embedded before are not embedded again.
    """
    from knowledge.passages import Audience
    from knowledge.reading import detect_language
    from policies import load
    from policies.access import visible_audiences

    audiences = frozenset(Audience(name) for name in visible_audiences(role, load().audiences))
    with _searcher(context, as_of) as searcher:
        found = searcher.search(
            text, language=language or detect_language(text), audiences=audiences, limit=limit, collection=collection
        )
    for hit in found.hits:
        if as_json:
            print_json(_row(hit))
        else:
            _print(hit)
    if not found.hits:
        say("Nothing is found.")


@contextmanager
def _searcher(context: Context, as_of: date | None) -> Iterator["Searcher"]:
    from bot import bootstrap
    from bot.adapters.catalogue import YamlCatalogue
    from bot.adapters.clock import SystemClock
    from knowledge.index.build import build_index
    from knowledge.index.encoder import open_encoder
    from knowledge.index.search import Searcher
    from knowledge.past import PastStore

    engine, settings, clock = open_database(context), context.settings, SystemClock()
    fallbacks = YamlCatalogue().fallbacks()
    if as_of is None:
        yield bootstrap.open_searcher(settings, engine, clock, fallbacks)
        return
    encoder, store = open_encoder(settings.encoder.model, settings.encoder.threads), PastStore(engine, as_of)
    with tempfile.TemporaryDirectory(prefix="waypost-") as folder:
        build_index(store, encoder, Path(folder), clock.now(), progress=say)
        yield Searcher(store, encoder, Path(folder), clock=clock.now, fallbacks=fallbacks)


def _row(hit: "Hit") -> dict[str, Any]:
    return {
        "score": round(hit.score, 4), "collection": hit.collection, "document": hit.document_id, "language": hit.language,
        "audience": hit.audience, "topic": hit.topic, "title": hit.title, "heading_path": hit.heading_path, "page": hit.page,
        "anchor": hit.anchor, "passage": hit.passage_id, "version": hit.version_number, "version_date": hit.version_date,
        "url": hit.sources[0].url if hit.sources else None, "text": hit.text,
    }  # fmt: skip


def _print(hit: "Hit") -> None:
    place = " › ".join((hit.title, *hit.heading_path)) + (f", p. {hit.page}" if hit.page else "")
    click.echo(f"{hit.score:.3f}  {hit.collection}/{hit.document_id} v{hit.version_number} of {hit.version_date}  {hit.language}")
    click.echo(plain(f"       {place}  [passage {hit.passage_id}]"))
    words = " ".join(hit.text.split())
    click.echo(plain(f"       {words[:SHOWN_CHARS]}{'…' if len(words) > SHOWN_CHARS else ''}"))
