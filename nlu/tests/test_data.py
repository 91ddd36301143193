"""The data: every language complete, nothing twice, nothing trained on that is frozen, no loaded words of ours."""

import json
import re
import unicodedata
from collections import Counter

import pytest
from ruamel.yaml import YAML

from support import ROOT, read_examples

LANGUAGES = ("am", "ar", "en", "es", "fa", "fr", "pt", "ru", "so", "sw", "ti", "tr", "uk")
MIN_TRAINING, MIN_HARM = 20, 45
INTENTS = YAML(typ="safe").load(ROOT / "domain.yml")["intents"]
TRAINING = {
    language: {path.stem: read_examples(path) for path in sorted((ROOT / "data" / language).iterdir())} for language in LANGUAGES
}
EVALUATION = ROOT.parent / "evaluation"
FROZEN, TUNING = EVALUATION / "frozen", EVALUATION / "tuning.jsonl"


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
    assert len(examples) >= (MIN_HARM if intent.startswith("report_") else MIN_TRAINING)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_utterance_stands_twice_in_a_language(language: str) -> None:
    """Not across languages: "ok" and "non" belong to several."""
    counts = Counter(normal(text) or text for examples in TRAINING[language].values() for _, text in examples)
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.skipif(not FROZEN.is_dir(), reason="the frozen sets lie beside this folder, and this is a copy of it alone")
def test_nothing_held_back_is_trained_on() -> None:
    trained = {normal(text) for files in TRAINING.values() for examples in files.values() for _, text in examples}
    held_back = {
        normal(json.loads(line)["text"]) for path in (*FROZEN.glob("??.jsonl"), TUNING) for line in path.read_text().splitlines()
    }
    assert len(held_back) > 4800
    assert held_back & trained - {""} == set()


def test_no_example_holds_what_rasa_reads_as_markup() -> None:
    everything = [text for files in TRAINING.values() for examples in files.values() for _, text in examples]
    assert [text for text in everything if re.search(r"[\[\]{}<>]", text) or not text.strip()] == []


def test_people_are_never_called_illegal() -> None:
    """People may write the word; our examples need not teach that it is a category. Methods of travel may be 'legal'."""
    everything = [text for files in TRAINING.values() for examples in files.values() for _, text in examples]
    wrong = re.compile(r"\billegal|\bilegal|\bilégal|\billégal|\bclandestin|غير شرعي|нелегал", re.IGNORECASE)
    assert [text for text in everything if wrong.search(text)] == []
