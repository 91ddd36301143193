"""A BERT sentence encoder as an ONNX graph: mean pooling and the L2 norm are part of it.

The source stores every matrix as blocks of 32 weights: a float16 scale and 32 numbers of four bits, zero point 8. The table of
words stays in that grid (``GatherBlockQuantized``); the matrices of the layers become eight-bit, see ``graph``.

Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from knowledge.index.adapter import Changes
from knowledge.index.graph import MICROSOFT, Graph

BLOCK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """One matrix in blocks of 32 along its rows."""

    nibbles: NDArray[np.uint8]
    """(rows, columns / 32, 16); byte i holds weight 2i in its low and 2i + 1 in its high half."""
    scales: NDArray[np.float16]
    """(rows, columns / 32); a weight is (nibble - 8) * scale."""

    def weights(self) -> NDArray[np.float32]:
        """Return the matrix as numbers, (rows, columns)."""
        grid = np.stack([self.nibbles & 15, self.nibbles >> 4], axis=-1).astype(np.float32) - 8
        return (grid.reshape(*self.scales.shape, BLOCK) * self.scales.astype(np.float32)[..., None]).reshape(len(grid), -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensors:
    """What the source holds, by its own names (``emb.word``, ``l0.q.w``, …)."""

    quantised: Mapping[str, Quantised]
    plain: Mapping[str, NDArray[np.float32]]


def write_graph(path: Path, shape: Shape, tensors: Tensors, changes: Changes = MappingProxyType({})) -> None:
    """Write ``path``: inputs ``input_ids`` and ``attention_mask``, int64 (batch, length), length ≤ ``shape.positions``.

    Output ``sentence_embedding``: float32 (batch, hidden), mean over the tokens whose mask is 1, L2-normalised. Rows
    of one batch share the scales of their activations, so that a vector moves a little (cosine .99) with what stands beside it.
    ``changes`` are added to the matrices of the layers.
    """
    from onnx import TensorProto

    graph = Graph()
    states = _embed(graph, shape, tensors)
    key_mask = graph.one("Cast", ["attention_mask"], to=TensorProto.INT32)
    for layer in range(shape.layers):
        states = _layer(graph, f"l{layer}", states, key_mask, shape, tensors, changes)
    _pool(graph, states)
    graph.save(path, dim=shape.hidden)


def _embed(graph: Graph, shape: Shape, tensors: Tensors) -> str:
    """Words, places and the one text type, normalised: (batch, length, hidden)."""
    from onnx import TensorProto

    words = tensors.quantised["emb.word"]
    packed = graph.constant("words.nibbles", words.nibbles.reshape(shape.vocabulary, shape.hidden // 2))
    scales = graph.constant("words.scales", words.scales)
    gathered = graph.one(
        "GatherBlockQuantized",
        [packed, "input_ids", scales],
        domain=MICROSOFT,
        bits=4,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )
    word = graph.one("Cast", [gathered], to=TensorProto.FLOAT)

    place = tensors.plain["emb.pos"].reshape(shape.positions, shape.hidden) + tensors.plain["emb.type"][: shape.hidden]
    zero = graph.constant("zero", np.array([0], np.int64))
    length = graph.one("Shape", ["input_ids"], start=1, end=2)
    places = graph.one("Slice", [graph.constant("places", place), zero, length, zero])
    return _normalised(graph, "emb.ln", graph.one("Add", [word, places]), shape, tensors)


def _layer(graph: Graph, name: str, states: str, key_mask: str, shape: Shape, tensors: Tensors, changes: Changes) -> str:
    """One transformer layer; biases are added inside the fused operators that follow each multiplication."""

    def multiply(states: str, matrix: str, *parts: str) -> str:
        weights = np.concatenate([tensors.quantised[f"{name}.{part}.w"].weights() for part in parts])
        return graph.multiply(states, f"{name}.{matrix}", weights + changes.get(f"{name}.{matrix}", np.float32(0)))

    mixed = multiply(states, "qkv", "q", "k", "v")
    heads = graph.node("Split", [mixed], outputs=3, axis=2, num_outputs=3)
    bias = graph.constant(f"{name}.qkv.bias", np.concatenate([tensors.plain[f"{name}.{part}.b"] for part in "qkv"]))
    seen = graph.one("MultiHeadAttention", [*heads, bias, key_mask], domain=MICROSOFT, num_heads=shape.heads)
    attended = multiply(seen, "ao", "ao")
    states = _joined(graph, f"{name}.aln", attended, states, tensors.plain[f"{name}.ao.b"], shape, tensors)
    wide = multiply(states, "fi", "fi")
    wide_bias = graph.constant(f"{name}.fi.bias", tensors.plain[f"{name}.fi.b"])
    wide = graph.one("BiasGelu", [wide, wide_bias], domain=MICROSOFT)
    narrow = multiply(wide, "fo", "fo")
    return _joined(graph, f"{name}.oln", narrow, states, tensors.plain[f"{name}.fo.b"], shape, tensors)


def _joined(graph: Graph, name: str, states: str, skipped: str, bias: NDArray[np.float32], shape: Shape, tensors: Tensors) -> str:
    """Return the layer norm of ``states`` + ``skipped`` + ``bias``."""
    weight = graph.constant(f"{name}.weight", tensors.plain[f"{name}.w"])
    shift = graph.constant(f"{name}.shift", tensors.plain[f"{name}.b"])
    added = graph.constant(f"{name}.added", bias)
    return graph.one("SkipLayerNormalization", [states, skipped, weight, shift, added], domain=MICROSOFT, epsilon=shape.epsilon)


def _normalised(graph: Graph, name: str, states: str, shape: Shape, tensors: Tensors) -> str:
    weight = graph.constant(f"{name}.weight", tensors.plain[f"{name}.w"])
    shift = graph.constant(f"{name}.shift", tensors.plain[f"{name}.b"])
    return graph.one("LayerNormalization", [states, weight, shift], axis=-1, epsilon=shape.epsilon)


def _pool(graph: Graph, states: str) -> None:
    """Mean over a text's own tokens, then length 1. The mean's divisor cancels in the norm, so the sum is enough."""
    from onnx import TensorProto

    last = graph.constant("last_axis", np.array([2], np.int64))
    middle = graph.constant("middle_axis", np.array([1], np.int64))
    mask = graph.one("Unsqueeze", [graph.one("Cast", ["attention_mask"], to=TensorProto.FLOAT), last])
    total = graph.one("ReduceSum", [graph.one("Mul", [states, mask]), middle], keepdims=0)
    graph.finish("LpNormalization", [total], axis=1, p=2)
