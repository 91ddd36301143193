"""Build the index from the database: embed what is new, check the result, swap it in with one rename.

One FAISS file for each audience, so that a search for the public cannot even touch what is for staff. A build that is interrupted
leaves the serving version untouched, and its vectors so far in the embedding cache.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
from filelock import FileLock

from knowledge.errors import IndexCorrupt
from knowledge.index.encoder import Encoder
from knowledge.index.manifest import CURRENT, MANIFEST, METRIC, VERSIONS, Manifest, file_of, sha256_of
from knowledge.index.vectors import VectorIndex, Vectors
from knowledge.passages import Audience, IndexRow, hash_of
from knowledge.store import KnowledgeStore

BATCH = 64
PROBES = 16
KEPT = 2
"""Versions kept: the serving one, and the one before for searches that still hold it."""

Progress = Callable[[str], None]


def build_index(store: KnowledgeStore, encoder: Encoder, index_dir: Path, now: datetime, *, progress: Progress) -> Manifest:
    """Build, check and put into service an index of all that may be found.

    Raises:
        IndexCorrupt: the new index failed its check; the one before goes on serving.
        EncoderUnavailable: the model does not load.
    """
    index_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(index_dir / "build.lock"):
        rows = store.passages_for_index(now)
        vectors = _embedded(store, encoder, rows, progress)
        version = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        folder = index_dir / VERSIONS / version
        folder.mkdir(parents=True)
        try:
            manifest = _write(folder, version, rows, vectors, encoder, now)
            _check(folder, manifest, rows, vectors)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _put_into_service(index_dir, version)
        _prune(index_dir, version)
        return manifest


def _embedded(store: KnowledgeStore, encoder: Encoder, rows: Sequence[IndexRow], progress: Progress) -> dict[str, Vectors]:
    """Return the unit vector of every text, by its hash; only texts without one are embedded."""
    texts = {row.text_sha256: row.text for row in rows}
    size = encoder.dim * 4
    kept = {sha: vector for sha, vector in store.vectors(encoder.name, texts).items() if len(vector) == size}
    vectors: dict[str, Vectors] = {sha: np.frombuffer(vector, dtype="<f4").astype(np.float32) for sha, vector in kept.items()}
    missing = sorted(set(texts) - set(vectors), key=lambda sha: (len(texts[sha]), sha))  # like lengths waste no padding
    started = reported = time.monotonic()
    for done, batch in _batches(missing):
        made = np.asarray(encoder.encode_passages([texts[sha] for sha in batch]), dtype=np.float32)
        made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)
        store.keep_vectors(encoder.name, {sha: row.astype("<f4").tobytes() for sha, row in zip(batch, made, strict=True)})
        vectors.update(zip(batch, made, strict=True))
        if time.monotonic() - reported > 2 or done == len(missing):
            reported = time.monotonic()
            progress(f"{done} of {len(missing)} texts embedded, {done / max(reported - started, 1e-6):.0f} a second")
    return vectors


def _batches(hashes: list[str]) -> Iterator[tuple[int, list[str]]]:
    for first in range(0, len(hashes), BATCH):
        batch = hashes[first : first + BATCH]
        yield first + len(batch), batch


def _write(
    folder: Path, version: str, rows: Sequence[IndexRow], vectors: dict[str, Vectors], encoder: Encoder, now: datetime
) -> Manifest:  # fmt: skip
    """Write one file for each audience, and the manifest last."""
    counts, files = {}, {}
    for audience in Audience:
        own = [row for row in rows if row.audience == audience]
        if not own:
            continue
        index, name = VectorIndex(encoder.dim), file_of(audience)
        index.add([row.id for row in own], np.stack([vectors[row.text_sha256] for row in own]))
        index.save(folder / name)
        counts[str(audience)], files[name] = len(own), sha256_of(folder / name)
    manifest = Manifest(
        version=version, encoder=encoder.name, dim=encoder.dim, metric=METRIC, corpus_hash=hash_of(rows), counts=counts,
        files=files, built_at=now,
    )  # fmt: skip
    manifest.save(folder)
    return manifest


def _check(folder: Path, manifest: Manifest, rows: Sequence[IndexRow], vectors: dict[str, Vectors]) -> None:
    """Read back what was written: every id once, in its audience's file, and passages find themselves.

    Raises:
        IndexCorrupt: says what did not hold.
    """
    for audience in Audience:
        own = {row.id: row for row in rows if row.audience == audience}
        if not own:
            continue
        index = VectorIndex.load(folder / file_of(audience))
        if index.size != len(own) or index.ids != own.keys():
            raise IndexCorrupt(f"The new {audience} index holds other passages than the database: the build is given up")
        for row in random.Random(manifest.version).sample(list(own.values()), min(PROBES, len(own))):
            own_vector = vectors[row.text_sha256]
            best = index.search(own_vector, limit=1)
            # Equal texts share a vector, so another id may come first; a better score than its own may not be missed.
            if not best or best[0][1] < float(own_vector @ own_vector) - 1e-3:
                raise IndexCorrupt(f"Passage {row.id} does not find itself in the new {audience} index: the build is given up")


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
