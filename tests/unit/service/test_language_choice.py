"""Which language is answered in: a few words that are spelt alike in many do not change it, a sentence does."""

from dataclasses import replace

import pytest

from bot.domain.ids import ChatId
from bot.service.app import App
from support.assistant import Intents, Shelf, Someone

DETECTED = {
    "i need help with my papers": ("en", 0.97),
    "bana yardım edin lütfen": ("tr", 0.97),
    "tunisia": ("sw", 0.95),
    "şaka ya": ("sw", 0.88),
    "merci beaucoup": ("fr", 0.95),
    "où est le bureau": ("fr", 0.7),
    "сколько": ("ru", 0.7),
    "aidez moi": ("fr", 0.88),
    "genial": ("am", 0.29),
    "ayuda": ("es", 0.5),
}


class Detected:
    """LanguageDetector that says what stands above."""

    def detect(self, text: str) -> tuple[str | None, float]:
        return DETECTED[text]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def intents() -> Intents:
    return Intents()


async def languages(app: App, *texts: str, hint: str | None = None) -> list[str]:
    """Return the language of each turn of one conversation."""
    person = Someone(replace(app, detector=Detected()), ChatId(77), hint=hint)
    return [(await person.says(text)).record.language for text in texts]


@pytest.mark.parametrize(
    ("first", "then", "language"),
    [
        ("i need help with my papers", "tunisia", "en"),
        ("bana yardım edin lütfen", "şaka ya", "tr"),
        ("i need help with my papers", "merci beaucoup", "fr"),
        ("i need help with my papers", "où est le bureau", "fr"),
        ("i need help with my papers", "сколько", "ru"),
    ],
    ids=["a country", "two words, nearly sure", "two words, sure", "a sentence", "other letters"],
)
async def test_a_few_words_rarely_change_the_language_of_a_conversation(app: App, first: str, then: str, language: str) -> None:
    assert (await languages(app, first, then))[1] == language


async def test_a_cry_of_two_words_counts_more_than_what_the_phone_is_set_to(app: App) -> None:
    assert await languages(app, "aidez moi", hint="en") == ["fr"]


@pytest.mark.parametrize(("text", "language"), [("genial", "en"), ("tunisia", "en"), ("ayuda", "es")])
async def test_where_nothing_is_known_a_guess_counts_from_somewhat_likely(app: App, text: str, language: str) -> None:
    assert await languages(app, text) == [language]
