"""From a question to passages: the index finds ids, the database says what they are and whether they may be shown.

Only the files of the person's audiences are searched: what a person may not see costs no rank and leaves no trace. A phrasing
counts for the lead it stands for, a document appears once, and of one topic in several languages the person's own is given.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from knowledge.errors import IndexCorrupt, IndexMissing, IndexStale
from knowledge.index.encoder import Encoder
from knowledge.index.manifest import CURRENT, VERSIONS, Manifest, file_of, load_current, sha256_of
from knowledge.index.vectors import VectorIndex, Vectors
from knowledge.passages import Audience, Hit, Retrieval
from knowledge.store import KnowledgeStore

FIRST_LOOK = 64
"""Passages looked at before more: five documents of some twenty passages and phrasings each rarely need more."""
MORE_CHARS = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """One version of the index in memory."""

    manifest: Manifest
    indexes: dict[Audience, VectorIndex]
    stamp: tuple[int, int, int]
    """Identity of the file ``current`` as it was read."""


class Searcher:
    """Search over the index that serves; safe from several threads."""

    def __init__(self, store: KnowledgeStore, encoder: Encoder, index_dir: Path, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._encoder = encoder
        self._folder = index_dir
        self._clock = clock
        self._opened: _Opened | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Version of the index that serves."""
        return self._current().manifest.version

    def check(self) -> None:
        """Open the index unless it is open.

        Raises:
            EncoderUnavailable, IndexMissing, IndexStale, IndexCorrupt
        """
        self._current()

    def search(
        self, text: str, *, language: str, audiences: Collection[Audience], limit: int = 5, collection: str | None = None
    ) -> Retrieval:
        """Return at most ``limit`` documents' best passages, best first, possibly none; of one collection when it is given.

        Scores are cosine similarities in [-1, 1]. Of one topic the variant in ``language`` is given when there is one,
        with the score of the variant that was found best.

        Raises:
            EncoderUnavailable: the model does not answer.
            IndexMissing, IndexStale, IndexCorrupt: it cannot be searched; says what to run.
        """
        opened = self._current()
        version = opened.manifest.version
        indexes = [index for audience, index in opened.indexes.items() if audience in audiences]
        if not text.strip() or limit < 1 or not indexes:
            return Retrieval(hits=(), index_version=version)
        vector = _unit(self._encoder.encode_queries([text]))
        look, size = FIRST_LOOK, max(index.size for index in indexes)
        while True:  # what was withdrawn since the build, or belongs to another collection, takes no place
            hits = self._found(indexes, vector, audiences, look)
            of_collection = [hit for hit in hits if collection in (None, hit.collection)]
            chosen = self._in_language(of_collection, language, audiences)
            if len(chosen) >= limit or look >= size:
                return Retrieval(hits=tuple(chosen[:limit]), index_version=version)
            look *= 4

    def passage_text(self, passage_id: int, *, audiences: Collection[Audience]) -> str | None:
        """Return a passage under its heading, then the sections after it to about 1,500 characters; None when not to be shown."""
        sections = self._store.sections_from(passage_id, audiences=audiences, now=self._clock())
        parts: list[str] = []
        shown_heading = ""
        for heading, text in sections:
            part = text if heading in ("", shown_heading) else f"{heading}\n\n{text}"
            if parts and sum(map(len, parts)) + len(part) > MORE_CHARS:
                break
            parts.append(part)
            shown_heading = heading
        return "\n\n".join(parts) or None

    def _found(self, indexes: list[VectorIndex], vector: Vectors, audiences: Collection[Audience], look: int) -> list[Hit]:
        """Return the best passage of each document among the ``look`` nearest of each index."""
        scored = {number: score for index in indexes for number, score in index.search(vector, limit=look)}
        known = self._store.resolve(scored, audiences=audiences, now=self._clock())
        return _one_a_document(replace(hit, score=scored[asked]) for asked, hit in known.items())

    def _in_language(self, hits: list[Hit], language: str, audiences: Collection[Audience]) -> list[Hit]:
        """Of each topic keep one language: the person's where there is one to show, else that of the best hit.

        A variant that was not found itself comes in with its direct answer.
        """
        topics = {hit.topic for hit in hits if hit.topic}
        leads = self._store.leads_in(language, topics=topics, audiences=audiences, now=self._clock())
        best: dict[tuple[str, str], Hit] = {}
        kept: dict[tuple[str, str], list[Hit]] = {}
        for hit in hits:
            subject = _subject(hit)
            first = best.setdefault(subject, hit)
            if hit.language == (language if subject in leads else first.language):
                same = kept.setdefault(subject, [])
                same.append(hit if same else replace(hit, score=first.score))
        unseen = {lead: subject for subject, lead in leads.items() if subject in best and subject not in kept}
        found = self._store.resolve(unseen, audiences=audiences, now=self._clock())
        others = [replace(hit, score=best[unseen[lead]].score) for lead, hit in found.items()]
        return sorted([*(hit for same in kept.values() for hit in same), *others], key=lambda hit: -hit.score)

    def _current(self) -> _Opened:
        """Return the open index, opened again when ``current`` was replaced."""
        stamp = _stamp(self._folder)
        opened = self._opened
        if opened is not None and opened.stamp == stamp:
            return opened
        with self._lock:
            if self._opened is None or self._opened.stamp != stamp:
                self._opened = self._open(stamp)
            return self._opened

    def _open(self, stamp: tuple[int, int, int]) -> _Opened:
        """Read the version that serves; once more when it was replaced meanwhile."""
        try:
            return self._read(stamp)
        except IndexCorrupt:
            again = _stamp(self._folder)
            if again == stamp:
                raise
            return self._read(again)

    def _read(self, stamp: tuple[int, int, int]) -> _Opened:
        manifest = load_current(self._folder)
        if not manifest.made_by(self._encoder):
            made, here = manifest.encoder, self._encoder.name
            raise IndexStale(f"The index was built by encoder {made}, this is {here}: run `waypost knowledge build`")
        folder, indexes = self._folder / VERSIONS / manifest.version, {}
        for audience in Audience:
            name = file_of(audience)
            if name not in manifest.files:
                continue
            if sha256_of(folder / name) != manifest.files[name]:
                raise IndexCorrupt(f"The index file {name} was changed after it was built: run `waypost knowledge build`")
            indexes[audience] = VectorIndex.load(folder / name)
        return _Opened(manifest=manifest, indexes=indexes, stamp=stamp)


def _stamp(folder: Path) -> tuple[int, int, int]:
    """Return what changes whenever ``current`` is replaced; one system call."""
    try:
        found = (folder / CURRENT).stat()
    except OSError as exc:
        raise IndexMissing(f"No index in {folder}: run `make setup` or `waypost knowledge build`") from exc
    return found.st_ino, found.st_mtime_ns, found.st_size


def _subject(hit: Hit) -> tuple[str, str]:
    """Return what the variants of one text in several languages share."""
    return hit.collection, hit.topic or f"/{hit.document_id}"


def _one_a_document(hits: Iterable[Hit]) -> list[Hit]:
    """Return the best passage of each document, best first."""
    best: dict[int, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.passage_id)):
        best.setdefault(hit.version_id, hit)
    return list(best.values())


def _unit(vector: Vectors) -> Vectors:
    flat = np.asarray(vector, dtype=np.float32).reshape(-1)
    return flat / max(float(np.linalg.norm(flat)), 1e-12)
