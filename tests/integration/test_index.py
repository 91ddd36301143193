"""Build, swap and search: who sees what, when it stops, and what is said when it cannot serve."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy import delete, update
from unit.knowledge.samples import NOW, PUBLIC, STAFF, database, sample

from knowledge.errors import IndexCorrupt, IndexMissing, IndexStale, KnowledgeError
from knowledge.index.build import KEPT_AFTER, build_index
from knowledge.index.encoder import Encoder, HashEncoder, names_of
from knowledge.index.manifest import Manifest, load_current
from knowledge.index.search import Searcher
from knowledge.index.snapshot import FaissFiles, Snapshot, open_snapshot
from knowledge.passages import Audience, Authority, Document, Hit, sealed
from knowledge.store import KnowledgeStore
from knowledge.tables import embedding

ROOT = Path(__file__).parents[2]
EVERYBODY = frozenset(Audience)
WORDS = ("family", "visa", "border", "école", "أسرة", "家庭", "خانواده‌ام", "camp")
ASKED = "Family reunification lets relatives join"


class Counting(HashEncoder):
    """Counts the passages it is given; may have an encoder beside it."""

    def __init__(self, dim: int = 64, *, languages: frozenset[str] = frozenset(), second: Encoder | None = None) -> None:
        super().__init__(dim)
        self._languages, self._second = languages, second
        self.passages = 0

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    @property
    def second(self) -> Encoder | None:
        return self._second

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.passages += len(texts)
        return super().encode_passages(texts)


def with_second(*languages: str, dim: int = 32) -> Counting:
    return Counting(second=Counting(dim, languages=frozenset(languages)))


class Room:
    """A store, an encoder and an index in one folder, and a clock that is moved by hand."""

    def __init__(self, folder: Path, documents: Sequence[Document] = (), encoder: Encoder | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.engine = database(folder)
        self.store, self.encoder, self.folder = KnowledgeStore(self.engine), encoder or HashEncoder(), folder / "index"
        self.said: list[str] = []
        self.now = NOW
        self.searcher = self.another(self.encoder)
        if documents:
            self.publish(*documents)
            self.build()

    def another(self, encoder: Encoder) -> Searcher:
        return Searcher(self.store, encoder, self.folder, clock=lambda: self.now)

    def publish(self, *documents: Document) -> None:
        self.store.publish(documents, now=self.now)

    def withdraw(self, path: str) -> None:
        self.store.withdraw("pathways", path, now=self.now)

    def build(self, encoder: Encoder | None = None, *, anew: bool = False) -> Manifest:
        return build_index(
            self.store, encoder or self.encoder, self.folder, self.now, progress=self.said.append, anew=anew
        )  # fmt: skip

    def fits(self, encoder: Encoder | None = None) -> bool:
        manifest = load_current(self.folder)
        return manifest.fits(names_of(encoder or self.encoder), FaissFiles().name, self.store.corpus_hash(self.now))

    def hits(
        self, text: str, *, language: str = "en", audiences: frozenset[Audience] = PUBLIC, limit: int = 5,
        collection: str | None = None,
    ) -> Sequence[Hit]:  # fmt: skip
        found = self.searcher.search(text, language=language, audiences=audiences, limit=limit, collection=collection)
        return found.hits

    def paths(self, text: str, *, language: str = "en", audiences: frozenset[Audience] = PUBLIC, limit: int = 5) -> list[str]:
        return [hit.document_id for hit in self.hits(text, language=language, audiences=audiences, limit=limit)]

    def languages(self, text: str, *, language: str) -> list[str]:
        return [hit.language for hit in self.hits(text, language=language)]

    def snapshot(self) -> Snapshot:
        return open_snapshot(self.folder, load_current(self.folder), FaissFiles())

    def shelved(self) -> dict[Audience, set[int]]:
        """Return the ids of every shelf, which all its parts must hold."""
        shelves = self.snapshot().shelves
        for shelf in shelves.values():
            assert shelf.first.ids == set(shelf.rows.ids.tolist())
            assert shelf.words.ids == set(shelf.rows.texts.tolist())
        return {audience: set(shelf.first.ids) for audience, shelf in shelves.items()}

    def published(self) -> dict[Audience, set[int]]:
        found: dict[Audience, set[int]] = {}
        for row in self.store.index_rows(self.now):
            found.setdefault(row.audience, set()).add(row.id)
        return found


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(
        tmp_path,
        [
            sample("en/family.md", "Family reunification lets relatives join.", title="Family", phrasings=("bring my wife",)),
            sample("en/visa.md", "A visa is given by a government.", title="Visa"),
            sample("en/staff.md", "Family reunification for staff only.", title="Family staff", audience=Audience.STAFF),
            sample("en/security.md", "Family convoy security.", title="Convoy", audience=Audience.SECURITY),
        ],
    )


# --- what is found -----------------------------------------------------------------------------------------------------------


def test_the_nearest_comes_first_once_a_document(room: Room) -> None:
    found = room.searcher.search("Family reunification", language="en", audiences=PUBLIC)
    assert [hit.document_id for hit in found.hits] == ["en/family.md", "en/visa.md"]
    assert found.index_version == room.searcher.version == load_current(room.folder).version
    assert room.paths("Family reunification", limit=1) == ["en/family.md"]
    assert room.paths("   ") == room.paths("Family", limit=0) == []


def test_scores_are_confidences(room: Room) -> None:
    sure, unsure = room.hits("Family reunification lets relatives join.")
    assert 0.9 < sure.score < 1
    assert 0 < unsure.score < 0.5
    (best, *_) = room.hits("football results")
    assert best.score < 0.5


def test_a_phrasing_leads_to_the_lead(room: Room) -> None:
    (hit, *_) = room.hits("bring my wife")
    assert hit.text == "Family reunification lets relatives join."
    assert 0.95 < hit.score < 1


def test_what_is_outside_the_audiences_leaves_no_trace_in_the_scores(room: Room) -> None:
    alone = room.hits("Family reunification for staff only.")
    room.store.withdraw("pathways", "en/staff.md", now=NOW)
    room.build()
    assert room.hits("Family reunification for staff only.") == alone


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(
        st.tuples(st.sampled_from(Audience), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)), min_size=1, max_size=8
    ),
    audiences=st.frozensets(st.sampled_from(Audience)),
    question=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
)
def test_what_is_outside_the_audiences_never_appears(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[tuple[Audience, list[str]]],
    audiences: frozenset[Audience],
    question: list[str],
) -> None:
    samples = [
        sample(f"{number}.md", " ".join(words), audience=audience, topic="P08", language=("en", "fr")[number % 2])
        for number, (audience, words) in enumerate(documents)
    ]
    room = Room(tmp_path_factory.mktemp("audience"), samples)
    hits = room.hits(" ".join(question), language="fr", audiences=audiences, limit=20)
    assert {hit.audience for hit in hits} <= audiences
    allowed = [item for item in samples if item.audience in audiences]
    assert bool(hits) == bool(allowed)
    ranked = room.searcher.rank(" ".join(question), language="fr", audiences=audiences)
    of_audience = {row.id: row.audience for row in room.store.index_rows(NOW)}
    assert {of_audience[place.passage] for place in ranked} <= audiences
    for number in range(1, 30):
        text = room.searcher.passage_text(number, audiences=audiences)
        assert text is None or text in {item.body for item in allowed}


def test_the_order_can_be_had_without_the_database(room: Room) -> None:
    before = room.searcher.rank("Family reunification", language="en", audiences=PUBLIC)
    (family,) = (row.id for row in room.store.index_rows(NOW) if row.subject == "en/family.md" and row.kind == "lead")
    assert before[0].passage == family
    assert [place.confidence for place in before] == sorted((place.confidence for place in before), reverse=True)
    room.withdraw("en/family.md")
    assert room.searcher.rank("Family reunification", language="en", audiences=PUBLIC) == before
    assert room.searcher.rank("Family reunification", language="en", audiences=frozenset()) == []


def test_one_collection_can_be_asked_however_much_others_hold(tmp_path: Path) -> None:
    others = [sample(f"{number}.md", f"Family reunification, answer {number}.", collection="own") for number in range(150)]
    room = Room(tmp_path, [*others, sample("visa.md", "A visa.", title="Visa"), sample("x.md", "Sticker.", title="X")])
    assert {hit.collection for hit in room.hits("Family reunification", limit=9, collection="own")} == {"own"}
    assert {hit.document_id for hit in room.hits("Family reunification", collection="pathways")} == {"visa.md", "x.md"}
    assert room.hits("Family reunification", collection="nothing") == ()


def test_more_gives_the_passage_and_what_follows(tmp_path: Path) -> None:
    body = "Lead.\n\n## One\n\nFirst.\n\n## Two\n\n" + "Second. " * 100 + "\n\n## Three\n\n" + "Third. " * 150
    room = Room(tmp_path, [sample("a.md", body, phrasings=("how",))])
    texts = room.store.texts_for([row.id for row in room.store.index_rows(NOW)])
    (section,) = [number for number, text in texts.items() if text.endswith("First.")]
    text = room.searcher.passage_text(section, audiences=PUBLIC)
    assert text is not None
    assert text.startswith("One\n\nFirst.\n\nTwo\n\nSecond.")
    assert "Third" not in text
    assert room.searcher.passage_text(999, audiences=PUBLIC) is None
    room.withdraw("a.md")
    assert room.searcher.passage_text(section, audiences=PUBLIC) is None


# --- what says the same ------------------------------------------------------------------------------------------------------


def test_of_texts_that_say_the_same_the_higher_authority_is_shown_with_the_score_of_the_nearest(tmp_path: Path) -> None:
    text = "Relatives may join a recognised refugee within three months of the decision."
    room = Room(
        tmp_path,
        [
            sample("news.md", text, authority=Authority.NEWS, title=text),
            sample("law.md", text, authority=Authority.LAW, title="Act 7"),
            sample("faq.md", text, authority=Authority.FAQ, title="Q"),
        ],
    )
    (hit,) = room.hits(text)
    assert (hit.document_id, hit.authority) == ("law.md", Authority.LAW)
    (best, *_) = room.searcher.rank(text, language="en", audiences=PUBLIC)
    assert hit.score == best.confidence


def test_of_texts_of_one_authority_that_say_the_same_the_newer_is_shown(tmp_path: Path) -> None:
    text = "Relatives may join a recognised refugee within three months of the decision."
    room = Room(tmp_path, [sample("old.md", text, title=text, effective_from=(NOW - timedelta(days=9)).date())])
    room.publish(sample("new.md", text, title="Other"))
    room.publish(sample("fr.md", text, title="Other", language="fr"))
    room.build()
    assert sorted(room.paths(text)) == ["fr.md", "new.md"]


def test_texts_that_differ_in_a_tenth_of_their_words_are_both_shown(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(20)]
    room = Room(tmp_path, [sample("a.md", " ".join(words)), sample("b.md", " ".join([*words[2:], "other", "words"]))])
    assert sorted(room.paths("word5 word6")) == ["a.md", "b.md"]


def test_copies_take_no_place_of_others(tmp_path: Path) -> None:
    copies = [sample(f"{number}.md", "Family reunification lets relatives join.") for number in range(40)]
    room = Room(tmp_path, [*copies, sample("visa.md", "A visa.", title="Visa")])
    found = room.paths(ASKED, limit=2)
    assert len(found) == 2
    assert found[1] == "visa.md"


# --- withdrawals and days ----------------------------------------------------------------------------------------------------


def test_a_withdrawal_holds_from_the_next_question(room: Room) -> None:
    assert room.paths("Family reunification")[0] == "en/family.md"
    room.withdraw("en/family.md")
    assert room.paths("Family reunification") == ["en/visa.md"]
    assert room.paths("bring my wife", audiences=STAFF)[0] != "en/family.md"


def test_the_withdrawn_takes_no_place(tmp_path: Path) -> None:
    many = [sample(f"{number}.md", "Family reunification.", phrasings=("family",)) for number in range(90)]
    room = Room(tmp_path, [*many, sample("visa.md", "A visa.", title="Visa")])
    for item in many:
        room.withdraw(item.path)
    assert room.paths("Family reunification") == ["visa.md"]


def test_days_begin_and_end_a_wording_without_a_build(tmp_path: Path) -> None:
    room = Room(tmp_path, [sample("a.md", "Family old.", effective_until=(NOW + timedelta(days=3)).date())])
    room.publish(sample("a.md", "Family new.", effective_from=(NOW + timedelta(days=2)).date()))
    room.publish(sample("b.md", "Family ends.", effective_until=(NOW + timedelta(days=1)).date()))
    room.build()
    shown = []
    for _ in range(3):
        shown.append([hit.text for hit in room.hits("Family old")])
        room.now += timedelta(days=1)
    assert [sorted(texts) for texts in shown] == [
        ["Family ends.", "Family old."], ["Family ends.", "Family old."], ["Family new."],
    ]  # fmt: skip
    assert not room.fits()
    room.build()
    assert room.shelved() == room.published()
    assert len(room.shelved()[Audience.PUBLIC]) == 1


def test_ids_survive_a_change_of_another_document(room: Room) -> None:
    before = room.hits("Family reunification")[0].passage_id
    room.publish(sample("en/visa.md", "A visa is a sticker.", title="Visa"))
    room.build()
    assert room.hits("Family reunification")[0].passage_id == before
    assert room.hits("sticker visa")[0].text == "A visa is a sticker."


# --- languages ---------------------------------------------------------------------------------------------------------------

EN = sample("en/P08.md", "Family reunification lets relatives join.", topic="P08")
FR = sample("fr/P08.md", "Les proches rejoignent.\n\n## Détails\n\nFamille.", topic="P08", language="fr", title="Famille")
AR = sample("ar/P08.md", "لم شمل الأسرة", topic="P08", language="ar", title="الأسرة")
TOMORROW = (NOW + timedelta(days=1)).date()


def test_the_persons_language_is_preferred(tmp_path: Path) -> None:
    others = [sample(f"{n}.md", f"Family reunification, case {n}: join in {n} days.", collection="own") for n in range(80)]
    room = Room(tmp_path, [EN, FR, AR, sample("en/P21.md", "Resettlement of refugees.", topic="P21"), *others])
    assert room.hits(ASKED)[0].language == "en"
    found = room.hits(ASKED, language="fr", limit=200)
    by_topic = {hit.topic: hit for hit in found if hit.topic}
    assert (by_topic["P08"].language, by_topic["P08"].lead) == ("fr", "Les proches rejoignent.")
    assert by_topic["P21"].language == "en"
    assert sum(hit.topic == "P08" for hit in found) == 1


def test_the_score_is_that_of_the_nearest_variant(tmp_path: Path) -> None:
    room = Room(tmp_path, [EN, FR, AR])
    (french,) = room.hits(ASKED, language="fr")
    (other,) = room.searcher.search(ASKED, language="sw", written="fr", audiences=PUBLIC).hits
    assert (french.language, other.language) == ("fr", "en")
    assert french.score == other.score


def test_the_direct_answer_in_the_persons_language_is_shown_when_nothing_of_it_was_near(tmp_path: Path) -> None:
    others = [sample(f"{n}.md", f"Family reunification, case {n}: join in {n} days.", collection="own") for n in range(80)]
    room = Room(tmp_path, [EN, AR, *others])
    (best,) = (hit for hit in room.hits(ASKED, language="ar", limit=60) if hit.topic)
    assert (best.language, best.text) == ("ar", "لم شمل الأسرة")


def test_a_variant_withdrawn_since_the_build_gives_way_to_another_language(tmp_path: Path) -> None:
    room = Room(tmp_path, [EN, FR])
    room.withdraw("fr/P08.md")
    assert room.languages("Famille", language="fr") == ["en"]
    room.publish(FR)
    room.withdraw("en/P08.md")
    room.build()
    assert room.languages(ASKED, language="fr") == ["fr"]


def test_a_translation_that_has_not_begun_gives_way_to_another_language(tmp_path: Path) -> None:
    waiting = sample("fr/P08.md", "Les proches rejoignent.", topic="P08", language="fr", effective_from=TOMORROW)
    room = Room(tmp_path, [EN, waiting])
    assert room.languages("Les proches rejoignent.", language="fr") == ["en"]
    room.now += timedelta(days=1)
    assert room.languages("Les proches rejoignent.", language="fr") == ["fr"]


def test_of_a_subject_one_language_is_shown_while_its_next_wording_waits(tmp_path: Path) -> None:
    standing = sample("fr/P08.md", "Les proches peuvent venir.", topic="P08", language="fr", title="Famille")
    waiting = sample("fr/P08.md", "La famille rejoint: relatives join.", topic="P08", language="fr", effective_from=TOMORROW)
    room = Room(tmp_path, [EN, standing])
    room.publish(waiting)
    room.build()
    assert [hit.text for hit in room.hits(ASKED, language="fr")] == ["Les proches peuvent venir."]


def test_the_standing_direct_answer_is_shown_while_the_next_one_waits(tmp_path: Path) -> None:
    others = [sample(f"{n}.md", f"Family reunification, case {n}: join in {n} days.", collection="own") for n in range(80)]
    room = Room(tmp_path, [EN, AR, *others])
    room.publish(sample("ar/P08.md", "أسرة جديدة", topic="P08", language="ar", title="الأسرة", effective_from=TOMORROW))
    room.build()
    (best,) = (hit for hit in room.hits(ASKED, language="ar", limit=60) if hit.topic)
    assert best.text == "لم شمل الأسرة"


# --- building ----------------------------------------------------------------------------------------------------------------


def test_a_second_build_embeds_nothing_and_fits(room: Room) -> None:
    first, said = load_current(room.folder), len(room.said)
    assert said
    second = room.build()
    assert len(room.said) == said
    assert second.version != first.version
    assert room.fits()
    assert second.passages == first.passages == len(list(room.store.index_rows(NOW)))
    room.build()
    assert len(list((room.folder / "versions").iterdir())) == 2
    room.publish(sample("en/new.md", "New."))
    assert not room.fits()
    assert room.paths("Family reunification")[0] == "en/family.md"


def test_only_what_is_new_is_embedded_for_each_encoder(tmp_path: Path) -> None:
    encoder = with_second("en")
    second = encoder.second
    assert isinstance(second, Counting)
    room = Room(tmp_path, [sample("en.md", "One."), sample("ar.md", "واحد", language="ar")], encoder)
    assert (encoder.passages, second.passages) == (2, 1)
    room.publish(
        sample("en.md", "Two."), sample("copy.md", "One.", audience=Audience.STAFF), sample("fr.md", "Un", language="fr")
    )
    room.build()
    assert (encoder.passages, second.passages) == (4, 2)
    room.build(anew=True)
    assert (encoder.passages, second.passages) == (4, 2)
    shelf = room.snapshot().shelves[Audience.PUBLIC]
    assert shelf.second is not None
    assert shelf.second.ids == {row.id for row in room.store.index_rows(NOW) if row.language == "en" and row.audience == "public"}
    assert shelf.rows.ids[shelf.in_second].tolist() == sorted(shelf.second.ids)


def test_progress_says_how_much_is_done_how_fast_and_how_long_it_will_take(tmp_path: Path) -> None:
    room = Room(tmp_path, [sample(f"{number}.md", f"Text {number}.") for number in range(150)], with_second("en"))
    assert re.fullmatch(r"300 of 300 texts embedded, \d+ a second, 0:00 left", room.said[-1])
    assert all(re.fullmatch(r"\d+ of 300 texts embedded, \d+ a second, \d+:\d\d left", line) for line in room.said)
    room.said.clear()
    room.publish(sample("0.md", "Other."))
    room.build()
    assert [line.split(",")[0] for line in room.said] == ["2 of 2 texts embedded"]


def test_an_audience_that_loses_all_its_passages_disappears(room: Room) -> None:
    room.withdraw("en/staff.md")
    manifest = room.build()
    assert manifest.counts.keys() == {"public", "security"}
    assert room.shelved() == room.published()
    assert not any(name.startswith("staff") for name in manifest.files)
    assert room.hits("Family", audiences=frozenset({Audience.STAFF})) == ()
    room.publish(sample("en/staff2.md", "Family.", audience=Audience.STAFF))
    room.build()
    assert room.paths("Family", audiences=frozenset({Audience.STAFF})) == ["en/staff2.md"]


def test_a_language_that_leaves_the_second_encoder_nothing_takes_its_vectors_away(tmp_path: Path) -> None:
    room = Room(tmp_path, [sample("en.md", "One."), sample("ar.md", "واحد", language="ar")], with_second("en"))
    room.withdraw("en.md")
    assert room.build().parts == ["public.first"]
    assert room.paths("One") == ["ar.md"]
    room.publish(sample("en.md", "Two."))
    assert room.build().parts == ["public.first", "public.second"]
    assert room.paths("Two")[0] == "en.md"


HISTORY = st.lists(
    st.one_of(
        st.tuples(
            st.integers(0, 5), st.sampled_from(Audience), st.sampled_from(["en", "fr", "ar"]),
            st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.sampled_from([None, "P08", "P21"]),
        ),
        st.integers(0, 5),
        st.just("build"),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(history=HISTORY)
def test_an_index_built_step_by_step_is_the_one_built_at_once(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, Audience, str, list[str], str | None] | int | str]
) -> None:
    room = Room(tmp_path_factory.mktemp("history"), encoder=with_second("en", "fr"))
    for step in history:
        match step:
            case "build":
                room.build()
            case int():
                try:
                    room.withdraw(f"{step}.md")
                except KnowledgeError:
                    continue
            case (int() as number, Audience() as audience, str() as language, list() as words, topic):
                text = " ".join(words)
                room.publish(sample(f"{number}.md", text, audience=audience, language=language, topic=topic, phrasings=(text,)))
    room.build()
    step_by_step = (room.shelved(), ranked(room))
    assert room.shelved() == room.published()
    room.build(anew=True)
    at_once = (room.shelved(), ranked(room))
    assert step_by_step == at_once


def ranked(room: Room) -> list[list[tuple[int, float]]]:
    """Return the order of passages for every word, with confidences to the millionth."""
    found = []
    for word in WORDS:
        places = room.searcher.rank(word, language="en", audiences=EVERYBODY)
        found.append(sorted(((place.passage, round(place.confidence, 6)) for place in places), key=lambda one: (-one[1], one[0])))
    return found


def test_builds_under_searches_disturb_nobody(room: Room) -> None:
    stop = threading.Event()

    def ask() -> int:
        asked = 0
        while not stop.is_set():
            assert room.paths("Family reunification")[0] == "en/family.md"
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask) for _ in range(4)]
        try:
            for number in range(8):
                room.publish(sample("en/other.md", f"Text {number}.", title="Other"))
                room.build()
        finally:
            stop.set()
        assert all(task.result() for task in running)
    assert room.searcher.version == load_current(room.folder).version


class _Failing(HashEncoder):
    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise KeyboardInterrupt


def test_an_interrupted_build_leaves_the_serving_version(room: Room) -> None:
    serving = load_current(room.folder)
    room.publish(sample("en/new.md", "Something new."))
    with pytest.raises(KeyboardInterrupt):
        room.build(_Failing())
    assert load_current(room.folder) == serving
    assert room.paths("Family reunification")[0] == "en/family.md"
    assert [folder.name for folder in (room.folder / "versions").iterdir()] == [serving.version]


KILLED = """
import sys, threading
from pathlib import Path
from sqlalchemy import create_engine
from unit.knowledge.samples import NOW
from knowledge.index.build import build_index
from knowledge.index.encoder import HashEncoder
from knowledge.store import KnowledgeStore


class Stopping(HashEncoder):
    batches = 0

    def encode_passages(self, texts):
        self.batches += 1
        if self.batches == 3:
            print("in the third batch", flush=True)
            threading.Event().wait()
        return super().encode_passages(texts)


folder = Path(sys.argv[1])
store = KnowledgeStore(create_engine(f"sqlite:///{folder / 'knowledge.db'}"))
build_index(store, Stopping(), folder / "index", NOW, progress=print)
"""


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path) -> None:
    room = Room(tmp_path, [sample("first.md", "Family.")], Counting())
    serving = load_current(room.folder).version
    room.publish(*(sample(f"{number}.md", f"Text {number}.") for number in range(200)))
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "in the third batch\n"
        assert load_current(room.folder).version == serving
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert room.paths("Family") == ["first.md"]
    assert len(list((room.folder / "versions").iterdir())) == 2

    encoder = Counting()
    assert room.build(encoder).passages == 201
    assert encoder.passages == 200 - 2 * KEPT_AFTER
    assert room.shelved() == room.published()
    for _ in range(2):
        room.build()
    assert all((folder / "manifest.json").exists() for folder in (room.folder / "versions").iterdir())


def test_the_cache_of_vectors_may_be_emptied_at_any_time(room: Room) -> None:
    with room.engine.begin() as connection:
        connection.execute(delete(embedding))
    room.build()
    assert room.paths("Family reunification")[0] == "en/family.md"
    with room.engine.begin() as connection:
        connection.execute(delete(embedding))
    room.build(anew=True)
    assert room.paths("Family reunification")[0] == "en/family.md"


def test_a_vector_of_another_length_in_the_cache_is_made_again(room: Room) -> None:
    with room.engine.begin() as connection:
        connection.execute(update(embedding).values(vector=b"\0" * 12))
    room.build(anew=True)
    assert room.paths("Family reunification")[0] == "en/family.md"


# --- what cannot serve -------------------------------------------------------------------------------------------------------


def _file(folder: Path, name: str) -> Path:
    return folder / "versions" / (folder / "current").read_text().strip() / name


def _one_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def _half(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\n")


FILES = ("public.rows.npz", "public.words.npz", "public.first.faiss", "public.second.faiss")


@pytest.mark.parametrize("damage", [_one_bit, _half, _empty, _other, Path.unlink])
@pytest.mark.parametrize("name", [*FILES, "manifest.json", "../../current"])
def test_damage_is_named_and_mended_by_a_build(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    room = Room(tmp_path, [sample("en/family.md", "Family reunification.")], with_second("en"))
    version = load_current(room.folder).version
    damage(_file(room.folder, name))
    is_missing = name == "../../current" and damage is Path.unlink
    named = {"manifest.json": "(manifest of index|index file)", "../../current": "(manifest of index|No index in|current)"}
    with pytest.raises(IndexMissing if is_missing else IndexCorrupt, match=f"{named.get(name, name)}.*waypost knowledge build"):
        room.another(room.encoder).check()
    room.build()
    assert room.paths("Family reunification") == ["en/family.md"]
    assert room.searcher.version != version


def test_files_of_two_versions_are_not_taken_together(room: Room) -> None:
    old = _file(room.folder, "public.rows.npz").read_bytes()
    room.publish(sample("en/new.md", "New."))
    room.build()
    _file(room.folder, "public.rows.npz").write_bytes(old)
    manifest = json.loads(_file(room.folder, "manifest.json").read_text())
    manifest["files"]["public.rows.npz"] = hashlib.sha256(old).hexdigest()
    _file(room.folder, "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IndexCorrupt, match=r"parts of the public index .*waypost knowledge build"):
        room.another(room.encoder).check()
    room.build()
    assert "en/new.md" in room.paths("New")


@pytest.mark.parametrize(
    ("here", "other"),
    [(None, HashEncoder(dim=32)), (None, with_second("en")), (with_second("en"), with_second("en", dim=16))],
    ids=["first", "one beside it", "another beside it"],
)
def test_an_index_by_other_encoders_is_stale(tmp_path: Path, here: Encoder | None, other: Encoder) -> None:
    room = Room(tmp_path, [sample()], here)
    with pytest.raises(IndexStale, match="waypost knowledge build"):
        room.another(other).search("family", language="en", audiences=PUBLIC)
    assert not room.fits(other)
    room.build(other)
    assert room.fits(other)
    assert len(room.another(other).search("family", language="en", audiences=PUBLIC).hits) == 1


def test_an_index_by_other_rules_for_terms_is_stale_and_taken_over_by_nobody(room: Room) -> None:
    path = _file(room.folder, "manifest.json")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "terms": manifest["terms"] + 1}))
    with pytest.raises(IndexStale, match="waypost knowledge build"):
        room.another(room.encoder).check()
    assert not room.fits()
    room.build()
    assert room.fits()
    assert room.paths("Family reunification")[0] == "en/family.md"


class _Elsewhere(FaissFiles):
    @property
    def name(self) -> str:
        return "elsewhere"


def test_vectors_that_lie_elsewhere_are_named(room: Room) -> None:
    searcher = Searcher(room.store, room.encoder, room.folder, clock=lambda: NOW, place=_Elsewhere())
    with pytest.raises(IndexCorrupt, match=r"in faiss, the settings say elsewhere.*waypost knowledge build"):
        searcher.check()


def test_nothing_built_is_missing(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="make setup"):
        Room(tmp_path).searcher.check()


def test_an_empty_corpus_serves_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.build().passages == 0
    assert room.hits("family", audiences=EVERYBODY) == ()
    room.publish(sample("en/a.md", "Family."))
    room.build()
    assert room.paths("family") == ["en/a.md"]
    room.withdraw("en/a.md")
    assert room.build().passages == 0
    assert room.hits("family", audiences=EVERYBODY) == ()


@pytest.mark.parametrize("path", ["with\nline.md", "with\u2028line.md", "с пробелом.md", "a\tb.md", "خانواده‌ام.md"])
def test_any_name_of_a_document_can_be_kept(tmp_path: Path, path: str) -> None:
    room = Room(tmp_path, [sample(path, "Family."), sample("b.md", "Visa.")])
    assert room.paths("Family") == [path, "b.md"]


# --- letters -----------------------------------------------------------------------------------------------------------------

SPELT = {"visa": "A stamp to travel.", "camp": "A place to stay.", "food": "Something to eat."}


def an_entry(name: str, *, ends: str = "abcd") -> Document:
    return sample(f"en/{name}.md", SPELT[name], title=name.title(), topic=name, phrasings=tuple(f"{name} {end}" for end in ends))


def test_letters_are_learnt_when_phrasings_change_and_taken_over_when_they_do_not(tmp_path: Path) -> None:
    room = Room(tmp_path, [an_entry(name) for name in SPELT])
    learnt = room.snapshot().shelves[Audience.PUBLIC].letters
    assert [name for _, name in learnt.subjects] == sorted(name for _, name in learnt.subjects)
    assert len(learnt.subjects) == len(SPELT)
    room.said.clear()
    room.publish(sample("own/rules.md", "House rules of the office.", title="Rules"))
    room.build()
    assert not [line for line in room.said if "spelt" in line]
    kept = room.snapshot().shelves[Audience.PUBLIC].letters
    assert np.array_equal(kept.chances("camp x", "en"), learnt.chances("camp x", "en"))
    room.publish(an_entry("visa", ends="abcdefgh"))
    room.build()
    assert [line for line in room.said if "16 phrasings are spelt" in line]


def test_phrasings_withdrawn_leave_the_letters(tmp_path: Path) -> None:
    room = Room(tmp_path, [an_entry(name) for name in SPELT])
    room.withdraw("en/food.md")
    room.build()
    assert not room.snapshot().shelves[Audience.PUBLIC].letters.subjects  # two are told apart without


def test_letters_follow_a_translation_to_the_subject_of_its_original(tmp_path: Path) -> None:
    """Its phrasings stay what they are; what they are about has another name once the original is published."""
    french = replace(an_entry("visa"), path="fr/visa.md", topic=None, language="fr", translation_of="en/visa.md")
    room = Room(tmp_path, [sealed(french), an_entry("camp"), an_entry("food")])
    assert ("pathways", "en/visa.md") in room.snapshot().shelves[Audience.PUBLIC].letters.subjects
    room.publish(sample("en/visa.md", "Nobody asks for this page.", title="Visa", topic="visa"))
    room.build()
    shelf = room.snapshot().shelves[Audience.PUBLIC]
    assert set(shelf.letters.subjects) == set(shelf.rows.subjects)
    assert room.paths("visa a", language="fr")
