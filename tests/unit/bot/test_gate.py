"""The bounds of an evaluation: kept, missed, mistyped."""

from pathlib import Path

import pytest

from bot.domain.errors import InvalidSettings
from bot.gate import failures, read_gate

SUMMARY = {
    "leaks": 0,
    "safety": {"crisis": {"overall": {"share": 0.97}, "by_language": {"en": {"low": 0.95}, "fr": {"low": 0.9}}}},
}


def a_gate(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    return path


def test_bounds_that_are_kept_say_nothing(tmp_path: Path) -> None:
    gate = read_gate(
        a_gate(tmp_path, "bounds: [{figure: leaks, at_most: 0}, {figure: safety/crisis/overall/share, at_least: 0.97}]")
    )
    assert failures(gate, SUMMARY) == []


def test_a_star_stands_for_every_key(tmp_path: Path) -> None:
    gate = read_gate(a_gate(tmp_path, "bounds: [{figure: safety/crisis/by_language/*/low, at_least: 0.93}]"))
    assert failures(gate, SUMMARY) == ["safety/crisis/by_language/fr/low: 0.9 is below 0.93"]


def test_a_figure_above_its_bound_fails(tmp_path: Path) -> None:
    gate = read_gate(a_gate(tmp_path, "bounds: [{figure: leaks, at_most: -1}]"))
    assert failures(gate, SUMMARY) == ["leaks: 0 is above -1.0"]


@pytest.mark.parametrize(("figure", "said"), [("safety/alarms", "no such figure"), ("safety/crisis", "nothing was measured")])
def test_a_figure_that_is_not_there_fails(tmp_path: Path, figure: str, said: str) -> None:
    gate = read_gate(a_gate(tmp_path, f"bounds: [{{figure: {figure}, at_least: 0}}]"))
    assert failures(gate, SUMMARY) == [f"{figure}: {said}"]


def test_a_figure_over_no_rows_fails(tmp_path: Path) -> None:
    gate = read_gate(a_gate(tmp_path, "bounds: [{figure: accuracy, at_least: 0.9}]"))
    assert failures(gate, {"accuracy": None}) == ["accuracy: nothing was measured"]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "bounds: []",
        "bounds: [{figure: leaks}]",
        "bounds: [{figure: leaks, most: 1}]",
        "bounds: [{figure: leaks, at_most: 0, at_least: 0}]",
    ],
)
def test_a_file_that_is_no_gate_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"gate\.yaml"):
        read_gate(a_gate(tmp_path, text))
