"""How long finding the nearest vectors takes, and how many of them are found, from a thousand vectors to a million.

    .venv/bin/python -m benchmarks.peers.scale --xquad FOLDER [--squad LANGUAGE=FILE …] [--million]

Up to the number of real passages the vectors are theirs. Beyond, copies are added that look like other passages of the same
collection: of what distinguishes a passage from the mean of all, a share ``KEPT`` is kept, and noise with the covariance of the
real ones takes the place of the rest; lengths are one again. (Noise in all directions alike would put the copies farther from
every question than the real passages are: they would never be among the nearest.) The mean cosine to the original is printed.

Questions are XQuAD's. Every index runs in a fresh process that reads the same file; one thread, one question at a time, after a
warm-up. Recall@10 is counted against all inner products in float32. Memory is what the process has grown by, files aside. Of an
approximate index the first setting on its ladder that reaches a recall of 0.99 is shown, else the last. Nothing is asserted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.options import PLACE, ROOT, add_texts, texts_of
from benchmarks.peers.vectors import vectors_of
from knowledge.index.encoder import open_encoder
from knowledge.index.vectors import VectorIndex

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Search = Callable[[Vectors], Ids]

NEAREST = 10
KEPT = 0.55
BLOCK = 20_000
ENOUGH = 0.99
SIZES = (1_000, 5_000, 20_000, 50_000, 100_000)
MILLION = 1_000_000
WARM_UP = 20
TRAINED_ON = 40
"""Vectors a cell, to find where cells lie."""
LADDERS: dict[str, tuple[int, ...]] = {
    "hnsw32": (32, 64, 128, 256, 512),
    "ivf-sq8": (16, 32, 64, 128, 256, 512),
    "ivf-sqfp16": (16, 32, 64, 128, 256, 512),
    "ivf-sqfp16, spherical": (16, 32, 64, 128, 256, 512),
    "rabitq, refined": (4, 8, 16, 32, 64),
}
"""Index → its settings, from quick to careful: ``efSearch``, ``nprobe``, or how many times as many candidates are refined.

*spherical*: cells of unit length. By inner product some cells get far more of these vectors, which lie in a narrow cone, than
others, and that costs time. *rabitq*: one bit a dimension for all vectors, then half precision for the candidates.
"""
EXACT = ("flat", "sqfp16")
PRODUCT = "knowledge.index.vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One index of one size."""

    index: str
    size: int
    setting: str
    p50_ms: float
    p95_ms: float
    recall: float
    build_s: float
    memory_mb: float
    load: float
    """Load average of the last minute when it was measured."""


def write_vectors(real: Vectors, count: int, path: Path) -> float:
    """Write ``count`` vectors, the real ones first; return the mean cosine of copies to their originals, 1 without copies."""
    mean = real.mean(axis=0)
    rest = real - mean
    shape = np.linalg.cholesky(np.cov(rest, rowvar=False) + 1e-7 * np.eye(rest.shape[1])).astype(np.float32)
    random = np.random.default_rng(1)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (count, real.shape[1]))
    rows[: min(count, len(real))] = real[:count]
    cosines = []
    for first in range(len(real), count, len(real)):
        size = min(len(real), count - first)
        noise = random.standard_normal((size, real.shape[1]), np.float32) @ shape.T
        copies = mean + KEPT * rest[:size] + (1 - KEPT**2) ** 0.5 * noise
        copies /= np.linalg.norm(copies, axis=1, keepdims=True)
        cosines.append(float(np.einsum("ij,ij->i", copies, real[:size]).mean()))
        rows[first : first + size] = copies
    rows.flush()
    return statistics.mean(cosines) if cosines else 1.0


def exact_nearest(rows: Vectors, questions: Vectors, sizes: Sequence[int]) -> dict[int, Ids]:
    """Return, for the first ``size`` rows, the ids of the nearest to each question by float32 inner product."""
    best = np.full((len(questions), NEAREST), -np.inf, np.float32)
    ids = np.zeros((len(questions), NEAREST), np.int64)
    found = {}
    edges = sorted({0, *sizes, *range(0, max(sizes), BLOCK)})
    for first, last in pairwise(edges):
        products = np.concatenate([best, questions @ rows[first:last].T], axis=1)
        labels = np.concatenate([ids, np.broadcast_to(np.arange(first, last), (len(questions), last - first))], axis=1)
        order = np.argpartition(-products, NEAREST, axis=1)[:, :NEAREST]
        best, ids = np.take_along_axis(products, order, 1), np.take_along_axis(labels, order, 1)
        if last in sizes:
            found[last] = ids
    return found


def open_plain(name: str, rows: Vectors, threads: int) -> Any:
    """Build one of FAISS's own indexes, with ``threads`` threads."""
    count, dim = rows.shape
    cells = int(4 * count**0.5)
    factory = {
        "flat": "Flat", "sqfp16": "SQfp16", "hnsw32": "HNSW32", "ivf-sq8": f"IVF{cells},SQ8", "ivf-sqfp16": f"IVF{cells},SQfp16",
        "ivf-sqfp16, spherical": f"IVF{cells},SQfp16", "rabitq, refined": "RaBitQfs,Refine(SQfp16)",
    }  # fmt: skip
    faiss.omp_set_num_threads(threads)
    index: Any = faiss.index_factory(dim, factory[name], faiss.METRIC_INNER_PRODUCT)
    if name.startswith("ivf"):
        index.cp.max_points_per_centroid = TRAINED_ON
        index.cp.spherical = name.endswith("spherical")
    if not index.is_trained:
        sample = np.random.default_rng(2).permutation(count)[: TRAINED_ON * cells]
        index.train(np.ascontiguousarray(rows[np.sort(sample)]))
    for first in range(0, count, BLOCK):
        index.add(np.ascontiguousarray(rows[first : first + BLOCK]))
    faiss.omp_set_num_threads(1)
    return index


def measure_one(name: str, size: int, folder: Path, threads: int) -> Row:
    """Build one index in this process and measure it."""
    rows: Vectors = np.load(folder / "rows.npy", mmap_mode="r")[:size]
    questions: Vectors = np.load(folder / "questions.npy")
    truth: Ids = np.load(folder / f"nearest-{size}.npy")
    before, started = _own_memory_mb(), time.perf_counter()
    if name == PRODUCT:
        own = VectorIndex.of(np.arange(size), rows)
        built = time.perf_counter() - started
        faiss.omp_set_num_threads(1)
        setting, figures = "as it chooses", _figures(lambda vector: own.search(vector, limit=NEAREST)[0], questions, truth)
    else:
        index = open_plain(name, rows, threads)
        built = time.perf_counter() - started
        setting, figures = _climb(name, index, questions, truth)
    p50, p95, recall = figures
    return Row(
        index=name, size=size, setting=setting, p50_ms=p50, p95_ms=p95, recall=recall, build_s=round(built, 2),
        memory_mb=round(_own_memory_mb() - before, 1), load=round(os.getloadavg()[0], 2),
    )  # fmt: skip


def _climb(name: str, index: Any, questions: Vectors, truth: Ids) -> tuple[str, tuple[float, float, float]]:
    """Return the first setting that finds enough, and its figures."""

    def search(vector: Vectors) -> Ids:
        found: Ids = index.search(vector.reshape(1, -1), NEAREST)[1][0]
        return found

    setting, figures = "", (0.0, 0.0, 0.0)
    for value in LADDERS.get(name, (0,)):
        if name == "hnsw32":
            index.hnsw.efSearch, setting = value, f"efSearch {value}"
        elif name.startswith("rabitq"):
            index.k_factor, setting = value, f"{value * NEAREST} refined"
        elif name in LADDERS:
            index.nprobe, setting = value, f"nprobe {value} of {index.nlist}"
        figures = _figures(search, questions, truth)
        if figures[2] >= ENOUGH:
            break
    return setting, figures


def _figures(search: Search, questions: Vectors, truth: Ids) -> tuple[float, float, float]:
    """Return p50 and p95 in milliseconds, and recall@10, over all questions."""
    for vector in questions[:WARM_UP]:
        search(vector)
    times, hits = [], 0
    for vector, nearest in zip(questions, truth, strict=True):
        started = time.perf_counter()
        found = search(vector)
        times.append((time.perf_counter() - started) * 1000)
        hits += len(np.intersect1d(found, nearest))
    cuts = statistics.quantiles(times, n=20)
    return round(statistics.median(times), 3), round(cuts[18], 3), round(hits / truth.size, 4)


def _own_memory_mb() -> float:
    """Return the memory of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon"))


def in_fresh_process(name: str, size: int, folder: Path, threads: int) -> Row:
    """Measure one index in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers.scale", "--one", name, str(size), str(folder), str(threads)],
        env=environment | {"OMP_WAIT_POLICY": "passive"}, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def prepare(options: argparse.Namespace, sizes: Sequence[int], folder: Path) -> tuple[int, float]:
    """Write vectors, questions and exact answers; return the number of real vectors and the mean cosine of copies."""
    texts = texts_of(options)
    encoder = open_encoder(options.encoder, options.threads)
    real = vectors_of(texts, encoder)
    questions = encoder.encode_queries([question.text for question in (*texts.timed, *texts.judged)])
    folder.mkdir(parents=True, exist_ok=True)
    cosine = write_vectors(real, max(sizes), folder / "rows.npy")
    np.save(folder / "questions.npy", questions)
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    for size, ids in exact_nearest(rows, questions, sizes).items():
        np.save(folder / f"nearest-{size}.npy", ids)
    return len(real), cosine


def plan(sizes: Sequence[int], hnsw_up_to: int) -> list[tuple[str, int]]:
    """Return what to measure: exact indexes at every size, approximate ones where they could pay."""
    return [
        (name, size)
        for size in sizes
        for name in (PRODUCT, *EXACT, *LADDERS)
        if name not in LADDERS or (size >= 20_000 and (name != "hnsw32" or size <= hnsw_up_to))
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| vectors | index | setting | p50 ms | p95 ms | recall@10 | build s | memory MB | load |",
        "|--:|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.size:,} | {row.index} | {row.setting} | {row.p50_ms:.3f} | {row.p95_ms:.3f} | {row.recall:.4f} "
            f"| {row.build_s:.1f} | {row.memory_mb:.0f} | {row.load:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asdict(measure_one(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5])))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_texts(parser)
    parser.add_argument("--million", action="store_true", help="a million vectors too: 1.5 GB on disk, about ten minutes")
    parser.add_argument("--hnsw-up-to", type=int, default=100_000, help="vectors up to which HNSW is built: it takes long")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    sizes = [*SIZES, *([MILLION] if options.million else [])]
    folder = PLACE / "scale"
    real, cosine = prepare(options, sizes, folder)
    print(f"{real:,} real vectors; copies have a mean cosine of {cosine:.3f} to their originals.\n", flush=True)
    rows = []
    for name, size in plan(sizes, options.hnsw_up_to):
        rows.append(in_fresh_process(name, size, folder, options.threads))
        print(rows[-1], file=sys.stderr, flush=True)
    print(table(rows))
    if options.out:
        figures = {"real": real, "cosine": cosine, "rows": [asdict(row) for row in rows]}
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
