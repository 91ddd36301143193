"""The hand-over packet: what whoever takes a case should know before the first word.

:func:`packet` is written with the case: the question, why a person is needed, how grave and on whose word, what is known and what
is not. It is posted in the group and kept with the case, for the console. :func:`aid` needs the library and is written when it is
sent, so that nobody in danger waits for a search: what the person was shown, in which version, what else there is, and a draft.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.domain.cases import Case, Direction
from bot.domain.deliveries import TELEGRAM_LIMIT, utf16_length
from bot.domain.errors import RetrievalUnavailable
from bot.domain.ids import CaseId, PassageId
from bot.service.app import App
from bot.service.compose import citation_line
from bot.service.ports import UnitOfWork
from bot.service.turn import SEARCH_CHARS
from knowledge.passages import Audience, Hit

logger = logging.getLogger(__name__)

SHOWN_LATELY = timedelta(hours=24)
SUGGESTED = 3
LEAD_CHARS = 160
FOR_STAFF = frozenset({Audience.PUBLIC, Audience.STAFF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Why a case opens and what the caseworker should know."""

    severity: int
    category: str | None
    queue: str
    sealed: bool
    reason: str
    """Name of the reason, kept with the event."""
    why: str
    """The same in words."""
    read_from: Sequence[str]
    """What the risk was read from: ids of lexicon entries, intents of the classifier with their probability."""
    question: str
    language: str
    certainty: float
    """That this is the language the person writes, 0 to 1."""
    known: Sequence[str]
    """Facts about the person's situation that stand in the question."""
    unknown: Sequence[str]
    consent: str
    """How the person agreed: ``yes``, ``asked`` (they asked for a person) or ``risk_to_life`` (the written rule)."""
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the search for aid needs of a case."""

    case: Case
    question: str
    shown: Sequence[PassageId]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAid:
    """What helps to answer a case."""

    shown: Sequence[Hit] = ()
    """What the person was shown lately."""
    others: Sequence[Hit] = ()
    """What else the library holds on it, staff guidance too."""
    draft: str = ""
    """Words that nobody has sent."""


def as_kept(opening: Opening, *, follows: str | None) -> str:
    """Return what is known at the opening as text that :func:`kept` reads."""
    return json.dumps({**asdict(opening), "follows": follows}, ensure_ascii=False)


def kept(text: str) -> tuple[Opening, str | None]:
    """Return the opening :func:`as_kept` was given, and the number of the case it follows."""
    value = json.loads(text)
    follows = value.pop("follows")
    return Opening(**value), follows


def packet(app: App, case: Case, opening: Opening, *, follows: str | None) -> str:
    """Return the first words of a case to the desk; of a sealed one that it is sealed, and nothing else."""
    if case.sealed:
        return app.catalogue.staff_text("sealed_packet", number=case.number)
    text = app.catalogue.staff_text(
        "packet",
        question=opening.question or "–",
        why=opening.why,
        severity=opening.severity,
        read_from=", ".join(opening.read_from) or "–",
        language=opening.language,
        certainty=round(100 * opening.certainty),
        consent=app.catalogue.staff_text(f"consent_{opening.consent}"),
        known=", ".join(opening.known) or "–",
        unknown=", ".join(opening.unknown) or "–",
    )
    return f"{text}\n{app.catalogue.staff_text('packet_follows', number=follows)}" if follows else text


async def find_aid(app: App, case_id: CaseId, *, even_sealed: bool = False) -> FoundAid:
    """Return what helps to answer a case: nothing for a sealed one, unless the reader may read it.

    Args:
        even_sealed: the reader may read the case; in a group nobody may.
    """
    asked = await app.storage.read(partial(_asked, case_id=case_id, now=app.clock.now()))
    language = asked.case.language
    if asked.case.sealed and not even_sealed:
        return FoundAid()
    shown = await app.retriever.resolve(asked.shown, audiences=FOR_STAFF)
    found = await _found(app, asked.question, language)
    known = {hit.passage_id for hit in shown}
    others = [hit for hit in found if hit.passage_id not in known]
    return FoundAid(shown=shown, others=others, draft=_draft(app, found, language))


async def aid(app: App, case_id: CaseId, *, even_sealed: bool = False) -> str:
    """Return what helps to answer a case, in one post; empty where nothing is to be said. See :func:`find_aid`."""
    found = await find_aid(app, case_id, even_sealed=even_sealed)
    draft = app.catalogue.staff_text("aid_draft", draft=found.draft) if found.draft else ""
    parts = [_list(app, "aid_shown", found.shown), _list(app, "aid_found", found.others), draft]
    while utf16_length("\n\n".join(parts)) > TELEGRAM_LIMIT:
        parts.pop()
    return "\n\n".join(part for part in parts if part)


def _draft(app: App, found: Sequence[Hit], language: str) -> str:
    """Return the best answer for the public in the person's language, where it would have been given by itself."""
    own = [hit for hit in found if hit.audience is Audience.PUBLIC and hit.language == language]
    fit = _reaching(app, "answer", own, language)
    if not fit:
        return ""
    source = citation_line(fit[0], app, language, app.clock.now().date())
    return f"{fit[0].lead or fit[0].text}\n{source}"


def _asked(uow: UnitOfWork, *, case_id: CaseId, now: datetime) -> _Asked:
    case = uow.cases.get(case_id)
    wrote = [message.text for message in uow.cases.messages(case_id) if message.direction is Direction.FROM_PERSON]
    return _Asked(
        case=case,
        question=next((text for text in wrote if text), ""),
        shown=uow.turns.shown(
            case.person_id,
            since=case.opened_at - SHOWN_LATELY,
            until=now if case.is_open or case.resolved_at is None else case.resolved_at,
        ),  # what they are told after it may belong to a case that is not for the reader of this one
    )


async def _found(app: App, question: str, language: str) -> Sequence[Hit]:
    if not question:
        return ()
    try:
        found = await app.retriever.search(
            question[:SEARCH_CHARS], language=language, written=language, audiences=FOR_STAFF, limit=SUGGESTED
        )
    except RetrievalUnavailable as exc:
        logger.warning("no aid for a case", extra={"event": "handover.no_aid", "state": exc.state})
        return ()
    return _reaching(app, "weak", found.hits, language)


def _reaching(app: App, band: str, hits: Iterable[Hit], language: str) -> list[Hit]:
    """Return the hits that reach a threshold of ``score_bands``, for a question in this language."""
    enough = app.policies.score_bands[band]
    return [hit for hit in hits if hit.score >= enough.value(hit.pair(language), language)]


def _list(app: App, text_key: str, hits: Sequence[Hit]) -> str:
    lines = [
        app.catalogue.staff_text(
            "aid_line", title=hit.title, topic=hit.topic or hit.document_id, audience=hit.audience, version=hit.version_number,
            checked=hit.checked, lead=_beginning(hit.lead or hit.text),
        )
        for hit in hits
    ]  # fmt: skip
    return app.catalogue.staff_text(text_key, passages="\n".join(lines)) if lines else ""


def _beginning(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LEAD_CHARS else f"{flat[:LEAD_CHARS].rsplit(' ', 1)[0]} …"
