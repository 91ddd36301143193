"""The vectors: the bot's own, the same for the same text, bounded in cost."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message

from components.sentence_featurizer import SentenceFeaturizer, plain
from encoder import EncoderMissing, encoder_folders, encoder_names
from support import ROOT

GOLDEN = json.loads((ROOT / "tests/golden/vectors.json").read_text())
SAME = 0.98
"""Cosine from which two vectors are the same text under the same prompt; releases of ONNX Runtime differ by up to .013, for the
activations are rounded to eight bits, another prompt by .03."""
DIMENSIONS = (384, 512)


def cosine(left: object, right: object) -> float:
    first, second = np.asarray(left, np.float64), np.asarray(right, np.float64)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def featurizer(**config: object) -> SentenceFeaturizer:
    return SentenceFeaturizer({**SentenceFeaturizer.get_default_config(), **config}, "featurizer")


@pytest.fixture(scope="module")
def default() -> SentenceFeaturizer:
    return featurizer()


@pytest.mark.parametrize("text", GOLDEN)
def test_vectors_are_those_the_bot_gets(default: SentenceFeaturizer, text: str) -> None:
    """Golden values were written by the bot's encoder (`knowledge.index.encoder`), under its own Python and libraries."""
    first, second = np.split(default.embed(text), DIMENSIONS[:1])
    assert cosine(first, GOLDEN[text]["first"]) > SAME
    assert cosine(second, GOLDEN[text]["second"]) > SAME


def test_the_same_text_gives_the_same_bits(default: SentenceFeaturizer) -> None:
    first = default.embed("ما بدي عيش")
    default.embed("something else in between")
    assert np.array_equal(first, default.embed("ما بدي عيش"))
    assert np.array_equal(first, featurizer().embed("ما بدي عيش"))


def test_shape_type_and_lengths(default: SentenceFeaturizer) -> None:
    vector = default.embed("hello")
    assert vector.shape == (sum(DIMENSIONS),)
    assert vector.dtype == np.float32
    first, second = np.split(featurizer(scales=[20, 3]).embed("hello"), DIMENSIONS[:1])
    assert np.linalg.norm(first) == pytest.approx(20, abs=0.01)
    assert np.linalg.norm(second) == pytest.approx(3, abs=0.01)


def test_text_beyond_max_chars_changes_nothing(default: SentenceFeaturizer) -> None:
    head = ("how do i get a visa " * 20)[:400]
    assert len(head) == 400
    assert np.array_equal(default.embed(head), default.embed(head + " football " * 5000))
    assert not np.array_equal(default.embed(head), default.embed(head[:200] + " football " * 20))
    assert np.array_equal(featurizer(max_chars=5).embed("hello world"), default.embed("hello"))


def test_meaning_is_near_across_languages(default: SentenceFeaturizer) -> None:
    visa, visa_ar, boat = (default.embed(t) for t in ("how do i get a visa", "كيف احصل على تأشيرة", "our boat is sinking"))
    assert cosine(visa, visa_ar) > cosine(visa, boat)


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
def test_odd_texts_give_finite_vectors(default: SentenceFeaturizer, text: str) -> None:
    assert np.isfinite(default.embed(text)).all()


def test_process_adds_one_sentence_feature_and_skips_empty_messages(default: SentenceFeaturizer) -> None:
    message, empty = Message({"text": "hello"}), Message({})
    default.process([message, empty])
    sequence, sentence = message.get_dense_features("text")
    assert sequence is None
    assert sentence.features.shape == (1, sum(DIMENSIONS))
    assert empty.features == []


@pytest.mark.parametrize("scales", [[0, 1], [1, -1], ["2", 1], [True, 1], [float("nan"), 1], [1], [1, 2, 3], 2, None])
def test_wrong_scales_are_refused(scales: object) -> None:
    with pytest.raises(InvalidConfigException, match="scales"):
        featurizer(scales=scales)


@pytest.mark.parametrize("config", [{"max_chars": 0}, {"max_chars": 1.5}, {"max_chars": 10**6}, {"max_chars": None}])
def test_a_wrong_max_chars_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(InvalidConfigException, match="max_chars"):
        featurizer(**config)


def test_a_missing_encoder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderMissing, match=r"make setup") as caught:
        encoder_folders({"WAYPOST_NLU_ENCODER": str(tmp_path)})
    assert str(tmp_path) in str(caught.value)


def test_both_encoders_are_named_with_their_revisions() -> None:
    names = encoder_names(os.environ)
    assert [name.partition("-")[0] for name in names] == ["multilingual", "universal"]
    assert all(len(name.partition("@")[2]) == 12 for name in names)
