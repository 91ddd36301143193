"""Front matter: what is refused, and where the message points."""

import pytest

from knowledge import frontmatter
from knowledge.errors import InvalidDocument

WHOLE = """\
topic: "6.10"
title: "Cash"
language: en
audience: staff
kind: manual
sources:
  - title: "Cash"
    url: "https://emergencymanual.iom.int/cash"
    publisher: "IOM"
    page_date: 2022-10-21
checked: 2026-11-23
review_due: 2027-02-21
effective_from: 2026-11-24
owner: emergency-manual-focal-point
reviewed_by: []
sensitivity: green
time_sensitive: true
depends_on: [country, status]
phrasings:
  - "what is cash assistance"
"""


def refusals(text: str, *, curated: bool = True) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        frontmatter.parse(text, path="en/6.10-cash.md", curated=curated)
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_head_is_read() -> None:
    head = frontmatter.parse(WHOLE, path="x.md", curated=True)
    assert (head.topic, head.depends_on, head.sources[0].publisher) == ("6.10", ["country", "status"], "IOM")


def test_an_unquoted_topic_is_refused_with_the_remedy() -> None:
    (text,) = refusals(WHOLE.replace('"6.10"', "6.10"))
    assert text == "en/6.10-cash.md:2 topic: 6.1 is a number here (6.10 unquoted is read as 6.1): put it in quotes"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"6.10"', '"P8"', "en/6.10-cash.md:2 topic: "),
        ("language: en", "language: no", "en/6.10-cash.md:4 language: False is not text here: put it in quotes"),
        ("audience: staff", "audience: everybody", "en/6.10-cash.md:5 audience: "),
        ("    publisher: ", "    publishre: ", "en/6.10-cash.md:10 sources.0.publishre: unknown key"),
        ("kind: manual", "knid: manual", "en/6.10-cash.md:6 knid: unknown key"),
        ("2026-11-23", "yesterday", "en/6.10-cash.md:12 checked: "),
        ("2027-02-21", "2025-02-21", "review_due 2025-02-21 is before checked 2026-11-23"),
        ("[country, status]", "[country, weather]", "en/6.10-cash.md:19 depends_on.1: "),
        ("owner: emergency-manual-focal-point\n", "", "en/6.10-cash.md:2 owner: is missing: add it"),
        ("reviewed_by: []", "reviewed_by: []\nreviewed_by: [x]", "en/6.10-cash.md:17 reviewed_by: stands twice"),
        ("phrasings:\n", "phrasings: [\n", "front matter is not YAML"),
    ],
)
def test_refusals_name_file_line_and_key(old: str, new: str, expected: str) -> None:
    assert any(expected in text for text in refusals(WHOLE.replace(old, new)))


def test_an_own_file_may_state_a_part_but_nothing_unknown() -> None:
    assert frontmatter.parse("title: Opening hours\n", path="x.md", curated=False).title == "Opening hours"
    assert "unknown key" in refusals("titel: Opening hours\n", curated=False)[0]
    assert frontmatter.split("---\ntitle: x\n---\nText\n") == ("title: x", "Text\n", 4)


def test_an_authority_is_one_of_a_few() -> None:
    assert frontmatter.parse("title: x\n", path="x.md", curated=False).authority == "guidance"
    assert frontmatter.parse("authority: law\n", path="x.md", curated=False).authority == "law"
    (text,) = refusals("authority: gospel\n", curated=False)
    assert text.startswith("en/6.10-cash.md:2 authority: ")
    assert "'law', 'policy', 'guidance', 'faq' or 'news'" in text


def test_a_head_in_a_file_of_its_own_begins_on_its_first_line() -> None:
    with pytest.raises(InvalidDocument) as caught:
        frontmatter.parse("title: x\nwrong: y\n", path="a.pdf.yaml", curated=False, first_line=1)
    assert str(caught.value).startswith("a.pdf.yaml:2 wrong: ")
    assert frontmatter.line_of("title: x\naudience: y\n", "audience", first_line=1) == 2
