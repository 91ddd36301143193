"""The files of tests/fixtures/documents, and what stands in expected.yaml about each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.chunking import chunk
from knowledge.passages import Audience, DraftPassage
from knowledge.reading import Read, read_folder

FOLDER = Path(__file__).parents[2] / "fixtures" / "documents"
EXPECTED: Mapping[str, Any] = yaml.safe_load((FOLDER / "expected.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found() -> dict[str, Read]:
    return {one.path: one for one in read_folder(FOLDER, collection="own", audience=Audience.PUBLIC)}


def test_every_file_is_told_of_once_and_in_order(found: dict[str, Read]) -> None:
    assert list(found) == sorted(found)
    assert set(found) == set(EXPECTED)


@pytest.mark.parametrize("path", EXPECTED)
def test_a_file_gives_what_is_expected(found: dict[str, Read], path: str) -> None:
    one, expected = found[path], EXPECTED[path]
    document = one.document
    if expected["outcome"] == "problem":
        assert document is None
        assert expected["says"] in one.problems[0].text
        return
    assert document is not None, [str(problem) for problem in one.problems]
    assert bool(document.concerns) == (expected["outcome"] == "quarantined"), document.concerns
    assert expected.get("says", "") in "\n".join((*document.concerns, *one.warnings))
    assert bool(one.warnings) == (expected["outcome"] == "read" and "says" in expected)
    for key in ("language", "title", "authority"):
        assert getattr(document, key) == expected.get(key, getattr(document, key))
    assert [source.url for source in document.sources] == ([expected["source"]] if "source" in expected else [])
    passages = chunk(document)
    for quote in expected.get("passages", []):
        check(passages, quote)
    if sentence := expected.get("in_order"):
        assert " ".join(sentence.format(number, number) for number in range(1, 67)) in document.body
    for words in expected.get("absent", []):
        assert words not in document.body


def check(passages: list[DraftPassage], expected: Mapping[str, Any]) -> None:
    holding = [passage for passage in passages if expected["quote"] in passage.text]
    assert holding, f"{expected['quote']!r} stands in none of {[passage.text for passage in passages]}"
    places = [(passage.heading_path, passage.page, passage.anchor) for passage in holding]
    headings, page, anchor = places[0]
    assert (tuple(expected.get("headings", headings)), expected.get("page", page), expected.get("anchor", anchor)) in places
