"""Passages: spans of the body, within the limit, nothing lost, no grapheme cut."""

import regex
from hypothesis import example, given
from hypothesis import strategies as st

from knowledge.chunking import LIMIT, chunk, embedded_text, first_heading
from knowledge.passages import Audience, Document, DraftPassage

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
