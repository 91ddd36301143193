"""Columns of numbers and lists of words in one file: NumPy's ``npz``, without pickles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import IndexCorrupt

Arrays = Mapping[str, NDArray[Any]]


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays."""
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the names are ours, none is an option


def load_arrays(path: Path, *names: str) -> list[NDArray[Any]]:
    """Read arrays by name, in this order.

    Raises:
        IndexCorrupt: the file is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # opened here: NumPy leaves it open on errors
            return [arrays[name] for name in names]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as exc:
        raise IndexCorrupt(f"The index file {path.name} cannot be read: run `waypost knowledge build`") from exc


def is_among(wanted: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of some numbers stand in an ascending list."""
    if not len(ascending):
        return np.zeros(len(wanted), np.bool_)
    found: NDArray[np.bool_] = ascending[np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)] == wanted
    return found


def packed(words: Sequence[str]) -> NDArray[np.uint8]:
    """Return words as an array; none may hold U+0000. A line feed may stand in the name of a file, and so in a subject."""
    return np.frombuffer("\0".join(words).encode(), np.uint8)


def unpacked(array: NDArray[np.uint8]) -> list[str]:
    """Return the words of an array."""
    text = array.tobytes().decode()
    return text.split("\0") if text else []
