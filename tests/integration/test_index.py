"""Build, swap and search: who sees what, when it stops, and what is said when it cannot serve."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from unit.knowledge.samples import NOW, PUBLIC, STAFF, database, sample

from knowledge.errors import IndexCorrupt, IndexMissing, IndexStale
from knowledge.index.build import build_index
from knowledge.index.encoder import HashEncoder
from knowledge.index.manifest import Manifest, load_current
from knowledge.index.search import Searcher
from knowledge.passages import Audience, Document
from knowledge.store import KnowledgeStore

EVERYBODY = frozenset(Audience)
WORDS = ("family", "visa", "border", "école", "أسرة", "家庭", "خانواده‌ام", "camp")


class Room:
    """A store, an encoder and an index in one folder."""

    def __init__(self, folder: Path, documents: Sequence[Document] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store, self.encoder, self.folder = KnowledgeStore(database(folder)), HashEncoder(), folder / "index"
        self.said: list[str] = []
        self.searcher = Searcher(self.store, self.encoder, self.folder, clock=lambda: NOW)
        if documents:
            self.publish(*documents)
            self.build()

    def publish(self, *documents: Document) -> None:
        self.store.publish(documents, now=NOW)

    def build(self) -> Manifest:
        return build_index(self.store, self.encoder, self.folder, NOW, progress=self.said.append)

    def paths(self, text: str, *, language: str = "en", audiences: frozenset[Audience] = PUBLIC, limit: int = 5) -> list[str]:
        hits = self.searcher.search(text, language=language, audiences=audiences, limit=limit).hits
        return [hit.document_id for hit in hits]


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


def test_the_nearest_comes_first_once_a_document(room: Room) -> None:
    found = room.searcher.search("Family reunification", language="en", audiences=PUBLIC)
    assert [hit.document_id for hit in found.hits] == ["en/family.md", "en/visa.md"]
    assert found.hits[0].score > found.hits[1].score
    assert found.index_version == room.searcher.version == load_current(room.folder).version
    assert room.paths("Family reunification", limit=1) == ["en/family.md"]
    assert room.paths("   ") == []


def test_a_phrasing_leads_to_the_lead(room: Room) -> None:
    (hit, *_) = room.searcher.search("bring my wife", language="en", audiences=PUBLIC).hits
    assert (hit.text, round(hit.score, 3)) == ("Family reunification lets relatives join.", 1.0)


def test_a_second_build_embeds_nothing_and_fits(room: Room) -> None:
    first, said = load_current(room.folder), len(room.said)
    assert said
    second = room.build()
    assert len(room.said) == said
    assert second.version != first.version
    assert second.fits(room.encoder, room.store.corpus_hash(NOW))
    assert second.passages == first.passages == len(room.store.passages_for_index(NOW))
    room.build()
    assert len(list((room.folder / "versions").iterdir())) == 2
    room.publish(sample("en/new.md", "New."))
    assert not load_current(room.folder).fits(room.encoder, room.store.corpus_hash(NOW))
    assert room.paths("Family reunification")[0] == "en/family.md"


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
    hits = room.searcher.search(" ".join(question), language="fr", audiences=audiences, limit=20).hits
    assert {hit.audience for hit in hits} <= audiences
    allowed = [item for item in samples if item.audience in audiences]
    assert bool(hits) == bool(allowed)
    for number in range(1, 30):
        text = room.searcher.passage_text(number, audiences=audiences)
        assert text is None or text in {item.body for item in allowed}


def test_a_withdrawal_holds_from_the_next_question(room: Room) -> None:
    assert room.paths("Family reunification")[0] == "en/family.md"
    room.store.withdraw("pathways", "en/family.md", now=NOW)
    assert room.paths("Family reunification") == ["en/visa.md"]
    assert room.paths("bring my wife", audiences=STAFF)[0] != "en/family.md"


def test_the_withdrawn_takes_no_place(tmp_path: Path) -> None:
    many = [sample(f"{number}.md", "Family reunification.", phrasings=("family",)) for number in range(90)]
    room = Room(tmp_path, [*many, sample("visa.md", "A visa.", title="Visa")])
    for item in many:
        room.store.withdraw("pathways", item.path, now=NOW)
    assert room.paths("Family reunification") == ["visa.md"]


def test_ids_survive_a_change_of_another_document(room: Room) -> None:
    before = room.searcher.search("Family reunification", language="en", audiences=PUBLIC).hits[0].passage_id
    room.publish(sample("en/visa.md", "A visa is a sticker.", title="Visa"))
    room.build()
    assert room.searcher.search("Family reunification", language="en", audiences=PUBLIC).hits[0].passage_id == before
    assert room.searcher.search("sticker visa", language="en", audiences=PUBLIC).hits[0].text == "A visa is a sticker."


def test_the_persons_language_is_preferred(tmp_path: Path) -> None:
    room = Room(
        tmp_path,
        [
            sample("en/P08.md", "Family reunification lets relatives join.", topic="P08"),
            sample("fr/P08.md", "Les proches rejoignent.\n\n## Détails\n\nFamille.", topic="P08", language="fr", title="Famille"),
            sample("ar/P08.md", "لم شمل الأسرة", topic="P08", language="ar", title="الأسرة"),
            sample("en/P21.md", "Resettlement of refugees.", topic="P21"),
            *(
                sample(f"{number}.md", "Family reunification lets relatives join.", title="Own", collection="own")
                for number in range(80)
            ),
        ],
    )
    assert (
        room.searcher.search("Family reunification lets relatives join", language="en", audiences=PUBLIC).hits[0].language == "en"
    )
    found = room.searcher.search("Family reunification lets relatives join", language="fr", audiences=PUBLIC, limit=200).hits
    by_topic = {hit.topic: hit for hit in found if hit.topic}
    assert (by_topic["P08"].language, by_topic["P08"].lead) == ("fr", "Les proches rejoignent.")
    assert by_topic["P21"].language == "en"
    assert sum(hit.topic == "P08" for hit in found) == 1
    best = room.searcher.search("Family reunification lets relatives join", language="sw", audiences=PUBLIC, limit=200).hits
    assert {hit.topic: hit.language for hit in best}["P08"] == "en"
    assert by_topic["P08"].score == {hit.topic: hit.score for hit in best}["P08"]
    room.store.withdraw("pathways", "fr/P08.md", now=NOW)
    assert "fr/P08.md" not in room.paths("Family reunification lets relatives join", language="fr", limit=200)


def test_more_gives_the_passage_and_what_follows(tmp_path: Path) -> None:
    body = "Lead.\n\n## One\n\nFirst.\n\n## Two\n\n" + "Second. " * 100 + "\n\n## Three\n\n" + "Third. " * 150
    room = Room(tmp_path, [sample("a.md", body, phrasings=("how",))])
    (section,) = [row.id for row in room.store.passages_for_index(NOW) if row.text.endswith("First.")]
    text = room.searcher.passage_text(section, audiences=PUBLIC)
    assert text is not None
    assert text.startswith("One\n\nFirst.\n\nTwo\n\nSecond.")
    assert "Third" not in text
    assert room.searcher.passage_text(999, audiences=PUBLIC) is None
    room.store.withdraw("pathways", "a.md", now=NOW)
    assert room.searcher.passage_text(section, audiences=PUBLIC) is None


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
        for number in range(8):
            room.publish(sample("en/other.md", f"Text {number}.", title="Other"))
            room.build()
        stop.set()
        assert all(task.result() for task in running)
    assert room.searcher.version == load_current(room.folder).version


def _damage_file(folder: Path) -> None:
    (path,) = folder.glob("versions/*/public.faiss")
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 1
    path.write_bytes(raw)


def _remove_file(folder: Path) -> None:
    next(folder.glob("versions/*/public.faiss")).unlink()


def _damage_manifest(folder: Path) -> None:
    next(folder.glob("versions/*/manifest.json")).write_text("{")


def _empty_current(folder: Path) -> None:
    (folder / "current").write_text("")


@pytest.mark.parametrize("damage", [_damage_file, _remove_file, _damage_manifest, _empty_current])
def test_damage_is_named(room: Room, damage: Callable[[Path], None]) -> None:
    damage(room.folder)
    with pytest.raises(IndexCorrupt, match="waypost knowledge build"):
        Searcher(room.store, room.encoder, room.folder, clock=lambda: NOW).check()
    room.build()
    assert room.paths("Family reunification")[0] == "en/family.md"


def test_another_encoder_is_stale(room: Room) -> None:
    other = Searcher(room.store, HashEncoder(dim=32), room.folder, clock=lambda: NOW)
    with pytest.raises(IndexStale, match="waypost knowledge build"):
        other.search("family", language="en", audiences=PUBLIC)
    assert not load_current(room.folder).fits(HashEncoder(dim=32), room.store.corpus_hash(NOW))


def test_nothing_built_is_missing(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="make setup"):
        Room(tmp_path).searcher.check()


def test_an_empty_corpus_serves_nothing(tmp_path: Path) -> None:
    room = Room(tmp_path)
    assert room.build().passages == 0
    assert room.paths("family", audiences=EVERYBODY) == []


class _Failing(HashEncoder):
    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise KeyboardInterrupt


def test_an_interrupted_build_leaves_the_serving_version(room: Room) -> None:
    serving = load_current(room.folder)
    room.publish(sample("en/new.md", "Something new."))
    with pytest.raises(KeyboardInterrupt):
        build_index(room.store, _Failing(), room.folder, NOW, progress=room.said.append)
    assert load_current(room.folder) == serving
    assert room.paths("Family reunification")[0] == "en/family.md"
    assert [folder.name for folder in (room.folder / "versions").iterdir()] == [serving.version]
