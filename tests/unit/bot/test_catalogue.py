"""Every language says the same things, with the same gaps to fill."""

import shutil
import string
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.catalogue import DEFAULT_FOLDER, YamlCatalogue
from bot.domain.errors import InvalidSettings
from knowledge.direction import misdirected

CATALOGUE = YamlCatalogue()
WITH_TEXTS = sorted(CATALOGUE.languages())
NAMED = sorted(CATALOGUE.native_names())


@cache
def rows(name: str) -> dict[str, Any]:
    found = yaml.safe_load((DEFAULT_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def gaps(text: object) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name is not None}


KEYS = sorted(key for key in rows("en") if not key.startswith("_"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "locales"))


def rewrite(folder: Path, name: str, change: dict[str, object], without: str | None = None) -> None:
    found = rows(name) | change
    found.pop(without or "", None)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")


def test_every_language_that_may_be_chosen_has_texts() -> None:
    assert WITH_TEXTS == NAMED


@pytest.mark.parametrize("language", WITH_TEXTS)
def test_a_language_has_every_key_with_the_same_gaps_and_no_text_is_empty(language: str) -> None:
    english, found = rows("en"), rows(language)
    assert set(found) == set(english)
    assert {key: gaps(found[key]) for key in KEYS} == {key: gaps(english[key]) for key in KEYS}
    assert [key for key in KEYS if not str(found[key]).strip()] == []


@pytest.mark.parametrize("language", WITH_TEXTS)
def test_every_text_can_be_filled_in(language: str) -> None:
    for key in KEYS:
        values = dict.fromkeys(gaps(rows("en")[key]), "5")
        assert "{" not in CATALOGUE.text(key, language, **values, not_used="x")


def test_every_text_for_staff_can_be_filled_in() -> None:
    for key, text in rows("staff.en").items():
        if not key.startswith("_"):
            assert CATALOGUE.staff_text(key, **dict.fromkeys(gaps(text), "5"))


@pytest.mark.parametrize("language", NAMED)
def test_a_language_is_shown_in_itself_or_in_the_first_fallback_that_has_texts(language: str) -> None:
    chain = [language, *rows("languages")[language]["fallback"], "en"]
    assert CATALOGUE.shown_in(language) == next(code for code in chain if code in WITH_TEXTS)


@pytest.mark.parametrize(
    ("language", "shown"), [("pt", "es"), ("so", "en"), ("uk", "en"), ("ru", "ru"), ("xx", "en"), ("", "en")]
)
def test_nobody_is_left_without_words(copied: Path, language: str, shown: str) -> None:
    for code in ("pt", "so", "uk", "ti"):
        (copied / f"{code}.yaml").unlink()
    assert YamlCatalogue(copied).shown_in(language) == shown


@pytest.mark.parametrize("language", WITH_TEXTS)
def test_names_and_numbers_are_shown_in_their_order(language: str) -> None:
    """What stands in a gap is isolated too: the name of an operator, a case number."""
    found = {key: list(misdirected(str(rows(language)[key]), language)) for key in KEYS}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("language", NAMED)
def test_every_language_can_say_that_a_text_is_in_another(language: str) -> None:
    assert CATALOGUE.no_content(language)


def test_fallbacks_are_languages_people_may_choose_and_never_the_language_itself() -> None:
    fallbacks = CATALOGUE.fallbacks()
    assert set(fallbacks) == set(NAMED)
    assert all(set(others) <= set(NAMED) - {language} for language, others in fallbacks.items())
    assert "ru" not in fallbacks["uk"]


def test_an_unknown_language_has_no_sentence_of_its_own() -> None:
    assert CATALOGUE.no_content("xx") == ""


def test_languages_are_named_in_themselves() -> None:
    names = CATALOGUE.native_names()
    assert (names["ar"], names["fa"], names["ti"], names["uk"]) == ("العربية", "فارسی", "ትግርኛ", "Українська")
    assert len(set(names.values())) == len(names) == 13
    for code, row in rows("languages").items():
        if not code.startswith("_"):
            assert row["direction"] == ("rtl" if code in {"ar", "fa"} else "ltr")
            assert set(row["fallback"]) <= set(names)


def test_a_file_nobody_signed_is_not_reviewed(copied: Path) -> None:
    rewrite(copied, "fr", {"_reviewed_by": ["a native speaker"]})
    catalogue = YamlCatalogue(copied)
    assert catalogue.is_reviewed("fr")
    assert "fr" not in catalogue.unreviewed()
    assert not catalogue.is_reviewed("xx")


def test_a_missing_key_is_named_with_its_file(copied: Path) -> None:
    rewrite(copied, "es", {}, without="thanks")
    with pytest.raises(InvalidSettings, match=r"es\.yaml: missing \['thanks'\]"):
        YamlCatalogue(copied)


def test_a_key_english_does_not_have_is_named(copied: Path) -> None:
    rewrite(copied, "ar", {"hallo": "x"})
    with pytest.raises(InvalidSettings, match=r"ar\.yaml: .*unknown \['hallo'\]"):
        YamlCatalogue(copied)


@pytest.mark.parametrize("content", [None, "", "- a list", "a: [", "a: b: c"], ids=["no file", "empty", "list", "open", "colons"])
def test_a_file_that_cannot_be_read_is_named(copied: Path, content: str | None) -> None:
    path = copied / "staff.en.yaml"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidSettings, match=r"staff\.en\.yaml"):
        YamlCatalogue(copied)


@pytest.mark.parametrize("text", ["without a gap", "{operator} and {nobody}", "{operator"])
def test_a_placeholder_that_differs_is_named_with_its_file(copied: Path, text: str) -> None:
    rewrite(copied, "fr", {"start": text})
    with pytest.raises(InvalidSettings, match=r"fr\.yaml"):
        YamlCatalogue(copied)


def test_a_folder_without_english_is_refused_in_words(copied: Path) -> None:
    (copied / "en.yaml").unlink()
    with pytest.raises(InvalidSettings, match=r"en\.yaml"):
        YamlCatalogue(copied)
