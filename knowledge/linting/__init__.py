"""Is the library fit to be shown: what a schema cannot see of entries, cards and the register of gaps.

``knowledge.reading`` refuses heads that are incomplete and addresses off the list of hosts. Here a second look is taken at what a
careful editor would mark: a direct answer too long or too hard to read, a promise, a telephone number in a text, a phrasing that
leads to two entries, a translation that says something else than its original, a day of review that has passed.
"""

from datetime import date
from pathlib import Path

from knowledge.errors import Problem
from knowledge.linting.between import LIBRARY_RULES
from knowledge.linting.cards import card_problems
from knowledge.linting.entries import ENTRY_RULES
from knowledge.linting.marks import file_of, placed
from knowledge.linting.translations import translation_problems
from knowledge.linting.words import banned, grade
from knowledge.starter import FOLDER, read_library

__all__ = ["banned", "grade", "lint"]


def lint(folder: Path = FOLDER, *, on: date) -> list[Problem]:
    """Return everything to mend in a library as it stands on a day, by file and line; paths are below ``folder``."""
    library = read_library(folder)
    marked = [
        placed(folder, file_of(entry), mark) for entry in library.entries for rule in ENTRY_RULES for mark in rule(entry, on)
    ]
    between = [placed(folder, path, mark) for rule in LIBRARY_RULES for path, mark in rule(library)]
    found = [
        *library.problems,
        *library.gap_problems,
        *marked,
        *between,
        *translation_problems(library, folder),
        *card_problems(folder, on),
    ]
    return sorted(found, key=lambda problem: (problem.path, problem.line, problem.key, problem.text))
