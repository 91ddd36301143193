"""Train the pipeline's own components on given lines, and write how likely each intent is for others, for benchmarks/clinc.py.

    WAYPOST_NLU_ENCODER=FOLDER .venv/bin/python readings.py REQUEST.json TARGET.npz

A request: ``train``, pairs of text and intent; ``asked``, parts of texts by name; ``scales`` and ``weights``, what
SentenceFeaturizer and PairedClassifier are told by these names, each pair to be tried with each. Nothing is kept of the models.

Written are ``intents``; for each part, and for ``train``, ``<part>/vectors``: unit vectors of both encoders side by side, float32
(texts, 896); and for each part and the n-th scales ``<part>/<n>``: chances, float32 (weights, texts, intents).
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, INTENT, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from components.paired_classifier import PairedClassifier, multiplied
from components.sentence_featurizer import SentenceFeaturizer

FIRST_DIMENSIONS = 384
MAX_ITER = 200


def embed(texts: Sequence[str]) -> np.ndarray:
    """Return the featurizer's vectors of texts, both encoders' of length 1: (texts, dimensions)."""
    featurizer = SentenceFeaturizer({**SentenceFeaturizer.get_default_config(), "scales": [1, 1]}, "vectors")
    with ThreadPoolExecutor(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)) as pool:
        return np.array(list(pool.map(featurizer.embed, texts)), np.float32)


def messages(texts: Sequence[str], vectors: np.ndarray, scales: Sequence[float]) -> list[Message]:
    """Return messages as the featurizer hands them on; an intent is still to be set."""
    parts = np.split(vectors, [FIRST_DIMENSIONS], axis=1)
    scaled = np.concatenate([part * np.float32(scale) for part, scale in zip(parts, scales, strict=True)], axis=1)
    return [
        Message({TEXT: text}, features=[Features(row[None], FEATURE_TYPE_SENTENCE, TEXT, "vectors")])
        for text, row in zip(texts, scaled, strict=True)
    ]


def trained(examples: list[Message], intents: Sequence[str]) -> PairedClassifier:
    """Return the classifier, learnt from messages and their intents."""
    for example, intent in zip(examples, intents, strict=True):
        example.set(INTENT, intent)
    with tempfile.TemporaryDirectory() as folder:
        storage, config = LocalModelStorage(Path(folder)), {**PairedClassifier.get_default_config(), "max_iter": MAX_ITER}
        classifier = PairedClassifier(config, "intents", storage, Resource("intents"))
        classifier.train(TrainingData(examples))
    return classifier


def chances(classifier: PairedClassifier, asked: list[Message], weights: Sequence[list[float]]) -> np.ndarray:
    """Return the classifier's chances of every intent under each of the weights: float32 (weights, messages, intents)."""
    meant = classifier.clf.predict_proba(classifier._create_X(asked))
    spelt = [classifier._letters.chances(classifier._plain(message)) for message in asked]
    readings = list(zip(meant, spelt, strict=True))
    return np.array([[multiplied(reading, pair) for reading in readings] for pair in weights], np.float32)


def main() -> None:
    """Read the request, train, answer."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    lines, intents = zip(*request["train"], strict=True)
    found = {}
    for part, texts in {"train": lines, **request["asked"]}.items():
        found[f"{part}/vectors"] = embed(texts)
        print(f"{part}: {len(texts)} lines embedded", flush=True)
    for number, scales in enumerate(request["scales"]):
        classifier = trained(messages(lines, found["train/vectors"], scales), intents)
        found["intents"] = classifier.clf.classes_
        for part, texts in request["asked"].items():
            found[f"{part}/{number}"] = chances(classifier, messages(texts, found[f"{part}/vectors"], scales), request["weights"])
        print(f"scales {scales}: trained and asked", flush=True)
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
