"""The table of passages that is ranked by: places, subjects, direct answers; and its file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.errors import IndexCorrupt
from knowledge.index.rows import AUTHORITIES, Rows
from knowledge.passages import Audience, Authority, IndexRow

ROW = IndexRow(
    id=1, audience=Audience.PUBLIC, text_sha256="0" * 64, language="en", version_id=1, shows_id=1, collection="own",
    subject="a.md", kind="lead", authority=Authority.GUIDANCE, is_answer=True,
)  # fmt: skip
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
TABLES = st.lists(
    st.builds(
        lambda number, version, language, collection, subject, kind, authority, shows: replace(
            ROW, id=number, version_id=version, language=language, collection=collection, subject=subject, kind=kind,
            authority=authority, shows_id=shows or number,
        ),
        st.integers(1, 2**40), st.integers(1, 2**40), st.sampled_from(["en", "fr", "ar", "zh"]), NAMES, NAMES,
        st.sampled_from(["lead", "text", "phrasing"]), st.sampled_from(Authority), st.sampled_from([None, 7]),
    ),
    max_size=10, unique_by=lambda row: row.id,
).map(lambda rows: sorted(rows, key=lambda row: row.id))  # fmt: skip


def ids(*given: int) -> NDArray[np.int64]:
    return np.array(given, np.int64)


def test_columns_say_what_the_rows_said() -> None:
    french = replace(ROW, id=9, shows_id=9, language="fr", authority=Authority.LAW, version_id=4)
    phrasing = replace(ROW, id=5, kind="phrasing")
    rows = Rows.of([ROW, phrasing, french, replace(ROW, id=12, shows_id=12, subject="b.md", version_id=5)])
    assert rows.ids.tolist() == [1, 5, 9, 12]
    assert rows.texts.tolist() == [1, 9, 12]
    assert rows.shows.tolist() == [1, 1, 9, 12]
    assert rows.versions.tolist() == [1, 1, 4, 5]
    assert [rows.subjects[at] for at in rows.subject] == [("own", "a.md")] * 3 + [("own", "b.md")]
    assert [rows.languages[at] for at in rows.language] == ["en", "en", "fr", "en"]
    assert AUTHORITIES[rows.authority[2]] == Authority.LAW


def test_authorities_go_from_the_highest_to_the_lowest() -> None:
    assert AUTHORITIES[0] == Authority.LAW
    assert AUTHORITIES[-1] == Authority.NEWS


def test_passages_are_found_by_id_in_any_order() -> None:
    rows = Rows.of([replace(ROW, id=number) for number in (3, 7, 20)])
    assert rows.places(ids(20, 3)).tolist() == [2, 0]
    assert rows.holds(ids(1, 3, 8, 20, 21)).tolist() == [False, True, False, True, False]
    assert rows.holds(ids()).tolist() == rows.places(ids()).tolist() == []


def test_the_same_subject_of_two_collections_is_two_subjects() -> None:
    rows = Rows.of([ROW, replace(ROW, id=2, collection="pathways")])
    assert rows.subjects == [("own", "a.md"), ("pathways", "a.md")]


def test_a_subjects_direct_answer_is_its_lead_in_that_language() -> None:
    rows = Rows.of(
        [
            ROW,
            replace(ROW, id=2, kind="text"),
            replace(ROW, id=3, kind="phrasing", shows_id=1),
            replace(ROW, id=4, language="fr"),
            replace(ROW, id=5, language="ar", kind="text"),
            replace(ROW, id=6, subject="b.md"),
        ]
    )
    assert rows.leads([0, 1], ("fr", "en")) == [((4,), (1,)), ((), (6,))]
    assert rows.leads([0], ("ar", "sw")) == [((), ())]


@given(TABLES)
def test_what_was_saved_is_read_again(tmp_path_factory: pytest.TempPathFactory, given: list[IndexRow]) -> None:
    rows, path = Rows.of(given), tmp_path_factory.mktemp("rows") / "public.rows.npz"
    rows.save(path)
    again = Rows.load(path)
    for name in ("ids", "shows", "texts", "versions", "subject", "language", "authority"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rows, name))
    assert (again.subjects, again.languages) == (rows.subjects, rows.languages)
    subjects = range(len(rows.subjects))
    assert again.leads(subjects, rows.languages) == rows.leads(subjects, rows.languages)


@pytest.mark.parametrize("keep", [0, 10, 300, -30])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "public.rows.npz"
    Rows.of([ROW]).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IndexCorrupt, match=r"public\.rows\.npz cannot be read: run `waypost knowledge build`"):
        Rows.load(path)


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "public.rows.npz"
    with path.open("wb") as file:
        np.savez(file, ids=ids(1))
    with pytest.raises(IndexCorrupt, match=r"public\.rows\.npz"):
        Rows.load(path)
