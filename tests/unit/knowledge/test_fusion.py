"""Scores put together, and read as a confidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.index.fusion import ANY, Fusion, Reading, fusion_for

SAME, CROSS, PAIR = Reading(middle=0.8, slope=20), Reading(middle=0.7, slope=20), Reading(middle=0.6, slope=15)
FUSION = Fusion(second=0.2, usual=0.4, words=0.3, readings={"same": SAME, "cross": CROSS, "ar>en": PAIR})
READINGS = st.builds(Reading, middle=st.floats(-1, 2), slope=st.floats(0.5, 50))
MEASURED = "multilingual-e5-small-q8@0123456789ab"


def scores(*given: float) -> NDArray[np.float32]:
    return np.array(given, np.float32)


@given(READINGS, st.floats(-5, 5), st.floats(-5, 5))
def test_the_closer_the_surer(reading: Reading, one: float, other: float) -> None:
    nearer, farther = max(one, other), min(one, other)
    assert 0 < reading.confidence(farther) <= reading.confidence(nearer) <= 1


@given(READINGS, st.floats(0.001, 0.999))
def test_a_closeness_can_be_had_for_every_confidence(reading: Reading, confidence: float) -> None:
    assert reading.confidence(reading.closeness(confidence)) == pytest.approx(confidence, abs=1e-9)


def test_the_middle_is_as_likely_as_not() -> None:
    assert SAME.confidence(0.8) == 0.5
    assert SAME.closeness(0.5) == 0.8


@pytest.mark.parametrize("closeness", [-math.inf, -1e300, 1e300, math.inf])
def test_extremes_are_read_without_an_overflow(closeness: float) -> None:
    assert 0 < SAME.confidence(closeness) <= 1


def test_parts_are_added_with_their_weights() -> None:
    found = FUSION.closeness(scores(0.5, 0.5), scores(0.9, -0.1), scores(0, 1))
    np.testing.assert_allclose(found, [0.6, 0.7], atol=1e-6)
    np.testing.assert_allclose(FUSION.closeness(scores(0.5), scores(np.nan), scores(1)), [0.8], atol=1e-6)


def test_where_the_second_encoder_knows_nothing_the_others_decide() -> None:
    found = FUSION.closeness(scores(0.5, 0.5, 0.5), scores(np.nan, 0.4, 0.6), scores(0.1, 0.1, 0.1))
    assert found[0] == found[1] < found[2]
    nobody = FUSION.closeness(scores(0.5, 0.4), scores(np.nan, np.nan), scores(0, 0))
    np.testing.assert_allclose(nobody, [0.5, 0.4], atol=1e-6)


def test_nothing_found_has_no_closeness() -> None:
    assert FUSION.closeness(scores(), scores(), scores()).tolist() == []


@given(
    first=st.floats(-1, 1, width=32), second=st.floats(-1, 1, width=32), share=st.floats(0, 1, width=32),
    more=st.floats(0, 1, width=32),
)  # fmt: skip
def test_more_of_any_part_never_makes_a_passage_farther(first: float, second: float, share: float, more: float) -> None:
    (base,) = FUSION.closeness(scores(first), scores(second), scores(share))
    raised = [(first + more, second, share), (first, second + more, share), (first, second, share + more)]
    for one, other, words in raised:
        assert FUSION.closeness(scores(one), scores(other), scores(words))[0] >= base - 1e-6


def test_a_pair_of_languages_has_its_own_curve_or_the_common_one() -> None:
    assert FUSION.reading("ar", "en") is PAIR
    assert FUSION.reading("en", "ar") is FUSION.reading("sw", "en") is CROSS
    assert FUSION.reading("ar", "ar") is FUSION.reading("sw", "sw") is SAME


def test_what_all_questions_of_a_language_share_is_taken_off() -> None:
    centred = Fusion(
        second=0, usual=0, words=0, centres={"en": scores(0.1, 0.2), ANY: scores(0.3, 0.0)}, readings=FUSION.readings
    )
    np.testing.assert_allclose(centred.centred(scores(0.5, 0.5), "en"), [0.4, 0.3])
    np.testing.assert_allclose(centred.centred(scores(0.5, 0.5), "sw"), [0.2, 0.5])
    np.testing.assert_allclose(FUSION.centred(scores(0.5, 0.5), "en"), [0.5, 0.5])


def test_the_measured_encoder_has_its_weights_and_means_whatever_its_revision() -> None:
    fusion = fusion_for(MEASURED)
    assert fusion.readings == fusion_for("multilingual-e5-small-q8").readings != fusion_for("hash@1").readings
    assert min(fusion.second, fusion.words) > 0
    assert {"en", "ar", "fr", "zh"} <= fusion.centres.keys()
    for centre in fusion.centres.values():
        assert centre.shape == (384,)
        assert centre.dtype == np.float32
        assert 0 < float(np.linalg.norm(centre)) < 1
    assert {"same", "cross"} <= fusion.readings.keys()
    for pair, reading in fusion.readings.items():
        assert pair in {"same", "cross"} or pair.count(">") == 1
        assert reading.slope > 0


@pytest.mark.parametrize("encoder", ["hash@1", "paraphrase-multilingual@1", "multilingual-e5-small-q4@1", ""])
def test_any_other_encoder_has_a_plain_fusion_without_second_and_means(encoder: str) -> None:
    fusion = fusion_for(encoder)
    assert (fusion.second, fusion.centres) == (0, {})
    vector = scores(0.6, 0.8)
    np.testing.assert_array_equal(fusion.centred(vector, "en"), vector)
    assert fusion.reading("en", "en").confidence(0.8) == 0.5
