"""From a question to passages: the index ranks, the database says what they are and whether they may be shown.

Only the shelves of the person's audiences are searched: what a person may not see costs no rank and leaves no trace. What was
withdrawn since the build gives way to the next.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from knowledge.errors import IndexCorrupt, IndexMissing, IndexStale
from knowledge.index.encoder import Encoder, names_of
from knowledge.index.fusion import Fusion, fusion_for
from knowledge.index.manifest import CURRENT, load_current
from knowledge.index.ranking import Found, Place, Question, arrange, glance, rank
from knowledge.index.rows import AUTHORITIES
from knowledge.index.snapshot import FaissFiles, Shelf, Snapshot, VectorPlace, open_snapshot
from knowledge.index.words import different_terms
from knowledge.passages import Audience, Hit, Retrieval
from knowledge.store import KnowledgeStore

FIRST_LOOK = 64
"""Passages of each part looked at before more: five documents of some twenty passages and phrasings each rarely need more."""
FIRST_DOCUMENTS = 8
"""Documents looked at for each one wanted: its variants in other languages, and what may not be shown, take no place."""
SURE = 0.7
"""Confidence from which an answer in the question's own language needs no second opinion, where portraits ask for none."""
FEW = 2
"""Passages that a place may rest on, on average, for them to be read at once: reading one takes as long as asking for six."""
SPARE = 3
"""Passages read beyond those wanted, for what says the same twice."""
MORE_CHARS = 1_500
SAME = 0.9
"""Share of words in common from which two passages say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """One version of the index in memory."""

    snapshot: Snapshot
    stamp: tuple[int, int, int]
    """Identity of the file ``current`` as it was read."""


class Searcher:
    """Search over the index that serves; safe from several threads."""

    def __init__(
        self,
        store: KnowledgeStore,
        encoder: Encoder,
        index_dir: Path,
        *,
        clock: Callable[[], datetime],
        place: VectorPlace | None = None,
        fallbacks: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._fusion: Fusion = fusion_for(encoder.name)
        self._folder = index_dir
        self._clock = clock
        self._place = place or FaissFiles()
        self._fallbacks = fallbacks or {}
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
        self,
        text: str,
        *,
        language: str,
        audiences: Collection[Audience],
        limit: int = 5,
        collection: str | None = None,
        written: str | None = None,
    ) -> Retrieval:
        """Return at most ``limit`` documents' best passages, best first, possibly none; of one collection when it is given.

        Scores are confidences in (0, 1), see ``fusion``. Of one subject the variant in the person's ``language`` is given, else
        in the first of its fallbacks that there is, else the closest; with the score of the one that was found best. Languages
        are ISO 639-1 codes.

        Args:
            written: language of the text, when it is another than the person's.

        Raises:
            EncoderUnavailable: the model does not answer.
            IndexMissing, IndexStale, IndexCorrupt: it cannot be searched; says what to run.
        """
        snapshot = self._current()
        shelves = [shelf for audience, shelf in snapshot.shelves.items() if audience in audiences]
        hits: list[Hit] = []
        if text.strip() and limit > 0 and shelves:
            question, found = self._first_look(text, language, written or language, shelves, collection)
            look, most = FIRST_LOOK, max(len(shelf.rows.ids) for shelf in shelves)
            while True:  # what was withdrawn since the build, or belongs to another collection, takes no place
                hits = self._shown(found[: limit * FIRST_DOCUMENTS], question.readable, audiences, limit)
                if len(hits) < limit and len(found) > limit * FIRST_DOCUMENTS:
                    hits = self._shown(found, question.readable, audiences, limit)
                if len(hits) >= limit or look >= most:
                    break
                look *= 4
                seen = [glance(shelf, question, self._fusion, look=look) for shelf in shelves]
                found = rank(seen, question, self._fusion, collection=collection)
        return Retrieval(hits=tuple(hits), index_version=snapshot.manifest.version)

    def rank(self, text: str, *, language: str, audiences: Collection[Audience]) -> list[Place]:
        """Return the order of passages by the index alone, without asking the database what may be shown: for measurements."""
        shelves = [shelf for audience, shelf in self._current().shelves.items() if audience in audiences]
        question, found = self._first_look(text, language, language, shelves, None)
        return arrange(found, question.readable, {number for one in found for number in one.passages})

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

    def resolve(self, passage_ids: Sequence[int], *, audiences: Collection[Audience]) -> list[Hit]:
        """Return passages by id, in this order, with score 0; those that may not be shown now are left out."""
        known = self._store.resolve(passage_ids, audiences=audiences, now=self._clock())
        return [known[number] for number in passage_ids if number in known]

    def _first_look(
        self, text: str, language: str, written: str, shelves: Sequence[Shelf], collection: str | None
    ) -> tuple[Question, list[Found]]:
        """Return the question and what it finds; the second encoder is asked where it may add something."""
        vector = self._encoder.encode_queries([text])[0]
        readable = (language, *self._fallbacks.get(language, ()))
        question = Question(
            text=text, terms=different_terms(text, written), written=written, readable=readable, vector=vector,
            first=self._fusion.centred(vector, written), second=None, taught=None,
        )  # fmt: skip
        second = self._encoder.second if self._encoder.second and written in self._encoder.second.languages else None
        if any(len(shelf.portraits.versions) for shelf in shelves):
            taught = self._encoder.taught
            question = replace(
                question,
                second=second.encode_queries([text])[0] if second else None,
                taught=taught.encode_queries([text])[0] if taught else None,
            )
        seen = [glance(shelf, question, self._fusion, look=FIRST_LOOK) for shelf in shelves]
        found = rank(seen, question, self._fusion, collection=collection)
        is_sure = bool(found) and found[0].language == written and found[0].confidence >= SURE
        has_foreign = any(shelf.second and set(shelf.rows.languages) - {written} for shelf in shelves)
        if second is not None and question.second is None and has_foreign and not is_sure:
            question = replace(question, second=second.encode_queries([text])[0])
            found = rank(seen, question, self._fusion, collection=collection)
        return question, found

    def _shown(self, found: Sequence[Found], readable: Sequence[str], audiences: Collection[Audience], limit: int) -> list[Hit]:
        """Return what may be shown, in the language the person reads best of those there are, and nothing twice."""
        now = self._clock()
        asked = {number for one in found for number in one.passages}
        places = arrange(found, readable, asked)
        first = places[: limit + SPARE]
        rests_on = {number for place in first for number in place.rests_on}
        if len(rests_on) <= FEW * len(first):  # mostly all of these may be shown; then what comes after makes no difference
            known = self._store.resolve(rests_on, audiences=audiences, now=now)
            hits = _distinct(_hits(first, known))
            if len(known) == len(rests_on) and (len(hits) >= limit or len(places) == len(first)):
                return hits[:limit]
        places = arrange(found, readable, self._store.visible(asked, audiences=audiences, now=now))
        hits = []
        for start in range(0, len(places), limit + SPARE):
            some = places[start : start + limit + SPARE]
            known = self._store.resolve([place.passage for place in some], audiences=audiences, now=now)
            hits = _distinct([*hits, *_hits(some, known)])
            if len(hits) >= limit:
                break
        return hits[:limit]

    def _current(self) -> Snapshot:
        """Return the open index, opened again when ``current`` was replaced."""
        stamp = _stamp(self._folder)
        opened = self._opened
        if opened is not None and opened.stamp == stamp:
            return opened.snapshot
        with self._lock:
            if self._opened is None or self._opened.stamp != stamp:
                self._opened = self._open(stamp)
            return self._opened.snapshot

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
        if not manifest.made_by(names_of(self._encoder)):
            made, here = manifest.encoder, self._encoder.name
            raise IndexStale(f"The index was built by encoder {made}, this is {here}: run `waypost knowledge build`")
        snapshot = open_snapshot(self._folder, manifest, self._place)
        for shelf in snapshot.shelves.values():
            shelf.prepare()
        return _Opened(snapshot=snapshot, stamp=stamp)


def _hits(places: Iterable[Place], known: Mapping[int, Hit]) -> list[Hit]:
    return [replace(known[place.passage], score=place.confidence) for place in places if place.passage in known]


def _distinct(hits: Iterable[Hit]) -> list[Hit]:
    """Leave out what says the same as something before it in the same language; the one of higher authority, or newer, stays."""
    kept: list[tuple[Hit, set[str]]] = []
    for hit in hits:
        words = set(hit.text.split())
        for place, (other, others) in enumerate(kept):
            fewer, more = sorted((len(words), len(others)))
            is_near = other.language == hit.language and fewer >= SAME * more > 0
            if is_near and len(words & others) >= SAME * len(words | others):
                if _standing(hit) > _standing(other):
                    kept[place] = (replace(hit, score=other.score), words)
                break
        else:
            kept.append((hit, words))
    return [hit for hit, _ in kept]


def _standing(hit: Hit) -> tuple[int, object]:
    return -AUTHORITIES.index(hit.authority), hit.version_date


def _stamp(folder: Path) -> tuple[int, int, int]:
    """Return what changes whenever ``current`` is replaced; one system call."""
    try:
        found = (folder / CURRENT).stat()
    except OSError as exc:
        raise IndexMissing(f"No index in {folder}: run `make setup` or `waypost knowledge build`") from exc
    return found.st_ino, found.st_mtime_ns, found.st_size
