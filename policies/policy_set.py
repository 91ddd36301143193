"""All policies in force, as one immutable value: what the loader builds and everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from policies.access import AudienceTable
from policies.calendars import Calendar
from policies.conditions import Condition
from policies.decisions import Outcome
from policies.limits import RateLimit
from policies.retention import RetentionRule
from policies.sla import Target
from policies.triggers import Screener


class Stage(StrEnum):
    """When a rule is asked; the order stands in `STAGES` and cannot be changed by a data file."""

    SAFETY = "safety"
    OWNER = "owner"
    WISH = "wish"
    LIMIT = "limit"
    ACCESS = "access"
    DECISION = "decision"


STAGES: Final = tuple(Stage)
"""Safety, human owner, button or /human, rate limit, access, decision."""

FROM_TRIGGER: Final = -1
"""Severity of a verdict that takes over the severity of the gravest trigger."""

FROM_OFFER: Final = -2
"""Severity of a verdict that takes over the severity of the offer being accepted, at least 1."""

FROM_REPORT: Final = -3
"""Severity of a verdict that takes over severity and category of the classifier's most probable report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule decides; the fields are those of `policies.decisions.Decision`."""

    outcome: Outcome
    reason: str
    severity: int = 0
    offer_human: bool = False
    opens_case: bool = False
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reviewed rule.

    Attributes:
        id: Stable name, recorded with every turn it decides.
        stage: When it is asked.
        when: Its condition.
        then: Its verdict.
        tests: Number of single tests in ``when``; of two rules equally protective the one with more wins.
        place: ``file:line``, for messages to reviewers.
    """

    id: str
    stage: Stage
    description: str
    when: Condition
    then: Verdict
    source: str
    owner: str
    since: str
    tests: int
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of danger or concern, and how a case about it is treated."""

    id: str
    description: str
    queue: str
    card: str
    sealed: bool
    life_at_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where cases wait, and whether they are claimed (``pull``) or given (``push``)."""

    name: str
    description: str
    mode: Literal["pull", "push"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one of the classifier's ``report_*`` intents means to the safety rules."""

    category: str
    severity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A number people argue about, per kind of passage.

    Attributes:
        entry: For a curated entry.
        same: For a document of the organisation's own, in the language of the question.
        cross: For one in another language.
        by_language: Overrides for same-language pairs, by ISO code of the question.
    """

    name: str
    entry: float
    same: float
    cross: float
    by_language: Mapping[str, float]
    unit: str
    source: str
    since: str

    def value(self, score_pair: str, language: str) -> float:
        """Return the threshold that holds for this pair, see ``TurnFacts``."""
        own = {"entry": self.entry, "same": self.by_language.get(language, self.same), "cross": self.cross}
        return own[score_pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Everything that is decided by policy, with the version recorded in each turn.

    Attributes:
        version: First 12 hexadecimal digits of the SHA-256 over all data files.
        rules: By stage, in the order of `STAGES`.
        score_bands: Thresholds ``weak``, ``answer`` and ``strong`` between the bands of ``score_band``.
        intent_groups: Group of every named intent; others are in scope.
        intent_sure: Confidence below which an intent counts as ``unsure``.
        question_order: Facts by the order in which to ask for them.
        categories: By id, most pressing first.
        reports: By ``report_*`` intent.
        doubt: Summed probability of the reports below which doubted words do not count.
        queues: By name; every category and rule names one of them.
        choices: Fact → up to four values to choose from when it is asked for.
    """

    version: str
    rules: Mapping[Stage, tuple[Rule, ...]]
    score_bands: Mapping[str, Threshold]
    intent_groups: Mapping[str, str]
    intent_sure: float
    question_order: tuple[str, ...]
    categories: Mapping[str, Category]
    reports: Mapping[str, Report]
    doubt: float
    queues: Mapping[str, Queue]
    choices: Mapping[str, tuple[str, ...]]
    screener: Screener
    audiences: AudienceTable
    rate_limits: Mapping[str, RateLimit]
    retention: Mapping[str, RetentionRule]
    sla: Mapping[int, Target]
    sla_warnings: tuple[float, ...]
    calendar: Calendar
    unreviewed: tuple[str, ...] = ()

    def rule(self, rule_id: str) -> Rule:
        """Return the rule named ``rule_id``; KeyError when there is none."""
        for rules in self.rules.values():
            for rule in rules:
                if rule.id == rule_id:
                    return rule
        raise KeyError(rule_id)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Ids of all rules, in the order in which stages are asked."""
        return tuple(rule.id for stage in STAGES for rule in self.rules.get(stage, ()))
