"""What the commands of this package have in common: where texts, encoder and working files are."""

import argparse
from pathlib import Path

from benchmarks.peers.texts import Texts, read_texts

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "var" / "peers"
"""Working files: git-ignored, and safe to remove."""


def add_texts(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which texts are measured on, and by which encoder."""
    parser.add_argument("--xquad", type=Path, required=True, help="a checkout of the public repository deepmind/xquad")
    parser.add_argument(
        "--squad",
        nargs="*",
        default=[],
        metavar="LANGUAGE=FILE",
        help="more files in SQuAD's format, such as MLQA's, for more passages",
    )
    parser.add_argument("--passages", type=int, default=20_000, help="how many passages to take (default: %(default)s)")
    parser.add_argument("--encoder", default=str(ROOT / "var" / "encoder"), help="our encoder's folder (default: var/encoder)")
    parser.add_argument("--threads", type=int, default=2, help="cores one call of a model may use (default: %(default)s)")


def texts_of(options: argparse.Namespace) -> Texts:
    """Read the texts; say so when there are fewer than asked for."""
    texts = read_texts(options.xquad, options.squad, options.passages)
    if len(texts.passages) < options.passages:
        print(f"Only {len(texts.passages)} passages are in these files, not {options.passages}: measuring with those.")
    PLACE.mkdir(parents=True, exist_ok=True)
    return texts
