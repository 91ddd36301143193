"""Screening by words alone, on tables written beside the lexicons: they show what is covered, not how well it generalises."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from policies import TurnFacts, decide, load, screen
from policies.decisions import Outcome

POLICIES = load()
TABLES = Path(__file__).parent / "tables"
SERIOUS = {Outcome.EMERGENCY, Outcome.ESCALATE}


def rows(*groups: str) -> list[object]:
    found: list[object] = []
    for path in sorted(TABLES.glob("*.yaml")):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        for group in groups:
            found += [pytest.param(text, id=f"{path.stem}-{group}-{n}") for n, text in enumerate(table.get(group, []))]
    return found


@pytest.mark.parametrize("text", rows("emergencies"))
def test_present_danger_is_an_emergency(text: str) -> None:
    screening = screen(text, POLICIES)
    assert decide(TurnFacts(screening=screening), POLICIES).outcome is Outcome.EMERGENCY


@pytest.mark.parametrize("text", rows("concerns"))
def test_what_a_person_must_act_on_is_offered_to_one(text: str) -> None:
    screening = screen(text, POLICIES)
    assert decide(TurnFacts(screening=screening), POLICIES).outcome in SERIOUS


def test_words_of_a_look_alike_put_a_match_in_doubt_only_from_beside_it() -> None:
    def doubted(text: str) -> list[bool]:
        return [trigger.doubted for trigger in screen(text, POLICIES).triggers]

    assert doubted("they are holding us hostage with this waiting lol") == [True]
    assert doubted("they are holding us hostage. lol what a queue yesterday") == [False, False], "another sentence says nothing"
    assert doubted("i am watched, cant talk, can i write?") == [False], "the words of danger are no excuse of themselves"


def test_a_sign_of_any_language_puts_a_match_in_doubt_and_alone_cancels_none() -> None:
    def doubted(text: str) -> set[bool]:
        return {trigger.doubted for trigger in screen(text, POLICIES).triggers}

    assert doubted("he will kill me") == {False}
    assert doubted("synonyme de otage en 5 lettres pour mots fleches") == {True}, "a lexicon's own language"
    assert doubted("suicide ዝብል ቃል ብትግርኛ ከመይ ይትርጎም") == {True}, "signs of one language beside words of another"


def test_loose_words_are_in_doubt_from_the_start_and_firm_ones_of_the_same_entry_are_not() -> None:
    def doubted(text: str) -> list[tuple[str, bool]]:
        return [(trigger.rule_id, trigger.doubted) for trigger in screen(text, POLICIES).triggers]

    assert doubted("mkataba wangu wa kazi umekwisha") == [("sw-threats", True)], "a contract has ended, or: you are finished"
    assert doubted("wameniandikia wewe umekwisha") == [("sw-threats", False)]


def test_without_a_reading_loose_words_count_and_with_a_calm_one_they_do_not() -> None:
    said = screen("mkataba wangu wa kazi umekwisha", POLICIES)
    assert decide(TurnFacts(screening=said, nlu="nlu_unavailable"), POLICIES).outcome in SERIOUS
    found = TurnFacts(screening=said, intent="ask_work", intent_confidence=0.9, best_score=0.9, best_collection="pathways")
    calm = decide(replace(found, reports={"report_threat": 0.02}), POLICIES)
    assert (calm.outcome, calm.offer_human) == (Outcome.ANSWER, True)
    assert decide(replace(found, reports={"report_threat": 0.3}), POLICIES).outcome in SERIOUS


@pytest.mark.parametrize("text", rows("calm"))
def test_look_alikes_stay_calm(text: str) -> None:
    assert not screen(text, POLICIES).triggers


@pytest.mark.parametrize("change", [str.upper, lambda text: f"{text} 😭😭", lambda text: text.replace("'", "’")])
def test_capitals_emoji_and_curly_quotes_change_nothing(change) -> None:  # type: ignore[no-untyped-def]
    text = "my son stopped breathing and I can't wake him"
    assert screen(change(text), POLICIES).triggers[0].severity == 4
