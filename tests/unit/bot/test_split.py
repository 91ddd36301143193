"""Splitting a reply loses nothing and tears nothing that belongs together."""

import itertools

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.deliveries import TELEGRAM_LIMIT, utf16_length
from bot.service.split import split_text

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
BARE_VOWEL = "ب\u064e"
GRAPHEMES = [
    "a", "Z", "7", " ", "\n", "\n\n", ". ", "؟ ", "。", "-",
    "ش", BARE_VOWEL, "نمی\u200cخواهم", "ሰ", "я", "e\u0301", "o\u0302\u0323",
    "👍", "😀", "❤\ufe0f", "1\ufe0f\u20e3", FAMILY, "🏳\ufe0f\u200d🌈",
]  # fmt: skip


def borders(text: str) -> set[int]:
    """Return where one grapheme of ``text`` ends and the next begins."""
    return {0, *itertools.accumulate(len(cluster) for cluster in regex.findall(r"\X", text))}


def cuts(pieces: list[str]) -> list[int]:
    return list(itertools.accumulate(len(piece) for piece in pieces))


@given(text=st.text(max_size=400), limit=st.integers(16, 64))
@settings(deadline=None, max_examples=300)
def test_pieces_joined_are_the_text_and_each_fits(text: str, limit: int) -> None:
    pieces = split_text(text, limit)
    assert "".join(pieces) == text
    assert all(utf16_length(piece) <= limit for piece in pieces)
    assert all(pieces) or pieces == [""]


@given(parts=st.lists(st.sampled_from(GRAPHEMES), max_size=120), limit=st.integers(24, 90))
@settings(deadline=None, max_examples=300)
def test_no_joined_emoji_and_no_combining_mark_is_torn(parts: list[str], limit: int) -> None:
    text = "".join(parts)
    assert set(cuts(split_text(text, limit))) <= borders(text)


@given(text=st.text(alphabet="😀🚑𐎠a", min_size=1, max_size=300), limit=st.integers(16, 40))
@settings(deadline=None)
def test_a_surrogate_pair_is_never_torn(text: str, limit: int) -> None:
    for piece in split_text(text, limit):
        assert piece.encode("utf-16-le").decode("utf-16-le", errors="strict") == piece


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("aaaa bbbb\n\ncccc dddd eeee", "aaaa bbbb\n\n"),
        ("aaaa bbbb.\ncccc dddd eeee", "aaaa bbbb.\n"),
        ("aaaa bbbb. cccc dddd eeee", "aaaa bbbb. "),
        ("هل أنت بخير؟ اكتب لنا الآن", "هل أنت بخير؟ "),
        ("aaaa bbbb cccc dddd eeee", "aaaa bbbb cccc "),
        ("a\n\nbbbbbbbbbbb ccccccccccccc", "a\n\nbbbbbbbbbbb "),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnop"),
    ],
    ids=["blank line", "line", "sentence", "Arabic question", "word", "a break too early is passed over", "no break at all"],
)
def test_a_piece_ends_where_a_reader_would_pause(text: str, first: str) -> None:
    assert split_text(text, 16)[0] == first


def test_a_text_that_fits_is_left_whole() -> None:
    assert split_text("") == [""]
    assert split_text("x" * TELEGRAM_LIMIT) == ["x" * TELEGRAM_LIMIT]
    assert [utf16_length(piece) for piece in split_text("😀" * 2049)] == [4096, 2]


@pytest.mark.parametrize("word", ["مساعدة ", "نمی\u200cخواهم", BARE_VOWEL, FAMILY, "слово. ", "ቃል፡"])
def test_ten_thousand_characters_of_any_script_are_split_cleanly(word: str) -> None:
    text = (word * (10_000 // len(word) + 1))[:10_000]
    text = text[: max(border for border in borders(text) if border <= len(text) - len(word))]
    pieces = split_text(text)
    assert "".join(pieces) == text
    assert max(map(utf16_length, pieces)) <= TELEGRAM_LIMIT
    assert set(cuts(pieces)) <= borders(text)
    assert len(pieces) <= 2 + utf16_length(text) // (TELEGRAM_LIMIT // 2)


def test_a_space_that_carries_a_mark_is_no_break() -> None:
    text = "aaaa bbbbb \u0301cccc dddd"
    assert set(cuts(split_text(text, 16))) <= borders(text)


@pytest.mark.parametrize("sign", ["👍🏽", "🇺🇦", "\r\n"], ids=["skin tone", "flag", "line end"])
def test_a_sign_of_two_code_points_is_not_torn(sign: str) -> None:
    text = "a" * (16 - utf16_length(sign[0])) + sign + "b" * 8
    assert set(cuts(split_text(text, 16))) <= borders(text)
