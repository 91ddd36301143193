"""The library's coverage as a page and a picture: which topic stands in which language, and what nobody has signed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.adapters.catalogue import YamlCatalogue
from knowledge.cards import CARDS, read_card
from knowledge.passages import Document
from knowledge.starter import FOLDER, Gap, Library

SPOKEN = tuple(YamlCatalogue().native_names())
"""Languages people may choose, in the order of the tables."""
CELL, GAP, LEFT, TOP = 10, 2, 70, 40
NONE, UNSIGNED, SIGNED = "#ffffff", "#7aa6c2", "#1f5673"
MARKS = {"none": "·", "unsigned": "○", "signed": "●"}

Row = tuple[str, dict[str, str]]
"""A topic or a card, and the state of each language in which it is there."""


def page(library: Library) -> str:
    """Return the tables as Markdown."""
    public, staff, cards = _rows(library.entries, "pathways"), _rows(library.entries, "manual"), _cards()
    titles = {entry.topic or "": entry.title for entry in library.entries if entry.language == "en"}
    titles |= {gap.topic: gap.title for gap in library.gaps}
    parts = [
        "# What the library covers\n\nGenerated from `knowledge/library/` by `make docs`.\n"
        f"{MARKS['signed']} signed by a reviewer, {MARKS['unsigned']} written and not signed yet, {MARKS['none']} not there.\n\n"
        "![Coverage: topics and cards by language](img/library-coverage.svg)\n",
        f"## For everybody: {len(public)} topics\n\n{_table(public, titles)}",
        f"## For staff: {len(staff)} entries of the emergency manual\n\n{_table(staff, titles, ('en',))}",
        f"## Emergency cards: {len(cards)} categories\n\n{_table(cards, {})}",
        f"## Known gaps\n\nNot written, because nothing was found that could be cited.\n\n{_gaps(library.gaps)}",
    ]
    return "\n".join(parts)


def picture(library: Library) -> str:
    """Return the same as SVG: a row for each language, a cell for each topic."""
    blocks = [
        ("topics for everybody", _rows(library.entries, "pathways")),
        ("emergency cards", _cards()),
        ("staff entries", _rows(library.entries, "manual")),
    ]
    width = LEFT + max(len(rows) for _, rows in blocks) * (CELL + GAP) + 10
    drawn, top = [], TOP
    for name, rows in blocks:
        languages = ("en",) if name == "staff entries" else SPOKEN
        drawn.append(f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{len(rows)} {name}</text>')
        for line, language in enumerate(languages):
            y = top + line * (CELL + GAP)
            count = sum(language in states for _, states in rows)
            drawn.append(f'<text x="4" y="{y + 9}">{language} {count}</text>')
            drawn += [_cell(LEFT + at * (CELL + GAP), y, topic, language, states) for at, (topic, states) in enumerate(rows)]
        top += len(languages) * (CELL + GAP) + 34
    said = "dark: signed, mid: written and not signed, empty: not there (number: how many stand)"
    legend = f'<text x="{LEFT}" y="14">{said}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top - 20}" font-family="sans-serif" font-size="10" '
        f'role="img" aria-label="Coverage of the library by language">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join([legend, *drawn])
        + "\n</svg>\n"
    )


def _cell(x: int, y: int, topic: str, language: str, states: dict[str, str]) -> str:
    fill = {"signed": SIGNED, "unsigned": UNSIGNED}.get(states.get(language, ""), NONE)
    return (
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{fill}" stroke="#9aa5ad" stroke-width="0.5">'
        f"<title>{topic} {language}: {states.get(language, 'not there')}</title></rect>"
    )


def _rows(entries: Iterable[Document], collection: str) -> list[Row]:
    rows: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.collection == collection and entry.topic:
            rows.setdefault(entry.topic, {})[entry.language] = "signed" if entry.reviewed_by else "unsigned"
    return sorted(rows.items(), key=lambda row: [int(number) for number in row[0].lstrip("P").split(".")])


def _cards(folder: Path = FOLDER / CARDS) -> list[Row]:
    rows: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*/*.md")):
        head, _ = read_card(path)
        rows.setdefault(head.category, {})[head.language] = "signed" if head.reviewed_by else "unsigned"
    return sorted(rows.items())


def _table(rows: Sequence[Row], titles: dict[str, str], languages: Sequence[str] = SPOKEN) -> str:
    heads = ["", *(["title"] if titles else []), *languages]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for topic, states in rows:
        marks = [MARKS[states.get(language, "none")] for language in languages]
        lines.append(f"| {' | '.join([topic, *([titles.get(topic, '')] if titles else []), *marks])} |")
    return "\n".join(lines) + "\n"


def _gaps(gaps: Sequence[Gap]) -> str:
    lines = ["| topic | title | why | ask meanwhile |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {gap.topic} | {gap.title} | {gap.why} | {gap.ask} |" for gap in gaps)]) + "\n"
