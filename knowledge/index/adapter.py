"""Small changes to the first encoder's matrices, learnt from utterances and phrasings (``adapt``).

A change is the product of two thin matrices (LoRA), so that a file of a few megabytes holds those of many layers.

Source: https://arxiv.org/abs/2106.09685
"""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import EncoderUnavailable

Changes = Mapping[str, NDArray[np.float32]]
"""Matrix (``l11.qkv``, ``l11.ao``, ``l11.fi``, ``l11.fo``) → what is added to its weights, (rows, columns)."""
Factors = Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Matrix → (rows, rank) and (rank, columns)."""
LEFT, RIGHT = ".left", ".right"


def write_adapter(path: Path, factors: Factors) -> None:
    """Write the factors as float16."""
    arrays = {}
    for name, (left, right) in factors.items():
        arrays[name + LEFT], arrays[name + RIGHT] = left.astype(np.float16), right.astype(np.float16)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def read_adapter(path: Path) -> Changes:
    """Return the changes a file holds.

    Raises:
        EncoderUnavailable: it is missing, or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [name.removesuffix(LEFT) for name in arrays.files if name.endswith(LEFT)]
            return {name: arrays[name + LEFT].astype(np.float32) @ arrays[name + RIGHT].astype(np.float32) for name in names}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise EncoderUnavailable(f"{path} is not an adapter ({error}): check the file out again.") from error
