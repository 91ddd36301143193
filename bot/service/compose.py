"""From a decision to words. Pure: texts come from the catalogue, passages are shown as written.

The reason of a decision names its text; a table holds the few whose text has another name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.domain.ids import PassageId
from bot.domain.messages import Button, Citation, Kind, Reply
from bot.service.app import App
from knowledge import citations
from knowledge.passages import Hit, Source
from policies import Decision, Outcome

YES_NO = ("human_yes", "human_no")
CHOOSE = "choose"
"""Action of a button that answers a clarifying question; its value is what the person would type."""
MAX_NAMED = 3
VALUE_CHARS = 64
LEAD_AND_SECTION_WORDS = 120
"""An answer longer than this puts the section behind "more" (SAFEGUARDS 8.03)."""

TEXT_OF = {
    "abuse": "escalate_abuse",
    "abuse_by_staff": "escalate_sea_staff",
    "after_clarification": "not_in_documents",
    "answers_paused": "paused",
    "case_waiting": "case_added",
    "child": "escalate_child",
    "danger_unsure": "escalate_danger_unsure",
    "exploitation": "escalate_exploitation",
    "false_alarm_over": "card_fine",
    "fear_of_state": "escalate_own_state",
    "fraud_loss": "escalate_fraud_loss",
    "gbv": "escalate_abuse",
    "kidnapping": "escalate_abuse",
    "legal_deadline": "escalate_legal_deadline",
    "missing_person": "escalate_missing_person",
    "not_in_documents": "not_in_documents",
    "off_topic": "out_of_scope",
    "offer_accepted": "case_already_open",
    "offer_declined": "case_declined",
    "retrieval_unavailable": "degraded",
    "sea_staff": "escalate_sea_staff",
    "self_harm": "escalate_abuse",
    "threats": "escalate_abuse",
    "trafficking": "escalate_exploitation",
    "understanding_unavailable": "degraded",
    "unforeseen": "escalate_offer_generic",
    "wish_for_human": "human_offer",
}
"""Text of a decision's reason, where it has another name than the reason; and of a category, where the reason says no more."""
BY_CATEGORY = {"concern", "classifier_alarm"}
"""Reasons for which the category chooses the words; a category without any gets the general offer."""
GREETINGS = {"greet": "greeting", "thanks": "thanks"}
"""Text of small talk, by intent."""
OF_KIND = {"needs_person", "unsupported_kind"}
"""Reasons whose text depends on what was sent: kind_photo, kind_voice …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the reply is made of."""

    language: str
    hits: Sequence[Hit]
    today: date
    kind: Kind
    country: str | None = None
    case_number: str | None = None
    opened_number: str | None = None
    """Set when a case was opened by this very turn."""
    intent: str | None = None
    wait: str = ""
    is_off_hours: bool = False
    """Nobody is at work who would read the case before the next opening."""
    wait_s: int = 0
    """Seconds until the rate limit lets the person through."""
    retention_days: int = 0
    degraded: bool = False
    answers_card: bool = False
    """A few words after an emergency card, which asks for the country."""
    is_long: bool = False
    """The message was longer than what is searched for."""


def compose(decision: Decision, material: Material, app: App) -> list[Reply]:
    """Return what the person sees, in order; empty when nothing is said."""
    if material.answers_card and decision.outcome is not Outcome.EMERGENCY and (number := _number_line(material, app)):
        return [Reply(text=number, buttons=_human_row(app, material))]
    match decision.outcome:
        case Outcome.EMERGENCY:
            return _emergency(decision, material, app)
        case Outcome.ANSWER:
            return [_answer(decision, material, app)]
        case Outcome.ESCALATE if decision.reason in {"human_owner"}:
            return []
        case Outcome.ESCALATE:
            return [_escalate(decision, material, app)]
        case Outcome.CLARIFY:
            return [_clarify(decision, material, app)]
        case Outcome.OUT_OF_SCOPE | Outcome.SMALL_TALK | Outcome.COMMAND:
            return [_plain(decision, material, app)]


def citation_line(hit: Hit, app: App, language: str, today: date) -> str:
    """Return where a passage comes from, and a warning when it is past its review date."""
    source, link = _source(hit)
    if source and link and hit.lead:
        lines = [
            app.catalogue.text("citation", language, title=source.title, publisher=source.publisher, date=hit.checked, url=link)
        ]
    else:
        key = "citation_place" if hit.page is None else "citation_place_page"
        lines = [app.catalogue.text(key, language, place=_place(hit), page=hit.page, date=hit.version_date), link]
    if hit.review_due is not None and hit.review_due < today:
        lines.append(app.catalogue.text("citation_outdated", language, date=hit.review_due))
    return "\n".join(line for line in lines if line)


def citation_of(hit: Hit) -> Citation:
    """Return the record of a passage shown."""
    source, link = _source(hit)
    return Citation(
        passage_id=PassageId(hit.passage_id),
        topic=hit.topic,
        title=source.title if source and hit.lead else hit.title,
        publisher=source.publisher if source else "",
        url=link,
        audience=str(hit.audience),
        checked=hit.checked,
        score=hit.score,
    )


def _source(hit: Hit) -> tuple[Source | None, str]:
    """Return the first source and the link a person may follow, which is empty for a host that is not on the list."""
    source = hit.sources[0] if hit.sources else None
    if source is None or citations.check_url(source.url):
        return source, ""
    # A curated text is in our own words: page and anchor are places in it, not in what it cites.
    return source, source.url if hit.lead else citations.deep_link(source.url, hit.page, hit.anchor)


def _place(hit: Hit) -> str:
    """Return title and headings of a passage, down to the nearest."""
    return " › ".join((hit.title, *(heading for heading in hit.heading_path if heading != hit.title)))


def section_text(hit: Hit) -> str:
    """Return the passage behind "more": its heading and its words."""
    heading = " › ".join(hit.heading_path)
    return f"{heading}\n\n{hit.text}" if heading else hit.text


def offer_buttons(app: App, language: str) -> tuple[tuple[Button, ...], ...]:
    """Return a yes and a no, one a row: thumbs on small screens."""
    return tuple((Button(label=app.catalogue.text(f"button_{action}", language), action=action),) for action in YES_NO)


def _answer(decision: Decision, material: Material, app: App) -> Reply:
    hit = material.hits[0]
    language = material.language
    body = hit.lead or hit.text
    is_section = bool(hit.lead) and hit.text != hit.lead
    more = is_section and len((body + hit.text).split()) > LEAD_AND_SECTION_WORDS
    parts = [app.catalogue.no_content(language)] if hit.language != language else []
    if material.is_long:
        parts.append(app.catalogue.text("too_long", language))
    parts += [body, section_text(hit) if is_section and not more else "", citation_line(hit, app, language, material.today)]
    if hit.language == language and language != "en" and not hit.reviewed:
        parts.append(app.catalogue.text("unreviewed", language))
    parts.append(app.catalogue.text("not_legal_advice", language))
    if material.degraded:
        parts.append(app.catalogue.text("degraded", language))
    if decision.offer_human:
        parts.append(app.catalogue.text("offer_after_answer", language))
    row = [Button(label=app.catalogue.text("button_more", language), action="more", value=str(hit.passage_id))] if more else []
    person = Button(label=app.catalogue.text("button_human", language), action="human")
    buttons = offer_buttons(app, language) if decision.offer_human else ((*row, person),)
    if decision.offer_human and row:
        buttons = (tuple(row), *buttons)
    return Reply(text=_join(parts), buttons=buttons, citations=(citation_of(hit),))


def _clarify(decision: Decision, material: Material, app: App) -> Reply:
    """One question, and the answers that would make a difference, one a row; anything else can be typed."""
    asked = decision.question or "topic"
    choices = [Button(label=label, action=CHOOSE, value=label[:VALUE_CHARS]) for label in _choices(asked, material, app)]
    rows = tuple((choice,) for choice in choices) if len(choices) > 1 else ()
    return Reply(text=_text(app, f"clarify_{asked}", material), buttons=(*rows, *_human_row(app, material)))


def _choices(asked: str, material: Material, app: App) -> list[str]:
    """Return the labels to choose from: values of a fact, or the countries the passages found are about."""
    language = material.language
    if asked in app.policies.choices:
        return [app.catalogue.text(f"option_{asked}_{value}", language) for value in app.policies.choices[asked]]
    if asked != "country":
        return []
    codes = dict.fromkeys(code for hit in material.hits if (code := app.countries.find(hit.title)))
    names = [app.countries.name(code, language) for code in list(codes)[:MAX_NAMED]]
    return [*names, app.catalogue.text("option_country_other", language)] if names else []


def language_offer(app: App, chosen: str, written: str) -> Reply:
    """Return the question, in both languages, which of them to use."""
    names = app.catalogue.native_names()
    parts = [
        app.catalogue.text("language_offer", language, chosen=names[chosen], written=names[written])
        for language in (chosen, written)
    ]
    buttons = tuple((Button(label=names[code], action="language", value=code),) for code in (written, chosen))
    return Reply(text=_join(parts), buttons=buttons)


def _escalate(decision: Decision, material: Material, app: App) -> Reply:
    if material.opened_number is not None:
        return Reply(text=_case_opened(material, app))
    key = _key(decision, material)
    parts = [_text(app, key, material)]
    if material.degraded and key != "degraded":
        parts.append(_text(app, "degraded", material))
    if not decision.offer_human:
        return Reply(text=_join(parts))
    if key != "human_offer":
        parts.append(_text(app, "handover_terms_sealed" if decision.sealed else "handover_terms", material))
    return Reply(text=_join(parts), buttons=offer_buttons(app, material.language))


def _emergency(decision: Decision, material: Material, app: App) -> list[Reply]:
    """The card, alone and first; then what happens with people.

    The card names a button for a person, so that there is one also where a case is open already.
    """
    parts = [app.cards.text(decision.category, app.catalogue.shown_in(material.language)), _number_line(material, app)]
    yes, no = offer_buttons(app, material.language)
    fine = (Button(label=app.catalogue.text("button_fine", material.language), action="fine"),)
    if material.case_number is None:
        return [Reply(text=_join(parts), buttons=(yes, no, fine))]
    receipt = Reply(text=_case_opened(material, app)) if material.opened_number is not None else case_added(app, material)
    return [Reply(text=_join(parts), buttons=(yes, fine)), receipt]


def case_added(app: App, material: Material) -> Reply:
    """Return the receipt for what is added to an open case."""
    return Reply(text=_text(app, "case_added", material))


def _number_line(material: Material, app: App) -> str:
    """Return the confirmed emergency number of the country named, or that there is none; nothing where none is named."""
    if material.country is None:
        return ""
    number, country = app.cards.number(material.country), app.countries.name(material.country, material.language)
    if number is None:
        return app.catalogue.text("card_country_unknown", material.language, country=country)
    return app.catalogue.text("card_country_known", material.language, country=country, number=number)


def _plain(decision: Decision, material: Material, app: App) -> Reply:
    buttons = offer_buttons(app, material.language) if decision.offer_human else _human_row(app, material)
    return Reply(text=_text(app, _key(decision, material), material), buttons=buttons)


def _key(decision: Decision, material: Material) -> str:
    """Return the catalogue key of a decision's text."""
    if decision.reason in OF_KIND:
        return f"kind_{material.kind}"
    if decision.reason == "small_talk":
        return GREETINGS.get(material.intent or "", "greeting")
    if decision.reason in BY_CATEGORY:
        return TEXT_OF.get(decision.category or "", "escalate_offer_generic")
    return TEXT_OF.get(decision.reason, decision.reason)


def _case_opened(material: Material, app: App) -> str:
    opened = app.catalogue.text("case_opened", material.language, number=material.opened_number, wait=material.wait)
    return _join([app.catalogue.text("off_hours", material.language) if material.is_off_hours else "", opened])


def _human_row(app: App, material: Material) -> tuple[tuple[Button, ...], ...]:
    return ((Button(label=app.catalogue.text("button_human", material.language), action="human"),),)


def _text(app: App, key: str, material: Material) -> str:
    return app.catalogue.text(
        key, material.language, operator=app.office.operator, days=material.retention_days,
        seconds=material.wait_s, number=material.case_number or "",
    )  # fmt: skip


def _join(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part)
