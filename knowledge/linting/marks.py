"""What is to be mended, and where it stands."""

from dataclasses import dataclass
from pathlib import Path

import regex

from knowledge.errors import Problem
from knowledge.frontmatter import split
from knowledge.passages import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing to mend in an entry; ``at`` is a piece of the file, to find the line."""

    key: str
    at: str
    text: str


def placed(folder: Path, path: str, mark: Mark) -> Problem:
    """Find the line: of a mark in the text below the head, of one in the head anywhere."""
    text = (folder / path).read_bytes().decode("utf-8", "replace")
    start = 0 if mark.key else len(text) - len(split(text)[1])
    place = text.find(mark.at, start)
    return Problem(path=path, key=mark.key, line=text.count("\n", 0, max(place, start)) + 1, text=mark.text)


def file_of(entry: Document) -> str:
    """Return the path of an entry below the library's folder."""
    return f"{entry.collection}/{entry.path}"


def lead_of(body: str) -> str:
    """Return the direct answer: what stands before the first heading."""
    return str(regex.split(r"(?m)^#+ ", body, maxsplit=1)[0]).strip()
