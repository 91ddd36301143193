"""The library is clean, and each thing that can be wrong with one is found where it stands."""

from pathlib import Path

import pytest
from unit.knowledge.library_samples import CARD, TODAY, an_entry, phrasings, put, the_only

from knowledge.linting import banned, grade, lint
from knowledge.starter import FOLDER, read_library


def test_the_starter_library_is_clean() -> None:
    newest = max(entry.checked for entry in read_library().entries if entry.checked)
    assert [str(problem) for problem in lint(FOLDER, on=max(newest, TODAY))] == []


def test_it_covers_what_it_promises() -> None:
    library = read_library()
    topics = {entry.topic for entry in library.entries if entry.language == "en"}
    assert {f"P{number:02}" for number in range(1, 79)} <= topics
    cards = {path.stem for path in (FOLDER / "cards" / "en").glob("*.md")}
    for language in ("fr", "es", "ar"):
        assert {path.stem for path in (FOLDER / "cards" / language).glob("*.md")} == cards
    assert len(cards) == 16


def test_a_sound_library_has_nothing_to_mend(library: Path) -> None:
    assert lint(library, on=TODAY) == []


SABOTAGES = {
    "another name": (("pathways/en/P07-visas.md", '"P07"', '"P08"'), "begin its name with P08-"),
    "another folder": (("pathways/en/P07-visas.md", "language: en", "language: es"), "the folder is en"),
    "a staff number among the pathways": (("pathways/en/P07-visas.md", '"P07"', '"6.10"'), "does not belong to pathways/"),
    "read tomorrow": (("pathways/en/P07-visas.md", "checked: 2026-11-20", "checked: 2026-11-29"), "still to come"),
    "reviewed too late": (("pathways/en/P07-visas.md", "2027-02-10", "2027-05-10"), "more than 90 days"),
    "past its review": (("pathways/en/P07-visas.md", "2027-02-10", "2026-11-27"), "read the sources again"),
    "a page of the future": (("pathways/en/P07-visas.md", '"IOM"\n', '"IOM"\n    page_date: 2026-11-21\n'), "page_date"),
    "no direct answer": (("pathways/en/P07-visas.md", "---\nEach", "---\n## Visas\n\nEach"), "begins with a heading"),
    "a long direct answer": (("pathways/en/P07-visas.md", "Each country", "Each one. " * 45 + "Each country"), "at most 90"),
    "a hard direct answer": (
        ("pathways/en/P07-visas.md", "Each country", "International organisations facilitate interdepartmental harmonisation"),
        "direct answer of grade",
    ),
    "a telephone number": (("pathways/en/P07-visas.md", "The rules differ.", "Call +41 22 717 91 11."), "telephone number"),
    "an address in the text": (("pathways/en/P07-visas.md", "The rules differ.", "See https://iom.int."), "addresses stand"),
    "an illegal person": (("pathways/en/P07-visas.md", "The rules differ.", "An illegal migrant."), "irregular"),
    "a promise": (("pathways/en/P07-visas.md", "The rules differ.", "We guarantee a visa."), "promise nothing"),
    "a verdict": (("pathways/en/P07-visas.md", "The rules differ.", "You qualify for it."), "no verdict"),
    "few phrasings": (("pathways/en/P07-visas.md", phrasings("visa"), phrasings("visa", 11)), "should be 12 to"),
    "a phrasing twice": (("pathways/en/P07-visas.md", "number 3", "Number 4!"), "stands twice"),
    "a host nobody knows": (("pathways/en/P07-visas.md", "www.iom.int", "iom-visas.example"), "not on the list of hosts"),
    "an orphan": (("pathways/fr/P07-visas.md", "en/P07-visas.md", "en/P99-gone.md"), "is no English entry"),
    "a translation of itself": (("pathways/fr/P07-visas.md", "en/P07-visas.md", "fr/P07-visas.md"), "is no English entry"),
    "a card without a text": (("cards/en/generic.md", CARD.rpartition("---\n")[2], ""), "no text"),
    "a translation of nothing": (
        ("pathways/fr/P07-visas.md", 'translation_of: "en/P07-visas.md"\n', ""),
        "name the English entry",
    ),
    "a dead link": (("manual/en/1.2-frame.md", "1.5 and 1.2.", "1.5 and 9.9."), "9.9 is neither"),
    "a gap that is written": (("gaps.yaml", '"1.5"', '"1.2"'), "take it out of the register"),
    "a long card": (("cards/en/generic.md", "Thank you", "Thank you " * 30), "at most 60"),
    "a number on a card": (("cards/en/generic.md", "now.", "now: 112."), "numbers stand in"),
    "a card without a version": (("cards/en/generic.md", "version: 1\n", ""), "version"),
}


@pytest.mark.parametrize(("change", "said"), SABOTAGES.values(), ids=SABOTAGES)
def test_what_is_wrong_is_named_where_it_stands(library: Path, change: tuple[str, str, str], said: str) -> None:
    put(library, *change)
    name, *_ = change
    assert name in {problem.path for problem in lint(library, on=TODAY) if said in problem.text}


def test_a_phrasing_of_two_entries_is_named_in_the_second(library: Path) -> None:
    (library / "pathways/en/P08-family.md").write_text(
        an_entry("P08", "family").replace("family question number 5", "Visa question: number 5")
    )
    problem = the_only(lint(library, on=TODAY))
    assert (problem.path, problem.key) == ("pathways/en/P08-family.md", "phrasings")
    assert "P07-visas.md" in problem.text


def test_a_language_that_lacks_a_card_is_named(library: Path) -> None:
    (library / "cards/en/medical.md").write_text(CARD.format(category="medical", language="en"), encoding="utf-8")
    assert the_only(lint(library, on=TODAY)).path == "cards/fr/medical.md"


def test_the_line_of_a_word_is_its_line_in_the_text(library: Path) -> None:
    path = library / "pathways/en/P07-visas.md"
    path.write_text(
        path.read_text()
        .replace("visa question number 2", "an alien visa guarantee")
        .replace("The rules", "We guarantee it. The rules")
    )
    problem = the_only(lint(library, on=TODAY))
    assert path.read_text().splitlines()[problem.line - 1].startswith("- We guarantee")


def test_the_line_of_a_key_is_its_line_in_the_head(library: Path) -> None:
    path = library / "pathways/en/P07-visas.md"
    path.write_text(path.read_text().replace("review_due: 2027-02-10", "review_due: 2027-05-10"))
    problem = next(problem for problem in lint(library, on=TODAY) if problem.path == "pathways/en/P07-visas.md")
    assert path.read_text().splitlines()[problem.line - 1] == "review_due: 2027-05-10"


def test_a_library_the_bot_would_not_start_with_is_not_clean(library: Path) -> None:
    (library / "cards/numbers.yaml").write_text("numbers:\n  - {service: all, number: 112, checked: 2026-11-24}\n")
    assert "numbers.yaml" in the_only(lint(library, on=TODAY)).text


def test_an_empty_register_is_sound_and_a_broken_one_holds_up_no_entry(library: Path) -> None:
    (library / "gaps.yaml").write_text("gaps:\n")
    assert read_library(library).gap_problems == ()
    (library / "gaps.yaml").write_bytes("gaps: é".encode("latin-1"))
    read = read_library(library)
    assert len(read.gap_problems) == 1
    assert (read.problems, len(read.entries)) == ((), 3)


def test_red_entries_nobody_signed_are_listed(library: Path) -> None:
    path = library / "pathways/en/P07-visas.md"
    assert read_library(library).unsigned() == []
    path.write_text(path.read_text().replace("sensitivity: green", "sensitivity: red"))
    assert read_library(library).unsigned() == ["P07/en"]
    path.write_text(path.read_text().replace("reviewed_by: []", "reviewed_by: [protection-lead]"))
    assert read_library(library).unsigned() == []


@pytest.mark.parametrize(
    ("sentence", "language", "is_banned"),
    [
        ("Nobody can guarantee a place.", "en", False),
        ("A place is guaranteed.", "en", True),
        ("You will get a visa.", "en", True),
        ("Nobody can say whether you will get a visa.", "en", False),
        ("It is illegal to hold your passport.", "en", False),
        ("Illegal migrants wait.", "en", True),
        ("Personne ne peut garantir une place.", "fr", False),
        ("La place est garantie.", "fr", True),
        ("las personas ilegales", "es", True),
        ("الهجرة غير الشرعية", "ar", True),
        ("الهجرة غير النظامية", "ar", False),
    ],
)
def test_words_that_no_text_may_hold(sentence: str, language: str, is_banned: bool) -> None:
    assert bool(list(banned(sentence, language))) == is_banned


def test_long_words_and_long_sentences_are_hard() -> None:
    easy, hard = (
        "Ask the office. It is free.",
        "The organisation's representatives facilitate administrative procedures internationally.",
    )
    assert grade(easy) < 3
    assert grade(hard) > 15
