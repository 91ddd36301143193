"""From facts to one decision: total, deterministic, and able to say why.

Stages are asked in a fixed order (`policies.policy_set.STAGES`); the first stage with a matching rule decides.
Within a stage the most protective rule wins: by outcome, then severity, then whether a case opens, then the more
specific rule, then its id, so that the order of rules in a file never matters.

One thing crosses stages: a yes. When somebody accepts the offer of a person in the same breath as words of
danger, the safety decision stands and also opens the case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from policies.conditions import FactTable, failures, holds
from policies.decisions import PROTECTION, Decision, Outcome
from policies.facts import Screening, Trigger, TurnFacts
from policies.policy_set import FROM_OFFER, FROM_REPORT, FROM_TRIGGER, STAGES, PolicySet, Report, Rule, Stage

FALLBACK_RULE: Final = "no-rule-matched"
MAX_SEVERITY: Final = 4


def screen(text: str, policies: PolicySet) -> Screening:
    """Return what the words of ``text`` alone say; works when everything else is down."""
    return policies.screener.screen(text)


def told(text: str, language: str, policies: PolicySet) -> dict[str, str]:
    """Return what ``text`` tells about the person's situation: fact → value, both as details.yaml names them."""
    return policies.screener.told(text, language)


def decide(facts: TurnFacts, policies: PolicySet) -> Decision:
    """Return the decision for one turn; never raises, never returns nothing."""
    candidates = _candidates(facts, policies)
    stage, chosen = next(candidates)
    if stage is not Stage.SAFETY:
        return chosen
    accepted = [other for at, other in candidates if at is Stage.WISH and other.opens_case]
    severity = max(chosen.severity, *(other.severity for other in accepted), 0)
    return replace(chosen, opens_case=chosen.opens_case or bool(accepted), severity=severity)


def ranked(facts: TurnFacts, policies: PolicySet) -> tuple[Decision, ...]:
    """Return every decision whose rule matches, the one taken first; the fallback stands last."""
    return tuple(decision for _, decision in _candidates(facts, policies))


def explain(rule_id: str, facts: TurnFacts, policies: PolicySet) -> list[str]:
    """Return, in words, what keeps the rule ``rule_id`` from matching; empty when it matches."""
    return failures(policies.rule(rule_id).when, fact_table(facts, policies))


def fact_table(facts: TurnFacts, policies: PolicySet) -> FactTable:
    """Return the facts by the names of `policies.conditions.FIELDS`, derived ones included."""
    said = facts.screening
    counted = counting_triggers(facts, policies)
    worst = counted[0] if counted else None
    return {
        "role": facts.role if facts.role == "staff" else "public",
        "speaker": facts.speaker,
        "kind": facts.kind,
        "button": facts.button,
        "command": facts.command,
        "language": facts.language,
        "rate_limited": facts.rate_limited,
        "paused": facts.paused,
        "nlu": facts.nlu,
        "retrieval": facts.retrieval,
        "intent": facts.intent,
        "intent_confidence": facts.intent_confidence,
        "intent_kind": intent_kind(facts, policies),
        "safety_score": _safety_score(facts),
        "emergency_score": _emergency_score(facts, policies),
        "best_score": facts.best_score,
        "score_band": score_band(facts, policies),
        "best_collection": facts.best_collection,
        "score_pair": facts.score_pair,
        "missing": facts.depends_on - facts.known,
        "known": facts.known,
        "clarifications_asked": facts.clarifications_asked,
        "pending": facts.pending,
        "carded": facts.carded,
        "severity": worst.severity if worst else 0,
        "category": worst.category if worst else None,
        "categories": frozenset(trigger.category for trigger in counted),
        "in_doubt": bool(silenced(facts, policies)),
        "life_at_risk": any(trigger.life_at_risk and trigger.severity >= MAX_SEVERITY for trigger in counted),
        "refusals": frozenset(said.refusals),
        "asks_human": said.asks_human,
        "affirms": said.affirms,
        "denies": said.denies,
        "is_fine": said.is_fine,
        "has_words": said.has_words,
        "seeks_specific": said.seeks_specific,
        "calm": said.calm,
        "calm_sign": said.calm_sign,
    }


def _report_for(outcome: Outcome, facts: TurnFacts, policies: PolicySet) -> Report | None:
    """Return what the classifier's most probable report means; for an emergency, the most probable of danger now."""
    least = MAX_SEVERITY if outcome is Outcome.EMERGENCY else 0
    known = [intent for intent in facts.reports if intent in policies.reports and policies.reports[intent].severity >= least]
    return policies.reports[max(known, key=lambda intent: facts.reports[intent])] if known else None


def _safety_score(facts: TurnFacts) -> float:
    return sum(facts.reports.values())


def _emergency_score(facts: TurnFacts, policies: PolicySet) -> float:
    grave = {intent for intent, report in policies.reports.items() if report.severity == MAX_SEVERITY}
    return sum(probability for intent, probability in facts.reports.items() if intent in grave)


def counting_triggers(facts: TurnFacts, policies: PolicySet) -> tuple[Trigger, ...]:
    """Return the triggers that count, gravest first.

    Doubted ones do not where the whole message has been read and no danger found in it. A reading alone silences nothing,
    nor does a sign of calm beside words of danger; both together do. Without a reading all count.
    """
    gone = silenced(facts, policies)
    return tuple(trigger for trigger in _heard(facts) if trigger not in gone)


def silenced(facts: TurnFacts, policies: PolicySet) -> tuple[Trigger, ...]:
    """Return the triggers that do not count because they are in doubt and the reading finds no danger."""
    is_read = facts.nlu == "ok" and facts.intent is not None
    finds_none = is_read and _safety_score(facts) < policies.doubt
    return tuple(trigger for trigger in _heard(facts) if trigger.doubted and finds_none)


def waits_for_reading(facts: TurnFacts, policies: PolicySet) -> bool:
    """Return whether all words of danger are in doubt, so that a reading of the whole message may change what is decided."""
    counted = counting_triggers(facts, policies)
    return bool(counted) and all(trigger.doubted for trigger in counted)


def _heard(facts: TurnFacts) -> tuple[Trigger, ...]:
    """Return the triggers, gravest first; a staff role drops those that may be about a topic."""
    heard = [trigger for trigger in facts.screening.triggers if not (trigger.topic and facts.role == "staff")]
    return tuple(sorted(heard, key=lambda trigger: -trigger.severity))


def score_band(facts: TurnFacts, policies: PolicySet) -> str:
    """Return ``none``, ``far``, ``near``, ``good`` or ``strong`` for the best passage's confidence."""
    if facts.best_score is None or facts.retrieval != "ok":
        return "none"
    band = "far"
    for name, reached in (("weak", "near"), ("answer", "good"), ("strong", "strong")):
        if facts.best_score >= policies.score_bands[name].value(facts.score_pair, facts.language):
            band = reached
    return band


def intent_kind(facts: TurnFacts, policies: PolicySet) -> str:
    """Return the group of the first intent: ``none`` without NLU, ``unsure`` below the confidence that counts."""
    if facts.nlu != "ok" or facts.intent is None:
        return "none"
    if facts.intent_confidence < policies.intent_sure:
        return "unsure"
    return policies.intent_groups.get(facts.intent, "in_scope")


def _candidates(facts: TurnFacts, policies: PolicySet) -> Iterator[tuple[Stage | None, Decision]]:
    """Yield the matching decisions with their stages, best first, then the fallback; nobody looks at a stage before its turn."""
    table = fact_table(facts, policies)
    for stage in STAGES:
        matching = [rule for rule in policies.rules.get(stage, ()) if holds(rule.when, table)]
        pairs = sorted(((rule, _decision(rule, facts, table, policies)) for rule in matching), key=_rank)
        yield from ((stage, decision) for _, decision in pairs)
    yield None, _fallback(table, policies)


def _rank(pair: tuple[Rule, Decision]) -> tuple[int, int, bool, int, str]:
    rule, decision = pair
    return (-PROTECTION[decision.outcome], -decision.severity, not decision.opens_case, -rule.tests, rule.id)


def _decision(rule: Rule, facts: TurnFacts, table: FactTable, policies: PolicySet) -> Decision:
    """Apply a verdict: the category of the gravest trigger, report or accepted offer settles queue and seal."""
    then = rule.then
    # Words in doubt decide nothing, but an offer and a case carry them, so that the right people read them, under seal where due.
    heard, counted = _heard(facts), counting_triggers(facts, policies)
    carried = heard if then.offer_human or then.opens_case else counted
    counted = counted or carried
    # An answer that offers a person carries what is suspected, so that a yes reaches the right people.
    suspects = then.severity == FROM_REPORT or (then.outcome is Outcome.ANSWER and then.offer_human)
    report = _report_for(then.outcome, facts, policies) if suspects else None
    category = counted[0].category if counted else None
    # Abuse by staff, to name one, keeps its own channel and its seal however grave the rest of the message is read.
    by_words = policies.categories.get(category) if category else None
    if report and (by_words is None or (report.severity > counted[0].severity and not by_words.sealed)):
        category = report.category
    if category is None and then.severity == FROM_OFFER:
        category = facts.pending_category
    known = policies.categories.get(category) if category else None
    categories = {trigger.category for trigger in heard} | ({category} if category else set())
    gravest = max(carried[0].severity if carried else 0, report.severity if report else 0)
    serious = then.outcome in (Outcome.EMERGENCY, Outcome.ESCALATE)
    return Decision(
        outcome=then.outcome,
        severity=_severity(then.severity, gravest, facts.pending_severity, serious=serious),
        rule_id=rule.id,
        reason=then.reason,
        offer_human=then.offer_human,
        opens_case=then.opens_case,
        category=category,
        card=known.card if known and rule.stage is Stage.SAFETY else None,
        sealed=any(policies.categories[name].sealed for name in categories if name in policies.categories),
        queue=then.queue or (known.queue if known else "general"),
        question=_question(table, policies) if then.outcome is Outcome.CLARIFY else None,
    )


def _severity(stated: int, gravest: int, pending: int, *, serious: bool) -> int:
    """Return the severity of a decision; a person's case is never less grave than the gravest trigger in it."""
    if stated in (FROM_TRIGGER, FROM_REPORT):
        return gravest
    if stated == FROM_OFFER:
        return min(MAX_SEVERITY, max(1, pending, gravest))
    return max(stated, gravest) if serious else stated


def _question(table: FactTable, policies: PolicySet) -> str:
    """Return the one fact to ask for; ``topic`` when no fact is known to be missing."""
    missing = table["missing"]
    assert isinstance(missing, frozenset)
    ordered = [fact for fact in policies.question_order if fact in missing]
    return ordered[0] if ordered else min(missing, default="topic")


def _fallback(table: FactTable, policies: PolicySet) -> Decision:
    """Nothing matched: a person must look. Reached only by facts that no rule foresees."""
    severity = table["severity"]
    return Decision(
        outcome=Outcome.ESCALATE,
        severity=severity if isinstance(severity, int) else 0,
        rule_id=FALLBACK_RULE,
        reason="unforeseen",
        offer_human=True,
    )
