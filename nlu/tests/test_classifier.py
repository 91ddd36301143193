"""The classifier: two readings, each kept, multiplied; letters read what vectors blur."""

from pathlib import Path

import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException

from components.paired_classifier import LetterModel, PairedClassifier, multiplied

SAID = {
    "greet": ["selam", "selamat", "salam aleikum", "hello there"],
    "ask_visa": ["visa fee", "how long is a visa", "viza price", "visas for workers"],
    "report_medical": ["he is bleeding", "she bleeds", "blood and no doctor", "bleeding since morning"],
}


@pytest.fixture(scope="module")
def letters() -> LetterModel:
    return LetterModel.fitted([text for own in SAID.values() for text in own], [name for name in SAID for _ in range(4)], seed=42)


@pytest.mark.parametrize(("text", "intent"), [("selaam", "greet"), ("vissa", "ask_visa"), ("bleedng", "report_medical")])
def test_letters_read_a_misspelt_word(letters: LetterModel, text: str, intent: str) -> None:
    chances = letters.chances(text)
    assert letters.intents[chances.argmax()] == intent
    assert chances.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", "?", "ዘይፍለጥ", "x" * 400])
def test_letters_say_something_of_any_text(letters: LetterModel, text: str) -> None:
    chances = letters.chances(text)
    assert chances.shape == (len(SAID),)
    assert np.isfinite(chances).all()


def test_a_file_keeps_the_letters(letters: LetterModel, tmp_path: Path) -> None:
    letters.save(tmp_path / "letters.npz")
    read = LetterModel.load(tmp_path / "letters.npz")
    assert list(read.intents) == list(letters.intents)
    assert np.array_equal(read.chances("selam visa"), letters.chances("selam visa"))


def test_a_product_sums_to_one_and_a_weight_of_zero_leaves_a_reading_out() -> None:
    first, second = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.8, 0.1])
    both = multiplied((first, second), [0.5, 1.0])
    assert both.sum() == pytest.approx(1)
    assert both.argmax() == 1
    assert multiplied((first, second), [1, 0]) == pytest.approx(first)
    assert multiplied((first, second), [0, 1]) == pytest.approx(second)


def test_one_reading_that_rules_an_intent_out_can_be_outvoted() -> None:
    sure, other = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert multiplied((sure, other), [0.5, 1.0]).argmax() == 1


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [-1, 1], [1, True], "half", [1, 11]])
def test_weights_that_make_no_sense_are_refused(weights: object) -> None:
    config = {**PairedClassifier.get_default_config(), "weights": weights}
    with pytest.raises(InvalidConfigException, match="weights must be two numbers from 0 to 10"):
        PairedClassifier(config, "classifier", None, None)
