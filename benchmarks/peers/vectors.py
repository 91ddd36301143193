"""The passages' vectors, embedded once by our encoder and handed to every stack.

Embedding 20,000 passages takes minutes, with torch half an hour.

    python -m benchmarks.peers.vectors --xquad FOLDER [--squad LANGUAGE=FILE …]

``python -m benchmarks.peers`` does the same with what is not there yet.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.options import PLACE, add_texts, texts_of
from benchmarks.peers.texts import Texts
from knowledge.index.encoder import Encoder, open_encoder

Vectors = NDArray[np.float32]
AT_ONCE = 32
KEPT_AFTER = 1_000
"""Passages embedded before their vectors are kept: what an interruption costs."""


def vectors_file(encoder: Encoder) -> Path:
    """Return where the vectors this encoder made are kept."""
    return PLACE / f"vectors-{encoder.name.replace('/', '_')}.npz"


def vectors_of(texts: Texts, encoder: Encoder) -> Vectors:
    """Return the vectors of all passages, in order."""
    return vectors_of_texts([passage.text for passage in texts.passages], encoder)


def vectors_of_texts(wanted: Sequence[str], encoder: Encoder) -> Vectors:
    """Return the unit vectors of passages, in order; those that are not kept yet are made, and kept as they come."""
    path = vectors_file(encoder)
    kept = _kept(path)
    missing = [text for text in dict.fromkeys(wanted) if _key(text) not in kept]
    started = time.monotonic()
    for first in range(0, len(missing), KEPT_AFTER):
        some = sorted(missing[first : first + KEPT_AFTER], key=len)  # like lengths waste no padding
        for start in range(0, len(some), AT_ONCE):
            batch = some[start : start + AT_ONCE]
            kept.update(zip(map(_key, batch), encoder.encode_passages(batch), strict=True))
        _keep(path, kept)
        done = first + len(some)
        rate = done / (time.monotonic() - started)
        print(f"{done} of {len(missing)} passages embedded, {rate:.0f} a second", file=sys.stderr, flush=True)
    return np.stack([kept[_key(text)] for text in wanted])


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _kept(path: Path) -> dict[bytes, Vectors]:
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        return dict(zip((key.tobytes() for key in file["keys"]), file["rows"], strict=True))


def _keep(path: Path, kept: dict[bytes, Vectors]) -> None:
    fresh = path.with_suffix(".part.npz")
    keys = np.stack([np.frombuffer(key, np.uint8) for key in kept])
    np.savez(fresh, keys=keys, rows=np.stack(list(kept.values())))
    fresh.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_texts(parser)
    options = parser.parse_args()
    texts = texts_of(options)
    encoder = open_encoder(options.encoder, options.threads)
    print(f"{vectors_of(texts, encoder).shape} in {vectors_file(encoder)}")


if __name__ == "__main__":
    main()
