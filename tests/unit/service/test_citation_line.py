"""The line under an answer that says where it comes from."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.service.app import App
from bot.service.compose import citation_line, citation_of
from knowledge.passages import Hit, Source
from support.assistant import a_hit, an_app
from support.clock import FakeClock
from support.databases import memory

TODAY = date(2026, 11, 24)
MANUAL = Source(title="Handbook", url="https://www.iom.int/handbook.pdf", publisher="IOM")
INTRANET = Source(title="Handbook", url="https://intranet.example.org/handbook.pdf", publisher="IOM")
Line = Callable[..., str]


@pytest.fixture
def app(clock: FakeClock, tmp_path: Path) -> Iterator[App]:
    for database in memory(tmp_path):
        yield an_app(database.storage(), clock)


@pytest.fixture
def line(app: App) -> Line:
    return lambda hit, language="en": citation_line(hit, app, language, TODAY)


def imported(**changes: object) -> Hit:
    ordinary: dict[str, object] = {
        "lead": "", "title": "Handbook", "heading_path": ("Handbook", "Fees", "Refunds"), "page": 7, "sources": (MANUAL,),
        "version_date": TODAY,
    }  # fmt: skip
    return replace(a_hit(1, "P08", "Words."), **{**ordinary, **changes})  # type: ignore[arg-type]


def test_a_curated_text_names_its_source_as_before(line: Line) -> None:
    assert line(a_hit(1, "P08", "Words.", page=3)) == (
        "Source: Page on P08, UNHCR. Checked 2026-11-23.\nhttps://help.unhcr.org/P08"
    )  # fmt: skip


def test_an_imported_text_names_its_place_its_version_and_opens_there(line: Line) -> None:
    assert line(imported()) == (
        "Source: Handbook › Fees › Refunds, p. 7, version of 2026-11-24.\nhttps://www.iom.int/handbook.pdf#page=7"
    )  # fmt: skip


def test_a_web_page_opens_at_its_anchor(line: Line) -> None:
    page = imported(page=None, anchor="fees", sources=(Source(title="Fees", url="https://www.iom.int/fees", publisher="IOM"),))
    assert line(page) == "Source: Handbook › Fees › Refunds, version of 2026-11-24.\nhttps://www.iom.int/fees#fees"


@pytest.mark.parametrize("sources", [(), (INTRANET,)])
@pytest.mark.parametrize("lead", ["", "Direct answer."])
def test_a_host_that_is_not_on_the_list_is_no_link(line: Line, sources: tuple[Source, ...], lead: str) -> None:
    hit = imported(sources=sources, lead=lead)
    assert line(hit) == "Source: Handbook › Fees › Refunds, p. 7, version of 2026-11-24."
    assert citation_of(hit).url == ""


def test_what_is_past_its_review_says_so(line: Line) -> None:
    assert "should have been checked again by 2026-01-01" in line(imported(review_due=date(2026, 1, 1)))


def test_right_to_left_texts_hold_title_page_and_date_apart(line: Line) -> None:
    assert line(imported(sources=()), "ar") == (
        "المصدر: \u2068Handbook › Fees › Refunds\u2069، ص \u20687\u2069، نسخة \u20682026-11-24\u2069."
    )  # fmt: skip


def test_the_record_of_an_imported_text_has_its_own_title_and_the_same_link(line: Line) -> None:
    record = citation_of(imported(title="Handbook 2026"))
    assert (record.title, record.url) == ("Handbook 2026", "https://www.iom.int/handbook.pdf#page=7")
