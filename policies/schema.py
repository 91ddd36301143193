"""The shape of every policy file. Unknown keys are errors; texts that reviewers rely on may not be empty."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from policies.calendars import Span
from policies.decisions import Outcome
from policies.sla import ClockTime

DAY_MIN = 24 * 60

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([_-][a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Severity = Annotated[int, Field(ge=0, le=4)]
Share = Annotated[float, Field(ge=0, le=1)]
TreeKey = Literal["all", "any", "not"]


def _length(text: object) -> Span:
    return Span.parse(str(text))


def _zone(name: object) -> ZoneInfo:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write a name such as Europe/Athens")
    return ZoneInfo(str(name))


def _block(text: object) -> tuple[int, int]:
    """Return the minutes of the day at which a block begins and ends; its end is 0 at midnight."""
    found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", str(text))
    edges = [60 * int(hour) + int(minute) for hour, minute in (found.groups()[:2], found.groups()[2:])] if found else []
    if found is None or int(found[2]) > 59 or int(found[4]) > 59 or not edges[0] < edges[1] <= DAY_MIN:
        raise ValueError(f"{text!r} are no opening hours; write 09:00-13:00, with 24:00 for the end of the day")
    return edges[0], edges[1] % DAY_MIN


Length = Annotated[Span, BeforeValidator(_length)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Block = Annotated[tuple[int, int], BeforeValidator(_block)]


class Model(BaseModel):
    """Base of all: nothing unknown, nothing changeable."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Sourced(Model):
    """A value that people may argue about says what it is, in which unit, on whose word, since when."""

    description: Text
    unit: Text
    source: Text
    since: date


class ThenModel(Model):
    """What a rule decides."""

    outcome: Outcome
    reason: Name
    severity: Severity | Literal["from_trigger", "from_offer", "from_report"] = 0
    offer_human: bool = False
    opens_case: bool = False
    queue: Name | None = None


class RuleModel(Model):
    """One rule; ``when`` is read by the loader, which knows the vocabulary of conditions."""

    id: Name
    stage: Literal["safety", "owner", "wish", "limit", "access", "decision"]
    description: Text
    when: dict[str, object]
    then: ThenModel
    unit: Text | None = None
    source: Text
    owner: Name
    since: date


class CategoryModel(Model):
    """One kind of danger or concern."""

    id: Name
    description: Text
    queue: Name
    card: Name
    sealed: bool = False
    life_at_risk: bool = False
    source: Text


class ReportModel(Model):
    """One ``report_*`` intent of the classifier."""

    intent: Annotated[str, StringConstraints(pattern=r"^report_[a-z_]+$")]
    category: Name
    severity: Annotated[int, Field(ge=1, le=4)]


class ShareModel(Sourced):
    """One number between 0 and 1."""

    value: Share


class SafetyFile(Model):
    """safety.yaml."""

    categories: Annotated[list[CategoryModel], Field(min_length=13)]
    reports: list[ReportModel]
    doubt: ShareModel
    rules: list[RuleModel]


class ThresholdModel(Sourced):
    """A threshold for curated entries, and for other documents per pair of languages."""

    entry: Share
    same: Share
    cross: Share
    by_language: dict[str, Share] = {}


class BandsModel(Model):
    """The thresholds between the bands of ``score_band``."""

    weak: ThresholdModel
    answer: ThresholdModel
    strong: ThresholdModel


class DecisionFile(Model):
    """decision.yaml."""

    score_bands: BandsModel
    intent_sure: ShareModel
    intent_groups: dict[Literal["small_talk", "human", "out_of_scope", "injection", "forbidden", "staff", "danger"], list[Name]]
    question_order: list[Name]
    rules: list[RuleModel]


class ClosedAudienceModel(Model):
    """An audience that stays closed until an administrator opens it."""

    audience: Name
    roles: list[Name]
    description: Text


class AudiencesFile(Model):
    """audiences.yaml."""

    description: Text
    source: Text
    owner: Name
    since: date
    roles: dict[Name, list[Name]]
    on_request: list[ClosedAudienceModel]


class RateLimitModel(Sourced):
    """One limit."""

    id: Name
    limit: Annotated[int, Field(gt=0)]
    window_s: Annotated[float, Field(gt=0)]
    scope: Name


class RateLimitsFile(Model):
    """rate_limits.yaml."""

    limits: list[RateLimitModel]


class RetentionModel(Sourced):
    """The life of one class of data; ``unit`` says what ``keep`` counts."""

    id: Name
    keep: Annotated[int, Field(ge=0)]
    unit: Literal["hours", "days"]
    counted_from: Name
    action: Literal["erase", "erase_content"]


class RetentionFile(Model):
    """retention.yaml."""

    classes: list[RetentionModel]


class TargetModel(Model):
    """Targets of one severity."""

    severity: Severity
    description: Text
    notice_s: Annotated[int, Field(gt=0)]
    first_reply: Length
    next_reply: Length
    owner: Length
    keep_informed: Length | None
    clock: ClockTime
    source: Text
    since: date


class SlaFile(Model):
    """sla.yaml."""

    warn_at: list[Share]
    targets: Annotated[list[TargetModel], Field(min_length=5, max_length=5)]


class HoursModel(Model):
    """Opening hours by weekday, as ``09:00-13:00``."""

    monday: list[Block] = []
    tuesday: list[Block] = []
    wednesday: list[Block] = []
    thursday: list[Block] = []
    friday: list[Block] = []
    saturday: list[Block] = []
    sunday: list[Block] = []

    @model_validator(mode="after")
    def _in_order(self) -> HoursModel:
        for day, blocks in self:
            edges = [minutes for block in blocks for minutes in (block[0], block[1] or DAY_MIN)]
            if edges != sorted(set(edges)):
                raise ValueError(f"the hours of {day} must be in order and leave a break between blocks")
        if not any(blocks for _, blocks in self):
            raise ValueError("at least one day must be open")
        return self


class HolidayModel(Model):
    """A day on which the office is closed."""

    on: date
    name: Text


class CalendarFile(Model):
    """calendar.yaml."""

    zone: Zone
    on_call: bool
    hours: HoursModel
    holidays: list[HolidayModel]
    source: Text
    since: date


class ReviewModel(Model):
    """Who signed a lexicon off, and when."""

    by: Text
    on: date


class EntryModel(Model):
    """One lexicon entry."""

    id: Name
    category: Name
    severity: Annotated[int, Field(ge=1, le=4)]
    says: Text
    any: Annotated[list[Word], Field(min_length=1)]
    loose: list[Word] = []
    unless: list[Name] = []
    lower: dict[Name, Annotated[int, Field(ge=1, le=3)]] = {}
    life: bool | None = None
    topic: bool = False


class LookAlikeModel(Model):
    """Words that make a match harmless, unless words of ``void`` stand in the same sentence."""

    any: Annotated[list[Word], Field(min_length=1)]
    void: list[Word] = []


class LexiconFile(Model):
    """lexicons/<language>.yaml."""

    language: Name
    reviewed: ReviewModel | None
    note: Text | None = None
    words: dict[str, Word] = {}
    idioms: list[Word] = []
    look_alikes: dict[Name, list[Word] | LookAlikeModel] = {}
    doubts: dict[Name, Annotated[list[Word], Field(min_length=1)]] = {}
    unless: list[Name] = []
    entries: Annotated[list[EntryModel], Field(min_length=1)]


class WholeModel(Model):
    """A message made of ``core`` words and ``fillers`` only."""

    core: Word
    fillers: str = ""


class PhraseModel(Model):
    """Phrases of one language."""

    follows_up: Word
    affirm: WholeModel
    deny: WholeModel
    asks_human: list[Word] = []
    asks_human_whole: WholeModel | None = None
    is_fine: list[Word] = []
    is_fine_void: list[Word] = []
    seeks_specific: list[Word] = []
    seeks_general: list[Word] = []


class PhrasesFile(Model):
    """phrases.yaml."""

    description: Text
    owner: Name
    since: date
    languages: dict[str, PhraseModel]


class DetailsFile(Model):
    """details.yaml: fact → value → language → words."""

    description: Text
    owner: Name
    since: date
    facts: dict[Name, dict[Name, dict[str, Word]]]


class RefusedModel(Model):
    """The words of one kind of refusal in one language."""

    any: Annotated[list[Word], Field(min_length=1)]
    unless: list[Word] = []


class RefusalModel(Model):
    """One kind of request that is never served."""

    kind: Literal["injection", "staff_data", "false_papers", "lying", "prediction", "irregular_crossing"]
    description: Text
    source: Text
    owner: Name
    since: date
    languages: dict[str, RefusedModel]


class RefusalsFile(Model):
    """refusals.yaml."""

    words: dict[str, dict[str, Word]] = {}
    refusals: list[RefusalModel]


class QueueModel(Model):
    """One queue."""

    name: Name
    description: Text
    mode: Literal["pull", "push"]
    source: Text
    since: date


class QueuesFile(Model):
    """queues.yaml."""

    queues: Annotated[list[QueueModel], Field(min_length=1)]


class ExampleModel(Model):
    """One situation: facts, and what must come of them."""

    name: Text
    text: str | None = None
    facts: dict[str, object] = {}
    expect: dict[str, object]
    nearly: Name | None = None


class ExamplesFile(Model):
    """examples/*.yaml."""

    description: Text
    examples: Annotated[list[ExampleModel], Field(min_length=1)]
