"""From YAML files to one `PolicySet`: the only reader of policy files.

Nothing half-valid is loaded. An error names the file, the key path and the line, and says what would be valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Final

from policies.access import AudienceTable
from policies.calendars import Calendar
from policies.conditions import FIELDS, OPERATORS, All, Any, Condition, Field, Not, Test, Value, count_tests
from policies.decisions import Outcome
from policies.documents import Document, Path, read
from policies.limits import RateLimit
from policies.policy_set import (
    FROM_OFFER,
    FROM_REPORT,
    FROM_TRIGGER,
    STAGES,
    Category,
    PolicySet,
    Queue,
    Report,
    Rule,
    Stage,
    Threshold,
    Verdict,
)
from policies.retention import RetentionRule
from policies.schema import (
    AudiencesFile,
    CalendarFile,
    DecisionFile,
    QueuesFile,
    RateLimitsFile,
    RetentionFile,
    RuleModel,
    SafetyFile,
    SlaFile,
    ThresholdModel,
)
from policies.sla import Target
from policies.wording import load_screener

VERSION_DIGITS: Final = 12
MAX_CHOICES: Final = 4
FINE_NUMBERS: Final = ("best_score", "safety_score", "emergency_score", "intent_confidence")
SEVERITIES: Final = {"from_trigger": FROM_TRIGGER, "from_offer": FROM_OFFER, "from_report": FROM_REPORT}


def load(directory: FilePath | None = None) -> PolicySet:
    """Return the policies in ``directory``, by default those that ship with the package.

    Raises:
        PolicyError: a file is missing, malformed, or names something that does not exist.
    """
    folder: Traversable = directory if directory is not None else resources.files("policies").joinpath("data")
    safety_document, decision_document = read(folder, "safety.yaml"), read(folder, "decision.yaml")
    safety, decision = safety_document.parse(SafetyFile), decision_document.parse(DecisionFile)
    categories = {
        model.id: Category(
            id=model.id,
            description=model.description,
            queue=model.queue,
            card=model.card,
            sealed=model.sealed,
            life_at_risk=model.life_at_risk,
        )
        for model in safety.categories
    }
    queues = _queues(folder)
    for number, category in enumerate(categories.values()):
        _require_queue(safety_document, category.queue, queues, ("categories", number, "queue"))
    for document, rules in ((safety_document, safety.rules), (decision_document, decision.rules)):
        for number, rule in enumerate(rules):
            _require_queue(document, rule.then.queue, queues, ("rules", number, "then", "queue"))
    screener, unreviewed = load_screener(folder, categories)
    targets, warnings = _sla(folder)
    bands = decision.score_bands
    return PolicySet(
        version=version_of(folder),
        rules=_rules([(safety_document, safety.rules, True), (decision_document, decision.rules, False)], frozenset(categories)),
        score_bands={
            name: _threshold(name, model)
            for name, model in (("weak", bands.weak), ("answer", bands.answer), ("strong", bands.strong))
        },
        intent_groups={intent: group for group, intents in decision.intent_groups.items() for intent in intents},
        intent_sure=decision.intent_sure.value,
        question_order=tuple(decision.question_order),
        categories=MappingProxyType(categories),
        reports=_reports(safety_document, safety, categories),
        doubt=safety.doubt.value,
        queues=queues,
        choices={fact: tuple(values)[:MAX_CHOICES] for fact, values in screener.details.items() if len(values) > 1},
        screener=screener,
        audiences=_audiences(folder),
        rate_limits=_rate_limits(folder),
        retention=_retention(folder),
        sla=targets,
        sla_warnings=warnings,
        calendar=_calendar(folder),
        unreviewed=unreviewed,
    )


def _queues(folder: Traversable) -> Mapping[str, Queue]:
    document = read(folder, "queues.yaml")
    models = document.parse(QueuesFile).queues
    found = {model.name: Queue(name=model.name, description=model.description, mode=model.mode) for model in models}
    if len(found) < len(models):
        raise document.error("two queues have one name", ("queues",))
    if "general" not in found:
        raise document.error("the queue general is missing: it takes what no category sends elsewhere", ("queues",))
    return MappingProxyType(found)


def _require_queue(document: Document, name: str | None, queues: Mapping[str, Queue], path: Path) -> None:
    if name is not None and name not in queues:
        raise document.error(f"unknown queue {name!r}; queues.yaml has {', '.join(queues)}", path)


def _reports(document: Document, safety: SafetyFile, categories: Mapping[str, Category]) -> Mapping[str, Report]:
    for number, model in enumerate(safety.reports):
        if model.category not in categories:
            path: Path = ("reports", number, "category")
            raise document.error(f"unknown category {model.category!r}; there are {', '.join(categories)}", path)
    return {model.intent: Report(category=model.category, severity=model.severity) for model in safety.reports}


def version_of(folder: Traversable) -> str:
    """Return the content hash over all data files, by name."""
    digest = hashlib.sha256()
    for name, content in sorted(_files(folder, "")):
        digest.update(name.encode())
        digest.update(b"\0")
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:VERSION_DIGITS]


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{prefix}{item.name}/")
        elif item.name.endswith(".yaml"):
            yield f"{prefix}{item.name}", item.read_bytes()


def _rules(files: list[tuple[Document, list[RuleModel], bool]], categories: frozenset[str]) -> Mapping[Stage, tuple[Rule, ...]]:
    """Build all rules, by stage; safety rules stand in one file, all others in the other."""
    rules: dict[Stage, list[Rule]] = {stage: [] for stage in STAGES}
    seen: dict[str, str] = {}
    for document, models, is_safety in files:
        for number, model in enumerate(models):
            path: Path = ("rules", number)
            rule = _rule(document, model, path, categories)
            if (rule.stage is Stage.SAFETY) is not is_safety:
                raise document.error(
                    "rules of the stage 'safety' stand in safety.yaml, all others in decision.yaml", (*path, "stage")
                )
            if rule.id in seen:
                raise document.error(f"{rule.id!r} is already the id of the rule at {seen[rule.id]}", (*path, "id"))
            seen[rule.id] = rule.place
            rules[rule.stage].append(rule)
    return {stage: tuple(found) for stage, found in rules.items()}


def _rule(document: Document, model: RuleModel, path: Path, categories: frozenset[str]) -> Rule:
    then = model.then
    if then.opens_case and then.outcome not in (Outcome.EMERGENCY, Outcome.ESCALATE):
        raise document.error(f"{then.outcome} cannot open a case", (*path, "then", "opens_case"))
    when = condition(document, model.when, (*path, "when"), categories)
    if model.unit is None and any(test.field in FINE_NUMBERS for test in tests_of(when)):
        raise document.error("a rule that compares a measured number must state its unit", path)
    return Rule(
        id=model.id,
        stage=Stage(model.stage),
        description=model.description,
        when=when,
        then=Verdict(
            outcome=then.outcome,
            reason=then.reason,
            severity=then.severity if isinstance(then.severity, int) else SEVERITIES[then.severity],
            offer_human=then.offer_human,
            opens_case=then.opens_case,
            queue=then.queue,
        ),
        source=model.source,
        owner=model.owner,
        since=model.since.isoformat(),
        tests=count_tests(when),
        place=f"{document.name}:{document.line(path)}",
    )


def condition(document: Document, data: object, path: Path, categories: frozenset[str] = frozenset()) -> Condition:
    """Read one condition.

    Raises:
        PolicyError: an unknown field, operator or value, or a shape that is neither a test nor all, any, not.
    """
    if not isinstance(data, dict):
        raise document.error("a condition is {all: […]}, {any: […]}, {not: …} or {field: …, op: …, value: …}", path)
    match sorted(data):
        case [("all" | "any") as key]:
            items = data[key]
            if not isinstance(items, list) or not items:
                raise document.error(f"{key!r} takes a list of at least one condition", (*path, key))
            parts = tuple(condition(document, item, (*path, key, number), categories) for number, item in enumerate(items))
            return All(parts=parts) if key == "all" else Any(parts=parts)
        case ["not"]:
            return Not(part=condition(document, data["not"], (*path, "not"), categories))
        case ["field", "op"] | ["field", "op", "value"]:
            return _test(document, data, path, categories)
    raise document.error(f"a condition cannot hold the keys {', '.join(map(str, data))}", path)


def tests_of(tree: Condition) -> Iterator[Test]:
    """Yield the single tests of a condition."""
    match tree:
        case Test():
            yield tree
        case All() | Any():
            for part in tree.parts:
                yield from tests_of(part)
        case Not():
            yield from tests_of(tree.part)


def _test(document: Document, data: dict[str, object], path: Path, categories: frozenset[str]) -> Test:
    name, op = str(data["field"]), str(data["op"])
    field = FIELDS.get(name)
    if field is None:
        raise document.error(f"unknown field {name!r}; there are {', '.join(sorted(FIELDS))}", (*path, "field"))
    if op not in OPERATORS[field.kind]:
        raise document.error(f"{name!r} can be compared by {', '.join(OPERATORS[field.kind])}, not by {op!r}", (*path, "op"))
    takes_value = op not in ("given", "not_given", "empty", "not_empty")
    if takes_value is not ("value" in data):
        raise document.error(f"{op!r} takes {'a' if takes_value else 'no'} value", path)
    if not takes_value:
        return Test(field=name, op=op)
    closed = tuple(sorted(categories)) if name in ("category", "categories") else field.values
    return Test(field=name, op=op, value=_value(document, data["value"], field, op, closed, (*path, "value")))


def _value(document: Document, value: object, field: Field, op: str, closed: tuple[str, ...], path: Path) -> Value:
    """Check one value against the kind of its field."""
    if field.kind == "flag" and isinstance(value, bool):
        return value
    if field.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if field.kind in ("word", "words"):
        several = op in ("in", "not_in", "includes_any")
        given = value if isinstance(value, list) else [value]
        words = [word for word in given if isinstance(word, str)]
        if several is isinstance(value, list) and words and len(words) == len(given):
            unknown = [word for word in words if closed and word not in closed]
            if unknown:
                raise document.error(f"{unknown[0]!r} is not one of {', '.join(closed)}", path)
            return tuple(words) if several else words[0]
    raise document.error(f"{value!r} does not fit: {field.meaning}", path)


def _threshold(name: str, model: ThresholdModel) -> Threshold:
    return Threshold(
        name=name,
        entry=model.entry,
        same=model.same,
        cross=model.cross,
        by_language=MappingProxyType(dict(model.by_language)),
        unit=model.unit,
        source=model.source,
        since=model.since.isoformat(),
    )


def _audiences(folder: Traversable) -> AudienceTable:
    document = read(folder, "audiences.yaml")
    model = document.parse(AudiencesFile)
    for number, closed in enumerate(model.on_request):
        unknown = [role for role in closed.roles if role not in model.roles]
        if unknown:
            raise document.error(f"unknown role {unknown[0]!r}", ("on_request", number, "roles"))
    return AudienceTable(
        roles={role: frozenset(audiences) for role, audiences in model.roles.items()},
        on_request={closed.audience: frozenset(closed.roles) for closed in model.on_request},
    )


def _rate_limits(folder: Traversable) -> Mapping[str, RateLimit]:
    model = read(folder, "rate_limits.yaml").parse(RateLimitsFile)
    return {
        limit.id: RateLimit(
            id=limit.id,
            limit=limit.limit,
            window_s=limit.window_s,
            scope=limit.scope,
            description=limit.description,
            unit=limit.unit,
            source=limit.source,
            since=limit.since.isoformat(),
        )
        for limit in model.limits
    }


def _retention(folder: Traversable) -> Mapping[str, RetentionRule]:
    model = read(folder, "retention.yaml").parse(RetentionFile)
    return {
        item.id: RetentionRule(
            id=item.id,
            keep=timedelta(hours=item.keep) if item.unit == "hours" else timedelta(days=item.keep),
            counted_from=item.counted_from,
            action=item.action,
            description=item.description,
            unit=item.unit,
            source=item.source,
            since=item.since.isoformat(),
        )
        for item in model.classes
    }


def _sla(folder: Traversable) -> tuple[Mapping[int, Target], tuple[float, ...]]:
    document = read(folder, "sla.yaml")
    model = document.parse(SlaFile)
    targets = {
        item.severity: Target(
            severity=item.severity,
            notice=timedelta(seconds=item.notice_s),
            first_reply=item.first_reply,
            next_reply=item.next_reply,
            owner=item.owner,
            keep_informed=item.keep_informed,
            clock=item.clock,
            source=item.source,
            since=item.since.isoformat(),
        )
        for item in model.targets
    }
    if sorted(targets) != [0, 1, 2, 3, 4]:
        raise document.error("there must be one target for each severity 0 to 4", ("targets",))
    return targets, tuple(model.warn_at)


def _calendar(folder: Traversable) -> Calendar:
    model = read(folder, "calendar.yaml").parse(CalendarFile)
    days = [blocks for _, blocks in model.hours]
    return Calendar(
        zone=model.zone,
        hours={day: [(_time(begin), _time(end)) for begin, end in blocks] for day, blocks in enumerate(days)},
        holidays=frozenset(holiday.on for holiday in model.holidays),
        on_call=model.on_call,
    )


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
