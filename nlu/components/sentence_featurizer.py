"""One vector per utterance from the bot's own two sentence encoders, so that a language with little data still works.

Rasa's own featurizers count words or characters: trained on four languages they score 0.15 macro-F1 on a fifth. An encoder
puts the same meaning near the same point in 100 languages. Two of different kinds make different mistakes: beside
multilingual-e5-small (384 values), the Universal Sentence Encoder (512) lifts macro-F1 on the same data from 0.859 to 0.901
for 0.4 ms more. Both are files `waypost setup` makes, opened with ONNX Runtime as the bot does: the vectors are those the bot
would get, and an utterance takes 5 ms where the package's own engine took 18. The first is changed by `adapter.npz`, which has
learnt to tell danger from a question about danger (docs/adr/0014-understanding.md).

Choices that look arbitrary and are not:

* The prompt comes from the encoder's manifest. E5 was trained with prefixes; without one it is a different model.
* ``scales`` multiply the unit vectors. Rasa's LogisticRegressionClassifier has no C parameter, and scaling by s acts as
  C = s². README.md says how they were chosen.
* ``max_chars``: cost grows with length, and Rasa parses inside its event loop, so one long text would hold up everybody. The bot
  cuts at 400 as well.
* ``plain``: capitals, emoji and closing punctuation move the vector more than they change the meaning. Measured on the held-out
  utterances of the first model (en, fr, es), macro-F1 without and with it: ALL CAPS 0.70 and 0.89; on half of all, "!" added
  0.83 and 0.87, emoji added 0.77 and 0.87. People in distress write in capitals.
* One thread, and no busy waiting: several servers share a machine with the bot.

Only sentence features are produced: LogisticRegressionClassifier reads nothing else. DIETClassifier would need sequence features.

This file keeps ``typing.Dict`` and friends and has no ``from __future__ import annotations``: Rasa reads the type hints
of ``create``, ``process`` … at run time to check the graph, and refuses forward references.
"""

import json
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
import onnxruntime as ort
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import DENSE_FEATURIZABLE_ATTRIBUTES
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from tokenizers import Tokenizer

from encoder import encoder_folders

# Kept inside a text: prices, times, addresses, elisions, and the joiners that Persian and Indic scripts spell with.
_KEPT_SIGNS = frozenset("'’.,،:/@%+-\u200c\u200d")
_TRIMMED = "'’.,،:/@%+- "


def plain(text: Text) -> Text:
    """Return ``text`` in lower case without symbols, emoji, repeated blanks and outer punctuation.

    A text that has nothing else ("👍", "???") is returned as it is.
    """
    kept = (c if c.isalnum() or c in _KEPT_SIGNS or unicodedata.category(c)[0] == "M" else " " for c in text.lower())
    return " ".join("".join(kept).split()).strip(_TRIMMED) or text


class SentenceEncoder:
    """One prepared encoder: ``model.onnx``, ``tokenizer.json`` and ``manifest.json`` of a folder."""

    def __init__(self, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.dimensions = int(manifest["dim"])
        self._prompt = manifest["prompts"]["query"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(int(manifest["max_tokens"]))
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def encode(self, text: Text) -> np.ndarray:
        """Return the unit vector of a question: float32, shape (dimensions,)."""
        ids = np.array([self._tokenizer.encode(self._prompt + text).ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return self._session.run(["sentence_embedding"], feed)[0][0]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds one dense sentence feature to every utterance: the vectors of both encoders side by side, each scaled."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Return the defaults; ``scales`` have no unit, ``max_chars`` counts Unicode code points."""
        return {**DenseFeaturizer.get_default_config(), "scales": [2.0, 1.0], "max_chars": 400}

    @staticmethod
    def required_packages() -> List[Text]:
        """Name what Rasa must find before it builds the graph."""
        return ["onnxruntime", "tokenizers"]

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Refuse a configuration that would train but answer nonsense.

        Raises:
            InvalidConfigException: with the value and what is allowed.
        """
        scales = config["scales"]
        if not isinstance(scales, list) or len(scales) != 2 or not all(_is_scale(scale) for scale in scales):
            raise InvalidConfigException(f"SentenceFeaturizer: scales must be two numbers above 0, at most 1000; got {scales!r}.")
        max_chars = config["max_chars"]
        if isinstance(max_chars, bool) or not isinstance(max_chars, int) or not 1 <= max_chars <= 10_000:
            raise InvalidConfigException(
                f"SentenceFeaturizer: max_chars must be a whole number from 1 to 10000; got {max_chars!r}."
            )

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "SentenceFeaturizer":
        """Build the component (called by Rasa for training and for serving; there is nothing to load)."""
        return cls(config, execution_context.node_name)

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        self.validate_config(config)
        self._scales = [np.float32(scale) for scale in config["scales"]]
        self._max_chars = int(config["max_chars"])
        self._encoders = [SentenceEncoder(folder) for folder in encoder_folders(os.environ)]
        self.dimensions = sum(encoder.dimensions for encoder in self._encoders)

    def embed(self, text: Text) -> np.ndarray:
        """Return the vector of ``text``: float32, shape (896,), each encoder's part as long as its scale.

        Only the first ``max_chars`` code points count. Lone surrogates (JSON can carry them) cannot be encoded: they
        do not reach the encoders.
        """
        text = plain(text[: self._max_chars]).encode("utf-8", "replace").decode("utf-8")
        return np.concatenate([encoder.encode(text) * scale for encoder, scale in zip(self._encoders, self._scales, strict=True)])

    def process(self, messages: List[Message]) -> List[Message]:
        """Add the feature to each message, in place, and return the same list."""
        for message in messages:
            for attribute in DENSE_FEATURIZABLE_ATTRIBUTES:
                text = message.get(attribute)
                if text:
                    vector = self.embed(text).reshape(1, self.dimensions)
                    message.add_features(Features(vector, FEATURE_TYPE_SENTENCE, attribute, self._identifier))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the feature to every training example; the encoders may be asked by several threads at once."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(lambda message: self.process([message]), training_data.training_examples):
                pass
        return training_data


def _is_scale(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1000
