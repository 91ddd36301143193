"""Figures of an evaluation, against values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import measures


def test_a_share_has_wilsons_interval() -> None:
    """59 of 60: Wilson's 95 % limits are .9114 and .9971 (Brown, Cai and DasGupta 2001, formula 4)."""
    found = measures.share([True] * 59 + [False])
    assert (found["n"], found["found"], found["share"]) == (60, 59, 0.9833)
    assert found["low"] == pytest.approx(0.9114, abs=1e-4)
    assert found["high"] == pytest.approx(0.9971, abs=1e-4)


def test_a_share_over_nothing_is_not_known() -> None:
    assert measures.share([]) == {"n": 0, "found": 0, "share": None, "low": None, "high": None}


@given(st.lists(st.booleans(), min_size=1))
def test_an_interval_holds_its_share(values: list[bool]) -> None:
    found = measures.share(values)
    assert 0 <= found["low"] <= found["share"] + 1e-4
    assert found["share"] - 1e-4 <= found["high"] <= 1


def test_shares_are_given_for_all_and_for_each_group() -> None:
    rows = [("en", True), ("en", False), ("fr", True)]
    found = measures.shares(rows, lambda row: row[1], language=lambda row: row[0])
    assert found["overall"]["share"] == pytest.approx(2 / 3, abs=1e-4)
    assert {key: cell["found"] for key, cell in found["by_language"].items()} == {"en": 1, "fr": 1}


def test_rows_without_a_key_are_in_no_group() -> None:
    assert measures.groups(["a", "bb"], lambda row: None if row == "a" else row) == {"bb": ["bb"]}


def test_every_label_counts_alike_in_macro_f1() -> None:
    """a: precision 2/3, recall 1, F1 .8; b: never read, F1 0. A label that is only read adds no class."""
    labels, read = ["a", "a", "b"], ["a", "a", "a"]
    assert measures.macro_f1(labels, read) == pytest.approx(0.4)
    assert measures.f1_by_label(labels, read) == {"a": 0.8, "b": 0.0}
    assert measures.macro_f1(["a", "a"], ["a", "other"]) == pytest.approx(0.6667, abs=1e-4)


def test_calibration_is_the_distance_of_claim_and_truth() -> None:
    found = measures.calibration([0.95, 0.95, 0.55, 0.55], [True, True, True, False])
    assert found["error"] == pytest.approx(0.05)
    assert [(one["from"], one["n"], one["right"]) for one in found["bins"]] == [(0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert measures.calibration([1.0], [False])["error"] == 1.0
    assert measures.calibration([], []) == {"error": None, "bins": []}
