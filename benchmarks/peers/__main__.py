"""Waypost beside LangChain + FAISS, txtai, Chroma and Haystack: same texts, same weights, one run, one machine.

    make benchmark-peers ARGS="--xquad FOLDER [--squad LANGUAGE=FILE …] [--out FILE.md]"

``FOLDER`` is a checkout of the public repository deepmind/xquad. ``--squad`` takes more files in SQuAD's format, for more
passages. Writes a table (Markdown), the same figures as JSON beside it, and a plot. Each stack runs in a fresh process:

* *as documented*: it embeds with its own integration of sentence-transformers or transformers on torch, float32, from a folder
  with our encoder's weights (``weights``);
* *given our encoder*: it is given a function that calls Waypost's.

Vectors of the passages are made once by our encoder and given to all, so the dense rankings differ by the questions' vectors and
the index only. Nothing is asserted: figures are for reading, with the load average beside them.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.peers import report
from benchmarks.peers.measure import STACKS, Figures
from benchmarks.peers.options import PLACE, ROOT, add_texts, texts_of
from benchmarks.peers.texts import Texts, save_texts
from benchmarks.peers.vectors import vectors_of, vectors_of_texts
from benchmarks.peers.weights import compare, write_folder
from knowledge.index.encoder import open_encoder

LIMIT_S = 900
"""A stack that takes longer is stopped and left out."""
SET_ASIDE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Some machines set these for old libraries; they slow present ones down."""


def environment(threads: int) -> dict[str, str]:
    """Return the environment every stack runs in."""
    kept = {key: value for key, value in os.environ.items() if key not in SET_ASIDE}
    return kept | {
        "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
        "HAYSTACK_TELEMETRY_ENABLED": "False", "ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip


def prepare(options: argparse.Namespace) -> tuple[Texts, list[str], str]:
    """Make what all stacks are given; return the texts, the arguments of ``measure``, and how near both runtimes are."""
    texts = texts_of(options)
    encoder = open_encoder(options.encoder, options.threads)
    np.save(PLACE / "given.npy", vectors_of(texts, encoder))
    if second := encoder.second:
        vectors_of_texts([one.text for one in texts.passages if one.language in second.languages], second)
    save_texts(texts, PLACE / "given.json")
    model = write_folder(PLACE / "e5-float32")
    mean, least = compare(model, options.encoder, options.threads)
    paths = [str(path) for path in (PLACE / "given.json", PLACE / "given.npy", model, options.encoder)]
    return texts, [*paths, str(options.threads), str(options.sample)], f"mean {mean:.4f}, least {least:.4f}"


def run(name: str, arguments: list[str], threads: int) -> list[Figures]:
    """Measure one stack in a fresh process; nothing when it failed, with the reason on stderr."""
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.peers.measure", name, *arguments]
    try:
        done = subprocess.run(
            command, env=environment(threads), cwd=ROOT, check=True, capture_output=True, text=True, timeout=LIMIT_S
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"{name}: stopped after {LIMIT_S} s", file=sys.stderr)
        return []
    except subprocess.CalledProcessError as error:
        print(f"{name} failed:\n{error.stderr[-3_000:]}", file=sys.stderr)
        return []
    rows = [Figures(**{**row, "load": tuple(row["load"])}) for row in json.loads(done.stdout.splitlines()[-1])]
    for row in rows:
        print(f"  {row.label}: p50 {row.p50_ms} ms, MRR@10 {row.mrr}, load {row.load}", file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_texts(parser)
    parser.add_argument("--only", nargs="+", choices=list(STACKS), help="these stacks only")
    parser.add_argument("--sample", type=int, default=500, help="passages to build an index of, for its rate; 0 for none")
    parser.add_argument("--out", type=Path, default=PLACE / "retrieval-peers.md", help="table (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="SVG (default: beside the table)")
    options = parser.parse_args()
    texts, arguments, cosine = prepare(options)
    rows = [row for name in options.only or STACKS for row in run(name, arguments, options.threads)]
    about = report.About(
        passages=len(texts.passages), languages=len({one.language for one in texts.passages}), timed=len(texts.timed),
        judged=len(texts.judged), digest=texts.digest, threads=options.threads, sample=options.sample, cosine=cosine,
        machine=f"{os.cpu_count()} cores, {report.processor()}, Python {platform.python_version()}",
    )  # fmt: skip
    table = report.table(rows, about)
    options.out.write_text(table, encoding="utf-8")
    content = {"about": asdict(about), "rows": [asdict(row) for row in rows]}
    options.out.with_suffix(".json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    report.plot(rows, about, options.plot or options.out.with_suffix(".svg"))
    print(table)


if __name__ == "__main__":
    main()
