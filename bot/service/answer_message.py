"""One message of a person, end to end: accept, screen, understand, retrieve, decide, compose, commit.

Screening comes first and needs nothing but the words. What is slow (NLU, the encoder) happens between two short
transactions; the second one checks that nobody took the conversation over meanwhile, and starts again if so.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain.errors import RetrievalUnavailable
from bot.domain.ids import PassageId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import Pending, Person, PersonState, Speaker
from bot.domain.turns import Understanding
from bot.service import casework, commands
from bot.service.app import App
from bot.service.commit import commit
from bot.service.compose import CHOOSE
from bot.service.conflicts import until_settled
from bot.service.language import LanguageChoice, choose_language
from bot.service.ports import UnitOfWork
from bot.service.turn import SEARCH_CHARS, Accepted, Stopwatch, Turn, TurnResult, known_facts
from knowledge.passages import Audience, Retrieval
from policies import Decision, Outcome, PolicySet, Screening, TurnFacts, decide, screen, waits_for_reading
from policies.access import visible_audiences
from policies.limits import Admission, admit

logger = logging.getLogger(__name__)

MAX_CHARS = 10_000
"""Triggers read this much of a message; Telegram itself sends at most 4,096."""
HITS = 5
FOLLOW_UP_WITHIN = timedelta(minutes=15)
PENDING_FOR = timedelta(hours=24)
"""A yes or a country answers a question of today; its words are erased after that anyway."""
ATTEMPTS = 5


async def answer_message(message: Incoming, app: App) -> TurnResult:
    """Answer one private message or button press, and record how it ended.

    Raises:
        StorageUnavailable: nothing was recorded; the update stays in the inbox.
        LeaseLost: another worker has the update.
        VersionConflict: people kept changing the conversation; the update is tried again later.
    """
    return await until_settled(lambda: _turn(message, app), attempts=ATTEMPTS)


async def _turn(message: Incoming, app: App) -> TurnResult:
    watch = Stopwatch()
    screening = screen(message.text[:MAX_CHARS], app.policies)
    watch.lap("screen")
    now = app.clock.now()
    accepted = await app.storage.run(partial(_accept, message=message, app=app, now=now))
    watch.lap("accept")
    turn = await consider(message, accepted, screening, app, watch=watch, now=now)
    result = await app.storage.run(partial(commit, turn=turn, app=app))
    app.outbox_bell.ring()
    record = result.record
    logger.info(
        "turn decided",
        extra={
            "event": "turn.decided", "update_id": record.update_id, "outcome": record.outcome, "rule_id": record.rule_id,
            "severity": record.severity, "language": record.language, "degraded": record.degraded, "ms": watch.ms,
        },
    )  # fmt: skip
    return result


async def consider(
    message: Incoming, accepted: Accepted, screening: Screening, app: App, *, watch: Stopwatch, now: datetime
) -> Turn:  # fmt: skip
    """Return all that is concluded from a message; nothing is written down."""
    message, is_choice = _choice(message, accepted)
    if is_choice:
        screening = screen(message.text, app.policies)
    question = _question(message, accepted, screening, now)
    # The label of a button says nothing about the language a person writes, nor does what follows a command.
    written = "" if is_choice or message.kind is Kind.COMMAND else message.text
    language = choose_language(accepted.person, written, message.language_hint, app)
    facts = _facts(message, accepted, screening, language, app)
    decision = decide(facts, app.policies)
    retrieval: Retrieval | None = None
    understanding = Understanding.missing("not_asked")
    if _needs_models(facts, decision, app.policies):
        understanding, found = await asyncio.gather(
            _understand(question, question if is_choice else message.text, app),
            _retrieve(question, language, accepted, app),
        )
        retrieval, retrieval_state = found
        watch.lap("search")
        known = known_facts(question, language, app)
        facts = _with_findings(facts, understanding, retrieval, retrieval_state, language, known)
        decision = decide(facts, app.policies)
        watch.lap("decide")
    more = await _more(accepted, app)
    return Turn(
        message=message, accepted=accepted, facts=facts, decision=decision, understanding=understanding,
        retrieval=retrieval, question=question, country=app.countries.find(message.text), language=language, more=more,
        watch=watch, now=now,
    )  # fmt: skip


def _accept(uow: UnitOfWork, *, message: Incoming, app: App, now: datetime) -> Accepted:
    person = uow.people.for_chat(message.chat_id, now=now, language_hint=message.language_hint)
    if person.state is PersonState.BLOCKED:
        casework.person_reachable(uow, app, person.id, now=now)
        person = uow.people.get(person.id)
    button = uow.buttons.look_up(message.button, now=now) if message.button else None
    if button is not None and button.person_id != person.id:
        button = None
    return Accepted(
        person=person,
        conversation=uow.people.conversation(person.id),
        case=uow.cases.open_for(person.id),
        button=button,
        paused=uow.notebook.get("paused") is not None,
        admission=_admission(uow, person, app, now),
    )


def _admission(uow: UnitOfWork, person: Person, app: App, now: datetime) -> Admission:
    limit = app.policies.rate_limits["person-minute"]
    recent = uow.turns.recent(person.id, since=now - timedelta(seconds=limit.window_s))
    return admit([moment.timestamp() for moment in recent], now.timestamp(), limit)


def _choice(message: Incoming, accepted: Accepted) -> tuple[Incoming, bool]:
    """Return the pressed answer to an open clarifying question as if it had been typed, and whether it is one."""
    button, pending = accepted.button, accepted.conversation.pending
    if message.kind is not Kind.BUTTON or button is None or button.action != CHOOSE or pending is not Pending.CLARIFY:
        return message, False
    return replace(message, kind=Kind.TEXT, text=button.value), True


def _question(message: Incoming, accepted: Accepted, screening: Screening, now: datetime) -> str:
    """Return what is being asked.

    The answer to a clarifying question completes the first question; "and for my brother?" leans on the one before it.
    """
    conversation = accepted.conversation
    if message.kind is not Kind.TEXT or not conversation.question or screening.triggers or conversation.updated_at is None:
        return message.text
    age = now - conversation.updated_at
    completes = conversation.pending is Pending.CLARIFY and age < PENDING_FOR
    leans = conversation.pending is Pending.ANSWERED and age < FOLLOW_UP_WITHIN and screening.follows_up
    if not (completes or leans):
        return message.text
    # What is new must not be cut off behind what is old.
    return f"{conversation.question[: max(0, SEARCH_CHARS - len(message.text) - 1)]}\n{message.text}".lstrip("\n")


def _facts(message: Incoming, accepted: Accepted, screening: Screening, language: LanguageChoice, app: App) -> TurnFacts:
    conversation = accepted.conversation
    asked_at, card_sent_at, now = conversation.updated_at, conversation.card_sent_at, app.clock.now()
    is_fresh = asked_at is not None and now - asked_at < PENDING_FOR
    pending = conversation.pending if is_fresh and conversation.pending in {Pending.OFFER, Pending.CLARIFY} else None
    known = {conversation.category} if pending is Pending.CLARIFY and conversation.category else set()
    # An answer may carry the offer of a person as a button.
    offers = is_fresh and conversation.pending in {Pending.OFFER, Pending.ANSWERED}
    return TurnFacts(
        role=accepted.person.role,
        screening=screening,
        speaker=conversation.speaker,
        kind=message.kind,
        button=(accepted.button.action if accepted.button else "expired") if message.kind is Kind.BUTTON else None,
        command=commands.known(message.command) if message.kind is Kind.COMMAND else None,
        rate_limited=not accepted.admission.allowed,
        paused=accepted.paused,
        clarifications_asked=conversation.clarifications_asked,
        pending=pending,
        pending_severity=conversation.severity if offers else 0,
        pending_category=conversation.category if offers else None,
        carded=card_sent_at is not None and now - card_sent_at < PENDING_FOR,
        known=frozenset(known),
        language=language.code,
    )


def _needs_models(facts: TurnFacts, decision: Decision, policies: PolicySet) -> bool:
    """Whether words are read by models: danger never waits for one unless it is in doubt, and what is decided already needs none.

    Also while a person owns the conversation: danger that only the classifier sees must not wait until they look.
    """
    return (
        facts.kind == Kind.TEXT
        and facts.screening.has_words
        and (decision.outcome is not Outcome.EMERGENCY or waits_for_reading(facts, policies))
        and not facts.rate_limited
        and not (facts.pending == Pending.OFFER and (facts.screening.affirms or facts.screening.denies))
    )


def _audiences(person: Person, app: App) -> frozenset[Audience]:
    return frozenset(Audience(name) for name in visible_audiences(person.role, app.policies.audiences))


async def _more(accepted: Accepted, app: App) -> str | None:
    """Return the passage behind a pressed "more" button, if the person may still see it."""
    button = accepted.button
    if button is None or button.action != "more":
        return None
    return await app.retriever.passage(PassageId(int(button.value)), audiences=_audiences(accepted.person, app))


async def _understand(question: str, text: str, app: App) -> Understanding:
    """Return what NLU reads; where a text completes an older question, the harm in either, so that neither hides the other's."""
    if question == text:
        return await app.understander.parse(question[:SEARCH_CHARS])
    whole, alone = await asyncio.gather(
        app.understander.parse(question[:SEARCH_CHARS]), app.understander.parse(text[:SEARCH_CHARS])
    )
    likelier = {
        intent: max(whole.reports.get(intent, 0.0), alone.reports.get(intent, 0.0)) for intent in {*whole.reports, *alone.reports}
    }
    return replace(whole, reports=likelier)


async def _retrieve(question: str, language: LanguageChoice, accepted: Accepted, app: App) -> tuple[Retrieval | None, str]:
    if accepted.conversation.speaker is not Speaker.BOT:
        return None, "ok"  # nothing is answered from passages while a person has the conversation
    text, audiences = question[:SEARCH_CHARS], _audiences(accepted.person, app)
    try:
        found = await app.retriever.search(
            text, language=language.code, written=language.written, audiences=audiences, limit=HITS
        )  # fmt: skip
        return found, "ok"
    except RetrievalUnavailable as exc:
        return None, exc.state


def _with_findings(
    facts: TurnFacts, understanding: Understanding, retrieval: Retrieval | None, retrieval_state: str,
    language: LanguageChoice, known: set[str],
) -> TurnFacts:  # fmt: skip
    best = retrieval.hits[0] if retrieval and retrieval.hits else None
    return replace(
        facts,
        nlu=understanding.status,
        retrieval=retrieval_state,
        intent=understanding.intent,
        intent_confidence=understanding.confidence,
        reports=understanding.reports,
        best_score=best.score if best else None,
        best_collection=best.collection if best else None,
        score_pair=best.pair(language.written) if best else "entry",
        depends_on=best.depends_on if best else frozenset(),
        known=facts.known | known,
    )
