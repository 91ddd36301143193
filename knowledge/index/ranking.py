"""From a question to passages in order: what the parts of each audience's shelf found, in one list.

Knows no database. So it goes in steps: :func:`glance` and :func:`rank` say what is close, somebody asks which of it may be
shown now, and :func:`arrange` chooses among that the language of each subject. The other way round, a translation that waits for
its first day would hide the text it translates.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowledge.index.fusion import Fusion
from knowledge.index.lexical import Matches
from knowledge.index.nearest import Ids, Nearest, Scores, Vectors
from knowledge.index.rows import AUTHORITIES, Subject
from knowledge.index.snapshot import Shelf
from knowledge.passages import Authority

AUTHORITY_STEP = 0.005
"""Closeness that each step from news to law is worth: it decides between passages that answer equally well, and no others."""
KEPT = 64
"""Documents of a shelf that are ranked, or as many as were looked for: what comes after is shown to nobody."""
ORDINARY = AUTHORITIES.index(Authority.GUIDANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as the parts of an index take it."""

    text: str
    terms: Collection[str]
    """Its different terms, see ``words``."""
    written: str
    """ISO 639-1 code of what it is written in."""
    readable: tuple[str, ...]
    """ISO 639-1 codes of what the person reads, the best first."""
    vector: Vectors
    """By the first encoder."""
    first: Vectors
    """The same without what all questions in its language share."""
    second: Vectors | None
    """By the second one, if it knows the language."""
    taught: Vectors | None
    """By the taught one, if there are entries it tells apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What two parts of a shelf say to a question, before the second encoder is asked."""

    shelf: Shelf
    look: int
    words: Matches
    near: Ids
    """In no order, some perhaps twice."""
    likeness: Scores
    """To each portrait."""


class Found(NamedTuple):
    """The closest passage of one wording of a document."""

    passage: int
    closeness: float
    confidence: float
    language: str
    subject: Subject
    leads: tuple[tuple[int, ...], ...]
    """The subject's direct answers in each language that the person reads, of each the newest first."""

    @property
    def passages(self) -> tuple[int, ...]:
        """The passage, and what may be shown in its place."""
        return (self.passage, *chain.from_iterable(self.leads))


class Place(NamedTuple):
    """A passage in the order in which people are shown it."""

    passage: int
    closeness: float
    confidence: float
    found: Sequence[Found]
    """All that was found of its subject."""

    @property
    def rests_on(self) -> set[int]:
        """The passages that must be shown for this place to be what it is."""
        return {self.passage, *(one.passage for one in self.found)}


def glance(shelf: Shelf, question: Question, fusion: Fusion, *, look: int) -> Glance:
    """Look for the ``look`` nearest by the first encoder and by words, and for the entries most like the question."""
    read = question.vector if question.taught is None else question.taught
    likeness = shelf.portraits.likeness(question.text, question.written, question.terms, read, question.second, fusion)
    words = shelf.words.find(question.terms)
    nearest = [part.search(vector, limit=look)[0] for part, vector in _parts(shelf, question)]
    near = np.concatenate([*nearest, words.best(look), shelf.portraits.foremost(likeness)])
    return Glance(shelf=shelf, look=look, words=words, near=near, likeness=likeness)


def rank(glances: Iterable[Glance], question: Question, fusion: Fusion, *, collection: str | None = None) -> list[Found]:
    """Return what was glanced at, and what the second encoder finds where the question has its vector, best first."""
    found = [one for seen in glances for one in _documents(seen, question, fusion, collection)]
    return sorted(found, key=lambda one: (-one.closeness, one.passage))


def arrange(found: Sequence[Found], readable: Sequence[str], shown: Collection[int]) -> list[Place]:
    """Return the order in which ``found`` is shown to a person who reads these languages, of what is in ``shown``.

    Of a subject one language appears: the first that the person reads, else that of what is closest. It appears with the
    subject's best scores.
    """
    subjects: dict[Subject, list[Found]] = {}
    for one in found:
        if one.passage in shown:
            subjects.setdefault(one.subject, []).append(one)
    places = [place for own in subjects.values() for place in _places(own, readable, shown)]
    return sorted(places, key=lambda place: -place.closeness)


def _places(found: Sequence[Found], readable: Sequence[str], shown: Collection[int]) -> Iterator[Place]:
    best, own = found[0], list[Found]()
    for language, leads in zip(readable, best.leads, strict=True):
        own = [one for one in found if one.language == language]
        lead = next((lead for lead in leads if lead in shown), None)
        if own:
            break
        if lead is not None:
            yield Place(lead, best.closeness, best.confidence, found)
            return
    first, *others = own or [one for one in found if one.language == best.language]
    yield Place(first.passage, best.closeness, best.confidence, found)
    for one in others:
        yield Place(one.passage, one.closeness, one.confidence, found)


def _documents(seen: Glance, question: Question, fusion: Fusion, collection: str | None) -> list[Found]:
    """Return the closest documents of which any part of a shelf found a passage, scored by all parts."""
    shelf, rows = seen.shelf, seen.shelf.rows
    ids = _candidates(seen, question)
    places = rows.places(ids)
    if collection is not None:
        asked = rows.of_collection(collection)[places]
        ids, places = ids[asked], places[asked]
    first, second = shelf.first.scores(question.first, ids), _second(shelf, question, ids, places)
    closeness = fusion.closeness(first, second, seen.words.of(rows.shows[places]))
    closeness += AUTHORITY_STEP * (ORDINARY - rows.authority[places])
    taught = _taught(shelf, question, ids, places)
    is_entry = np.isfinite(taught) & bool(fusion.entries)
    total = closeness + shelf.portraits.spread(seen.likeness, rows.versions[places]) + fusion.taught(taught)
    read = np.where(is_entry, total, closeness)
    confidence = fusion.confidence(read, question.written, rows.languages, rows.language[places], is_entry)
    order = np.lexsort((ids, -total))
    _, firsts = np.unique(rows.versions[places][order], return_index=True)
    best = order[np.sort(firsts)[: max(seen.look, KEPT)]]
    subjects = rows.subject[places[best]].tolist()
    columns = (
        ids[best].tolist(),
        total[best].tolist(),
        confidence[best].tolist(),
        [rows.languages[one] for one in rows.language[places[best]].tolist()],
        [rows.subjects[one] for one in subjects],
        rows.leads(subjects, question.readable),
    )
    return list(map(Found, *columns))


def _candidates(seen: Glance, question: Question) -> Ids:
    """Return what the parts found, each once; a database that keeps vectors may know more than the rows do."""
    near = seen.near
    if seen.shelf.second is not None and question.second is not None:
        near = np.concatenate([near, seen.shelf.second.search(question.second, limit=seen.look)[0]])
    ids = np.unique(near)
    return ids[seen.shelf.rows.holds(ids)]


def _parts(shelf: Shelf, question: Question) -> list[tuple[Nearest, Vectors]]:
    """Return what is always searched: by the first encoder, and by the taught one where both sides have it."""
    taught = [] if shelf.taught is None or question.taught is None else [(shelf.taught, question.taught)]
    return [(shelf.first, question.first), *taught]


def _second(shelf: Shelf, question: Question, ids: Ids, places: Ids) -> Scores:
    """Return the second encoder's products with passages in other languages; NaN for those it does not know."""
    foreign = np.array([language != question.written for language in shelf.rows.languages], np.bool_)
    return _products(shelf.second, question.second, ids, shelf.in_second[places] & foreign[shelf.rows.language[places]])


def _taught(shelf: Shelf, question: Question, ids: Ids, places: Ids) -> Scores:
    """Return the taught encoder's products with passages of curated entries; NaN for others."""
    return _products(shelf.taught, question.taught, ids, shelf.in_taught[places])


def _products(part: Nearest | None, vector: Vectors | None, ids: Ids, asked: NDArray[np.bool_]) -> Scores:
    """Return the inner products with those of ``ids`` that are asked for; NaN for the others, and where nothing can be asked."""
    scores = np.full(len(ids), np.nan, np.float32)
    if part is not None and vector is not None:
        scores[asked] = part.scores(vector, ids[asked])
    return scores
