"""What a rule may look at: one turn, reduced to facts.

The bot fills a `TurnFacts` once it has screened, understood and retrieved; rules in ``data/*.yaml`` test its
fields by name and nothing else. No field holds the person's words, so a decision can be stored, replayed and
explained after the words have been erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One safety match: which reviewed pattern matched, and how grave it is.

    Attributes:
        category: One of the categories of ``safety.yaml``, for example ``distress`` or ``fraud_loss``.
        severity: 1 (a person should look at it) to 4 (life, liberty or bodily safety now or within 48 h).
        rule_id: Id of the lexicon entry, for example ``en-distress-boat``.
        language: Lexicon in which it stands; not a claim about the language of the message.
        life_at_risk: The written rule for risk to life applies: a case opens without waiting for a yes.
        topic: The words may be about a subject rather than a person ("GBV survivor"); a staff role drops it.
        doubted: A general sign of calm, or words of a known look-alike that could not excuse it, stand in the same
            sentence, or the words are such as an ordinary message may hold (``loose``). It counts unless the reading of
            the whole message finds no danger either.
    """

    category: str
    severity: int
    rule_id: str
    language: str
    life_at_risk: bool = False
    topic: bool = False
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What reading the words alone tells, before and without any model.

    Attributes:
        triggers: Safety matches, gravest first.
        refusals: Kinds of request that are never served: ``injection``, ``staff_data``, ``false_papers``,
            ``lying``, ``prediction``, ``irregular_crossing``.
        asks_human: The person asks for a human being.
        affirms: The whole message is a yes.
        denies: The whole message is a no.
        is_fine: The person says that there is no danger; ends a false alarm.
        has_words: False for an empty message or one of emoji and punctuation only.
        follows_up: The message leans on the question before it: "and for my brother?".
        seeks_specific: The person asks about their own situation, or in very few words: "how long", "can I",
            "I want a visa", or fewer than six words. The answer may then hang on facts not given.
        calm: A known look-alike was recognised (figure of speech, question about guidance, long past event,
            news) and no trigger is left. Weakens the classifier's alarm, never a trigger.
        calm_sign: No trigger, and a general sign stands somewhere that words of danger would be none (homework, told by
            others, long past). The classifier's alarm needs more then.
    """

    triggers: tuple[Trigger, ...] = ()
    refusals: tuple[str, ...] = ()
    asks_human: bool = False
    affirms: bool = False
    denies: bool = False
    is_fine: bool = False
    has_words: bool = True
    follows_up: bool = False
    seeks_specific: bool = False
    calm: bool = False
    calm_sign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFacts:
    """Everything a rule may test about one turn.

    Attributes:
        role: ``public`` or ``staff``. Anything else sees nothing and is treated as ``public``.
        screening: Result of `policies.screen` on the message's own text.
        speaker: Who may write to the person: ``bot``, ``human_pending``, ``human`` or ``none``.
        kind: text photo voice video sticker location document contact other command button edit.
        button: Action of a pressed button (``human_yes``, ``human_no``, ``topic``, ``language`` …) or None.
        command: Slash command without the slash, ``unknown`` for one we do not have, or None.
        rate_limited: The person has sent more than ``rate_limits.yaml`` allows.
        paused: An administrator has switched answers off (``waypost pause``).
        nlu: ``ok``, ``nlu_starting``, ``nlu_unavailable`` or ``nlu_slow``.
        retrieval: ``ok``, ``index_missing``, ``index_stale`` or ``encoder_unavailable``.
        intent: Name of the first intent, None when NLU said nothing.
        intent_confidence: 0..1, of that intent.
        reports: Probability of each ``report_*`` intent, 0..1: somebody tells of danger or harm.
        best_score: Confidence that the best passage the person may see answers, 0 to 1, None when there is none.
        best_collection: Collection of that passage: ``pathways``, ``manual`` or another.
        score_pair: ``entry`` for a passage of a curated entry; for another document ``same`` when it is in the language of the
            question, else ``cross``.
        depends_on: Facts that change the answer of the best passage: country, status, service …
        known: Facts the person has given, in the question or in answer to a clarifying question.
        clarifications_asked: Clarifying questions already asked in a row.
        pending: What our last message asked: ``offer`` (of a person), ``clarify`` or None.
        pending_severity: Severity of the turn that made the pending offer, 0..4; 0 when none is pending.
        pending_category: Safety category of the turn that made the pending offer, or None.
        carded: An emergency card went out in the last day.
        language: ISO 639-1 code of what the person writes.
    """

    role: str = "public"
    screening: Screening = field(default_factory=Screening)
    speaker: str = "bot"
    kind: str = "text"
    button: str | None = None
    command: str | None = None
    rate_limited: bool = False
    paused: bool = False
    nlu: str = "ok"
    retrieval: str = "ok"
    intent: str | None = None
    intent_confidence: float = 0.0
    reports: Mapping[str, float] = field(default_factory=dict)
    best_score: float | None = None
    best_collection: str | None = None
    score_pair: str = "entry"
    depends_on: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    clarifications_asked: int = 0
    pending: str | None = None
    pending_severity: int = 0
    pending_category: str | None = None
    carded: bool = False
    language: str = "en"
