"""What only shows beside the others: a phrasing of two entries, a translation without its original, a link to nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterator

import regex

from knowledge.linting.marks import Mark, file_of
from knowledge.linting.words import folded
from knowledge.passages import Audience, Document
from knowledge.starter import GAPS, Library

_LINKED = regex.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}(?!\.?\d)|\bP\d\d\b")


def _shared(library: Library) -> Iterator[tuple[str, Mark]]:
    """A phrasing of two entries of one audience and language finds whichever comes first."""
    owners: defaultdict[tuple[Audience, str, str], list[tuple[Document, str]]] = defaultdict(list)
    for entry in library.entries:
        for key, phrasing in {folded(one): one for one in entry.phrasings}.items():
            owners[entry.audience, entry.language, key].append((entry, phrasing))
    for (first, _), *others in owners.values():
        for other, phrasing in others:
            text = f'"{phrasing}" leads to {first.path} too: keep it in one of them'
            yield file_of(other), Mark(key="phrasings", at=phrasing, text=text)


def _orphans(library: Library) -> Iterator[tuple[str, Mark]]:
    known = library.by_path()
    seen: dict[tuple[str | None, str], str] = {}
    for entry in library.entries:
        path = file_of(entry)
        if entry.translation_of is None and entry.language != "en":
            yield path, Mark(key="translation_of", at="language:", text="is missing: name the English entry")
        if entry.translation_of is not None:
            original = known.get((entry.collection, entry.translation_of))
            if original is None or original.language != "en":
                text = f"{entry.translation_of} is no English entry: correct it, or take the translation out"
                yield path, Mark(key="translation_of", at="translation_of:", text=text)
            elif original.topic != entry.topic:
                text = f"{entry.translation_of} is about {original.topic}, this about {entry.topic}: correct one of them"
                yield path, Mark(key="translation_of", at="translation_of:", text=text)
        if first := seen.get((entry.topic, entry.language)):
            yield path, Mark(key="topic", at="topic:", text=f"{entry.topic} has an entry in {entry.language}: {first}")
        seen[entry.topic, entry.language] = path
    written = {entry.topic for entry in library.entries}
    for gap in library.gaps:
        if gap.topic in written:
            yield GAPS, Mark(key="topic", at=f'"{gap.topic}"', text=f"{gap.topic} is written: take it out of the register")


def _links(library: Library) -> Iterator[tuple[str, Mark]]:
    """Topics named under "Links" must be there; a gap is told as one."""
    known = {entry.topic for entry in library.entries} | {gap.topic for gap in library.gaps}
    for entry in library.entries:
        _, _, links = entry.body.partition("\n## Links\n")
        for topic in _LINKED.findall(links.partition("\n## ")[0]):
            if topic not in known:
                yield (
                    file_of(entry),
                    Mark(key="", at="## Links", text=f"{topic} is neither an entry nor in {GAPS}: correct the link"),
                )


LIBRARY_RULES: tuple[Callable[[Library], Iterator[tuple[str, Mark]]], ...] = (_shared, _orphans, _links)
