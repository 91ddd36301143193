"""The library Waypost ships: where it lies, what it holds, and what it is known to lack."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from knowledge.errors import Problem
from knowledge.frontmatter import Text, Topic
from knowledge.passages import Audience, Document
from knowledge.reading import read_all

FOLDER = Path(__file__).parent / "library"
SHELVES = (("pathways", Audience.PUBLIC), ("manual", Audience.STAFF))
"""Collections, with the audience of their folder."""
GAPS = "gaps.yaml"


class Gap(BaseModel):
    """A topic that is known by its name, and not written because nothing was found to write it from."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    topic: Topic
    title: Text
    why: Text
    ask: Text
    """Whom to ask meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What a library's folder holds, as far as it can be read."""

    entries: tuple[Document, ...]
    gaps: tuple[Gap, ...]
    problems: tuple[Problem, ...]
    """Of entries that could not be read; paths are below the library's folder."""
    gap_problems: tuple[Problem, ...]
    """The same of the register, which is shown to nobody and holds up nothing."""

    def by_path(self) -> dict[tuple[str, str], Document]:
        """Return the entries by collection and path, which is how a translation names its original."""
        return {(entry.collection, entry.path): entry for entry in self.entries}

    def unsigned(self) -> list[str]:
        """Return topic and language of the red entries that nobody has signed."""
        return [
            f"{entry.topic}/{entry.language}" for entry in self.entries if entry.sensitivity == "red" and not entry.reviewed_by
        ]


def read_library(folder: Path = FOLDER) -> Library:
    """Read entries and gaps."""
    reports = [
        (name, read_all(folder / name, collection=name, audience=audience, curated=True))
        for name, audience in SHELVES
        if (folder / name).is_dir()
    ]
    unread = [
        Problem(path=f"{name}/{problem.path}", key=problem.key, line=problem.line, text=problem.text)
        for name, report in reports
        for problem in report.problems
    ]
    gaps, wrong = _read_gaps(folder / GAPS)
    return Library(
        entries=tuple(document for _, report in reports for document in report.documents),
        gaps=tuple(gaps),
        problems=tuple(unread),
        gap_problems=tuple(wrong),
    )


def _read_gaps(path: Path) -> tuple[list[Gap], list[Problem]]:
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))["gaps"] or []
        return [Gap.model_validate(row) for row in rows], []
    except ValidationError as exc:
        first = exc.errors()[0]
        return [], [Problem(path=GAPS, key=".".join(map(str, first["loc"])), line=1, text=f"{first['input']!r}: {first['msg']}")]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as exc:
        return [], [Problem(path=GAPS, key="", line=1, text=f"cannot be read ({exc!r}): restore it")]
