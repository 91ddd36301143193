"""Read a folder of documents; one bad file never stops the batch.

Curated texts (the starter library) must state everything and cite listed hosts only. An organisation's own files may have no
front matter at all: title and language are then found in the text.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regex
from lingua import Language, LanguageDetector, LanguageDetectorBuilder

from knowledge import citations, frontmatter
from knowledge.chunking import first_heading
from knowledge.errors import InvalidDocument, Problem
from knowledge.frontmatter import Head
from knowledge.passages import Audience, Document, Source, sealed

SUFFIXES = frozenset({".md", ".txt"})
MAX_BYTES = 5 * 1024 * 1024
MAX_PATH = 512
"""Characters of the column that keeps a document's path."""
DETECTED_FROM = 2_000
"""Characters the language is told from: more adds seconds, not certainty."""

_LANGUAGES = {
    Language.ENGLISH: "en", Language.FRENCH: "fr", Language.SPANISH: "es", Language.ARABIC: "ar", Language.PERSIAN: "fa",
    Language.URDU: "ur", Language.UKRAINIAN: "uk", Language.RUSSIAN: "ru", Language.PORTUGUESE: "pt", Language.SWAHILI: "sw",
    Language.SOMALI: "so", Language.TURKISH: "tr", Language.HINDI: "hi", Language.BENGALI: "bn", Language.CHINESE: "zh",
    Language.VIETNAMESE: "vi", Language.THAI: "th", Language.GREEK: "el", Language.GERMAN: "de", Language.ITALIAN: "it",
    Language.ROMANIAN: "ro", Language.POLISH: "pl",
}  # fmt: skip
_LETTERS = regex.compile(r"\p{L}")
_ETHIOPIC = regex.compile(r"\p{Script=Ethiopic}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What a folder held."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def read_folder(
    folder: Path, *, collection: str, audience: Audience, language: str | None = None, curated: bool = False
) -> ReadReport:
    """Read every ``*.md`` and ``*.txt`` below ``folder``, sorted by path; README.md and dot-files are skipped.

    Args:
        audience: of every document; a file whose front matter names another is a problem.
        language: of documents whose front matter names none; None = detected for each.
        curated: demand full front matter and listed https addresses.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*"), key=lambda found: found.relative_to(folder).as_posix()):
        inside = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or path.name == "README.md" or _is_hidden(inside) or not path.is_file():
            continue
        try:
            documents.append(
                _read(path, inside.as_posix(), collection=collection, audience=audience, language=language, curated=curated)
            )
        except InvalidDocument as exc:
            problems.extend(exc.problems)
    return ReadReport(documents=tuple(documents), problems=tuple(problems))


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text; English when there are no words to tell it from."""
    sample = text[:DETECTED_FROM]
    letters = len(_LETTERS.findall(sample))
    if len(_ETHIOPIC.findall(sample)) * 2 > letters:
        return "am"  # lingua has no model of an Ethiopic script
    found = _detector().detect_language_of(sample)
    return _LANGUAGES[found] if found else "en"


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*_LANGUAGES).build()


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read(path: Path, name: str, *, collection: str, audience: Audience, language: str | None, curated: bool) -> Document:
    if len(name) > MAX_PATH:
        raise _problem(name, f"has a path of {len(name)} characters, at most {MAX_PATH} are kept: shorten its folders")
    text = _text(path, name)
    yaml_text, body, body_line = frontmatter.split(text)
    if yaml_text is None and curated:
        raise _problem(name, "has no front matter: begin with --- and the keys of knowledge/library/README.md")
    if yaml_text is not None and not curated and not _looks_like_head(yaml_text):
        yaml_text, body, body_line = None, text, 1  # a rule at the top of a text, not a front matter
    head = frontmatter.parse(yaml_text, path=name, curated=curated) if yaml_text is not None else Head()
    body = body.strip()
    if not body:
        raise _problem(name, "has no text: write some or remove the file", line=body_line)
    if yaml_text is not None and (found := _disagreements(head, yaml_text, name, audience, curated=curated)):
        raise InvalidDocument.of(found)
    return _document(head, body, collection=collection, path=name, audience=audience, language=language)


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _problem(name, f"is larger than {MAX_BYTES // 1024 // 1024} MB: divide it")
        raw = path.read_bytes()
    except OSError as exc:
        raise _problem(name, f"cannot be read: {exc.strerror}") from exc
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise _problem(name, "is not UTF-8: save it as UTF-8", line=line) from exc
    if "\0" in text:  # PostgreSQL keeps no NUL, and no text has one
        line = text[: text.index("\0")].count("\n") + 1
        raise _problem(name, "holds zero bytes, so it is no text: save it as UTF-8", line=line)
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def _looks_like_head(yaml_text: str) -> bool:
    return bool(regex.match(r"\s*(#.*\n\s*)*[a-z_]+:(\s|$)", yaml_text))


def _disagreements(head: Head, yaml_text: str, name: str, audience: Audience, *, curated: bool) -> list[Problem]:
    found = []
    if head.audience is not None and head.audience != audience:
        text = f"{head.audience} here, but the folder is read as {audience}: correct one of them"
        found.append(Problem(path=name, key="audience", line=frontmatter.line_of(yaml_text, "audience"), text=text))
    for number, source in enumerate(head.sources):
        if curated and (reason := citations.check_url(source.url)):
            line = frontmatter.line_of(yaml_text, "sources", number, "url")
            found.append(Problem(path=name, key=f"sources.{number}.url", line=line, text=reason))
    return found


def _document(head: Head, body: str, *, collection: str, path: str, audience: Audience, language: str | None) -> Document:
    return sealed(
        Document(
            collection=collection, path=path, topic=head.topic, title=head.title or first_heading(body) or Path(path).stem,
            language=head.language or language or detect_language(body), audience=audience, kind=head.kind,
            sources=tuple(Source(**source.model_dump()) for source in head.sources),
            checked=head.checked, review_due=head.review_due, effective_from=head.effective_from,
            effective_until=head.effective_until, owner=head.owner, reviewed_by=tuple(head.reviewed_by),
            sensitivity=head.sensitivity, time_sensitive=head.time_sensitive, depends_on=tuple(head.depends_on),
            translation_of=head.translation_of, phrasings=tuple(head.phrasings), supersedes=head.supersedes, body=body,
        )
    )  # fmt: skip


def _problem(name: str, text: str, line: int = 1) -> InvalidDocument:
    return InvalidDocument.of([Problem(path=name, key="", line=line, text=text)])
