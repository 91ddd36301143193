"""The examples beside the rules: all pass, every rule is reached, and a wrong example says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies import PolicyError, PolicySet, load
from policies.examples import Result, run_all, unreached


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    return load()


@pytest.fixture(scope="module")
def results(policies: PolicySet) -> list[Result]:
    return run_all(policies)


def test_every_example_passes(results: list[Result]) -> None:
    failed = [f"{result.place} {result.name}: {result.got}: {result.because}" for result in results if not result.passed]
    assert failed == []


def test_every_rule_is_fired_by_an_example_and_nearly_fired_by_another(policies: PolicySet, results: list[Result]) -> None:
    assert unreached(policies, results) == ([], [])


def test_examples_have_names_of_their_own(results: list[Result]) -> None:
    names = [(result.file, result.name) for result in results]
    assert len(names) == len(set(names))


def write(folder: Path, body: str) -> Path:
    (folder / "some.yaml").write_text(f"description: for a test\nexamples:\n{body}", encoding="utf-8")
    return folder


def test_a_wrong_expectation_names_place_and_cause(tmp_path: Path, policies: PolicySet) -> None:
    folder = write(tmp_path, "  - name: a greeting\n    text: hello\n    expect: {outcome: answer, rule: answer-grounded}\n")
    (result,) = run_all(policies, folder)
    assert not result.passed
    assert result.place.endswith("some.yaml:3")
    assert "score_band" in result.because


def test_a_rule_that_should_only_nearly_fire_fails_when_it_fires(tmp_path: Path, policies: PolicySet) -> None:
    body = "  - name: a start\n    facts: {kind: command, command: start}\n    nearly: command-known\n"
    (result,) = run_all(policies, write(tmp_path, f"{body}    expect: {{outcome: command, rule: command-known}}\n"))
    assert result.because == "command-known must only nearly fire"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("  - name: abc\n    facts: {colour: red}\n    expect: {outcome: answer, rule: answer-grounded}\n", "facts.colour"),
        ("  - name: abc\n    expect: {outcome: answer, rule: no-such-rule}\n", "examples[0]"),
        ("  - name: abc\n    expect: {outcome: answer}\n", "expect"),
        ("  - name: abc\n    expect: {outcome: answer, rule: answer-grounded, colour: red}\n", "expect.colour"),
        ("  - name: abc\n    facts: {known: country}\n    expect: {outcome: answer, rule: answer-grounded}\n", "facts.known"),
    ],
)
def test_an_example_that_names_what_does_not_exist_is_refused(body: str, key: str, tmp_path: Path, policies: PolicySet) -> None:
    with pytest.raises(PolicyError) as caught:
        run_all(policies, write(tmp_path, body))
    assert caught.value.key.endswith(key)
    assert caught.value.line is not None
