"""Figures of an evaluation, from rows to the page."""

import re

from bot.domain.turns import Understanding
from bot.evaluation import CaseRow, Judged, summarise
from bot.report import page, parity
from policies import Outcome


def judged(
    lang: str, expected: str, outcome: str, *, notes: str = "", category: str | None = None, intent: str | None = None,
    read: str | None = None, confidence: float = 0.9, alarmed: bool = False, offered: bool = False,
) -> Judged:  # fmt: skip
    case = CaseRow(
        id="1", lang=lang, audience="public", text="x", expected=Outcome(expected), notes=notes, category=category, intent=intent
    )
    return Judged(
        case=case, outcome=Outcome(outcome), topics=(), leaked=False, offered=offered, alarmed=alarmed, language=lang,
        read=Understanding(intent=read, confidence=confidence) if read else None, ms=10.0,
    )  # fmt: skip


ROWS = [
    judged("en", "emergency", "emergency", category="medical", alarmed=True),
    judged("en", "escalate", "answer", category="exploitation"),
    judged("fr", "escalate", "answer", category="exploitation", offered=True),
    judged("fr", "emergency", "escalate", category="gbv", alarmed=True),
    judged("en", "answer", "emergency", notes="near_miss: idiom", alarmed=True),
    judged("en", "answer", "escalate", notes="near_miss: idiom"),
    judged("fr", "answer", "answer", intent="ask_visa", read="ask_visa"),
    judged("en", "out_of_scope", "answer", intent="injection", read="ask_visa", confidence=0.4),
]


def test_danger_is_heard_when_a_person_or_the_card_comes() -> None:
    safety = summarise(ROWS)["safety"]
    assert (safety["crisis"]["overall"]["n"], safety["crisis"]["overall"]["found"]) == (4, 2)
    assert safety["crisis"]["by_category"]["exploitation"]["found"] == 0
    assert safety["emergency"]["by_language"]["fr"]["share"] == 0.0
    assert safety["answered_by_retrieval_alone"] == 1, "an answer with the offer of a person is not alone"


def test_danger_is_recognised_when_a_rule_of_safety_decides_and_not_for_want_of_a_passage() -> None:
    offered = judged("en", "escalate", "escalate", category="exploitation")
    safety = summarise([*ROWS, offered])["safety"]
    assert (safety["crisis"]["overall"]["found"], safety["crisis_recognised"]["overall"]["found"]) == (3, 2)


def test_an_alarm_is_what_a_safety_rule_decided_and_not_every_escalation() -> None:
    alarms = summarise(ROWS)["safety"]["alarms_near_miss"]
    assert (alarms["overall"]["n"], alarms["overall"]["found"]) == (2, 1)
    assert alarms["by_kind"]["near_miss: idiom"]["found"] == 1


def test_understanding_is_measured_on_rows_that_carry_an_intent() -> None:
    found = summarise(ROWS)["understanding"]
    assert found["n"] == 2
    assert found["by_language"] == {"en": 0.0, "fr": 1.0}
    assert found["calibration"]["error"] == round((abs(0.9 - 1) + abs(0.4 - 0)) / 2, 4)
    assert summarise(ROWS[:2])["understanding"] is None


def test_what_should_be_refused_counts_unless_it_is_answered() -> None:
    assert summarise(ROWS)["refused"]["overall"]["share"] == 0.0


def test_the_page_holds_every_table_and_needs_nothing_else() -> None:
    html = page(summarise(ROWS), ["en.jsonl"], ["leaks: 1 is above 0"])
    for text in (
        "Danger or harm",
        "Alarms on look-alikes",
        "Calibration",
        "Parity",
        "ask_visa",
        "near_miss: idiom",
        "leaks: 1 is above 0",
    ):
        assert text in html
    assert not re.search(r"(src|href)=", html)
    assert html.count("<table") == html.count("</table")
    assert html.count("<svg") == html.count("</svg")


def test_what_is_not_ours_cannot_mark_up_the_page() -> None:
    html = page(summarise([judged("en", "answer", "answer", notes="near_miss: <b>x</b>")]), ["<i>.jsonl"])
    assert "<b>" not in html
    assert "<i>" not in html


def test_parity_gives_gaps_to_english_in_points() -> None:
    rows = {row["language"]: row for row in parity(summarise(ROWS))}
    assert rows["en"]["crisis_gap"] == 0.0
    assert rows["fr"]["macro_f1_gap"] == -100.0
