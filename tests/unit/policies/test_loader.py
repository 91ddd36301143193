"""A policy file that cannot be used is refused with file, key path and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies import PolicyError, load
from policies.conditions import FIELDS, OPERATORS


def change(data: Path, name: str, old: str, new: str) -> int:
    """Replace text in a file and return the line on which it stands."""
    path = data / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return line


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        ("safety.yaml", "{field: severity, op: at_least, value: 4}", "{field: gravity, op: at_least, value: 4}", "field"),
        ("safety.yaml", "{field: severity, op: at_least, value: 4}", "{field: severity, op: includes, value: 4}", "op"),
        ("safety.yaml", "{field: severity, op: at_least, value: 4}", "{field: severity, op: at_least, value: high}", "value"),
        ("safety.yaml", "{field: category, op: is, value: child}", "{field: category, op: is, value: kid}", "value"),
        ("safety.yaml", "{field: severity, op: at_least, value: 4}", "{field: severity, op: at_least}", "all[0]"),
        ("safety.yaml", "outcome: emergency, severity: from_trigger", "outcome: panic, severity: from_trigger", "then.outcome"),
        ("safety.yaml", "outcome: emergency, severity: from_trigger", "outcome: emergency, severity: 7", "then.severity"),
        ("decision.yaml", "stage: wish", "stage: dream", "stage"),
        ("decision.yaml", "stage: wish", "stage: safety", "stage"),
        ("decision.yaml", "id: case-waiting", "id: human-owns-conversation", "id"),
        (
            "decision.yaml",
            "then: {outcome: command, reason: button}",
            "then: {outcome: command, reason: button, opens_case: true}",
            "opens_case",
        ),
        ("decision.yaml", "    unit: probability of the first intent\n    source:", "    source:", "rules"),
        ("decision.yaml", "question_order:", "question_order_:", "question_order"),
        ("rate_limits.yaml", "limit: 20", "limit: 0", "limit"),
        ("sla.yaml", "- severity: 3", "- severity: 4", "targets"),
        ("audiences.yaml", "roles: [staff]", "roles: [visitor]", "roles"),
        ("retention.yaml", "action: erase_content", "action: hide", "action"),
        ("lexicons/pt.yaml", "category: medical", "category: ailment", "category"),
        ("lexicons/pt.yaml", "unless: [guidance", "unless: [nonsense", "unless"),
        ("lexicons/pt.yaml", "id: pt-distress", "id: es-distress", "id"),
        ("lexicons/pt.yaml", "language: pt", "language: en", "language"),
        ("lexicons/pt.yaml", "& (<kin>", "& (<unknown>", "any"),
        ("lexicons/pt.yaml", '  denied:\n    - "', '  denied:\n    - "<unknown>|', "doubts"),
    ],
)
def test_a_fault_is_named_with_file_key_and_line(data: Path, name: str, old: str, new: str, key: str) -> None:
    line = change(data, name, old, new)
    with pytest.raises(PolicyError) as caught:
        load(data)
    error = caught.value
    assert error.file == name
    assert key in error.key
    assert error.line is not None
    assert key == "question_order" or abs(error.line - line) <= 12, str(error)  # what is missing has no line of its own
    assert str(error).startswith(f"{name}:{error.line}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("a: [", "not valid YAML"), ("description: abc\ndescription: def\n", "twice"), ("- 1\n", "valid dictionary")],
)
def test_a_file_that_is_no_mapping_is_refused(data: Path, text: str, message: str) -> None:
    (data / "audiences.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=message):
        load(data)


def test_a_missing_file_is_named(data: Path) -> None:
    (data / "sla.yaml").unlink()
    with pytest.raises(PolicyError, match=r"sla\.yaml: cannot be read"):
        load(data)


def test_the_version_is_that_of_the_content(data: Path) -> None:
    before = load(data).version
    assert before == load(data).version
    assert len(before) == 12
    change(data, "rate_limits.yaml", "limit: 20", "limit: 21")
    assert load(data).version != before


def test_every_rule_says_what_why_who_and_since_when() -> None:
    policies = load()
    assert len(policies.rule_ids) >= 40
    for rules in policies.rules.values():
        for rule in rules:
            assert all((rule.description, rule.source, rule.owner, rule.since)), rule.id
            assert rule.place.partition(":")[0] in ("safety.yaml", "decision.yaml")


def test_every_kind_of_field_can_be_compared() -> None:
    assert {field.kind for field in FIELDS.values()} == set(OPERATORS)


def test_numbers_people_argue_about_carry_unit_and_source() -> None:
    policies = load()
    for limit in policies.rate_limits.values():
        assert limit.unit
        assert limit.source
    for kept in policies.retention.values():
        assert kept.unit
        assert kept.source
    for threshold in policies.score_bands.values():
        assert "confidence" in threshold.unit
        assert threshold.source
    assert policies.score_bands["weak"].same < policies.score_bands["answer"].same < policies.score_bands["strong"].same
