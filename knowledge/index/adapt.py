"""Teach the first encoder what people mean or which entry answers them, and write what changed as an adapter.

    python -m knowledge.index.adapt nlu/data knowledge/index/understanding.npz                       (make adapt-nlu; an hour)
    python -m knowledge.index.adapt nlu/data knowledge/index/adapter.npz --library knowledge/library    (make adapt; over an hour)

Frozen vectors hold what a text is about; danger and a question about danger are about the same, and so are neighbouring topics.
Learnt are low-rank changes to the upper layers: for NLU from the intent of its utterances, and from whether they tell of danger
once more; for the index from the intents and from the topic of the library's phrasings at once. Each task has a linear reading of
the adapted vector beside the second encoder's; the readings are thrown away, for NLU and the index learn their own. The lower
layers are computed once and kept.

Deterministic for one machine and seed. Worth repeating when much data has been added; without it new utterances and phrasings
still count, because both are learnt from at every set-up.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from knowledge.index.adapter import Factors, write_adapter
from knowledge.index.bert_graph import Quantised, Shape, Tensors
from knowledge.index.e5_file import FILE, E5File
from knowledge.index.encoder import open_encoder
from knowledge.index.weights import FIRST, PROMPTS, SECOND, installed, prepare
from knowledge.starter import read_library
from knowledge.utterances import read_utterances

ENCODER = Path("var/encoder")
"""Where set-up makes the encoder: its tokenizer and its second model are used."""
FIXED_LAYERS = 6
"""Layers below keep their weights; what they make of a text is computed once."""
RANK = 24
EPOCHS = 3
RATE = 1e-3
BATCH = 32
SMOOTHING = 0.05
SCALES = (20.0, 5.0)
"""Length of the adapted and of the second encoder's vector in the reading."""
DANGER = 3.0
"""Weight of the side a text is on beside its label."""
MAX_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Texts, and the label that is to be read in each of them."""

    name: str
    texts: Sequence[str]
    labels: Sequence[str]
    danger: str = ""
    """Labels that begin so tell of danger or harm: that side of the line is learnt too, whichever the label. None if empty."""

    @property
    def names(self) -> list[str]:
        """The different labels, in order."""
        return sorted(set(self.labels))

    @property
    def numbers(self) -> list[int]:
        """The place of each text's label among ``names``."""
        place = {name: number for number, name in enumerate(self.names)}
        return [place[label] for label in self.labels]

    @property
    def sides(self) -> list[bool]:
        """Whether each of ``names`` tells of danger or harm."""
        return [bool(self.danger) and name.startswith(self.danger) for name in self.names]


def read_intents(utterances: Path) -> Task:
    """Read ``utterances/<language>/<intent>.yml``, each file a list."""
    said = list(read_utterances(utterances))
    return Task(name="intents", texts=[one.text for one in said], labels=[one.intent for one in said], danger="report_")


def read_topics(library: Path) -> Task:
    """Read the phrasings of a library's entries by topic."""
    asked = [(phrasing, entry.topic) for entry in read_library(library).entries if entry.topic for phrasing in entry.phrasings]
    return Task(name="topics", texts=[text for text, _ in asked], labels=[topic for _, topic in asked])


class Changed(nn.Module):  # type: ignore[misc]  # untyped library
    """A matrix that stays, and the low-rank change that is learnt."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32], *, rank: int) -> None:
        super().__init__()
        rows, columns = weights.shape
        self.register_buffer("weights", torch.tensor(weights))
        self.register_buffer("bias", torch.tensor(bias))
        self.left = nn.Parameter(torch.zeros(rows, rank))
        self.right = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
        self.dropout = nn.Dropout(0.1)

    def forward(self, states: Tensor) -> Tensor:
        """Return (…, rows) for (…, columns)."""
        change = functional.linear(functional.linear(self.dropout(states), self.right), self.left)
        return functional.linear(states, self.get_buffer("weights"), self.get_buffer("bias")) + change


class Layer(nn.Module):  # type: ignore[misc]
    """One transformer layer, as ``bert_graph`` writes it."""

    def __init__(self, name: str, shape: Shape, tensors: Tensors, *, rank: int) -> None:
        super().__init__()

        def matrix(*parts: str) -> Changed:
            weights = np.concatenate([tensors.quantised[f"{name}.{part}.w"].weights() for part in parts])
            return Changed(weights, np.concatenate([tensors.plain[f"{name}.{part}.b"] for part in parts]), rank=rank)

        self.qkv, self.ao, self.fi, self.fo = matrix("q", "k", "v"), matrix("ao"), matrix("fi"), matrix("fo")
        for norm in ("aln", "oln"):
            for part in ("w", "b"):
                self.register_buffer(f"{norm}_{part}", torch.tensor(tensors.plain[f"{name}.{norm}.{part}"].copy()))
        self.heads, self.epsilon = shape.heads, shape.epsilon

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return the states of the next layer, (batch, length, hidden); ``mask`` is (batch, length)."""
        batch, length, hidden = states.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.qkv(states).chunk(3, -1))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :].bool())
        states = self._norm("aln", self.ao(seen.transpose(1, 2).reshape(batch, length, hidden)) + states)
        return self._norm("oln", self.fo(functional.gelu(self.fi(states))) + states)

    def _norm(self, name: str, states: Tensor) -> Tensor:
        weight, bias = self.get_buffer(f"{name}_w"), self.get_buffer(f"{name}_b")
        return functional.layer_norm(states, (states.shape[-1],), weight, bias, self.epsilon)


class Upper(nn.Module):  # type: ignore[misc]
    """The layers that learn, and a linear reading above them for each task."""

    def __init__(self, model: E5File, *, beside: int, tasks: Sequence[Task]) -> None:
        super().__init__()
        layers = range(FIXED_LAYERS, model.shape.layers)
        self.layers = nn.ModuleList(Layer(f"l{layer}", model.shape, model.tensors, rank=RANK) for layer in layers)
        self.readings = nn.ModuleList(nn.Linear(model.shape.hidden + beside, len(task.names)) for task in tasks)
        self.sides = [torch.tensor(task.sides) for task in tasks]

    def forward(self, states: Tensor, mask: Tensor, beside: Tensor) -> Tensor:
        """Return what the readings read, (batch, hidden + beside)."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for layer in self.layers:
                states = layer(states, mask)
        total = (states.float() * mask[..., None]).sum(1)
        parts = [functional.normalize(total, dim=1) * SCALES[0], functional.dropout(beside * SCALES[1], 0.1, self.training)]
        return torch.cat(parts, 1)

    def loss(self, vectors: Tensor, tasks: Tensor, labels: Tensor) -> Tensor:
        """Return the mean error over a batch in which texts of several tasks stand beside each other."""
        parts = []
        for task, (reading, sides) in enumerate(zip(self.readings, self.sides, strict=True)):
            own = tasks == task
            told = reading(vectors[own])
            parts.append(functional.cross_entropy(told, labels[own], label_smoothing=SMOOTHING, reduction="sum"))
            if sides.any():
                chances = told.log_softmax(1)
                both = torch.stack([chances[:, ~sides].logsumexp(1), chances[:, sides].logsumexp(1)], 1)
                parts.append(DANGER * functional.nll_loss(both, sides[labels[own]].long(), reduction="sum"))
        return torch.stack(parts).sum() / len(labels)

    def factors(self) -> Factors:
        """Return what was learnt, by the names of ``bert_graph``."""
        return {
            f"l{FIXED_LAYERS + number}.{part}": (found.left.detach().numpy(), found.right.detach().numpy())
            for number, layer in enumerate(self.layers)
            for part in ("qkv", "ao", "fi", "fo")
            for found in [getattr(layer, part)]
        }


def lower_states(model: E5File, tokens: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return what the fixed layers make of each text: (length, hidden) in float16."""
    shape, tensors = model.shape, model.tensors
    layers = [Layer(f"l{layer}", shape, tensors, rank=1).eval() for layer in range(FIXED_LAYERS)]
    places = torch.tensor(
        tensors.plain["emb.pos"].reshape(shape.positions, shape.hidden) + tensors.plain["emb.type"][: shape.hidden]
    )
    weight, bias = (torch.tensor(tensors.plain[f"emb.ln.{part}"].copy()) for part in ("w", "b"))
    found: list[Tensor] = [torch.empty(0)] * len(tokens)
    with torch.no_grad():
        for chosen in _by_length(tokens, range(len(tokens))):
            states, mask = _padded([_words(tensors.quantised["emb.word"], shape, tokens[text]) for text in chosen])
            states = functional.layer_norm(states + places[: states.shape[1]], (shape.hidden,), weight, bias, shape.epsilon)
            for layer in layers:
                states = layer(states, mask)
            for row, text in zip(states, chosen, strict=True):
                found[text] = row[: len(tokens[text])].half()
    return found


def adapt(model: E5File, given: Sequence[Task], tokens: Sequence[Sequence[int]], beside: NDArray[np.float32]) -> Factors:
    """Learn from all texts, telling how it goes, and return the factors.

    Args:
        model: whose layers are changed.
        given: the tasks.
        tokens: of the texts, task after task.
        beside: the second encoder's vectors of the texts, (texts, dimensions).
    """
    torch.manual_seed(0)
    order = np.random.default_rng(0)
    states, second = lower_states(model, tokens), torch.tensor(beside)
    tasks = torch.tensor([number for number, task in enumerate(given) for _ in task.texts])
    labels = torch.tensor([label for task in given for label in task.numbers])
    upper = Upper(model, beside=beside.shape[1], tasks=given)
    learning = [parameter for parameter in upper.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=RATE, weight_decay=0.01)
    steps = EPOCHS * math.ceil(len(tokens) / BATCH + len(tokens) / (BATCH * BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1, pct_start=0.1)
    began, loss_so_far, step = time.monotonic(), 0.0, 0
    for epoch in range(EPOCHS):
        batches = [
            batch
            for block in np.array_split(order.permutation(len(tokens)), max(1, len(tokens) // (BATCH * BATCH)))
            for batch in _by_length(tokens, block.tolist())
        ]
        for batch in (batches[place] for place in order.permutation(len(batches))):
            vectors = upper(*_padded([states[text].float() for text in batch]), second[batch])
            loss = upper.loss(vectors, tasks[batch], labels[batch])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            loss_so_far += (loss.item() - loss_so_far) * max(0.02, 1 / step)
            if step % 100 == 0:
                print(
                    f"epoch {epoch + 1}, step {step} of {steps}, loss {loss_so_far:.3f}, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
    upper.eval()
    return upper.factors()


def _words(table: Quantised, shape: Shape, tokens: Sequence[int]) -> Tensor:
    chosen = Quantised(
        nibbles=table.nibbles.reshape(shape.vocabulary, *table.nibbles.shape[1:])[list(tokens)],
        scales=table.scales.reshape(shape.vocabulary, -1)[list(tokens)],
    )
    return torch.tensor(chosen.weights())


def _padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the rows in one tensor, (batch, longest, hidden), and which of its places are theirs."""
    mask = nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True), mask


def _by_length(tokens: Sequence[Sequence[int]], chosen: Sequence[int]) -> Iterator[list[int]]:
    """Yield the chosen texts in batches of like length: little is padded."""
    ordered = sorted(chosen, key=lambda text: len(tokens[text]))
    for at in range(0, len(ordered), BATCH):
        yield ordered[at : at + BATCH]


def teach(tasks: Sequence[Task], folder: Path, target: Path) -> None:
    """Make the encoder in ``folder`` if it is not there, learn the tasks and write the adapter to ``target``."""
    texts = [text for task in tasks for text in task.texts]
    prepared = prepare(folder, print, adapters={})
    tokenizer = Tokenizer.from_file(str(prepared / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokens = [tokenizer.encode(PROMPTS["query"] + text.lower()).ids for text in texts]
    model = E5File.parse(installed(FIRST.package, FILE).read_bytes())
    beside = open_encoder(str(prepared / SECOND), threads=2).encode_queries(texts)
    write_adapter(target, adapt(model, tasks, tokens, beside))


def main() -> None:
    """Read the command line, learn, write."""
    parser = argparse.ArgumentParser(description="Teach the first encoder what people mean or which entry answers them.")
    parser.add_argument("utterances", type=Path, help="folder of <language>/<intent>.yml")
    parser.add_argument("target", type=Path, help="the adapter to write (.npz)")
    parser.add_argument("--library", type=Path, help="folder of entries with phrasings: learn their topics too")
    arguments = parser.parse_args()
    tasks = [read_intents(arguments.utterances), *([read_topics(arguments.library)] if arguments.library else [])]
    for task in tasks:
        if not task.texts:
            parser.error(f"no {task.name} in {arguments.utterances if task is tasks[0] else arguments.library}")
        print(f"{len(task.texts)} texts with {len(task.names)} {task.name}", flush=True)
    teach(tasks, ENCODER, arguments.target)


if __name__ == "__main__":
    main()
