"""The order of what the parts of shelves found: documents once, subjects in one language, and nobody else's shelf."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.index.fusion import Fusion, Likeness, Reading
from knowledge.index.letters import Letters, Phrasing
from knowledge.index.lexical import LexicalIndex, Text
from knowledge.index.ranking import AUTHORITY_STEP, Place, Question, arrange, glance, rank
from knowledge.index.rows import Rows
from knowledge.index.snapshot import Shelf
from knowledge.index.vectors import VectorIndex
from knowledge.index.words import different_terms
from knowledge.passages import Audience, Authority, IndexRow, PassageKind

WIDE = 32
SAME = Reading(middle=0.5, slope=20)
FUSION = Fusion(second=0.0, usual=0.0, words=0.0, readings={"same": SAME, "cross": SAME})
WITH_WORDS = Fusion(second=0.0, usual=0.0, words=1.0, readings={"same": SAME, "cross": SAME})
WITH_SECOND = Fusion(second=1.0, usual=0.5, words=0.0, readings={"same": SAME, "cross": SAME})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A passage of a shelf, ``near`` the question by its first vector and perhaps by its second."""

    id: int
    near: float = 0.5
    text: str = ""
    version: int | None = None
    """Its own document when not given."""
    subject: str | None = None
    collection: str = "own"
    language: str = "en"
    kind: PassageKind = "lead"
    shows: int | None = None
    authority: Authority = Authority.GUIDANCE
    second: float | None = None
    is_answer: bool = True


def vector(near: float, about: int = 0) -> NDArray[np.float32]:
    """Return a unit vector that is ``near`` the question; the rest of it points where only texts ``about`` the same point."""
    made = np.zeros(WIDE, np.float32)
    made[0], made[1 + about % (WIDE - 1)] = near, (1 - near * near) ** 0.5
    return made


def vectors(entries: Sequence[tuple[int, float, int]]) -> VectorIndex:
    ids = np.array([number for number, *_ in entries], np.int64)
    return VectorIndex.of(ids, np.array([vector(near, about) for _, near, about in entries], np.float32).reshape(-1, WIDE))


def shelf(*entries: Entry, audience: Audience = Audience.PUBLIC) -> Shelf:
    rows = [
        IndexRow(
            id=one.id, audience=audience, text_sha256="", language=one.language, version_id=one.version or one.id,
            shows_id=one.shows or one.id, collection=one.collection, subject=one.subject or f"{one.version or one.id}.md",
            kind=one.kind, authority=one.authority, is_answer=one.is_answer,
        )
        for one in sorted(entries, key=lambda one: one.id)
    ]  # fmt: skip
    about = {name: number for number, name in enumerate(sorted({one.subject or str(one.version) for one in entries}))}
    places = {one.id: about[one.subject or str(one.version)] for one in entries}
    beside = [(one.id, one.second, places[one.id]) for one in entries if one.second is not None]
    texts = [Text(id=one.id, language=one.language, text=one.text) for one in entries if one.shows is None]
    return Shelf.of(
        Rows.of(rows),
        LexicalIndex.of(texts),
        Letters.of([]),
        vectors([(one.id, one.near, places[one.id]) for one in entries]),
        vectors(beside) if beside else None,
        None,
    )


def asked(
    text: str = "", *, language: str = "en", fallbacks: Sequence[str] = (), written: str = "en", second: bool = False
) -> Question:
    return Question(
        text=text,
        terms=different_terms(text, written),
        written=written,
        readable=(language, *fallbacks),
        vector=vector(1),
        first=vector(1),
        second=vector(1) if second else None,
        taught=None,
    )


def ranked(
    shelves: Sequence[Shelf], question: Question, fusion: Fusion, *, look: int, collection: str | None = None
) -> list[Place]:  # fmt: skip
    """Rank and arrange where everything may be shown."""
    everything = {number for one in shelves for number in one.rows.ids.tolist()}
    seen = [glance(one, question, fusion, look=look) for one in shelves]
    return arrange(rank(seen, question, fusion, collection=collection), question.readable, everything)


def order(
    *shelves: Shelf, question: Question | None = None, fusion: Fusion = FUSION, look: int = 64, collection: str | None = None
) -> list[int]:
    return [place.passage for place in ranked(shelves, question or asked(), fusion, look=look, collection=collection)]


# --- documents ---------------------------------------------------------------------------------------------------------------


def test_the_closest_comes_first() -> None:
    assert order(shelf(Entry(id=1, near=0.4), Entry(id=2, near=0.9), Entry(id=3, near=0.6))) == [2, 3, 1]


def test_a_document_has_one_place_with_its_closest_passage() -> None:
    found = order(
        shelf(
            Entry(id=1, version=7, near=0.5),
            Entry(id=2, version=7, near=0.8, kind="text"),
            Entry(id=3, version=7, near=0.7, kind="text"),
            Entry(id=4, version=8, near=0.6),
        )
    )
    assert found == [2, 4]


def test_what_is_equally_close_is_ordered_by_id() -> None:
    assert order(shelf(*(Entry(id=number) for number in range(1, 9)))) == list(range(1, 9))


def test_a_confidence_is_the_closeness_read_for_the_languages() -> None:
    pairs = {
        "same": Reading(middle=0.5, slope=10),
        "cross": Reading(middle=0.3, slope=10),
        "en>ar": Reading(middle=0.6, slope=10),
    }
    fusion = Fusion(second=0, usual=0, words=0, readings=pairs)
    entries = (Entry(id=1, near=0.5), Entry(id=2, near=0.5, language="fr"), Entry(id=3, near=0.5, language="ar"))
    found = {place.passage: place.confidence for place in ranked([shelf(*entries)], asked(), fusion, look=9)}
    assert found == {
        1: pytest.approx(0.5, abs=0.01), 2: pytest.approx(pairs["cross"].confidence(0.5), abs=0.01),
        3: pytest.approx(pairs["en>ar"].confidence(0.5), abs=0.01),
    }  # fmt: skip


def test_what_words_alone_found_is_scored_by_vectors_too() -> None:
    entries = [Entry(id=number, near=0.5 - number / 100, text="other", is_answer=False) for number in range(1, 9)]
    held = Entry(id=9, near=0.2, text="form I-589", is_answer=False)
    assert order(shelf(*entries, held), question=asked("form I-589"), look=2) == [1, 2, 9]
    assert order(shelf(*entries, held), question=asked("form I-589"), look=2, fusion=WITH_WORDS)[0] == 9


def test_a_phrasing_has_the_words_of_what_it_shows() -> None:
    found = shelf(
        Entry(id=1, version=7, near=0.1, text="the form I-589"),
        Entry(id=2, version=7, near=0.6, kind="phrasing", shows=1),
        Entry(id=3, version=8, near=0.8, text="another"),
        Entry(id=4, version=8, near=0.7, kind="phrasing", shows=3),
    )
    assert order(found, question=asked("I-589"), fusion=WITH_WORDS) == [2, 3]


def test_vectors_that_are_ahead_of_the_rows_are_left_out() -> None:
    ahead = shelf(Entry(id=1), Entry(id=2))
    behind = shelf(Entry(id=1))
    found = Shelf.of(behind.rows, behind.words, behind.letters, ahead.first, None, None)
    assert order(found) == [1]


@pytest.mark.parametrize("question", [asked(""), asked("family"), asked("🆘")])
def test_a_shelf_that_is_empty_or_not_given_finds_nothing(question: Question) -> None:
    assert order(shelf(), question=question) == order(question=question) == []


# --- the second encoder ------------------------------------------------------------------------------------------------------


def test_the_second_encoder_is_heard_for_texts_in_another_language_than_the_question() -> None:
    found = shelf(
        Entry(id=1, near=0.6, second=0.9),
        Entry(id=2, near=0.5, second=0.9, language="fr"),
        Entry(id=3, near=0.7, language="sw"),
        Entry(id=4, near=0.6, second=0.1, language="ar"),
    )
    assert order(found, question=asked(second=True), fusion=WITH_SECOND) == [2, 3, 1, 4]
    assert order(found, question=asked(second=False), fusion=WITH_SECOND) == [3, 1, 4, 2]


# --- languages ---------------------------------------------------------------------------------------------------------------

EN = Entry(id=1, near=0.9, subject="P08")
FR = Entry(id=2, near=0.4, subject="P08", language="fr")
AR = Entry(id=3, near=0.6, subject="P08", language="ar")
OTHER = Entry(id=4, near=0.7)


def test_of_a_subject_the_persons_language_is_shown_with_the_confidence_of_the_nearest() -> None:
    found = ranked([shelf(EN, FR, AR, OTHER)], asked(language="fr"), FUSION, look=9)
    assert [place.passage for place in found] == [2, 4]
    assert found[0].confidence == pytest.approx(SAME.confidence(0.9), abs=0.01)
    assert order(shelf(EN, FR, AR, OTHER))[0] == 1


def test_without_the_persons_language_the_nearest_language_is_shown_alone() -> None:
    found = order(shelf(EN, FR, AR, Entry(id=9, near=0.5, subject="P08")), question=asked(language="sw"))
    assert found == [1, 9]


def test_without_the_persons_language_one_they_also_read_is_shown() -> None:
    assert order(shelf(EN, FR, AR, OTHER), question=asked(language="sw", fallbacks=("so", "ar", "fr"))) == [3, 4]
    assert order(shelf(EN, FR, AR, OTHER), question=asked(language="fr", fallbacks=("ar",))) == [2, 4]
    far = Entry(id=3, near=-0.9, subject="P08", language="ar")
    others = [Entry(id=number, near=0.8) for number in range(10, 20)]
    assert order(shelf(EN, far, *others), question=asked(language="sw", fallbacks=("ar",)), look=5)[0] == 3


def test_several_documents_of_a_subject_in_the_persons_language_have_a_place_each() -> None:
    more = Entry(id=9, near=0.5, subject="P08", language="fr")
    found = ranked([shelf(EN, FR, more, OTHER)], asked(language="fr"), FUSION, look=9)
    assert [place.passage for place in found] == [9, 4, 2]


def test_the_direct_answer_in_the_persons_language_comes_when_nothing_of_it_was_near() -> None:
    entries = [Entry(id=number, near=0.8) for number in range(10, 20)]
    found = ranked(
        [shelf(EN, Entry(id=2, near=-0.9, subject="P08", language="fr"), *entries)], asked(language="fr"), FUSION, look=5
    )
    assert found[0].passage == 2
    assert found[0].confidence == pytest.approx(SAME.confidence(0.9), abs=0.01)


def test_a_section_is_no_direct_answer() -> None:
    entries = [Entry(id=number, near=0.8) for number in range(10, 20)]
    section = Entry(id=2, near=-0.9, subject="P08", language="fr", kind="text")
    assert order(shelf(EN, section, *entries), question=asked(language="fr"), look=5)[0] == 1


def test_one_name_in_two_collections_is_two_subjects() -> None:
    found = order(
        shelf(EN, Entry(id=2, near=0.4, subject="P08", language="fr", collection="pathways")), question=asked(language="fr")
    )
    assert found == [1, 2]


# --- authority ---------------------------------------------------------------------------------------------------------------


def test_of_what_is_equally_close_the_higher_authority_comes_first() -> None:
    entries = [Entry(id=number, authority=authority) for number, authority in enumerate(reversed(Authority), start=1)]
    assert order(shelf(*entries)) == [5, 4, 3, 2, 1]


def test_authority_does_not_outweigh_what_is_plainly_closer() -> None:
    whole_way = AUTHORITY_STEP * (len(Authority) - 1)
    near, far = 0.6, 0.6 - whole_way - 0.01
    assert order(shelf(Entry(id=1, near=far, authority=Authority.LAW), Entry(id=2, near=near, authority=Authority.NEWS))) == [
        2,
        1,
    ]
    assert whole_way < 0.05


# --- collections and audiences -----------------------------------------------------------------------------------------------


def test_one_collection_is_ranked_alone() -> None:
    found = shelf(
        Entry(id=1, near=0.9), Entry(id=2, near=0.4, collection="pathways"), Entry(id=3, near=0.6, collection="pathways")
    )
    assert order(found, collection="pathways") == [3, 2]
    assert order(found, collection="nothing") == []


def test_shelves_are_ranked_in_one_list() -> None:
    public = shelf(Entry(id=1, near=0.9), Entry(id=3, near=0.3))
    staff = shelf(Entry(id=2, near=0.6), audience=Audience.STAFF)
    assert order(public, staff) == order(staff, public) == [1, 2, 3]


ENTRIES = st.lists(
    st.builds(
        lambda near, version, subject, language, authority, words: Entry(
            id=0, near=near, version=version, subject=subject, language=language, authority=authority, text=" ".join(words)
        ),
        st.sampled_from([-0.5, 0.0, 0.2, 0.5, 0.7, 0.9]), st.integers(1, 6), st.sampled_from(["P08", "P21"]),
        st.sampled_from(["en", "fr", "ar"]), st.sampled_from(Authority),
        st.lists(st.sampled_from(["family", "visa", "أسرة"]), max_size=3),
    ),
    max_size=10,
)  # fmt: skip


def numbered(entries: Sequence[Entry], first: int, subjects: str) -> list[Entry]:
    """Give entries ids from ``first``, documents of one language each, and subjects of this shelf alone."""
    found: list[Entry] = []
    spoken: dict[int, Entry] = {}
    for number, one in enumerate(entries):
        as_first = spoken.setdefault(one.version or 0, one)
        found.append(
            Entry(
                id=first + number, near=one.near, version=first + (one.version or 0), subject=f"{subjects} {as_first.subject}",
                language=as_first.language, authority=as_first.authority, text=one.text,
            )
        )  # fmt: skip
    return found


@given(ENTRIES, ENTRIES, st.sampled_from(["en", "fr", "sw"]), st.sampled_from(["", "family", "visa أسرة"]))
def test_one_shelf_changes_nothing_in_what_another_gives(
    public: list[Entry], staff: list[Entry], language: str, text: str
) -> None:
    ours, theirs = shelf(*numbered(public, 100, "ours")), shelf(*numbered(staff, 900, "theirs"), audience=Audience.STAFF)
    question = asked(text, language=language)
    alone = ranked([ours], question, WITH_WORDS, look=64)
    together = ranked([ours, theirs], question, WITH_WORDS, look=64)
    known = set(ours.rows.ids.tolist())
    assert {place.passage for place in alone} <= known
    assert by_passage(alone) == by_passage([place for place in together if place.passage in known])


def by_passage(places: Sequence[Place]) -> dict[int, float]:
    return {place.passage: place.confidence for place in places}


@given(ENTRIES, st.sampled_from(["en", "fr", "sw"]), st.integers(1, 5))
def test_every_document_has_at_most_one_place_and_every_subject_one_language(
    entries: list[Entry], language: str, look: int
) -> None:
    own = numbered(entries, 100, "own")
    places = ranked([shelf(*own)], asked("family", language=language), WITH_WORDS, look=look)
    known = {one.id: one for one in own}
    shown = [known[place.passage] for place in places]
    assert len({one.version for one in shown}) == len(shown)
    assert len({(one.subject, one.language) for one in shown}) == len({one.subject for one in shown})
    assert [place.closeness for place in places] == sorted((place.closeness for place in places), reverse=True)
    if look >= len(own):
        assert {one.subject for one in shown} == {one.subject for one in own}
        for subject in {one.subject for one in own if one.language == language}:
            assert {one.language for one in shown if one.subject == subject} == {language}


# --- portraits ---------------------------------------------------------------------------------------------------------------

AS_A_WHOLE = replace(FUSION, likeness_weights=Likeness(told=1.0, words=0.5))


def entry(version: int, lead: float, *phrasings: float, text: str = "", is_answer: bool = True) -> list[Entry]:
    first = version * 100
    said = [Entry(id=first, version=version, near=lead, text=text, is_answer=is_answer)]
    return said + [
        Entry(id=first + at, version=version, near=near, kind="phrasing", shows=first, is_answer=is_answer)
        for at, near in enumerate(phrasings, start=1)
    ]


LUCKY, STEADY = entry(1, 0.1, 0.9, *[0.1] * 20), entry(2, 0.7, *[0.7] * 21)
ABOUT = {number: np.eye(WIDE, dtype=np.float32)[number] for number in range(WIDE)}


def told_apart(*entries: Entry) -> Shelf:
    """Return a shelf whose taught vectors lie around ``ABOUT`` their version."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=(len(entries), WIDE)).astype(np.float32)
    made = np.array([ABOUT[one.version or 0] for one in entries]) + noise
    taught = VectorIndex.of(np.array([one.id for one in entries]), made / np.linalg.norm(made, axis=1, keepdims=True))
    found = shelf(*entries)
    return Shelf.of(found.rows, found.words, found.letters, found.first, found.second, taught)


def about(version: int) -> Question:
    return replace(asked(), taught=ABOUT[version])


def test_an_entry_that_is_like_the_question_as_a_whole_goes_before_one_lucky_phrasing() -> None:
    found = told_apart(*LUCKY, *STEADY)
    assert order(found, question=about(2))[0] == 101
    assert order(found, question=about(2), fusion=AS_A_WHOLE)[0] // 100 == 2


def test_the_middle_of_every_entry_is_as_like_it_whatever_the_shelf() -> None:
    """So that entries for everybody and for staff stand in one list."""
    for found in (told_apart(*LUCKY, *STEADY), told_apart(*entry(7, 0.1, 0.2), *entry(8, 0.3, *[0.4] * 30), *entry(9, 0.2))):
        portraits = found.portraits
        for place, version in enumerate(portraits.versions.tolist()):
            own = found.rows.ids[found.rows.versions == version]
            assert found.taught is not None
            middle = found.taught.vectors(own).mean(axis=0)
            assert portraits.likeness("", "en", [], middle, None, AS_A_WHOLE)[place] == pytest.approx(1, abs=0.01)


def test_the_words_of_all_of_an_entry_count() -> None:
    found = shelf(*entry(1, 0.5, text="nothing"), *entry(2, 0.45, text="the ransom"))
    assert order(found, question=asked("ransom"))[0] == 100
    assert order(found, question=asked("ransom"), fusion=AS_A_WHOLE)[0] == 200


def test_an_entry_is_looked_at_for_its_portrait_alone() -> None:
    near = [one for version in range(1, 7) for one in entry(version, 0.8, is_answer=False)]
    alike, unlike = entry(9, 0.7, 0.75, 0.75), entry(8, 0.1, 0.0, 0.1)
    assert order(shelf(*near, *unlike, *alike), fusion=AS_A_WHOLE, look=2)[0] // 100 == 9


def test_an_organisations_own_document_has_no_portrait() -> None:
    own = shelf(*entry(1, 0.1, 0.9, is_answer=False), *entry(2, 0.8, 0.8, is_answer=False))
    assert order(own, fusion=AS_A_WHOLE) == order(own)


def test_a_portrait_says_which_entry_and_the_closest_passage_whether_any() -> None:
    places = ranked([told_apart(*LUCKY, *STEADY)], about(2), AS_A_WHOLE, look=64)
    assert [place.passage // 100 for place in places] == [2, 1]
    assert places[0].confidence == pytest.approx(SAME.confidence(0.7), abs=0.01)
    assert places[1].confidence == pytest.approx(SAME.confidence(0.9), abs=0.01)


def test_the_taught_vectors_of_an_entry_are_looked_at_and_count() -> None:
    taught = {100: 0.1, 200: 0.9}
    made = replace(shelf(*entry(1, 0.8), *entry(2, 0.7)), taught=vectors([(at, near, 0) for at, near in taught.items()]))
    made = replace(made, in_taught=np.isin(made.rows.ids, list(taught)))
    question = replace(asked(), taught=vector(1))
    counts = replace(FUSION, likeness_weights=Likeness(taught=1.0, taught_usual=0.9))
    assert order(made, question=question) == [100, 200]
    assert order(made, question=question, fusion=counts) == [200, 100]
    assert order(made, question=question, fusion=counts, look=1)[0] == 200  # nearest by nothing else


def test_entries_are_read_by_curves_of_their_own_and_own_documents_as_before() -> None:
    made = shelf(*entry(1, 0.5), *entry(2, 0.5, is_answer=False))
    made = replace(made, taught=vectors([(100, 0.6, 0)]), in_taught=made.rows.ids == 100)
    curve = Reading(middle=0.1, slope=5)
    fusion = replace(FUSION, entries={"same": curve, "cross": SAME}, likeness_weights=Likeness(taught=0.5, taught_usual=0.4))
    read = {place.passage: place.confidence for place in ranked([made], replace(asked(), taught=vector(1)), fusion, look=64)}
    assert read[100] == pytest.approx(curve.confidence(0.5 + 0.5 * (0.6 - 0.4)), abs=1e-3)
    assert read[200] == pytest.approx(SAME.confidence(0.5), abs=1e-3)


def spelt(*subjects: str) -> Letters:
    """Return letters that know these entries by their names."""
    return Letters.of([Phrasing(("own", name), "en", f"{name} {end}") for name in subjects for end in "abcd"])


def test_an_entry_is_known_by_how_its_questions_are_spelt() -> None:
    named = [
        replace(one, subject=name) for name, version in (("visa", 1), ("camp", 2), ("food", 3)) for one in entry(version, 0.5)
    ]
    made = replace(shelf(*named), letters=spelt("visa", "camp", "food"))
    fusion = replace(FUSION, likeness_weights=Likeness(spelt=0.5))
    assert [order(made, question=asked(name), fusion=fusion)[0] for name in ("visa", "camp", "food")] == [100, 200, 300]


def test_an_entry_whose_letters_are_not_known_is_neither_first_nor_last_for_that() -> None:
    named = [
        replace(one, subject=name) for name, version in (("visa", 1), ("camp", 2), ("food", 3)) for one in entry(version, 0.5)
    ]
    made = replace(shelf(*named, *entry(4, 0.5)), letters=spelt("visa", "camp", "food"))
    fusion = replace(FUSION, likeness_weights=Likeness(spelt=0.5, unspelt=0.5))
    assert order(made, question=asked("camp"), fusion=fusion)[:2] == [200, 400]


def test_a_question_in_a_language_without_entries_is_compared_with_all() -> None:
    found = told_apart(*LUCKY, *STEADY)
    assert order(found, question=replace(about(2), written="hi"), fusion=AS_A_WHOLE)[0] // 100 == 2


def test_variants_of_a_subject_are_alike_as_a_whole() -> None:
    """A variant with few phrasings in the question's language is known by those of the others."""
    french = [replace(one, language="fr", subject="P08", near=0.6) for one in entry(3, 0.6)]
    english = [replace(one, subject="P08") for one in entry(2, 0.9, 0.9, 0.9)] + entry(4, 0.2, 0.2, 0.2)
    other = [replace(one, language="fr") for one in entry(1, 0.64, 0.6, 0.6)]
    question = asked(language="fr", written="fr")
    assert order(shelf(*french, *other), question=question, fusion=AS_A_WHOLE)[0] == 100
    assert order(shelf(*french, *english, *other), question=question, fusion=AS_A_WHOLE)[0] == 300
