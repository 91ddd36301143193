"""What Waypost decides and why: reviewable YAML data, and a small pure engine that reads it.

`load` reads the data once; `screen` looks at the words of a message, `decide` at the facts of a turn. Nothing here
does any work of its own accord: no clock, no network, no model. How to read and change a rule: ``README.md``.
"""

from policies.access import AudienceTable, visible_audiences
from policies.calendars import Calendar, Span
from policies.conditions import FIELDS
from policies.decisions import PROTECTION, Decision, Outcome
from policies.engine import FALLBACK_RULE, decide, explain, ranked, screen, silenced, told, waits_for_reading
from policies.errors import PolicyError
from policies.facts import Screening, Trigger, TurnFacts
from policies.limits import Admission, RateLimit, admit
from policies.loader import load
from policies.policy_set import STAGES, Category, PolicySet, Rule, Stage
from policies.retention import RetentionRule, expires_at, is_expired
from policies.sla import ClockTime, Target, counts_from, due_at, warnings_at

__all__ = [
    "FALLBACK_RULE",
    "FIELDS",
    "PROTECTION",
    "STAGES",
    "Admission",
    "AudienceTable",
    "Calendar",
    "Category",
    "ClockTime",
    "Decision",
    "Outcome",
    "PolicyError",
    "PolicySet",
    "RateLimit",
    "RetentionRule",
    "Rule",
    "Screening",
    "Span",
    "Stage",
    "Target",
    "Trigger",
    "TurnFacts",
    "admit",
    "counts_from",
    "decide",
    "due_at",
    "expires_at",
    "explain",
    "is_expired",
    "load",
    "ranked",
    "screen",
    "silenced",
    "told",
    "visible_audiences",
    "waits_for_reading",
    "warnings_at",
]
