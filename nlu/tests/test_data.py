"""The data: every language complete, nothing twice, nothing trained on that is tested with, no loaded words of ours."""

import re
import unicodedata
from collections import Counter

import pytest
from ruamel.yaml import YAML

from support import ROOT, read_examples

LANGUAGES = ("ar", "en", "es", "fr")
MIN_TRAINING, MIN_HELD_OUT = 12, 4
INTENTS = YAML(typ="safe").load(ROOT / "domain.yml")["intents"]
TRAINING = {
    language: {path.stem: read_examples(path) for path in sorted((ROOT / "data" / language).iterdir())} for language in LANGUAGES
}
HELD_OUT = {path.stem: read_examples(path) for path in sorted((ROOT / "tests/test_nlu").glob("*.yml"))}


def normal(text: str) -> str:
    """Return ``text`` so that spellings nobody would call different are equal."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", " ", "".join(c for c in letters if not unicodedata.combining(c))).strip()


def test_every_language_folder_is_known() -> None:
    assert {path.name for path in (ROOT / "data").iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_one_file_for_every_intent_of_the_domain(language: str) -> None:
    assert {path.name for path in (ROOT / "data" / language).iterdir()} == {f"{intent}.yml" for intent in INTENTS}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("intent", INTENTS)
def test_a_file_holds_its_own_intent_and_enough_examples(language: str, intent: str) -> None:
    examples = TRAINING[language][intent]
    assert {name for name, _ in examples} == {intent}
    assert len(examples) >= MIN_TRAINING


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_utterances_cover_every_intent(language: str) -> None:
    counts = Counter(intent for intent, _ in HELD_OUT[language])
    assert set(counts) == set(INTENTS)
    assert min(counts.values()) >= MIN_HELD_OUT


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_utterance_stands_twice_in_a_language(language: str) -> None:
    """Not across languages: "ok" and "non" belong to several."""
    held_out = [text for name, examples in HELD_OUT.items() if name.split("_")[0] == language for _, text in examples]
    trained = [text for examples in TRAINING[language].values() for _, text in examples]
    counts = Counter(normal(text) for text in [*trained, *held_out])
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_held_out_utterance_is_trained_under_another_language() -> None:
    trained = {normal(text) for files in TRAINING.values() for examples in files.values() for _, text in examples}
    held_out = {normal(text) for examples in HELD_OUT.values() for _, text in examples}
    assert held_out & trained <= {"merci bcp"}  # Arabizi borrows French thanks


def test_no_example_holds_what_rasa_reads_as_markup() -> None:
    everything = [text for files in TRAINING.values() for examples in files.values() for _, text in examples]
    assert [text for text in everything if re.search(r"[\[\]{}<>]", text) or not text.strip()] == []


def test_people_are_never_called_illegal() -> None:
    """People may write the word; our examples need not teach that it is a category. Methods of travel may be 'legal'."""
    everything = [text for files in TRAINING.values() for examples in files.values() for _, text in examples]
    wrong = re.compile(r"\billegal|\bilegal|\bilégal|\billégal|\bclandestin|غير شرعي", re.IGNORECASE)
    assert [text for text in everything if wrong.search(text)] == []
