"""The words of a text: how hard they are, and which no text may hold."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import regex
import yaml

from knowledge.linting.marks import Mark

BANNED_WORDS = Path(__file__).parent.parent / "banned_words.yaml"

SENTENCE = regex.compile(r"(?<=[.!?:;؟。])\s+|\n+")
WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’-]*")
_MARKS = regex.compile(r"[*_`#]")


def grade(text: str) -> float:
    """Return the years of school a text asks for, by Coleman and Liau: from letters and sentences to a hundred words.

    Made for English. Source: Journal of Applied Psychology 60 (1975), 283-284.
    """
    plain = _MARKS.sub("", text)
    words = WORD.findall(plain)
    sentences = [piece for piece in SENTENCE.split(plain) if WORD.search(piece)]
    letters = sum(map(len, words))
    return 5.88 * letters / max(len(words), 1) - 29.6 * len(sentences) / max(len(words), 1) - 15.8


def banned_marks(text: str, language: str) -> Iterator[Mark]:
    for sentence in SENTENCE.split(text):
        for found, instead in banned(sentence, language):
            yield Mark(key="", at=found, text=f'"{found}": {instead}')


def banned(sentence: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a sentence that no text may hold, with what to write instead."""
    for words, unless, instead in _banned_words().get(language, ()):
        if (found := words.search(sentence)) and not (unless and unless.search(sentence)):
            yield found.group(), instead


@cache
def _banned_words() -> dict[str, list[tuple[regex.Pattern[str], regex.Pattern[str] | None, str]]]:
    rows = yaml.safe_load(BANNED_WORDS.read_text(encoding="utf-8"))
    return {
        language: [
            (
                regex.compile(row["words"], regex.IGNORECASE),
                regex.compile(row["unless"], regex.IGNORECASE) if "unless" in row else None,
                row["instead"],
            )
            for row in listed
        ]
        for language, listed in rows.items()
    }


def folded(phrasing: str) -> str:
    return " ".join(WORD.findall(phrasing.casefold()))
