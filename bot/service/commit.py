"""The last transaction of a turn: case, conversation, replies, record and the end of the update, all or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.cases import Case
from bot.domain.deliveries import Address, Delivery, Priority, Text, ToPerson
from bot.domain.errors import VersionConflict
from bot.domain.ids import PassageId
from bot.domain.messages import Incoming, Kind, Reply
from bot.domain.people import Conversation, Pending, Person, Speaker
from bot.domain.turns import Disposition, Retrieved, TurnRecord
from bot.service import casework, commands, notices, relay
from bot.service.app import App
from bot.service.compose import Material, case_added, compose, language_offer
from bot.service.handover import Opening
from bot.service.language import CONFIDENT, choose_language
from bot.service.ports import UnitOfWork
from bot.service.split import split_text
from bot.service.turn import SEARCH_CHARS, Turn, TurnResult, known_facts
from policies import Outcome, counts_from, due_at, screen, silenced

BUTTON_LIFE = timedelta(days=7)
CARD_ANSWERED_WITHIN = timedelta(minutes=15)
CARD_ANSWER_WORDS = 4
"""The card asks in which country a person is; so few words after it are the answer."""
CALM = {Outcome.ANSWER, Outcome.CLARIFY, Outcome.OUT_OF_SCOPE}
"""Outcomes after which another language may be offered: nothing else is being asked."""
KEPT_FROM = 0.05
"""Probability of a report_* intent from which the record names it."""
UNANSWERED = {"not_in_documents", "after_clarification"}
"""Reasons that tell of a gap in the library."""
ALL_CLEAR = "false_alarm_over"
"""Reason of a turn in which the person says that there is no danger."""
NOTHING = "–"
REFUSALS = {"rate_limited", "unsupported_kind", "needs_person", "no_words", "answers_paused", "unknown_command"}


def commit(uow: UnitOfWork, *, turn: Turn, app: App) -> TurnResult:
    """Write the turn down.

    Raises:
        VersionConflict: somebody took the conversation over since it was read; nothing is kept.
        LeaseLost: another worker has the update; nothing is kept.
    """
    conversation = uow.people.conversation(turn.accepted.person.id)
    if conversation.version != turn.accepted.conversation.version:
        raise VersionConflict
    person = _with_language(turn)
    if turn.decision.outcome is Outcome.COMMAND:
        person, conversation, replies, case = commands.obey(uow, app, turn, person, conversation)
        opened = False
    else:
        case, conversation, opened = _case_after(uow, app, turn, conversation)
        material = material_of(turn, case, app, opened=opened)
        is_repeat = _repeats_card(turn, app)
        replies = _replies(turn, material, app, is_repeat=is_repeat)
        if turn.language.offered and replies and turn.decision.outcome in CALM and not turn.decision.offer_human:
            replies = [*replies, language_offer(app, turn.language.code, turn.language.offered)]
            person = replace(person, language_asked=True)
        sends_card = turn.decision.outcome is Outcome.EMERGENCY and bool(replies) and not is_repeat
        if sends_card:
            conversation = replace(conversation, card_sent_at=turn.now, category=turn.decision.category)
        if case is not None and not opened and sends_card:
            notices.tell_topic(uow, app, case, "emergency_card_sent", key=f"turn:{turn.message.update_id}:card", now=turn.now)
        conversation = _conversation_after(turn, conversation, opened)
    if person.welcomed_at is None and replies:
        replies = [*replies, *commands.welcome(app, turn)]
        person = replace(person, welcomed_at=turn.now)
    record = _record(turn, replies, case, app)
    if not commands.erases(turn):
        uow.people.save(person)
        uow.people.save_conversation(conversation)
    _send(uow, turn, conversation, replies)
    uow.turns.add(record)
    if record.reason in UNANSWERED:
        nearest = record.retrieved[0].topic if record.retrieved else None
        uow.gaps.count(
            intent=record.intent or NOTHING, topic=nearest or NOTHING, language=record.language, update_id=record.update_id,
            now=turn.now,
        )  # fmt: skip
    uow.inbox.finish(
        turn.message.update_id,
        worker=app.worker,
        disposition=_disposition(turn, opened),
        now=turn.now,
    )
    return TurnResult(decision=turn.decision, replies=replies, record=record, case_opened=opened)


def _with_language(turn: Turn) -> Person:
    """Keep a detected language; a chosen one stays."""
    person = turn.accepted.person
    if person.language_chosen or turn.message.kind is not Kind.TEXT or turn.language.confidence < CONFIDENT:
        return person
    return replace(person, language=turn.language.code)


def _case_after(uow: UnitOfWork, app: App, turn: Turn, conversation: Conversation) -> tuple[Case | None, Conversation, bool]:
    """Open, raise or feed the person's case, as decided. The third value tells whether one was opened."""
    decision, now = turn.decision, turn.now
    # Colleagues may have written since the turn began; who speaks has not changed, or the turn would start again.
    case = uow.cases.get(turn.accepted.case.id) if turn.accepted.case is not None else None
    key = f"turn:{turn.message.update_id}"
    needs_people = decision.outcome is Outcome.EMERGENCY or decision.opens_case or decision.sealed
    if case is not None and conversation.speaker is Speaker.BOT and not needs_people:
        # The person said that they are safe: they are answered again, while the desk still looks at the case.
        return case, conversation, False
    if case is not None:
        if decision.sealed:
            case = casework.seal(uow, app, case, key=f"{key}:sealed", now=now)
        if (written := _written(turn)) is not None:
            case = relay.receive(uow, app, case, written, key=f"{key}:relay", now=now)
        if decision.reason == ALL_CLEAR:
            return case, casework.all_clear(uow, app, case, conversation, key=f"{key}:fine", now=now), False
        if decision.severity > case.severity:
            case = casework.raise_severity(
                uow, app, case, severity=decision.severity, category=decision.category, key=f"{key}:raised", now=now
            )
        return case, casework.hand_back(conversation, case, turn.now), False
    if not decision.opens_case:
        return None, conversation, False
    message = turn.message if turn.message.kind is not Kind.BUTTON else None
    case, conversation = casework.open_case(
        uow, app, turn.accepted.person, conversation, _opening(turn, app), key=key, now=now, message=message
    )
    return case, conversation, True


def _written(turn: Turn) -> Incoming | None:
    """Return what the person wrote; a pressed yes brings the question it belongs to."""
    if turn.message.kind is not Kind.BUTTON:
        return turn.message
    question = _question_for_desk(turn) if turn.decision.opens_case else ""
    return replace(turn.message, kind=Kind.TEXT, text=question) if question else None


def _opening(turn: Turn, app: App) -> Opening:
    decision, question = turn.decision, _question_for_desk(turn)
    # A pressed yes says nothing by itself: what it is about was written before.
    known = known_facts(question, turn.language, app)
    words = [trigger.rule_id for trigger in screen(question, app.policies).triggers]
    written = choose_language(turn.accepted.person, question, turn.message.language_hint, app)
    read = [f"{intent} {share:.2f}" for intent, share in _worth_keeping(turn.understanding.reports).items()]
    return Opening(
        severity=decision.severity or 1,
        category=decision.category or turn.facts.pending_category,
        queue=decision.queue,
        sealed=decision.sealed,
        reason=decision.reason,
        why=app.policies.rule(decision.rule_id).description,
        read_from=[*words, *read],
        question=question,
        language=app.catalogue.shown_in(turn.language.code),
        certainty=max(turn.language.confidence, written.confidence if written.code == turn.language.code else 0.0),
        known=sorted(known),
        unknown=[fact for fact in app.policies.question_order if fact not in known],
        consent=_consent(turn),
    )


def _question_for_desk(turn: Turn) -> str:
    """The question the offer belonged to, then what was written now unless that is a bare yes."""
    is_button = turn.message.kind is Kind.BUTTON
    is_yes = is_button or turn.facts.screening.affirms
    conversation = turn.accepted.conversation
    belongs = {Pending.OFFER, Pending.CLARIFY} | ({Pending.ANSWERED} if is_button else set())
    asked = conversation.question if conversation.pending in belongs else ""
    parts = [asked, "" if is_yes else turn.message.text]
    return "\n".join(part for part in parts if part)


def _consent(turn: Turn) -> str:
    if turn.decision.outcome is Outcome.EMERGENCY and not turn.facts.screening.affirms:
        return "risk_to_life"
    return "yes"


def material_of(turn: Turn, case: Case | None, app: App, *, opened: bool) -> Material:
    """Return what the reply to a turn is made of."""
    return Material(
        language=turn.language.code,
        hits=turn.retrieval.hits if turn.retrieval else (),
        today=turn.now.date(),
        kind=turn.message.kind,
        country=turn.country,
        case_number=case.number if case else None,
        opened_number=case.number if case and opened else None,
        intent=turn.understanding.intent,
        wait=commands.wait_text(app, _wait(turn, case, app), turn.language.code),
        is_off_hours=_is_off_hours(turn, app),
        wait_s=max(1, round(turn.accepted.admission.resets_in_s)),
        retention_days=app.policies.retention["case_content"].keep.days,
        # Where a person has the conversation nothing is answered, so that nothing is missing from an answer.
        degraded=bool(_degraded(turn)) and turn.accepted.conversation.speaker is Speaker.BOT,
        answers_card=_answers_card(turn),
        is_long=len(turn.question) > SEARCH_CHARS,
    )


def _wait(turn: Turn, case: Case | None, app: App) -> timedelta:
    """How long the reply may take that is promised now, counted in the time in which people work."""
    is_again = case is not None and case.opened_at < turn.now
    target = app.policies.sla[case.severity if case is not None and is_again else turn.decision.severity]
    span = target.next_reply if is_again else target.first_reply
    return due_at(turn.now, span, target.clock, app.policies.calendar) - turn.now


def _is_off_hours(turn: Turn, app: App) -> bool:
    return counts_from(turn.now, app.policies.sla[turn.decision.severity].clock, app.policies.calendar) > turn.now


def _answers_card(turn: Turn) -> bool:
    sent_at = turn.accepted.conversation.card_sent_at
    is_fresh = sent_at is not None and turn.now - sent_at < CARD_ANSWERED_WITHIN
    return is_fresh and turn.message.kind is Kind.TEXT and len(turn.message.text.split()) <= CARD_ANSWER_WORDS


def _repeats_card(turn: Turn, app: App) -> bool:
    """Whether the card of this danger went out within the hour to somebody with an open case: a receipt stands in for it.

    Another danger has its own card.
    """
    conversation, decision = turn.accepted.conversation, turn.decision
    is_open = turn.accepted.case is not None and conversation.speaker is not Speaker.BOT
    if decision.outcome is not Outcome.EMERGENCY or not is_open or conversation.card_sent_at is None:
        return False
    card_every = timedelta(seconds=app.policies.rate_limits["emergency-card"].window_s)
    return turn.now - conversation.card_sent_at < card_every and conversation.category in {None, decision.category}


def _replies(turn: Turn, material: Material, app: App, *, is_repeat: bool) -> list[Reply]:
    """Return what is said, and nothing where words would only be noise.

    A flood gets one notice. Once a human owns the case only a card answers.
    """
    case, is_card = turn.accepted.case, turn.decision.outcome is Outcome.EMERGENCY and not is_repeat
    if case is not None and case.owner_id is not None and turn.accepted.conversation.speaker is not Speaker.BOT:
        return compose(turn.decision, material, app)[:1] if is_card else []
    limit = app.policies.rate_limits["person-minute"].limit
    if turn.decision.reason == "rate_limited" and len(turn.accepted.admission.moments) > limit:
        return []
    return [case_added(app, material)] if is_repeat else compose(turn.decision, material, app)


def _conversation_after(turn: Turn, conversation: Conversation, opened: bool) -> Conversation:
    """What our message leaves open: an offer, a clarifying question, or nothing."""
    decision = turn.decision
    conversation = replace(conversation, updated_at=turn.now)
    if opened or conversation.speaker is not Speaker.BOT:
        return conversation
    # After an answer a bare "ok" is thanks: there the offer is taken by its button, or in words that ask for a person.
    offers = decision.offer_human and decision.outcome is not Outcome.ANSWER
    offers = offers or (decision.outcome is Outcome.EMERGENCY and not opened)
    if offers:
        question, category = turn.question, decision.category
        if not question and conversation.pending in {Pending.OFFER, Pending.ANSWERED}:
            # A wish for a person by button or command has no words of its own: it is about what was asked last.
            question, category = conversation.question, category or conversation.category
        return replace(
            conversation, pending=Pending.OFFER, question=question, category=category, severity=decision.severity,
            clarifications_asked=0,
        )  # fmt: skip
    if decision.outcome is Outcome.CLARIFY:
        return replace(
            conversation, pending=Pending.CLARIFY, question=turn.question, category=decision.question,
            severity=0, clarifications_asked=conversation.clarifications_asked + 1,
        )  # fmt: skip
    if decision.outcome is Outcome.ANSWER:
        return replace(
            conversation, pending=Pending.ANSWERED, question=turn.question, category=decision.category,
            severity=0, clarifications_asked=0,
        )  # fmt: skip
    return replace(conversation, pending=None, question="", category=None, severity=0, clarifications_asked=0)


def _send(uow: UnitOfWork, turn: Turn, conversation: Conversation, replies: Sequence[Reply]) -> None:
    """Write the replies to the outbox. Cards and case notices carry no version: they go out whoever speaks."""
    person = turn.accepted.person
    is_notice = turn.decision.outcome in {Outcome.EMERGENCY, Outcome.COMMAND} or conversation.speaker is not Speaker.BOT
    urgent = turn.decision.outcome is Outcome.EMERGENCY
    # Erasing removes the way to the person, so that the last words need the chat itself.
    address: Address = commands.address_of(turn) or ToPerson(person_id=person.id)
    # The parts of an album are answered once.
    is_album = turn.message.album is not None and turn.decision.reason == "unsupported_kind"
    key = f"album:{person.id}:{turn.message.album}" if is_album else f"turn:{turn.message.update_id}"
    deliveries: list[Delivery] = []
    for reply in replies:
        pieces = split_text(reply.text)
        for n, piece in enumerate(pieces):
            is_last = n == len(pieces) - 1
            rows = reply.buttons if is_last else ()
            buttons = uow.buttons.issue(rows, person_id=person.id, case_id=None, expires_at=turn.now + BUTTON_LIFE)
            deliveries.append(
                Delivery(
                    address=address,
                    content=Text(text=piece, buttons=buttons),
                    dedupe_key=f"{key}:{len(deliveries)}",
                    priority=Priority.EMERGENCY if urgent else Priority.TO_PERSON,
                    version=None if is_notice else conversation.version,
                )
            )
    uow.outbox.add(deliveries, now=turn.now)


def _degraded(turn: Turn) -> tuple[str, ...]:
    states = (turn.understanding.status, turn.facts.retrieval)
    return tuple(state for state in states if state not in {"ok", "not_asked"})


def _disposition(turn: Turn, opened: bool) -> Disposition:
    speaker, reason = turn.accepted.conversation.speaker, turn.decision.reason
    if speaker is Speaker.HUMAN:
        return Disposition.RELAYED
    if opened or speaker is Speaker.HUMAN_PENDING:
        return Disposition.STORED_FOR_HUMAN
    return Disposition.REFUSED_WITH_NOTICE if reason in REFUSALS or reason.startswith("refused_") else Disposition.ANSWERED


def _record(turn: Turn, replies: Sequence[Reply], case: Case | None, app: App) -> TurnRecord:
    hits = turn.retrieval.hits if turn.retrieval else ()
    return TurnRecord(
        update_id=turn.message.update_id,
        person_id=turn.accepted.person.id,
        at=turn.now,
        outcome=turn.decision.outcome,
        severity=turn.decision.severity,
        rule_id=turn.decision.rule_id,
        reason=turn.decision.reason,
        language=turn.language.code,
        language_confidence=round(turn.language.confidence, 3),
        intent=turn.understanding.intent,
        intent_confidence=round(turn.understanding.confidence, 3),
        reports=_worth_keeping(turn.understanding.reports),
        known=tuple(sorted(turn.facts.known)),
        triggers=tuple(trigger.rule_id for trigger in turn.facts.screening.triggers),
        in_doubt=tuple(trigger.rule_id for trigger in silenced(turn.facts, app.policies)),
        retrieved=tuple(
            Retrieved(passage_id=PassageId(hit.passage_id), topic=hit.topic, audience=hit.audience, score=round(hit.score, 4))
            for hit in hits
        ),
        cited=tuple(citation.passage_id for reply in replies for citation in reply.citations),
        degraded=_degraded(turn),
        case_id=case.id if case else None,
        policy_version=app.policies.version,
        index_version=turn.retrieval.index_version if turn.retrieval else "",
        timings_ms=dict(turn.watch.ms),
        text=turn.message.text,
    )


def _worth_keeping(reports: Mapping[str, float]) -> dict[str, float]:
    likely = {intent: round(share, 3) for intent, share in reports.items() if share >= KEPT_FROM}
    return dict(sorted(likely.items(), key=lambda pair: -pair[1]))
