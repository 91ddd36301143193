"""Ask: the manual, in the reader's language, with the passages in place and the reasons beside them."""

from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.frame import is_piece, missing, number_of, said
from bot.console.paper import page, part
from bot.console.visit import Visit
from bot.domain.gaps import GapKind
from bot.domain.ids import PassageId
from bot.service import asking
from bot.service.asking import Answer
from bot.service.commit import NOTHING
from bot.service.compose import citation_line
from bot.service.handover import FOR_STAFF
from bot.service.ports import UnitOfWork
from knowledge import history
from knowledge.errors import UnknownDocument
from knowledge.history import KeptPassage, Version
from knowledge.passages import Audience

MAX_QUESTION = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An answer as the page shows it."""

    answer: Answer
    text: str
    sources: list[str]
    rule: str
    """What the rule that decided says of itself."""
    others: list[str]
    """What else is said: a card, an offer."""


async def show(request: Request, visit: Visit) -> Response:
    """Show the form."""
    return page(request, visit, "ask.html", {"shown": None, "question": "", "said": said(request, {"reported", "empty"})})


async def ask(request: Request, visit: Visit) -> Response:
    """Answer a question. It is sent in a form, so that no address, log or history keeps it."""
    question = visit.field("question")[:MAX_QUESTION]
    shown = await _shown(question, visit) if question else None
    values = {"shown": shown, "question": question, "said": ""}
    if is_piece(request):
        return part(visit, "_answer.html", values)
    return page(request, visit, "ask.html", values)


async def _shown(question: str, visit: Visit) -> Shown:
    answer = await asking.ask(visit.app, question, language=visit.language)
    today, language = visit.app.clock.now().date(), answer.turn.language.code
    cited = answer.cited
    texts = [reply.text for reply in answer.replies]
    return Shown(
        answer=answer,
        text="\n\n".join(hit.lead or hit.text for hit in cited),
        sources=[citation_line(hit, visit.app, language, today) for hit in cited],
        rule=visit.app.policies.rule(answer.turn.decision.rule_id).description,
        others=[] if cited else texts,
    )


async def passage(request: Request, visit: Visit) -> Response:
    """Show a passage with what stands around it, as it is in force, or as it was when it was cited."""
    number = number_of(request.path_params["number"]) or 0
    text = await visit.app.retriever.passage(PassageId(number), audiences=FOR_STAFF)
    found = await _cited(number, visit)
    if found is None:
        return missing(visit, request)
    version, kept = found
    values = {"version": version, "kept": kept, "text": text or kept.text, "is_in_force": text is not None}
    if is_piece(request):
        return part(visit, "_passage.html", values)
    return page(request, visit, "passage.html", values)


async def _cited(number: int, visit: Visit) -> tuple[Version, KeptPassage] | None:
    """Return a passage and its version; none where it is for nobody here."""

    def read(connection: Connection) -> tuple[Version, KeptPassage] | None:
        try:
            return history.passage_as_cited(connection, number, now=visit.app.clock.now())
        except UnknownDocument:
            return None

    found = await visit.read_library(read)
    return found if found is not None and Audience(found[0].audience) in FOR_STAFF else None


async def report(request: Request, visit: Visit) -> Response:
    """Tell the editors that something is missing, or wrong."""
    kind = GapKind.WRONG if visit.field("kind") == GapKind.WRONG else GapKind.UNANSWERED
    words = visit.field("note")[:MAX_QUESTION]
    if not words:
        return RedirectResponse("/ask?said=empty", status_code=303)
    now = visit.app.clock.now()

    def work(uow: UnitOfWork) -> None:
        gap = uow.gaps.report(
            kind=kind, topic=visit.field("topic")[:16] or NOTHING, intent=visit.field("intent")[:64] or NOTHING,
            language=visit.language, note=words, now=now,
        )  # fmt: skip
        uow.audit.record(actor=visit.member.actor, action="gap.reported", subject=str(gap.id), now=now)

    await visit.app.storage.run(work)
    if is_piece(request):
        return part(visit, "_said.html", {"said": "reported", "refused": ""})
    return RedirectResponse("/ask?said=reported", status_code=303)
