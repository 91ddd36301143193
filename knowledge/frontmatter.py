"""Front matter: the schema of a document's head, and errors that name file, key and line.

Two strictnesses, one schema: a curated text states everything, an organisation's own file may state any part of it. Unknown keys
are refused in both, because a misspelt ``effective_until`` would otherwise show a text for ever.

A text carries its head above it, between fences. A PDF, a Word file or a web page cannot: theirs stands beside it, in a file that
holds nothing else (:mod:`knowledge.reading.sidecar`).
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from knowledge.errors import InvalidDocument, Problem
from knowledge.passages import Authority

FENCE = "---"
BELOW_FENCE = 2
"""Line of a text's file on which its front matter begins; in a file of its own it begins on line 1."""
_TOPIC = re.compile(r"P\d{2}|\d{1,2}\.\d{1,2}")

Dependency = Literal["country", "status", "service", "relation", "age", "deadline"]
Location = tuple[str | int, ...]


def _check_topic(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError(f"{value} is a number here (6.10 unquoted is read as 6.1): put it in quotes")
    if not isinstance(value, str) or not _TOPIC.fullmatch(value):
        raise ValueError('write "P" and two digits ("P08"), or the number of a manual entry ("6.10"), in quotes')
    return value


Topic = Annotated[str, BeforeValidator(_check_topic)]


def _check_text(value: str) -> str:
    if "\0" in value:  # YAML writes one as \0; PostgreSQL keeps none, and no text has one
        raise ValueError("holds a zero byte: take it out")
    return value


Text = Annotated[str, Field(min_length=1), AfterValidator(_check_text)]
Name = Annotated[str, Field(max_length=64), AfterValidator(_check_text)]
Path = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_check_text)]
"""Name and path are no longer than their columns: SQLite would keep more, PostgreSQL would refuse the whole folder."""
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class SourceHead(BaseModel):
    """One source as the front matter states it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Text
    url: Text
    publisher: Text
    page_date: date | None = None


class Head(BaseModel):
    """Front matter of an organisation's own file: every key may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    topic: Topic | None = None
    title: Text | None = None
    language: Language | None = None
    audience: Literal["public", "staff", "security"] | None = None
    kind: Literal["topic", "manual", "document"] = "document"
    authority: Annotated[Authority, Field(strict=False)] = Authority.GUIDANCE
    sources: list[SourceHead] = []
    checked: date | None = None
    review_due: date | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    owner: Name = ""
    reviewed_by: list[Text] = []
    sensitivity: Literal["green", "yellow", "red"] = "green"
    time_sensitive: bool = False
    depends_on: list[Dependency] = []
    translation_of: Path | None = None
    phrasings: list[Text] = []
    supersedes: Path | None = None

    @model_validator(mode="after")
    def _dates_in_order(self) -> "Head":
        for first, second in (("checked", "review_due"), ("effective_from", "effective_until")):
            earlier, later = getattr(self, first), getattr(self, second)
            if earlier and later and later < earlier:
                raise ValueError(f"{second} {later} is before {first} {earlier}: correct one of them")
        return self


class CuratedHead(Head):
    """Front matter of a curated text: everything that decides whether it may be shown is stated."""

    topic: Topic
    title: Text
    language: Language
    audience: Literal["public", "staff", "security"]
    kind: Literal["topic", "manual", "document"]
    sources: Annotated[list[SourceHead], Field(min_length=1)]
    checked: date
    review_due: date
    effective_from: date
    owner: Annotated[Name, Field(min_length=1)]
    reviewed_by: list[Text]
    sensitivity: Literal["green", "yellow", "red"]
    time_sensitive: bool
    depends_on: list[Dependency]
    phrasings: list[Text]


def split(text: str) -> tuple[str | None, str, int]:
    """Return the YAML of the front matter (None without one), the body, and the file's line on which the body starts."""
    if text.startswith(FENCE + "\n"):
        head, fence, body = text[len(FENCE) + 1 :].partition(f"\n{FENCE}\n")
        if fence:
            return head, body, head.count("\n") + 4
    return None, text, 1


def parse(yaml_text: str, *, path: str, curated: bool, first_line: int = BELOW_FENCE) -> Head:
    """Return the checked front matter, which begins on ``first_line`` of the file.

    Raises:
        InvalidDocument: every problem, with its key and its line in the file.
    """
    try:
        root = yaml.compose(yaml_text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(yaml_text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise InvalidDocument.of([_unreadable(path, exc, first_line)]) from exc
    if not isinstance(values, dict) or not isinstance(root, yaml.MappingNode):
        raise InvalidDocument.of([Problem(path=path, key="", line=first_line, text="front matter must be lines of `key: value`")])
    lines = dict(_lines(root, first_line))
    twice = [Problem(path=path, key=key, line=line, text="stands twice: keep one") for key, line in _duplicates(root, first_line)]
    try:
        head = (CuratedHead if curated else Head).model_validate(values)
    except ValidationError as exc:
        raise InvalidDocument.of([*twice, *_problems(exc, path, lines)]) from exc
    if twice:
        raise InvalidDocument.of(twice)
    return head


def line_of(yaml_text: str, *location: str | int, first_line: int = BELOW_FENCE) -> int:
    """Return the file's line of a key, for problems found after parsing."""
    root = yaml.compose(yaml_text, Loader=yaml.SafeLoader)
    return dict(_lines(root, first_line)).get(location, first_line) if root else first_line


def _lines(node: yaml.Node, first_line: int, at: Location = ()) -> Iterator[tuple[Location, int]]:
    """Yield where each value stands; YAML counts from 0."""
    yield at, node.start_mark.line + first_line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, first_line, (*at, key.value))
            yield (*at, key.value), key.start_mark.line + first_line
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, first_line, (*at, number))


def _duplicates(root: yaml.MappingNode, first_line: int) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for key, _ in root.value:
        if key.value in seen:
            yield key.value, key.start_mark.line + first_line
        seen.add(key.value)


def _unreadable(path: str, exc: Exception, first_line: int) -> Problem:
    mark = getattr(exc, "problem_mark", None)
    detail = getattr(exc, "problem", None) or ("nested too deep" if isinstance(exc, RecursionError) else str(exc))
    return Problem(path=path, key="", line=first_line + (mark.line if mark else 0), text=f"front matter is not YAML: {detail}")


def _problems(error: ValidationError, path: str, lines: dict[Location, int]) -> list[Problem]:
    found = []
    for item in error.errors():
        at = tuple(item["loc"])
        near = at
        while near not in lines:
            near = near[:-1]
        key = ".".join(str(part) for part in at)
        found.append(Problem(path=path, key=key, line=lines[near], text=_remedy(item["type"], item["msg"], item.get("input"))))
    return found


def _remedy(kind: str, message: str, value: Any) -> str:
    match kind:
        case "missing":
            return "is missing: add it"
        case "extra_forbidden":
            return f"unknown key: correct it or take it out; known keys are {', '.join(Head.model_fields)}"
        case "string_type" if isinstance(value, bool | int | float):
            return f"{value!r} is not text here: put it in quotes"
        case _:
            return message.removeprefix("Value error, ")
