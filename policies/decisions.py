"""What a turn can come to: a closed list of outcomes, and the decision that carries one with its reason.

`PROTECTION` orders the outcomes. Where several rules of one stage match, the most protective outcome is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The closed list of outcomes of a turn."""

    EMERGENCY = "emergency"
    ESCALATE = "escalate"
    CLARIFY = "clarify"
    ANSWER = "answer"
    OUT_OF_SCOPE = "out_of_scope"
    SMALL_TALK = "small_talk"
    COMMAND = "command"


PROTECTION: Final[dict[Outcome, int]] = {
    Outcome.EMERGENCY: 6,
    Outcome.ESCALATE: 5,
    Outcome.OUT_OF_SCOPE: 4,
    Outcome.CLARIFY: 3,
    Outcome.ANSWER: 2,
    Outcome.SMALL_TALK: 1,
    Outcome.COMMAND: 0,
}
"""How protective an outcome is: danger before people, people before refusal, refusal before any answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one turn, and why.

    Attributes:
        outcome: One of the closed list.
        severity: 0 (information) to 4 (immediate danger).
        rule_id: Id of the rule in ``data/safety.yaml`` or ``data/decision.yaml`` that decided.
        reason: Short stable word for logs and for choosing the text shown, for example ``not_in_documents``.
        offer_human: Offer a person, with a yes and a no.
        opens_case: A case must be open after this turn; with one open already it is raised instead.
        category: Safety category of the gravest trigger, or None.
        card: Name of the fixed card to send first, or None.
        sealed: The case's text is for focal points only.
        queue: Queue of the case, if one opens.
        question: The one fact to ask for (``country``, ``status`` …) when the outcome is ``clarify``.
    """

    outcome: Outcome
    severity: int
    rule_id: str
    reason: str
    offer_human: bool = False
    opens_case: bool = False
    category: str | None = None
    card: str | None = None
    sealed: bool = False
    queue: str = "general"
    question: str | None = None
