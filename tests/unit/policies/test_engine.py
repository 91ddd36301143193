"""Decisions are total and deterministic, and danger always goes first: properties over random facts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from policies import (
    PROTECTION,
    STAGES,
    Decision,
    Outcome,
    PolicySet,
    Screening,
    Trigger,
    TurnFacts,
    decide,
    load,
    ranked,
    screen,
    waits_for_reading,
)
from policies.conditions import FIELDS
from policies.engine import FALLBACK_RULE, fact_table
from policies.policy_set import Stage

POLICIES = load()
CATEGORIES = tuple(POLICIES.categories)
REFUSALS = FIELDS["refusals"].values

triggers = st.builds(
    Trigger,
    category=st.sampled_from(CATEGORIES),
    severity=st.integers(1, 4),
    rule_id=st.just("some-entry"),
    language=st.just("en"),
    life_at_risk=st.booleans(),
    topic=st.booleans(),
    doubted=st.booleans(),
)
screenings = st.builds(
    Screening,
    triggers=st.lists(triggers, max_size=3).map(tuple),
    refusals=st.lists(st.sampled_from(REFUSALS), max_size=2, unique=True).map(tuple),
    **{
        name: st.booleans()
        for name in ("asks_human", "affirms", "denies", "is_fine", "has_words", "seeks_specific", "calm", "calm_sign")
    },
)


def words(name: str, *others: str | None) -> st.SearchStrategy[Any]:
    return st.sampled_from((*FIELDS[name].values, *others))


facts_of_any_kind = st.builds(
    TurnFacts,
    role=words("role", "unheard-of"),
    screening=screenings,
    speaker=words("speaker"),
    kind=words("kind"),
    button=st.sampled_from((None, "human_yes", "human_no", "human", "topic", "language", "other")),
    command=st.sampled_from((None, "start", "human", "forget", "unknown")),
    rate_limited=st.booleans(),
    paused=st.booleans(),
    nlu=words("nlu"),
    retrieval=words("retrieval"),
    intent=st.sampled_from((None, "greet", "out_of_scope", "staff_guidance", "talk_to_human", "report_violence", "ask_visa")),
    intent_confidence=st.floats(0, 1),
    reports=st.dictionaries(st.sampled_from(("report_threat", "report_violence", "report_unheard_of")), st.floats(0, 0.3)),
    best_score=st.none() | st.floats(-1, 1),
    best_collection=st.sampled_from((None, "pathways", "manual")),
    score_pair=words("score_pair"),
    depends_on=st.frozensets(st.sampled_from(("country", "status", "service", "shoe_size"))),
    known=st.frozensets(st.sampled_from(("country", "status", "service"))),
    clarifications_asked=st.integers(0, 3),
    pending=words("pending", None),
    pending_severity=st.integers(0, 4),
    pending_category=st.sampled_from((None, *CATEGORIES)),
    language=st.sampled_from(("en", "ar", "xx")),
)


@given(facts_of_any_kind)
@settings(max_examples=200)
def test_every_turn_gets_one_decision_and_always_the_same(facts: TurnFacts) -> None:
    decision = decide(facts, POLICIES)
    assert decision == decide(facts, POLICIES)
    assert isinstance(decision, Decision)
    assert 0 <= decision.severity <= 4
    assert decision.rule_id in (*POLICIES.rule_ids, FALLBACK_RULE)
    assert (decision.question is not None) is (decision.outcome is Outcome.CLARIFY)
    assert not decision.opens_case or decision.outcome in (Outcome.EMERGENCY, Outcome.ESCALATE)


@given(facts_of_any_kind, triggers)
@settings(max_examples=200)
def test_adding_a_trigger_never_lowers_outcome_or_severity(facts: TurnFacts, added: Trigger) -> None:
    assume(facts.button is None)  # a press carries no words
    assume(facts.speaker == "bot" or facts.pending is None)  # an offer stands only while the assistant speaks
    before = decide(facts, POLICIES)
    worse = replace(facts.screening, triggers=(*facts.screening.triggers, added))
    after = decide(replace(facts, screening=worse), POLICIES)
    if before.outcome in (Outcome.EMERGENCY, Outcome.ESCALATE):
        assert PROTECTION[after.outcome] >= PROTECTION[before.outcome]
    assert after.severity >= before.severity
    assert after.opens_case >= before.opens_case


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_words_of_immediate_danger_are_an_emergency_in_every_state(facts: TurnFacts) -> None:
    danger = Trigger(category="distress", severity=4, rule_id="some-entry", language="en", life_at_risk=True)
    decision = decide(replace(facts, screening=replace(facts.screening, triggers=(danger,))), POLICIES)
    assert (decision.outcome, decision.severity, decision.opens_case) == (Outcome.EMERGENCY, 4, True)


def said(*, doubted: bool, category: str = "distress") -> Screening:
    """Return words of immediate danger, in doubt or not."""
    hit = Trigger(category=category, severity=4, rule_id="some-entry", language="en", life_at_risk=True, doubted=doubted)
    return Screening(triggers=(hit,))


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_no_reading_silences_words_that_nothing_puts_in_doubt(facts: TurnFacts) -> None:
    assert decide(replace(facts, screening=said(doubted=False)), POLICIES).outcome is Outcome.EMERGENCY


@given(facts_of_any_kind, st.sampled_from(CATEGORIES))
@settings(max_examples=200)
def test_words_in_doubt_count_unless_the_whole_was_read_and_no_danger_found(facts: TurnFacts, category: str) -> None:
    facts = replace(facts, screening=said(doubted=True, category=category))
    is_read = facts.nlu == "ok" and facts.intent is not None
    decision = decide(facts, POLICIES)
    if not is_read or sum(facts.reports.values()) >= POLICIES.doubt:
        assert (decision.outcome, decision.severity) == (Outcome.EMERGENCY, 4)
    elif facts.kind == "text" and facts.role == "public" and facts.speaker == "bot" and facts.pending is None:
        assert decision.outcome is not Outcome.EMERGENCY
        if decision.outcome is Outcome.ANSWER:
            assert decision.offer_human, "nobody is left with a passage alone"


def test_an_offer_carries_the_words_in_doubt() -> None:
    calm = TurnFacts(screening=said(doubted=True, category="sea_staff"), intent="out_of_scope", intent_confidence=0.9)
    decision = decide(calm, POLICIES)
    assert (decision.rule_id, decision.offer_human) == ("escalate-suspicion", True)
    assert (decision.category, decision.sealed, decision.severity) == ("sea_staff", True, 4)
    assert decision.card is None, "nobody is alarmed"


def test_lesser_words_beside_them_take_nothing_from_the_weight_of_words_in_doubt() -> None:
    lesser = Trigger(category="fraud_loss", severity=2, rule_id="another", language="en")
    both = Screening(triggers=(*said(doubted=True).triggers, lesser))
    decision = decide(TurnFacts(screening=both, intent="ask_scam", intent_confidence=0.9), POLICIES)
    assert (decision.outcome, decision.category, decision.severity) == (Outcome.ESCALATE, "fraud_loss", 4)


def test_a_yes_with_words_in_doubt_opens_the_case_with_their_weight() -> None:
    yes = replace(said(doubted=True), asks_human=True)
    decision = decide(TurnFacts(screening=yes, intent="talk_to_human", intent_confidence=0.9, pending="offer"), POLICIES)
    assert (decision.rule_id, decision.opens_case, decision.severity) == ("offer-accepted", True, 4)


def test_only_words_in_doubt_wait_for_a_reading() -> None:
    assert waits_for_reading(TurnFacts(screening=said(doubted=True)), POLICIES)
    assert not waits_for_reading(TurnFacts(screening=said(doubted=False)), POLICIES)
    both = Screening(triggers=(*said(doubted=True).triggers, *said(doubted=False).triggers))
    assert not waits_for_reading(TurnFacts(screening=both), POLICIES)
    assert not waits_for_reading(TurnFacts(), POLICIES)


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_while_a_human_owns_the_conversation_nothing_is_answered(facts: TurnFacts) -> None:
    for speaker in ("human", "human_pending"):
        decision = decide(replace(facts, speaker=speaker), POLICIES)
        relayed = decision.outcome in (Outcome.EMERGENCY, Outcome.ESCALATE, Outcome.COMMAND)
        assert relayed or decision.rule_id == "rate-limited"


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_while_answers_are_paused_nothing_is_answered(facts: TurnFacts) -> None:
    assert decide(replace(facts, paused=True), POLICIES).outcome not in (Outcome.ANSWER, Outcome.CLARIFY)


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_no_answer_without_a_passage_and_never_two_questions_in_a_row(facts: TurnFacts) -> None:
    decision = decide(facts, POLICIES)
    if decision.outcome is Outcome.ANSWER:
        assert facts.best_score is not None
        assert facts.retrieval == "ok"
    if facts.clarifications_asked:
        assert decision.outcome is not Outcome.CLARIFY


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_a_case_opens_only_on_a_yes_or_under_the_rule_for_risk_to_life(facts: TurnFacts) -> None:
    decision = decide(facts, POLICIES)
    if decision.opens_case:
        said = facts.screening
        agreed = facts.button == "human_yes" or (facts.pending == "offer" and (said.affirms or said.asks_human))
        assert agreed or decision.rule_id == "emergency-risk-to-life"


@given(facts_of_any_kind)
@settings(max_examples=120)
def test_sealed_categories_are_sealed_whatever_decides(facts: TurnFacts) -> None:
    counting = [t for t in facts.screening.triggers if not (t.topic and facts.role == "staff")]
    if any(POLICIES.categories[trigger.category].sealed for trigger in counting):
        decision = decide(facts, POLICIES)
        if decision.outcome in (Outcome.EMERGENCY, Outcome.ESCALATE):
            assert decision.sealed


@given(facts_of_any_kind)
@settings(max_examples=200)
def test_stages_are_asked_in_their_fixed_order(facts: TurnFacts) -> None:
    stage_of = {rule.id: stage for stage, rules in POLICIES.rules.items() for rule in rules}
    order = [STAGES.index(stage_of[decision.rule_id]) for decision in ranked(facts, POLICIES)[:-1]]
    assert order == sorted(order)


def test_the_order_of_stages_is_that_of_the_contract() -> None:
    assert [stage.value for stage in STAGES] == ["safety", "owner", "wish", "limit", "access", "decision"]


def test_the_fact_table_holds_exactly_the_fields_rules_may_test() -> None:
    assert set(fact_table(TurnFacts(), POLICIES)) == set(FIELDS)


def test_no_rule_relies_on_the_order_in_its_file() -> None:
    shuffled = replace(POLICIES, rules={stage: tuple(reversed(rules)) for stage, rules in POLICIES.rules.items()})
    for facts in (TurnFacts(paused=True), TurnFacts(best_score=0.99, intent="ask_visa", intent_confidence=0.9), TurnFacts()):
        assert decide(facts, shuffled) == decide(facts, POLICIES)


def test_nothing_matching_is_a_case_for_a_person() -> None:
    empty = replace(POLICIES, rules=dict.fromkeys(Stage, ()))
    decision = decide(TurnFacts(), empty)
    assert (decision.outcome, decision.rule_id, decision.offer_human) == (Outcome.ESCALATE, FALLBACK_RULE, True)


def test_not_in_documents_and_hidden_from_the_public_read_alike() -> None:
    """A public person cannot tell guidance that is hidden from a topic that is not ours."""
    hidden = decide(TurnFacts(intent="staff_guidance", intent_confidence=0.9, best_score=0.05), POLICIES)
    foreign = decide(TurnFacts(intent="out_of_scope", intent_confidence=0.9, best_score=0.05), POLICIES)
    assert replace(hidden, rule_id="") == replace(foreign, rule_id="")


@given(st.text(max_size=400))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_screening_never_raises(text: str) -> None:
    said = screen(text, POLICIES)
    assert [trigger.severity for trigger in said.triggers] == sorted((t.severity for t in said.triggers), reverse=True)


@given(st.text(alphabet="aeiou bcd.!?'’ \u0640\u200c\u064eاأإيىةه12٣", max_size=60))
@settings(max_examples=120, deadline=None)
def test_screening_ignores_invisible_signs(text: str) -> None:
    assert screen(text, POLICIES) == screen(text.replace("\u0640", "").replace("\u200c", ""), POLICIES)


@pytest.mark.parametrize("listed", [listed.name for listed in fields(TurnFacts)])
def test_every_fact_is_explained_in_the_docstring(listed: str) -> None:
    assert f"{listed}:" in (TurnFacts.__doc__ or "")


def test_policies_are_one_immutable_value() -> None:
    assert isinstance(POLICIES, PolicySet)
    with pytest.raises(AttributeError):
        POLICIES.version = "other"  # type: ignore[misc]
