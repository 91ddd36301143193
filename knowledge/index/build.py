"""Build the index from the database: read what is new, check the result, swap it in with one rename.

Only passages that came or went since the version that serves are touched; everything else is taken over as it is. A build that
is interrupted leaves the serving version untouched, and its vectors so far in the embedding cache: the next one goes on there.
"""

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
from filelock import FileLock

from knowledge.errors import IndexCorrupt, IndexMissing
from knowledge.index.check import by_audience, differences
from knowledge.index.encoder import Encoder, names_of
from knowledge.index.letters import Letters, Phrasing
from knowledge.index.lexical import LexicalIndex, Text
from knowledge.index.manifest import CURRENT, MANIFEST, VERSIONS, Manifest, load_current, sha256_of
from knowledge.index.nearest import Nearest, Vectors
from knowledge.index.rows import Rows, Subject
from knowledge.index.snapshot import (
    FIRST,
    SECOND,
    TAUGHT,
    FaissFiles,
    Shelf,
    Snapshot,
    VectorPlace,
    letters_file,
    open_snapshot,
    part_of,
    rows_file,
    words_file,
)
from knowledge.index.words import EDITION
from knowledge.passages import Audience, IndexRow, hash_of
from knowledge.store import KnowledgeStore

AT_ONCE = 1_024
"""Texts in memory at once; like lengths of them are embedded together."""
KEPT_AFTER = 64
"""Texts embedded before their vectors are kept: what an interruption costs."""
KEPT = 2
"""Versions kept: the serving one, and the one before for searches that still hold it."""

Progress = Callable[[str], None]


def build_index(
    store: KnowledgeStore,
    encoder: Encoder,
    index_dir: Path,
    now: datetime,
    *,
    progress: Progress,
    place: VectorPlace | None = None,
    anew: bool = False,
) -> Manifest:
    """Build, check and put into service an index of all that may be found; return its manifest.

    Args:
        place: where vectors are kept; files beside the index by default.
        anew: take nothing over from the version that serves.

    Raises:
        IndexCorrupt: the new index failed its check; the one before goes on serving.
        EncoderUnavailable: the model does not load.
    """
    place = place or FaissFiles()
    index_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(index_dir / "build.lock"):
        rows = by_audience(store.index_rows(now))
        before = None if anew else _serving(index_dir, encoder, place)
        version = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        folder = index_dir / VERSIONS / version
        folder.mkdir(parents=True)
        try:
            work = _Work(store=store, encoder=encoder, folder=folder, place=place, meter=_Meter(progress))
            work.expect(_news(own, _shelf(before, audience)) for audience, own in rows.items())
            shelves = {audience: work.shelf(audience, own, _shelf(before, audience)) for audience, own in rows.items()}
            manifest = _described(version, encoder, place, shelves, rows, folder, now)
            manifest.save(folder)
            for found in differences(store, Snapshot(manifest=manifest, shelves=shelves), rows):
                raise IndexCorrupt(f"{found}: the build is given up")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _put_into_service(index_dir, version)
        _prune(index_dir, version)
        return manifest


def _serving(index_dir: Path, encoder: Encoder, place: VectorPlace) -> Snapshot | None:
    """Return the version that serves if the new one can take over from it."""
    try:
        manifest = load_current(index_dir)
        return open_snapshot(index_dir, manifest, place) if manifest.made_by(names_of(encoder)) else None
    except (IndexMissing, IndexCorrupt):
        return None


def _shelf(snapshot: Snapshot | None, audience: Audience) -> Shelf | None:
    return snapshot.shelves.get(audience) if snapshot else None


def _news(rows: Iterable[IndexRow], before: Shelf | None) -> list[IndexRow]:
    known = before.first.ids if before else frozenset()
    return [row for row in rows if row.id not in known]


def _curated(some: Iterable[IndexRow], rows: Iterable[IndexRow]) -> list[IndexRow]:
    """Return those of ``some`` that belong to an entry whose direct answer is among ``rows``."""
    entries = {row.version_id for row in rows if row.is_lead}
    return [row for row in some if row.version_id in entries]


def _asked(table: Rows) -> list[tuple[int, Subject, str]]:
    """Return the phrasings of a table: id, subject and language.

    An id has one text for ever; the subject changes when the text that it translates comes or goes.
    """
    own = np.flatnonzero(table.phrasings)
    subjects = [table.subjects[number] for number in table.subject[own].tolist()]
    languages = [table.languages[number] for number in table.language[own].tolist()]
    return list(zip(table.ids[own].tolist(), subjects, languages, strict=True))


@dataclass(slots=True)
class _Meter:
    """Tells how far a build is, how fast, and how long it will take."""

    say: Progress
    total: int = 0
    done: int = 0
    embedded: int = 0
    started: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)

    def add(self, count: int, *, embedded: bool) -> None:
        self.done += count
        self.embedded += count if embedded else 0
        now = time.monotonic()
        if self.embedded and (now - self.said > 2 or self.done >= self.total):
            self.said = now
            rate = self.embedded / max(now - self.started, 1e-6)
            left = int((self.total - self.done) / max(rate, 1e-6))
            self.say(f"{self.done} of {self.total} texts embedded, {rate:.0f} a second, {left // 60}:{left % 60:02} left")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One build under way."""

    store: KnowledgeStore
    encoder: Encoder
    folder: Path
    place: VectorPlace
    meter: _Meter

    def expect(self, news: Iterable[Sequence[IndexRow]]) -> None:
        """Tell the meter how much there is to do."""
        for rows in news:
            self.meter.total += len(rows)
            if second := self.encoder.second:
                self.meter.total += sum(row.language in second.languages for row in rows)
            if self.encoder.taught:
                self.meter.total += len(_curated(rows, rows))

    def shelf(self, audience: Audience, rows: Sequence[IndexRow], before: Shelf | None) -> Shelf:
        """Write the files of one audience and return what they hold."""
        news = _news(rows, before)
        gone = before.first.ids - {row.id for row in rows} if before else frozenset()
        texts = self._texts([row for row in news if row.shows_id == row.id])
        words = (before.words if before else LexicalIndex.of([])).changed(removed=gone, added=texts)
        words.save(self.folder / words_file(audience))
        table = Rows.of(rows)
        table.save(self.folder / rows_file(audience))
        letters = self._letters(table, before)
        letters.save(self.folder / letters_file(audience))
        first = self._vectors(self.encoder, part_of(audience, FIRST), news, gone, before.first if before else None)
        second, encoder = None, self.encoder.second
        if encoder is not None and any(row.language in encoder.languages for row in rows):
            known = [row for row in news if row.language in encoder.languages]
            second = self._vectors(encoder, part_of(audience, SECOND), known, gone, before.second if before else None)
        taught = None
        if self.encoder.taught is not None and table.is_lead.any():
            known = _curated(news, rows)
            taught = self._vectors(self.encoder.taught, part_of(audience, TAUGHT), known, gone, before.taught if before else None)
        return Shelf.of(table, words, letters, first, second, taught)

    def _texts(self, rows: Sequence[IndexRow]) -> Iterator[Text]:
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            texts = self.store.texts_for([row.id for row in some])
            for row in some:
                yield Text(id=row.id, language=row.language, text=texts[row.id])

    def _letters(self, table: Rows, before: Shelf | None) -> Letters:
        """Return what the phrasings' spelling tells; learnt anew only where they, or what they are about, changed."""
        asked = _asked(table)
        if before is not None and asked == _asked(before.rows):
            return before.letters
        if asked:
            self.meter.say(f"learning how {len(asked)} phrasings are spelt")
        texts = self.store.texts_for([number for number, _, _ in asked])
        return Letters.of([Phrasing(subject, language, texts[number]) for number, subject, language in asked])

    def _vectors(
        self, encoder: Encoder, part: str, news: Sequence[IndexRow], gone: Collection[int], before: Nearest | None
    ) -> Nearest:
        """Write one encoder's vectors of one audience."""
        ids = np.array([row.id for row in news], np.int64)
        vectors = np.empty((len(news), encoder.dim), np.float32)
        for first in range(0, len(news), AT_ONCE):
            some = news[first : first + AT_ONCE]
            made = self._embedded(encoder, some)
            vectors[first : first + len(some)] = [made[row.text_sha256] for row in some]
        return self.place.write(self.folder, part, before, removed=gone, ids=ids, vectors=vectors)

    def _embedded(self, encoder: Encoder, rows: Sequence[IndexRow]) -> dict[str, Vectors]:
        """Return the unit vector of every text, by its hash; only texts without one are embedded."""
        size = encoder.dim * 4
        kept = self.store.vectors(encoder.name, {row.text_sha256 for row in rows})
        vectors = {sha: np.frombuffer(vector, "<f4").astype(np.float32) for sha, vector in kept.items() if len(vector) == size}
        missing = {row.text_sha256: row.id for row in rows if row.text_sha256 not in vectors}
        self.meter.add(len(rows) - len(missing), embedded=False)
        texts = self.store.texts_for(missing.values())
        in_turn = sorted(missing, key=lambda sha: (len(texts[missing[sha]]), sha))  # like lengths waste no padding
        for first in range(0, len(in_turn), KEPT_AFTER):
            batch = in_turn[first : first + KEPT_AFTER]
            made = encoder.encode_passages([texts[missing[sha]] for sha in batch])
            self.store.keep_vectors(
                encoder.name, {sha: row.astype("<f4").tobytes() for sha, row in zip(batch, made, strict=True)}
            )
            vectors.update(zip(batch, made, strict=True))
            self.meter.add(len(batch), embedded=True)
        return vectors


def _described(
    version: str, encoder: Encoder, place: VectorPlace, shelves: dict[Audience, Shelf], rows: dict[Audience, list[IndexRow]],
    folder: Path, now: datetime,
) -> Manifest:  # fmt: skip
    parts = [part_of(audience, FIRST) for audience in shelves]
    parts += [part_of(audience, SECOND) for audience, shelf in shelves.items() if shelf.second is not None]
    parts += [part_of(audience, TAUGHT) for audience, shelf in shelves.items() if shelf.taught is not None]
    made_by, second, taught = names_of(encoder)
    every = sorted((row for own in rows.values() for row in own), key=lambda row: row.id)
    return Manifest(
        version=version, encoder=made_by, second=second, taught=taught, terms=EDITION, vectors=place.name, parts=parts,
        corpus_hash=hash_of(every),
        counts={str(audience): len(own) for audience, own in rows.items()},
        files={path.name: sha256_of(path) for path in sorted(folder.iterdir())}, built_at=now,
    )  # fmt: skip


def _put_into_service(index_dir: Path, version: str) -> None:
    """Name the new version in ``current``; readers see the old line or the new one, never half of one."""
    fresh = index_dir / f".{CURRENT}.{version}"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(version + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(index_dir / CURRENT)


def _prune(index_dir: Path, serving: str) -> None:
    """Remove all versions but the serving one and the one before, and what a killed build left half-written."""

    def worth(folder: Path) -> tuple[bool, bool, float]:
        return folder.name == serving, (folder / MANIFEST).exists(), folder.stat().st_mtime

    for folder in sorted((index_dir / VERSIONS).iterdir(), key=worth)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
