"""What is said once somebody has told of danger: it gets worse, it is another danger, it is over (ADR 0025)."""

import pytest

from bot.service import casework
from policies import Outcome
from support.assistant import CATALOGUE, Intents, Shelf, Someone, a_hit
from support.clock import FakeClock
from support.desk import LEA, Desk

BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"
KNIFE = "he has a knife and he will kill me tonight"
FAMILY = a_hit(1, "P08", "A family member applies, and the government decides.")
RIGHTS = a_hit(2, "P73", "You may complain about aid.")
ADDED = CATALOGUE.text("case_added", "en")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(by_word={"reuni": FAMILY, "thank": RIGHTS})


@pytest.fixture
def intents() -> Intents:
    return Intents(by_word={"reuni": "ask_family_reunification", "thank": "thanks"})


def card(amina: Someone, category: str) -> str:
    return amina.app.cards.text(category, "en")[:60]


async def test_a_cry_that_comes_again_is_never_met_with_silence(amina: Someone) -> None:
    await amina.says(BOAT)
    again = await amina.says(BOAT)
    assert again.decision.outcome is Outcome.EMERGENCY
    assert [reply.text for reply in again.replies] == [ADDED]


async def test_another_danger_gets_its_own_card_within_the_hour(amina: Someone) -> None:
    await amina.says(BOAT)
    result = await amina.says(KNIFE)
    assert result.decision.category == "gbv"
    assert result.replies[0].text.startswith(card(amina, "gbv"))
    assert result.replies[1].text == ADDED
    assert [reply.text for reply in (await amina.says(KNIFE)).replies] == [ADDED]


async def test_a_card_has_the_button_for_a_person_that_it_names(amina: Someone) -> None:
    result = await amina.says(BOAT)
    labels = [button.label for row in result.replies[0].buttons for button in row]
    assert labels == [CATALOGUE.text("button_human_yes", "en"), CATALOGUE.text("button_fine", "en")]
    pressed = await amina.presses("Yes")
    assert not pressed.case_opened
    assert [reply.text for reply in pressed.replies] == [ADDED]


async def test_a_no_below_an_open_case_does_not_say_that_nothing_was_passed_on(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_threat"
    await amina.says("everything is strange since those people came to our house")
    await amina.says(BOAT)
    refused = await amina.presses("No")
    assert CATALOGUE.text("case_declined", "en") not in refused.replies[0].text
    assert "already have an open case" in refused.replies[0].text


async def test_safe_in_words_does_what_the_button_does(amina: Someone) -> None:
    opened = await amina.says(BOAT)
    over = await amina.says("we are safe now thank god")
    assert over.replies[0].text == CATALOGUE.text("card_fine", "en")
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    messages = await amina.app.storage.run(lambda uow: uow.cases.messages(case.id))
    assert amina.app.catalogue.staff_text("person_fine") in [message.text for message in messages]
    assert "we are safe now thank god" in [message.text for message in messages]
    assert case.severity == 4, "only people lower it"
    assert (await amina.says("what is family reunification and who decides about it")).citations


async def test_fine_is_a_word_like_any_other_in_a_case_without_a_card(amina: Someone) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    result = await amina.says("i am fine, just waiting")
    assert result.decision.rule_id == "case-waiting"


@pytest.mark.parametrize(
    "text", ["no estoy bien", "estoy bien pero mi hija esta con el y tiene miedo", "im not ok", "je ne vais pas bien",
             "all is fine except that my chest hurts so bad", "не все хорошо", "iyi değilim", "حالم خوب نیست"],
)  # fmt: skip
async def test_not_fine_and_fine_but_are_not_fine(amina: Someone, text: str) -> None:
    assert (await amina.says(text)).decision.reason != "false_alarm_over"


async def test_a_question_beside_being_fine_is_answered(amina: Someone) -> None:
    result = await amina.says("i am fine thanks, how does family reunification work")
    assert result.decision.outcome is Outcome.ANSWER


async def test_thanks_that_are_certain_are_no_question(amina: Someone) -> None:
    result = await amina.says("thank you")
    assert result.decision.rule_id == "small-talk-certain"
    assert not result.citations
    assert result.replies[0].text == CATALOGUE.text("thanks", "en")


async def test_a_country_without_a_checked_number_is_said_to_have_none(amina: Someone) -> None:
    await amina.says(BOAT)
    result = await amina.says("Libya")
    assert result.replies[0].text == CATALOGUE.text("card_country_unknown", "en", country="Libya")


async def test_an_offer_about_abuse_by_staff_names_who_may_read_it(amina: Someone, intents: Intents) -> None:
    intents.by_word["strange"] = "report_sea_staff"
    text = (await amina.says("it is strange what they ask of us for food")).replies[0].text
    assert "only trained contact persons" in text
    assert "caseworkers of" not in text


async def test_what_is_likely_danger_is_not_called_a_gap_in_documents(amina: Someone, intents: Intents) -> None:
    intents.suspected["report_threat"] = 0.55
    result = await amina.says("everything became strange since those people came to our house")
    assert result.decision.rule_id == "escalate-likely-danger"
    assert result.replies[0].text.startswith(CATALOGUE.text("escalate_danger_unsure", "en"))
    assert (await amina.says("yes")).case_opened


async def test_the_card_alone_answers_once_somebody_owns_the_case(amina: Someone, clock: FakeClock) -> None:
    opened = await amina.says(BOAT)
    case = await amina.app.storage.run(lambda uow: uow.cases.open_for(opened.record.person_id))
    assert case is not None
    lea = await Desk(amina.app).member(LEA)
    await amina.app.storage.run(lambda uow: casework.claim(uow, amina.app, case, lea, now=clock.now()))
    assert (await amina.says(BOAT)).replies == [], "they are being read"
    clock.advance(minutes=61)
    [only] = (await amina.says(BOAT)).replies
    assert only.text.startswith(card(amina, "distress"))
