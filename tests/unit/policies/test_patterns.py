"""The pattern language of the lexicons, sign by sign, and the normalisation beneath it."""

from __future__ import annotations

import pytest

from policies.normalise import normalise
from policies.patterns import PatternError, compile_pattern, compile_whole


def found(pattern: str, text: str, language: str = "en", words: dict[str, str] | None = None) -> bool:
    return compile_pattern(pattern, language=language, words=words).matches(normalise(text))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("CAN’T", "cant"),
        ("can t", "can't"),
        ("I'm", "im"),
        ("Kidnapped", "kidnaped"),
        ("heeeelp", "help"),
        ("réfugié", "refugie"),
        ("l'été", "lete"),
        ("j ai", "j'ai"),
        ("أختي", "اختي"),
        ("مدرسة", "مدرسه"),
        ("كِتَابٌ", "كتاب"),
        ("ســـلام", "سلام"),
        ("می‌کشد", "میکشد"),
        ("ی", "ي"),
        ("١٤", "14"),
        ("14yo", "14 yo"),
        ("s.o.s", "SOS"),
        ("ΐ", "ΐ"),
        ("ﬁne", "fine"),
    ],
)
def test_spellings_are_folded_together(left: str, right: str) -> None:
    assert normalise(left) == normalise(right)


def test_sentences_end_but_dots_of_hesitation_do_not() -> None:
    assert normalise("Stop! Now... go.\nYes") == " stop . now go . yes "
    assert normalise("") == " "


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("boat", "the BOAT is here", True),
        ("boat", "boats", False),
        ("boat*", "boats", True),
        ("no water", "there is no water", True),
        ("no water", "no more water", False),
        ("(red|dark blue) door", "a dark blue door", True),
        ("very? cold", "it is cold", True),
        ("(very|so)? cold", "so cold", True),
        ("he ... beats", "he always really beats", True),
        ("he ...2 beats", "he one two three beats", False),
        ("he ... beats", "that is he. nobody beats", False),
        ("boat & sinking", "it is sinking. our boat", True),
        ("boat & sinking", "boat " + "word " * 20 + "sinking", False),
        ("a & b & c", "c x b x a", True),
        ("#1-17 years", "I am 15 years old", True),
        ("#1-17 years", "I am 18 years old", False),
        ("# euros", "1200 euros", True),
        ("<kin> died", "my sister died", True),
    ],
)
def test_each_sign_of_the_language(pattern: str, text: str, expected: bool) -> None:
    assert found(pattern, text, words={"kin": "my (brother|sister)"}) is expected


@pytest.mark.parametrize("text", ["شرطة", "الشرطة", "والشرطة", "للشرطة", "بالشرطة", "شرطتهم"])
def test_arabic_words_take_prefixes_and_pronouns(text: str) -> None:
    assert found("شرطة", text, "ar")


@pytest.mark.parametrize("text", ["ضرب", "يضربني", "بيضربني", "كيضربونا", "ضربوني", "وضربها", "تضربني"])
def test_arabic_verbs_take_prefixes_endings_and_pronouns(text: str) -> None:
    assert found("~ضرب", text, "ar")


def test_an_exact_arabic_word_takes_only_the_conjunction() -> None:
    assert found("=ضرب", "وضرب", "ar")
    assert not found("=ضرب", "ضربني", "ar")


def test_short_arabic_words_take_fewer_prefixes() -> None:
    assert not found("يئست", "كيست", "ar")


@pytest.mark.parametrize("text", ["agresse", "m'agresse", "qu'agresse", "j agresse"])
def test_french_words_take_an_elided_letter(text: str) -> None:
    assert found("agresse", text, "fr")


def test_two_letter_french_words_are_not_found_inside_others() -> None:
    assert not found("on", "mon", "fr")
    assert found("on", "qu'on", "fr")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(a",
        "a)",
        "a | | b",
        "<nobody>",
        "a & b & c & d",
        "a & b | c",
        "(a)?",
        "...",
        "#5-1",
        "#1-900",
        "lab*r",
        "?",
        "=",
        "!",
    ],
)
def test_a_pattern_that_makes_no_sense_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern, language="en")


def test_a_list_that_contains_itself_is_refused() -> None:
    with pytest.raises(PatternError, match="contains itself"):
        compile_pattern("<a>", language="en", words={"a": "x <b>", "b": "<a> y"})


def test_a_whole_message_holds_nothing_else() -> None:
    yes = compile_whole("yes|of course", "please|sir", language="en")
    assert yes.matches(normalise("Yes please, sir!"))
    assert yes.matches(normalise("of course"))
    assert not yes.matches(normalise("please"))
    assert not yes.matches(normalise("yes and no"))
