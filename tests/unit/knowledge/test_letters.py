"""Letters tell entries apart by how their phrasings are spelt, and say nothing where they know too little."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import IndexCorrupt
from knowledge.index.letters import Letters, Phrasing

VISA, CAMP, FOOD = ("own", "visa"), ("own", "camp"), ("own", "food")
ENGLISH: dict[tuple[str, str], tuple[str, ...]] = {
    VISA: ("how do i get a visa", "visa for my wife", "is the visa refused", "visas and fees"),
    CAMP: ("where is the camp", "camp rules", "may i leave the camp", "camps near here"),
    FOOD: ("no food for days", "food cards", "where do they give food", "is food free"),
}
FRENCH: dict[tuple[str, str], tuple[str, ...]] = {
    VISA: ("un visa pour ma femme", "le visa est refusé"),
    CAMP: ("où est le camp", "quitter le camp"),
}


def phrased(language: str, texts: dict[tuple[str, str], tuple[str, ...]]) -> list[Phrasing]:
    return [Phrasing(subject, language, text) for subject, own in texts.items() for text in own]


LETTERS = Letters.of(phrased("en", ENGLISH) + phrased("fr", FRENCH))


def likeliest(text: str, language: str = "en", letters: Letters = LETTERS) -> tuple[str, str]:
    return letters.subjects[int(np.nanargmax(letters.chances(text, language)))]


@pytest.mark.parametrize(
    ("text", "subject"), [("Visa??", VISA), ("VISSA wife", VISA), ("the campp", CAMP), ("foood", FOOD), ("f\u064eood", FOOD)]
)
def test_a_question_is_told_by_its_letters_however_it_is_typed(text: str, subject: tuple[str, str]) -> None:
    assert likeliest(text) == subject


def test_a_language_without_phrasings_of_an_entry_says_nothing_of_it() -> None:
    chances = dict(zip(LETTERS.subjects, LETTERS.chances("manger au camp", "fr"), strict=True))
    assert np.isnan(chances[FOOD])
    assert chances[CAMP] > chances[VISA]
    assert np.isnan(LETTERS.chances("wo ist das camp", "de")).all()


def test_an_entry_with_far_fewer_phrasings_than_its_neighbours_is_not_judged_by_them() -> None:
    few = Letters.of(phrased("en", ENGLISH | {FOOD: ENGLISH[FOOD][:1]}))
    chances = dict(zip(few.subjects, few.chances("food", "en"), strict=True))
    assert np.isnan(chances[FOOD])
    assert not np.isnan(chances[VISA])


def test_two_entries_need_no_letters() -> None:
    two = Letters.of(phrased("fr", FRENCH))
    assert (len(two.subjects), len(two.chances("visa", "fr"))) == (0, 0)


@given(st.text())
@settings(max_examples=60)
def test_any_text_gives_a_chance_for_each_entry(text: str) -> None:
    chances = LETTERS.chances(text, "en")
    assert chances.shape == (3,)
    assert ((chances >= 0) & (chances <= 1)).all()


def test_what_is_off_topic_is_unlikely_for_all() -> None:
    """Each chance stands by itself: they are no shares that sum to 1 wherever nothing fits."""
    assert LETTERS.chances("qqq zzz", "en").max() < LETTERS.chances("where is the camp", "en").max() / 2


def test_the_same_phrasings_give_the_same_numbers_and_a_file_keeps_them(tmp_path: Path) -> None:
    again = Letters.of(phrased("en", ENGLISH) + phrased("fr", FRENCH))
    again.save(tmp_path / "letters.npz")
    read = Letters.load(tmp_path / "letters.npz")
    for letters in (again, read):
        assert (list(letters.subjects), letters.known) == (list(LETTERS.subjects), LETTERS.known)
        assert np.array_equal(letters.chances("visa or camp", "en"), LETTERS.chances("visa or camp", "en"))


@pytest.mark.parametrize("letters", [LETTERS, Letters.of([])])
def test_a_shelf_without_entries_has_a_file_too(tmp_path: Path, letters: Letters) -> None:
    letters.save(tmp_path / "letters.npz")
    assert len(Letters.load(tmp_path / "letters.npz").chances("visa", "en")) == len(letters.subjects)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "public.letters.npz").write_bytes(b"no numbers")
    with pytest.raises(IndexCorrupt, match=r"public\.letters\.npz"):
        Letters.load(tmp_path / "public.letters.npz")
