"""A question of the staff, answered as it would be in a private chat of theirs, with all that led to the answer.

It takes the path of a message (:func:`bot.service.answer_message.consider`) and writes nothing down: no turn, no case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.ids import ChatId, PersonId, UpdateId
from bot.domain.messages import Incoming, Kind, Reply
from bot.domain.people import Conversation, Person, PersonState, Role
from bot.service.answer_message import MAX_CHARS, consider
from bot.service.app import App
from bot.service.commit import NOTHING, material_of
from bot.service.compose import compose
from bot.service.turn import Accepted, Stopwatch, Turn
from knowledge.passages import Hit
from policies import screen
from policies.limits import Admission

NOBODY = PersonId(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the assistant would say, and why."""

    question: str
    turn: Turn
    replies: Sequence[Reply]

    @property
    def hits(self) -> Sequence[Hit]:
        """What was found, best first."""
        return self.turn.retrieval.hits if self.turn.retrieval else ()

    @property
    def cited(self) -> Sequence[Hit]:
        """What the answer is made of."""
        shown = {citation.passage_id for reply in self.replies for citation in reply.citations}
        return [hit for hit in self.hits if hit.passage_id in shown]

    @property
    def topic(self) -> str:
        return (self.hits[0].topic if self.hits else None) or NOTHING

    @property
    def intent(self) -> str:
        return self.turn.understanding.intent or NOTHING


async def ask(app: App, text: str, *, language: str) -> Answer:
    """Answer a question as for somebody of the staff who reads ``language``."""
    now = app.clock.now()
    person = Person(
        id=NOBODY, chat_id=ChatId(0), role=Role.STAFF, state=PersonState.ACTIVE, language=language, language_chosen=False,
        language_asked=True, welcomed_at=now, created_at=now,
    )  # fmt: skip
    accepted = Accepted(
        person=person, conversation=Conversation(person_id=NOBODY), case=None, button=None, paused=False,
        admission=Admission(allowed=True, moments=(), resets_in_s=0.0),
    )  # fmt: skip
    message = Incoming(
        update_id=UpdateId(0), chat_id=ChatId(0), sender_id=ChatId(0), message_id=0, kind=Kind.TEXT, sent_at=now,
        text=text[:MAX_CHARS], language_hint=language,
    )  # fmt: skip
    turn = await consider(message, accepted, screen(message.text, app.policies), app, watch=Stopwatch(), now=now)
    replies = compose(turn.decision, material_of(turn, None, app, opened=False), app)
    return Answer(question=message.text, turn=turn, replies=replies)
