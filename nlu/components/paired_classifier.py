"""Two readings of one message, multiplied: what it means (vectors), and how it is spelt (letter sequences).

An encoder brings the same meaning in 13 languages near the same point, and blurs what its pieces of words do not know: Tigrinya,
dialects, chat spelling. Letter sequences know nothing but what was written in training, and that exactly. They err on different
lines, so that together they read better than either (docs/adr/0020-vectors-and-letters.md).

Put beside each other in one model they do not help: the adapted encoder has seen the training data, so its vectors explain all of
it and nothing is left for the letters to learn. Fitted apart and multiplied, each has its say.

``typing.List`` and no ``from __future__ import annotations``: see sentence_featurizer.py.
"""

from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.logistic_regression_classifier import LogisticRegressionClassifier
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import SGDClassifier

from components.sentence_featurizer import plain

FILE = "letters.npz"
LEAST = 1e-9
"""A reading that rules an intent out does not outweigh the other one for ever."""


class LetterModel:
    """A linear reading of plain texts by their sequences of 2 to 5 letters within words; word ends count as letters.

    Sequences are hashed to 2¹⁸ places, so that a model is four arrays of numbers and keeps no vocabulary.
    """

    def __init__(self, intents: np.ndarray, rarity: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> None:
        """``rarity`` is (places,), ``weights`` (places, intents): what a message reads lies side by side."""
        self.intents, self.rarity, self.weights, self.offsets = intents, rarity, weights, offsets

    @classmethod
    def fitted(cls, texts: List[Text], intents: List[Text], seed: int) -> "LetterModel":
        """Learn from utterances; the same numbers every time."""
        told = TfidfTransformer(sublinear_tf=True)
        rows = told.fit_transform(_COUNTER.transform(texts))
        learnt = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=8, tol=None, random_state=seed, n_jobs=-1).fit(rows, intents)
        weights = np.ascontiguousarray(learnt.coef_.T, np.float16)
        return cls(learnt.classes_, told.idf_.astype(np.float32), weights, learnt.intercept_.astype(np.float32))

    def chances(self, text: Text) -> np.ndarray:
        """Return the probability of each of ``intents``, float32; they sum to 1."""
        row = _COUNTER.transform([text])
        told = (1 + np.log(row.data)) * self.rarity[row.indices]
        told /= max(float(np.linalg.norm(told)), 1e-6)
        odds = told.astype(np.float32) @ self.weights[row.indices].astype(np.float32) + self.offsets
        chances = 1 / (1 + np.exp(-odds))
        return chances / chances.sum()

    def save(self, path: Path) -> None:
        """Write the arrays."""
        np.savez_compressed(path, intents=self.intents, rarity=self.rarity, weights=self.weights, offsets=self.offsets)

    @classmethod
    def load(cls, path: Path) -> "LetterModel":
        """Read the arrays."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(*(arrays[name] for name in ("intents", "rarity", "weights", "offsets")))


_COUNTER = HashingVectorizer(
    analyzer="char_wb", ngram_range=(2, 5), n_features=2**18, alternate_sign=False, norm=None, lowercase=False
)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class PairedClassifier(LogisticRegressionClassifier):
    """Rasa's logistic regression on the vectors of a message, times a linear model of its letters."""

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """Return the defaults: ``weights`` are the exponents of vectors and letters, ``max_chars`` as the featurizer's."""
        return {**LogisticRegressionClassifier.get_default_config(), "weights": [0.5, 1.0], "max_chars": 400}

    def __init__(self, config: Dict[Text, Any], name: Text, model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, name, model_storage, resource)
        weights = self.config["weights"]
        if not isinstance(weights, list) or len(weights) != 2 or not all(_is_weight(weight) for weight in weights):
            raise InvalidConfigException(f"PairedClassifier: weights must be two numbers from 0 to 10; got {weights!r}.")

    def train(self, training_data: TrainingData) -> Resource:
        """Fit both readings to the utterances, and keep them."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        intents = [example.get(INTENT) for example in examples]
        self._letters = LetterModel.fitted([self._plain(one) for one in examples], intents, self.config["random_state"])
        return super().train(training_data)

    def process(self, messages: List[Message]) -> List[Message]:
        """Add to each message the probability of every intent, the likeliest first."""
        for message in messages:
            readings = self.clf.predict_proba(self._create_X([message]))[0], self._letters.chances(self._plain(message))
            chances = multiplied(readings, self.config["weights"])
            order = np.argsort(-chances, kind="stable")
            ranking = [{"name": str(self.clf.classes_[place]), "confidence": float(chances[place])} for place in order]
            message.set("intent", ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def persist(self) -> None:
        """Write both readings into the model."""
        super().persist()
        with self._model_storage.write_to(self._resource) as folder:
            self._letters.save(folder / FILE)

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "PairedClassifier":
        """Read both readings back."""
        found = super().load(config, model_storage, resource, execution_context, **kwargs)
        with model_storage.read_from(resource) as folder:
            found._letters = LetterModel.load(folder / FILE)
        return found

    def _create_X(self, messages: List[Message]) -> np.ndarray:  # noqa: N802 - the name is that of the parent
        """Return one row a message, float32 (messages, dimensions); zeros for a message without text.

        The parent makes a sparse matrix of it first. Ours has no zeros: the same fit in a tenth of the time.
        """
        found = [message.get_dense_features(TEXT)[1] for message in messages]
        width = next((one.features.shape[1] for one in found if one), None) or self.clf.n_features_in_
        empty = np.zeros((1, width), np.float32)
        return np.vstack([one.features if one else empty for one in found])

    def _plain(self, message: Message) -> Text:
        return plain((message.get(TEXT) or "")[: self.config["max_chars"]])


def multiplied(readings: "tuple[np.ndarray, np.ndarray]", weights: List[float]) -> np.ndarray:
    """Return the weighted product of two readings, (intents,) each, so that it sums to 1."""
    total = sum(weight * np.log(reading + LEAST) for reading, weight in zip(readings, weights, strict=True))
    chances = np.exp(total - total.max())
    return chances / chances.sum()


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 10
