"""What a text is looked up by: whole words of every script, stems, and runs that forgive."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge.index.words import RUN, STEMMERS, terms_of

SPACED = st.text(st.characters(categories=["L", "N"], exclude_characters="\n"), min_size=1)


def words_of(text: str, language: str) -> list[str]:
    """Return the terms that are no runs: stems, and pairs of unspaced scripts."""
    return [term for term in terms_of(text, language) if "_" not in term and len(term) != RUN]


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("I-589: two papers, forms_x", "en", ["i", "589", "two", "paper", "x"]),
        ("нотаріус засвідчує", "uk", ["нотаріус", "засвідчує"]),
        ("निवास परमिट", "hi", ["निवास", "परमिट"]),
        ("የመኖሪያ ማደስ", "am", ["የመኖሪያ", "ማደስ"]),
        ("한국어 문장들", "ko", ["한국어", "문장들"]),
        ("don’t", "en", ["don", "t"]),
    ],
)
def test_a_word_is_letters_marks_and_digits_of_any_script(text: str, language: str, words: list[str]) -> None:
    assert words_of(text, language) == words


@pytest.mark.parametrize("text", ["", " \n\t", "👨‍👩‍👧‍👦 🆘", "… — „“!", "_", "\u200c\u200d\u0640"])
def test_what_holds_no_word_gives_nothing(text: str) -> None:
    assert terms_of(text, "ar") == []


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("家庭团聚", ["家庭", "庭团", "团聚"]),
        ("家", ["家"]),
        ("東京へ行く", ["東京", "京へ", "へ行", "行く"]),
        ("センター", ["セン", "ンタ", "ター"]),
        ("ไทย2024", ["ไท", "ทย"]),
        ("A4紙のフォーム", ["紙の", "のフ", "フォ", "ォー", "ーム"]),
    ],
)
def test_scripts_without_spaces_give_pairs_of_characters(text: str, pairs: list[str]) -> None:
    assert [term for term in terms_of(text, "zh") if not term.isascii()] == pairs


def test_words_between_unspaced_scripts_are_words() -> None:
    assert {"2024", "_202"} <= set(terms_of("ไทย2024", "th"))
    assert {"a4", "_a4_"} <= set(terms_of("A4紙のフォーム", "ja"))


def test_thai_marks_stay_with_their_letters() -> None:
    found = terms_of("ที่ปรึกษา", "th")
    assert found[0] == "ที"
    assert all(len(term) == 2 for term in found)
    assert not {"ที่", "่"} & set(found)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("مَدْرَسَةٌ", "مدرسة", "ar"),
        ("مـــدرسة", "مدرسة", "ar"),
        ("هٰذا", "هذا", "ar"),
        ("می‌خواهم", "میخواهم", "fa"),
        ("क्‍ष", "क्ष", "hi"),
        ("ﻻ", "لا", "ar"),
        ("STRASSE", "Straße", "de"),
        ("ＡＢＣ１２", "abc12", "en"),
        ("e\u0301cole", "école", "fr"),
        ("ﬁne", "FINE", "en"),
        ("ΟΔΟΣ", "οδος", "el"),
        ("ビザ", "ﾋﾞｻﾞ", "ja"),
    ],
)
def test_spellings_of_one_word_give_the_same_terms(one: str, other: str, language: str) -> None:
    assert terms_of(one, language) == terms_of(other, language) != []


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("permits", "permit", "en"),
        ("renouvelée", "renouvelés", "fr"),
        ("المدرسة", "مدرسة", "ar"),
        ("разрешения", "разрешение", "ru"),
        ("Wohnungen", "Wohnung", "de"),
    ],
)
def test_forms_of_one_word_share_its_stem(one: str, other: str, language: str) -> None:
    assert terms_of(one, language)[0] == terms_of(other, language)[0]


def test_a_language_without_a_stemmer_keeps_its_words() -> None:
    assert "uk" not in STEMMERS
    assert terms_of("дозволи", "uk")[0] == "дозволи"
    assert terms_of("permits", "")[0] == "permits"


def test_runs_are_four_neighbours_and_know_the_ends_of_a_word() -> None:
    assert terms_of("visas", "en") == ["visa", "_vis", "visa", "isas", "sas_"]
    assert terms_of("a", "en") == ["a", "_a_"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("reunification", "reunificaton"), ("residence", "residense"), ("passport", "pasport"), ("تأشيرة", "تاشيرة")],
)
def test_a_misspelt_word_shares_more_runs_than_another_word_does(right: str, wrong: str) -> None:
    meant = set(terms_of(right, "en"))
    shared = len(meant & set(terms_of(wrong, "en"))) / len(meant)
    assert shared >= 0.3
    assert shared > len(meant & set(terms_of("government", "en"))) / len(meant)


@given(SPACED, st.sampled_from([*STEMMERS, "uk", "zh", ""]))
@example("İ", "tr")
@example("_", "en")
def test_any_text_is_cut_alike_whatever_its_case_and_never_into_spaces(text: str, language: str) -> None:
    found = terms_of(text, language)
    assert found == terms_of(text, language)
    assert all(term and term == term.strip() and "\n" not in term for term in found)
    assert found == terms_of(f"  {text}!  ", language)


def test_threads_do_not_disturb_each_other() -> None:
    text = "Wohnungen permits renouvelée المدرسة разрешения " * 20
    alone = {language: terms_of(text, language) for language in STEMMERS}
    with ThreadPoolExecutor(8) as pool:
        for language, found in pool.map(lambda language: (language, terms_of(text, language)), [*STEMMERS] * 10):
            assert found == alone[language]
