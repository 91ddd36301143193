"""Passages: spans of the body, within the limit, nothing lost, no grapheme cut."""

from dataclasses import replace

import regex
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge.chunking import LIMIT, chunk, embedded_text, first_heading
from knowledge.passages import Audience, Document, DraftPassage, Mark

ARABIC = "لم شمل الأسرة يسمح للأقارب بالعيش معًا. الحكومة هي التي تقرر؟ "
PERSIAN = "می‌خواهم خانواده‌ام را بیاورم. چه کسی تصمیم می‌گیرد؟ "
CHINESE = "家庭团聚让近亲一起生活。由政府决定！"
FAMILY = "👨‍👩‍👧‍👦"
MARKED = "e\u0301\u0323"
PARTS = [
    ARABIC,
    PERSIAN,
    CHINESE,
    FAMILY,
    MARKED,
    " \u0301",
    "\u0600 ",
    "word ",
    "\n",
    "\n\n",
    "# Heading\n",
    "## Деталі\n",
    "- item\n",
    "1. x\n",
]
PARTS += [
    "| a | b |\n|---|---|\n| c | d |\n",
    "```\n# no heading\n```\n",
    "[ref]: https://iom.int\n",
    "> quoted\n",
    "    code\n",
    "Title\n===\n",
]

bodies = st.lists(
    st.one_of(st.sampled_from(PARTS), st.sampled_from(PARTS).map(lambda part: part * 60), st.text(max_size=30)), max_size=25
).map("".join)


def document(body: str, *, phrasings: tuple[str, ...] = (), title: str = "T") -> Document:
    return Document(
        collection="c", path="d.md", title=title, language="en", audience=Audience.PUBLIC, body=body, phrasings=phrasings
    )


def passages(body: str) -> list[DraftPassage]:
    return chunk(document(body))


@given(bodies)
@example("\n\n" + "\u0301" * 3000)
@example("x " * 900 + "\u0600 " * 900)
@example("# only a heading")
@example("")
def test_passages_are_spans_within_the_limit_that_cut_no_grapheme(body: str) -> None:
    found = passages(body)
    borders = {0} | {match.end() for match in regex.finditer(r"\X", body)}
    end = 0
    for number, passage in enumerate(found):
        assert passage.text == body[passage.start : passage.end]
        assert passage.text.strip()
        assert passage.start >= end
        assert len(passage.text) <= LIMIT or len(regex.findall(r"\X", passage.text)) == 1
        assert {passage.start, passage.end} <= borders
        assert (passage.ordinal, passage.kind) == (number, "text" if number else "lead")
        end = passage.end
    assert bool(found) == bool(body.strip())


@given(st.lists(st.sampled_from([ARABIC, PERSIAN, CHINESE, "word ", "\n", "\n\n", "- item\n"]), max_size=200).map("".join))
def test_without_headings_nothing_is_lost(body: str) -> None:
    assert "".join("".join(passage.text.split()) for passage in passages(body)) == "".join(body.split())


def test_headings_make_paths_and_the_text_before_them_is_the_lead() -> None:
    found = chunk(document("Lead.\n\n## A *b*\n\nOne.\n\n### C\n\nTwo.\n\n## D\n\nThree.\n", phrasings=("how",)))
    assert [(p.kind, p.heading_path, p.text) for p in found] == [
        ("lead", (), "Lead."),
        ("text", ("A b",), "One."),
        ("text", ("A b", "C"), "Two."),
        ("text", ("D",), "Three."),
        ("phrasing", (), "how"),
    ]


def test_without_text_before_a_heading_the_first_passage_is_the_lead() -> None:
    (lead,) = passages("# Title\n\nWords.\n")
    assert (lead.kind, lead.heading_path, lead.text) == ("lead", ("Title",), "Words.")
    assert first_heading("intro\n\n# The `title`\n") == "The title"


def test_a_table_that_fits_stays_whole() -> None:
    table = "| a | b |\n|---|---|\n" + "| one | two |\n" * 60
    found = passages("word " * 150 + "\n\n" + table)
    assert [p.text for p in found][-1] == table.strip()


def test_chinese_counts_more_than_latin() -> None:
    longest = max(len(p.text) for p in passages(CHINESE * 200))
    assert LIMIT // 4 < longest <= LIMIT // 3
    assert max(len(p.text) for p in passages("A sentence of words. " * 200)) > LIMIT * 3 // 4


def test_what_is_embedded_names_the_title_once() -> None:
    assert embedded_text("T", "text", ("T", "H"), "w") == "T\nH\nw"
    assert embedded_text("T", "phrasing", (), "how") == "how"


SECTIONS = ["# A one\n", "## B two\n", "### C three\n", "words\n\n", "\n", "D four\n===\n", "> q five\n"]


@given(st.lists(st.sampled_from(SECTIONS), max_size=9).map("".join))
def test_every_word_is_in_a_passage_or_in_its_headings(body: str) -> None:
    found = " ".join(part for passage in passages(body) for part in (passage.text, *passage.heading_path)).split()
    assert {word for word in body.split() if word.isalpha()} <= set(found)


def test_a_heading_with_nothing_below_it_is_a_passage() -> None:
    found = passages("Intro.\n\n## Police: 112\n\n## Coast guard: 108\n\n## Hours\n\nOpen daily.\n\n## Fax: 5")
    assert [(p.heading_path, p.text) for p in found] == [
        ((), "Intro."),
        ((), "## Police: 112"),
        ((), "## Coast guard: 108"),
        (("Hours",), "Open daily."),
        ((), "## Fax: 5"),
    ]


ROWS = "".join(f"| District {number} | Desk {number} |\n" for number in range(120))
TABLE = f"Each district has a desk. They are these.\n\nTable 3. Desks\n| District | Desk |\n|---|---|\n{ROWS}"


def test_a_table_goes_with_its_caption_and_the_sentence_before_it() -> None:
    short = TABLE.partition("| District 9 ")[0]
    found = passages("word " * 200 + "And more is said. " + short)
    assert found[-1].text.startswith("They are these.\n\nTable 3. Desks\n| District | Desk |\n|---|---|\n| District 0 ")
    assert found[-2].text.endswith("Each district has a desk.")


def test_an_abbreviation_ends_no_sentence_before_a_table() -> None:
    found = passages("word " * 225 + "\n\nAs art. 5 says, these:\n\n| a | b |\n|---|---|\n" + "| one | two |\n" * 9)
    assert found[-1].text.startswith("As art. 5 says, these:\n\n| a | b |")


def test_a_table_that_fits_only_alone_stays_whole() -> None:
    table = "| a | b |\n|---|---|\n" + "| one | two |\n" * 82
    found = passages("A sentence that says what is in the table below, at some length.\n\n" + table)
    assert [p.text for p in found] == ["A sentence that says what is in the table below, at some length.", table.strip()]


def test_a_long_table_is_cut_between_rows_and_each_piece_says_what_it_is() -> None:
    first, *others = passages("# Desks\n\n" + TABLE)[1:]
    assert first.text.startswith("They are these.")
    assert first.heading_path == ("Desks",)
    assert {piece.heading_path for piece in others} == {("Desks", "Table 3. Desks (District · Desk)")}
    assert all(piece.text.startswith("| District") and piece.text.endswith("|") for piece in others)
    rows = [line for piece in (first, *others) for line in piece.text.splitlines() if "| Desk " in line]
    assert rows == ["| District | Desk |", *ROWS.splitlines()]


def test_a_row_longer_than_the_limit_is_cut_like_any_text() -> None:
    found = passages("| a | b |\n|---|---|\n| " + "word " * 400 + "| x |\n| y | z |\n")
    assert max(len(piece.text) for piece in found) <= LIMIT
    assert found[-1].text.endswith("| y | z |")


@given(bodies, st.lists(st.tuples(st.integers(0, 400), st.one_of(st.integers(1, 9), st.sampled_from("abc"))), max_size=12))
def test_a_passage_stands_on_the_page_of_its_first_character(body: str, places: list[tuple[int, int | str]]) -> None:
    marks = [
        Mark(start=start, page=place) if isinstance(place, int) else Mark(start=start, anchor=place)
        for start, place in sorted(places, key=lambda one: one[0])
    ]
    for passage in chunk(replace(document(body), marks=tuple(marks))):
        before = [mark for mark in marks if mark.start <= passage.start]
        assert passage.page == next((mark.page for mark in reversed(before) if mark.page), None)
        assert passage.anchor == next((mark.anchor for mark in reversed(before) if mark.anchor), None)
