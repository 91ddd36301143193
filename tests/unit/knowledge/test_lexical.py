"""Shares of a question that passages hold: what they mean, and that an index does not remember how it came about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.errors import IndexCorrupt
from knowledge.index.lexical import NEAR_BEST, LexicalIndex, Matches, Text
from knowledge.index.words import different_terms

WORDS = ("family", "families", "visa", "border", "école", "أسرة", "家庭团聚", "خانواده‌ام", "camp", "the", "निवास")
LANGUAGES = ("en", "fr", "ar", "fa", "zh")


def text(number: int, words: str, language: str = "en") -> Text:
    return Text(id=number, language=language, text=words)


def shares(index: LexicalIndex, question: str, language: str = "en") -> dict[int, float]:
    found = index.find(different_terms(question, language))
    return dict(zip(found.ids.tolist(), found.shares.tolist(), strict=True))


def matches(given: Sequence[float]) -> Matches:
    return Matches(np.arange(1, len(given) + 1, dtype=np.int64) * 10, np.array(given, np.float32))


TEXTS = st.dictionaries(
    st.integers(1, 40),
    st.tuples(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), st.sampled_from(LANGUAGES)),
    max_size=12,
).map(lambda kept: [text(number, words, language) for number, (words, language) in kept.items()])
QUESTIONS = st.tuples(st.lists(st.sampled_from([*WORDS, "unheard"]), max_size=4).map(" ".join), st.sampled_from(LANGUAGES))


# --- shares ------------------------------------------------------------------------------------------------------------------


@given(TEXTS, QUESTIONS)
def test_a_share_lies_between_nothing_and_all(texts: list[Text], question: tuple[str, str]) -> None:
    index = LexicalIndex.of(texts)
    found = index.find(different_terms(*question))
    assert found.size == index.size == len(texts)
    assert found.ids.tolist() == sorted(one.id for one in texts)
    assert np.all((found.shares >= 0) & (found.shares < 1))


def test_who_holds_more_of_the_question_has_the_larger_share() -> None:
    index = LexicalIndex.of(
        [text(1, "family visa border"), text(2, "family visa camp"), text(3, "family school camp"), text(4, "hospital")]
    )
    found = shares(index, "family visa border")
    assert found[1] > found[2] > found[3] > found[4] == 0
    assert shares(index, "unheard")[1] < 0.1


def test_who_holds_every_term_comes_near_to_all_and_nobody_else_does() -> None:
    others = [text(number, f"other{number} " * 90) for number in range(10, 60)]
    index = LexicalIndex.of([text(1, "family visa border " * 30), text(2, "family visa camp " * 30), *others])
    found = shares(index, "family visa border")
    assert found[1] > 0.9
    assert found[2] < 0.75
    assert shares(index, "family visa border unheard")[1] < 0.75


def test_a_term_that_is_repeated_adds_less_each_time() -> None:
    pad = [f"w{number}" for number in range(8)]
    index = LexicalIndex.of([text(held, " ".join((["visa"] * held + pad)[:8])) for held in (1, 2, 3, 4)])
    found = [shares(index, "visa")[held] for held in (1, 2, 3, 4)]
    steps = np.diff(found)
    assert np.all(steps > 0)
    assert np.all(np.diff(steps) < 0)


def test_a_long_passage_is_marked_down() -> None:
    index = LexicalIndex.of([text(1, "visa today"), text(2, "visa today " + " ".join(f"w{n}" for n in range(80)))])
    found = shares(index, "visa")
    assert found[1] > found[2] > 0


def test_a_rare_term_weighs_more_than_one_that_most_hold() -> None:
    index = LexicalIndex.of([text(number, "family" if number else "visa") for number in range(20)])
    found = shares(index, "family visa")
    assert found[0] > 2 * found[1]


def test_a_misspelt_word_still_finds_its_passage_first() -> None:
    index = LexicalIndex.of([text(1, "Family reunification"), text(2, "Resettlement"), text(3, "Naturalisation")])
    found = shares(index, "reunificaton")
    assert found[1] > 0.15
    assert max(found[2], found[3]) < found[1] / 2


def test_a_name_is_found_whatever_the_languages() -> None:
    index = LexicalIndex.of([text(1, "Ruf Ararat e.V. an", "de"), text(2, "Appelez la mairie", "fr")])
    found = shares(index, "كيف أتصل Ararat", "ar")
    assert found[1] > found[2] == 0


def test_terms_weigh_what_they_tell_in_the_language_of_the_passage() -> None:
    """A word that every French text holds tells nothing there, however few French texts there are."""
    french = [text(number, f"carte numéro{number}", "fr") for number in range(1, 4)]
    english = [text(number, f"other{number}") for number in range(10, 60)]
    alone, beside = LexicalIndex.of(french), LexicalIndex.of([*french, *english])
    for question in ("carte", "carte numéro1", "numéro3 unheard"):
        expected = shares(alone, question, "fr")
        found = shares(beside, question, "fr")
        assert {number: found[number] for number in expected} == pytest.approx(expected)


def test_terms_that_most_passages_hold_are_passed_over_once_the_index_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    index = LexicalIndex.of([text(number, f"common rare{number}" if number else "unlike") for number in range(40)])
    assert shares(index, "common")[1] > 0
    monkeypatch.setattr("knowledge.index.lexical.RARE", 5)
    assert set(shares(index, "common").values()) == {0.0}
    assert shares(index, "common rare7")[7] > 0.4


def test_every_term_counts_while_the_index_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.index.lexical.RARE", 40)
    index = LexicalIndex.of([text(number, "common") for number in range(40)])
    assert min(shares(index, "common").values()) > 0


# --- an index and how it came about ------------------------------------------------------------------------------------------


@given(TEXTS, TEXTS, st.sets(st.integers(1, 40)), st.lists(QUESTIONS, min_size=1, max_size=4))
def test_passages_taken_out_and_put_in_make_the_index_that_is_built_of_them(
    first: list[Text], later: list[Text], removed: set[int], questions: list[tuple[str, str]]
) -> None:
    removed |= {one.id for one in later}
    step_by_step = LexicalIndex.of(first).changed(removed=removed, added=later)
    at_once = LexicalIndex.of([*(one for one in first if one.id not in removed), *later])
    assert step_by_step.ids == at_once.ids
    for question in questions:
        found, expected = step_by_step.find(different_terms(*question)), at_once.find(different_terms(*question))
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_allclose(found.shares, expected.shares, atol=1e-6)


@given(st.lists(st.tuples(TEXTS, st.sets(st.integers(1, 40))), max_size=5))
def test_many_changes_leave_nothing_behind(steps: list[tuple[list[Text], set[int]]]) -> None:
    index = LexicalIndex.of([text(50, "family border")])
    for added, removed in steps:
        index = index.changed(removed=removed | {one.id for one in added}, added=added)
    index = index.changed(removed=index.ids - {50}, added=[])
    assert index.ids == {50}
    assert shares(index, "family visa") == pytest.approx(shares(LexicalIndex.of([text(50, "family border")]), "family visa"))


def test_a_change_leaves_the_old_index_as_it_was() -> None:
    old = LexicalIndex.of([text(1, "family"), text(2, "visa")])
    before = shares(old, "family visa")
    old.changed(removed=[1], added=[text(3, "family visa", "fr")])
    assert old.ids == {1, 2}
    assert shares(old, "family visa") == before


def test_an_empty_index_finds_nothing() -> None:
    index = LexicalIndex.of([])
    assert (index.size, index.ids, shares(index, "family")) == (0, frozenset(), {})
    assert index.find(different_terms("family", "en")).best(5).tolist() == []
    assert LexicalIndex.of([text(1, "family")]).changed(removed=[1], added=[]).size == 0


def test_a_passage_without_a_word_is_held_and_shares_nothing() -> None:
    index = LexicalIndex.of([text(1, "🆘"), text(2, "family")])
    assert index.ids == {1, 2}
    assert shares(index, "family")[1] == 0
    assert set(shares(index, "🆘").values()) == {0.0}


@given(texts=TEXTS, question=QUESTIONS)
def test_what_was_saved_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, texts: list[Text], question: tuple[str, str]
) -> None:
    path = tmp_path_factory.mktemp("words") / "public.words.npz"
    index = LexicalIndex.of(texts)
    index.save(path)
    again = LexicalIndex.load(path)
    assert again.ids == index.ids
    np.testing.assert_array_equal(again.find(different_terms(*question)).shares, index.find(different_terms(*question)).shares)
    more = [text(99, "family border", "fa")]
    np.testing.assert_array_equal(
        again.changed(removed=[1], added=more).find(different_terms(*question)).shares,
        index.changed(removed=[1], added=more).find(different_terms(*question)).shares,
    )


def _cut_short(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _one_bit(raw: bytes) -> bytes:
    at = raw.index(b"famili")
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def _pointer(raw: bytes) -> bytes:
    return b"version https://git-lfs.github.com/spec/v1\n"


def _nothing(raw: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [_cut_short, _one_bit, _pointer, _nothing])
def test_a_damaged_file_is_named(tmp_path: Path, damage: "type[bytes]") -> None:
    path = tmp_path / "public.words.npz"
    LexicalIndex.of([text(1, "family")]).save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IndexCorrupt, match=r"public\.words\.npz cannot be read: run `waypost knowledge build`"):
        LexicalIndex.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexCorrupt, match=r"public\.words\.npz"):
        LexicalIndex.load(tmp_path / "public.words.npz")


# --- matches -----------------------------------------------------------------------------------------------------------------


def test_the_best_are_those_not_far_below_the_first() -> None:
    found = matches([0.8, 0.1, 0.8 * NEAR_BEST, 0.5, 0.0])
    assert sorted(found.best(10).tolist()) == [10, 40]
    assert found.best(1).tolist() == [10]
    assert matches([0.0, 0.0]).best(5).tolist() == []


@given(st.lists(st.floats(0, 1, width=32), max_size=30), st.integers(1, 10))
def test_no_passage_left_out_is_better_than_one_of_the_best(given: list[float], limit: int) -> None:
    found = matches(given)
    best = found.best(limit)
    assert len(best) == len(set(best.tolist())) <= limit
    left: NDArray[np.int64] = np.setdiff1d(found.ids, best)
    if len(best) == limit and len(left):
        assert found.of(left).max() <= found.of(best).min()


def test_shares_are_asked_for_by_id_in_any_order() -> None:
    assert matches([0.25, 0.5, 0.75]).of(np.array([30, 10], np.int64)).tolist() == [0.75, 0.25]
    assert matches([0.25]).of(np.array([], np.int64)).tolist() == []
