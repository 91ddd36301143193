"""What our texts tell people to write, and what their buttons say, is understood when somebody types it."""

import re

import pytest
import yaml

from bot.adapters.catalogue import DEFAULT_FOLDER, YamlCatalogue
from knowledge.cards import DEFAULT_FOLDER as CARDS
from knowledge.cards import read_card
from policies import load, screen

POLICIES = load()
LANGUAGES = sorted(YamlCatalogue().languages())
NOT_WORDS = re.compile(r"[^\w\s'’\u200c-]")


def typed(language: str, key: str) -> str:
    """Return a button's words without its sign, as a person types them who sees the label and no button."""
    label = yaml.safe_load((DEFAULT_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))[key]
    return NOT_WORDS.sub(" ", label).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_word_that_cards_ask_for_asks_for_a_person(language: str) -> None:
    words = set()
    for path in sorted((CARDS / language).glob("*.md")):
        _, text = read_card(path)
        words |= {NOT_WORDS.sub(" ", text.rstrip().rpartition(sign)[2]).strip() for sign in ":：፦" if sign in text[-40:]}
    assert words, "no card says what to write"
    assert {word for word in words if not screen(word, POLICIES).asks_human} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_on_the_buttons_mean_what_the_buttons_do(language: str) -> None:
    assert screen(typed(language, "button_human"), POLICIES).asks_human
    wanted = screen(typed(language, "button_human_yes"), POLICIES)
    assert wanted.affirms or wanted.asks_human
    assert screen(typed(language, "button_human_no"), POLICIES).denies
    assert screen(typed(language, "button_fine"), POLICIES).is_fine
