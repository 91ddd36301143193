"""A translation that says something else than its English is found, as far as numbers, shape, length and script tell."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.knowledge.library_samples import FRENCH, TODAY, a_translation, an_entry, put, the_only

from knowledge.direction import misdirected, without_isolates
from knowledge.linting import lint

FR = "pathways/fr/P07-visas.md"
PERSIAN = """\
هر کشور ویزاهای خودش را دارد. از دفتر کشوری که می‌خواهید به آن بروید بپرسید. هیچ‌کس نمی‌تواند ویزا به شما بفروشد.

## جزئیات

- قانون‌ها فرق می‌کنند. دفتر تصمیم می‌گیرد.
"""
TIGRINYA = """\
ነፍሲ ወከፍ ሃገር ናይ ገዛእ ርእሳ ቪዛ ኣለዋ። ናብኣ ክትከዱ እትደልዩ ሃገር ቤት ጽሕፈታ ሕተቱ። ዋላ ሓደ ሰብ ቪዛ ክሸጠልኩም ኣይክእልን እዩ።

## ዝርዝር

- ሕግታት ካብ ሃገር ናብ ሃገር ይፈላለ። እቲ ቤት ጽሕፈት ይውስን።
"""


SABOTAGES = {
    "a number more": ("Le bureau décide.", "Le bureau décide en 30 jours.", "30 does not stand in the English"),
    "a point lost": (
        "- Les règles sont différentes. Le bureau décide.\n",
        "Les règles sont différentes.\n",
        "0 points, the English has 1",
    ),
    "a point more": ("Le bureau décide.", "Le bureau décide.\n- Il répond.", "2 points, the English has 1"),
    "a section lost": ("## Détails\n\n", "", "0 headings, the English has 1"),
    "half of it": ("Demandez au bureau du pays où vous voulez aller. Personne ne peut vous en vendre un.", "", "times as long"),
    "far more": ("Le bureau décide.", "Le bureau décide. " + "Il peut vous le dire par écrit. " * 8, "times as long"),
    "another day": ("checked: 2026-11-20", "checked: 2026-11-19", "in English 2026-11-20"),
    "another grade": ("sensitivity: green", "sensitivity: red", "in English green"),
    "another source": ("www.iom.int/visas", "www.iom.int/other", "cites other addresses"),
    "left in English": (FRENCH, an_entry("P07", "visa").partition("\n---\n")[2], "the text looks like en"),
    "a turned text": ("Le bureau", "Le \u202ebureau", "U+202E turns what follows"),
    "half an isolate": ("Le bureau", "Le \u2066bureau", "U+2066 without its other half"),
}


@pytest.mark.parametrize(("old", "new", "said"), SABOTAGES.values(), ids=SABOTAGES)
def test_what_differs_is_named_in_the_translation(library: Path, old: str, new: str, said: str) -> None:
    assert lint(library, on=TODAY) == []
    put(library, FR, old, new)
    assert FR in {problem.path for problem in lint(library, on=TODAY) if said in problem.text}


def test_a_number_lost_is_named(library: Path) -> None:
    put(library, "pathways/en/P07-visas.md", "The office decides.", "The office decides within 1,000 days of 2026.")
    put(library, FR, "Le bureau décide.", "Le bureau décide dans les 1 000 jours.")
    assert the_only(lint(library, on=TODAY)).text.startswith("2026 of the English is missing")


@pytest.mark.parametrize(("language", "body"), [("fa", PERSIAN), ("ti", TIGRINYA)])
def test_other_scripts_are_recognised_and_told_apart(library: Path, language: str, body: str) -> None:
    path = library / f"pathways/{language}/P07-visas.md"
    path.parent.mkdir()
    path.write_text(a_translation("P07", "visa", "en/P07-visas.md", language=language, body=body), encoding="utf-8")
    assert [str(problem) for problem in lint(library, on=TODAY) if "cards/" not in problem.path] == []
    wrong = {"fa": "ar", "ti": "am"}[language]
    put(library, f"pathways/{language}/P07-visas.md", f"language: {language}", f"language: {wrong}")
    assert any(f"looks like {language}" in problem.text for problem in lint(library, on=TODAY))
    put(library, f"pathways/{language}/P07-visas.md", f"language: {wrong}", "language: ru")
    assert any("not in Cyrillic script" in problem.text for problem in lint(library, on=TODAY))


def test_what_the_plan_asks_for_and_is_not_there_is_named(library: Path) -> None:
    (library / "languages.yaml").write_text("everything: [en, fr]\nurgent: [fa]\nurgent_topics: [P07]\n")
    assert the_only(lint(library, on=TODAY)).text.startswith("P07 is missing in fa")
    (library / "languages.yaml").write_text("everything: [en]\nurgent: []\nurgent_topics: []\n")
    found = the_only(lint(library, on=TODAY))
    assert (found.path, found.key) == (FR, "language")
    (library / "languages.yaml").write_text("everything: []\n")
    assert the_only(lint(library, on=TODAY)).path == "languages.yaml"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("اتصل بالرقم \u2066112\u2069 الآن", []),
        ("اتصل بالرقم 112 الآن", ["112"]),
        ("موقع \u2066help.unhcr.org\u2069 أو \u2068UNHCR\u2069.", []),
        ("موقع help.unhcr.org أو UNHCR.", ["help.unhcr.org", "UNHCR"]),
        ("بريد @\u2066iom.int\u2069 وأمر \u2066/forget\u2069", ["@"]),
        ("نسبة \u20662\u2069% و @iom.int", ["%", "@iom.int"]),
        ("من \u20662\n4\u2069 إلى", ["\u2066", "\u2069", "2", "4"]),
        ("الموقع:\nhelp.unhcr.org", []),
    ],
)
def test_names_and_numbers_in_a_right_to_left_text_are_isolated(text: str, found: list[str]) -> None:
    assert sorted(place for place, _ in misdirected(text, "ar")) == sorted(found)


RUNS = st.text("ابتثجح UNHCR112 .-", min_size=1, max_size=12)


def _isolated(runs: list[str]) -> Iterator[str]:
    yield from (run if not any(one in "UNHCR12" for one in run) else f"\u2066{run}\u2069" for run in runs)


@given(st.lists(RUNS))
def test_isolating_what_is_foreign_is_enough_and_taking_isolates_out_gives_the_text_back(runs: list[str]) -> None:
    text = " ".join(_isolated(runs))
    assert list(misdirected(text, "ar")) == []
    assert without_isolates(text) == " ".join(runs)
