"""Does an index hold what the database says, and does it find it: asked of every new index, and by ``knowledge verify``."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from knowledge.errors import IndexCorrupt, IndexMissing
from knowledge.index.manifest import load_current
from knowledge.index.nearest import Nearest
from knowledge.index.snapshot import FIRST, SECOND, TAUGHT, Snapshot, VectorPlace, open_snapshot, part_of
from knowledge.passages import Audience, IndexRow, hash_of
from knowledge.store import KnowledgeStore
from knowledge.verify import Finding

PROBES = 16
NEARLY_ITSELF = 0.01
"""What half precision may take from a passage's product with itself."""

REMEDY = "run `waypost knowledge build`"

RowsByAudience = Mapping[Audience, Sequence[IndexRow]]


def by_audience(rows: Iterable[IndexRow]) -> dict[Audience, list[IndexRow]]:
    """Return rows by the audience they are for."""
    found: dict[Audience, list[IndexRow]] = {}
    for row in rows:
        found.setdefault(row.audience, []).append(row)
    return found


def verify_index(store: KnowledgeStore, index_dir: Path, place: VectorPlace, now: datetime) -> list[Finding]:
    """Return in what the index that serves is not what a build would make; none when all is well."""
    where = f"index {index_dir}"
    try:
        snapshot = open_snapshot(index_dir, load_current(index_dir), place)
    except (IndexMissing, IndexCorrupt) as exc:
        return [Finding(place=where, text=str(exc))]
    rows = list(store.index_rows(now))
    if snapshot.manifest.corpus_hash != hash_of(rows):
        return [Finding(place=where, text=f"is not of the documents as they are now: {REMEDY}")]
    return [Finding(place=where, text=f"{text}: {REMEDY}") for text in differences(store, snapshot, by_audience(rows))]


def differences(store: KnowledgeStore, snapshot: Snapshot, rows: RowsByAudience) -> Iterator[str]:
    """Yield in what an index departs from the rows it should hold; nothing when all is well."""
    for audience in snapshot.shelves.keys() - rows.keys():
        yield f"The {audience} index holds passages, the database has none"
    for audience, own in rows.items():
        shelf = snapshot.shelves.get(audience)
        if shelf is None:
            yield f"There is no {audience} index for {len(own)} passages"
            continue
        expected, texts = {row.id for row in own}, {row.id for row in own if row.shows_id == row.id}
        if not (expected == shelf.first.ids == set(shelf.rows.ids.tolist()) and shelf.words.ids == texts):
            yield f"The {audience} index holds other passages than the database"
            continue
        yield from _lost(store, snapshot.manifest.encoder, part_of(audience, FIRST), shelf.first, own)
        if shelf.taught is not None and shelf.taught.ids != set(shelf.rows.ids[shelf.rows.curated].tolist()):
            yield f"The {audience} index has portraits of other entries than the database"
        beside = ((SECOND, snapshot.manifest.second, shelf.second), (TAUGHT, snapshot.manifest.taught, shelf.taught))
        for part, encoder, vectors in beside:
            if vectors is not None and encoder is not None:
                known = vectors.ids
                held = [row for row in own if row.id in known]
                yield from _lost(store, encoder, part_of(audience, part), vectors, held)


def _lost(store: KnowledgeStore, encoder: str, part: str, vectors: Nearest, rows: Sequence[IndexRow]) -> Iterator[str]:
    """Yield passages, of some taken at random, that do not find themselves."""
    probes = random.Random(len(rows)).sample(rows, min(PROBES, len(rows)))
    kept = store.vectors(encoder, {row.text_sha256 for row in probes})
    for row in probes:
        if row.text_sha256 in kept:  # the cache may have been emptied: then there is nothing to compare with
            vector = np.frombuffer(kept[row.text_sha256], "<f4").astype(np.float32)
            _, scores = vectors.search(vector, limit=1)
            # Equal texts share a vector, so another id may come first; a better score than its own may not be missed.
            if not len(scores) or scores[0] < 1 - NEARLY_ITSELF:
                yield f"Passage {row.id} does not find itself in {part}"
