"""Passages and questions out of data sets in SQuAD's format, the same ones in the same order every time.

Paragraphs are cut at sentence ends into windows of 250 to 500 characters (a Chinese character counts three). XQuAD holds the
same paragraphs in twelve languages, so a window answers a question when it is cut from the question's paragraph in any of them.
None of these data are part of this repository: they are read from the folders the command line names.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

ENOUGH, MOST = 250, 500
CRUMB = 100
"""A last window shorter than this is added to the one before."""
TIMED_LANGUAGES = ("en", "ar")
TIMED_EACH = 60
JUDGED_EACH = 30

_SENTENCE = re.compile(r"(?<=[.!?؟۔।॥])\s+|(?<=[。！？；])")
_PHRASE = re.compile(r"(?<=[\s،,;:、，])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One window of a paragraph."""

    text: str
    language: str
    paragraph: str
    """Equal for all windows of a paragraph and of its translations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question and the paragraph that answers it."""

    text: str
    language: str
    paragraph: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What every stack is given."""

    passages: tuple[Passage, ...]
    timed: tuple[Question, ...]
    """Sixty English and sixty Arabic questions: what is timed."""
    judged: tuple[Question, ...]
    """Thirty questions a language of XQuAD: what quality is measured on."""

    @property
    def digest(self) -> str:
        """Twelve digits that stand for the passages, in order."""
        return hashlib.sha256("\0".join(passage.text for passage in self.passages).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paragraph:
    key: str
    language: str
    windows: tuple[str, ...]
    questions: tuple[str, ...]


def read_texts(xquad: Path, squad: Sequence[str], count: int) -> Texts:
    """Return ``count`` passages, fewer when there are not so many, and the questions whose paragraphs are among them.

    XQuAD's English and Arabic paragraphs come first, then its other languages and the files of ``squad`` in turn.

    Args:
        xquad: a checkout of ``deepmind/xquad``, or a folder of ``en.json``, ``ar.json`` …
        squad: more files, ``LANGUAGE=FILE``, or a file named after its language.
    """
    parallel = {language: list(_paragraphs(path, language, None)) for language, path in _xquad_files(xquad).items()}
    others = [list(_paragraphs(path, language, path.stem)) for language, path in map(_named, squad)]
    first = [parallel[language] for language in TIMED_LANGUAGES]
    rest = [own for language, own in parallel.items() if language not in TIMED_LANGUAGES]
    chosen, passages = _take([*_in_turn(first), *_in_turn([*rest, *others])], count)
    asked = {language: [one for one in own if (language, one.key) in chosen] for language, own in parallel.items()}
    return Texts(
        passages=tuple(passages),
        timed=tuple(question for language in TIMED_LANGUAGES for question in _questions(asked[language], TIMED_EACH, 0)),
        judged=tuple(question for own in asked.values() for question in _questions(own, JUDGED_EACH, 1)),
    )


def save_texts(texts: Texts, path: Path) -> None:
    """Write texts for the processes that measure."""
    path.write_text(json.dumps(asdict(texts), ensure_ascii=False), encoding="utf-8")


def load_texts(path: Path) -> Texts:
    """Read what ``save_texts`` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Texts(
        passages=tuple(Passage(**row) for row in content["passages"]),
        timed=tuple(Question(**row) for row in content["timed"]),
        judged=tuple(Question(**row) for row in content["judged"]),
    )


def _xquad_files(folder: Path) -> dict[str, Path]:
    files = {path.stem.removeprefix("xquad."): path for path in sorted(folder.glob("*.json"))}
    if missing := [language for language in TIMED_LANGUAGES if language not in files]:
        raise SystemExit(f"{folder} has no XQuAD file for {', '.join(missing)}: name a checkout of deepmind/xquad.")
    return files


def _named(entry: str) -> tuple[str, Path]:
    language, equals, path = entry.rpartition("=")
    language = language if equals else Path(path).stem
    if not re.fullmatch(r"[a-z]{2}", language):
        raise SystemExit(f"The language of {path} is not known: write --squad LANGUAGE={path}, such as tr={path}.")
    return language, Path(path)


def _paragraphs(path: Path, language: str, source: str | None) -> Iterator[_Paragraph]:
    """Yield the paragraphs of a file; those without a ``source`` share keys with the other languages of XQuAD."""
    for article, entry in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
        for number, paragraph in enumerate(entry["paragraphs"]):
            yield _Paragraph(
                key=f"{'xquad' if source is None else f'{source}-{language}'}-{article}-{number}",
                language=language,
                windows=tuple(windows(paragraph["context"])),
                questions=tuple(question["question"].strip() for question in paragraph["qas"]),
            )


def windows(text: str) -> Iterator[str]:
    """Yield the windows of a paragraph; together they hold all of its words, in order."""
    found: list[str] = []
    current = ""
    for piece in _pieces(" ".join(text.split())):
        joined = f"{current} {piece}".strip() if not _is_chinese(piece) else current + piece
        if current and (_cost(current) >= ENOUGH or _cost(joined) > MOST):
            found.append(current)
            current = piece
        else:
            current = joined
    if found and _cost(current) < CRUMB:
        found[-1] = f"{found[-1]} {current}"
    elif current:
        found.append(current)
    yield from found


def _pieces(text: str) -> Iterator[str]:
    """Yield sentences; those longer than a window are cut between phrases or words."""
    for sentence in filter(None, _SENTENCE.split(text)):
        if _cost(sentence) <= MOST:
            yield sentence.strip()
            continue
        held = ""
        for phrase in _PHRASE.split(sentence):
            if held and _cost(held + phrase) > ENOUGH:
                yield held.strip()
                held = ""
            held += phrase
        if held.strip():
            yield held.strip()


def _cost(text: str) -> int:
    return sum(3 if "\u3000" <= char <= "\u9fff" else 1 for char in text)


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def _in_turn(lists: Sequence[Sequence[_Paragraph]]) -> Iterator[_Paragraph]:
    """Yield the first of each list, then the second of each, and so on."""
    for row in zip_longest(*lists):
        yield from (one for one in row if one is not None)


def _take(paragraphs: Sequence[_Paragraph], count: int) -> tuple[set[tuple[str, str]], list[Passage]]:
    """Return whole paragraphs up to ``count`` windows, each text once: their (language, key), and the windows."""
    chosen: set[tuple[str, str]] = set()
    passages: dict[str, Passage] = {}
    for one in paragraphs:
        news = [window for window in one.windows if window not in passages]
        if len(passages) + len(news) > count:
            news = news[: count - len(passages)]
        elif news:
            chosen.add((one.language, one.key))
        passages.update({window: Passage(text=window, language=one.language, paragraph=one.key) for window in news})
    return chosen, list(passages.values())


def _questions(paragraphs: Sequence[_Paragraph], count: int, which: int) -> Iterator[Question]:
    """Yield one question of each of ``count`` paragraphs, evenly spread; ``which`` keeps two sets apart."""
    able = [one for one in paragraphs if len(one.questions) > which]
    for at in range(min(count, len(able))):
        one = able[at * len(able) // min(count, len(able))]
        yield Question(text=one.questions[which], language=one.language, paragraph=one.key)
