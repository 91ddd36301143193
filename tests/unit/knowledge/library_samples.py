"""A small library in which nothing is to be mended, for tests that spoil one thing of it."""

from datetime import date
from pathlib import Path

from knowledge.errors import Problem

TODAY = date(2026, 11, 28)
ENTRY = """\
---
topic: "{topic}"
title: "Visas in general"
language: {language}
audience: {audience}
kind: topic
sources:
  - title: "Visas"
    url: "https://www.iom.int/visas"
    publisher: "IOM"
checked: 2026-11-20
review_due: 2027-02-10
effective_from: 2026-11-24
owner: knowledge-lead
reviewed_by: []
sensitivity: green
time_sensitive: true
depends_on: []
{translation}phrasings:
{phrasings}
---
Each country has its own visas. Ask the office of the country where you want to go. Nobody can sell you one.

## Details

- The rules differ. The office decides.
"""
FRENCH = """\
Chaque pays a ses propres visas. Demandez au bureau du pays où vous voulez aller. Personne ne peut vous en vendre un.

## Détails

- Les règles sont différentes. Le bureau décide.
"""
CARD = """\
---
category: {category}
language: {language}
owner: protection-lead
reviewed_by: []
version: 1
checked: 2026-11-24
sources: []
---
Thank you for telling me. Call the local emergency number now. Which country are you in?
"""
GAP = 'gaps:\n  - {topic: "1.5", title: "Levels", why: "not found", ask: "the desk"}\n'


def phrasings(word: str, count: int = 14) -> str:
    return "\n".join(f'  - "{word} question number {at}"' for at in range(count))


def an_entry(topic: str, word: str, *, language: str = "en", audience: str = "public", translation: str = "") -> str:
    return ENTRY.format(topic=topic, phrasings=phrasings(word), language=language, audience=audience, translation=translation)


def a_translation(topic: str, word: str, of: str, *, language: str = "fr", body: str = FRENCH) -> str:
    """Return a translation of what ``an_entry`` gives."""
    head = an_entry(topic, word, language=language, translation=f'translation_of: "{of}"\n').partition("\n---\n")[0]
    title = body.partition("\n")[0][:60]
    head = head.replace('title: "Visas in general"', f'title: "{title}"')
    return f"{head}\n---\n{body}"


def write_library(folder: Path) -> Path:
    """Write it and return the folder."""
    files = {
        "pathways/en/P07-visas.md": an_entry("P07", "visa"),
        "pathways/fr/P07-visas.md": a_translation("P07", "visa", "en/P07-visas.md"),
        "manual/en/1.2-frame.md": an_entry("1.2", "frame", audience="staff") + "\n## Links\n\n1.5 and 1.2.\n",
        "cards/en/generic.md": CARD.format(category="generic", language="en"),
        "cards/fr/generic.md": CARD.format(category="generic", language="fr"),
        "cards/numbers.yaml": "numbers: []\n",
        "gaps.yaml": GAP,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def put(folder: Path, name: str, old: str, new: str) -> None:
    """Replace the first ``old`` in one of its files, which must hold it."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def the_only(problems: list[Problem]) -> Problem:
    """Return the one problem there is."""
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]
