"""The conditions a rule may state: all, any, not, and tests of one field; nothing is ever evaluated as code.

`FIELDS` is the whole vocabulary. A field, operator or value that is not in it is refused when the file is read,
so a rule that can never match because of a spelling mistake cannot be loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

Value = str | float | int | bool | tuple[str, ...] | None
FactTable = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A fact that rules may test.

    Attributes:
        kind: ``flag``, ``number``, ``word`` or ``words`` (a set of words).
        meaning: One line for reviewers.
        values: Closed list of words, empty when any word may occur.
    """

    kind: str
    meaning: str
    values: tuple[str, ...] = ()


def _flag(meaning: str) -> Field:
    return Field(kind="flag", meaning=meaning)


def _number(meaning: str) -> Field:
    return Field(kind="number", meaning=meaning)


def _word(meaning: str, *values: str) -> Field:
    return Field(kind="word", meaning=meaning, values=values)


def _words(meaning: str, *values: str) -> Field:
    return Field(kind="words", meaning=meaning, values=values)


KINDS: Final = (
    "text",
    "photo",
    "voice",
    "video",
    "sticker",
    "location",
    "document",
    "contact",
    "other",
    "command",
    "button",
    "edit",
)
BANDS: Final = ("none", "far", "near", "good", "strong")
INTENT_KINDS: Final = (
    "none",
    "unsure",
    "in_scope",
    "small_talk",
    "human",
    "out_of_scope",
    "injection",
    "forbidden",
    "staff",
    "danger",
)
REFUSALS: Final = ("injection", "staff_data", "false_papers", "lying", "prediction", "irregular_crossing")

FIELDS: Final[dict[str, Field]] = {
    "role": _word("who writes, by linked account", "public", "staff"),
    "speaker": _word("who may write to the person", "bot", "human_pending", "human", "none"),
    "kind": _word("kind of message", *KINDS),
    "button": _word("action of the pressed button"),
    "command": _word("slash command without the slash"),
    "language": _word("ISO 639-1 code of the message"),
    "rate_limited": _flag("more messages than rate_limits.yaml allows"),
    "paused": _flag("answers are switched off"),
    "nlu": _word("state of the language understanding", "ok", "nlu_starting", "nlu_unavailable", "nlu_slow"),
    "retrieval": _word("state of the search", "ok", "index_missing", "index_stale", "encoder_unavailable"),
    "intent": _word("first intent"),
    "intent_confidence": _number("probability of the first intent, 0..1"),
    "intent_kind": _word("group of the first intent (intent_groups in decision.yaml)", *INTENT_KINDS),
    "safety_score": _number("summed probability of the report_* intents, 0..1"),
    "emergency_score": _number("summed probability of those that mean danger now, severity 4 in safety.yaml, 0..1"),
    "best_score": _number("confidence of the best passage, 0 to 1"),
    "score_band": _word("that confidence against the thresholds of decision.yaml", *BANDS),
    "best_collection": _word("collection of the best passage"),
    "score_pair": _word(
        "what the best passage is: of a curated entry, of another document in the question's language, or not in it",
        "entry",
        "same",
        "cross",
    ),
    "missing": _words("facts on which the best passage depends and which the person has not given"),
    "known": _words("facts the person has given"),
    "clarifications_asked": _number("clarifying questions in a row"),
    "pending": _word("what our last message asked", "offer", "clarify"),
    "carded": _flag("an emergency card went out in the last day"),
    "severity": _number("of the gravest trigger that counts for this role, 0..4"),
    "category": _word("of the gravest trigger"),
    "categories": _words("of all triggers that count"),
    "in_doubt": _flag(
        "words of danger beside signs that they may be none, and the reading of the whole finds none: they do not count"
    ),
    "life_at_risk": _flag("a trigger under the written rule for risk to life"),
    "refusals": _words("kinds of request that are never served", *REFUSALS),
    "asks_human": _flag("asks for a human being"),
    "affirms": _flag("the message is a yes"),
    "denies": _flag("the message is a no"),
    "is_fine": _flag("says that there is no danger"),
    "has_words": _flag("holds at least one letter or digit"),
    "seeks_specific": _flag("asks about the own situation, or in very few words"),
    "calm": _flag("a known look-alike, and no trigger"),
    "calm_sign": _flag("a general sign that words of danger would be none, and no trigger"),
}

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "flag": ("is",),
    "number": ("at_least", "at_most", "below", "above", "is"),
    "word": ("is", "is_not", "in", "not_in", "given", "not_given"),
    "words": ("includes", "includes_any", "empty", "not_empty"),
}
"""Operators by kind of field; ``given``, ``not_given``, ``empty`` and ``not_empty`` take no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One field compared with one value."""

    __test__ = False
    field: str
    op: str
    value: Value = None

    def __str__(self) -> str:
        """Return the test as a reviewer would say it."""
        value = ", ".join(self.value) if isinstance(self.value, tuple) else self.value
        words = self.op.replace("_", " ")
        return f"{self.field} {words}" if value is None else f"{self.field} {words} {value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Any:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Test | All | Any | Not


def holds(condition: Condition, facts: FactTable) -> bool:
    """Return whether ``condition`` is true of ``facts``; a number that is not known compares as false."""
    match condition:
        case Test():
            return COMPARE[condition.op](facts[condition.field], condition.value)
        case All():
            return all(holds(part, facts) for part in condition.parts)
        case Any():
            return any(holds(part, facts) for part in condition.parts)
        case Not():
            return not holds(condition.part, facts)


def count_tests(condition: Condition) -> int:
    """Return how many single tests a condition holds: the more, the more specific the rule."""
    match condition:
        case Test():
            return 1
        case All() | Any():
            return sum(count_tests(part) for part in condition.parts)
        case Not():
            return count_tests(condition.part)


def failures(condition: Condition, facts: FactTable, *, wanted: bool = True) -> list[str]:
    """Return, in words, the tests that keep ``condition`` from being ``wanted``; empty when it is."""
    if holds(condition, facts) is wanted:
        return []
    match condition:
        case Test():
            needs = "needs" if wanted else "must not be"
            return [f"{condition.field} = {_shown(facts[condition.field])} ({needs}: {condition})"]
        case All() | Any():
            return [line for part in condition.parts for line in failures(part, facts, wanted=wanted)]
        case Not():
            return failures(condition.part, facts, wanted=not wanted)


def _shown(value: object) -> str:
    return "{" + ", ".join(sorted(value)) + "}" if isinstance(value, frozenset) else str(value)


def _number_of(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _compare(relation: Callable[[float, float], bool]) -> Callable[[object, Value], bool]:
    def compare(fact: object, value: Value) -> bool:
        left, right = _number_of(fact), _number_of(value)
        return left is not None and right is not None and relation(left, right)

    return compare


def _as_set(value: object) -> Collection[object]:
    return value if isinstance(value, Collection) and not isinstance(value, str) else (value,)


COMPARE: Final[dict[str, Callable[[object, Value], bool]]] = {
    "is": lambda fact, value: fact == value,
    "is_not": lambda fact, value: fact != value,
    "in": lambda fact, value: fact in _as_set(value),
    "not_in": lambda fact, value: fact not in _as_set(value),
    "given": lambda fact, value: fact is not None,
    "not_given": lambda fact, value: fact is None,
    "at_least": _compare(lambda left, right: left >= right),
    "at_most": _compare(lambda left, right: left <= right),
    "below": _compare(lambda left, right: left < right),
    "above": _compare(lambda left, right: left > right),
    "includes": lambda fact, value: value in _as_set(fact),
    "includes_any": lambda fact, value: not set(_as_set(fact)).isdisjoint(_as_set(value)),
    "empty": lambda fact, value: not fact,
    "not_empty": lambda fact, value: bool(fact),
}
