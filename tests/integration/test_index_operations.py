"""Ten thousand random changes and questions: what is shown is always what a small model of the library says may be shown.

The model knows of each document which wording stands and which one waits for its day; everything else is asked of the product.
The index is built only now and then, so that most questions meet one that is out of date.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from unit.knowledge.samples import database, sample

from knowledge import history
from knowledge.errors import KnowledgeError
from knowledge.index.build import build_index
from knowledge.index.encoder import HashEncoder
from knowledge.index.manifest import load_current
from knowledge.index.search import Searcher
from knowledge.index.snapshot import FaissFiles, open_snapshot
from knowledge.passages import Audience, Authority, Document, Hit, Retrieval
from knowledge.publishing import PutUp
from knowledge.store import KnowledgeStore
from knowledge.tables import document, document_version, passage
from knowledge.verify import verify_database
from support.clock import FakeClock

OPERATIONS = 10_000
DOCUMENTS = 70
BUILT_AFTER = 120
"""Operations between two builds, on average."""
EVERYBODY = frozenset(Audience)
ROLES = {
    "nobody": frozenset[Audience](),
    "person": frozenset({Audience.PUBLIC}),
    "staff": frozenset({Audience.PUBLIC, Audience.STAFF}),
    "security": EVERYBODY,
}
LANGUAGES = ("en", "fr", "ar", "fa", "zh")
TOPICS = ("P01", "P08", "P21")
COLLECTIONS = ("own", "pathways")
WORDS = [
    "family", "visa", "border", "camp", "permit", "school", "doctor", "lawyer", "office", "appeal", "shelter", "money", "work",
    "travel", "child", "wife", "convoy", "radio", "guard", "école", "préfecture", "séjour", "أسرة", "تأشيرة", "مدرسة",
    "خانواده‌ام", "می‌خواهم", "家庭", "学校", "护照", "किताब", "โรงเรียน", "Straße", "İstanbul",
]  # fmt: skip

Key = tuple[str, str]
"""Collection and path."""
Numbered = tuple[int, Document]


class Library:
    """What must be shown: of each document its wordings by number, the one that stands, the one that waits."""

    def __init__(self) -> None:
        self.kept: dict[Key, list[Document]] = {}
        self.standing: dict[Key, int] = {}
        self.waiting: dict[Key, int] = {}

    def keep(self, item: Document) -> Numbered:
        kept = self.kept.setdefault((item.collection, item.path), [])
        kept.append(item)
        return len(kept), item

    def publish(self, wording: Numbered, today: date) -> None:
        number, item = wording
        key = (item.collection, item.path)
        if item.effective_from is not None and item.effective_from > today:
            self.waiting[key] = number
        else:
            self.standing[key] = number
            self.waiting.pop(key, None)

    def withdraw(self, key: Key) -> bool:
        return [self.standing.pop(key, None), self.waiting.pop(key, None)] != [None, None]

    def begin(self, today: date) -> None:
        """Let wordings that waited for a day up to this one take over."""
        for key, number in list(self.waiting.items()):
            first = self.kept[key][number - 1].effective_from
            if first is not None and first <= today:
                self.standing[key] = self.waiting.pop(key)

    def shown(self, key: Key, today: date) -> Numbered | None:
        number = self.standing.get(key)
        if number is None:
            return None
        item = self.kept[key][number - 1]
        return None if item.effective_until is not None and item.effective_until < today else (number, item)

    def all_shown(self, today: date) -> list[Document]:
        return [found[1] for key in self.kept if (found := self.shown(key, today)) is not None]

    def to_be_indexed(self, today: date) -> dict[Audience, set[tuple[str, str, int]]]:
        found: dict[Audience, set[tuple[str, str, int]]] = {}
        for (collection, path), number in [*self.standing.items(), *self.waiting.items()]:
            item = self.kept[collection, path][number - 1]
            if item.effective_until is None or item.effective_until >= today:
                found.setdefault(item.audience, set()).add((collection, path, number))
        return found


class Office:
    """A library with its editors and readers, all of whom one random generator moves."""

    def __init__(
        self, folder: Path, seed: int, *, store: type[KnowledgeStore] = KnowledgeStore, searcher: type[Searcher] = Searcher
    ) -> None:
        self.random, self.clock, self.folder, self.encoder = Random(seed), FakeClock(), folder / "index", HashEncoder()
        self.store = store(database(folder))
        self.searcher = searcher(self.store, self.encoder, self.folder, clock=self.clock.now)
        self.model = Library()
        self.counts = Counter[str]()
        self.cited: dict[int, Hit] = {}
        self.versions: dict[int, tuple[str, str, int]] = {}
        self._unique = 0
        self.build()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @property
    def today(self) -> date:
        return self.now.date()

    def run(self, operations: int) -> None:
        """Do so many operations; every one checks what it can."""
        work = {
            self.ask: 44, self.add: 20, self.draft: 6, self.quarantine: 4, self.withdraw: 6, self.publish_waiting: 6,
            self.roll_back: 5, self.repeat: 3, self.recall: 6, self.pass_time: 2,
        }  # fmt: skip
        for _ in range(operations):
            (operation,) = self.random.choices(list(work), list(work.values()))
            operation()
            if self.random.randrange(BUILT_AFTER) == 0:
                self.build()
        self.build()
        for number in self.cited:
            self.check_citation(number)

    # --- what editors do ---

    def add(self) -> None:
        """Add a document, or change one that is there."""
        item = self.wording()
        self.put(item)
        self.counts["add"] += 1

    def draft(self) -> None:
        item = self.wording()
        outcome = self.store.publish([item], now=self.now, draft=True)
        assert outcome.changed == 1
        self.model.keep(item)
        self.counts["draft"] += 1

    def quarantine(self) -> None:
        item = self.wording(concerns=("line 3: tells a machine what to do",))
        outcome = self.store.publish([item], now=self.now)
        assert outcome.quarantined == 1
        self.model.keep(item)
        self.counts["quarantine"] += 1

    def repeat(self) -> None:
        """Add the words of any version once more."""
        if key := self.known_document():
            self.put(replace(self.random.choice(self.model.kept[key]), concerns=()))
            self.counts["repeat"] += 1

    def put(self, item: Document) -> None:
        outcome = self.store.publish([item], now=self.now)
        if outcome.changed:
            self.model.publish(self.model.keep(item), self.today)
        else:
            key = (item.collection, item.path)
            assert outcome.unchanged == 1
            assert item.sha256 in {one.sha256 for one in self.model.kept[key]}

    def withdraw(self) -> None:
        if (key := self.known_document()) is None:
            return
        was_published = self.model.withdraw(key)
        try:
            self.store.withdraw(*key, now=self.now)
        except KnowledgeError:
            assert not was_published
            self.counts["withdraw, refused"] += 1
        else:
            assert was_published
            self.counts["withdraw"] += 1

    def publish_waiting(self) -> None:
        """Publish a draft, a quarantined or a withdrawn version."""
        if key := self.known_document():
            number = self.random.choice([None, None, self.random.randint(1, len(self.model.kept[key]))])
            self.editor("publish", key, lambda: self.store.publish_version(*key, number, now=self.now))

    def roll_back(self) -> None:
        if key := self.known_document():
            number = self.random.choice([None, self.random.randint(1, len(self.model.kept[key]))])
            self.editor("roll back", key, lambda: self.store.roll_back(*key, number, now=self.now))

    def editor(self, name: str, key: Key, change: Any) -> None:
        try:
            put_up: PutUp = change()
        except KnowledgeError:
            self.counts[f"{name}, refused"] += 1
            return
        number = put_up.number if put_up.copy_of is None else put_up.copy_of
        item = self.model.kept[key][number - 1]
        wording = (number, item) if put_up.copy_of is None else self.model.keep(item)
        assert wording[0] == put_up.number
        self.model.publish(wording, self.today)
        self.counts[name] += 1

    def pass_time(self) -> None:
        self.clock.advance(days=self.random.choice([0, 1, 1, 2, 5]), hours=self.random.randrange(24))
        self.model.begin(self.today)
        self.counts["pass time"] += 1

    # --- what readers do ---

    def ask(self) -> None:
        role = self.random.choice(list(ROLES))
        text, language = " ".join(self.words(1, 6)), self.random.choice(LANGUAGES)
        if shown := self.random.choice([[], self.model.all_shown(self.today)]):
            item = self.random.choice(shown)
            text = self.random.choice([item.title, item.body.partition("\n")[0], *item.phrasings])
        collection = self.random.choice([None, None, None, *COLLECTIONS])
        found = self.searcher.search(
            text, language=language, audiences=ROLES[role], limit=self.random.choice([1, 5, 20]), collection=collection
        )
        self.check_hits(found.hits, ROLES[role])
        assert collection is None or {hit.collection for hit in found.hits} <= {collection}
        self.counts[f"ask as {role}"] += 1
        self.counts["shown"] += len(found.hits)

    def check_hits(self, hits: Sequence[Hit], audiences: Collection[Audience]) -> None:
        for hit in hits:
            assert hit.audience in audiences, f"{hit.document_id} is not for them"
            shown = self.model.shown((hit.collection, hit.document_id), self.today)
            assert shown is not None, f"{hit.document_id} is not to be shown"
            number, item = shown
            assert (hit.version_number, hit.audience, hit.language, hit.title) == (
                number, item.audience, item.language, item.title,
            )  # fmt: skip
            assert 0 < hit.score < 1
            before = self.cited.setdefault(hit.passage_id, hit)
            assert (before.text, before.version_id, before.version_number) == (hit.text, hit.version_id, hit.version_number)
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        documents = [(hit.collection, hit.document_id) for hit in hits]
        assert len(documents) == len(set(documents))

    def recall(self) -> None:
        """Open a source that was shown at some time."""
        if self.cited:
            latest = self.random.choice([0, -30])  # of all that was shown, few may still be opened
            number, audiences = self.random.choice(list(self.cited)[latest:]), self.random.choice(list(ROLES.values()))
            self.check_citation(number)
            cited = self.cited[number]
            shown = self.model.shown((cited.collection, cited.document_id), self.today)
            may_open = shown is not None and shown[0] == cited.version_number and cited.audience in audiences
            opened = self.store.resolve([number], audiences=audiences, now=self.now).get(number)
            assert (opened is not None) == may_open, "a source is opened by somebody it is not for, or not by somebody it is for"
            assert (self.searcher.passage_text(number, audiences=audiences) is not None) == may_open
            assert opened is None or opened == replace(cited, score=0, subject=opened.subject, topic=opened.topic)
            self.counts["recall"] += 1
            self.counts["recall, opened"] += may_open

    def check_citation(self, number: int) -> None:
        cited = self.cited[number]
        with self.store.reading() as connection:
            version, kept = history.passage_as_cited(connection, number, now=self.now)
            query = select(passage.c.kind, passage.c.char_start, passage.c.char_end, document_version.c.body)
            query = query.join(document_version, passage.c.version_id == document_version.c.id).where(passage.c.id == number)
            row = connection.execute(query).one()
        key = (cited.collection, cited.document_id)
        assert (version.collection, version.path, version.number, version.id) == (*key, cited.version_number, cited.version_id)
        assert row.kind != "phrasing"
        assert cited.text == kept.text == row.body[row.char_start : row.char_end], "a citation resolves to another text"
        assert row.body == self.model.kept[key][cited.version_number - 1].body

    # --- the index ---

    def build(self) -> None:
        build_index(self.store, self.encoder, self.folder, self.now, progress=lambda _: None)
        snapshot = open_snapshot(self.folder, load_current(self.folder), FaissFiles())
        rows = list(self.store.index_rows(self.now))
        expected: dict[Audience, set[int]] = {}
        indexed: dict[Audience, set[tuple[str, str, int]]] = {}
        known = self.known_versions()
        for row in rows:
            expected.setdefault(row.audience, set()).add(row.id)
            indexed.setdefault(row.audience, set()).add(known[row.version_id])
        assert indexed == self.model.to_be_indexed(self.today), "the index holds other documents than the library"
        assert {audience: set(shelf.rows.ids.tolist()) for audience, shelf in snapshot.shelves.items()} == expected
        for shelf in snapshot.shelves.values():
            assert shelf.first.ids == set(shelf.rows.ids.tolist())
            assert shelf.words.ids == set(shelf.rows.texts.tolist())
        assert snapshot.manifest.corpus_hash == self.store.corpus_hash(self.now)
        leads = {row.version_id: row.id for row in rows if row.kind == "lead"}
        assert all(row.shows_id == (leads[row.version_id] if row.kind == "phrasing" else row.id) for row in rows)
        phrasings = [row for row in rows if row.kind == "phrasing"]
        hits = self.store.resolve([row.id for row in phrasings], audiences=EVERYBODY, now=self.now)
        for row in phrasings:
            if hit := hits.get(row.id):
                assert hit.passage_id == leads[row.version_id]
        self.check_that_the_shown_is_found()
        self.counts["build"] += 1

    def check_that_the_shown_is_found(self) -> None:
        """Right after a build every document is found by its own words, by those it is for, in its own language."""
        shown = self.model.all_shown(self.today)
        for item in self.random.sample(shown, min(5, len(shown))):
            first = item.body.partition("\n")[0]
            audiences = frozenset({item.audience})
            hits = self.searcher.search(first, language=item.language, audiences=audiences, limit=200).hits
            self.check_hits(hits, audiences)
            spoken = {(hit.collection, hit.subject, hit.language) for hit in hits}
            assert len(spoken) == len({(hit.collection, hit.subject) for hit in hits}), "a subject is shown in two languages"
            assert (item.collection, item.path) in {(hit.collection, hit.document_id) for hit in hits}
            self.counts["found"] += 1

    def known_versions(self) -> dict[int, tuple[str, str, int]]:
        query = select(document_version.c.id, document.c.collection, document.c.path, document_version.c.number)
        query = query.join(document, document_version.c.document_id == document.c.id)
        with self.store.reading() as connection:
            rows = connection.execute(query.where(document_version.c.id > max(self.versions, default=0))).all()
        self.versions |= {row.id: (row.collection, row.path, row.number) for row in rows}
        return self.versions

    # --- random documents ---

    def known_document(self) -> Key | None:
        return self.random.choice(list(self.model.kept)) if self.model.kept else None

    def words(self, least: int, most: int) -> list[str]:
        return self.random.choices(WORDS, k=self.random.randint(least, most))

    def wording(self, **values: Any) -> Document:
        """Return words nobody has used yet, for a document that may be there already."""
        self._unique += 1
        number = self.random.randrange(DOCUMENTS)
        begins = self.random.choice([None, None, None, -3, 1, 2, 4])
        ends = self.random.choice([None, None, None, None, 0, 3, 6])
        sections = [" ".join(self.words(2, 9)) for _ in range(self.random.randint(0, 2))]
        body = "\n\n".join(
            [f"Answer {self._unique}: {' '.join(self.words(3, 12))}.", *(f"## More\n\n{text}." for text in sections)]
        )
        ordinary: dict[str, Any] = {
            "collection": COLLECTIONS[number % 2], "title": " ".join(self.words(1, 3)), "language": self.random.choice(LANGUAGES),
            "audience": self.random.choice(list(Audience)), "topic": self.random.choice([None, None, *TOPICS]),
            "kind": self.random.choice(["topic", "document"]), "authority": self.random.choice(list(Authority)),
            "translation_of": self.random.choice([None, None, f"{self.random.randrange(number % 2, DOCUMENTS, 2)}.md"]),
            "phrasings": tuple(" ".join(self.words(2, 5)) for _ in range(self.random.randint(0, 2))),
            "effective_from": None if begins is None else self.day(begins),
            "effective_until": None if ends is None else self.day(max(ends, begins or 0)),
        }  # fmt: skip
        return sample(f"{number}.md", body, **{**ordinary, **values})

    def day(self, days: int) -> date:
        return date.fromordinal(self.today.toordinal() + days)


@pytest.mark.slow
def test_ten_thousand_changes_and_questions_show_nothing_that_may_not_be_shown(tmp_path: Path) -> None:
    office = Office(tmp_path, seed=20261125)
    office.run(OPERATIONS)
    print()
    for name, count in sorted(office.counts.items()):
        print(f"{count:6} {name}")
    print(f"{len(office.cited):6} different citations, all still what they were")
    assert verify_database(office.store) == []
    for name in (
        "add",
        "draft",
        "quarantine",
        "withdraw",
        "publish",
        "roll back",
        "repeat",
        "pass time",
        "recall",
        "recall, opened",
        "build",
        "found",
    ):
        assert office.counts[name] > 30, name
    assert office.counts["shown"] > OPERATIONS / 4
    assert len(office.cited) > 500


class _Indiscreet(Searcher):
    """Gives everybody everything."""

    def search(self, text: str, *, audiences: Collection[Audience], **values: Any) -> Retrieval:
        return super().search(text, audiences=EVERYBODY if audiences else audiences, **values)


class _Trusting(KnowledgeStore):
    """Leaves it to the index who may see what."""

    def visible(self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime) -> set[int]:
        return set(self.resolve(ids, audiences=audiences, now=now))

    def resolve(
        self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime, as_of: date | None = None
    ) -> dict[int, Hit]:
        return super().resolve(ids, audiences=EVERYBODY, now=now, as_of=as_of)


class _Late(KnowledgeStore):
    """Goes on showing until the next day what was withdrawn or changed."""

    def visible(self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime) -> set[int]:
        return set(self.resolve(ids, audiences=audiences, now=now))

    def resolve(
        self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime, as_of: date | None = None
    ) -> dict[int, Hit]:
        yesterday = date.fromordinal(now.date().toordinal() - 1)
        late = super().resolve(ids, audiences=audiences, now=now, as_of=yesterday)
        return late | super().resolve(ids, audiences=audiences, now=now, as_of=as_of)


class _Careless(KnowledgeStore):
    """Loses the last letter of what it cites."""

    def resolve(
        self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime, as_of: date | None = None
    ) -> dict[int, Hit]:
        found = super().resolve(ids, audiences=audiences, now=now, as_of=as_of)
        return {number: replace(hit, text=hit.text[:-1]) for number, hit in found.items()}


class _Forgetful(KnowledgeStore):
    """Leaves one document out of the index."""

    def index_rows(self, now: datetime) -> Any:
        return (row for row in super().index_rows(now) if row.version_id % 50)


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        (_Indiscreet, "is not for them"),
        (_Trusting, "a source is opened by somebody it is not for"),
        (_Late, "is not to be shown"),
        (_Careless, "a citation resolves to another text"),
        (_Forgetful, "the index holds other documents than the library"),
    ],
)
def test_a_library_that_breaks_a_promise_is_found_out(tmp_path: Path, broken: type[Any], noticed: str) -> None:
    is_store = issubclass(broken, KnowledgeStore)
    office = Office(tmp_path, 7, store=broken) if is_store else Office(tmp_path, 7, searcher=broken)
    with pytest.raises(AssertionError, match=noticed):
        office.run(1_000)
