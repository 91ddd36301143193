"""What is understood beyond the words of one message: alarms of the classifier, choices, follow-ups, another language."""

import pytest

from bot.service.turn import TurnResult
from policies import Outcome
from support.assistant import CATALOGUE, Intents, Shelf, Someone, a_hit
from support.clock import FakeClock

FAMILY = a_hit(1, "P08", "A family member applies, and the government decides.", title="Family reunification: the basics")
GERMANY = a_hit(2, "P10", "In Germany IOM helps.", title="IOM Family Assistance Programme in Germany")
HOSTAGE = "they are holding us hostage with this waiting lol, how does family reunion work"
STRANGE = "everything became strange since those people came to our house"


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(by_word={"reuni": FAMILY})


@pytest.fixture
def intents() -> Intents:
    return Intents(by_word={"reuni": "ask_family_reunification"})


def labels(result: TurnResult, reply: int = 0) -> list[str]:
    """Return the labels below the first message of a turn, or below another."""
    return [button.label for row in result.replies[reply].buttons for button in row]


# ---------------------------------------------------------------- the classifier's alarms
async def test_danger_only_the_classifier_reads_gets_the_card_and_a_question(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_trafficking"
    result = await amina.says(STRANGE)
    assert (result.decision.outcome, result.decision.category) == (Outcome.EMERGENCY, "trafficking")
    assert (await amina.receives())[0].startswith(amina.app.cards.text("trafficking", "en")[:30])
    assert not result.case_opened, "a statistical reading passes nothing on by itself"
    assert (await amina.says("yes please")).case_opened


async def test_harm_only_the_classifier_reads_is_met_with_the_words_for_it(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_exploitation"
    result = await amina.says(STRANGE)
    assert (result.decision.outcome, result.decision.rule_id) == (Outcome.ESCALATE, "classifier-alarm")
    assert CATALOGUE.text("escalate_exploitation", "en")[:40] in result.replies[0].text


async def test_a_reading_of_abuse_by_staff_is_sealed(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_sea_staff"
    await amina.says(STRANGE)
    opened = await amina.says("yes")
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    assert case.sealed


async def test_danger_only_the_classifier_reads_raises_a_case_nobody_has_taken_yet(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_threat"
    await amina.says("I want to talk to a person")
    opened = await amina.says("yes")
    result = await amina.says(STRANGE)
    assert result.decision.outcome is Outcome.EMERGENCY
    assert result.replies, "the card goes out whoever owns the conversation"
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    assert (case.severity, case.category) == (4, "threats")


async def test_a_faint_suspicion_of_abuse_by_staff_seals_what_a_yes_opens(amina: Someone, intents: Intents) -> None:
    intents.suspected["report_sea_staff"] = 0.15
    question = "what is family reunification and who decides about it"
    answered = await amina.says(question)
    assert answered.decision.rule_id == "answer-with-care"
    opened = await amina.presses(CATALOGUE.text("button_human_yes", "en"))
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    assert (case.sealed, case.severity) == (True, 1)
    messages = await amina.app.storage.run(lambda uow: uow.cases.messages(case.id))
    assert [message.text for message in messages] == [question], "the caseworker reads what was asked"


async def test_a_person_asked_for_after_an_answer_reads_the_question(amina: Someone) -> None:
    question = "what is family reunification and who decides about it"
    await amina.says(question)
    await amina.presses(CATALOGUE.text("button_human", "en"))
    opened = await amina.presses(CATALOGUE.text("button_human_yes", "en"))
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    messages = await amina.app.storage.run(lambda uow: uow.cases.messages(case.id))
    assert [message.text for message in messages] == [question]


async def test_an_answer_given_while_nlu_is_down_offers_a_person(amina: Someone, intents: Intents) -> None:
    intents.status = "nlu_unavailable"
    result = await amina.says("what is family reunification and who decides about it")
    assert (result.decision.outcome, result.decision.offer_human) == (Outcome.ANSWER, True)


async def test_words_in_doubt_and_a_calm_reading_get_the_answer_with_the_offer_of_a_person(amina: Someone) -> None:
    result = await amina.says(HOSTAGE)
    assert result.record.triggers == result.record.in_doubt == ("en-kidnapping",), "the record keeps what was seen, and why not"
    assert (result.decision.outcome, result.decision.rule_id) == (Outcome.ANSWER, "answer-with-care")
    opened = await amina.presses(CATALOGUE.text("button_human_yes", "en"))
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    assert case.category == "kidnapping"


@pytest.mark.parametrize("status", ["nlu_unavailable", "nlu_slow", "nlu_starting"])
async def test_words_in_doubt_stand_while_nothing_can_be_read(amina: Someone, intents: Intents, status: str) -> None:
    intents.status = status
    assert (await amina.says(HOSTAGE)).decision.outcome is Outcome.EMERGENCY


async def test_words_in_doubt_stand_beside_a_faint_reading_of_danger(amina: Someone, intents: Intents) -> None:
    intents.suspected["report_kidnapping"] = amina.app.policies.doubt
    result = await amina.says(HOSTAGE)
    assert (result.decision.outcome, result.case_opened, result.record.in_doubt) == (Outcome.EMERGENCY, True, ())


async def test_words_that_nothing_puts_in_doubt_wait_for_no_reading(amina: Someone, intents: Intents) -> None:
    result = await amina.says("they are holding us hostage in a house")
    assert result.decision.outcome is Outcome.EMERGENCY
    assert result.record.intent is None, "nothing was read"


async def test_danger_is_read_by_the_classifier_beside_words_that_are_refused(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_threat"
    result = await amina.says(f"how do i get a fake passport, {STRANGE}")
    assert result.decision.outcome is Outcome.EMERGENCY


async def test_the_record_says_what_harm_was_read_and_what_was_known(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_threat"
    assert (await amina.says(STRANGE)).record.reports == {"report_threat": 0.9}
    told = await amina.says("how does reunification work for my wife in germany, i am syrian and have refugee status")
    assert {"country", "nationality", "relation", "status"} <= set(told.record.known)
    assert told.record.reports == {}


# ---------------------------------------------------------------- choices
async def test_a_question_about_papers_offers_answers_to_press(amina: Someone, shelf: Shelf) -> None:
    shelf.by_word["reuni"] = a_hit(1, "P08", FAMILY.lead, depends_on=frozenset({"service"}))
    asked = await amina.says("how can i get help with reunion")
    assert (asked.decision.outcome, asked.decision.question) == (Outcome.CLARIFY, "service")
    offered = labels(asked)
    assert offered[0] == CATALOGUE.text("option_service_papers", "en")
    assert 2 <= len(offered) - 1 <= 4, "the last leads to a person"
    completed = await amina.presses(offered[0])
    assert completed.decision.outcome is Outcome.ANSWER
    assert completed.citations[0].topic == "P08"


async def test_countries_that_would_change_the_answer_are_offered(amina: Someone, shelf: Shelf) -> None:
    shelf.by_word["reuni"] = a_hit(1, "P08", FAMILY.lead, depends_on=frozenset({"country"}))
    shelf.by_word["how long"] = GERMANY
    asked = await amina.says("how long does reunion take")
    assert asked.decision.question == "country"
    assert labels(asked)[:2] == ["Germany", CATALOGUE.text("option_country_other", "en")]
    completed = await amina.presses("Germany")
    assert completed.decision.outcome is Outcome.ANSWER


async def test_no_country_is_guessed_where_no_passage_names_one(amina: Someone, shelf: Shelf) -> None:
    shelf.by_word["reuni"] = a_hit(1, "P08", FAMILY.lead, depends_on=frozenset({"country"}))
    asked = await amina.says("how long does reunion take")
    assert labels(asked) == [CATALOGUE.text("button_human", "en")]


# ---------------------------------------------------------------- follow-ups
async def test_a_follow_up_leans_on_the_question_before_it(amina: Someone) -> None:
    await amina.says("what is family reunification and who decides about it")
    result = await amina.says("and for my brother?")
    assert result.citations[0].topic == "P08"


async def test_a_follow_up_of_a_follow_up_still_knows_the_question(amina: Someone) -> None:
    await amina.says("what is family reunification and who decides about it")
    await amina.says("and for my brother?")
    assert (await amina.says("what about my mother")).citations[0].topic == "P08"


async def test_a_question_of_its_own_leans_on_nothing(amina: Someone) -> None:
    await amina.says("what is family reunification and who decides about it")
    assert not (await amina.says("where can i learn the language of this country")).citations


async def test_after_a_quarter_of_an_hour_nothing_is_leant_on(amina: Someone, clock: FakeClock) -> None:
    await amina.says("what is family reunification and who decides about it")
    clock.advance(minutes=16)
    assert not (await amina.says("and for my brother?")).citations


async def test_harm_in_a_reply_is_read_by_itself_too(amina: Someone, shelf: Shelf, intents: Intents) -> None:
    """The older question alone would settle what is read of both together."""
    shelf.by_word["reuni"] = a_hit(1, "P08", FAMILY.lead, depends_on=frozenset({"country"}))
    intents.by_word["strange"] = "report_threat"
    assert (await amina.says("how long does reunion take")).decision.outcome is Outcome.CLARIFY
    assert (await amina.says(STRANGE)).decision.outcome is Outcome.EMERGENCY


async def test_a_long_question_does_not_push_the_reply_out_of_sight(amina: Someone, shelf: Shelf, intents: Intents) -> None:
    shelf.by_word["reuni"] = a_hit(1, "P08", FAMILY.lead, depends_on=frozenset({"country"}))
    intents.by_word = {"strange": "report_threat", **intents.by_word}
    await amina.says("how long does reunion take " + "for my family who are waiting " * 20)
    assert (await amina.says(STRANGE)).decision.outcome is Outcome.EMERGENCY


async def test_danger_never_leans_on_a_question(amina: Someone) -> None:
    await amina.says("what is family reunification and who decides about it")
    result = await amina.says("and my son stopped breathing")
    assert result.decision.outcome is Outcome.EMERGENCY


# ---------------------------------------------------------------- another language than the chosen one
async def test_another_language_than_the_chosen_one_is_offered_once(amina: Someone) -> None:
    await amina.commands("start")
    await amina.commands("language", "fr")
    first = await amina.says("what is family reunification and who decides about it")
    assert first.record.language == "fr", "a chosen language is never overridden"
    assert labels(first, 1) == ["English", "Français"]
    again = await amina.says("what is family reunification and who decides about it")
    assert len(again.replies) == 1


async def test_a_yes_to_the_other_language_changes_it(amina: Someone) -> None:
    await amina.commands("start")
    await amina.commands("language", "fr")
    await amina.says("what is family reunification and who decides about it")
    await amina.presses("English")
    assert (await amina.says("what is family reunification and who decides about it")).record.language == "en"


async def test_a_few_words_of_another_language_are_not_asked_about(amina: Someone) -> None:
    await amina.commands("start")
    await amina.commands("language", "fr")
    assert len((await amina.says("family reunion")).replies) == 1


async def test_danger_in_another_language_is_not_held_up_by_a_question(amina: Someone) -> None:
    await amina.commands("start")
    await amina.commands("language", "fr")
    result = await amina.says("my baby stopped breathing please help us now")
    assert result.decision.outcome is Outcome.EMERGENCY
    assert "English" not in [label for reply in range(len(result.replies)) for label in labels(result, reply)]
